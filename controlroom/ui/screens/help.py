"""Help: the keys of the screen that it was called from, as they are bound now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from controlroom.ui.context import Context
from controlroom.ui.render.help import KeyGroup, help_lines
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
    "app": "program",
}


class Help(ModalScreen[None]):
    """Keys and marks.

    Args:
        context: what every widget works with.
        bindings: the live ones, of the screen before.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q,enter", "dismiss", "Back", id="help.back")]

    def __init__(self, context: Context, bindings: Sequence[ActiveBinding]) -> None:
        super().__init__()
        self.context = context
        self._live = bindings

    def compose(self) -> ComposeResult:
        """One block of lines."""
        with Vertical(id="help"):
            yield LineView(self.context, id="form-title", ground="surface")
            yield LineView(self.context, id="help-lines", ground="panel")

    def on_mount(self) -> None:
        """Draw the keys."""
        lines = help_lines(self._groups(), self.context.glyphs)
        view = self.query_one("#help-lines", LineView)
        view.styles.height = len(lines)
        view.show(*lines)
        self.query_one("#form-title", LineView).show(
            [(" KEYS AND MARKS ", Role.TITLE_STRONG), (" Esc goes back", Role.TITLE_DIM)]
        )

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
