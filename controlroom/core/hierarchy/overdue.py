"""Which sensors to look at again as time passes: a sensor that falls silent tells nobody."""

from __future__ import annotations

import math
from collections.abc import Iterator
from heapq import heappop, heappush

from controlroom.core.freshness import STILL, patience_of
from controlroom.core.hierarchy.nodes import Leaf
from controlroom.core.plant_state import LEAST_STALE_S

#: looks a second: how late it may be noticed that a sensor is silent
_A_SECOND = 4
#: an interval that is estimated from readings may become shorter, so no look is further away than this, seconds
_LATEST_S = 60.0
#: sensors that are silent already, that are looked at in a second: after a lag their readings come without a gap
_SILENT_A_SECOND = 5_000
#: looks at once; the others have their turn at the next tick, so that sensors in step make no tick dear
_AT_ONCE = 5_000


class Overdue:
    """Leaves by when they are to be looked at. The cost is that of those that are due, not of all."""

    def __init__(self) -> None:
        self._leaves: dict[int, list[Leaf]] = {}
        self._times: list[int] = []

    def watch(self, leaf: Leaf, now: float, silent: int) -> None:
        """Look at a leaf when its next reading may be overdue; at a silent one (of `silent` in all) before long."""
        view = leaf.view
        leaf.heard = view.seen_at
        if view.state in STILL:
            leaf.due = None
        elif leaf.tally.silent or view.seen_at is None:
            self._plan(leaf, now + 1.0 + silent / _SILENT_A_SECOND)
        else:
            self._plan(leaf, max(now, view.seen_at + LEAST_STALE_S))

    def due(self, now: float, silent: int) -> Iterator[Leaf]:
        """The leaves that have fallen silent, or are heard again; who takes one watches it again."""
        last, looks = math.floor(now * _A_SECOND), 0
        while self._times and self._times[0] <= last:
            time = self._times[0]
            leaves = self._leaves[time]
            while leaves and looks < _AT_ONCE:
                leaf = leaves.pop()
                if leaf.due != time or leaf.parent is None:
                    continue
                looks += 1
                leaf.due = None
                if not self._is_as_before(leaf, now, silent):
                    yield leaf
            if leaves:
                break
            heappop(self._times)
            del self._leaves[time]

    def _is_as_before(self, leaf: Leaf, now: float, silent: int) -> bool:
        """Whether nothing has changed; then the next look is planned."""
        view = leaf.view
        heard = view.seen_at
        if leaf.tally.silent:
            if heard != leaf.heard:
                return False
            self._plan(leaf, now + 1.0 + silent / _SILENT_A_SECOND)
            return True
        if heard is None:
            return False
        if heard + LEAST_STALE_S > now:  # whatever its interval is
            self._plan(leaf, heard + LEAST_STALE_S)
            return True
        overdue = heard + patience_of(view)
        if overdue > now:
            self._plan(leaf, min(overdue, now + _LATEST_S))
        return overdue > now

    def _plan(self, leaf: Leaf, at: float) -> None:
        due = math.floor(at * _A_SECOND) + 1
        # A look that is planned for earlier will find out, and plan the next.
        if leaf.due is None or due < leaf.due:
            leaf.due = due
            leaves = self._leaves.get(due)
            if leaves is None:
                leaves = self._leaves[due] = []
                heappush(self._times, due)
            leaves.append(leaf)
