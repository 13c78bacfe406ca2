"""The line above the keys: notices, else the selected sensor."""

from __future__ import annotations

from controlroom.ui.context import Context
from controlroom.ui.render.line import Line
from controlroom.ui.render.status_line import fresh, notice_line
from controlroom.ui.widgets.line_view import LineView


class StatusBar(LineView):
    """Shows the newest notice while it is fresh; nothing on the screen is covered by it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)

    def tick(self, otherwise: Line) -> None:
        """Show the newest notice, or `otherwise`."""
        notices = self.context.state.notices
        notice = notices[-1] if notices else None
        if notice is not None and fresh(notice, self.context.now()):
            self.show(notice_line(notice, self.context.glyphs))
        else:
            self.show(otherwise)
