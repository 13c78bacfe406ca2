"""The tree, kept up with the plant: what has changed is looked at again, and the difference is added on the way up.

A tick costs what has changed since the last one, however many sensors there are. All of them are looked at only at the
beginning, when the tree was not followed for long, and when another filter is set.
"""

from __future__ import annotations

from collections.abc import Callable

from controlroom.core.alarm_view import AlarmView
from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.hierarchy.nodes import Leaf, Level, Node, Step, key_below, path_of
from controlroom.core.hierarchy.overdue import Overdue
from controlroom.core.hierarchy.tally import NOTHING, Tally, tally_of_alarms, tally_of_sensor, trouble_of
from controlroom.core.machines import MACHINE_KIND
from controlroom.core.plant_state import PlantState
from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.wire import Location

Passes = Callable[[SensorView], bool]

#: a clock that was set back further means that all is looked at anew, seconds
_BACK_S = 5.0
#: from the machines up to the plant, by depth
_DEPTHS = (2, 1, 0, -1)
#: what alarms can be of that are not of a sensor, by what their names begin with
_GROUPS: dict[str, Level] = {"zone": "zone", "machine": "machine"}
_GROUP_KINDS = (GROUP_KIND, MACHINE_KIND)

#: differences that a filter makes
_SHOWN, _NO_LONGER = Tally(shown=1), Tally(shown=-1)


