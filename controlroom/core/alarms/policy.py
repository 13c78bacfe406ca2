"""Who is told of alarms: receivers, escalation, digests, quiet hours, rate limits and floods, from TOML.

::

    [[receiver]]
    name = "shift"
    url = "mailtos://user:secret@example.com"   # or url_env = "SHIFT_URL": the name of an environment variable
    tags = ["operator"]
    min_severity = "warning"
    sensor = "*"
    kind = "*"
    digest_s = 900
    quiet = ["22:00-06:00"]
    timezone = "Europe/Berlin"

    [[receiver]]
    name = "manager"
    url_env = "MANAGER_URL"
    tags = ["manager"]
    raises = false              # told only of what escalates to it

    [[escalation]]              # each step after the one before; the last repeats until the alarm is acked
    wait_s = 300
    tags = ["operator"]         # none: every receiver that the alarm goes to

    [[escalation]]
    wait_s = 600
    tags = ["operator", "manager"]

    [flood]
    starts_above = 10
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from controlroom.core.alarms.documents import validated
from controlroom.core.alarms.model import Severity

__all__ = ["EscalationStep", "FloodPolicy", "Policy", "QuietHours", "Receiver", "parse_policy"]

_Seconds = Annotated[float, Field(ge=0, le=604_800, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QuietHours(_Model):
    """Local hours of the day, ``begin`` included and ``end`` not; over midnight when the end comes first."""

    begin: time
    end: time

    def holds_until(self, at: float, zone: ZoneInfo) -> float:
        """The end of the quiet hours that ``at`` (seconds since the epoch) falls in; ``at`` itself outside of them."""
        local = datetime.fromtimestamp(at, zone)
        clock = local.time()
        over_midnight = self.end <= self.begin
        inside = (clock >= self.begin or clock < self.end) if over_midnight else self.begin <= clock < self.end
        if not inside:
            return at
        day = local.date() + timedelta(days=1 if over_midnight and clock >= self.begin else 0)
        return datetime.combine(day, self.end, zone).astimezone(UTC).timestamp()


def _hours(value: Any) -> Any:  # noqa: ANN401  # what TOML holds; pydantic refuses what is not a text of hours
    if isinstance(value, str):
        begin, dash, end = value.partition("-")
        if not dash:
            raise ValueError("must read like 22:00-06:00")
        return {"begin": begin.strip(), "end": end.strip()}
    return value


class Receiver(_Model):
    """One place that notifications go to."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
    url: SecretStr | None = None
    url_env: str = ""
    """Name of the environment variable that holds the URL, so that no secret need be in the file."""
    tags: tuple[str, ...] = ()
    raises: bool = True
    """Whether it is told at once. Off: only of what escalates to it, and then of its ack and its end."""
    min_severity: Severity = Severity.WARNING
    sensor: str = "*"
    kind: str = "*"
    drills: bool = True
    """Whether alarms of injected faults are sent too; they are marked as such."""
    digest_s: _Seconds = 900.0
    """Warnings are gathered for so long; 0 sends them at once."""
    quiet: tuple[Annotated[QuietHours, BeforeValidator(_hours)], ...] = ()
    timezone: str = "UTC"
    rate_limit: Annotated[int, Field(ge=1, le=1000)] = 6
    rate_window_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone is called {name!r}") from None
        return name

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if (self.url is None) == (not self.url_env):
            raise ValueError("needs either url or url_env")
        return self

    def wants(self, sensor_id: str, kinds: Iterable[str], severity: Severity, *, simulated: bool) -> bool:
        """Whether an alarm with this peak severity goes here. What wants a warning wants its rise to critical too.

        Args:
            sensor_id: whose alarm.
            kinds: all kinds that found it.
            severity: its peak.
            simulated: whether it is of a drill.
        """
        return (
            severity.rank >= self.min_severity.rank
            and (self.drills or not simulated)
            and fnmatchcase(sensor_id, self.sensor)
            and any(self.wants_kind(kind) for kind in kinds)
        )

    def wants_kind(self, kind: str) -> bool:
        """Whether alarms of this kind go here."""
        return fnmatchcase(kind, self.kind)

    def after_quiet(self, at: float) -> float:
        """``at``, or the end of the quiet hours that it falls in."""
        zone = ZoneInfo(self.timezone)
        for _ in range(len(self.quiet) + 1):  # the end of one may lie in another
            moved = max((hours.holds_until(at, zone) for hours in self.quiet), default=at)
            if moved == at:
                break
            at = moved
        return at


class EscalationStep(_Model):
    """``wait_s`` after the step before, tell the receivers that have one of ``tags`` (all, if there are none)."""

    wait_s: Annotated[float, Field(gt=0, le=86_400)]
    tags: tuple[str, ...] = ()


class FloodPolicy(_Model):
    """More than ``starts_above`` annunciations in ``window_s`` are one incident, until fewer than ``ends_below``."""

    starts_above: Annotated[int, Field(ge=1, le=10_000)] = 10
    ends_below: Annotated[int, Field(ge=1)] = 5
    window_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    update_s: Annotated[float, Field(gt=0, le=86_400)] = 120.0
    """How often the incident's message is brought up to date while alarms keep coming."""

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_below > self.starts_above:
            raise ValueError("ends_below must not exceed starts_above")
        return self


class Policy(_Model):
    """The whole of ``[[receiver]]``, ``[[escalation]]`` and ``[flood]``."""

    receiver: tuple[Receiver, ...] = ()
    escalation: tuple[EscalationStep, ...] = (
        EscalationStep(wait_s=300),
        EscalationStep(wait_s=600),
        EscalationStep(wait_s=900),
    )
    flood: FloodPolicy = FloodPolicy()
    give_up_s: Annotated[float, Field(gt=0)] = 86_400.0
    """A notification that could not be delivered for so long is given up, and that is an alarm."""

    @field_validator("receiver")
    @classmethod
    def _names_differ(cls, receivers: tuple[Receiver, ...]) -> tuple[Receiver, ...]:
        names = [receiver.name for receiver in receivers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two receivers are called {name!r}")
        return receivers

    @model_validator(mode="after")
    def _everybody_is_told_of_something(self) -> Self:
        for receiver in self.receiver:
            reached = any(not step.tags or set(step.tags) & set(receiver.tags) for step in self.escalation)
            if not receiver.raises and not reached:
                raise ValueError(f"receiver {receiver.name!r} is never told: no escalation step has one of its tags")
        return self

    def named(self, name: str) -> Receiver | None:
        """The receiver of this name, if it is still configured."""
        return next((receiver for receiver in self.receiver if receiver.name == name), None)


def parse_policy(text: str, source: str = "notification policy") -> Policy:
    """The policy from TOML text; ``source`` names the file in errors. Raises ConfigError that names the key."""
    return validated(Policy, text, source)
