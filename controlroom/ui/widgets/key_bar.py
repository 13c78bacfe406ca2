"""The keys at the bottom, in one widget: Textual's own footer is one a key, and each costs at every frame."""

from __future__ import annotations

from collections.abc import Mapping

from textual.events import Click, Resize
from textual.screen import Screen

from controlroom.ui.context import Context
from controlroom.ui.render.key_line import KeyHint, fitting, hint_at, key_line
from controlroom.ui.widgets.line_view import LineView


class KeyBar(LineView):
    """The live bindings that are to be shown, each once."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, ground="surface")
        self._hints: list[KeyHint] = []
        #: what keys do to the thing under the cursor
        self._words: Mapping[str, str] = {}

    def tick(self, words: Mapping[str, str]) -> None:
        """The cursor may be on something else, or that has changed."""
        if words != self._words:
            self._words = dict(words)
            self._look()

    def on_mount(self) -> None:
        """Hear of other bindings."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)
        self._look()

    def on_resize(self, event: Resize) -> None:
        """There is room for more, or less."""
        self._look()

    def on_click(self, event: Click) -> None:
        """A click is the key."""
        hint = hint_at(self._hints, event.x)
        if hint is not None:
            self.app.simulate_key(hint.key)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if screen is self.screen and self.is_attached:
            self._look()

    def _look(self) -> None:
        hints: dict[str, KeyHint] = {}
        first = {name: place for place, name in enumerate(getattr(self.screen, "KEYS_FIRST", ()))}
        live = self.screen.active_bindings.values()
        words = self._words
        # What is named only because of the thing under the cursor is why one looks there.
        first |= {name: -1 for name, said in words.items() if said and name not in first}
        for active in sorted(live, key=lambda active: first.get(active.binding.id or "", len(first))):
            binding, name = active.binding, active.binding.id or ""
            said = words.get(name, binding.description if binding.show else "")
            if said and active.enabled:
                display = self.app.get_key_display(binding)
                hints.setdefault(binding.action, KeyHint(binding.key, display, said, name in {"app.help", "app.quit"}))
        self._hints = fitting(list(hints.values()), self.size.width)
        self.show(key_line(self._hints))
