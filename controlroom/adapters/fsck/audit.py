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
from collections.abc import Coroutine, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from aiokafka import TopicPartition

from controlroom.adapters.fsck.oracle import COMPARED_EVENTS, EventKey, Mark, Moves, Oracle, run_again
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.worker import WorkerOptions
from controlroom.adapters.postgres.learning import LOAD_APPLIED
from controlroom.adapters.postgres.moves import LOAD_MOVES
from controlroom.adapters.postgres.session import Session
from controlroom.core.alarms.model import NO_DATA_KIND
from controlroom.errors import InputError

#: So many offsets are named of a finding; its count is of all.
NAMED = 5

_WATERMARKS = "SELECT part, next_offset, state_offset FROM watermark WHERE grp = $1 AND topic = $2 ORDER BY part"
_READINGS = "SELECT off FROM readings WHERE topic = $1 AND part = $2"
_REJECTS = "SELECT off FROM rejects WHERE topic = $1 AND part = $2"
_GAPS = "SELECT from_offset, to_offset FROM gaps WHERE topic = $1 AND part = $2"
_STATES = "SELECT sensor_id, state FROM detector_state WHERE grp = $1 AND topic = $2 AND part = $3"
_SENSORS = "SELECT sensor_id FROM detector_state WHERE grp = $1 AND topic = $2 AND part = $3"
_SILENT = "SELECT sensor_id, extract(epoch FROM min(at))::float8 AS at FROM alarm_events WHERE kind = $1 GROUP BY 1"
# What an operator does to an alarm counts its version up, and decides what joins it: from then on its sensor's alarms
# follow from more than its readings. (A transaction's time is that of its begin: one of the same minute may be later.)
_ACTED = """
SELECT sensor_id, min(recorded_at) AS acted_at FROM alarm_events WHERE coalesce(doc ->> 'actor', '') <> '' GROUP BY 1"""
# Of a sensor, not of a group of them, and what follows from readings alone: neither an operator's act nor silence,
# which is told by a clock where no record tells it.
_EVENTS = f"""
SELECT e.sensor_id, e.kind, e.version, e.event, e.event_id, e.at
FROM alarm_events e JOIN sensors s USING (sensor_id) LEFT JOIN ({_ACTED}) a USING (sensor_id)
WHERE e.kind = ANY($1) AND e.event = ANY($2)
  AND (a.acted_at IS NULL OR e.recorded_at < a.acted_at - interval '1 minute')"""  # noqa: S608


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
    #: sensors whose alarms an operator has acted on: what came after the first act is not compared
    acted: int = 0
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """What is compared. `kinds` are the alarms whose events follow from the readings alone."""

    every_reading: bool = True
    alarms: bool = True
    states: bool = True
    kinds: tuple[str, ...] = ("limit", "spike", "level", "drift", "noise", "stuck", "rail", "corrupt", "duplicate")


