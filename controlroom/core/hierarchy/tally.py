"""What is counted of a sensor, and of all that lies below a node: numbers alone, so that a change is a difference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from operator import add, sub
from typing import NamedTuple

from controlroom.core.alarm_view import AlarmView, Severity
from controlroom.core.freshness import is_silent
from controlroom.core.sensor_view import SensorView

#: weights of the troubles of one sensor, in the order that the flat list has; below them what raises no alarm
_SEVERITY, _UNACKED, _FAULT, _SILENT, _BAD = 16, 8, 4, 2, 1


class Tally(NamedTuple):
    """Sensors, and their alarms that are not closed."""

    sensors: int = 0
    #: of these, what passes the filter
    shown: int = 0
    #: from which no reading comes that should
    silent: int = 0
    #: whose last reading has a quality below 1
    bad: int = 0
    #: whose readings an injected fault shapes
    faulty: int = 0
    #: sensors and groups whose worst active alarm is a warning, or critical
    warning: int = 0
    critical: int = 0
    #: active alarms, by severity
    live_warning: int = 0
    live_critical: int = 0
    #: alarms that wait for an operator: returned to normal, or active, by severity
    waiting_returned: int = 0
    waiting_warning: int = 0
    waiting_critical: int = 0
    #: alarms that are not suppressed, by priority
    high: int = 0
    medium: int = 0
    low: int = 0
    #: of no known priority
    other: int = 0
    #: alarms that are shelved, out of service or suppressed by design
    suppressed: int = 0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(*map(add, self, other))

    def minus(self, other: Tally) -> Tally:
        """The difference."""
        return Tally(*map(sub, self, other))

    @property
    def alarms(self) -> int:
        """Alarms that are neither closed nor suppressed."""
        return self.high + self.medium + self.low + self.other

    @property
    def waiting(self) -> int:
        """Alarms that wait for an operator."""
        return self.waiting_returned + self.waiting_warning + self.waiting_critical

    @property
    def worst_live(self) -> Severity:
        """The worst of the active alarms."""
        return 2 if self.live_critical else 1 if self.live_warning else 0

    @property
    def worst_waiting(self) -> Severity | None:
        """The worst of the alarms that wait for an operator: 0 when all have returned to normal, None without any."""
        if self.waiting_critical:
            return 2
        if self.waiting_warning:
            return 1
        return 0 if self.waiting_returned else None


NOTHING = Tally()


def severity_of(alarms: Iterable[AlarmView]) -> Severity:
    """The worst of those that are active."""
    return max((alarm.severity for alarm in alarms if alarm.active), default=0)


def tally_of_alarms(alarms: Sequence[AlarmView]) -> Tally:
    """Of alarms of one sensor or group."""
    worst = severity_of(alarms)
    active = [alarm.severity for alarm in alarms if alarm.active]
    waiting = [alarm.severity if alarm.active else 0 for alarm in alarms if alarm.unacked]
    priorities = [alarm.priority for alarm in alarms if not alarm.suppressed]
    high, medium, low = (priorities.count(name) for name in ("high", "medium", "low"))
    return Tally(
        warning=int(worst == 1),
        critical=int(worst == 2),
        live_warning=active.count(1),
        live_critical=active.count(2),
        waiting_returned=waiting.count(0),
        waiting_warning=waiting.count(1),
        waiting_critical=waiting.count(2),
        high=high,
        medium=medium,
        low=low,
        other=len(priorities) - high - medium - low,
        suppressed=len(alarms) - len(priorities),
    )


def tally_of_sensor(view: SensorView, alarms: Sequence[AlarmView], now: float, *, shown: bool) -> Tally:
    """Of one sensor with its live alarms."""
    silent, bad, faulty = is_silent(view, now), view.quality < 1.0, bool(view.faults)
    alone = _without_alarms(silent, bad, faulty, shown)
    return alone.plus(tally_of_alarms(alarms)) if alarms else alone


@cache
def _without_alarms(silent: bool, bad: bool, faulty: bool, shown: bool) -> Tally:  # noqa: FBT001 - `cache` is quicker so
    return Tally(sensors=1, shown=int(shown), silent=int(silent), bad=int(bad), faulty=int(faulty))


def trouble_of(tally: Tally) -> int:
    """How much is the matter with one sensor or group: more is worse; 0: nothing.

    As in the flat list the severity decides, then whether it waits for an operator, then an injected fault; then
    silence and bad quality.

    >>> trouble_of(Tally(critical=1)) > trouble_of(Tally(warning=1, waiting_warning=1)) > trouble_of(Tally(silent=1))
    True
    """
    severity = 2 if tally.critical else int(tally.warning > 0)
    return (
        severity * _SEVERITY
        + (_UNACKED if tally.waiting else 0)
        + (_FAULT if tally.faulty else 0)
        + (_SILENT if tally.silent else 0)
        + (_BAD if tally.bad else 0)
    )
