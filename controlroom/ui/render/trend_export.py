"""A trend as a file: its points as CSV, its picture as SVG. Names of sensors are written as they are, escaped."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO
from xml.sax.saxutils import escape

from controlroom.core.sanitise import sanitise
from controlroom.core.thinning import thinned_indices
from controlroom.core.trends import Curve
from controlroom.ui.render.chart import Frame
from controlroom.ui.render.numbers import date_text
from controlroom.ui.render.trend_chart import TrendCurve

#: curves are told apart by colour and dashes, as in print
_COLOURS = ("#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#17becf", "#7f7f7f", "#bcbd22", "#e377c2")
_DASHES = ("", "8 3", "2 3", "8 3 2 3", "", "8 3", "2 3", "8 3 2 3")
_FONT = 'font-family="sans-serif" font-size="12"'
_WIDTH, _HEIGHT, _LEFT, _TOP, _ROW = 1200, 500, 70, 30, 18


def trend_csv(curves: Sequence[TrendCurve], units: Mapping[str, str]) -> str:
    """A row for each point; `low`, `high` and `seconds` are those of the bucket it stands for; `seconds` 0: a reading.

    >>> curve = TrendCurve(1, "temp,1", Curve((0.5,), (20.0,)))
    >>> print(trend_csv([curve], {"temp,1": "°C"}).strip())
    sensor,unit,time,value,low,high,seconds
    "temp,1",°C,1970-01-01T00:00:00.500000+00:00,20.0,,,0
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("sensor", "unit", "time", "value", "low", "high", "seconds"))
    for each in curves:
        curve = each.curve
        for index, (at, value) in enumerate(zip(curve.times, curve.values, strict=True)):
            bounds = (curve.lows[index], curve.highs[index]) if curve.lows else ("", "")
            moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
            writer.writerow((each.sensor_id, units.get(each.sensor_id, ""), moment, value, *bounds, f"{curve.width:g}"))
    return text.getvalue()


def trend_svg(curves: Sequence[TrendCurve], frames: Sequence[Frame], units: Mapping[str, str], title: str) -> str:
    """The picture, with each curve's scale from its lowest to its highest in the legend."""
    height = _TOP + _HEIGHT + 30 + _ROW * len(curves)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_FONT}>',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{_text(title)}</text>',
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH - 2 * _LEFT}" height="{_HEIGHT}" fill="none" stroke="#999"/>',
    ]
    start, end = frames[0].axis if frames else (0.0, 1.0)
    for step in range(6):
        x = _LEFT + (_WIDTH - 2 * _LEFT) * step / 5
        moment = date_text(start + (end - start) * step / 5)
        parts.append(f'<text x="{x:.0f}" y="{_TOP + _HEIGHT + 15}" text-anchor="middle">{moment}</text>')
    for place, (each, frame) in enumerate(zip(curves, frames, strict=True)):
        colour, dash = _COLOURS[place % len(_COLOURS)], _DASHES[place % len(_DASHES)]
        line = f'fill="none" stroke="{colour}" stroke-dasharray="{dash}"'
        parts += [f'<polyline {line} points="{" ".join(run)}"/>' for run in _runs(each.curve, frame, each.gap_s)]
        y = _TOP + _HEIGHT + 35 + _ROW * place
        scale = f"{frame.low:g} to {frame.high:g} {units.get(each.sensor_id, '')}".rstrip()
        name = f"{each.number}  {sanitise(each.sensor_id)}   scale {scale}"
        parts.append(f'<path d="M{_LEFT} {y - 4}h40" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        parts.append(f'<text x="{_LEFT + 50}" y="{y}">{_text(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _runs(curve: Curve, frame: Frame, gap_s: float) -> list[list[str]]:
    """Points of the picture, in pieces between gaps."""
    runs: list[list[str]] = []
    last = None
    wide, size = frame.end - frame.start or 1.0, frame.high - frame.low or 1.0
    for index in thinned_indices(curve.times, curve.values, frame.axis, _WIDTH - 2 * _LEFT):
        at, value = curve.times[index], curve.values[index]
        if last is None or at - last > gap_s:
            runs.append([])
        x = _LEFT + (at - frame.start) / wide * (_WIDTH - 2 * _LEFT)
        runs[-1].append(f"{x:.1f},{_TOP + (frame.high - value) / size * _HEIGHT:.1f}")
        last = at
    return runs


def _text(text: str) -> str:
    return escape(sanitise(text, limit=200))
