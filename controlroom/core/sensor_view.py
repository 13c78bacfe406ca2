"""One sensor as it is shown."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.core.alarm_view import AlarmView, Severity
from controlroom.core.history import History
from controlroom.core.reading_columns import LEAST_STALE_S, ReadingColumns
from controlroom.core.sanitise import sanitise
from controlroom.wire import FaultSpec, Location
from controlroom.wire.summary import SummaryBlock

#: readings kept in memory per sensor, for sparklines and the live chart
HISTORY = 600


class SensorView:
    """One sensor as it is shown. Times are seconds since the epoch, UTC; values are in `unit`.

    Its last reading is one that it took itself (`take`), or the one in the columns that it has a place in, whichever
    the broker had later.
    """

    __slots__ = (
        "_count",
        "_history",
        "_last_time",
        "_last_value",
        "_quality",
        "_seat",
        "_seen_at",
        "_since",
        "_version",
        "alarms",
        "critical",
        "detailed",
        "faults",
        "interval",
        "label",
        "location",
        "owner",
        "sensor_id",
        "sensor_type",
        "simulated",
        "state",
        "unit",
        "warning",
    )

    def __init__(self, sensor_id: str) -> None:
        #: the id as it is on the wire: the key of everything
        self.sensor_id = sensor_id
        #: the id as it may be shown
        self.label = sanitise(sensor_id, limit=64)
        self.sensor_type = ""
        self.unit = ""
        self.location = Location()
        self.warning: float | None = None
        self.critical: float | None = None
        #: running, paused, removed, refused; empty for a sensor that is not simulated
        self.state = ""
        self.owner = ""
        self.simulated = False
        self.faults: tuple[FaultSpec, ...] = ()
        #: seconds between readings, as its simulator has it; None: not known
        self.interval: float | None = None
        #: live alarms: kind -> view
        self.alarms: dict[str, AlarmView] = {}
        #: whether each of its readings is kept, and not only the last one of each second
        self.detailed = False
        self._history = History(HISTORY)
        self._last_value: float | None = None
        self._last_time: float | None = None
        self._seen_at: float | None = None
        self._quality = 1.0
        self._count = 0
        self._version = 0
        #: its columns, and its place in them
        self._seat: tuple[ReadingColumns, int] | None = None
        #: readings in the columns count only if the broker had them later than this
        self._since = float("-inf")

    # --- the last reading

    @property
    def last_value(self) -> float | None:
        """Of the last reading; None: there was none."""
        told = self._told()
        return self._last_value if told is None else told[0].value[told[1]]

    @property
    def last_time(self) -> float | None:
        """The sensor's own time of its last reading."""
        told = self._told()
        return self._last_time if told is None else told[0].at[told[1]]

    @property
    def seen_at(self) -> float | None:
        """When the broker had the last reading."""
        told = self._told()
        return self._seen_at if told is None else told[0].seen[told[1]] / 1000

    @property
    def quality(self) -> float:
        """Of the last reading."""
        told = self._told()
        return self._quality if told is None else told[0].bad.get(told[1], 1.0)

    @property
    def reading_count(self) -> int:
        """The number of the last reading, as the sensor counts."""
        told = self._told()
        return self._count if told is None else told[0].count[told[1]]

    @property
    def history(self) -> History:
        """Its last readings."""
        self.catch_up()
        return self._history

    @property
    def version(self) -> int:
        """Changes with anything that is shown of it, and only grows."""
        seat = self._seat
        return self._version if seat is None else self._version + int(_told_ms(*seat))

    def touch(self) -> None:
        """Something that is shown of it has changed."""
        self._version += 1

    # --- what comes in

    def take(self, at: float, seen_at: float, value: float, *, quality: float = 1.0, count: int = 0) -> bool:
        """A reading has come; whether more than its value has changed."""
        self.catch_up()
        if self._seat is not None:
            self._seat[0].recheck(self._seat[1])
        before = self._seen_at
        # After such a gap it may have been stale, and is not any more.
        changed = (
            before is None or seen_at - before > LEAST_STALE_S or (self._quality < 1.0) is not (quality < 1.0)
        )  # fmt: skip
        self._last_value, self._last_time, self._quality, self._count = value, at, quality, count
        self._seen_at = seen_at
        self._since = max(self._since, seen_at)
        if not self.detailed:
            self._history.append(at, value)
        self._version += 1
        return changed

    def take_detail(self, points: Sequence[tuple[float, float]]) -> None:
        """All readings (time, value) since those of the last call; from the first call on only these are kept."""
        self.catch_up()
        if not self.detailed:
            self._history.clear()
            self.detailed = True
        for at, value in points:
            self._history.append(at, value)
        self._version += 1

    def end_detail(self) -> None:
        """Keep what comes otherwise again."""
        self.catch_up()
        self.detailed = False

    def sit(self, columns: ReadingColumns, place: int, *, only_later: bool = False) -> bool:
        """From now on its readings are at a place in these columns; whether that is new.

        Args:
            columns: of its block.
            place: in the columns.
            only_later: what they hold now is none of its readings.
        """
        if self._seat == (columns, place):
            return False
        self.leave()
        if only_later:
            self._since = max(self._since, _told_ms(columns, place) / 1000)
        self._seat = (columns, place)
        before = columns.add(place, self)
        if isinstance(before, SensorView):
            before.leave()
        if self._seen_at is not None:
            columns.recheck(place)  # it has shown what the columns do not know
        # What was told before it sat here may not be kept until it is read.
        self.catch_up()
        return True

    def leave(self) -> tuple[ReadingColumns, int] | None:
        """It has no place in columns any more; which it had."""
        seat = self._seat
        if seat is not None:
            self.catch_up()
            self._version += int(_told_ms(*seat)) + 1
            self._seat = None
            seat[0].leave(seat[1], self)
        return seat

    def catch_up(self) -> None:
        """Copy the readings that the columns hold of it."""
        seat = self._seat
        if seat is None or self._told() is None:
            return
        columns, place = seat
        with columns.lock:
            told = self._told()
            if told is None or self._seat is not seat:
                return  # another thread was here first
            block = told[0]
            if not self.detailed:
                self._history.extend(*columns.since(place, self._since))
            self._last_value, self._last_time = block.value[place], block.at[place]
            self._quality, self._count = block.bad.get(place, 1.0), block.count[place]
            # Last: until then others find all of it in the columns.
            self._seen_at = self._since = block.seen[place] / 1000

    def _told(self) -> tuple[SummaryBlock, int] | None:
        """The record that holds a later reading than was copied, and the place in it; None: there is none."""
        seat = self._seat
        if seat is None:
            return None
        block, place = seat[0].newest, seat[1]
        seen = block.seen
        return (block, place) if place < len(seen) and seen[place] / 1000 > self._since else None

    # --- its alarms

    @property
    def severity(self) -> Severity:
        """The worst of its active alarms."""
        worst: Severity = 0
        for alarm in list(self.alarms.values()):
            if alarm.active and alarm.severity > worst:
                worst = alarm.severity
        return worst

    @property
    def unacked(self) -> bool:
        """Whether an alarm of it waits for an operator."""
        return any(alarm.unacked for alarm in list(self.alarms.values()))


def _told_ms(columns: ReadingColumns, place: int) -> float:
    """When the broker had the last reading at a place; 0: none was told."""
    seen = columns.newest.seen
    return seen[place] if place < len(seen) else 0.0
