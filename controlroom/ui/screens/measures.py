"""How good the alarms are: the measures of ISA-18.2 and EEMUA 191 against their targets, over the last day."""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.ui.bindings import DETAIL, SCREENS
from controlroom.ui.context import Context
from controlroom.ui.query_schedule import QuerySchedule
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.measures_table import measures_table
from controlroom.ui.screens.plant_screen import PlantScreen
from controlroom.ui.widgets.line_view import LineView

_ASK_EVERY_S = 30.0


class MeasuresScreen(PlantScreen):
    """The table, and the lists behind it."""

    TAB = SCREENS["alarms"][1]
    BINDINGS = DETAIL

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        history = context.options.history
        assert history is not None, "there is no key for it"
        self._schedule = QuerySchedule(history.measures, every_s=_ASK_EVERY_S)

    def body(self) -> ComposeResult:
        """Lines."""
        yield LineView(self.context, height="1fr", id="measures-table")

    def update(self) -> None:
        """Show the last answer."""
        now, size = self.context.now(), self.query_one("#measures-table", LineView).size
        self._schedule.tick(now)
        answer = self.context.state.archive.measures.get("")
        lines: list[Line]
        if answer is None or answer.value is None:
            waiting = answer.error if answer is not None else "asking the database"
            lines = [[], [(f"   {waiting}", Role.STALE)]]
        else:
            lines = measures_table(answer.value, now - answer.at, size.width, size.height, self.context.glyphs)
        self.query_one("#measures-table", LineView).show(*lines)

    def status(self) -> Line:
        """Where there is more."""
        return [(" `controlroom report` tells more, of any period, also as HTML", Role.DIM)]

    def action_back(self) -> None:
        """To the list."""
        self.app.pop_screen()
