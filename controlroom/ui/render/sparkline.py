"""Sparklines: one cell a reading, the newest at the right, coloured by the sensor's own limits.

>>> from controlroom.ui.render.glyphs import UNICODE
>>> from controlroom.ui.render.line import plain
>>> plain(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 10, scale=(0, 7), glyphs=UNICODE)[0])
'  ▁▂▃▄▅▆▇█'
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role

#: share of the least span that is left under the lowest value
_FLOOR = 0.15


def scale_of(values: Sequence[float], warning: float | None, critical: float | None) -> tuple[float, float]:
    """The values at the bottom and at the top.

    A sensor's usual noise must look calm, so the span is never less than what lies between its two limits (or, without
    limits, a twentieth of its size), and it lies low: only what matters fills the height.
    """
    low, high = min(values), max(values)
    if warning is not None and critical is not None and critical != warning:
        least = abs(critical - warning)
    else:
        least = max(abs(low), abs(high)) / 20 or 1.0
    low -= least * _FLOOR
    return low, max(high, low + least)


def sparkline(
    values: Sequence[float],
    width: int,
    *,
    scale: tuple[float, float],
    glyphs: Glyphs,
    warning: float | None = None,
    critical: float | None = None,
    height: int = 1,
) -> list[Line]:
    """`height` lines, the top one first, each `width` cells wide, of the newest values."""
    values = values[-width:] if width > 0 else []
    if not values:
        return [[(" " * max(0, width), Role.SPARK)] for _ in range(height)]
    low, high = scale
    levels = glyphs.levels
    steps = len(levels) * height
    factor = (steps - 1) / (high - low)
    heights = [min(steps - 1, max(0, round((value - low) * factor))) for value in values]
    roles = [_role(value, warning, critical) for value in values]
    pad = " " * (width - len(values))
    lines: list[Line] = []
    for row in range(height - 1, -1, -1):
        floor = row * len(levels)
        cells = [_cell(level - floor, levels, base=row == 0) for level in heights]
        line: Line = [(pad, Role.SPARK)] if pad else []
        index = 0
        for role, group in groupby(roles):
            size = sum(1 for _ in group)
            line.append(("".join(cells[index : index + size]), role))
            index += size
        lines.append(line)
    return lines


def _cell(level: int, levels: str, *, base: bool) -> str:
    if level >= len(levels):
        return levels[-1]
    if level < 0:
        return levels[0] if base else " "
    return levels[level]


def _role(value: float, warning: float | None, critical: float | None) -> Role:
    if critical is not None and value >= critical:
        return Role.CRIT
    if warning is not None and value >= warning:
        return Role.WARN
    return Role.SPARK
