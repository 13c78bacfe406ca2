"""A screen around one list: filter, order, cursor, marks, freezing."""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.ui.bindings import LIST
from controlroom.ui.context import Context
from controlroom.ui.messages import FilterChanged, ItemChosen
from controlroom.ui.render.filtering import Filter
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.list_note import list_note
from controlroom.ui.render.marks import WORDS
from controlroom.ui.screens.plant_screen import PlantScreen
from controlroom.ui.widgets.filter_bar import FilterBar
from controlroom.ui.widgets.item_view import ItemView
from controlroom.ui.widgets.line_view import LineView

#: items from which a list is not sorted at every change
_MANY = 500
_SORT_EVERY_S = 1.0


class ListScreen(PlantScreen):
    """A subclass yields its list in `body`, and says what is in it in `listed`."""

    BINDINGS = LIST
    #: whether items can be marked: where keys act on them
    MARKS = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.filter = Filter()
        #: items before the filter; a subclass may count them in `listed`
        self.total: int | None = None
        #: the items as they were when the list was frozen
        self.frozen: frozenset[str] | None = None
        self._listed_version: object = None
        self._listed_at = 0.0
        self._new = self._gone = 0

    def below(self) -> ComposeResult:
        """What is unusual about the list, and the filter, above the bottom lines."""
        yield LineView(self.context, id="list-note")
        yield FilterBar(self.context)

    def on_mount(self) -> None:
        """The keys go to the list."""
        self.items.focus()

    @property
    def items(self) -> ItemView:
        """The list."""
        return self.query_one(ItemView)

    def listed(self) -> list[str]:
        """The keys of what passes the filter, in order."""
        raise NotImplementedError

    def passing(self) -> int:
        """How many items pass the filter."""
        return len(self.items.keys)

    def size_of_list(self) -> int:
        """How many items are sorted."""
        return len(self.items.keys)

    def marked_for(self) -> int:
        """How many sensors the marked items stand for, where they are not sensors themselves."""
        return 0

    def list_version(self) -> object:
        """Changes when `listed` may."""
        return self.context.state.structure_version

    def severity_of(self, key: str) -> int:
        """How bad an item is, for the keys that go from one to the next."""
        return 0

    def update(self) -> None:
        """List anew when something else than a value has changed; redraw what did."""
        version, now = self.list_version(), self.context.now()
        # Sorting many sensors costs more than drawing a screenful; a second is soon enough for a place in a long list.
        due = self.size_of_list() < _MANY or not 0 <= now - self._listed_at < _SORT_EVERY_S
        if version != self._listed_version and (due or self._listed_version is None):
            self._listed_version, self._listed_at = version, now
            found = self.listed()
            if self.frozen is None:
                self.items.set_keys(found)
            else:
                present = set(found)
                self._new, self._gone = len(present - self.frozen), len(self.frozen - present)
        self.items.tick()
        self._show_note()

    def _show_note(self) -> None:
        items, note = self.items, self.query_one("#list-note", LineView)
        line = list_note(
            frozen=self.frozen is not None,
            new=self._new,
            gone=self._gone,
            marked=len(items.marked),
            sensors=self.marked_for(),
        )
        if note.display is not bool(line):
            note.display = bool(line)
        note.show(line)
        if not self.filter.empty:
            of = f" of {self.total}" if self.total is not None else " found"
            self.query_one(FilterBar).tell(f"{self.passing()}{of} ")

    def counted(self, what: str) -> Line:
        """How many items there are and in which order, for the end of a heading."""
        shown = self.passing()
        total = shown if self.total is None else self.total
        count = f"{shown}" if shown == total else f"{shown} of {total}"
        return [(f" {count}, {what} ", Role.TITLE_DIM)]

    def relist(self) -> None:
        """The filter or the order has changed: what was frozen moves again."""
        self.frozen = None
        self._listed_version = None
        self.items.filtered = not self.filter.empty
        self.items.refresh()
        self.tick()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def action_back(self) -> None:
        """Filter nothing; then mark nothing."""
        bar = self.query_one(FilterBar)
        if bar.is_open:
            bar.close()
            self.items.focus()
        elif self.items.marked:
            self.items.clear_marks()
            self.tick()

    def action_mark(self) -> None:
        """Mark the item under the cursor."""
        self.items.toggle_mark()
        self.tick()

    def action_freeze(self) -> None:
        """Hold the list still, whatever comes; again: let it go on."""
        self.frozen = frozenset(self.items.keys) if self.frozen is None else None
        self._new = self._gone = 0
        self._listed_version = None
        self.tick()

    def action_seek(self, severity: int, step: int) -> None:
        """Go to the next, or the previous, item of a severity; from the last one to the first."""
        keys = self.items.keys
        if not keys or self.items.selected is None:
            return
        start = keys.index(self.items.selected)
        for distance in range(1, len(keys) + 1):
            key = keys[(start + step * distance) % len(keys)]
            if self.severity_of(key) == severity:
                self.items.select(key)
                self.tick()
                return
        self.context.state.notify(f"nothing here is {WORDS[severity]}", self.context.options.clock.now())
        self.tick()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Marks are for lists that keys act on, and for who may act."""
        if action == "mark" and (not self.MARKS or self.context.viewer):
            return False
        return super().check_action(action, parameters)

    def on_filter_changed(self, event: FilterChanged) -> None:
        """Filter as it is typed."""
        self.filter = Filter(event.text)
        self.relist()

    def on_item_chosen(self, event: ItemChosen) -> None:
        """Enter. Textual calls this of every class, so what a subclass does else is in `open_chosen`."""
        self.open_chosen()

    def open_chosen(self) -> None:
        """Open the sensor that the item is about."""
        view = self.selected_sensor()
        if view is not None:
            self.show_sensor(view.sensor_id)
