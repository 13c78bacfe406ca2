"""The overview as a tree: a row for each section, zone, machine and sensor that is listed."""

from __future__ import annotations

from collections.abc import Hashable

from controlroom.core.hierarchy.listing import TreeListing
from controlroom.core.hierarchy.nodes import Item, Leaf, Node
from controlroom.core.hierarchy.tree import PlantTree
from controlroom.ui.bindings import ROWS, TREE
from controlroom.ui.context import Context
from controlroom.ui.messages import Folded
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.sensor_state import state_word
from controlroom.ui.render.tree_row import leaf_row, node_row
from controlroom.ui.widgets.item_view import ItemView


class PlantTreeView(ItemView, inherit_bindings=False):
    """Rows of a tree; the cursor is on a node's or sensor's key, wherever that moves."""

    BINDINGS = [*ROWS, *TREE]  # noqa: RUF012 - Textual declares it so

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, id=id)
        self.listing = TreeListing(PlantTree())
        self._rows: dict[str, Item] = {}

    def listed(self) -> list[str]:
        """The keys of what is listed now."""
        rows = self.listing.rows()
        # What is gone from the list may still be on a list that is held still.
        self._rows |= {item.key: item for item in rows}
        if len(self._rows) > 2 * len(rows) + 1000:
            kept = {*self.keys, *self.marked}
            self._rows = {key: item for key, item in self._rows.items() if key in kept} | {i.key: i for i in rows}
        return [item.key for item in rows]

    def item(self, key: str | None) -> Item | None:
        """The node or sensor of a row."""
        return self._rows.get(key) if key is not None else None

    @property
    def marked_items(self) -> list[Item]:
        """The marked nodes and sensors."""
        return [self._rows[key] for key in self.marked if key in self._rows]

    @property
    def meant_items(self) -> list[Item]:
        """What a key acts on: the marked nodes and sensors, else the one under the cursor."""
        return [self._rows[key] for key in self.meant_keys if key in self._rows]

    def stamp(self, key: str) -> Hashable:
        """What is counted, and the readings of the sensors whose sparklines are shown."""
        item = self._rows[key]
        if isinstance(item, Leaf):
            return item.view.version, item.tally, state_word(item.view, self.context.now())
        worst = tuple((leaf.key, leaf.view.version) for leaf in item.worst())
        return item.tally, worst, self.listing.is_open(item), self.filtered

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The row."""
        item, glyphs, marked = self._rows[key], self.context.glyphs, key in self.marked
        if isinstance(item, Leaf):
            return [leaf_row(item, self.context.now(), width, glyphs, selected=selected, marked=marked)]
        opened = self.listing.is_open(item)
        return [node_row(item, width, glyphs, opened=opened, filtered=self.filtered, selected=selected, marked=marked)]

    def action_open(self) -> None:
        """Open the node under the cursor; in an open one go to the first row below it."""
        item = self.item(self.selected)
        if not isinstance(item, Node):
            return
        if self.listing.is_open(item):
            self._step_in(item)
        else:
            self._open(item)

    def action_close(self) -> None:
        """Close the node under the cursor; from one that is closed, and from a sensor, go up."""
        item = self.item(self.selected)
        if isinstance(item, Node) and self.listing.is_open(item):
            below = {row.key for row in self.listing.rows_below(item)}
            self.listing.close(item)
            self._list([key for key in self.keys if key not in below])
        elif item is not None and item.parent is not None:
            self.select(item.parent.key)

    def enter(self, node: Node) -> None:
        """Open a node and go to the first row below it: the worst."""
        if not self.listing.is_open(node):
            self._open(node)
        self._step_in(node)

    def _open(self, node: Node) -> None:
        self.listing.open(node)
        rows = self.listing.rows_below(node)
        self._rows |= {item.key: item for item in rows}
        below = [item.key for item in rows]
        place = self.keys.index(node.key) + 1
        there = set(below)
        self._list([*self.keys[:place], *below, *(key for key in self.keys[place:] if key not in there)])

    def _step_in(self, node: Node) -> None:
        """Where one node after the other has but one below, go to the last of them."""
        rows = self.listing.rows_below(node)
        place = 0
        while place + 1 < len(rows) and isinstance(rows[place], Node) and self._is_alone(rows[place]):
            place += 1
        if rows:
            self.select(rows[place].key)

    @staticmethod
    def _is_alone(item: Item) -> bool:
        return item.parent is not None and len(item.parent.children) == 1

    def _list(self, keys: list[str]) -> None:
        self.set_keys(keys)
        self.post_message(Folded())

    def empty_lines(self) -> list[Line]:
        """Before the first reading."""
        if self.filtered:
            return super().empty_lines()
        return [[], [("   waiting for the first reading", Role.TEXT)]]
