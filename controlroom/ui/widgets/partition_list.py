"""The list of partitions, those in trouble first."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from controlroom.core.plant_state import PartitionView
from controlroom.ui.context import Context
from controlroom.ui.render.cluster_tables import partition_row
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.widgets.item_view import ItemView


class PartitionList(ItemView):
    """One row a partition; the keys are `topic/number`."""

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, id=id)
        self.partitions: Mapping[str, PartitionView] = {}

    def stamp(self, key: str) -> Hashable:
        """The partition as it was last seen."""
        return self.partitions.get(key)

    def draw(self, key: str, width: int, *, selected: bool) -> list[Line]:
        """The row."""
        return [fit(partition_row(self.partitions[key], width, self.context.glyphs, selected=selected), width)]

    def empty_lines(self) -> list[Line]:
        """Nothing is known, which is not the same as nothing being there."""
        return super().empty_lines() if self.filtered else [[("   not known", Role.DIM)]]
