"""When a sensor is not learned from: frozen by an operator, or within a maintenance window."""

from __future__ import annotations

MOST = 8

#: (from, until), seconds on the clock of the arrivals: that of the operator who sets a window, not the sensor's own
Pause = tuple[float, float]


def with_pause(pauses: list[Pause], start: float, end: float) -> list[Pause]:
    """The windows with another one; the oldest is dropped when there are more than `MOST`.

    >>> with_pause([(10.0, 20.0)], 5.0, 7.0)
    [(5.0, 7.0), (10.0, 20.0)]
    """
    return sorted({*pauses, (start, end)})[-MOST:]


def cut(pauses: list[Pause], at: float) -> list[Pause]:
    """The windows, those that are open at `at` ended there.

    >>> cut([(5.0, 7.0), (10.0, 20.0), (30.0, 40.0)], 12.0)
    [(5.0, 7.0), (10.0, 12.0), (30.0, 40.0)]
    """
    return [(start, min(end, at)) if start <= at else (start, end) for start, end in pauses]


def pruned(pauses: list[Pause], now: float) -> list[Pause]:
    """The windows that are not over at `now`."""
    return [pause for pause in pauses if now < pause[1]]


def paused(pauses: list[Pause], now: float) -> bool:
    """Whether `now` is in a window.

    >>> paused([(5.0, 7.0)], 6.9), paused([(5.0, 7.0)], 7.0)
    (True, False)
    """
    return any(start <= now < end for start, end in pauses)
