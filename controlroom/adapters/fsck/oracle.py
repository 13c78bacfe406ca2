"""A partition's records run through one pipeline without an interruption: what the workers should have come to.

Sensors that moved between partitions move here, too, where the database says that they did; so partitions run side by
side, and one that is given a sensor waits for the one that gives it.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.lean_fetch import AS_DECODED
from controlroom.adapters.kafka.worker import WorkerOptions
from controlroom.adapters.postgres.learning import order_of
from controlroom.core.alarms.model import NO_DATA_KIND, Alarm
from controlroom.core.alert_handler import AlarmKey, handle
from controlroom.core.learning import LearningOrder
from controlroom.core.pipeline import PartitionPipeline
from controlroom.core.profiles import profiles_of

POLL_MS = 1000
STALLED_S = 30.0

COMPARED_EVENTS = ("raised", "joined", "recurred", "severity-rose", "severity-fell", "clearing", "returned")

#: (sensor, kind, version, what happened, id, event time)
EventKey = tuple[str, str, int, str, str, datetime]


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a partition is committed, and as of which offset its detectors' states are."""

    end: int
    state: int


@dataclass(slots=True)
class Oracle:
    """What an uninterrupted pipeline makes of a partition's records."""

    #: the oldest record that is kept
    first: int = 0
    offsets: list[int] = field(default_factory=list)
    events: set[EventKey] = field(default_factory=set)
    states: dict[str, bytes] = field(default_factory=dict)
    #: when sensors fell silent, in their own time
    silent: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Given:
    """What goes with a sensor to its new partition."""

    state: bytes | None
    alarms: dict[AlarmKey, Alarm]


class Moves:
    """The moves of sensors between a topic's partitions, as rows of LOAD_MOVES; false if there was none."""

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        self._rows = rows
        self._given: dict[int, asyncio.Future[Given]] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def given(self, move: int) -> asyncio.Future[Given]:
        """What a move brings: known when the old partition's run has come to it."""
        return self._given.setdefault(move, asyncio.get_running_loop().create_future())

    def from_partition(self, part: int) -> list[tuple[int, str, int]]:
        """(offset before which it happened, sensor, move), in order."""
        return sorted((row["left_off"], row["sensor_id"], row["id"]) for row in self._rows if row["from_part"] == part)

    def of_partition(self, part: int) -> dict[str, deque[int | None]]:
        """What happens to each sensor there, in order: the move that brings it, or None where it leaves."""
        found: dict[str, deque[int | None]] = defaultdict(deque)
        for row in self._rows:
            if part in (row["from_part"], row["to_part"]):
                found[row["sensor_id"]].append(row["id"] if row["to_part"] == part else None)
        return found


