"""Screen 1: is the plant well?"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from controlroom.core.alarm_view import AlarmView
from controlroom.core.hierarchy.nodes import Item, Leaf, Node, nodes_above
from controlroom.core.sensor_view import SensorView
from controlroom.ui.bindings import SCREENS, SEEK, SHAPE
from controlroom.ui.context import Context
from controlroom.ui.messages import Folded
from controlroom.ui.render.filtering import Filter
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.marks import WORDS
from controlroom.ui.render.order import SensorOrder, sorted_sensors
from controlroom.ui.render.tree_row import node_line, tree_head
from controlroom.ui.screens.list_screen import ListScreen
from controlroom.ui.screens.machine import MachineScreen
from controlroom.ui.screens.tree_orders import TreeOrders
from controlroom.ui.screens.trend_keys import TrendKeys
from controlroom.ui.widgets.alert_feed import AlertFeed
from controlroom.ui.widgets.item_view import ItemView
from controlroom.ui.widgets.line_view import LineView
from controlroom.ui.widgets.plant_tree import PlantTreeView
from controlroom.ui.widgets.sensor_grid import SensorGrid

#: what the bottom line names first
_FLAT_KEYS: tuple[str, ...] = (
    *("sensor.spawn", "sensor.pause", "sensor.inject", "sensor.clear"),
    *("list.tree", "list.filter", "sensor.remove"),
)
_TREE_KEYS = ("alarm.ack", "alarm.shelve", "sensor.maintenance", "list.filter", "list.tree", "sensor.pause")


class OverviewScreen(ListScreen, TreeOrders, TrendKeys):
    """A pane per sensor, worst first, or the plant as a tree; and the alert feed."""

    TAB = SCREENS["overview"][1]
    BINDINGS = [*SEEK, *SHAPE]  # noqa: RUF012 - Textual declares it so
    MARKS = True
    KEYS_FIRST = _FLAT_KEYS

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.order = SensorOrder.WORST
        #: whether the tree is shown
        self.as_tree = False
        #: what the tree was filtered by
        self._tree_filter = Filter()

    def body(self) -> ComposeResult:
        """Grid or tree, and feed: below one another, or side by side where there is room (see the style sheet)."""
        with Container(id="overview"):
            with Vertical(id="plant"):
                yield LineView(self.context, id="tree-head")
                yield SensorGrid(self.context, id="grid")
                yield PlantTreeView(self.context, id="tree")
            yield AlertFeed(self.context, id="feed")

    def on_mount(self) -> None:
        """The tree waits until it is wanted. Textual calls this of every class."""
        self._show_shape()

    @property
    def items(self) -> ItemView:
        """The list that is shown."""
        return self.plant_tree if self.as_tree else self.query_one(SensorGrid)

    @property
    def plant_tree(self) -> PlantTreeView:
        """The tree, also while it is not shown."""
        return self.query_one(PlantTreeView)

    def listed(self) -> list[str]:
        """Sensors, in the order that was chosen; of the tree, what is open."""
        if self.as_tree:
            self.total = self.plant_tree.listing.tree.root.tally.sensors
            return self.plant_tree.listed()
        every = list(self.context.state.sensors.values())
        self.total = len(every)
        views = [view for view in every if self.filter.passes_sensor(view)]
        return [view.sensor_id for view in sorted_sensors(views, self.order)]

    def list_version(self) -> object:
        """The tree has its own: that a sensor is silent, no message tells."""
        if self.as_tree:
            listing = self.plant_tree.listing
            return listing.version, listing.tree.version
        return super().list_version()

    def passing(self) -> int:
        """Of the tree the sensors, not the rows."""
        return self.plant_tree.listing.tree.root.tally.shown if self.as_tree else super().passing()

    def size_of_list(self) -> int:
        """Of the tree all sensors: the rows of many would change places all the time."""
        return self.plant_tree.listing.tree.root.tally.sensors if self.as_tree else super().size_of_list()

    def marked_for(self) -> int:
        """Of the tree the sensors below what is marked."""
        if not self.as_tree:
            return 0
        marked = set(self.plant_tree.marked_items)
        return sum(item.tally.shown for item in marked if not marked.intersection(nodes_above(item)))

    def update(self) -> None:
        """The list, and the feed."""
        if self.as_tree:
            self.plant_tree.listing.tree.follow(self.context.state, self.context.now())
        super().update()
        if self.as_tree:
            end = [(" by name" if self.plant_tree.listing.by_name else " worst first", Role.TITLE_DIM)]
            self.query_one("#tree-head", LineView).show(tree_head(self.items.item_width, end))
        self.query_one(AlertFeed).tick()

    def status(self) -> Line:
        """The whole of the node under the cursor; else the sensor."""
        item = self._item
        return node_line(item, filtered=not self.filter.empty) if isinstance(item, Node) else super().status()

    # --- what the keys act on

    @property
    def _item(self) -> Item | None:
        """What the cursor is on in the tree."""
        return self.plant_tree.item(self.plant_tree.selected) if self.as_tree else None

    def selected_sensor(self) -> SensorView | None:
        """The one under the cursor."""
        if self.as_tree:
            item = self._item
            return item.view if isinstance(item, Leaf) else None
        selected = self.items.selected
        return None if selected is None else self.context.state.sensors.get(selected)

    def meant_sensors(self) -> list[SensorView]:
        """The marked ones, else the one under the cursor; of a node all of its sensors."""
        if self.as_tree:
            return [leaf.view for leaf in self.plant_tree.listing.leaves(self.meant_items())]
        sensors = self.context.state.sensors
        return [sensors[key] for key in self.items.meant_keys if key in sensors]

    def meant_items(self) -> Sequence[Item]:
        """Nodes and sensors of the tree."""
        return self.plant_tree.meant_items if self.as_tree else []

    def meant_alarms(self) -> list[AlarmView]:
        """Of the nodes and sensors."""
        return self.plant_tree.listing.alarms(self.meant_items())

    def ordered(self) -> None:
        """The marks have done their work."""
        self.items.clear_marks()
        self.tick()

    def severity_of(self, key: str) -> int:
        """Of the sensor's alarms."""
        view = self.context.state.sensors.get(key)
        return view.severity if view is not None else 0

    # --- keys

    def action_turn_tree(self) -> None:
        """Flat, or as a tree."""
        self.as_tree = not self.as_tree
        self._show_shape()
        self.items.focus()
        self.relist()
        self.refresh_bindings()

    def action_show_machine(self) -> None:
        """The page of the machine under the cursor, or of the machine that the sensor under it is on."""
        tree = self.plant_tree.listing.tree
        tree.follow(self.context.state, self.context.now())
        item, view = self._item, self.selected_sensor()
        if item is None and view is not None:
            item = tree.leaf(view.sensor_id)
        way = [item, *nodes_above(item)] if item is not None else []
        machine = next((each for each in way if isinstance(each, Node) and each.level == "machine"), None)
        if machine is None:
            self.say("this is on no machine" if item is not None else "nothing is selected")
        else:
            self.app.push_screen(MachineScreen(self.context, tree, machine))

    def action_turn_order(self) -> None:
        """Worst first, by area, by name, by clock difference; the tree: worst first, or by name."""
        if self.as_tree:
            listing = self.plant_tree.listing
            listing.turn()
            said = "by name" if listing.by_name else "worst first"
        else:
            self.order = self.query_one(SensorGrid).order = self.order.next()
            said = str(self.order)
        self.relist()
        self.context.state.notify(f"sensors {said}", self.context.options.clock.now())

    def action_seek(self, severity: int, step: int) -> None:
        """Go to the next, or the previous, item of a severity; in the tree also where it is not open."""
        if not self.as_tree:
            super().action_seek(severity, step)
            return
        listing = self.plant_tree.listing
        found = listing.seek(self._item, severity, step)
        if found is None:
            self.say(f"nothing here is {WORDS[severity]}")
            return
        listing.reveal(found)
        self.relist()
        self.plant_tree.select(found.key)
        self.tick()

    def open_chosen(self) -> None:
        """A sensor's screen; a node's worst."""
        item = self._item
        if isinstance(item, Node):
            self.plant_tree.enter(item)
        else:
            super().open_chosen()

    def on_folded(self, event: Folded) -> None:
        """A list that is held still has other rows now, and goes on being held."""
        if self.frozen is not None:
            self.frozen = frozenset(self.items.keys)
        self.tick()

    def relist(self) -> None:
        """The tree filters by itself."""
        if self.as_tree and self.filter != self._tree_filter:
            self._tree_filter = self.filter
            self.plant_tree.listing.filter(None if self.filter.empty else self.filter.passes_sensor)
        super().relist()

    def _show_shape(self) -> None:
        self.query_one(SensorGrid).display = not self.as_tree
        self.plant_tree.display = self.as_tree
        self.query_one("#tree-head", LineView).display = self.as_tree
        self.KEYS_FIRST = _TREE_KEYS if self.as_tree else _FLAT_KEYS
