"""One row of the tree: a section, a zone, a machine with what is counted below it; or a sensor.

A number that is zero is left out, so that a node with which all is well is a name, a count and two calm lines::

     ■ CRIT ▲ WARN ▾ production     SIM    2   1                 1       20 ▁▂▃▄▅ ▁▁▁▁▁
"""

from __future__ import annotations

from controlroom.core.cells import crop, left, right
from controlroom.core.hierarchy.nodes import WORST, Leaf, Node, path_text
from controlroom.core.hierarchy.tally import Tally
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, Span, fit, heading
from controlroom.ui.render.marks import edge_mark, severity_mark
from controlroom.ui.render.numbers import count_text, quantity_text
from controlroom.ui.render.sensor_state import simulated_word, state_word
from controlroom.ui.render.sparkline import scale_of, sparkline

#: cells of the names, by the width of the row
_NAMES = ((160, 40), (100, 30), (0, 20))
#: cells before the name: cursor, worst active, worst that waits
_MARKS = 15
#: cells of the counts: high, medium, low, silent, bad, sensors
_COUNTS = (5, 4, 4, 7, 4, 8)
_VALUE, _STATE = 12, 9


def tree_head(width: int, end: Line) -> Line:
    """The names of the columns; `end` at the right."""
    titles = ("high", "med", "low", "silent", "bad", "sensors")
    counts = "".join(right(title, size) for title, size in zip(titles, _COUNTS, strict=True))
    return heading(f" active waits  {left('plant', _name(width))}{counts}", "", end, width)


def node_row(
    node: Node, width: int, glyphs: Glyphs, *, opened: bool, filtered: bool, selected: bool, marked: bool
) -> Line:
    """Worst active and worst waiting alarm, name, counts, and the most abnormal sensors as sparklines."""
    tally, size = node.tally, _name(width)
    drill = tally.faulty > 0
    name = f"{' ' * node.depth}{glyphs.opened if opened else glyphs.closed} {node.label}"
    line: Line = [
        *_marks(tally, glyphs, selected=selected, marked=marked),
        (left(name, size - 4 if drill else size), Role.TEXT),
    ]
    if drill:
        line += [(" ", Role.TEXT), ("SIM", Role.SIM)]
    numbers = (tally.high, tally.medium, tally.low, tally.silent, tally.bad)
    roles = (*(Role.STRONG,) * 3, *(Role.STALE,) * 2)
    for number, cells, role in zip(numbers, _COUNTS, roles, strict=False):
        line.append((right(count_text(number) if number else "", cells), role))
    line.append((right(_sensors(tally, _COUNTS[-1] - 1, filtered=filtered), _COUNTS[-1]), Role.DIM))
    room = width - _MARKS - size - sum(_COUNTS)
    each = (room - WORST) // WORST
    if each > 1:
        for leaf in node.worst():
            line += [(" ", Role.TEXT), *_spark(leaf.view, each, glyphs)]
    return fit(line, width)


def leaf_row(leaf: Leaf, now: float, width: int, glyphs: Glyphs, *, selected: bool, marked: bool) -> Line:
    """A sensor: its worst alarms, name, value, state and sparkline."""
    view, size = leaf.view, _name(width)
    word, role = state_word(view, now)
    room = width - _MARKS - size - _VALUE - _STATE - 6
    return fit(
        [
            *_marks(leaf.tally, glyphs, selected=selected, marked=marked),
            # Where there is room, further in than the machine's own name.
            (left(f"{' ' * (leaf.depth + (2 if size > _NAMES[-1][1] else 0))}{leaf.label}", size), Role.TEXT),
            (right(quantity_text(view.last_value, view.unit), _VALUE), Role.TEXT),
            (" ", Role.TEXT),
            (left(word, _STATE), role),
            (" ", Role.TEXT),
            simulated_word(view),
            (" ", Role.TEXT),
            *_spark(view, room, glyphs),
        ],
        width,
    )


def node_line(node: Node, *, filtered: bool) -> Line:
    """The whole of the node under the cursor: its own alarms, what does not fit into the row, its worst sensors."""
    tally = node.tally
    line: Line = [(f" {path_text(node)}", Role.STRONG)]
    for alarm in node.alarms:
        line += [("  itself: ", Role.DIM), (alarm.message or alarm.kind, Role.TEXT)]
    count = f"{tally.shown} of {tally.sensors}" if filtered else f"{tally.sensors}"
    line.append((f"  {count} sensor{'' if tally.sensors == 1 else 's'}", Role.TEXT))
    for number, words in ((tally.waiting, "wait"), (tally.suppressed, "suppressed"), (tally.other, "of no priority")):
        if number:
            line.append((f"  {number} {words}", Role.TEXT))
    worst = [leaf for leaf in node.worst() if leaf.trouble]
    if worst:
        named = ", ".join(f"{leaf.label} {quantity_text(leaf.view.last_value, leaf.view.unit)}" for leaf in worst)
        line += [("  worst: ", Role.DIM), (named, Role.TEXT)]
    return line


def _name(width: int) -> int:
    return next(size for least, size in _NAMES if width >= least)


def _marks(tally: Tally, glyphs: Glyphs, *, selected: bool, marked: bool) -> list[Span]:
    waiting = tally.worst_waiting
    return [
        edge_mark(glyphs, selected=selected, marked=marked),
        severity_mark(tally.worst_live, glyphs),
        (" ", Role.TEXT),
        (" " * 6, Role.DIM) if waiting is None else severity_mark(waiting, glyphs, unacked=True),
        (" ", Role.TEXT),
    ]


def _sensors(tally: Tally, width: int, *, filtered: bool) -> str:
    """How many; while a filter is set, of how many."""
    if not filtered:
        return count_text(tally.sensors)
    both = f"{count_text(tally.shown)}/{count_text(tally.sensors)}"
    return both if len(both) <= width else crop(count_text(tally.shown), width)


def _spark(view: SensorView, width: int, glyphs: Glyphs) -> Line:
    values = view.history.values(max(0, width))
    if not values:
        return [(" " * max(0, width), Role.SPARK)]
    scale = scale_of(values, view.warning, view.critical)
    return sparkline(values, width, scale=scale, glyphs=glyphs, warning=view.warning, critical=view.critical)[0]
