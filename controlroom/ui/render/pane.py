"""One sensor's pane on the overview: a title with the value, a sparkline, and what is the matter with it.

Normal is quiet: no word for the severity, a grey line. The pane is 2 to 6 lines high; the words of its last line stand
in columns, so that the eye can run down them::

    ■ temp-sensor-001 temperature 42.48 °C
    ▁▂▃▄▅▆▇█▇▆▅▄▃▂▁▂▃▄▅ CRIT spike     SIM
"""

from __future__ import annotations

from rich.cells import cell_len

from controlroom.core.cells import crop, left, right
from controlroom.core.sensor_view import SensorView
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, width_of
from controlroom.ui.render.marks import WORDS, edge_mark, severity_glyph, severity_role
from controlroom.ui.render.numbers import quantity_text
from controlroom.ui.render.order import SensorOrder
from controlroom.ui.render.sensor_state import clock_words, simulated_word, state_word
from controlroom.ui.render.sparkline import scale_of, sparkline

#: the narrowest pane that shows an id, a type and a value of the documented length
LEAST_WIDTH = 39
LEAST_HEIGHT = 2
MOST_HEIGHT = 6

#: severity, state, SIM
_TAIL = 19
#: a type cropped to less says nothing
_LEAST_ABOUT = 4


def pane(
    view: SensorView,
    now: float,
    *,
    width: int,
    height: int,
    glyphs: Glyphs,
    selected: bool = False,
    order: SensorOrder = SensorOrder.WORST,
    marked: bool = False,
) -> list[Line]:
    """The lines of a pane that is `height` high (2 to 6), each `width` cells wide; what lies below them is a gap.

    Beside its id stands what the `order` goes by, if that is not told elsewhere.
    """
    sparks = max(1, height - 2)
    lines = [_title(view, width, glyphs, selected=selected, order=order, marked=marked)]
    room = max(0, width - 1 - _TAIL)
    values = view.history.values(room)
    if values:
        scale = scale_of(values, view.warning, view.critical)
        drawn = sparkline(
            values,
            room,
            scale=scale,
            glyphs=glyphs,
            warning=view.warning,
            critical=view.critical,
            height=sparks,
        )
    else:
        drawn = [[(" " * room, Role.SPARK)] for _ in range(sparks)]
    edge = (glyphs.cursor if selected else " ", Role.CURSOR)
    for row, spark in enumerate(drawn):
        tail = _tail(view, now) if row == sparks - 1 else [(" " * _TAIL, Role.DIM)]
        lines.append([edge, *spark, *tail])
    return lines


def _title(view: SensorView, width: int, glyphs: Glyphs, *, selected: bool, order: SensorOrder, marked: bool) -> Line:
    severity, unacked = view.severity, view.unacked
    mark = severity_glyph(severity, glyphs) if severity or not unacked else glyphs.returned
    value = quantity_text(view.last_value, view.unit)
    loud = (Role.TITLE, Role.TITLE_WARN, Role.TITLE_CRIT)[severity]
    start: Line = [
        edge if (edge := edge_mark(glyphs, selected=selected, marked=marked))[0] != " " else (" ", Role.TITLE),
        (mark, severity_role(severity, unacked=True) if unacked else loud),
        (" ", Role.TITLE),
    ]
    room = max(0, width - 3 - cell_len(value) - 1)
    label = crop(view.label, room)
    start.append((label, Role.TITLE))
    about_room = room - cell_len(label) - 1
    about = view.sensor_type
    if order is SensorOrder.CLOCK:
        about = clock_words(view) or about
    elif order is SensorOrder.AREA:
        about = f"{view.location.zone} {view.location.machine_id}"
        if cell_len(about) > about_room:
            about = view.location.machine_id
    if about_room >= _LEAST_ABOUT:
        start.append((f" {crop(about, about_room)}", Role.TITLE_DIM))
    return [*start, (right(value, width - width_of(start)), loud)]


def _tail(view: SensorView, now: float) -> Line:
    severity = view.severity
    word, role = state_word(view, now)
    return [
        (" ", Role.DIM),
        (WORDS[severity], severity_role(severity, unacked=view.unacked) if severity else Role.DIM),
        (" ", Role.DIM),
        (left(word, 9), role),
        (" ", Role.DIM),
        simulated_word(view),
    ]
