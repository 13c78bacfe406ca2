"""The shift: its notes, what stands, what is shelved; given to the next shift, which signs it."""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.core.handover_sections import signature_of
from controlroom.core.sanitise import sanitise
from controlroom.ui.bindings import DETAIL, SCREENS, SHIFT
from controlroom.ui.context import Context
from controlroom.ui.query_schedule import QuerySchedule
from controlroom.ui.render.cluster_tables import Row
from controlroom.ui.render.handover_rows import handover_rows, handover_title
from controlroom.ui.render.line import Line, Role, plain
from controlroom.ui.screens.confirm import Confirm
from controlroom.ui.screens.plant_screen import PlantScreen
from controlroom.ui.screens.text_form import TextForm
from controlroom.ui.widgets.cluster_list import ClusterList
from controlroom.ui.widgets.line_view import LineView

_ASK_EVERY_S = 10.0


class HandoverScreen(PlantScreen):
    """The report of the running shift, and the keys that write into it."""

    TAB = SCREENS["alarms"][1]
    BINDINGS = [*SHIFT, *DETAIL]  # noqa: RUF012 - Textual declares it so

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        shift = context.options.shift
        assert shift is not None, "there is no key for it"
        self._shift = shift
        self._schedule = QuerySchedule(shift.report, every_s=_ASK_EVERY_S)

    def body(self) -> ComposeResult:
        """Title and rows."""
        yield LineView(self.context, id="handover-title")
        yield ClusterList(self.context, id="handover")

    def on_mount(self) -> None:
        """The keys go to the rows."""
        super().on_mount()
        self.query_one(ClusterList).focus()

    def update(self) -> None:
        """Show the last answer."""
        state, now, width = self.context.state, self.context.now(), self.size.width
        self._schedule.tick(now, state.feed_version)
        answer = state.archive.shift.get("")
        title, rows = self.query_one("#handover-title", LineView), self.query_one(ClusterList)
        if answer is None or answer.value is None:
            waiting = answer.error if answer is not None and answer.error else "asking the database"
            title.show([(" SHIFT ", Role.TITLE_STRONG)])
            rows.show([Row("waiting", [(f"   {waiting}", Role.STALE)], selectable=True)])
            return
        report, unsigned = answer.value
        title.show(handover_title(report, max(0.0, now - answer.at), width))
        lines = handover_rows(report, unsigned, width)
        if answer.error:
            lines.insert(0, Row("error", [(f" {self.context.glyphs.fault} {answer.error}", Role.STALE)]))
        rows.show(lines)

    def status(self) -> Line:
        """The whole of the row under the cursor; on the first one, where there is more."""
        row = self.query_one(ClusterList).selected_row()
        if row is None or row.key == "summary":
            return [(" `controlroom handover show` prints it, also as Markdown and HTML", Role.DIM)]
        return [(" ".join(plain(row.line).split()), Role.TEXT)]

    def action_note(self) -> None:
        """Write a note."""

        def note(text: str | None) -> None:
            if text is not None:
                self._shift.note(text)

        about = "The next shift reads it, under your name."
        self.app.push_screen(TextForm(self.context, "NOTE", "into the log of the shift", "note", about), note)

    def action_give(self) -> None:
        """End the shift, after a question."""

        def give(answer: bool | None) -> None:  # noqa: FBT001 - the result of a screen is given by position
            if answer:
                self._shift.give()

        what = "Its report is kept as it is now, and cannot be changed. The next shift begins, and signs it."
        self.app.push_screen(Confirm(self.context, "Hand the shift over?", what), give)

    def action_sign(self) -> None:
        """Take over: sign the handover that waits for it."""
        answer = self.context.state.archive.shift.get("")
        unsigned = answer.value[1] if answer is not None and answer.value is not None else None
        if unsigned is None:
            self.say("no handover waits for a signature")
            return

        def sign(remark: str | None) -> None:
            if remark is not None:
                self._shift.sign(unsigned.number, remark)

        what = sanitise(signature_of(unsigned))
        about = "You take over what it tells, under your name."
        form = TextForm(self.context, "SIGN", what, "remark", about, needed=False)
        self.app.push_screen(form, sign)

    def action_back(self) -> None:
        """To the alarms."""
        self.app.pop_screen()
