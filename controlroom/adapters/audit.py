"""The audit of a database against its topic: nothing lost, nothing twice, the alarms of an uninterrupted run.

The topic is read once more from its first record to each partition's watermark. Every record must be a reading or a
reject of the database, once (or fall in a gap that was recorded). The same records go through a single, uninterrupted
pipeline whose alarm events must be those of the database, by id; and what its detectors have learned of each sensor
must be what is stored of it, byte for byte.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.lean_fetch import AS_DECODED
from controlroom.adapters.kafka.worker import WorkerOptions
from controlroom.adapters.postgres.learning import LOAD_APPLIED, order_of
from controlroom.adapters.postgres.session import Session
from controlroom.core.alarms.model import NO_DATA_KIND, Alarm
from controlroom.core.alert_handler import AlarmKey, handle
from controlroom.core.pipeline import PartitionPipeline
from controlroom.core.profiles import profiles_of
from controlroom.errors import InputError

#: So many offsets are named of a finding; its count is of all.
NAMED = 5
POLL_MS = 1000
STALLED_S = 30.0

_WATERMARKS = "SELECT part, next_offset, state_offset FROM watermark WHERE grp = $1 AND topic = $2 ORDER BY part"
_READINGS = "SELECT off FROM readings WHERE topic = $1 AND part = $2"
_REJECTS = "SELECT off FROM rejects WHERE topic = $1 AND part = $2"
_GAPS = "SELECT from_offset, to_offset FROM gaps WHERE topic = $1 AND part = $2"
_STATES = "SELECT sensor_id, state FROM detector_state WHERE grp = $1 AND topic = $2 AND part = $3"
_SILENT = "SELECT sensor_id, extract(epoch FROM min(at))::float8 AS at FROM alarm_events WHERE kind = $1 GROUP BY 1"
# Of a sensor, not of a group of them, and what follows from readings alone: neither an operator's act nor silence,
# which is told by a clock where no record tells it.
_EVENTS = """
SELECT e.sensor_id, e.kind, e.version, e.event, e.event_id, e.at FROM alarm_events e JOIN sensors s USING (sensor_id)
WHERE e.kind = ANY($1) AND e.event = ANY($2)"""

COMPARED_EVENTS = ("raised", "recurred", "severity-rose", "severity-fell", "clearing", "returned")

#: (sensor, kind, version, what happened, id, event time)
EventKey = tuple[str, str, int, str, str, datetime]


@dataclass(slots=True)
class Audit:
    """What was looked at, and what is wrong."""

    records: int = 0
    readings: int = 0
    rejects: int = 0
    alarm_events: int = 0
    #: records that are neither a reading nor a reject
    lost: int = 0
    #: records that are there more than once
    twice: int = 0
    #: alarm events of the oracle that are missing, and events that are not the oracle's
    alarms_wrong: int = 0
    #: sensors whose detectors' state was compared, and of how many it is another than the oracle's
    states: int = 0
    states_wrong: int = 0
    #: sensors that fell silent: a clock may have told it, so from then on nothing of them is compared
    silent: int = 0
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """What is compared. `kinds` are the alarms whose events follow from the readings alone."""

    every_reading: bool = True
    alarms: bool = True
    states: bool = True
    kinds: tuple[str, ...] = ("limit", "spike", "level", "drift", "noise", "stuck", "rail", "corrupt", "duplicate")


async def audit(kafka: KafkaConnection, dsn: str, worker: WorkerOptions, options: AuditOptions) -> Audit:
    """Audit what a group's workers, run with these options, made of their topic.

    Raises:
        Unreachable: Kafka or PostgreSQL does not answer.
        InputError: the group has never worked on the topic.
    """
    result = Audit()
    topic = worker.topics.data
    expected: set[EventKey] = set()
    silent: dict[str, float] = {}
    async with Session(dsn, "fsck") as session:
        connection = await session.connection()
        found = await connection.fetch(_WATERMARKS, worker.group, topic)
        marks = {row["part"]: Mark(row["next_offset"], row["state_offset"]) for row in found}
        if not marks:
            raise InputError(f"group {worker.group} has no watermark on {topic}", hint="check --group and the topic")
        consumer = AIOKafkaConsumer(
            **kafka.reading, enable_auto_commit=False, auto_offset_reset="none", value_deserializer=AS_DECODED,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )  # fmt: skip
        await consumer.start()
        try:
            for part, mark in marks.items():
                tp = TopicPartition(topic, part)
                orders = await connection.fetch(LOAD_APPLIED, worker.group, topic, part)
                oracle = await _oracle(consumer, tp, mark, worker, options, result, orders)
                expected |= oracle.events
                silent |= oracle.silent
                await _compare_offsets(connection, tp, mark.end, oracle.offsets, options, result)
                if options.states:
                    await _compare_states(connection, tp, worker.group, oracle, result)
        finally:
            await consumer.stop()
        for row in await connection.fetch(_SILENT, NO_DATA_KIND):
            silent[row["sensor_id"]] = min(row["at"], silent.get(row["sensor_id"], row["at"]))
        result.silent = len(silent)
        if silent:
            result.notes.append(f"{len(silent)} sensors fell silent; from then on their alarms are not compared")
        if options.alarms:
            await _compare_alarms(connection, expected, silent, options, result)
    return result


def _process(
    pipeline: PartitionPipeline, records: Sequence[ConsumerRecord], orders: Sequence[asyncpg.Record]
) -> Sequence[asyncpg.Record]:
    """Process records, and carry out what operators ordered where the workers did; the orders that are left."""
    while records and orders and orders[0]["off"] <= records[-1].offset:
        before = [record for record in records if record.offset < orders[0]["off"]]
        pipeline.process(before)
        pipeline.order([order_of(orders[0])])
        records, orders = records[len(before) :], orders[1:]
    pipeline.process(records)
    return orders


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a partition is committed, and as of which offset its detectors' states are."""

    end: int
    state: int


