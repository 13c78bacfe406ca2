"""How one alarm stands, and what its operator should know: the lines above its journal."""

from __future__ import annotations

import textwrap

from controlroom.core.alarm_view import AlarmView
from controlroom.core.alarms.definitions import Definition
from controlroom.core.archive import AlarmRecord
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.alarm_row import state_text
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit, spread
from controlroom.ui.render.marks import severity_mark
from controlroom.ui.render.numbers import age_text, clock_text, span_text, value_text

_NAME = 13
#: lines that one piece of guidance may take
_MOST_LINES = 3


def alarm_title(
    key: tuple[str, str], live: AlarmView | None, record: AlarmRecord | None, width: int, glyphs: Glyphs
) -> Line:
    """Sensor, and all kinds that found it, worst first; severity, state, priority."""
    alarm = record.alarm if record is not None else None
    kinds = live.kinds if live is not None else alarm.kinds if alarm is not None else ()
    start: Line = [
        (f" {sanitise(key[0], limit=64)} ", Role.TITLE_STRONG),
        (f" {sanitise(', '.join(kinds or key[1:]), limit=48)}", Role.TITLE),
    ]
    end: Line = []
    if alarm is not None and alarm.simulated:
        end.append((" SIM ", Role.TITLE_SIM if alarm.fault_id else Role.TITLE_DIM))
    if alarm is not None and alarm.priority is not None:
        end.append((f" {alarm.priority} priority ", Role.TITLE_DIM))
    if live is not None:
        mark, role = severity_mark(live.severity if live.active else 0, glyphs, unacked=live.unacked)
        end += [(mark, role if mark.strip() else Role.TITLE), (f" {state_text(live.state)} ", Role.TITLE_STRONG)]
    else:
        label = "closed" if alarm is None or str(alarm.label) == "NORMAL" else state_text(str(alarm.label))
        end.append((f" {label} ", Role.TITLE))
    return spread(start, end, width, Role.TITLE)


def alarm_facts(record: AlarmRecord, now: float, width: int) -> list[Line]:
    """When, how much, by whom: two lines to four."""
    alarm, seen = record.alarm, record.alarm.detection
    first: Line = []
    if alarm.raised_at is not None:
        since = f"{clock_text(alarm.raised_at)} {age_text(now - alarm.raised_at)}"
        first += _figure("raised", since)
    if not alarm.live and alarm.closed_at is not None:
        first += _figure("closed", clock_text(alarm.closed_at))
    if seen is not None:
        for name, value in (("value", seen.value), ("limit", seen.limit), ("usual", seen.expected)):
            if value is not None:
                first += _figure(name, value_text(value))
        if seen.score is not None:
            first += _figure("score", f"{seen.score:.3g}")
        if seen.detector:
            first += _figure("by", sanitise(seen.detector, limit=24))
    lines = [fit(first, width)]
    if seen is not None and seen.message:
        lines.append(fit([(f" {sanitise(seen.message, limit=300)}", Role.STRONG)], width))
    if alarm.also:
        others = "; ".join(f"{also.finding}: {also.message}" for also in alarm.also)
        lines.append(fit([(f" also {sanitise(others, limit=300)}", Role.TEXT)], width))
    marks = _marks(record)
    if marks:
        lines.append(fit(marks, width))
    return lines


def _marks(record: AlarmRecord) -> Line:
    """Who answered it, what keeps it from the operator, what is unusual about it."""
    alarm = record.alarm
    line: Line = []
    if alarm.acked_by and alarm.live:
        at = f" {clock_text(alarm.acked_at)}" if alarm.acked_at is not None else ""
        line += _figure("acked by", f"{sanitise(alarm.acked_by, limit=32)}{at}")
    if alarm.shelf is not None:
        until = f"{clock_text(alarm.shelf.until)} by {sanitise(alarm.shelf.who, limit=32)}"
        line += _figure("shelved until", f"{until}, {sanitise(alarm.shelf.reason, limit=120)}")
    if alarm.out_of_service is not None:
        mark = alarm.out_of_service
        line += _figure("out of service by", f"{sanitise(mark.who, limit=32)}, {sanitise(mark.reason, limit=120)}")
    if alarm.by_design:
        line += _figure("suppressed:", sanitise(", ".join(alarm.by_design), limit=120))
    if alarm.recurrences:
        line += _figure("again", f"{alarm.recurrences} times" if alarm.recurrences > 1 else "once")
    for word, on in (
        ("LATCHED", alarm.latched),
        ("CHATTER: shelving may help", alarm.chatter),
        ("STALE", alarm.standing),
        ("marked as false", alarm.marked_false),
    ):
        if on:
            line.append((f" {word} ", Role.STRONG))
    if alarm.fault_id:
        line += [(" fault ", Role.DIM), (sanitise(alarm.fault_id, limit=64), Role.SIM)]
    return line


def guidance_lines(definition: Definition, width: int) -> list[Line]:
    """Cause, consequence, action, run-book, time to act: as the alarm definitions have it."""
    lines: list[Line] = []
    for name, text in (
        ("cause", definition.cause),
        ("consequence", definition.consequence),
        ("action", definition.action),
        ("run-book", definition.runbook),
        ("act within", span_text(definition.allowed_response_s) if definition.allowed_response_s else ""),
    ):
        if text:
            role = Role.STRONG if name == "action" else Role.TEXT
            rows = textwrap.wrap(
                sanitise(text, limit=500), max(20, width - _NAME - 3), max_lines=_MOST_LINES, placeholder=" …"
            )
            lines += [
                [(f" {name if row == 0 else '':{_NAME}} ", Role.DIM), (said, role)] for row, said in enumerate(rows)
            ]
    return lines or [[(" no guidance: the alarm definitions say nothing of its cause or what to do", Role.DIM)]]


def _figure(name: str, text: str) -> Line:
    return [(f" {name} ", Role.DIM), (f"{text} ", Role.TEXT)]
