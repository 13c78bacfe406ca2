"""The alarm under the cursor, below the list where there is room: how it stands and what to do about it."""

from __future__ import annotations

from controlroom.core.alarm_view import AlarmView
from controlroom.ui.context import Context
from controlroom.ui.query_schedule import QuerySchedule
from controlroom.ui.render.alarm_facts import alarm_facts, alarm_title, guidance_lines
from controlroom.ui.render.line import Line, Role
from controlroom.ui.widgets.line_view import LineView

_HEIGHT = 11
_ASK_EVERY_S = 10.0


class AlarmPreview(LineView):
    """Asks the database for the alarm when the cursor rests on it; without a database there is nothing to show."""

    def __init__(self, context: Context, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(context, height=_HEIGHT, id=id)
        self._key: tuple[str, str] | None = None
        self._schedule = QuerySchedule(self._ask, every_s=_ASK_EVERY_S)

    def _ask(self) -> None:
        history = self.context.options.history
        if history is not None and self._key is not None:
            history.alarm(*self._key)

    def tick(self, alarm: AlarmView | None) -> None:
        """Show this alarm."""
        if not self.size.height:  # a screen without room for it
            return
        if alarm is None or self.context.options.history is None:
            self.show()
            return
        now, width = self.context.now(), self.size.width
        self._key = (alarm.sensor_id, alarm.kind)
        self._schedule.tick(now, (*self._key, alarm.version))
        answer = self.context.state.archive.alarms.get(self._key)
        record = answer.value if answer is not None else None
        lines: list[Line] = [alarm_title(self._key, alarm, record, width, self.context.glyphs)]
        if record is not None:
            lines += [*alarm_facts(record, now, width), *guidance_lines(record.definition, width)]
        elif answer is not None and answer.error:
            lines.append([(f"   {answer.error}", Role.STALE)])
        self.show(*lines[:_HEIGHT])
