"""The alarms that one stands for, and under them its journal."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from controlroom.core.alarms.model import Alarm
from controlroom.core.archive import AlarmRecord
from controlroom.core.sanitise import sanitise
from controlroom.ui.bindings import ROWS
from controlroom.ui.context import Context
from controlroom.ui.render.journal_row import child_row, journal_row
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import age_text
from controlroom.ui.widgets.item_view import ItemView
from controlroom.wire import AlarmEvent


class JournalList(ItemView, inherit_bindings=False):
    """One row an event; the keys are its id, and for a child its sensor and kind."""

    BINDINGS = ROWS

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, id=id)
        self._record: AlarmRecord | None = None
        self._events: dict[str, tuple[float, AlarmEvent]] = {}
        self._children: dict[str, Alarm] = {}
        self._kinds = False

    def take(self, record: AlarmRecord | None) -> None:
        """Show this record."""
        if record is self._record or record is None:
            return
        self._record = record
        self._children = {f"child\0{alarm.sensor_id}\0{alarm.kind}": alarm for alarm in record.children}
        self._events = {f"event\0{event.event_id}": (at, event) for at, event in record.journal}
        self.set_keys([*self._children, *self._events])

    def take_events(self, events: Sequence[AlarmEvent]) -> None:
        """Show these events of several alarms, oldest first, each with its kind."""
        found = {f"event\0{event.event_id}": (event.timestamp.timestamp(), event) for event in reversed(events)}
        if found != self._events:
            self._events, self._kinds = found, True
            self.set_keys(list(found))

    def selected_child(self) -> Alarm | None:
        """The child under the cursor, if it is on one."""
        return self._children.get(self.selected) if self.selected is not None else None

    def said(self) -> Line:
        """The words of the event under the cursor: a row may be too short for them."""
        found = self._events.get(self.selected or "")
        if found is None:
            return []
        event = found[1]
        return [
            (f" {sanitise(event.actor, limit=32)}".rstrip(), Role.STRONG),
            (f" {sanitise(event.message)}", Role.TEXT),
        ]

    def stamp(self, key: str) -> Hashable:
        """Its age: nothing else of it changes, but for a child's state."""
        now, child = self.context.now(), self._children.get(key)
        if child is not None:
            return child.version, age_text(now - (child.raised_at or now))
        return age_text(now - self._events[key][0])

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The row."""
        now, glyphs, child = self.context.now(), self.context.glyphs, self._children.get(key)
        if child is not None:
            return [child_row(child, now, width, glyphs, selected=selected)]
        at, event = self._events[key]
        return [journal_row(at, event, now, width, glyphs, selected=selected, kinds=self._kinds)]
