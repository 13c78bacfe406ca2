"""Why an alarm was raised: drawn anew only when something of it has changed, for a chart costs milliseconds."""

from __future__ import annotations

from controlroom.core.why.model import Why
from controlroom.ui.context import Context
from controlroom.ui.render.why_lines import why_lines
from controlroom.ui.widgets.line_view import LineView

#: the ages of earlier occurrences are in minutes
_AGE_S = 60.0


class WhyView(LineView):
    """As large as it is told to be."""

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, height="1fr", id=id)
        self._why: Why | None = None
        self._stamp: object = None

    def tick(self, why: Why | None, now: float) -> None:
        """Show it; None: there is nothing to show yet."""
        stamp = (self.size, now // _AGE_S)
        if (why is self._why and stamp == self._stamp) or not self.size.width:
            return
        self._why, self._stamp = why, stamp
        self.show(*(why_lines(why, now, *self.size, self.context.glyphs) if why is not None else ()))
