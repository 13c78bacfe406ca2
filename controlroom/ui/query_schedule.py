"""When a question to the database is asked again: when what it is about has changed, and otherwise now and then."""

from __future__ import annotations

from collections.abc import Callable

#: a storm of changes asks no more often than this, seconds
_SOONEST_S = 1.0


class QuerySchedule:
    """Asks at the first tick, at the first tick after a change, and when the answer has grown old.

    >>> asked = []
    >>> schedule = QuerySchedule(lambda: asked.append(1), every_s=10.0)
    >>> for now, version in ((0.0, 1), (0.5, 1), (0.6, 2), (2.0, 2), (5.0, 2), (13.0, 2)):
    ...     schedule.tick(now, version)
    >>> len(asked)
    3
    """

    def __init__(self, ask: Callable[[], None], *, every_s: float) -> None:
        self._ask = ask
        self._every_s = every_s
        self._at: float | None = None
        self._version: object = None

    def tick(self, now: float, version: object = None) -> None:
        """Ask, if it is time."""
        age = None if self._at is None else now - self._at
        # A clock that was set back must not silence it.
        if age is None or not 0 <= age < self._every_s or (version != self._version and age >= _SOONEST_S):
            self._at, self._version = now, version
            self._ask()
