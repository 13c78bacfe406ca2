"""A scrolling view of items in one or more columns: the overview's panes and every list are made of it.

It draws by lines, keeps what it drew, and asks Textual for the regions of those visible items whose stamp has changed:
an item that is off the screen costs nothing however often it changes. The cursor is on an item's *key*, not on a place,
so it stays with its sensor or alarm when the list is sorted anew.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rich.segment import Segment
from textual.cache import LRUCache
from textual.events import Click
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from controlroom.ui.bindings import MOVE
from controlroom.ui.context import Context
from controlroom.ui.messages import ItemChosen
from controlroom.ui.palette import Ground
from controlroom.ui.render.line import Line, Role
from controlroom.ui.wall import Page

#: drawn items that are kept: several screenfuls of the largest terminal
_CACHE = 1024


class ItemView(ScrollView, can_focus=True):
    """Items by key, with a cursor. A subclass says how an item is drawn (`draw`) and when anew (`stamp`)."""

    BINDINGS = MOVE
    #: blank cells between columns
    GAP = 1

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.context = context
        self.keys: list[str] = []
        self.selected: str | None = None
        self.columns = 1
        self.item_height = 1
        #: blank lines at the bottom of an item, which the last row can do without
        self.gap_below = 0
        #: whether a filter holds items back
        self.filtered = False
        #: what the operator has marked
        self.marked: set[str] = set()
        self._index: dict[str, int] = {}
        self._drawn: LRUCache[tuple[Hashable, ...], list[list[Segment]]] = LRUCache(_CACHE)
        self._stamps: dict[str, Hashable] = {}

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The lines of an item, each `width` cells wide; fewer than `item_height` leave a gap below."""
        raise NotImplementedError

    def stamp(self, key: str) -> Hashable:
        """Whatever, when it changes, means that the item looks different. Cheap: it is asked for at every tick."""
        raise NotImplementedError

    def empty_lines(self) -> list[Line]:
        """What is shown when there is no item."""
        return (
            [[], [("   nothing passes the filter", Role.TEXT)], [("   Esc ends it", Role.DIM)]] if self.filtered else []
        )

    def choose_layout(self) -> None:
        """Choose `columns` and `item_height` for the size; called when the size or the number of items changes."""

    # --- items

    def set_keys(self, keys: Sequence[str]) -> None:
        """List these items. The cursor stays on its item; if that is gone, it stays in its place."""
        if self.keys == keys:
            return
        was_empty, count = not self.keys, len(self.keys)
        place = self._index.get(self.selected, 0) if self.selected is not None else 0
        was_visible = self.selected in self._index and self._visible(place)
        self.keys = list(keys)
        self._index = {key: index for index, key in enumerate(self.keys)}
        # What cannot be seen cannot be meant.
        self.marked &= self._index.keys()
        if self.selected not in self._index:
            self.selected = self.keys[min(place, len(self.keys) - 1)] if self.keys else None
        if count != len(self.keys):
            self._rearrange()
        if was_visible or was_empty:
            self._show_cursor()
        self._stamps.clear()
        self.refresh()

    def select(self, key: str) -> None:
        """Put the cursor on an item and show it."""
        if key not in self._index or key == self.selected:
            return
        for changed in (self.selected, key):
            if changed is not None:
                self._refresh_item(changed)
        self.selected = key
        self._show_cursor()

    def toggle_mark(self) -> None:
        """Mark the item under the cursor, or no longer; the cursor goes on to the next."""
        key = self.selected
        if key is not None:
            self.marked ^= {key}
            self._refresh_item(key)
            self.action_move("next")

    def clear_marks(self) -> None:
        """Mark nothing."""
        marked, self.marked = self.marked, set()
        for key in marked:
            self._refresh_item(key)

    @property
    def meant_keys(self) -> list[str]:
        """What a key acts on: the marked items, in order; without marks the one under the cursor."""
        if self.marked:
            return [key for key in self.keys if key in self.marked]
        return [] if self.selected is None else [self.selected]

    @property
    def visible_keys(self) -> list[str]:
        """The items of which a line is on the screen."""
        return self._visible_keys()

    def tick(self) -> None:
        """Redraw the visible items that have changed."""
        stamps = self._stamps
        for key in self._visible_keys():
            if stamps.get(key, self) != self.stamp(key):
                self._refresh_item(key)

    def restyle(self) -> None:
        """The theme has changed: forget what was drawn."""
        self._drawn.clear()
        self.refresh()

    # --- geometry

    @property
    def item_width(self) -> int:
        """Cells in a row of an item."""
        width = self.scrollable_content_region.width
        return max(1, (width - self.GAP * (self.columns - 1)) // self.columns)

    @property
    def page(self) -> int:
        """Items in a screenful."""
        return max(1, self.size.height // self.item_height) * self.columns

    def on_resize(self) -> None:
        """Lay out anew."""
        self._rearrange()
        self._show_cursor()

    def _rearrange(self) -> None:
        self.choose_layout()
        rows = -(-len(self.keys) // self.columns)
        self.virtual_size = Size(self.size.width, max(0, rows * self.item_height - self.gap_below))
        self._stamps.clear()
        self.refresh()

    def _visible(self, index: int) -> bool:
        top = index // self.columns * self.item_height - self.scroll_offset.y
        return top >= 0 and top + self.item_height - self.gap_below <= self.size.height

    def _visible_keys(self) -> list[str]:
        top, bottom = self.scroll_offset.y, self.scroll_offset.y + self.size.height
        first, last = top // self.item_height, -(-bottom // self.item_height)
        return self.keys[first * self.columns : last * self.columns]

    def _refresh_item(self, key: str) -> None:
        index = self._index.get(key)
        if index is not None:
            row, column = divmod(index, self.columns)
            width = self.item_width
            y = row * self.item_height - self.scroll_offset.y
            self.refresh(Region(column * (width + self.GAP), y, width, self.item_height))

    @property
    def page_shown(self) -> Page:
        """Which part of the list is on the screen."""
        return Page(self.virtual_size.height, self.size.height, self.scroll_offset.y)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """On a wall there is no cursor to move."""
        return self.context.options.wall is None

    def _show_cursor(self) -> None:
        if self.context.options.wall is not None:
            return
        index = self._index.get(self.selected, 0) if self.selected is not None else 0
        top = index // self.columns * self.item_height
        offset, height = self.scroll_offset.y, self.size.height
        if top < offset:
            self.scroll_to(y=top, animate=False)
        elif top + self.item_height - self.gap_below > offset + height:
            self.scroll_to(y=top + self.item_height - self.gap_below - height, animate=False)

    # --- drawing

    def render_line(self, y: int) -> Strip:
        """One line of what is visible, by Textual's line API."""
        palette, width = self.context.palette, self.size.width
        blank = palette.style(Role.TEXT)
        if not self.keys:
            said = self.empty_lines()
            return palette.strip(said[y] if y < len(said) else [], width)
        row, part = divmod(y + self.scroll_offset.y, self.item_height)
        segments: list[Segment] = []
        first = row * self.columns
        for key in self.keys[first : first + self.columns]:
            if segments:
                segments.append(Segment(" " * self.GAP, blank))
            lines = self._lines_of(key)
            segments += lines[part] if part < len(lines) else [Segment(" " * self.item_width, blank)]
        return Strip(segments).adjust_cell_length(width, blank)

    def _lines_of(self, key: str) -> list[list[Segment]]:
        stamp, width = self.stamp(key), self.item_width
        selected = key == self.selected and self.context.options.wall is None
        self._stamps[key] = stamp
        cache_key = (key, stamp, selected, key in self.marked, width, self.item_height)
        lines = self._drawn.get(cache_key)
        if lines is None:
            ground: Ground = "selection" if selected else "background"
            segments = self.context.palette.segments
            lines = [segments(line, ground) for line in self.draw(key, width, selected=selected)]
            self._drawn[cache_key] = lines
        return lines

    # --- keys and mouse

    def action_move(self, where: str) -> None:
        """Move the cursor."""
        if not self.keys or self.selected is None:
            return
        index, last = self._index[self.selected], len(self.keys) - 1
        step = {
            "up": -self.columns,
            "down": self.columns,
            "left": -1,
            "right": 1,
            "next": 1,
            "page-up": -self.page,
            "page-down": self.page,
            "first": -index,
            "last": last - index,
        }[where]
        target = index + step
        if where == "down" and target > last and index // self.columns < last // self.columns:
            target = last
        elif where in {"up", "down"} and not 0 <= target <= last:
            target = index
        self.select(self.keys[min(last, max(0, target))])

    def action_choose(self) -> None:
        """Enter."""
        if self.selected is not None:
            self.post_message(ItemChosen(self.selected))

    def on_click(self, event: Click) -> None:
        """Select the item under the mouse; twice: open it."""
        row = (event.y + self.scroll_offset.y) // self.item_height
        column = min(self.columns - 1, event.x // (self.item_width + self.GAP))
        index = row * self.columns + column
        if index < len(self.keys):
            self.select(self.keys[index])
            if event.chain == 2:
                self.action_choose()
