"""Screen 1: is the plant well?"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from controlroom.core.plant_state import SensorView
from controlroom.ui.bindings import SCREENS, SEEK
from controlroom.ui.context import Context
from controlroom.ui.render.order import SensorOrder, sorted_sensors
from controlroom.ui.screens.learning_orders import LearningOrders
from controlroom.ui.screens.list_screen import ListScreen
from controlroom.ui.widgets.alert_feed import AlertFeed
from controlroom.ui.widgets.sensor_grid import SensorGrid


class OverviewScreen(ListScreen, LearningOrders):
    """A pane per sensor, worst first, and the alert feed."""

    TAB = SCREENS["overview"][1]
    BINDINGS = SEEK
    MARKS = True
    KEYS_FIRST = ("sensor.spawn", "sensor.pause", "sensor.inject", "sensor.clear", "sensor.remove", "list.filter")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.order = SensorOrder.WORST

    def body(self) -> ComposeResult:
        """Grid and feed: below one another, or side by side where there is room (see the style sheet)."""
        with Container(id="overview"):
            yield SensorGrid(self.context, id="grid")
            yield AlertFeed(self.context, id="feed")

    def listed(self) -> list[str]:
        """Sensors, in the order that was chosen."""
        every = list(self.context.state.sensors.values())
        self.total = len(every)
        views = [view for view in every if self.filter.passes_sensor(view)]
        return [view.sensor_id for view in sorted_sensors(views, self.order)]

    def update(self) -> None:
        """The grid, and the feed."""
        super().update()
        self.query_one(AlertFeed).tick()

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
        """Worst first, by area, by name, by clock difference."""
        self.order = self.order.next()
        self.query_one(SensorGrid).order = self.order
        self.relist()
        self.context.state.notify(f"sensors {self.order}", self.context.options.clock.now())
