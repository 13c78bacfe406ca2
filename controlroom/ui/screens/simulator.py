"""Screen 4: what am I injecting, and was it found?"""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.core.sensor_view import SensorView
from controlroom.ui.bindings import SCREENS, SEEK
from controlroom.ui.context import Context
from controlroom.ui.render.fault_row import fault_lines
from controlroom.ui.render.order import SensorOrder, sorted_sensors
from controlroom.ui.render.sensor_row import sensor_head
from controlroom.ui.render.span import end_of
from controlroom.ui.screens.list_screen import ListScreen
from controlroom.ui.screens.sensor_orders import SensorOrders
from controlroom.ui.widgets.line_view import LineView
from controlroom.ui.widgets.sensor_list import SensorList

#: lines for the faults, with their heading, on a screen of 24 lines, and on one that is taller
_FAULTS, _FAULTS_TALL, _TALL = 5, 11, 34


class SimulatorScreen(ListScreen, SensorOrders):
    """Every simulated sensor; every fault, with when it was detected."""

    TAB = SCREENS["simulator"][1]
    BINDINGS = SEEK
    MARKS = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.order = SensorOrder.WORST

    def body(self) -> ComposeResult:
        """Heading and list; below, what was injected and what came of it."""
        yield LineView(self.context, id="list-head")
        yield SensorList(self.context, id="sensors")
        yield LineView(self.context, id="faults")

    def listed(self) -> list[str]:
        """Sensors that take orders; with faults first, or as chosen."""
        every = [view for view in list(self.context.state.sensors.values()) if view.simulated]
        self.total = len(every)
        views = [view for view in every if self.filter.passes_sensor(view)]
        ordered = sorted_sensors(views, self.order)
        if self.order is SensorOrder.WORST:
            ordered.sort(key=lambda view: not view.faults)
        return [view.sensor_id for view in ordered]

    def update(self) -> None:
        """The list under its heading, the faults under theirs."""
        super().update()
        width = self.size.width
        self.query_one("#list-head", LineView).show(sensor_head(width, self.counted(str(self.order))))
        self._show_faults(width)

    def _show_faults(self, width: int) -> None:
        """As many as there is room for; without any the list has it all."""
        faults, view = self.context.state.faults, self.query_one("#faults", LineView)
        room = _FAULTS_TALL if self.size.height >= _TALL else _FAULTS
        lines = fault_lines(faults, self._time_of, width, room, self.context.glyphs)
        view.display = bool(faults)
        view.styles.height = len(lines)
        view.show(*lines)

    def _time_of(self, sensor_id: str) -> float:
        """The present, for a sensor that may live in a time of its own."""
        view = self.context.state.sensors.get(sensor_id)
        return self.context.now() if view is None else end_of(view, self.context.now())

    def selected_sensor(self) -> SensorView | None:
        """The one under the cursor."""
        selected = self.items.selected
        return None if selected is None else self.context.state.sensors.get(selected)

    def meant_sensors(self) -> list[SensorView]:
        """The marked ones, else the one under the cursor."""
        sensors = self.context.state.sensors
        return [sensors[key] for key in self.items.meant_keys if key in sensors]

    def ordered(self) -> None:
        """The marks have done their work."""
        self.items.clear_marks()
        self.tick()

    def severity_of(self, key: str) -> int:
        """Of the sensor's alarms."""
        view = self.context.state.sensors.get(key)
        return view.severity if view is not None else 0

    def action_turn_order(self) -> None:
        """Faults and alarms first, by area, by name."""
        self.order = self.order.next(clocks=False)
        self.relist()
        self.context.state.notify(f"sensors {self.order}", self.context.options.clock.now())
