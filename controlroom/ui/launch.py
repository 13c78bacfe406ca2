"""Starts the terminal program, after a look at whether this terminal can show it."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

from controlroom.core.plant_state import PlantState
from controlroom.errors import TerminalError
from controlroom.ports import OperatorCommands
from controlroom.ui.options import LEAST_SIZE, UiOptions, before_textual


def check_terminal() -> None:
    """See whether there is a terminal, and room on it.

    Raises:
        TerminalError: there is none, or it is smaller than 80x24; says what to do.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TerminalError("no terminal to show the control room on", hint="`controlroom detect` runs without one")
    if os.environ.get("TERM", "") in {"", "dumb"}:
        raise TerminalError("this terminal cannot place a cursor (TERM is unset or dumb)", hint="set TERM, or detect")
    columns, lines = os.get_terminal_size(sys.stdout.fileno())
    if 0 < columns < LEAST_SIZE[0] or 0 < lines < LEAST_SIZE[1]:
        raise TerminalError(
            f"the terminal has {columns}x{lines}, the control room needs {LEAST_SIZE[0]}x{LEAST_SIZE[1]}",
            hint="enlarge the window or choose a smaller font",
        )


def run(state: PlantState, commands: OperatorCommands, options: UiOptions) -> int:
    """Show the plant until the operator quits; the process's exit status.

    Raises:
        TerminalError: this terminal cannot show it.
    """
    if options.browser:
        before_textual()
        return _run(state, commands, options)
    check_terminal()
    before_textual()
    # A shell that exports its size says what it was then, and Textual would believe it after every resize.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    # Textual writes there; which characters this terminal is sent is the options' matter, not the locale's.
    if isinstance(sys.__stderr__, TextIOWrapper):
        sys.__stderr__.reconfigure(encoding="utf-8", errors="replace")
    return _run(state, commands, options)


def _run(state: PlantState, commands: OperatorCommands, options: UiOptions) -> int:
    from controlroom.ui.app import ControlRoomApp

    app = ControlRoomApp(state, commands, options)
    app.run(mouse=options.mouse)
    return app.return_code or 0
