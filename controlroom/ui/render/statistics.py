"""Figures of the readings that are in memory."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, pstdev

from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import quantity_text, span_text, value_text


def statistics_lines(values: Sequence[float], times: Sequence[float], unit: str, interval: float) -> list[Line]:
    """Two lines: how the values lie, and what they are of."""
    if not values:
        return [[("   no reading in memory", Role.DIM)], []]
    figures = (
        ("last", quantity_text(values[-1], unit)),
        ("min", value_text(min(values))),
        ("mean", value_text(fmean(values))),
        ("max", value_text(max(values))),
        ("deviation", value_text(pstdev(values))),
    )
    first: Line = [("  ", Role.TEXT)]
    for name, text in figures:
        first += [(f" {name} ", Role.DIM), (f"{text} ", Role.TEXT)]
    count = f"{len(values)} readings over {span_text(times[-1] - times[0])}, one every {interval:g} s"
    return [first, [(f"   {count}", Role.DIM)]]
