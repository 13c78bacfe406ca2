"""The pictures of the report's page: SVG that needs no script, no font and no network."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

WIDTH, HEIGHT = 900, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 12, 26
BAD, GOOD, AXIS = "#a40e26", "#4a7ba6", "#8c959f"
TICKS = 6


def bars(counts: Sequence[int], start: float, each_s: float, limit: float, title: str) -> str:
    """Counts over time as bars, from `start` in steps of `each_s` seconds; what exceeds `limit` stands out."""
    highest = _round_up(max(*counts, limit * 1.2, 1))
    step = (WIDTH - LEFT - RIGHT) / len(counts)
    scale = (HEIGHT - TOP - BOTTOM) / highest
    floor = HEIGHT - BOTTOM
    parts = [_grid(highest, scale, floor)]
    for index, count in enumerate(counts):
        if count:
            at = _when(start + index * each_s, "%Y-%m-%d %H:%M")
            color = BAD if count > limit else GOOD
            x, tall = LEFT + index * step, count * scale
            parts.append(_bar(x, floor - tall, max(step - 1, 0.5), tall, color, f"{at}: {count}"))
    level = floor - limit * scale
    across = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{level:.1f}" y2="{level:.1f}"'
    parts.append(f'<line {across} stroke="{BAD}" stroke-dasharray="6 4"/>')
    parts.append(_text(WIDTH - RIGHT, level - 4, f"more than {limit:g} is too much", "end", BAD))
    parts.append(_times(start, each_s * len(counts), floor))
    return _svg(HEIGHT, "".join(parts), title)


def rows(named: Sequence[tuple[str, float, str]], title: str, *, color: str = GOOD) -> str:
    """Names with a horizontal bar each and what is written behind it."""
    line, name_width, said_width = 22, 330, 130
    most = max((value for _, value, _ in named), default=0) or 1
    room = WIDTH - name_width - said_width
    parts = []
    for index, (name, value, said) in enumerate(named):
        y = index * line
        length = room * value / most
        parts.append(_text(name_width - 8, y + 15, name, "end", "#1b1f24"))
        parts.append(
            f'<rect x="{name_width}" y="{y + 4}" width="{max(length, 1):.1f}" height="{line - 8}" fill="{color}"/>'
        )
        parts.append(_text(name_width + max(length, 1) + 6, y + 15, said, "start", "#57606a"))
    return _svg(max(1, len(named)) * line, "".join(parts), title)


def _bar(x: float, y: float, width: float, height: float, color: str, title: str) -> str:
    box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {box} fill="{color}"><title>{escape(title)}</title></rect>'


def _svg(height: float, inside: str, title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{inside}</svg>'


def _grid(highest: float, scale: float, floor: float) -> str:
    parts = []
    for quarter in range(5):
        value = highest * quarter / 4
        y = floor - value * scale
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#eaeef2"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{value:g}", "end", AXIS))
    return "".join(parts)


def _times(start: float, span: float, floor: float) -> str:
    form = "%H:%M" if span <= 2 * 86_400 else "%m-%d %H:%M" if span <= 7 * 86_400 else "%Y-%m-%d"
    parts = []
    for tick in range(TICKS + 1):
        x = LEFT + (WIDTH - LEFT - RIGHT) * tick / TICKS
        anchor = "start" if tick == 0 else "end" if tick == TICKS else "middle"
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{floor}" y2="{floor + 4}" stroke="{AXIS}"/>')
        parts.append(_text(x, floor + 17, _when(start + span * tick / TICKS, form), anchor, AXIS))
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str, color: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" fill="{color}">{escape(text)}</text>'


def _when(at: float, form: str) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(form)


def _round_up(value: float) -> float:
    """The next number that four parts of are whole or readable.

    >>> [_round_up(value) for value in (1, 12, 35, 130)]
    [4, 12, 40, 160]
    """
    size = 4
    while size < value:
        for factor in (1, 2, 3, 4, 5, 8):
            if size * factor >= value:
                return size * factor
        size *= 10
    return size