class _Run:
    def __init__(
        self,
        tp: TopicPartition,
        first: int,
        worker: WorkerOptions,
        kinds: Sequence[str],
        orders: Sequence[asyncpg.Record],
        moves: Moves,
    ) -> None:
        profile_for = profiles_of(worker.definitions, worker.profiles)
        self._pipeline = PartitionPipeline(tp.topic, tp.partition, first, {}, profile_for, worker.pipeline)
        self._pipeline.stops_at_unknown = bool(moves)
        if moves:
            # Between a sensor's last record here and its move nobody called it silent, and no record tells until when
            # they did not. Whose silence was told is not compared from then on.
            self._pipeline.call_nobody_silent(math.inf)
        self._definitions = worker.definitions
        self._kinds = kinds
        self._moves = moves
        self._of_sensor = moves.of_partition(tp.partition)
        #: what happens before an offset that no record tells: (offset, an operator's order or (sensor, move))
        self._between: deque[tuple[int, LearningOrder | tuple[str, int]]] = deque(
            sorted(
                [
                    *((row["off"], order_of(row)) for row in orders),
                    *((offset, (sensor, move)) for offset, sensor, move in moves.from_partition(tp.partition)),
                ],
                key=_offset,
            )
        )
        self._alarms: dict[AlarmKey, Alarm] = {}
        self._keys: set[bytes | None] = set()
        self.oracle = Oracle(first)

    async def process(self, records: Sequence[ConsumerRecord], before: int) -> None:
        """Process records, and what happened between them or after them up to the offset `before`."""
        self._keys.update(record.key for record in records)
        while self._between and self._between[0][0] <= before:
            offset, what = self._between.popleft()
            await self._take([record for record in records if record.offset < offset])
            records = [record for record in records if record.offset >= offset]
            if isinstance(what, LearningOrder):
                self._pipeline.order([what])
            else:
                self._depart(*what)
        await self._take(records)
        self.conclude(checkpoint=False)

    async def _take(self, records: Sequence[ConsumerRecord]) -> None:
        rest = self._pipeline.process(records)
        while rest:
            for sensor_id in self._pipeline.unknown(rest):
                what_happens = self._of_sensor.get(sensor_id)
                if not what_happens or what_happens[0] is None:
                    self._pipeline.looked_for([sensor_id])
                else:
                    await self._join(sensor_id, what_happens[0])
                    what_happens.popleft()
            rest = self._pipeline.process(rest)

    async def _join(self, sensor_id: str, move: int) -> None:
        # What was found up to here may be what another partition waits for.
        self.conclude(checkpoint=False)
        given = await self._moves.given(move)
        self._alarms.update(given.alarms)
        deadlines = {kind: a.next_event_time for (_, kind), a in given.alarms.items() if a.next_event_time is not None}
        states = {sensor_id: given.state} if given.state is not None else {}
        self._pipeline.join(states, {}, {sensor_id: deadlines})
        if given.state is None:
            self._pipeline.looked_for([sensor_id])

    def _depart(self, sensor_id: str, move: int) -> None:
        self._pipeline.depart(sensor_id, 0.0)
        state = next((d.state for d in self._pipeline.pending.departures if d.sensor_id == sensor_id), None)
        self.conclude(checkpoint=False)
        if (what_happens := self._of_sensor.get(sensor_id)) and what_happens[0] is None:
            what_happens.popleft()
        alarms = {key: alarm for key, alarm in self._alarms.items() if key[0] == sensor_id}
        self._moves.given(move).set_result(Given(state, alarms))

    def conclude(self, *, checkpoint: bool) -> None:
        """Take what the pipeline has found so far; with `checkpoint` what its detectors know, too."""
        oracle = self.oracle
        batch = self._pipeline.take(checkpoint=checkpoint)
        if checkpoint:
            # What is kept under other names, of groups and of the partition, follows from clocks too.
            oracle.states = {name: s for name, s in (batch.states or {}).items() if name.encode() in self._keys}
        for signal in batch.signals:
            if signal.kind == NO_DATA_KIND:
                oracle.silent.setdefault(signal.facts.sensor_id, signal.event.at)
        handled = handle(batch.signals, self._alarms, self._definitions)
        self._alarms.update(handled.alarms)
        self._pipeline.set_deadlines(handled.deadlines)
        oracle.events.update(
            (event.sensor_id, event.kind, event.version, event.event, event.event_id, event.timestamp)
            for event in handled.events
            if event.kind in self._kinds and event.event in COMPARED_EVENTS
        )


async def run_again(
    kafka: KafkaConnection,
    tp: TopicPartition,
    mark: Mark,
    worker: WorkerOptions,
    kinds: Sequence[str],
    orders: Sequence[asyncpg.Record],
    moves: Moves,
) -> Oracle:
    """Run a partition's records, from the oldest that is kept to its mark.

    Args:
        kafka: the brokers.
        tp: the partition.
        mark: how far it is committed.
        worker: how the workers that are audited were run.
        kinds: the alarms whose events are kept.
        orders: operators' orders that were carried out there, as rows of LOAD_APPLIED.
        moves: of all partitions; those of this one are given by it.

    Raises:
        TimeoutError: the brokers do not hand over what should be there.
    """
    consumer = AIOKafkaConsumer(
        **kafka.reading, enable_auto_commit=False, auto_offset_reset="none", value_deserializer=AS_DECODED,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )  # fmt: skip
    await consumer.start()
    try:
        first = (await consumer.beginning_offsets([tp]))[tp]
        consumer.assign([tp])
        consumer.seek(tp, first)
        run = _Run(tp, first, worker, kinds, orders, moves)
        offsets = run.oracle.offsets
        checkpointed = mark.state <= first
        while first < mark.end and (not offsets or offsets[-1] < mark.end - 1):
            records = [record for record in await _next(consumer, tp, mark.end) if record.offset < mark.end]
            if not records:
                break
            offsets += (record.offset for record in records)
            if not checkpointed and mark.state <= records[-1].offset + 1:
                checkpointed = True
                cut = next((at for at, record in enumerate(records) if record.offset >= mark.state), len(records))
                # What operators ordered, and who left, before that offset is in the states as they were saved there.
                await run.process(records[:cut], mark.state)
                run.conclude(checkpoint=True)
                records = records[cut:]
            if records:
                await run.process(records, records[-1].offset)
            await asyncio.sleep(0)
        await run.process([], mark.end)
        if not checkpointed:
            # The last records before it were marks of transactions, which nobody is handed.
            run.conclude(checkpoint=True)
        return run.oracle
    finally:
        await consumer.stop()


async def _next(consumer: AIOKafkaConsumer, tp: TopicPartition, end: int) -> list[ConsumerRecord]:
    """The next records; none at the end."""
    async with asyncio.timeout(STALLED_S):
        while True:
            records: list[ConsumerRecord] = (await consumer.getmany(tp, timeout_ms=POLL_MS, max_records=2000)).get(
                tp, []
            )
            if records or await consumer.position(tp) >= end:
                return records


def _offset(item: tuple[int, object]) -> int:
    return item[0]