class Gaps:
    """What was recorded of a partition as gone, as rows of `gaps`."""

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        self.gone = [range(start, end) for start, end in rows]
        #: where topics ended that had the same name before: workers went back to the first record of the new one
        self.earlier_ends = [start for start, end in rows if end < start]

    def earlier_topics(self, offset: int) -> int:
        """How many earlier topics had a record at `offset`, which may have a row."""
        return sum(offset < end for end in self.earlier_ends)


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
    #: sensors whose first records are gone
    incomparable: set[str] = set()
    async with Session(dsn, "fsck") as session:
        connection = await session.connection()
        found = await connection.fetch(_WATERMARKS, worker.group, topic)
        marks = {row["part"]: Mark(row["next_offset"], row["state_offset"]) for row in found}
        if not marks:
            raise InputError(f"group {worker.group} has no watermark on {topic}", hint="check --group and the topic")
        moves = Moves(await connection.fetch(LOAD_MOVES, worker.group, topic))
        # Where sensors have moved, partitions wait for each other as they did then; else one after the other is enough.
        for parts in [list(marks)] if moves else [[part] for part in marks]:
            orders = {part: await connection.fetch(LOAD_APPLIED, worker.group, topic, part) for part in parts}
            runs = [
                run_again(kafka, TopicPartition(topic, part), marks[part], worker, options.kinds, orders[part], moves)
                for part in parts
            ]
            for part, oracle in zip(parts, await _side_by_side(runs), strict=True):
                tp = TopicPartition(topic, part)
                gaps = Gaps(await connection.fetch(_GAPS, topic, part))
                await _compare_offsets(connection, tp, marks[part].end, oracle.offsets, gaps, options, result)
                silent |= oracle.silent
                if gaps.earlier_ends or oracle.first > 0:
                    why = "the topic was made anew" if gaps.earlier_ends else f"records before {oracle.first} are gone"
                    result.notes.append(f"partition {part}: {why}: alarms and states are not compared")
                    incomparable |= {row[0] for row in await connection.fetch(_SENSORS, worker.group, topic, part)}
                    continue
                expected |= oracle.events
                if options.states:
                    await _compare_states(connection, tp, worker.group, oracle, result)
        for row in await connection.fetch(_SILENT, NO_DATA_KIND):
            silent[row["sensor_id"]] = min(row["at"], silent.get(row["sensor_id"], row["at"]))
        result.silent = len(silent)
        if silent:
            result.notes.append(f"{len(silent)} sensors fell silent; from then on their alarms are not compared")
        if options.alarms:
            await _compare_alarms(connection, expected, silent, incomparable, options, result)
    return result


async def _side_by_side(runs: Iterable[Coroutine[Any, Any, Oracle]]) -> list[Oracle]:
    tasks = [asyncio.create_task(run) for run in runs]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _compare_offsets(
    connection: asyncpg.Connection,
    tp: TopicPartition,
    end: int,
    offsets: Iterable[int],
    gaps: Gaps,
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

    def find(what: str, found: set[int]) -> int:
        if found:
            named = ", ".join(str(offset) for offset in sorted(found)[:NAMED])
            result.findings.append(f"partition {tp.partition}: {len(found)} {what} (offsets {named})")
        return len(found)

    result.twice += find("records twice", {o for o, count in counted.items() if count > 1 + gaps.earlier_topics(o)})
    find("rows beyond the watermark", {o for o in counted if o >= end and not gaps.earlier_topics(o)})
    if options.every_reading:
        missing = there - counted.keys()
        missing = {offset for offset in missing if not any(offset in gap for gap in gaps.gone)}
        result.lost += find("records lost", missing)
    if there:
        oldest = min(there)
        strange = {o for o in counted.keys() - there if oldest <= o < end and not gaps.earlier_topics(o)}
        find("rows that are no records", strange)


async def _compare_states(
    connection: asyncpg.Connection, tp: TopicPartition, group: str, oracle: Oracle, result: Audit
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
    incomparable: Set[str],
    options: AuditOptions,
    result: Audit,
) -> None:
    rows = await connection.fetch(_EVENTS, list(options.kinds), list(COMPARED_EVENTS), timeout=600)

    def before_any_silence(events: Iterable[EventKey]) -> set[EventKey]:
        return {event for event in events if event[5].timestamp() < silent.get(event[0], math.inf)}

    found = before_any_silence(tuple(row) for row in rows if row["sensor_id"] not in incomparable)
    expected = before_any_silence(expected)
    acted = {row["sensor_id"] for row in await connection.fetch(_ACTED)}
    # When an event of the oracle would have been recorded is not known, so none of theirs is missing.
    expected = {event for event in expected if event[0] not in acted or event in found}
    result.acted = len(acted)
    if acted:
        result.notes.append(
            f"operators acted on alarms of {len(acted)} sensors; from then on their alarms are not compared"
        )
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
