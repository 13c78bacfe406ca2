"""Stands in front of everything while the terminal is smaller than what is supported."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static


class TooSmall(ModalScreen[None]):
    """Says what is needed; the app takes it away when there is room again."""

    def compose(self) -> ComposeResult:
        """One line, wrapped if it must be."""
        yield Static("terminal too small: 80x24 needed", id="too-small", markup=False)
