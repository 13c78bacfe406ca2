"""The thread that writes the spool: all that has come since the last commit goes to disk in one.

In a commit are the readings of new packets, with their numbers; the batches that Kafka has confirmed, which are
forgotten; and the next batch of each partition that is free. After it the sources hear which packets are stored, and
the sender gets the batches. So a value waits for the disk once, however many come.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

from bridges.lane import Batch, Confirmed
from bridges.spool import Spool
from bridges.values import Draft, Packet, Receiver
from bridges.window import Window
from controlroom.wire import Metadata, Reading, encode_reading
from controlroom.wire.reading import AlertLevel

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Packets that may wait for the disk; then a source that wants to hand over another one waits.
MOST_WAITING = 20_000
#: So many go into one commit.
_AT_ONCE = 5_000
#: Where fewer wait, a commit lets others join it for so long: one for each value costs ten times as much.
_FEW, _GATHER_S = 200, 0.005
_BOUND_EVERY_S = 1.0
_RETRY_S = 1.0
#: Readings were dropped; after so long without any, the next ones are a new episode.
_EPISODE_S = 60.0


class _Taken:
    """What a commit takes of one source."""

    __slots__ = ("numbered", "origin", "prints", "readings", "repeated", "tokens", "window")

    def __init__(self, window: Window, source: Receiver, origin: str) -> None:
        self.window = window
        self.numbered = source.numbered
        self.origin = origin
        self.tokens: list[object] = []
        #: fingerprints, in the order in which they came
        self.prints: dict[bytes, None] = {}
        self.readings = 0
        self.repeated = 0


class SpoolWriter:
    """Writes the spool on a thread of its own.

    Args:
        spool: nobody else uses it from now on.
        bridge: the bridge's name, which readings tell.
        partition_of: the partition of a sensor's readings, by its key.
    """

    def __init__(self, spool: Spool, bridge: str, partition_of: Callable[[bytes], int]) -> None:
        self._spool = spool
        self._bridge = bridge
        self._partition_of = partition_of
        self._send: Callable[[list[Batch]], None] | None = None
        self._inbox: deque[Packet] = deque()
        self._confirmed: deque[Confirmed] = deque()
        self._actions: deque[tuple[Callable[[Spool], Any], Future[Any]]] = deque()
        self._wake = threading.Event()
        self._room = threading.Condition()
        self._stopping = False
        self._places: dict[str, tuple[int, bytes]] = {}
        self._dropping_since: float | None = None
        self._dropped_at = 0.0
        self._dropped_before = 0
        #: readings confirmed by Kafka, and stored, since the start
        self.sent = 0
        self.stored = 0
        #: when a reading was last dropped, seconds since 1970
        self.dropped_at: float | None = None
        #: why the spool cannot be written at the moment; empty: it can
        self.failure = ""
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def put(self, packet: Packet) -> None:
        """Hand over a packet; waits while too many wait for the disk. From any thread."""
        if len(self._inbox) >= MOST_WAITING:
            with self._room:
                while len(self._inbox) >= MOST_WAITING and not self._stopping:
                    self._room.wait(1.0)
        self._inbox.append(packet)
        if not self._wake.is_set():
            self._wake.set()

    def confirm(self, batch: Batch, next_offset: int | None) -> None:
        """Kafka has confirmed a batch."""
        self._confirmed.append(Confirmed(batch.partition, batch.last, next_offset))
        self._wake.set()

    def do(self, action: Callable[[Spool], T]) -> Future[T]:
        """Do something with the spool on its thread, in a transaction."""
        done: Future[T] = Future()
        self._actions.append((action, done))
        self._wake.set()
        return done

    def let_send(self, partition_of: Callable[[bytes], int], send: Callable[[list[Batch]], None]) -> None:
        """From now on batches are made, and handed to `send` on this thread: the partitions are known."""
        self._places = {}
        self._partition_of = partition_of
        self._send = send
        self._wake.set()

    def stop(self) -> None:
        """Write what was handed over, and end."""
        self._stopping = True
        self._wake.set()
        with self._room:
            self._room.notify_all()
        self._thread.join(10)

    def _run(self) -> None:
        bound_at = 0.0
        while True:
            self._wake.wait(_BOUND_EVERY_S)
            if len(self._inbox) < _FEW and not self._stopping:
                time.sleep(_GATHER_S)
            self._wake.clear()
            packets = [self._inbox.popleft() for _ in range(min(len(self._inbox), _AT_ONCE))]
            if self._inbox:
                self._wake.set()
            with self._room:
                self._room.notify_all()
            confirmed = [self._confirmed.popleft() for _ in range(len(self._confirmed))]
            actions = [self._actions.popleft() for _ in range(len(self._actions))]
            bound = time.monotonic() >= bound_at
            if bound:
                bound_at = time.monotonic() + _BOUND_EVERY_S
            if packets or confirmed or actions or bound or self._send is not None:
                self._until_written(packets, confirmed, actions, bound=bound)
            if self._stopping and not (self._inbox or self._confirmed or self._actions):
                return

    def _until_written(
        self,
        packets: list[Packet],
        confirmed: list[Confirmed],
        actions: list[tuple[Callable[[Spool], Any], Future[Any]]],
        *,
        bound: bool,
    ) -> None:
        """Commit all of it, however long the disk refuses to take it."""
        while True:
            try:
                self._write(packets, confirmed, actions, bound=bound)
            except sqlite3.Error as error:
                if not self.failure:
                    log.error(
                        "the spool %s cannot be written (%s): values wait at their sources", self._spool.path, error
                    )
                self.failure = str(error)
                if self._stopping:
                    for _, done in actions:
                        done.set_exception(error)
                    return
                time.sleep(_RETRY_S)
            else:
                if self.failure:
                    log.info("the spool %s is written again", self._spool.path)
                self.failure = ""
                return

    def _write(
        self,
        packets: list[Packet],
        confirmed: list[Confirmed],
        actions: list[tuple[Callable[[Spool], Any], Future[Any]]],
        *,
        bound: bool,
    ) -> None:
        spool = self._spool
        results: list[Any] = []
        batches: list[Batch] = []
        dropped = sent = 0
        spool.begin()
        try:
            for one in confirmed:
                sent += spool.finish(one)
            results = [action(spool) for action, _ in actions]
            rows, taken = self._take(packets)
            if bound:
                dropped = spool.bound()
            if self._send is not None:
                batches = [batch for part in spool.lanes if (batch := spool.send(part)) is not None]
            spool.end()
        except BaseException:
            spool.fail()
            raise
        self.sent += sent
        self.stored += rows
        for (_, done), result in zip(actions, results, strict=True):
            done.set_result(result)
        for source, of in taken.items():
            source.confirm(of.tokens, of.readings, of.repeated)
        if batches and self._send is not None:
            self._send(batches)
        self._tell_dropped(dropped)

    def _take(self, packets: Iterable[Packet]) -> tuple[int, dict[Receiver, _Taken]]:
        """Store what packets hold; how many readings, and for each source what became of its packets."""
        spool = self._spool
        numbers: dict[str, int] = {}
        rows: list[tuple[int, bytes, bytes]] = []
        taken: dict[Receiver, _Taken] = {}
        marks: dict[tuple[str, str], bytes] = {}
        for source, token, fingerprint, look_up, drafts, current in packets:
            of = taken.get(source)
            if of is None:
                of = taken[source] = _Taken(spool.window(source.name), source, f"{self._bridge}/{source.name}")
            of.tokens.append(token)
            known = look_up and fingerprint is not None and (fingerprint in of.prints or of.window.has(fingerprint))
            if current is not None:
                tag = source.name, current.tag
                if current.look_up and not known:
                    known = current.mark == (marks.get(tag) or spool.current(*tag))
                if not known:
                    marks[tag] = current.mark
            if known:
                of.repeated += 1
                continue
            if fingerprint is not None:
                of.prints[fingerprint] = None
            rows += [self._row(draft, numbers, of) for draft in drafts]
            of.readings += len(drafts)
        spool.store(rows, numbers)
        spool.keep(marks)
        for source, of in taken.items():
            if of.prints:
                spool.accept(source.name, list(of.prints))
        return len(rows), taken

    def _row(self, draft: Draft, numbers: dict[str, int], of: _Taken) -> tuple[int, bytes, bytes]:
        sensor_id, number = draft.sensor.sensor_id, draft.number
        if not number and of.numbered:
            number = (numbers.get(sensor_id) or self._spool.number(sensor_id)) + 1
            numbers[sensor_id] = number
        found = self._places.get(sensor_id)
        if found is None:
            key = sensor_id.encode()
            found = self._places[sensor_id] = (self._partition_of(key), key)
        return (*found, encode_reading(reading_of(draft, number, of.origin)))

    def _tell_dropped(self, dropped: int) -> None:
        """Say once for each episode that readings are given up, and at its end how many they were."""
        now = time.monotonic()
        if dropped:
            if self._dropping_since is None:
                self._dropping_since, self._dropped_before = now, self._spool.dropped - dropped
                log.error(
                    "the spool is full (%d MB, or %.3g days): its oldest readings are dropped until Kafka is back",
                    self._spool.max_bytes // 10**6, self._spool.max_age_s / 86_400,
                )  # fmt: skip
            self._dropped_at, self.dropped_at = now, time.time()
        elif self._dropping_since is not None and now - self._dropped_at > _EPISODE_S:
            log.error("%d readings were dropped from the spool", self._spool.dropped - self._dropped_before)
            self._dropping_since = None


def reading_of(draft: Draft, number: int, origin: str) -> Reading:
    """The reading as it goes to Kafka; `origin` is `BRIDGE/SOURCE`."""
    (sensor_id, sensor_type, place, unit, warning, critical), at, value, quality, _, part = draft
    level = _level(value, warning, critical)
    told = Metadata(number, warning, critical)
    whole = f"{origin}/{part}" if part else origin
    return Reading(at, sensor_id, sensor_type, place, value, unit, level, quality, told, whole)


def _level(value: float, warning: float | None, critical: float | None) -> AlertLevel:
    """What the limits say of a value; a warning above the critical limit is one for low values."""
    low = warning is not None and critical is not None and warning > critical
    if critical is not None and (value <= critical if low else value >= critical):
        return "critical"
    if warning is not None and (value <= warning if low else value >= warning):
        return "warning"
    return "normal"
