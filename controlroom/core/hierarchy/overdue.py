"""Which sensors to look at again as time passes: a sensor that falls silent tells nobody.

Sensors that are heard are looked at together with all that are directly below the same node, when the one that was
heard longest ago may be overdue. What is silent is looked at by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from heapq import heappop, heappush

from controlroom.core.freshness import STILL, patience_of
from controlroom.core.hierarchy.nodes import Item, Leaf, Node
from controlroom.core.reading_columns import LEAST_STALE_S

#: looks a second: how late it may be noticed that a sensor is silent
_A_SECOND = 4
#: an interval that is estimated from readings may become shorter, so no look is further away than this, seconds
_LATEST_S = 60.0
#: sensors that are silent already, that are looked at in a second: after a lag their readings come without a gap
_SILENT_A_SECOND = 5_000
#: sensors that are looked at one by one at a tick; the others have their turn at the next, so that no tick is dear
_AT_ONCE = 5_000


class Overdue:
    """Nodes and leaves by when they are to be looked at. The cost is that of those that are due, not of all."""

    def __init__(self) -> None:
        self._items: dict[int, list[Item]] = {}
        self._times: list[int] = []

    def watch(self, leaf: Leaf, now: float, silent: int) -> None:
        """Look at a leaf when its next reading may be overdue; at a silent one (of `silent` in all) before long."""
        view, node = leaf.view, leaf.parent
        leaf.heard = view.seen_at
        if node is None:
            return
        if view.state in STILL or leaf.tally.silent or view.seen_at is None:
            node.heard.pop(leaf.key, None)
            if view.state not in STILL:
                self._plan(leaf, now + 1.0 + silent / _SILENT_A_SECOND)
        else:
            node.heard[leaf.key] = leaf
            self._plan(node, max(now, view.seen_at + LEAST_STALE_S))

    def due(self, now: float, silent: int) -> Iterator[Leaf]:
        """The leaves that have fallen silent, or are heard again; who takes one watches it again before the next."""
        last, looks = math.floor(now * _A_SECOND), 0
        while self._times and self._times[0] <= last and looks < _AT_ONCE:
            time = self._times[0]
            items = self._items[time]
            while items and looks < _AT_ONCE:
                item = items.pop()
                if item.due != time:
                    continue  # another look was planned for earlier
                item.due = None
                if isinstance(item, Node):
                    for leaf in self._fallen_silent(item, now, _AT_ONCE - looks):
                        looks += 1
                        yield leaf
                elif item.parent is not None and item.tally.silent:
                    looks += 1
                    if item.view.seen_at == item.heard:
                        self._plan(item, now + 1.0 + silent / _SILENT_A_SECOND)
                    else:
                        yield item
            if not items:
                heappop(self._times)
                del self._items[time]

    def _fallen_silent(self, node: Node, now: float, most: int) -> Iterator[Leaf]:
        """The leaves of a node of which no reading has come in time, at most so many; then its next look is planned."""
        heard = [leaf.view.seen_at or 0.0 for leaf in node.heard.values()]
        if not heard:
            return
        earliest = min(heard) + LEAST_STALE_S
        if earliest <= now:  # only now the intervals matter
            earliest, found = math.inf, 0
            for leaf, at in zip(list(node.heard.values()), heard, strict=True):
                overdue = at + LEAST_STALE_S
                if overdue <= now:
                    overdue = at + patience_of(leaf.view)
                    if overdue <= now:
                        if found < most:
                            found += 1
                            yield leaf
                        else:
                            earliest = now
                        continue
                earliest = min(earliest, overdue)
        if earliest < math.inf:
            self._plan(node, min(earliest, now + _LATEST_S))

    def _plan(self, item: Item, at: float) -> None:
        due = math.floor(at * _A_SECOND) + 1
        # A look that is planned for earlier will find out, and plan the next.
        if item.due is None or due < item.due:
            item.due = due
            items = self._items.get(due)
            if items is None:
                items = self._items[due] = []
                heappush(self._times, due)
            items.append(item)
