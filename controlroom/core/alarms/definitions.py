"""Alarm definitions: delays, latch, priority and guidance, from a TOML file over built-in defaults.

::

    [defaults]                  # every alarm
    off_delay_s = 30

    [[alarm]]                   # every alarm that all given patterns match; a later entry wins over an earlier one
    sensor_type = "temperature" # patterns: * and ? and [abc], as in file names
    sensor = "temp-*"
    kind = "limit"
    on_delay_s = 5
    latching = true
    cause = "Cooling water lost"
    action = "Open valve V-12, then call maintenance"
    limits = { warning_high = 35, critical_high = 40 }

    [common_cause]              # when silent sensors of one zone, gateway or partition are one alarm
    min_count = 3

Definitions hold no state: a new file takes effect at the next step, and a delay that runs already ends as it began.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from controlroom.core.alarms.common_cause import GROUP_KIND, GroupPolicy
from controlroom.core.alarms.documents import validated
from controlroom.core.alarms.model import DELIVERY_KIND, DROPPED_KIND, INTAKE_KINDS, NO_DATA_KIND, Priority, Severity

__all__ = ["Definition", "Definitions", "Limits", "parse_definitions"]

_Seconds = Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)]
_Limit = Annotated[float, Field(allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Model):
    """Limits of the kind ``limit``, in the sensor's unit; a missing one means what the readings carry, or none."""

    warning_high: _Limit | None = None
    critical_high: _Limit | None = None
    warning_low: _Limit | None = None
    critical_low: _Limit | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        given = [
            (name, value)
            for name in ("critical_low", "warning_low", "warning_high", "critical_high")
            if (value := getattr(self, name)) is not None
        ]
        for (low, a), (high, b) in pairwise(given):
            if a >= b:
                raise ValueError(f"{low} = {a:g} must be below {high} = {b:g}")
        return self


class Definition(_Model):
    """How one alarm behaves, and what its operator should know."""

    on_delay_s: _Seconds = 0.0
    """Event time that a condition must last before it is an alarm."""
    off_delay_s: _Seconds = 30.0
    """Event time that a condition must be gone before the alarm returns to normal."""
    deadband: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Fraction of the outer limit by which a value must be back inside. Neither this nor ``deadband_abs``: a tenth of
    the distance between warning and critical, or 1 % of the limit where there is but one."""
    deadband_abs: _Limit | None = Field(default=None, ge=0)
    """The same in the sensor's unit; takes the place of ``deadband`` when given."""
    latching: bool = False
    re_alarm_s: _Seconds = 0.0
    """Wall-clock time after which an acked alarm that still stands is un-acked again; 0 is never."""
    chatter_count: Annotated[int, Field(ge=2, le=100)] = 3
    chatter_window_s: _Seconds = 60.0
    stale_s: _Seconds = 86_400.0
    """Event time after which an active alarm counts as stale."""
    recurrence_rings: bool = False
    """Whether an alarm that fires again before its first ack rings again. Off: the first ring is still unanswered."""
    max_shelve_s: _Seconds = 86_400.0
    shelve_warning_s: _Seconds = 300.0
    priority_warning: Priority = Priority.LOW
    priority_critical: Priority = Priority.HIGH
    limits: Limits = Limits()
    cause: str = ""
    consequence: str = ""
    action: str = ""
    runbook: str = ""
    allowed_response_s: _Seconds = 0.0
    """Time the operator has to act; 0 is "not stated"."""

    def priority(self, severity: Severity) -> Priority:
        """The priority of an occurrence of this severity."""
        return self.priority_warning if severity is Severity.WARNING else self.priority_critical


class _Rule(Definition):
    sensor: str = "*"
    sensor_type: str = "*"
    kind: str = "*"

    def matches(self, sensor_type: str, kind: str) -> bool:
        """Whether it is about such alarms of such sensors; which sensors, `sensor` says."""
        return (self.kind == "*" or fnmatchcase(kind, self.kind)) and (
            self.sensor_type == "*" or fnmatchcase(sensor_type, self.sensor_type)
        )

    def settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set - {"sensor", "sensor_type", "kind"}}


