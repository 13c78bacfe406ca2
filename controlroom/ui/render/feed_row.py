"""One row of the alert feed. Text of an event comes from the network as it is, so it is sanitised here."""

from __future__ import annotations

from controlroom.core.alarms.disturbance import kinds_text
from controlroom.core.cells import left, right
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role, fit
from controlroom.ui.render.marks import SEVERITY_OF, severity_mark
from controlroom.ui.render.numbers import age_text, clock_text
from controlroom.wire import AlarmEvent

_SENSOR = 17
_WIDE_SENSOR = 22
_WHAT = 15

#: what happened, shorter than it is named on the wire where that would not fit beside the kind
_HAPPENED = {
    "raised": "",
    "severity-rose": "rose",
    "severity-fell": "fell",
    "returned": "back",
    "recurred": "again",
    "re-alarmed": "re-alarm",
    "shelve-expiring": "shelf ends",
    "out-of-service": "no service",
    "returned-to-service": "in service",
}


def happened_text(event: AlarmEvent) -> str:
    """What happened, in a word or two; nothing for a raise."""
    return _HAPPENED.get(event.event, sanitise(event.event, limit=32))


def kind_text(event: AlarmEvent) -> str:
    """The worst kind that found it, and how many more did."""
    return sanitise(kinds_text(event.kinds or (event.kind,)), limit=32)


def feed_title(count: int, width: int) -> Line:
    """The heading over the feed."""
    about = "newest first" if count else "none yet"
    return fit([(" ALARM EVENTS ", Role.TITLE_STRONG), (f" {about}", Role.TITLE_DIM)], width, Role.TITLE)


def feed_row(event: AlarmEvent, now: float, width: int, glyphs: Glyphs, *, waiting: bool) -> Line:
    """Time, age, severity, sensor, what happened, and how it was put.

    Args:
        event: as it was on the topic.
        now: seconds since the epoch.
        width: cells.
        glyphs: shapes.
        waiting: whether the alarm still stands as this event left it, and waits for an operator: reverse video.
    """
    at = event.timestamp.timestamp()
    over = event.state == "NORMAL"
    severity = SEVERITY_OF.get(event.severity, 2)
    if over:
        # A condition whose on-delay runs is no alarm yet: it has not been anything that could be over.
        mark = (f"{glyphs.normal} {'wait' if event.event == 'pending' else 'over'}", Role.DIM)
    elif event.state == "RTN-UNACK":
        mark = severity_mark(0, glyphs, unacked=True) if waiting else (f"{glyphs.returned} RTN ", Role.TEXT)
    else:
        mark = severity_mark(severity, glyphs, unacked=waiting)
    text = Role.DIM if over else Role.TEXT
    what = f"{kind_text(event)} {happened_text(event)}".rstrip()
    return fit(
        [
            (f" {clock_text(at)} ", text),
            (f"{right(age_text(now - at), 4)}  ", Role.DIM),
            mark,
            ("  ", Role.TEXT),
            (left(sanitise(event.sensor_id, limit=64), _SENSOR if width < 110 else _WIDE_SENSOR), text),
            (" ", Role.TEXT),
            ("SIM " if event.simulated else "    ", Role.SIM),
            (left(what, _WHAT), text),
            (" ", Role.TEXT),
            (sanitise(event.message), Role.DIM if over else Role.TEXT),
        ],
        width,
    )
