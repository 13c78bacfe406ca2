"""Times that do not name their zone: from a place's clocks to UTC, also where these are put forward and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_HALF_HOUR = timedelta(minutes=30)
_NOTHING = timedelta()


class ZoneClock:
    """The times of one column, one after another.

    Where clocks are put back, an hour is there twice. A column that rises is in the second one from where its times
    go back on, or from where one comes again after a pause of an hour; of a column that falls it is the other way
    round. Where the order does not tell, it is the first. A time that does not exist, because clocks are put forward,
    is taken with the offset from before: by a clock that nobody has put forward.

    Args:
        zone: the place.
        rising: whether the column's times rise (True), fall (False) or neither (None).
    """

    def __init__(self, zone: ZoneInfo, *, rising: bool | None) -> None:
        #: times that do not exist there, and times that are there twice
        self.missing = 0
        self.doubled = 0
        self._zone = zone
        self._rising = rising
        #: by day: the offset that holds all day; None: clocks are changed on it
        self._days: dict[int, timedelta | None] = {}
        self._last: datetime | None = None
        self._step = _NOTHING
        self._turned = False

    def utc(self, naive: datetime) -> datetime:
        """The moment, UTC."""
        day = naive.toordinal()
        try:
            offset = self._days[day]
        except KeyError:
            offset = self._days[day] = self._all_day(naive)
        if offset is None:
            offset = self._on_a_day_of_change(naive)
        else:
            self._last = naive
            if self._turned:
                self._turned = False
        return (naive - offset).replace(tzinfo=UTC)

    def _all_day(self, naive: datetime) -> timedelta | None:
        start = naive.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=self._zone)
        try:
            moments = [start + n * _HALF_HOUR for n in range(-1, 50)]
        except OverflowError:
            return start.utcoffset() or _NOTHING
        offsets = {moment.replace(fold=fold).utcoffset() for moment in moments for fold in (0, 1)}
        return offsets.pop() if len(offsets) == 1 else None

    def _on_a_day_of_change(self, naive: datetime) -> timedelta:
        here = naive.replace(tzinfo=self._zone)
        before, after = here.utcoffset() or _NOTHING, here.replace(fold=1).utcoffset() or _NOTHING
        last, self._last = self._last, naive
        step = _NOTHING if last is None else naive - last
        pause, self._step = self._step, step
        if before == after:
            self._turned = False
            return before
        if before < after:
            self.missing += 1
            return before
        self.doubled += 1
        if last is not None and self._rising is not None:
            ahead = step if self._rising else -step
            paused = pause if self._rising else -pause
            if ahead < _NOTHING or (ahead == _NOTHING and paused >= before - after):
                self._turned = True
        second = self._turned if self._rising is not False else not self._turned
        return after if second else before
