"""One machine: its sensors as small charts on one time axis, its own alarms, its drills and maintenance."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from controlroom.core.alarm_view import AlarmView
from controlroom.core.archive import LearningFacts
from controlroom.core.hierarchy.nodes import Item, Node
from controlroom.core.hierarchy.tree import PlantTree
from controlroom.core.sensor_view import SensorView
from controlroom.ui.bindings import DETAIL, MARK, SPAN
from controlroom.ui.context import Context
from controlroom.ui.messages import ItemChosen
from controlroom.ui.query_schedule import QuerySchedule
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.machine_rows import MARGIN, STRIPS, machine_title, own_alarm_line, strip_lines
from controlroom.ui.render.span import DEFAULT_SPAN, SPANS, end_of
from controlroom.ui.render.trend_chart import time_axis
from controlroom.ui.render.trend_curves import TrendPicture, picture_of
from controlroom.ui.render.trend_window import TrendWindow
from controlroom.ui.screens.tree_orders import TreeOrders
from controlroom.ui.screens.trend_keys import TrendKeys
from controlroom.ui.trend_schedule import TrendSchedule
from controlroom.ui.widgets.line_view import LineView
from controlroom.ui.widgets.machine_sensors import MachineSensors

_ASK_EVERY_S = 10.0
#: alarms of the machine itself that are shown
_OWN_ALARMS = 2


class MachineScreen(TreeOrders, TrendKeys):
    """Keys act on the whole machine, after a question with the count; or on the sensors that are marked.

    Args:
        context: what every widget works with.
        tree: the plant.
        node: the machine in it.
    """

    BINDINGS = [*SPAN, *MARK, *DETAIL]  # noqa: RUF012 - Textual declares it so
    KEYS_FIRST = ("alarm.ack", "alarm.shelve", "sensor.maintenance", "sensor.inject", "sensor.pause", "detail.back")

    def __init__(self, context: Context, tree: PlantTree, node: Node) -> None:
        super().__init__(context)
        self._tree = tree
        self._node = node
        self.span = DEFAULT_SPAN
        self._schedule = TrendSchedule(context)
        self._learning = QuerySchedule(self._ask_learning, every_s=_ASK_EVERY_S)
        self._window = TrendWindow()

    def body(self) -> ComposeResult:
        """Title, the machine's own alarms, the charts, the axis, strips."""
        yield LineView(self.context, id="machine-title")
        yield LineView(self.context, id="machine-spans")
        yield LineView(self.context, id="machine-alarms")
        yield MachineSensors(self.context, id="machine-sensors")
        yield LineView(self.context, height=STRIPS + 1, id="machine-strips")

    def on_mount(self) -> None:
        """The keys go to the sensors. Textual calls this of every class."""
        self.charts.focus()

    @property
    def charts(self) -> MachineSensors:
        """The sensors."""
        return self.query_one(MachineSensors)

    def update(self) -> None:
        """Show it as it is."""
        state, now, width, glyphs = self.context.state, self.context.now(), self.size.width, self.context.glyphs
        self._tree.follow(state, now)
        node, charts = self._node, self.charts
        title, alarms = self.query_one("#machine-title", LineView), self.query_one("#machine-alarms", LineView)
        if not node.children:
            title.show([(" this machine is gone", Role.TITLE_STRONG)])
            charts.set_keys([])
            return
        leaves = {leaf.view.sensor_id: leaf.view for leaf in node.leaves()}
        charts.set_keys(sorted(leaves, key=lambda key: (leaves[key].label, key)))
        self._window.sensors = list(charts.visible_keys)
        self._window.seconds = SPANS[self.span]
        self._learning.tick(now, tuple(self._window.sensors))
        end = max((end_of(view, now) for view in leaves.values()), default=now)
        answer = self._schedule.answer(self._window.question(), end)
        picture = picture_of(self._window, state, end, answer, None, asks=self.context.options.history is not None)
        subjects = {alarm.sensor_id for alarm in node.alarms}
        picture.events.extend(event for event in list(state.feed) if event.sensor_id in subjects)
        picture.events.sort(key=lambda event: (event.timestamp, event.version))
        step = max(1.0, SPANS[self.span] / max(1, 2 * width))
        charts.take(picture, (int(end // step), id(answer), state.feed_version, self.span))
        charts.tick()
        title.show(machine_title(node, width, glyphs))
        own = sorted(node.alarms, key=lambda alarm: (-alarm.severity, -alarm.raised_at))[:_OWN_ALARMS]
        alarms.display = bool(own)
        alarms.styles.height = max(1, len(own))
        alarms.show(*(own_alarm_line(alarm, now, width, glyphs) for alarm in own))
        self.query_one("#machine-spans", LineView).show(self._spans(picture))
        inner = charts.item_width
        facts = [facts for key in leaves if (facts := self._facts(key)) is not None]
        strips = strip_lines(picture, facts, min(end, picture.axis[1]), inner, glyphs)
        self.query_one("#machine-strips", LineView).show(time_axis(picture.axis, MARGIN, inner), *strips)

    def _spans(self, picture: TrendPicture) -> Line:
        line: Line = [(" [ ", Role.STRONG)]
        for name in SPANS:
            line += [(name, Role.TAB if name == self.span else Role.DIM), (" ", Role.TEXT)]
        return [*line, ("]  ", Role.STRONG), (picture.source, Role.DIM)]

    def _facts(self, sensor_id: str) -> LearningFacts | None:
        answer = self.context.state.archive.learning.get(sensor_id)
        return answer.value if answer is not None else None

    def _ask_learning(self) -> None:
        """Of what is on the screen, and no more: a machine may have hundreds of sensors."""
        history = self.context.options.history
        if history is not None:
            for key in self._window.sensors:
                history.learning(key)

    # --- what the keys act on

    def selected_sensor(self) -> SensorView | None:
        """The one under the cursor."""
        selected = self.charts.selected
        return None if selected is None else self.context.state.sensors.get(selected)

    def meant_sensors(self) -> list[SensorView]:
        """The marked ones, else all."""
        marked = self.charts.marked
        return [leaf.view for leaf in self._node.leaves() if not marked or leaf.view.sensor_id in marked]

    def meant_items(self) -> Sequence[Item]:
        """The marked sensors, else the machine."""
        marked = self.charts.marked
        return [leaf for leaf in self._node.leaves() if leaf.view.sensor_id in marked] if marked else [self._node]

    def meant_alarms(self) -> list[AlarmView]:
        """Of the sensors that are meant; of the machine, unless only some are."""
        own = () if self.charts.marked else self._node.alarms
        sensors = {view.sensor_id for view in self.meant_sensors()}
        leaves = [leaf for leaf in self._node.leaves() if leaf.view.sensor_id in sensors]
        return [*own, *(alarm for leaf in leaves for alarm in leaf.alarms)]

    def ordered(self) -> None:
        """The marks have done their work."""
        self.charts.clear_marks()
        self.tick()

    # --- keys

    def action_mark(self) -> None:
        """Mark the sensor under the cursor."""
        self.charts.toggle_mark()
        self.tick()

    def action_span(self, step: int) -> None:
        """A shorter or a longer span."""
        names = list(SPANS)
        self.span = names[min(len(names) - 1, max(0, names.index(self.span) + step))]
        self.tick()

    def on_item_chosen(self, event: ItemChosen) -> None:
        """Enter: the sensor."""
        self.show_sensor(event.key)

    def action_back(self) -> None:
        """Mark nothing; then to the screen before."""
        if self.charts.marked:
            self.ordered()
        else:
            self.app.pop_screen()
