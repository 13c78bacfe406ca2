"""The keys that bring the selected sensors into a trend, for every screen that has some."""

from __future__ import annotations

from controlroom.core.trends import MOST_CURVES
from controlroom.ui.bindings import TREND_OF
from controlroom.ui.screens.sensor_orders import SensorOrders


class TrendKeys(SensorOrders):
    """A new trend of the selected sensors; or add them to the trend that was shown last."""

    BINDINGS = TREND_OF

    def action_show_trend(self) -> None:
        """The trend of these sensors; one that shows them already is opened as it is."""
        sensors = [view.sensor_id for view in self.meant_sensors()]
        window = self.context.trend
        if sensors and not set(sensors) <= set(window.sensors):
            self._tell_rest(window.show(sensors))
        self.ordered()
        self.post_message(self.TrendWanted())

    def action_add_to_trend(self) -> None:
        """Add these sensors; the screen stays, so that more can be added."""
        sensors = [view.sensor_id for view in self.meant_sensors()]
        window = self.context.trend
        rest = window.add(sensors)
        self.ordered()
        if rest:
            self._tell_rest(rest)
        elif sensors:
            self.say(f"the trend has {len(window.sensors)} of {MOST_CURVES} curves")

    def _tell_rest(self, rest: int) -> None:
        if rest:
            self.say(f"{MOST_CURVES} curves are the most: {rest} sensors are left out")