@dataclass(slots=True)
class _Oracle:
    """What an uninterrupted pipeline makes of a partition's records."""

    offsets: list[int] = field(default_factory=list)
    events: set[EventKey] = field(default_factory=set)
    states: dict[str, bytes] = field(default_factory=dict)
    #: when sensors fell silent, in their own time
    silent: dict[str, float] = field(default_factory=dict)


async def _oracle(
    consumer: AIOKafkaConsumer,
    tp: TopicPartition,
    mark: Mark,
    worker: WorkerOptions,
    options: AuditOptions,
    result: Audit,
    orders: Sequence[asyncpg.Record],
) -> _Oracle:
    end = mark.end
    first = (await consumer.beginning_offsets([tp]))[tp]
    if first > 0:
        result.notes.append(f"partition {tp.partition}: records before {first} are gone; alarms from before may differ")
    consumer.assign([tp])
    consumer.seek(tp, first)
    profile_for = profiles_of(worker.definitions, worker.profiles)
    pipeline = PartitionPipeline(tp.topic, tp.partition, first, {}, profile_for, worker.pipeline)
    alarms: dict[AlarmKey, Alarm] = {}
    oracle = _Oracle()
    offsets = oracle.offsets

    keys: set[bytes | None] = set()

    def run(records: list[ConsumerRecord], *, checkpoint: bool) -> None:
        nonlocal orders
        keys.update(record.key for record in records)
        orders = _process(pipeline, records, orders)
        batch = pipeline.take(checkpoint=checkpoint)
        if checkpoint:
            # What is kept under other names, of groups and of the partition, follows from clocks too.
            oracle.states = {name: state for name, state in (batch.states or {}).items() if name.encode() in keys}
        for signal in batch.signals:
            if signal.kind == NO_DATA_KIND:
                oracle.silent.setdefault(signal.facts.sensor_id, signal.event.at)
        handled = handle(batch.signals, alarms, worker.definitions)
        alarms.update(handled.alarms)
        pipeline.set_deadlines(handled.deadlines)
        oracle.events.update(
            (event.sensor_id, event.kind, event.version, event.event, event.event_id, event.timestamp)
            for event in handled.events
            if event.kind in options.kinds and event.event in COMPARED_EVENTS
        )

    checkpointed = mark.state <= first
    while first < end and (not offsets or offsets[-1] < end - 1):
        async with asyncio.timeout(STALLED_S):
            records: list[ConsumerRecord] = []
            while not records:
                records = (await consumer.getmany(tp, timeout_ms=POLL_MS, max_records=2000)).get(tp, [])
                if not records and await consumer.position(tp) >= end:
                    break
        records = [record for record in records if record.offset < end]
        if not records:
            break
        offsets += (record.offset for record in records)
        if not checkpointed and mark.state <= records[-1].offset + 1:
            checkpointed = True
            cut = next((at for at, record in enumerate(records) if record.offset >= mark.state), len(records))
            run(records[:cut], checkpoint=True)
            records = records[cut:]
        run(records, checkpoint=False)
        await asyncio.sleep(0)
    if not checkpointed:
        # The last records before it were marks of transactions, which nobody is handed.
        run([], checkpoint=True)
    return oracle


