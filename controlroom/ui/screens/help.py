"""Help: the keys of the screen that it was called from, as they are bound now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen

from controlroom.ui.context import Context
from controlroom.ui.key_index import live_keys, search
from controlroom.ui.render.help import KeyEntry, KeyGroup, found_lines, help_lines
from controlroom.ui.render.line import Role
from controlroom.ui.widgets.line_view import LineView

#: first part of a binding's id -> how the group is called
_GROUPS = {
    "screen": "screens",
    "move": "move",
    "sensor": "sensor",
    "broker": "broker",
    "alarm": "alarm",
    "shift": "shift",
    "seek": "go to",
    "trend": "trend",
    "span": "chart",
    "list": "list",
    "detail": "detail",
    "replay": "replay",
    "tour": "tour",
    "app": "program",
}

#: characters of a search
_LONGEST = 40


class Help(ModalScreen[None]):
    """Keys and marks, and a search in the keys of all screens.

    Args:
        context: what every widget works with.
        bindings: the live ones, of the screen before.
        elsewhere: the keys of other screens.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,enter", "dismiss", "Back", id="help.back")]

    def __init__(self, context: Context, bindings: Sequence[ActiveBinding], elsewhere: Sequence[KeyEntry] = ()) -> None:
        super().__init__()
        self.context = context
        self._live = bindings
        self._elsewhere = elsewhere
        self._query = ""

    def compose(self) -> ComposeResult:
        """One block of lines."""
        with Vertical(id="help"):
            yield LineView(self.context, id="form-title", ground="surface")
            yield LineView(self.context, id="help-lines", ground="panel")

    def on_mount(self) -> None:
        """Draw the keys."""
        self._all = help_lines(self._groups(), self.context.glyphs)
        self._entries = [*live_keys(self.app, self._live), *self._elsewhere]
        # The panel keeps its size while a search is typed.
        self.query_one("#help-lines", LineView).styles.height = len(self._all)
        self._draw()

    def on_key(self, event: Key) -> None:
        """Type what to search; Esc first ends the search."""
        if event.character is not None and event.is_printable and event.character != "?":
            self._query = (self._query + event.character).lstrip()[:_LONGEST]
        elif event.key == "backspace":
            self._query = self._query[:-1]
        elif event.key == "escape" and self._query:
            self._query = ""
        else:
            return
        event.stop()
        event.prevent_default()
        self._draw()

    def _draw(self) -> None:
        title, lines = self.query_one("#form-title", LineView), self.query_one("#help-lines", LineView)
        if not self._query:
            title.show([(" KEYS AND MARKS ", Role.TITLE_STRONG), (" type to search, Esc goes back", Role.TITLE_DIM)])
            lines.show(*self._all)
            return
        found = search(self._query, self._entries)
        title.show(
            [
                (" SEARCH ", Role.TITLE_STRONG),
                (f" {self._query}", Role.TITLE_STRONG),
                (f"{self.context.glyphs.cursor}  {len(found)} found, Esc ends it", Role.TITLE_DIM),
            ]
        )
        lines.show(*found_lines(found, len(self._all)))

    def _groups(self) -> list[KeyGroup]:
        found: dict[str, dict[str, tuple[list[str], str]]] = {name: {} for name in _GROUPS}
        for active in self._live:
            binding = active.binding
            group = (binding.id or "").partition(".")[0]
            if group in found and active.enabled:
                # Two keys for one thing, there and back, are one line: `e E`.
                name = (binding.id or "").removesuffix("-back")
                keys, _ = found[group].setdefault(name, ([], binding.description))
                shown = self.app.get_key_display(binding)
                if shown not in keys:
                    keys.append(shown)
        return [
            KeyGroup(title, [(" ".join(keys), what) for keys, what in found[name].values()])
            for name, title in _GROUPS.items()
            if found[name]
        ]
