"""The measures against their targets, and the lists behind them, in as many lines as there are."""

from __future__ import annotations

from controlroom.core.alarms.measures import Frequent, Measure, Report, Verdict
from controlroom.core.cells import left, right
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit, spread
from controlroom.ui.render.numbers import UNKNOWN, age_text, clock_text, span_text

_NAME = 38
_VALUE = 10


def measures_table(report: Report, age: float, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """At most `height` lines; what does not fit of the lists is left out."""
    about = f" {span_text(report.end - report.start)} until {clock_text(report.end)} UTC, {report.annunciations} alarms"
    lines = [
        spread(
            [(" ALARM MEASURES ", Role.TITLE_STRONG), (about, Role.TITLE_DIM)],
            [(f"{age_text(age)} ago ", Role.TITLE_DIM)],
            width,
            Role.TITLE,
        ),
        fit([(f"   {left('measure', _NAME)} {right('value', _VALUE)}  target", Role.DIM)], width),
        *(_measure(measure, width, glyphs) for measure in report.measures),
        _responses(report, width),
    ]
    for name, found in (("MOST FREQUENT", report.frequent), ("CHATTERING", report.chattering)):
        room = height - len(lines) - 1
        if found and room > 0:
            lines.append(fit([(f" {name}", Role.TITLE_STRONG)], width, Role.TITLE))
            lines += [_frequent(alarm, width) for alarm in found[:room]]
    return lines[:height]


def _measure(measure: Measure, width: int, glyphs: Glyphs) -> Line:
    mark, role = {
        Verdict.FAIL: (glyphs.warning, Role.WARN),
        Verdict.MANAGEABLE: (glyphs.returned, Role.TEXT),
        Verdict.PASS: (" ", Role.TEXT),
        Verdict.NONE: (" ", Role.STALE),
    }[measure.verdict]
    value = UNKNOWN if measure.value is None else f"{measure.value:.3g} {measure.unit}".rstrip()
    return fit(
        [
            (f" {mark} ", role),
            (left(measure.name, _NAME), Role.TEXT),
            (f" {right(value, _VALUE)}  ", role),
            (left(measure.target, 30) if width >= 110 else measure.target, Role.DIM),
            (f"  {measure.detail}" if width >= 110 else "", Role.DIM),
        ],
        width,
    )


def _responses(report: Report, width: int) -> Line:
    def seconds(value: float | None) -> str:
        return UNKNOWN if value is None else span_text(value)

    return fit(
        [
            (f"   {left('acknowledged after, median', _NAME)} ", Role.TEXT),
            (f"{right(seconds(report.response_median_s), _VALUE)}  ", Role.TEXT),
            (f"nine of ten within {seconds(report.response_p90_s)}", Role.DIM),
        ],
        width,
    )


def _frequent(alarm: Frequent, width: int) -> Line:
    return fit(
        [
            (f"   {right(str(alarm.count), 6)}  {right(f'{100 * alarm.share:.0f} %', 5)}  ", Role.TEXT),
            (f"{sanitise(alarm.sensor_id, limit=48)} {sanitise(alarm.alarm_kind, limit=24)}", Role.TEXT),
        ],
        width,
    )
