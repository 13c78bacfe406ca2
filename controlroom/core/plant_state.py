"""The plant as the control room last saw it: one snapshot that the link's thread writes and the screen reads.

Nothing here waits, draws or talks to anything. Writers bump `version` (of a sensor, and of the whole); the screen polls
the versions on its own timer and redraws only what moved, so a stalled terminal stops nothing and a flood of readings
costs the screen nothing. Text from the network is sanitised here, where it enters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from controlroom.core.alarm_view import AlarmView, alarm_view_of
from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.model import DELIVERY_KIND, DROPPED_KIND, Alarm
from controlroom.core.archive import Archive
from controlroom.core.bridges import BridgesView
from controlroom.core.changes import Changes
from controlroom.core.fault_view import FaultView
from controlroom.core.health_views import ClusterDetail, DatabaseFigures, FeedHealth, WorkerFigures
from controlroom.core.reading_columns import ReadingColumns
from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.wire import SENSOR_TYPES, AlarmEvent, Location, Reading, SensorStatus
from controlroom.wire.summary import SummaryBlock, SummarySensor

FEED_CAPACITY = 500
NOTICE_CAPACITY = 100
#: changes of sensors that are kept for readers that follow them
CHANGE_CAPACITY = 20_000

#: kinds of alarms whose "sensor" is a group, a bridge or a receiver: there is no sensor of that name
_NOT_OF_A_SENSOR = frozenset({GROUP_KIND, DELIVERY_KIND, DROPPED_KIND})


@dataclass(frozen=True, slots=True)
class BrokerView:
    """One broker: `online` as the cluster's own metadata has it."""

    broker_id: int
    address: str
    online: bool
    leads: int
    in_sync: int
    replicas: int


@dataclass(frozen=True, slots=True)
class PartitionView:
    """One partition with its leader (None: leaderless), replicas and in-sync replicas, by broker id."""

    topic: str
    partition: int
    leader: int | None
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]

    @property
    def under_replicated(self) -> bool:
        """Whether a replica is missing from the in-sync set."""
        return len(self.in_sync) < len(self.replicas)


@dataclass(frozen=True, slots=True)
class ClusterView:
    """Brokers and partitions. What is unknown is None, never zero."""

    checked_at: float
    #: whether any broker answered
    reachable: bool
    brokers: tuple[BrokerView, ...] = ()
    partitions: tuple[PartitionView, ...] = ()
    #: whether a majority of the controllers is there; None: not known
    quorum: bool | None = None
    error: str = ""

    @property
    def online(self) -> int:
        """Brokers that are up."""
        return sum(broker.online for broker in self.brokers)

    @property
    def under_replicated(self) -> int:
        """Partitions with a replica out of sync."""
        return sum(partition.under_replicated for partition in self.partitions)

    @property
    def leaderless(self) -> int:
        """Partitions that nobody leads: they can be neither read nor written."""
        return sum(partition.leader is None for partition in self.partitions)


@dataclass(frozen=True, slots=True)
class DatabaseView:
    """PostgreSQL as the last probe saw it."""

    checked_at: float
    reachable: bool
    version: str = ""
    #: milliseconds of a round trip
    latency_ms: float | None = None
    error: str = ""
    #: notifications that are not sent yet, and how many of these have failed; None: not known
    notifications_waiting: int | None = None
    notifications_failing: int | None = None
    #: why the latest one failed
    notifications_error: str = ""
    #: None: not known
    figures: DatabaseFigures | None = None
    #: it answers and stores nothing, as a standby does
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class PipelineView:
    """The detection group. `lag` is records behind the end, per partition and in all; None: not known."""

    checked_at: float
    #: partition -> records behind the end
    lag: dict[int, int] = field(default_factory=dict)
    #: worker name -> partitions
    workers: dict[str, tuple[int, ...]] = field(default_factory=dict)
    #: committed readings a second, of the workers in this process
    rate: float | None = None
    error: str = ""
    #: partition -> records a second that its lag grows by; None: not known yet
    trend: dict[int, float | None] = field(default_factory=dict)
    #: partition -> its lag during the last minute, oldest first
    history: dict[int, tuple[int, ...]] = field(default_factory=dict)
    #: records a second that the whole group gets through, wherever its workers are; None: not known yet
    throughput: float | None = None
    #: of the worker in this process; None: there is none
    worker: WorkerFigures | None = None
    #: partitions of the readings that no worker has ever claimed, as those that were just added
    unclaimed: tuple[int, ...] = ()

    @property
    def total_lag(self) -> int | None:
        """Records behind in all; None when it is not known."""
        return sum(self.lag.values()) if self.lag else None


