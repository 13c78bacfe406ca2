"""The store of one partition: everything that follows from a batch in one transaction, effectively once.

The rule: a batch is written only if the watermark is where the batch begins and the epoch is ours (compare-and-set).
After any error the outcome is unknown, and the watermark tells: ours, and one commit on: it was written; ours and where
it was: the same batch is written again; not ours: another worker has claimed the partition, and we are fenced.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.alarm_journal import OutboxEntry, write_handled
from controlroom.adapters.postgres.copying import copy_readings
from controlroom.adapters.postgres.learning import INSERT_APPLIED
from controlroom.adapters.postgres.moves import SensorMoves, departed, give_up, were_added
from controlroom.adapters.postgres.outbox import Outgoing, dead_letter
from controlroom.adapters.postgres.schema import known_version, require_no_newer_schema
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session, transaction
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.model import decode_alarm
from controlroom.core.alert_handler import Handled, concerned, handle
from controlroom.core.intake import gap_signals
from controlroom.core.records import Batch, SensorFacts, Signal
from controlroom.errors import Fenced
from controlroom.wire import AlarmEvent

log = logging.getLogger(__name__)

RETRY_FIRST_S = 0.05
RETRY_MOST_S = 2.0
#: of a statement that writes many; a detector's state has some 3 KB
ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Claim:
    """A partition as its new owner finds it."""

    #: None: nobody has ever worked on it
    next_offset: int | None
    state_offset: int | None
    epoch: int
    #: sensor id -> detector state as of state_offset
    states: dict[str, bytes] = field(default_factory=dict)
    #: sensor id -> kind -> event time at which a delay ends
    deadlines: dict[str, dict[str, float]] = field(default_factory=dict)
    #: of the sensors that have live alarms
    facts: dict[str, SensorFacts] = field(default_factory=dict)
    #: (sensor or group, kind) of the alarms whose condition stands
    standing: frozenset[tuple[str, str]] = frozenset()
    #: `tail_hash` of the record before next_offset, if that is known
    tail: bytes | None = None
    #: sensors that have moved to another partition, and when (broker time, seconds)
    departed: dict[str, float] = field(default_factory=dict)
    #: partitions were added to the topic a moment ago, or nobody works on some of them yet
    topic_grew: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """What a batch came to."""

    events: list[AlarmEvent]
    #: outbox ids of `events`, in the same order
    outbox_ids: list[int]
    deadlines: dict[str, dict[str, float]]
    #: entries of the outbox that others have posted: to be announced before `events`
    posted: list[OutboxEntry] = field(default_factory=list)
    dead_letters: list[Outgoing] = field(default_factory=list)


class PartitionStore:
    """All that is written for one partition. Its owner is the only user; calls do not overlap."""

    def __init__(
        self,
        dsn: str,
        *,
        group: str,
        topic: str,
        partition: int,
        owner: str,
        definitions: Definitions,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`on_wait` hears why a commit must wait, and an empty text when it goes on."""
        self._session = Session(dsn, f"{owner} {topic}/{partition}")
        self._key = (group, topic, partition)
        #: of sensors between this partition and others; None where nothing is stored
        self.moves: SensorMoves | None = SensorMoves(self._session, self._key)
        self._owner = owner
        self._definitions = definitions
        self._on_wait = on_wait
        self._epoch = 0
        self._commits = 0

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()

    async def claim(self, partitions: int = 0) -> Claim:
        """Become the owner: raise the epoch (the row's lock waits out a zombie's open transaction) and load the state.

        Args:
            partitions: how many the topic has now, as far as that is known.

        Raises:
            one of PASSING_ERRORS: try again later.
            ProgramTooOld: a newer version of the program has migrated the database.
        """
        try:
            connection = await self._session.connection()
            async with transaction(connection):
                await require_no_newer_schema(connection)
                row = await connection.fetchrow(rows.CLAIM, *self._key, self._owner)
                if row is None:
                    self._epoch = 0
                    return Claim(None, None, 0)
                states = await connection.fetch(rows.LOAD_STATES, *self._key)
                alarms = await connection.fetch(rows.LOAD_LIVE_ALARMS, *self._key[1:])
                left = await departed(connection, self._key)
                topic_grew = await were_added(connection, self._key, partitions)
        except PASSING_ERRORS:
            self._session.drop()
            raise
        self._epoch, self._commits = row["epoch"], row["commits"]
        deadlines: dict[str, dict[str, float]] = {}
        facts: dict[str, SensorFacts] = {}
        standing: set[tuple[str, str]] = set()
        for stored in alarms:
            alarm = decode_alarm(stored["doc"])
            if alarm.active:
                standing.add((alarm.sensor_id, alarm.kind))
            if stored["sensor_id"] is not None:
                facts[alarm.sensor_id] = rows.facts_of(stored)
            if alarm.next_event_time is not None:
                deadlines.setdefault(alarm.sensor_id, {})[alarm.kind] = alarm.next_event_time
        return Claim(
            row["next_offset"],
            row["state_offset"],
            self._epoch,
            {state["sensor_id"]: state["state"] for state in states},
            deadlines,
            facts,
            frozenset(standing),
            row["tail_hash"],
            left,
            topic_grew,
        )

    async def begin(self, offset: int) -> bool:
        """Set the watermark of a partition that nobody has worked on.

        Returns:
            False if another worker was quicker: claim again.
        """
        try:
            connection = await self._session.connection()
            made = await connection.fetchval(rows.BEGIN, *self._key, offset, self._owner)
        except PASSING_ERRORS:
            self._session.drop()
            raise
        self._epoch, self._commits = 1, 0
        return made is not None

    async def record_gap(self, start: int, end: int, reason: str) -> Committed:
        """Move the watermark from `start` to `end`, since what was there is gone; keep the fact, and raise an alarm.

        The alarm returns at once and stays until an operator has seen it.

        Raises:
            Fenced: another worker owns the partition.
        """
        _, topic, part = self._key
        signals = gap_signals(topic, part, start, end, reason, time.time())
        result: Committed | None = None

        async def write(connection: asyncpg.Connection) -> None:
            nonlocal result
            async with transaction(connection):
                await self._advance(connection, start, end, end, None)
                await connection.execute(rows.INSERT_GAP, topic, part, start, end, reason)
                result = await self._apply(connection, signals)

        await self._until_known(write)
        assert result is not None
        return result

    async def commit(self, batch: Batch) -> Committed:
        """Write the batch, however long the database stays away.

        Raises:
            Fenced: another worker owns the partition; nothing of the batch is written by us.
            ProgramTooOld: a newer version of the program has migrated the database; nothing is written either.
        """
        state_offset = batch.next_offset if batch.states is not None else None
        result: Committed | None = None

        async def write(connection: asyncpg.Connection) -> None:
            nonlocal result
            async with transaction(connection):
                await self._advance(connection, batch.first, batch.next_offset, state_offset, batch.tail)
                result = await self._write(connection, batch)

        await self._until_known(write)
        assert result is not None
        return result

    async def _until_known(self, write: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
        """Run the transaction until its outcome is known; `_commits` counts the ones that are."""
        delay = 0.0
        unknown = False
        while True:
            try:
                connection = await self._session.connection()
                if not (unknown and await self._was_committed(connection)):
                    unknown = True
                    await write(connection)
            except ValueError:
                # asyncpg's refusal to encode a value is an InterfaceError too, but waiting will not mend it.
                self._session.drop()
                raise
            except PASSING_ERRORS as error:
                self._session.drop()
                self._on_wait(str(error) or type(error).__name__)
                delay = min(max(RETRY_FIRST_S, delay * 2), RETRY_MOST_S)
                await asyncio.sleep(delay)
                continue
            except BaseException:
                self._session.drop()
                raise
            self._commits += 1
            if delay:
                self._on_wait("")
            return

    async def _was_committed(self, connection: asyncpg.Connection) -> bool:
        row = await connection.fetchrow(rows.READ_WATERMARK, *self._key)
        if row is None or row["epoch"] != self._epoch:
            raise Fenced(f"{self._key[1]}/{self._key[2]} was claimed by another worker")
        return bool(row["commits"] > self._commits)

    async def _advance(
        self, connection: asyncpg.Connection, first: int, last: int, state: int | None, tail: bytes | None
    ) -> None:
        done = await connection.fetchval(
            rows.ADVANCE, *self._key, first, last, self._epoch, self._commits, state, tail, known_version()
        )
        if done is None:
            await require_no_newer_schema(connection)
            raise Fenced(f"{self._key[1]}/{self._key[2]} was claimed by another worker")

    async def _write(self, connection: asyncpg.Connection, batch: Batch) -> Committed:
        _, topic, part = self._key
        if batch.sensors:
            await connection.execute(rows.UPSERT_SENSORS, *rows.sensor_columns(batch.sensors.values()))
        if batch.readings:
            await copy_readings(connection, topic, part, batch.readings)
        dead_letters: list[Outgoing] = []
        if batch.rejects:
            await connection.executemany(
                rows.INSERT_REJECT,
                [(topic, part, *rows.reject_columns(reject)) for reject in batch.rejects],
            )
            ids = await connection.fetch(rows.INSERT_OUTBOX_REJECTS, topic, part, [r.offset for r in batch.rejects])
            dead_letters = [
                dead_letter(row["id"], r.key, r.raw, topic, part, r.offset, r.reason, r.detail, r.size)
                for row, r in zip(ids, batch.rejects, strict=True)
            ]
        if batch.rollups:
            hours = rows.hours_of(batch.rollups)
            tables = (("rollup_second", batch.seconds), ("rollup_minute", batch.rollups), ("rollup_hour", hours))
            for table, rollups in tables:
                if not rollups:
                    continue
                await _in_parts(connection, rows.MERGE_ROLLUPS.format(table=table), (), rows.rollup_columns(rollups))
        if batch.new_sensors and batch.states is None:
            await connection.execute(rows.INSERT_NEW_STATES, *self._key, batch.new_sensors)
        if batch.states:
            columns = (list(batch.states), list(batch.states.values()))
            await _in_parts(connection, rows.UPSERT_STATES, self._key, columns)
        if batch.ordered:
            orders, offsets = zip(*batch.ordered, strict=True)
            await connection.execute(INSERT_APPLIED, *self._key, list(orders), list(offsets))
        if not batch.signals:
            committed = Committed([], [], {})
        else:
            committed = await self._apply(connection, batch.signals)
        if batch.departures:
            # After what was said last of their alarms here.
            await give_up(connection, self._key, batch.departures)
        return replace(committed, dead_letters=dead_letters)

    async def _apply(self, connection: asyncpg.Connection, signals: Sequence[Signal]) -> Committed:
        """What moves alarms, written with all that follows from it."""
        _, topic, part = self._key
        handled = await self._handle(connection, signals)
        places = {signal.facts.sensor_id: signal.source for signal in signals}
        # What an operator did to these alarms came before, so it is announced before.
        posted = await connection.fetch(rows.LOAD_POSTED, topic, [part]) if handled.events else []
        outbox_ids = await write_handled(connection, handled, places, (topic, part))
        return Committed(handled.events, outbox_ids, handled.deadlines, [tuple(row) for row in posted])

    async def _handle(self, connection: asyncpg.Connection, signals: Sequence[Signal]) -> Handled:
        sensors, groups = concerned(signals)
        if groups:
            await connection.execute(rows.LOCK_GROUPS, groups)
        stored = await connection.fetch(rows.LOCK_ALARMS, sensors + groups)
        alarms = {(row["sensor_id"], row["kind"]): decode_alarm(row["doc"]) for row in stored}
        return handle(signals, alarms, self._definitions)


async def _in_parts(
    connection: asyncpg.Connection, statement: str, first: Sequence[object], columns: Sequence[list[Any]]
) -> None:
    """Run a statement whose last arguments are columns, for some rows at a time.

    A checkpoint has the states of all sensors that are new. In one statement a hundred thousand of them take longer
    than a statement may, and the loop, with the heartbeats in it, stands still while they are encoded.
    """
    for start in range(0, len(columns[0]), ROWS_AT_ONCE):
        await connection.execute(statement, *first, *(column[start : start + ROWS_AT_ONCE] for column in columns))
