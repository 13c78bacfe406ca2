"""The chart of one sensor's readings."""

from __future__ import annotations

from controlroom.core.plant_state import SEVERITIES, SensorView
from controlroom.ui.context import Context
from controlroom.ui.render.chart import ChartMark, chart_lines
from controlroom.ui.widgets.line_view import LineView


class SensorChart(LineView):
    """Drawn anew when a reading came or the size changed, never else."""

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, id=id)
        self.styles.height = "1fr"
        self._stamp: object = None

    def tick(self, view: SensorView) -> None:
        """Show the readings that are in memory."""
        width, height = self.size
        stamp = (view.version, width, height)
        if stamp == self._stamp or not width:
            return
        self._stamp = stamp
        # The writer may add a reading between the two: the newest `count` of both are the same readings.
        times, values = view.times.last(len(view.times)), view.values.last(len(view.values))
        count = min(len(times), len(values))
        raised = {"raised", "severity-rose"}
        marks = [
            ChartMark(event.timestamp.timestamp(), SEVERITIES.get(event.severity, 2))
            for event in list(self.context.state.feed)
            if event.sensor_id == view.sensor_id and event.event in raised
        ]
        self.show(
            *chart_lines(
                times[-count:] if count else [],
                values[-count:] if count else [],
                width=width,
                height=height,
                glyphs=self.context.glyphs,
                warning=view.warning,
                critical=view.critical,
                marks=marks,
            )
        )
