"""The machine stage at work: it follows the roll-ups of each machine's sensors, in the database that all workers share.

Every worker looks; a machine's row is locked by whoever looks at it, the others pass it by. What was learned, how far
it got, and the alarm that follows from it are written in one transaction. A step that fails is done again from the same
minute, so each minute is looked at once, in order, whoever does it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime

import asyncpg

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.alarm_journal import write_handled
from controlroom.adapters.postgres.learning import INSERT_APPLIED
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session, transaction
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.events import AlarmEvent, TimePassed
from controlroom.core.alarms.model import decode_alarm
from controlroom.core.alert_handler import handle
from controlroom.core.machines import MACHINE_KIND, NO_PARTITION, Machine, by_minute, closed_until, subject_of
from controlroom.core.records import Signal, Source, facts_of_group
from controlroom.core.rollups import MINUTE

log = logging.getLogger(__name__)

POLL_S = 15.0
PAUSE_SHARE = 20.0
#: Minutes of one machine in one transaction: a stage that has much to catch up with stops nobody else in its process.
MOST_MINUTES = 30
#: A session that holds the lock and asks nothing for so long is ended by the server.
IDLE_S = 600

#: One worker of a group is enough; which one is a matter of who holds this.
OWN = "SELECT pg_try_advisory_lock(hashtextextended($1, 8))"

NEWS = """
SELECT s.machine_id, s.sensor_id, coalesce(m.next_minute, 0) AS next_minute, (
    SELECT extract(epoch FROM r.bucket)::bigint FROM rollup_minute r WHERE r.sensor_id = s.sensor_id
    ORDER BY r.bucket DESC LIMIT 1) AS newest
FROM sensors s LEFT JOIN machine_state m ON m.machine_id = s.machine_id AND m.grp = $1 AND m.topic = $2
WHERE s.machine_id <> '' ORDER BY s.machine_id"""

BEGIN = """
INSERT INTO machine_state (grp, topic, machine_id, next_minute, state) VALUES ($1, $2, $3, 0, '')
ON CONFLICT DO NOTHING"""

LOCK = """
SELECT next_minute, state FROM machine_state WHERE grp = $1 AND topic = $2 AND machine_id = $3
FOR UPDATE SKIP LOCKED"""

SENSORS = "SELECT sensor_id, unit, simulated FROM sensors WHERE machine_id = $1 ORDER BY sensor_id"

NEWEST = """
SELECT s.sensor_id, (
    SELECT extract(epoch FROM r.bucket)::bigint FROM rollup_minute r WHERE r.sensor_id = s.sensor_id
    ORDER BY r.bucket DESC LIMIT 1) AS minute
FROM unnest($1::text[]) AS s (sensor_id)"""

ROLLUPS = """
SELECT sensor_id, extract(epoch FROM bucket)::bigint AS minute, mean FROM rollup_minute
WHERE sensor_id = ANY($1) AND bucket >= $2 AND bucket < $3 ORDER BY bucket, sensor_id LIMIT $4"""

ORDERS = """
SELECT a.id, a.sensor_id FROM audit a
WHERE a.refusal = '' AND a.action IN ('ResetLearning', 'AcceptLevel') AND a.sensor_id LIKE 'machine:%' AND NOT EXISTS (
    SELECT FROM learning_applied l WHERE l.grp = $1 AND l.topic = $2 AND l.part = $3 AND l.order_id = a.id)
