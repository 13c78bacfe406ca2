"""The chart of one sensor's readings, and the strips on its time axis."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.core.cells import right
from controlroom.core.fault_view import FaultView
from controlroom.core.freshness import interval_of
from controlroom.core.sensor_view import SensorView
from controlroom.ui.context import Context
from controlroom.ui.render.chart import Frame, chart_lines, frame_of
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.span import SpanData
from controlroom.ui.render.timeline import alarm_strip, fault_strip, score_strip
from controlroom.ui.widgets.line_view import LineView

#: scores, alarms, faults
STRIPS = 3
#: intervals without a reading, or buckets without one, that break the curve
_GAP_INTERVALS = 5.0
_GAP_BUCKETS = 2.5
_LEAST_GAP_S = 15.0


class SensorChart(LineView):
    """As large as there is room; the strips are its last lines."""

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, height="1fr", id=id)

    def draw(self, view: SensorView, data: SpanData, faults: Sequence[FaultView], now: float) -> None:
        """Draw it anew: the caller knows when something has changed."""
        width, height = self.size
        if not width:
            return
        frame = frame_of(data.start, data.end, data.values, warning=view.warning, critical=view.critical)
        gap = _GAP_BUCKETS * data.width or max(_LEAST_GAP_S, _GAP_INTERVALS * interval_of(view))
        lines = chart_lines(
            data.times,
            data.values,
            frame,
            width=width,
            height=max(0, height - STRIPS),
            glyphs=self.context.glyphs,
            warning=view.warning,
            critical=view.critical,
            lows=data.lows,
            highs=data.highs,
            gap_s=gap,
        )
        self.show(*lines, *self._strips(data, frame, faults, min(now, data.end), width))

    def _strips(
        self, data: SpanData, frame: Frame, faults: Sequence[FaultView], until: float, width: int
    ) -> list[Line]:
        glyphs, axis, cells = self.context.glyphs, frame.axis, max(1, width - frame.margin)
        strips = (
            ("score", score_strip(data.scores, axis, cells, glyphs)),
            ("alarm", alarm_strip(data.events, axis, until, cells, glyphs)),
            ("fault", fault_strip(faults, axis, until, cells, glyphs)),
        )
        return [fit([(f"{right(name, frame.margin - 1)} ", Role.DIM), *strip], width) for name, strip in strips]
