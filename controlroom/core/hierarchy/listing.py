"""What of the tree is listed: which nodes are open, in which order, what passes the filter, and where trouble is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controlroom.core.alarm_view import AlarmView
from controlroom.core.hierarchy.nodes import Item, Leaf, Node, nodes_above
from controlroom.core.hierarchy.tally import severity_of
from controlroom.core.hierarchy.tree import Passes, PlantTree


class TreeListing:
    """The rows of a tree. A node is open or closed by its key, so it is so again when it was gone for a while.

    While a filter is set, the way to all that passes it is open, apart from what is closed by hand.
    """

    def __init__(self, tree: PlantTree) -> None:
        self.tree = tree
        self.by_name = False
        #: changes with what is open, the order and the filter
        self.version = 0
        self._open: set[str] = set()
        self._closed: set[str] = set()
        self._filtered = False
        self._begun = False

    def filter(self, passes: Passes | None) -> None:
        """List what passes, with the way to it; None: all."""
        self._filtered = passes is not None
        self._closed.clear()
        self.tree.filter(passes)
        self.version += 1

    def turn(self) -> None:
        """By trouble, or by name."""
        self.by_name = not self.by_name
        self.version += 1

    # --- open and closed

    def is_open(self, node: Node) -> bool:
        """Whether what is below is listed."""
        return node.key not in self._closed if self._filtered else node.key in self._open

    def open(self, node: Node) -> None:
        """List what is below; where that is one node alone, also what is below that."""
        opened: Item | None = node
        while isinstance(opened, Node):
            self._open.add(opened.key)
            self._closed.discard(opened.key)
            below = self._shown(opened)
            opened = below[0] if len(below) == 1 else None
        self.version += 1

    def close(self, node: Node) -> None:
        """List the node alone."""
        self._open.discard(node.key)
        if self._filtered:
            self._closed.add(node.key)
        self.version += 1

    def reveal(self, item: Item) -> None:
        """Open the way to an item."""
        for node in nodes_above(item):
            self._open.add(node.key)
            self._closed.discard(node.key)
        self.version += 1

    # --- rows

    def rows(self) -> list[Item]:
        """What is listed, from the top."""
        if not self._begun and self.tree.root.children:
            self._begun = True
            self.open(self.tree.root)
        return list(self._below(self.tree.root))

    def rows_below(self, node: Node) -> list[Item]:
        """What is listed below a node; nothing if it is closed."""
        return list(self._below(node)) if self.is_open(node) else []

    def _below(self, node: Node) -> Iterator[Item]:
        for child in self._shown(node):
            yield child
            if isinstance(child, Node) and self.is_open(child):
                yield from self._below(child)

    def _shown(self, node: Node) -> list[Item]:
        children = node.ranked(by_name=self.by_name)
        return [child for child in children if child.tally.shown] if self._filtered else children

    # --- what an item stands for

    def leaves(self, items: Iterable[Item]) -> list[Leaf]:
        """The sensors of nodes and leaves, of what passes the filter, each once."""
        found = {leaf.key: leaf for item in items for leaf in item.leaves() if leaf.tally.shown}
        return list(found.values())

    def alarms(self, items: Iterable[Item]) -> list[AlarmView]:
        """Their alarms that are not closed, as the tree last saw them, with those of the zones and machines themselves.

        Those count only where no filter holds a sensor back: what cannot be seen cannot be meant.
        """
        items = list(items)
        nodes = {node.key: node for item in items if isinstance(item, Node) for node in item.nodes()}
        own = [alarm for node in nodes.values() if node.tally.shown == node.tally.sensors for alarm in node.alarms]
        every = [*own, *(alarm for leaf in self.leaves(items) for alarm in leaf.alarms)]
        return list({(alarm.sensor_id, alarm.kind): alarm for alarm in every}.values())

    # --- going from one trouble to the next

    def seek(self, start: Item | None, severity: int, step: int) -> Item | None:
        """The next sensor, zone or machine from `start` on with an alarm of that severity; from the last to the first.

        Args:
            start: where the cursor is.
            severity: 1 or 2.
            step: 1 or -1.
        """
        way = {start, *nodes_above(start)} if start is not None else set()
        stops: list[Item] = []
        place, on_it = 0, False

        def walk(node: Node) -> None:
            nonlocal place, on_it
            for child in self._shown(node):
                if child in way:
                    place, on_it = len(stops), False
                if child.alarms and severity_of(child.alarms) == severity:
                    on_it = on_it or child is start
                    stops.append(child)
                counted = child.tally.critical if severity == 2 else child.tally.warning
                if isinstance(child, Node) and (counted or child in way):
                    walk(child)

        walk(self.tree.root)
        if not stops:
            return None
        return stops[(place + (step if on_it else min(step, 0))) % len(stops)]
