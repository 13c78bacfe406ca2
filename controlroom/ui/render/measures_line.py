"""How good the alarms are, in one line: the load against its targets, floods, stale ones, what is suppressed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from controlroom.core.alarm_view import AlarmView
from controlroom.core.alarms.measures import Report
from controlroom.core.alarms.model import Alarm, Label
from controlroom.core.archive import Answer
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.numbers import UNKNOWN, age_text

#: ISA-18.2: what one operator can manage in 10 minutes, and what is a flood
MANAGEABLE = 2
FLOOD = 10
#: measures that are older are said to be
_OLD_S = 90.0
_WIDE = 110


@dataclass(frozen=True, slots=True)
class Suppressed:
    """How many alarms are kept from the operator, by why."""

    shelved: int = 0
    by_design: int = 0
    out_of_service: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.shelved + self.by_design + self.out_of_service

    @classmethod
    def of(cls, live: Iterable[AlarmView], kept: Answer[tuple[Alarm, ...]] | None) -> Self:
        """As the database has it, which also knows those that are not live; before it answered, as was heard."""
        if kept is not None and kept.value is not None:
            return cls._of([str(alarm.label) for alarm in kept.value])
        return cls._of([alarm.state for alarm in live])

    @classmethod
    def _of(cls, labels: Sequence[str]) -> Self:
        return cls(*(labels.count(str(label)) for label in (Label.SHELVED, Label.BY_DESIGN, Label.OUT_OF_SERVICE)))


def measures_line(
    answer: Answer[Report] | None, suppressed: Suppressed, now: float, width: int, glyphs: Glyphs
) -> Line:
    """The last 10 minutes, the average of the day, floods, stale alarms; each beyond its target with a mark."""
    report = answer.value if answer is not None else None
    line: Line = [(" ", Role.TEXT)]
    if report is None:
        line += _figure("10 min", UNKNOWN, f"(most {MANAGEABLE})", bad=False, glyphs=glyphs)
    else:
        recent = report.windows[-1] if report.windows else 0
        average = report.annunciations / max(1, len(report.windows))
        flooded = any(period.end >= report.end for period in report.floods)
        line += _figure("10 min", str(recent), f"(most {MANAGEABLE})", bad=recent > MANAGEABLE, glyphs=glyphs)
        line += _figure("average", f"{average:.1f}", "(about 1)", bad=average > MANAGEABLE, glyphs=glyphs)
        if flooded:
            line += [(f"{glyphs.warning} FLOOD", Role.WARN), ("  ", Role.TEXT)]
        line += _figure("stale", str(len(report.stale)), "", bad=len(report.stale) >= 5, glyphs=glyphs)
    line += _suppressed(suppressed, width)
    if report is not None and (report.chattering or width >= _WIDE):
        line += _figure("chatter", str(len(report.chattering)), "", bad=bool(report.chattering), glyphs=glyphs)
    if answer is not None and answer.error:
        line.append((f"{glyphs.fault} {answer.error}", Role.STALE))
    elif answer is not None and now - answer.at > _OLD_S:
        line.append((f"{age_text(now - answer.at)} ago", Role.STALE))
    return fit(line, width)


def _figure(name: str, value: str, target: str, *, bad: bool, glyphs: Glyphs) -> Line:
    mark: Line = [(f"{glyphs.warning} ", Role.WARN)] if bad else []
    end: Line = [(f" {target}", Role.DIM)] if target else []
    role = Role.WARN if bad else Role.STALE if value == UNKNOWN else Role.TEXT
    return [*mark, (f"{name} ", Role.DIM), (value, role), *end, ("  ", Role.TEXT)]


def _suppressed(suppressed: Suppressed, width: int) -> Line:
    if width < _WIDE:
        return [("suppressed ", Role.DIM), (f"{suppressed.total}  ", Role.TEXT)]
    line: Line = []
    for name, count in (
        ("shelved", suppressed.shelved),
        ("by design", suppressed.by_design),
        ("out of service", suppressed.out_of_service),
    ):
        line += [(f"{name} ", Role.DIM), (f"{count}  ", Role.TEXT)]
    return line
