"""The order of tests when several processes share them: what takes long first, in every process's share.

pytest-xdist's `worksteal` deals out the collected list in as many equal pieces as there are processes, and whoever is
done takes from the end of another's piece. In the order of names the long tests lie side by side, and the last of
them run in one process while the others idle. Here every piece begins with modules that are likely to take long and
ends with unit tests, which are quick and can be taken one by one. Modules stay whole, and so do those that share what
takes long to start: sensors and a worker, in `tests/e2e`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

#: Directories of tests that start processes and wait for them.
SLOW = ("integration", "e2e", "faults")
#: Directories whose modules share what the first of them starts, and the last one stops.
TOGETHER = ("e2e",)
#: What a slow test without a bound of its own is counted as, seconds; others count as much as they are allowed.
USUAL_S = 30.0


class Test(Protocol):
    """As much of a pytest item as the order depends on."""

    @property
    def path(self) -> Path:
        """Its module."""
        ...

    def get_closest_marker(self, name: str) -> object:
        """The marker of that name, or None."""
        ...


def shared_out(items: Sequence[Test], processes: int) -> list[Test]:
    """The same tests in an order for so many processes."""
    modules: dict[Path, list[Test]] = {}
    quick: list[Test] = []
    for item in items:
        if any(part in SLOW for part in item.path.parts):
            shared = item.path.parent.name in TOGETHER
            modules.setdefault(item.path.parent if shared else item.path, []).append(item)
        else:
            quick.append(item)
    pieces: list[list[Test]] = [[] for _ in range(processes)]
    loads = [0.0] * processes
    # The longest first, each to whoever has least: Graham's rule (1969).
    for tests in sorted(modules.values(), key=lambda tests: (-sum(map(_weight, tests)), tests[0].path)):
        least = loads.index(min(loads))
        pieces[least] += tests
        loads[least] += sum(map(_weight, tests))
    # Pieces are cut by number: the quick ones fill them up to the same length.
    size, extra = divmod(len(items), processes)
    given = 0
    for number, piece in enumerate(pieces):
        wanted = max(0, size + (number < extra) - len(piece))
        piece += quick[given : given + wanted]
        given += wanted
    return [test for piece in pieces for test in piece] + quick[given:]


def _weight(test: Test) -> float:
    marker = test.get_closest_marker("timeout")
    arguments = getattr(marker, "args", ())
    return float(arguments[0]) if arguments else USUAL_S
