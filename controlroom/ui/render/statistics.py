"""Figures of a span of readings."""

from __future__ import annotations

from controlroom.core.archive import Statistics
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import UNKNOWN, count_text, quantity_text, value_text


def statistics_line(statistics: Statistics | None, unit: str, interval: float) -> Line:
    """How the values lie, and how many they are."""
    if statistics is None:
        return [("  no reading in this span", Role.DIM)]
    line: Line = [(" ", Role.TEXT)]
    for name, text in (
        ("last", quantity_text(statistics.last, unit)),
        ("min", value_text(statistics.low)),
        ("mean", value_text(statistics.mean)),
        ("max", value_text(statistics.high)),
        ("sd", UNKNOWN if statistics.deviation is None else value_text(statistics.deviation)),
        ("n", count_text(statistics.count)),
        ("every", f"{interval:g} s"),
    ):
        line += [(f" {name} ", Role.DIM), (f"{text} ", Role.TEXT)]
    return line