async def _compare_offsets(
    connection: asyncpg.Connection,
    tp: TopicPartition,
    end: int,
    offsets: Iterable[int],
    options: AuditOptions,
    result: Audit,
) -> None:
    there = set(offsets)
    result.records += len(there)
    stored = [row[0] for row in await connection.fetch(_READINGS, tp.topic, tp.partition, timeout=600)]
    rejected = [row[0] for row in await connection.fetch(_REJECTS, tp.topic, tp.partition, timeout=600)]
    result.readings += len(stored)
    result.rejects += len(rejected)
    counted = Counter(stored)
    counted.update(rejected)
    gaps = [range(row[0], row[1]) for row in await connection.fetch(_GAPS, tp.topic, tp.partition)]

    def find(what: str, found: set[int]) -> int:
        if found:
            named = ", ".join(str(offset) for offset in sorted(found)[:NAMED])
            result.findings.append(f"partition {tp.partition}: {len(found)} {what} (offsets {named})")
        return len(found)

    result.twice += find("records twice", {offset for offset, count in counted.items() if count > 1})
    find("rows beyond the watermark", {offset for offset in counted if offset >= end})
    if options.every_reading:
        missing = there - counted.keys()
        missing = {offset for offset in missing if not any(offset in gap for gap in gaps)}
        result.lost += find("records lost", missing)
    if there:
        oldest = min(there)
        find("rows that are no records", {offset for offset in counted.keys() - there if oldest <= offset < end})


async def _compare_states(
    connection: asyncpg.Connection, tp: TopicPartition, group: str, oracle: _Oracle, result: Audit
) -> None:
    silent = {row["sensor_id"] for row in await connection.fetch(_SILENT, NO_DATA_KIND)} | oracle.silent.keys()
    rows = await connection.fetch(_STATES, group, tp.topic, tp.partition, timeout=600)
    stored = {row["sensor_id"]: row["state"] for row in rows}
    compared = {name: state for name, state in oracle.states.items() if name in stored.keys() - silent}
    wrong = sorted(name for name, state in compared.items() if stored[name] != state)
    missing = sorted(oracle.states.keys() - stored.keys() - silent)
    result.states += len(compared)
    result.states_wrong += len(wrong) + len(missing)
    for what, names in (("are not the oracle's", wrong), ("are missing", missing)):
        if names:
            named = ", ".join(names[:NAMED])
            result.findings.append(f"partition {tp.partition}: states of {len(names)} sensors {what} ({named})")


async def _compare_alarms(
    connection: asyncpg.Connection,
    expected: set[EventKey],
    silent: Mapping[str, float],
    options: AuditOptions,
    result: Audit,
) -> None:
    rows = await connection.fetch(_EVENTS, list(options.kinds), list(COMPARED_EVENTS), timeout=600)

    def before_any_silence(events: Iterable[EventKey]) -> set[EventKey]:
        return {event for event in events if event[5].timestamp() < silent.get(event[0], math.inf)}

    found = before_any_silence(tuple(row) for row in rows)
    expected = before_any_silence(expected)
    result.alarm_events = len(found)
    for what, some in (
        ("of the oracle are missing", _beyond_doubt(expected - found, found)),
        ("are not the oracle's", _beyond_doubt(found - expected, expected)),
    ):
        result.alarms_wrong += len(some)
        if some:
            named = ", ".join(" ".join(map(str, event[:4])) for event in sorted(some)[:NAMED])
            result.findings.append(f"{len(some)} alarm events {what} ({named})")


def _beyond_doubt(some: set[EventKey], others: set[EventKey]) -> set[EventKey]:
    """Without the last event of an alarm where it is the end of a delay.

    A delay that ends within the last batch is told by the first reading of the next one, which is not there yet; and
    how the records are cut into batches differs from run to run.
    """
    newest: dict[tuple[str, str], int] = {}
    for sensor_id, kind, version, *_ in others:
        newest[sensor_id, kind] = max(version, newest.get((sensor_id, kind), 0))
    return {event for event in some if event[3] != "returned" or event[2] < newest.get(event[:2], 0)}
