"""The line that says whether the pipeline is well."""

from __future__ import annotations

from controlroom.ui.render.cluster_line import cluster_line
from controlroom.ui.widgets.line_view import LineView


class ClusterBar(LineView):
    """Brokers, replication, lag, workers, bridges, database."""

    def tick(self) -> None:
        """Show the last probes, and how old they are if they are old."""
        state, context = self.context.state, self.context
        now, glyphs = context.now(), context.glyphs
        self.show(cluster_line(state.cluster, state.database, state.pipeline, now, glyphs, state.bridges))
