"""Screen 3: is the pipeline well?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.app import ComposeResult

from controlroom.core.plant_state import BrokerView
from controlroom.ui.bindings import BROKER, SCREENS
from controlroom.ui.context import Context
from controlroom.ui.render.bridge_rows import bridge_rows
from controlroom.ui.render.cluster_tables import Row, broker_rows, group_rows, partition_rows
from controlroom.ui.render.line import Line, Role, plain
from controlroom.ui.render.pipeline_tables import database_rows, pipeline_rows
from controlroom.ui.render.transaction_rows import transaction_rows
from controlroom.ui.screens.confirm import Confirm
from controlroom.ui.screens.list_screen import ListScreen
from controlroom.ui.widgets.cluster_list import ClusterList


class ClusterScreen(ListScreen):
    """Brokers, what is in trouble, the detection group, bridges, all groups, PostgreSQL, and every partition."""

    TAB = SCREENS["cluster"][1]
    BINDINGS = BROKER

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._partitions_first = False

    def body(self) -> ComposeResult:
        """One list of all."""
        yield ClusterList(self.context, id="cluster")

    def update(self) -> None:
        """Show it as it is."""
        self.query_one(ClusterList).show(self._rows())
        self._show_note()

    def relist(self) -> None:
        """The filter or the order has changed."""
        self.items.filtered = not self.filter.empty
        self.items.refresh()
        self.tick()

    def _rows(self) -> list[Row]:
        state, now, width, glyphs = self.context.state, self.context.now(), self.items.item_width, self.context.glyphs
        cluster, detail = state.cluster, state.cluster_detail
        well = partition_rows(cluster, now, width, glyphs, trouble=False)
        database = database_rows(state.database, now, width, glyphs)
        bridges = bridge_rows(state.bridges, now, width, glyphs)
        amiss = state.bridges is not None and not all(bridge.well for bridge in state.bridges.bridges)
        down = state.database is not None and not state.database.reachable
        rows = [
            *broker_rows(cluster, detail, now, width, glyphs),
            *(database if down else ()),  # trouble first: it must not be below the edge of the screen
            *transaction_rows(detail, now, width, glyphs),
            *partition_rows(cluster, now, width, glyphs, trouble=True),
            *(bridges if amiss else ()),
            *(well if self._partitions_first else ()),
            *pipeline_rows(state.pipeline, now, width, glyphs),
            *(() if amiss else bridges),
            *group_rows(detail, now, width, glyphs),
            *(() if down else database),
            *(() if self._partitions_first else well),
        ]
        if self.filter.empty:
            return rows
        return [row for row in rows if row.selectable and self.filter.passes(plain(row.line))]

    def status(self) -> Line:
        """There is no sensor here."""
        return [(" ", Role.TEXT)]

    def action_turn_order(self) -> None:
        """Partitions before or after the rest; those in trouble always come before."""
        self._partitions_first = not self._partitions_first
        self.relist()
        said = "before" if self._partitions_first else "after"
        self.context.state.notify(f"partitions {said} detection and groups", self.context.options.clock.now())

    # --- drills

    def key_words(self) -> Mapping[str, str]:
        """Only brokers are stopped and started."""
        broker = self._broker()
        if broker is None:
            return {"broker.switch": "", "broker.kill": ""}
        if broker.online:
            return {"broker.switch": "Stop broker"}
        return {"broker.switch": "Start broker", "broker.kill": ""}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Brokers elsewhere are not ours to stop: there is no key for it."""
        if action in {"switch_broker", "kill_broker"} and self.context.options.drills is None:
            return False
        if action == "freeze":
            return False  # rows keep their places here, and a view of the past would be taken for the present
        return super().check_action(action, parameters)

    def action_switch_broker(self) -> None:
        """Stop the broker under the cursor, or start it if it is down, after a question."""
        broker, drills = self._selected_broker(), self.context.options.drills
        if broker is None or drills is None:
            return
        number = broker.broker_id
        if broker.online:
            self._ask(f"Stop broker {number}?", self._without(broker), lambda: drills.stop(number))
        else:
            consequence = "It takes up its partitions where it left them, within some seconds."
            self._ask(f"Start broker {number}?", consequence, lambda: drills.start(number))

    def action_kill_broker(self) -> None:
        """End the broker under the cursor as a crash would, after a question."""
        broker, drills = self._selected_broker(), self.context.options.drills
        if broker is None or drills is None:
            return
        number = broker.broker_id
        if not broker.online:
            self._say(f"broker {number} is offline already")
        else:
            self._ask(f"Kill broker {number}?", self._without(broker), lambda: drills.kill(number))

    def _ask(self, question: str, consequence: str, work: Callable[[], None]) -> None:
        def answered(answer: bool | None) -> None:  # noqa: FBT001 - the result of a screen is given by position
            if answer:
                work()

        self.app.push_screen(Confirm(self.context, question, consequence), answered)

    def _without(self, broker: BrokerView) -> str:
        """What it means to do without one broker more."""
        cluster = self.context.state.cluster
        others = 0 if cluster is None else sum(one.online for one in cluster.brokers if one is not broker)
        total = 0 if cluster is None else len(cluster.brokers)
        if others * 2 > total:
            return f"The other {others} go on: nothing is lost, nothing stops."
        return f"{others} of {total} would be left: the quorum is lost, and readings wait."

    def _selected_broker(self) -> BrokerView | None:
        """The broker under the cursor; if that is on something else, the operator is told what to do."""
        broker = self._broker()
        if broker is None:
            self._say("put the cursor on a broker first")
        return broker

    def _broker(self) -> BrokerView | None:
        """The broker under the cursor; None: it is on something else."""
        cluster, key = self.context.state.cluster, self.items.selected or ""
        every = cluster.brokers if cluster is not None else ()
        return next((broker for broker in every if key == f"broker:{broker.broker_id}"), None)

    def _say(self, text: str) -> None:
        self.context.state.notify(text, self.context.options.clock.now(), "warning")
        self.tick()