class PlantTree:
    """All sensors of a plant by where they are. One thread uses it; another may write the plant meanwhile."""

    def __init__(self) -> None:
        self._begin()
        self._passes: Passes | None = None
        #: changes with whatever is counted, and with the order
        self.version = 0

    def _begin(self) -> None:
        self.root = Node(("plant", ""), None)
        self._leaves: dict[str, Leaf] = {}
        #: the nodes that sensors are in, by what these say
        self._places: dict[Location, Node] = {}
        self._state: PlantState | None = None
        self._position = 0
        self._now = 0.0
        self._overdue = Overdue()
        #: alarms of zones and machines, and the names that these have on the wire
        self._groups: dict[Step, tuple[str, tuple[AlarmView, ...]]] = {}
        #: zones and machines by name: a group has no section, so there may be several of a name
        self._named: dict[Step, list[Node]] = {}
        #: groups of which there is a node now, or none any more: they are looked at when the nodes are settled
        self._again: list[str] = []
        #: by depth: what is to be added to a node, and whether its children's troubles have changed
        self._pending: dict[int, dict[Node, tuple[Tally, bool]]] = {depth: {} for depth in _DEPTHS}

    def follow(self, state: PlantState, now: float) -> None:
        """Bring the tree up to the plant as it is at `now`, seconds since the epoch."""
        if state is not self._state or now < self._now - _BACK_S:
            self._begin()
            self._state, self._now = state, now
            self._position, _ = state.changes.since(0)
            self._look_at_all()
        else:
            self._now = now
            self._position, changed = state.changes.since(self._position)
            if changed is None:
                self._look_at_all()
            else:
                for key in dict.fromkeys(changed):
                    self._look(key)
        for leaf in self._overdue.due(now, self.root.tally.silent):
            self._refresh(leaf)
        self._settle()

    def leaf(self, sensor_id: str) -> Leaf | None:
        """A sensor by its id; None: there is none, or it was not there when the plant was followed last."""
        return self._leaves.get(sensor_id)

    def filter(self, passes: Passes | None) -> None:
        """Show only what passes; None: all."""
        self._passes = passes
        for leaf in self._leaves.values():
            shown = int(passes is None or passes(leaf.view))
            if shown != leaf.tally.shown:
                leaf.tally = leaf.tally._replace(shown=shown)
                assert leaf.parent is not None
                self._add(leaf.parent, _SHOWN if shown else _NO_LONGER, weigh=False)
        self._settle()
        self.version += 1

    # --- one sensor or group

    def _look_at_all(self) -> None:
        assert self._state is not None
        groups = [name for name, _ in self._groups.values()]
        alarms = [alarm.sensor_id for alarm in self._state.live_alarms() if alarm.kind in _GROUP_KINDS]
        for key in dict.fromkeys([*self._leaves, *list(self._state.sensors), *groups, *alarms]):
            self._look(key)

    def _look(self, key: str) -> None:
        """Take a sensor, or a group, as it is now."""
        assert self._state is not None
        view = self._state.sensors.get(key)
        step = self._look_at_group(key)
        leaf = self._leaves.get(key)
        if leaf is not None and (leaf.view is not view or (step in self._named and _speaks_for(view))):
            self._take_away(leaf)
            leaf = None
        if view is None or (step in self._named and _speaks_for(view)):
            return
        if leaf is None:
            leaf = self._leaves[key] = Leaf(view)
        if leaf.parent is None or leaf.place != view.location:
            self._put(leaf, view.location)
        self._refresh(leaf)

    def _look_at_group(self, key: str) -> Step | None:
        """Take the alarms of a zone or machine itself; None: there is no such thing of that name."""
        assert self._state is not None
        sort, _, name = key.partition(":")
        if sort not in _GROUPS or not name:
            return None
        step = (_GROUPS[sort], sanitise(name, limit=40))
        found = (self._state.live_alarm(key, kind) for kind in _GROUP_KINDS)
        alarms = tuple(alarm for alarm in found if alarm is not None)
        if alarms or step in self._groups or key in self._state.sensors:
            self._groups[step] = (key, alarms)
            for node in self._named.get(step, ()):
                node.alarms = alarms
                self._weigh_own(node)
        return step

    def _weigh_own(self, node: Node) -> None:
        own = tally_of_alarms(node.alarms) if node.alarms else NOTHING
        if own != node.own:
            self._add(node, own.minus(node.own), weigh=True)
            node.own = own

    def _refresh(self, leaf: Leaf) -> None:
        view, passes, before = leaf.view, self._passes, leaf.tally
        leaf.alarms = tuple(view.alarms.values()) if view.alarms else ()
        shown = passes is None or passes(view)
        tally = tally_of_sensor(view, leaf.alarms, self._now, shown=shown)
        if tally is not before and tally != before:
            leaf.tally = tally
            trouble = trouble_of(tally)
            moved, leaf.trouble = trouble != leaf.trouble, trouble
            assert leaf.parent is not None
            self._add(leaf.parent, tally.minus(before) if before is not NOTHING else tally, weigh=moved)
        self._overdue.watch(leaf, self._now, self.root.tally.silent)

    # --- places

    def _put(self, leaf: Leaf, place: Location) -> None:
        if leaf.parent is not None:
            self._leave(leaf)
        node = self._places.get(place)
        if node is None:
            node = self.root
            for step in path_of(place):
                node = self._child(node, step)
            self._places[place] = node
        leaf.parent, leaf.place = node, place
        node.children[leaf.key] = leaf
        self._add(node, leaf.tally, weigh=True)

    def _child(self, parent: Node, step: Step) -> Node:
        known = parent.children.get(key_below(parent, step))
        if isinstance(known, Node):
            return known
        new = Node(step, parent)
        parent.children[new.key] = new
        self._add(parent, NOTHING, weigh=True)
        self._named.setdefault(step, []).append(new)
        if step in self._groups:
            self._again.append(self._groups[step][0])
        return new

    def _leave(self, leaf: Leaf) -> None:
        assert leaf.parent is not None
        del leaf.parent.children[leaf.key]
        leaf.parent.heard.pop(leaf.key, None)
        self._add(leaf.parent, NOTHING.minus(leaf.tally), weigh=True)

    def _take_away(self, leaf: Leaf) -> None:
        self._leave(leaf)
        leaf.parent = None
        del self._leaves[leaf.view.sensor_id]

    def _drop(self, node: Node) -> None:
        """Nothing is below it any more."""
        assert node.parent is not None
        del node.parent.children[node.key]
        self._places.clear()
        step = (node.level, node.label)
        nodes = self._named[step]
        nodes.remove(node)
        if not nodes:
            del self._named[step]
            if step in self._groups:
                self._again.append(self._groups[step][0])

    # --- sums

    def _add(self, node: Node, difference: Tally, *, weigh: bool) -> None:
        pending = self._pending[node.depth]
        if node in pending:
            known, weighs = pending[node]
            weigh = weigh or weighs
            difference = known if difference is NOTHING else difference if known is NOTHING else known.plus(difference)
        pending[node] = (difference, weigh)

    def _settle(self) -> None:
        """Add the differences, from the machines up."""
        while self._again:
            self._look(self._again.pop())
        for depth in _DEPTHS:
            pending, self._pending[depth] = self._pending[depth], {}
            self.version += bool(pending)
            for node, (difference, weigh) in pending.items():
                node.tally = node.tally.plus(difference)
                moved = weigh and node.weigh()
                parent = node.parent
                if parent is None:
                    continue
                if not node.children:
                    self._drop(node)
                    difference, moved = difference.minus(node.own), True  # noqa: PLW2901 - what it was counts no more
                self._add(parent, difference, weigh=moved)
        if self._again:
            self._settle()


def _speaks_for(view: SensorView | None) -> bool:
    """Whether it is only the name that the alarms of a machine have: no sensor has ever spoken under it."""
    if view is None or view.seen_at is not None or view.sensor_type or view.state:
        return False
    return all(kind == MACHINE_KIND for kind in list(view.alarms))
