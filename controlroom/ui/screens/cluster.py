"""Screen 3: is the pipeline well?"""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.ui.bindings import SCREENS
from controlroom.ui.context import Context
from controlroom.ui.render.cluster_tables import (
    broker_lines,
    database_lines,
    partition_head,
    pipeline_lines,
    trouble_of,
)
from controlroom.ui.render.line import Line, Role
from controlroom.ui.screens.list_screen import ListScreen
from controlroom.ui.widgets.line_view import LineView
from controlroom.ui.widgets.partition_list import PartitionList


class ClusterScreen(ListScreen):
    """Brokers, the detection group, PostgreSQL, and every partition."""

    TAB = SCREENS["cluster"][1]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._trouble_first = True

    def body(self) -> ComposeResult:
        """What is counted in lines above, the list of partitions below."""
        yield LineView(self.context, id="cluster-head")
        yield PartitionList(self.context, id="partitions")

    def listed(self) -> list[str]:
        """Partitions; those in trouble first, unless the operator wants them by name."""
        cluster = self.context.state.cluster
        found = {
            f"{part.topic}/{part.partition}": part
            for part in (cluster.partitions if cluster is not None else ())
            if self.filter.passes(
                f"{part.topic} {part.partition} {('leaderless', 'under-replicated', '')[trouble_of(part)]}"
            )
        }
        self.query_one(PartitionList).partitions = found
        first = trouble_of if self._trouble_first else (lambda _: 0)
        return sorted(found, key=lambda key: (first(found[key]), found[key].topic, found[key].partition))

    def list_version(self) -> object:
        """The cluster's view is made anew by every probe."""
        cluster = self.context.state.cluster
        return None if cluster is None else cluster.partitions

    def update(self) -> None:
        """Tables above, list below."""
        state, now, width = self.context.state, self.context.now(), self.size.width
        cluster, glyphs = state.cluster, self.context.glyphs
        partitions = None if cluster is None else len(cluster.partitions)
        trouble = 0 if cluster is None else sum(trouble_of(part) < 2 for part in cluster.partitions)
        lines = [
            *broker_lines(cluster, now, width, glyphs),
            *pipeline_lines(state.pipeline, now, width, glyphs),
            *database_lines(state.database, now, width, glyphs),
            *partition_head(partitions, trouble, width),
        ]
        head = self.query_one("#cluster-head", LineView)
        head.styles.height = len(lines)
        head.show(*lines)
        super().update()

    def status(self) -> Line:
        """There is no sensor here."""
        return [(" ", Role.TEXT)]

    def action_turn_order(self) -> None:
        """Trouble first, or by name."""
        self._trouble_first = not self._trouble_first
        self.relist()
        said = "trouble first" if self._trouble_first else "by name"
        self.context.state.notify(f"partitions {said}", self.context.options.clock.now())
