"""A widget of one line (or a few) that is redrawn only where it changed."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from controlroom.ui.context import Context
from controlroom.ui.palette import Ground
from controlroom.ui.render.line import Line


class LineView(Widget):
    """Shows the lines it is given.

    Args:
        context: what every widget works with.
        height: lines that it takes, or what Textual makes of a string such as "100%".
        ground: what it lies on.
        classes: for the style sheet.
        id: for the style sheet and for finding it.
    """

    def __init__(
        self,
        context: Context,
        *,
        height: int | str = 1,
        ground: Ground = "background",
        classes: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(classes=classes, id=id)
        self.context = context
        self._ground = ground
        self.styles.height = height
        self._lines: list[Line] = []

    def show(self, *lines: Line) -> None:
        """Show these lines; those that are as they were cost nothing."""
        for y, line in enumerate(lines):
            if y >= len(self._lines) or self._lines[y] != line:
                start, end = self._changed(y, line)
                self.refresh(Region(start, y, max(1, end - start), 1))
        for y in range(len(lines), len(self._lines)):
            self.refresh(Region(0, y, max(1, self.size.width), 1))
        self._lines = list(lines)

    def _changed(self, y: int, line: Line) -> tuple[int, int]:
        """The columns that differ from what line `y` was: a clock's tick should send a digit, not a line."""
        width = max(1, self.size.width)
        if y >= len(self._lines):
            return 0, width
        old, new = _cells(self._lines[y], width), _cells(line, width)
        if old is None or new is None:
            return 0, width
        start, end = 0, width
        while start < end and old[start] == new[start]:
            start += 1
        while end > start and old[end - 1] == new[end - 1]:
            end -= 1
        return start, end

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        line = self._lines[y] if y < len(self._lines) else []
        return self.context.palette.strip(line, self.size.width, self._ground)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many as there are lines."""
        return max(1, len(self._lines))


def _cells(line: Sequence[tuple[str, str]], width: int) -> list[tuple[str, str]] | None:
    """Each cell with its role; None when a character is wider than a cell, so that columns cannot be counted so."""
    if not all(text.isascii() or max(text, default=" ") < "\u2e80" for text, _ in line):
        return None
    cells = [(char, role) for text, role in line for char in text][:width]
    return cells + [(" ", "")] * (width - len(cells))
