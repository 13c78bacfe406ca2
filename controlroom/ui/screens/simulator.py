"""Screen 4: what am I injecting, and was it found?"""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.core.plant_state import SensorView
from controlroom.ui.bindings import SCREENS
from controlroom.ui.context import Context
from controlroom.ui.render.fault_row import fault_head, fault_row
from controlroom.ui.render.order import SensorOrder, sorted_sensors
from controlroom.ui.render.sensor_row import sensor_head
from controlroom.ui.screens.list_screen import ListScreen
from controlroom.ui.screens.sensor_orders import SensorOrders
from controlroom.ui.widgets.line_view import LineView
from controlroom.ui.widgets.sensor_list import SensorList

_FEWEST_FAULTS = 3


class SimulatorScreen(ListScreen, SensorOrders):
    """Every simulated sensor with the faults that act on it; below them the record of faults with their detection."""

    TAB = SCREENS["simulator"][1]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.order = SensorOrder.WORST

    def body(self) -> ComposeResult:
        """Heading and list."""
        yield LineView(self.context, id="list-head")
        yield SensorList(self.context, id="sensors")
        yield LineView(self.context, id="faults")

    def listed(self) -> list[str]:
        """Sensors that take orders; with faults first, or as chosen."""
        views = [
            view
            for view in list(self.context.state.sensors.values())
            if view.simulated and self.filter.passes_sensor(view)
        ]
        ordered = sorted_sensors(views, self.order)
        if self.order is SensorOrder.WORST:
            ordered.sort(key=lambda view: not view.faults)
        return [view.sensor_id for view in ordered]

    def update(self) -> None:
        """The list under its heading."""
        self.query_one("#list-head", LineView).show(sensor_head(self.size.width))
        self._show_faults()
        super().update()

    def _show_faults(self) -> None:
        """As many faults as there is room for, those that act first; without any the list has it all."""
        faults, view = self.context.state.faults, self.query_one("#faults", LineView)
        room = max(_FEWEST_FAULTS, self.size.height // 4)
        now, width = self.context.now(), self.size.width
        rows = [fault_row(fault, now, width) for fault in faults[:room]]
        view.display = bool(rows)
        view.styles.height = len(rows) + 1
        view.show(fault_head(faults, width), *rows)

    def selected_sensor(self) -> SensorView | None:
        """The one under the cursor."""
        selected = self.items.selected
        return None if selected is None else self.context.state.sensors.get(selected)

    def action_turn_order(self) -> None:
        """Faults and alarms first, by area, by name."""
        self.order = self.order.next
        self.relist()
        self.context.state.notify(f"sensors {self.order}", self.context.options.clock.now())
