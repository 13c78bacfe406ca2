"""The parts of the tree: nodes (a section, a zone, a machine) and leaves (a sensor)."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import nsmallest
from typing import Literal, TypeAlias

from controlroom.core.alarm_view import AlarmView
from controlroom.core.hierarchy.tally import NOTHING, Tally, trouble_of
from controlroom.core.sensor_view import SensorView
from controlroom.wire import Location

Level = Literal["plant", "section", "zone", "machine"]
#: (level, name): one step on the way down
Step: TypeAlias = tuple[Level, str]
Item: TypeAlias = "Node | Leaf"

#: begins the keys of nodes and of leaves: an id from the network may be anything, and must not be taken for a node
_NODE, _LEAF = "/", ">"
#: between the steps of a node's key; names that are shown have no control characters
_BETWEEN = "\x1f"
_NOWHERE = Location()
#: most abnormal sensors that are named of a node
WORST = 2


def path_of(location: Location) -> tuple[Step, ...]:
    """The way from the plant to a sensor; levels of which nothing is known are left out.

    >>> path_of(Location("press shop", "press-4", ""))
    (('section', 'press shop'), ('machine', 'press-4'))
    """
    steps: tuple[Step, ...] = (
        ("section", location.factory_section),
        ("zone", location.zone),
        ("machine", location.machine_id),
    )
    return tuple(step for step in steps if step[1])


def key_below(parent: Node, step: Step) -> str:
    """The key of the node one step further down."""
    return f"{parent.key}{_BETWEEN}{step[0]}{_BETWEEN}{step[1]}"


class Leaf:
    """One sensor, as it was when the tree last looked at it."""

    __slots__ = ("alarms", "due", "heard", "key", "label", "parent", "place", "tally", "trouble", "view")

    def __init__(self, view: SensorView) -> None:
        self.view = view
        self.key = _LEAF + view.sensor_id
        self.label = view.label
        #: where it was
        self.place = _NOWHERE
        self.parent: Node | None = None
        self.tally = NOTHING
        self.trouble = 0
        #: its live alarms
        self.alarms: tuple[AlarmView, ...] = ()
        #: when it is to be looked at again for being silent, in ticks of `Overdue`; None: never
        self.due: int | None = None
        #: when its last reading came, as it was when its silence was looked at
        self.heard: float | None = None

    @property
    def sensor_trouble(self) -> int:
        """As a node has it."""
        return self.trouble

    @property
    def depth(self) -> int:
        """Nodes above it, the plant itself not counted."""
        return self.parent.depth + 1 if self.parent is not None else 0

    def leaves(self) -> Iterator[Leaf]:
        """Itself."""
        yield self

    def worst(self) -> list[Leaf]:
        """Itself."""
        return [self]


class Node:
    """A section, zone or machine, and the plant above them, with what is counted of all below."""

    __slots__ = (
        *(
            "alarms",
            "children",
            "depth",
            "due",
            "heard",
            "key",
            "label",
            "level",
            "own",
            "parent",
            "sensor_trouble",
            "tally",
        ),
        *("trouble", "_ranked", "_ranked_by_name", "_worst"),
    )

    def __init__(self, step: Step, parent: Node | None) -> None:
        self.level, self.label = step
        self.parent = parent
        self.key: str = _NODE if parent is None else key_below(parent, step)
        self.depth: int = -1 if parent is None else parent.depth + 1
        self.children: dict[str, Item] = {}
        #: of these, the sensors that are heard as they should be
        self.heard: dict[str, Leaf] = {}
        #: when it is to be looked at again for silent ones, in ticks of `Overdue`; None: never
        self.due: int | None = None
        #: alarms of the zone or machine itself: it is silent as a whole, its sensors do not go together
        self.alarms: tuple[AlarmView, ...] = ()
        #: what is counted of these
        self.own = NOTHING
        self.tally: Tally = NOTHING
        #: of the worst of what lies below, and of its own alarms
        self.trouble = 0
        #: of the worst sensor below
        self.sensor_trouble = 0
        self._ranked: list[Item] | None = None
        self._ranked_by_name = False
        self._worst: list[Leaf] | None = None

    def weigh(self) -> bool:
        """Look at the troubles of the children again; whether its own are others now."""
        self._ranked = self._worst = None
        before = self.trouble, self.sensor_trouble
        children = self.children.values()
        self.sensor_trouble = max((child.sensor_trouble for child in children), default=0)
        self.trouble = max(trouble_of(self.own), max((child.trouble for child in children), default=0))
        return before != (self.trouble, self.sensor_trouble)

    def ranked(self, *, by_name: bool) -> list[Item]:
        """The children, the most troubled first, or by name. Names decide between equals, so that nothing flickers."""
        if self._ranked is None or self._ranked_by_name is not by_name:
            children = list(self.children.values())
            if by_name:
                children.sort(key=lambda item: (item.label, item.key))
            else:
                children.sort(key=lambda item: (-item.trouble, item.label, item.key))
            self._ranked, self._ranked_by_name = children, by_name
        return self._ranked

    def worst(self) -> list[Leaf]:
        """The most abnormal sensors below, the worst first."""
        if self._worst is None:
            # The best of all are among the best of the children that have the best.
            first = nsmallest(WORST, self.children.values(), key=_rank)
            self._worst = nsmallest(WORST, (leaf for child in first for leaf in child.worst()), key=_rank)
        return self._worst

    def leaves(self) -> Iterator[Leaf]:
        """All sensors below."""
        for child in self.children.values():
            yield from child.leaves()

    def nodes(self) -> Iterator[Node]:
        """Itself and all nodes below."""
        yield self
        for child in self.children.values():
            if isinstance(child, Node):
                yield from child.nodes()


def nodes_above(item: Item) -> Iterator[Node]:
    """The nodes that it lies below, the nearest first, the plant itself last."""
    node = item.parent
    while node is not None:
        yield node
        node = node.parent


def path_text(item: Item) -> str:
    """The names on the way to it, itself the last: `production/zone-a/machine-001`."""
    names = [item.label, *(node.label for node in nodes_above(item) if node.parent is not None)]
    return "/".join(reversed(names))


def _rank(item: Item) -> tuple[int, str, str]:
    return -item.sensor_trouble, item.label, item.key