ORDER BY a.id"""

SAVE = """
UPDATE machine_state SET next_minute = $4, state = $5, updated_at = now()
WHERE grp = $1 AND topic = $2 AND machine_id = $3"""


class MachineStage:
    """Follows all machines.

    Args:
        group: whose work it is: each group has states of its own.
        topic: the readings' topic; a machine's alarm is announced by the owner of its first partition.
        definitions: how alarms behave.
    """

    def __init__(self, dsn: str, owner: str, group: str, topic: str, definitions: Definitions) -> None:
        self._session = Session(dsn, f"{owner} machines")
        self._key = (group, topic)
        self._definitions = definitions
        self._held_by: asyncpg.Connection | None = None

    async def run(self) -> None:
        """Look until cancelled; a database that is away is waited for."""
        try:
            while True:
                began = time.monotonic()
                try:
                    await self.turn()
                except PASSING_ERRORS as error:
                    self._session.drop()
                    log.debug("machines wait for the database: %s", error)
                # However many sensors there are, looking takes a twentieth of the time at the most.
                await asyncio.sleep(max(POLL_S, PAUSE_SHARE * (time.monotonic() - began)))
        finally:
            await self._session.close()

    async def finish(self) -> None:
        """Look at all that is there to be looked at, once, and give the connection back.

        Raises:
            one of PASSING_ERRORS.
        """
        try:
            await self.turn()
        finally:
            await self._session.close()

    async def turn(self) -> int:
        """Look at every machine, if no other worker does; how many minutes were looked at."""
        connection = await self._session.connection()
        if connection is not self._held_by:
            if not await connection.fetchval(OWN, "/".join(self._key)):
                return 0
            await connection.execute(f"SET idle_session_timeout = '{IDLE_S}s'")
            self._held_by = connection
        ordered = {row["sensor_id"] for row in await connection.fetch(ORDERS, *self._key, NO_PARTITION)}
        news: dict[str, tuple[int, dict[str, int]]] = {}
        for row in await connection.fetch(NEWS, *self._key):
            known = news.setdefault(row["machine_id"], (row["next_minute"], {}))[1]
            if row["newest"] is not None:
                known[row["sensor_id"]] = row["newest"]
        looked = 0
        for machine_id, (following, newest) in news.items():
            if len(newest) < 2 or (closed_until(newest) <= following and subject_of(machine_id) not in ordered):
                continue
            while (count := await self._step(connection, machine_id)) > 0:
                looked += count
        return looked

    async def _step(self, connection: asyncpg.Connection, machine_id: str) -> int:
        """The next minutes of a machine, in one transaction; how many there were."""
        key = (*self._key, machine_id)
        await connection.execute(BEGIN, *key)
        async with transaction(connection):
            row = await connection.fetchrow(LOCK, *key)
            if row is None:
                return 0
            sensors = await connection.fetch(SENSORS, machine_id)
            units = {sensor["sensor_id"]: sensor["unit"] for sensor in sensors}
            simulated = all(sensor["simulated"] for sensor in sensors)
            machine = Machine.of(machine_id, units, row["state"] or None, simulated=simulated)
            if machine is None:
                return 0
            first = row["next_minute"]
            happened = await self._obey(connection, machine, first)
            minutes, following = await self._minutes(connection, machine, first)
            happened += [event for minute, means in minutes if (event := machine.minute(minute, means)) is not None]
            await self._tell(connection, machine_id, happened, float(following))
            await connection.execute(SAVE, *key, following, machine.relation.dump())
            return len(minutes)

    async def _obey(self, connection: asyncpg.Connection, machine: Machine, minute: int) -> list[AlarmEvent]:
        """Carry out what operators ordered of this machine: how it is now is normal."""
        subject = subject_of(machine.machine_id)
        orders = await connection.fetch(ORDERS, *self._key, NO_PARTITION)
        mine = [row["id"] for row in orders if row["sensor_id"] == subject]
        if not mine:
            return []
        await connection.execute(INSERT_APPLIED, *self._key, NO_PARTITION, mine, [minute] * len(mine))
        event = machine.accept(float(minute))
        return [event] if event is not None else []

    async def _minutes(
        self, connection: asyncpg.Connection, machine: Machine, first: int
    ) -> tuple[list[tuple[int, dict[str, float | None]]], int]:
        """The minutes from `first` on that are over, and the one that follows on them."""
        names = list(machine.sensors)
        newest = {
            row["sensor_id"]: row["minute"]
            for row in await connection.fetch(NEWEST, names)
            if row["minute"] is not None
        }
        until = closed_until(newest)
        if until <= first:
            return [], first
        limit = MOST_MINUTES * len(names)
        found = await connection.fetch(
            ROLLUPS, names, datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(until, UTC), limit
        )
        if len(found) == limit:
            # The last minute may be cut in two: it is left for the next step.
            until = found[-1]["minute"]
        minutes = by_minute([(row["sensor_id"], row["minute"], row["mean"]) for row in found], until)
        return minutes, minutes[-1][0] + MINUTE if minutes else first

    async def _tell(
        self, connection: asyncpg.Connection, machine_id: str, happened: list[AlarmEvent], now: float
    ) -> None:
        """Apply what happened to the machine's alarm, and let its delays run in the machine's own time."""
        subject = subject_of(machine_id)
        facts = facts_of_group(subject)
        source = Source(self._key[1], 0, -1)
        stored = await connection.fetch(rows.LOCK_ALARMS, [subject])
        alarms = {(row["sensor_id"], row["kind"]): decode_alarm(row["doc"]) for row in stored}
        signals = [Signal(facts, MACHINE_KIND, event, source) for event in happened]
        signals.append(Signal(facts, MACHINE_KIND, TimePassed(at=now), source))
        if not happened and (subject, MACHINE_KIND) not in alarms:
            return
        handled = handle(signals, alarms, self._definitions)
        await write_handled(connection, handled, {subject: source}, (source.topic, source.partition), posted=True)