class _File(_Model):
    defaults: Definition = Definition()
    alarm: list[_Rule] = []
    common_cause: GroupPolicy = GroupPolicy()


_MESSAGE_KINDS = ("late", "duplicate", "order", "corrupt")
_LIMIT_KINDS = ("limit", "rail")

_BUILT_IN = (
    # A statistical finding is a hint, not a limit that someone engineered: it never takes the highest priority.
    _Rule(kind="*", priority_critical=Priority.MEDIUM),
    *(_Rule(kind=kind, priority_critical=Priority.HIGH) for kind in _LIMIT_KINDS),
    # Faults of the messages are for maintenance; they come and go with the network.
    *(_Rule(kind=kind, priority_critical=Priority.LOW, off_delay_s=60.0) for kind in _MESSAGE_KINDS),
    # Long enough that a common cause is found before each of its sensors rings for itself.
    _Rule(kind=NO_DATA_KIND, on_delay_s=15.0, off_delay_s=10.0),
    _Rule(kind=GROUP_KIND, priority_critical=Priority.HIGH, off_delay_s=10.0),
)


# No reading moves these, so no delay of theirs could end: whatever the file says.
_TIMELESS = tuple(
    _Rule(kind=kind, on_delay_s=0.0, off_delay_s=0.0) for kind in (DELIVERY_KIND, DROPPED_KIND, *INTAKE_KINDS)
)


#: Types of sensors come from outside: so many are remembered with what is said of them, then it is looked up anew.
_MOST_KNOWN = 4096


class Definitions:
    """All definitions of a plant: ``resolve`` finds the one of an alarm."""

    def __init__(
        self,
        defaults: Definition | None = None,
        rules: tuple[_Rule, ...] = (),
        common_cause: GroupPolicy | None = None,
    ) -> None:
        self.common_cause = common_cause if common_cause is not None else GroupPolicy()
        overall = defaults if defaults is not None else Definition()
        everywhere = _Rule.model_construct(
            _fields_set=set(overall.model_fields_set),
            **{name: getattr(overall, name) for name in overall.model_fields_set},
        )
        self._rules = (*_BUILT_IN, everywhere, *rules, *_TIMELESS)
        self._merged: dict[tuple[int, ...], Definition] = {}
        #: (type, kind) -> the rules about these, each with the pattern of its sensors; "" where it is about all
        self._about: dict[tuple[str, str], tuple[tuple[int, str], ...]] = {}

    def adopt(self, other: Definitions) -> None:
        """Say from now on what ``other`` says; whoever holds these definitions goes on with the new ones.

        Alarms keep their state.
        """
        self.common_cause = other.common_cause
        self._rules, self._merged, self._about = other._rules, {}, {}

    def resolve(self, sensor_id: str, sensor_type: str, kind: str) -> Definition:
        """The definition of the alarm ``kind`` of a sensor: built-in, then ``[defaults]``, then each match in order."""
        about = self._about.get((sensor_type, kind))
        if about is None:
            if len(self._about) >= _MOST_KNOWN:
                self._about.clear()
            about = self._about[sensor_type, kind] = tuple(
                (i, "" if rule.sensor == "*" else rule.sensor)
                for i, rule in enumerate(self._rules)
                if rule.matches(sensor_type, kind)
            )
        key = tuple([i for i, sensors in about if not sensors or fnmatchcase(sensor_id, sensors)])
        found = self._merged.get(key)  # as many entries as there are combinations of rules, not as there are sensors
        if found is None:
            settings: dict[str, Any] = {}
            for i in key:
                settings |= self._rules[i].settings()
            found = self._merged[key] = Definition.model_construct(**settings)
        return found

    def alike(self, sensor_id: str, sensor_type: str, kind: str, other: str) -> bool:
        """Whether two kinds of a sensor's alarms have the same definition."""
        return self.resolve(sensor_id, sensor_type, kind) == self.resolve(sensor_id, sensor_type, other)


def parse_definitions(text: str, source: str = "alarm definitions") -> Definitions:
    """Definitions from TOML text; ``source`` names the file in errors. Raises ConfigError that names the key."""
    file = validated(_File, text, source)
    return Definitions(file.defaults, tuple(file.alarm), file.common_cause)