@dataclass(frozen=True, slots=True)
class Notice:
    """The answer to something the operator did, or a thing that he should know."""

    at: float
    text: str
    level: Literal["info", "warning", "error"] = "info"


class PlantState:
    """All that the screen shows. One thread writes (the link's), one reads (the screen's)."""

    def __init__(self) -> None:
        self.sensors: dict[str, SensorView] = {}
        #: (sensor, kind) -> alarm that is not closed
        self._live: dict[tuple[str, str], AlarmView] = {}
        self.feed: deque[AlarmEvent] = deque(maxlen=FEED_CAPACITY)
        self.notices: deque[Notice] = deque(maxlen=NOTICE_CAPACITY)
        #: sensors, and groups that alarms are of, of which more than a value has changed
        self.changes = Changes(CHANGE_CAPACITY)
        #: what the screen has asked PostgreSQL for
        self.archive = Archive()
        self.cluster: ClusterView | None = None
        self.cluster_detail: ClusterDetail | None = None
        self.database: DatabaseView | None = None
        self.pipeline: PipelineView | None = None
        #: None: not known
        self.bridges: BridgesView | None = None
        #: injected faults that act, and those that have ended lately
        self.faults: tuple[FaultView, ...] = ()
        #: readings that came in while the plant was followed; None: it is not followed
        self.live_readings: int | None = None
        #: None: not known
        self.feed_health: FeedHealth | None = None
        #: sensors of which the screen shows each reading
        self.focus: frozenset[str] = frozenset()
        #: simulated sensors that were removed, and when
        self._gone: dict[str, float] = {}
        #: where the readings of some of these are told, if they come back
        self._seats: dict[str, tuple[ReadingColumns, int]] = {}
        self.rejected = 0
        #: changes with anything
        self.version = 0
        #: changes when the set of sensors, an alarm or a state changes: when a sorted list must be made anew
        self.structure_version = 0
        #: changes with the feed
        self.feed_version = 0
        #: changes with the notices
        self.notice_version = 0

    def sensor(self, sensor_id: str) -> SensorView:
        """The view of a sensor, made when it is new."""
        view = self.sensors.get(sensor_id)
        if view is None:
            view = SensorView(sensor_id)
            seat = self._seats.pop(sensor_id, None)
            if seat is not None:
                view.sit(*seat, only_later=True)
            self.sensors[sensor_id] = view
            self.structure_version += 1
        return view

    def follow(self, *, following: bool) -> None:
        """What comes in is counted from now on, or is not known any more."""
        self.live_readings = 0 if following else None

    def count_readings(self, count: int) -> None:
        """So many readings have come in, of which only the last ones are told."""
        self.live_readings = (self.live_readings or 0) + count
        self.version += 1

    def apply_reading(self, reading: Reading, *, seen_at: float, simulated: bool, live: bool = True) -> None:
        """A reading has arrived at `seen_at` (seconds since the epoch); not `live`: it is from before, read back."""
        metadata, at = reading.metadata, reading.timestamp.timestamp()
        if live:
            self.live_readings = (self.live_readings or 0) + 1
        gone = self._gone.get(reading.sensor_id)
        if gone is not None and at <= gone:
            return  # it was removed after that
        view, changed = self._told(
            reading.sensor_id, reading.sensor_type, reading.unit, reading.location,
            metadata.warning_threshold, metadata.critical_threshold, simulated=simulated,
        )  # fmt: skip
        changed |= view.take(at, seen_at, reading.value, quality=reading.quality, count=metadata.reading_count)
        if changed:
            self.changes.note(view.sensor_id)
        self.version += 1

    def take_summary(self, told: SummarySensor, columns: ReadingColumns, place: int) -> None:
        """A worker has told what a sensor is, its last reading, and where the next ones will be told."""
        at = self._gone.get(told.sensor_id)
        # Its last reading may have come to the broker a moment after it was removed.
        if at is not None and (told.at <= at or told.seen / 1000 <= at):
            if told.sensor_id not in self.sensors:
                self._seats[told.sensor_id] = columns, place
            return
        view, changed = self._told(
            told.sensor_id, told.sensor_type, told.unit, told.location, told.warning, told.critical,
            simulated=told.simulated,
        )  # fmt: skip
        changed |= view.sit(columns, place)
        if view.seen_at is None or told.seen / 1000 > view.seen_at:
            changed |= view.take(told.at, told.seen / 1000, told.value, quality=told.quality, count=told.count)
        if changed:
            self.changes.note(view.sensor_id)
        self.version += 1

    def take_columns(self, columns: ReadingColumns, block: SummaryBlock) -> None:
        """A worker has told the last readings of a block of sensors."""
        for sensor_id in columns.tell(block):
            self.changes.note(sensor_id)
        self.version += 1

    def _told(
        self,
        sensor_id: str,
        sensor_type: str,
        unit: str,
        location: Location,
        warning: float | None,
        critical: float | None,
        *,
        simulated: bool,
    ) -> tuple[SensorView, bool]:
        """The view of a sensor of which this is known, and whether that is new."""
        view = self.sensor(sensor_id)
        changed = False
        if not view.sensor_type or view.unit != unit:
            view.sensor_type = sanitise(sensor_type, limit=32)
            view.unit = sanitise(unit, limit=12)
            changed = True
        if view.location != location and view.location != (place := _shown(location)):
            view.location = place
            changed = True
        view.warning, view.critical = warning, critical
        view.simulated = simulated or view.simulated
        self.structure_version += changed
        return view, changed

    def take_detail(self, sensor_id: str, points: Sequence[tuple[float, float]]) -> None:
        """All readings (time, value) of a sensor since the last that it has, or of its recent past at the first time.

        From then on, until `end_detail`, only what comes this way is kept for its chart.
        """
        view = self.sensors.get(sensor_id)
        if view is not None and points:
            view.take_detail(points)
            self.version += 1

    def end_detail(self, sensor_id: str) -> None:
        """Keep what the summary tells of a sensor again."""
        view = self.sensors.get(sensor_id)
        if view is not None:
            view.end_detail()

    def take_health(self, health: FeedHealth) -> None:
        """How fresh what is shown is."""
        if health != self.feed_health:
            self.feed_health = health
            self.version += 1

    def apply_status(self, status: SensorStatus | None, sensor_id: str) -> None:
        """A simulator has said what a sensor of its own is; None (a tombstone): it is gone."""
        if status is None or status.state == "removed":
            gone = self.sensors.pop(sensor_id, None)
            if status is not None:
                self._gone[sensor_id] = status.timestamp.timestamp()
            elif gone is not None:
                self._gone[sensor_id] = gone.seen_at or 0.0
            if gone is not None:
                seat = gone.leave()
                if seat is not None:
                    self._seats[sensor_id] = seat
                for kind in gone.alarms:
                    self._live.pop((sensor_id, kind), None)
                self.structure_version += 1
                self.version += 1
                self.changes.note(sensor_id)
            return
        self._gone.pop(sensor_id, None)
        if status.state == "refused":
            self.notify(f"{sensor_id}: refused: {status.reason}", status.timestamp, "error")
            if status.spec is None:
                return
        view = self.sensor(sensor_id)
        before = (view.state, view.owner, view.faults, view.simulated, view.location, view.interval)
        view.state, view.owner, view.faults, view.simulated = status.state, sanitise(status.owner), status.faults, True
        if status.spec is not None:
            usual = SENSOR_TYPES.get(status.spec.sensor_type)
            view.sensor_type = view.sensor_type or sanitise(status.spec.sensor_type, limit=32)
            view.location = _shown(status.spec.location)
            view.interval = status.spec.interval or (usual.interval if usual is not None else None)
        # A status comes every few seconds from every sensor; nearly always it says nothing new.
        if before != (view.state, view.owner, view.faults, view.simulated, view.location, view.interval):
            view.touch()
            self.structure_version += 1
            self.version += 1
            self.changes.note(sensor_id)

    def apply_alarm(self, event: AlarmEvent) -> None:
        """An alarm has changed: it goes to the feed, and to its sensor's live alarms until it is closed."""
        view = None if event.kind in _NOT_OF_A_SENSOR else self.sensor(event.sensor_id)
        known = self._live.get((event.sensor_id, event.kind))
        if known is not None and known.occurrence_id == event.occurrence_id and known.version >= event.version:
            return
        if event.state == "NORMAL":
            self._live.pop((event.sensor_id, event.kind), None)
            if view is not None:
                view.alarms.pop(event.kind, None)
        else:
            alarm = self._live[event.sensor_id, event.kind] = alarm_view_of(event, known)
            if view is not None:
                view.alarms[event.kind] = alarm
        self.feed.append(event)
        self.feed_version += 1
        if view is not None:
            view.touch()
        self.structure_version += 1
        self.version += 1
        self.changes.note(event.sensor_id)

    def remember(self, stored: Alarm) -> None:
        """Since when a live alarm stands, and what its detector said, if that was before this program started."""
        view = self._live.get((stored.sensor_id, stored.kind))
        if view is None or view.occurrence_id != stored.occurrence_id:
            return
        view.raised_at = stored.raised_at if stored.raised_at is not None else view.raised_at
        if stored.detection is not None and stored.detection.message:
            view.message = sanitise(stored.detection.message)
            view.kinds = tuple(sanitise(kind, limit=32) for kind in stored.kinds)
        self.structure_version += 1

    def apply_cluster(self, view: ClusterView) -> None:
        """The cluster was probed."""
        self.cluster = view
        self.version += 1

    def apply_cluster_detail(self, view: ClusterDetail) -> None:
        """The brokers were asked for more than their metadata."""
        self.cluster_detail = view
        self.version += 1

    def apply_database(self, view: DatabaseView) -> None:
        """The database was probed."""
        self.database = view
        self.version += 1

    def apply_pipeline(self, view: PipelineView) -> None:
        """The detection group was probed."""
        self.pipeline = view
        self.version += 1

    def apply_bridges(self, view: BridgesView) -> None:
        """What bridges tell was looked at."""
        if view != self.bridges:
            self.bridges = view
            self.version += 1

    def apply_faults(self, faults: tuple[FaultView, ...]) -> None:
        """The record of injected faults was read."""
        if faults != self.faults:
            self.faults = faults
            self.version += 1

    def notify(self, text: str, at: datetime, level: Literal["info", "warning", "error"] = "info") -> None:
        """Tell the operator something."""
        self.notices.append(Notice(at.timestamp(), sanitise(text), level))
        self.notice_version += 1
        self.version += 1

    def waits(self, event: AlarmEvent) -> bool:
        """Whether the alarm still stands as this event left it, and waits for an operator."""
        alarm = self._live.get((event.sensor_id, event.kind))
        return (
            alarm is not None
            and alarm.unacked
            and (alarm.occurrence_id, alarm.version) == (event.occurrence_id, event.version)
        )

    def live_alarm(self, sensor_id: str, kind: str) -> AlarmView | None:
        """The alarm, if it is not closed."""
        return self._live.get((sensor_id, kind))

    def live_alarms(self) -> Iterable[AlarmView]:
        """Every alarm that is not closed."""
        return list(self._live.values())


def _shown(location: Location) -> Location:
    return Location(
        *(sanitise(part, limit=40) for part in (location.factory_section, location.machine_id, location.zone))
    )
