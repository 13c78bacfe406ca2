"""Live alarms by area and by cause, and which of them came first of a burst (first-out).

Alarms of one machine whose raising times follow each other within `BURST_S` are one burst: what fails first there
nearly always raises what follows. Where a sensor says no machine, its zone takes the place, then its section.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from controlroom.core.alarm_view import AlarmView
from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.wire import Location

#: seconds between two alarms of a burst at the most: as the last readings of a common cause may lie apart
BURST_S = 60.0
#: alarms of which the first is marked: two may well have nothing to do with each other
BURST_COUNT = 3


class By(StrEnum):
    """What alarms are grouped by."""

    AREA = "area"
    CAUSE = "cause"


#: alarms that are of no sensor are named so
_GROUPS = ("machine", "zone")


@dataclass(frozen=True, slots=True)
class AlarmGroup:
    """Alarms under one heading.

    Attributes:
        key: names it as long as it stands; no occurrence is called so.
        label: as it may be shown.
        alarms: by area in the order that they were given in, by cause the first-out first.
        burst: whether they are one burst.
    """

    key: str
    label: str
    alarms: tuple[AlarmView, ...]
    burst: bool = False

    @property
    def first(self) -> AlarmView:
        """What was raised first."""
        return min(self.alarms, key=_raised)

    @property
    def seconds(self) -> float:
        """Between the first alarm and the last one."""
        return max(alarm.raised_at for alarm in self.alarms) - self.first.raised_at


def grouped(alarms: Sequence[AlarmView], sensors: Mapping[str, SensorView], by: By) -> list[AlarmGroup]:
    """The alarms under headings: the group with the worst active alarm first, then what waits, then the newest."""
    groups = _by_area(alarms, sensors) if by is By.AREA else _by_cause(alarms, sensors)
    return sorted(groups, key=_trouble)


def first_out(alarms: Iterable[AlarmView], sensors: Mapping[str, SensorView]) -> frozenset[str]:
    """The occurrences that came first of a burst of at least `BURST_COUNT`."""
    return frozenset(burst[0].occurrence_id for _, burst in _bursts(alarms, sensors) if len(burst) >= BURST_COUNT)


def _by_area(alarms: Sequence[AlarmView], sensors: Mapping[str, SensorView]) -> list[AlarmGroup]:
    found: dict[str, list[AlarmView]] = {}
    for alarm in alarms:
        place = _place(alarm, sensors)
        found.setdefault("/".join(part for part in (place.factory_section, place.zone) if part), []).append(alarm)
    return [AlarmGroup(f"area {name}", name or "no area", tuple(those)) for name, those in found.items()]


def _by_cause(alarms: Sequence[AlarmView], sensors: Mapping[str, SensorView]) -> list[AlarmGroup]:
    # A burst is named after its first alarm: that stays the same while further ones come.
    return [
        AlarmGroup(
            f"burst {burst[0].occurrence_id}", where or sanitise(burst[0].sensor_id, limit=64), burst, burst=True
        )
        for where, burst in _bursts(alarms, sensors)
    ]


def _bursts(alarms: Iterable[AlarmView], sensors: Mapping[str, SensorView]) -> list[tuple[str, tuple[AlarmView, ...]]]:
    """(where, the alarms that followed each other there, first to last)."""
    places: dict[str, list[AlarmView]] = {}
    names: dict[str, str] = {}
    for alarm in alarms:
        place = _place(alarm, sensors)
        where = place.machine_id or place.zone or place.factory_section
        # A sensor that stands nowhere is alone.
        key = f"at {where}" if where else f"of {alarm.sensor_id}"
        names[key] = where
        places.setdefault(key, []).append(alarm)
    found: list[tuple[str, tuple[AlarmView, ...]]] = []
    for key, those in places.items():
        those.sort(key=_raised)
        start = 0
        for index, (before, after) in enumerate(pairwise(those), 1):
            if after.raised_at - before.raised_at > BURST_S:
                found.append((names[key], tuple(those[start:index])))
                start = index
        found.append((names[key], tuple(those[start:])))
    return found


def _place(alarm: AlarmView, sensors: Mapping[str, SensorView]) -> Location:
    """Where an alarm is, as it may be shown; that of a machine or zone itself is by its name."""
    view = sensors.get(alarm.sensor_id)
    sort, _, name = alarm.sensor_id.partition(":")
    if sort in _GROUPS and name and (view is None or view.location == Location()):
        name = sanitise(name, limit=40)
        return Location(machine_id=name) if sort == "machine" else Location(zone=name)
    return view.location if view is not None else Location()


def _raised(alarm: AlarmView) -> tuple[float, int, str, str]:
    return alarm.raised_at, -alarm.severity, alarm.sensor_id, alarm.kind


def _trouble(group: AlarmGroup) -> tuple[int, bool, float, str]:
    worst = max((alarm.severity for alarm in group.alarms if alarm.active), default=0)
    waits = any(alarm.unacked for alarm in group.alarms)
    return -worst, not waits, -max(alarm.raised_at for alarm in group.alarms), group.label
