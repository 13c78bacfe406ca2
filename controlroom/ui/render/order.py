"""In which order sensors and alarms are listed."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from controlroom.core.alarm_groups import By
from controlroom.core.alarm_view import AlarmView
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.sensor_state import clock_ahead


class SensorOrder(StrEnum):
    """Of sensors."""

    WORST = "worst first"
    AREA = "by area"
    NAME = "by name"
    CLOCK = "by clock difference"

    def next(self, *, clocks: bool = True) -> SensorOrder:
        """The one that the key turns to; without `clocks` not the one that simulated sensors have no use for."""
        orders = [order for order in SensorOrder if clocks or order is not SensorOrder.CLOCK]
        return orders[(orders.index(self) + 1) % len(orders)]


class AlarmOrder(StrEnum):
    """Of alarms."""

    SEVERITY = "worst first"
    TIME = "newest first"
    AREA = "by area"
    CAUSE = "by cause"

    @property
    def next(self) -> AlarmOrder:
        """The one that the key turns to."""
        orders = list(AlarmOrder)
        return orders[(orders.index(self) + 1) % len(orders)]

    @property
    def by(self) -> By | None:
        """What the alarms are grouped by; None: by nothing."""
        return {AlarmOrder.AREA: By.AREA, AlarmOrder.CAUSE: By.CAUSE}.get(self)


def sorted_sensors(views: Iterable[SensorView], order: SensorOrder) -> list[SensorView]:
    """The sensors in that order; names decide between equals, so that the order never flickers."""
    if order is SensorOrder.WORST:
        return sorted(views, key=lambda view: (-view.severity, not view.unacked, not view.faults, view.label))
    if order is SensorOrder.AREA:
        return sorted(
            views, key=lambda v: (v.location.factory_section, v.location.zone, v.location.machine_id, v.label)
        )
    if order is SensorOrder.CLOCK:
        return sorted(views, key=lambda view: (-abs(clock_ahead(view) or 0.0), view.label))
    return sorted(views, key=lambda view: view.label)


def sorted_alarms(alarms: Iterable[AlarmView], order: AlarmOrder) -> list[AlarmView]:
    """The alarms in that order: by severity, within it un-acked first, then the newest; or the newest alone."""
    if order is not AlarmOrder.TIME:
        return sorted(alarms, key=lambda a: (-a.severity, not a.unacked, -a.raised_at, a.sensor_id, a.kind))
    return sorted(alarms, key=lambda a: (-a.raised_at, a.sensor_id, a.kind))
