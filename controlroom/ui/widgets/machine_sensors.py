"""The sensors of a machine as small charts, one below the other, on one time axis."""

from __future__ import annotations

from collections.abc import Hashable

from controlroom.core.archive import LearningFacts
from controlroom.ui.bindings import ROWS
from controlroom.ui.context import Context
from controlroom.ui.render.line import Line
from controlroom.ui.render.machine_rows import sensor_lines
from controlroom.ui.render.sensor_state import state_word
from controlroom.ui.render.trend_chart import TrendCurve
from controlroom.ui.render.trend_curves import TrendPicture
from controlroom.ui.widgets.item_view import ItemView

_LEAST, _MOST = 3, 10


class MachineSensors(ItemView, inherit_bindings=False):
    """A chart for each sensor; as high as there is room, so that all are seen if that can be."""

    BINDINGS = ROWS

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, id=id)
        self.item_height = _LEAST
        self._picture: TrendPicture | None = None
        self._curves: dict[str, TrendCurve] = {}
        self._stamp: Hashable = None

    def choose_layout(self) -> None:
        """The height of a chart."""
        self.item_height = min(_MOST, max(_LEAST, self.size.height // max(1, len(self.keys))))

    def take(self, picture: TrendPicture, stamp: Hashable) -> None:
        """What is drawn from now on; `stamp` changes when it does."""
        self._picture, self._stamp = picture, stamp
        self._curves = {curve.sensor_id: curve for curve in picture.curves}

    def _facts(self, key: str) -> LearningFacts | None:
        answer = self.context.state.archive.learning.get(key)
        return answer.value if answer is not None else None

    def stamp(self, key: str) -> Hashable:
        """The picture, and what else is told of the sensor."""
        view = self.context.state.sensors.get(key)
        if view is None:
            return None
        looks = view.severity, view.unacked, state_word(view, self.context.now())
        return self._stamp, view.version, looks, self._facts(key), key in self._curves

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The chart; before the first answer, what is in memory."""
        view, curve, picture = self.context.state.sensors.get(key), self._curves.get(key), self._picture
        if view is None or curve is None or picture is None:
            return []
        return sensor_lines(
            curve,
            view,
            picture,
            self._facts(key),
            self.context.now(),
            width=width,
            height=self.item_height,
            glyphs=self.context.glyphs,
            selected=selected,
            marked=key in self.marked,
        )
