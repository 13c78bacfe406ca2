"""Whether this process uses the compiled modules."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableSequence
from functools import cache
from typing import NamedTuple

from compiled.modules import LIB, MODULES, STAMP, fingerprint

#: 0: never use compiled modules. 1: fail when they cannot be used. Anything else: use them where that is possible.
VARIABLE = "CONTROLROOM_COMPILED"


class State(NamedTuple):
    """Whether the compiled modules are used, and why not."""

    used: bool
    why: str = ""

    def __str__(self) -> str:
        return "compiled" if self.used else f"interpreted: {self.why}"


@cache
def state() -> State:
    """What this process uses; it is found out once.

    Raises:
        ImportError: the environment wants compiled modules (`CONTROLROOM_COMPILED=1`), and there are none to use.
    """
    wanted = os.environ.get(VARIABLE, "")
    found = State(used=False, why=f"{VARIABLE} is 0") if wanted == "0" else _found()
    if wanted == "1" and not found.used:
        raise ImportError(f"{VARIABLE} is 1, but compiled modules cannot be used: {found.why}")
    return found


def prefer(package: str, path: MutableSequence[str]) -> None:
    """Let the modules of `package` be imported compiled, if they can be. `path` is the package's `__path__`."""
    if state().used:
        path.insert(0, str(LIB.joinpath(*package.split("."))))
        # What they need of C lies beside this module.
        own = sys.modules["compiled"].__path__
        if (beside := str(LIB / "compiled")) not in own:
            own.insert(0, beside)


def _found() -> State:
    if not MODULES:
        return State(used=False, why="no module is compiled")
    try:
        built = STAMP.read_text("ascii")
    except FileNotFoundError:
        return State(used=False, why="nothing is built for this Python")
    if built != fingerprint():
        # The program may not log yet.
        text = "sources have changed since they were compiled, so they are interpreted; `make setup` compiles them"
        print(f"controlroom: {text}", file=sys.stderr)
        return State(used=False, why="sources have changed since they were compiled")
    return State(used=True)
