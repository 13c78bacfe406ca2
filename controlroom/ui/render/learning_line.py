"""The line that says what operators have told a sensor's detectors, and which have become quieter; else nothing."""

from __future__ import annotations

from rich.cells import cell_len

from controlroom.core.archive import Answer, LearningFacts, Window
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.line import Line, Role, plain
from controlroom.ui.render.numbers import UNKNOWN, date_text

_DAY_S = 86_400.0
#: of an operator's name
_NAME = 16


def learning_line(answer: Answer[LearningFacts] | None, now: float, width: int) -> Line:
    """Frozen, in maintenance until when, what waits for a worker; with who ordered it where there is room.

    A detector whose limit alarms or operators have raised is told with the share of its sensitivity that is left.

    >>> from controlroom.ui.render.line import plain
    >>> facts = LearningFacts(3600.0, "mira", (Window(0.0, 78_000.0, "jon"),), ("reset",))
    >>> plain(learning_line(Answer(0.0, facts), 4000.0, 100))
    ' LEARNING  FROZEN since 01:00 by mira  MAINTENANCE until 21:40 by jon  WAITS reset'
    >>> plain(learning_line(Answer(0.0, facts), 4000.0, 80))
    ' LEARNING  FROZEN since 01:00  MAINTENANCE until 21:40  WAITS reset'
    >>> plain(learning_line(Answer(0.0, LearningFacts(raised_limits=(("spike", 1.25),))), 4000.0, 80))
    ' LEARNING  SENSITIVITY spike 80 %'
    >>> plain(learning_line(Answer(0.0, LearningFacts()), 4000.0, 80))
    ''
    """
    facts = answer.value if answer is not None else None
    if answer is None or facts is None:
        return []
    named = _line(facts, answer.error, now, named=True)
    return named if cell_len(plain(named)) <= width else _line(facts, answer.error, now, named=False)


def _line(facts: LearningFacts, error: str, now: float, *, named: bool) -> Line:
    parts: list[Line] = []
    if facts.frozen_at is not None:
        by = _by(facts.frozen_by) if named else ""
        parts.append([("FROZEN", Role.STRONG), (f" since {_time(facts.frozen_at, now)}{by}", Role.DIM)])
    window = window_at(facts, now)
    if window is not None:
        ahead = f" from {_time(window.start, now)}" if window.start > now else ""
        until = f"{ahead} until {_time(window.end, now)}"
        by = _by(window.who) if named else ""
        parts.append([("MAINTENANCE", Role.STRONG), (until, Role.TEXT), (by, Role.DIM)])
    if facts.waiting:
        parts.append([("WAITS", Role.STRONG), (f" {', '.join(dict.fromkeys(facts.waiting))}", Role.TEXT)])
    if facts.raised_limits:
        quieter = ", ".join(f"{kind} {100.0 / factor:.0f} %" for kind, factor in facts.raised_limits)
        parts.append([("SENSITIVITY", Role.STRONG), (f" {quieter}", Role.TEXT)])
    if parts and error:
        parts.insert(0, [(f"{UNKNOWN} database away", Role.STALE)])
    line: Line = [(" LEARNING", Role.DIM)] if parts else []
    for part in parts:
        line += [("  ", Role.TEXT), *part]
    return line


def window_at(facts: LearningFacts, now: float) -> Window | None:
    """The window of maintenance that is now, the one that ends last where there are more; else the next one.

    >>> windows = Window(0.0, 10.0), Window(0.0, 30.0), Window(50.0, 60.0)
    >>> facts = LearningFacts(windows=windows)
    >>> [window and window.end for window in (window_at(facts, now) for now in (5.0, 30.0, 60.0))]
    [30.0, 60.0, None]
    """
    present = [window for window in facts.windows if window.start <= now < window.end]
    if present:
        return max(present, key=lambda window: window.end)
    ahead = [window for window in facts.windows if now < window.start < window.end]
    return min(ahead, key=lambda window: window.start, default=None)


def _time(at: float, now: float) -> str:
    """The time of day, UTC; with its date where that is another one."""
    whole = date_text(at)
    return whole[11:16] if at // _DAY_S == now // _DAY_S else whole[5:16]


def _by(who: str) -> str:
    return f" by {sanitise(who, limit=_NAME)}" if who else ""
