"""Sensors that move from one partition to another: asked for by the new owner, given up by the old one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import asyncpg

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.poller import Poller
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session, transaction
from controlroom.core.alarms.model import decode_alarm
from controlroom.core.moving import STAYS_S, Departure
from controlroom.core.records import SensorFacts

CHANNEL = "controlroom_moves"

#: (group, topic, partition)
PartitionKey = tuple[str, str, int]

_WHERE = """
SELECT sensor_id, part FROM detector_state WHERE grp = $1 AND topic = $2 AND sensor_id = ANY($4)
ORDER BY part = $3, part"""

# A request of another partition that still waits is ours now: the sensor was heard here last.
_ASK = """
INSERT INTO sensor_moves (grp, topic, to_part, sensor_id, from_part, until_off)
SELECT $1, $2, $3, * FROM unnest($4::text[], $5::int[], $6::bigint[])
ON CONFLICT (grp, topic, sensor_id) WHERE left_off IS NULL DO UPDATE SET
    to_part = excluded.to_part, from_part = excluded.from_part, until_off = excluded.until_off"""

# What was said of its alarms in the old partition goes out before the new one says more. It is not waited for for long:
# where the brokers take no alarms, detection goes on.
_ARRIVED = """
SELECT s.sensor_id, s.state FROM detector_state s
WHERE s.grp = $1 AND s.topic = $2 AND s.part = $3 AND s.sensor_id = ANY($4)
    AND NOT EXISTS (SELECT FROM outbox o WHERE o.topic = $2 AND o.part <> $3 AND o.key = s.sensor_id
        AND o.created_at > now() - interval '10 seconds')"""

_WITHDRAW = """
DELETE FROM sensor_moves WHERE grp = $1 AND topic = $2 AND to_part = $3 AND sensor_id = ANY($4) AND left_off IS NULL"""

_ASKED = """
SELECT m.sensor_id, m.from_part FROM sensor_moves m JOIN watermark w
    ON (w.grp, w.topic, w.part) = (m.grp, m.topic, m.from_part)
WHERE m.grp = $1 AND m.topic = $2 AND m.from_part = ANY($3) AND m.left_off IS NULL AND w.next_offset >= m.until_off"""

_LEFT = """
UPDATE sensor_moves m SET left_off = d.off, left_log_s = d.at
FROM (
    SELECT d.sensor_id, d.off, d.at, coalesce(d.state, s.state) AS state
    FROM unnest($4::text[], $5::bigint[], $6::float8[], $7::bytea[]) AS d (sensor_id, off, at, state)
    LEFT JOIN detector_state s ON (s.grp, s.topic, s.part, s.sensor_id) = ($1, $2, $3, d.sensor_id)
) d
WHERE m.grp = $1 AND m.topic = $2 AND m.from_part = $3 AND m.sensor_id = d.sensor_id AND m.left_off IS NULL
RETURNING m.sensor_id, m.to_part, d.state"""

_FORGET = "DELETE FROM detector_state WHERE grp = $1 AND topic = $2 AND part = $3 AND sensor_id = ANY($4)"

_GIVE = """
INSERT INTO detector_state (grp, topic, sensor_id, part, state)
SELECT $1, $2, d.* FROM unnest($3::text[], $4::int[], $5::bytea[]) AS d (sensor_id, part, state)
WHERE d.state IS NOT NULL
ON CONFLICT (grp, topic, part, sensor_id) DO UPDATE SET state = excluded.state"""

_GIVE_ALARMS = """
UPDATE alarms a SET part = d.to_part FROM unnest($3::text[], $4::int[]) AS d (sensor_id, to_part)
WHERE a.topic = $1 AND a.part = $2 AND a.sensor_id = d.sensor_id"""

# By the broker's time of the last one, which need not be the clock's: whoever left long before may come back.
_DEPARTED = """
SELECT sensor_id, max(left_log_s) AS at FROM sensor_moves
WHERE grp = $1 AND topic = $2 AND from_part = $3 AND left_log_s > $4 + (
    SELECT max(left_log_s) FROM sensor_moves WHERE grp = $1 AND topic = $2 AND from_part = $3)
GROUP BY sensor_id"""

#: Whether a group's partitions are not all known yet, or some of them have only just been begun with.
_ADDED = """
SELECT count(*) < $3 OR max(begun_at) > greatest(now() - interval '1 minute', min(begun_at) + interval '5 seconds')
FROM watermark WHERE grp = $1 AND topic = $2"""

#: A group that has run for a while: a partition that it has never seen was added.
_HAS_RUN = """
SELECT EXISTS (SELECT FROM watermark
               WHERE grp = $1 AND topic = $2 AND part <> $3 AND begun_at < now() - interval '1 minute')"""

_STATE_OFFSET = "SELECT state_offset FROM watermark WHERE grp = $1 AND topic = $2 AND part = $3 FOR UPDATE"
_NEXT = "SELECT part, next_offset FROM watermark WHERE grp = $1 AND topic = $2"

#: For the audit: in the order in which they happened.
LOAD_MOVES = """
SELECT id, sensor_id, from_part, to_part, left_off FROM sensor_moves
WHERE grp = $1 AND topic = $2 AND left_off IS NOT NULL ORDER BY id"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Sensors that another partition has given to ours, each by its id."""

    states: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, SensorFacts] = field(default_factory=dict)
    deadlines: dict[str, dict[str, float]] = field(default_factory=dict)


class SensorMoves:
    """The side of the partition that sensors come to. Its calls and those of the partition's store do not overlap.

    Every method raises one of PASSING_ERRORS when the database is away: try again later.
    """

    def __init__(self, session: Session, key: PartitionKey) -> None:
        self._session = session
        self._key = key

    async def where_they_are(self, sensors: Sequence[str]) -> dict[str, int]:
        """The partition of each of these sensors that has one; ours, if it is in several."""
        return {row["sensor_id"]: row["part"] for row in await self._fetch(_WHERE, *self._key, sensors)}

    async def next_offsets(self) -> dict[int, int]:
        """How far each partition of the topic is committed."""
        return {row["part"]: row["next_offset"] for row in await self._fetch(_NEXT, *self._key[:2])}

    async def has_run(self) -> bool:
        """Whether the group has worked on other partitions of the topic for a while."""
        return bool((await self._fetch(_HAS_RUN, *self._key))[0][0])

    async def ask_for(self, asked: Iterable[tuple[str, int, int]]) -> None:
        """Ask for sensors: (sensor, the partition that has it, the offset up to which it is worked off there first)."""
        sensors, parts, offsets = zip(*asked, strict=True)
        await self._fetch(_ASK, *self._key, list(sensors), list(parts), list(offsets))
        await self._fetch("SELECT pg_notify($1, '')", CHANNEL)

    async def withdraw(self, sensors: Sequence[str]) -> None:
        """Ask no longer for what was not given up yet."""
        await self._fetch(_WITHDRAW, *self._key, sensors)

    async def take(self, sensors: Sequence[str], part: int) -> None:
        """Take sensors, which were asked for, from a partition that the topic does not have any more."""
        connection = await self._session.connection()
        try:
            async with transaction(connection):
                at = await connection.fetchval(_STATE_OFFSET, *self._key[:2], part)
                departures = [Departure(name, at or 0, time.time(), None) for name in sensors]
                await give_up(connection, (*self._key[:2], part), departures)
        except PASSING_ERRORS:
            self._session.drop()
            raise

    async def arrived(self, sensors: Sequence[str]) -> Arrived:
        """Which of these sensors have been given to our partition, with their live alarms."""
        found = Arrived({row["sensor_id"]: row["state"] for row in await self._fetch(_ARRIVED, *self._key, sensors)})
        if found.states:
            for row in await self._fetch(rows.LOAD_LIVE_ALARMS_OF, list(found.states)):
                alarm = decode_alarm(row["doc"])
                if row["sensor_id"] is not None:
                    found.facts[alarm.sensor_id] = rows.facts_of(row)
                if alarm.next_event_time is not None:
                    found.deadlines.setdefault(alarm.sensor_id, {})[alarm.kind] = alarm.next_event_time
        return found

    async def _fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            found: list[asyncpg.Record] = await (await self._session.connection()).fetch(sql, *arguments)
        except PASSING_ERRORS:
            self._session.drop()
            raise
        return found


async def give_up(connection: asyncpg.Connection, key: PartitionKey, departures: Iterable[Departure]) -> None:
    """Write that sensors leave the partition: state and alarms go where they were asked for."""
    table = [(d.sensor_id, d.offset, d.at, d.state) for d in departures]
    columns = [list(column) for column in zip(*table, strict=True)]
    left = await connection.fetch(_LEFT, *key, *columns)
    await connection.execute(_FORGET, *key, columns[0])
    sensors, parts = [row["sensor_id"] for row in left], [row["to_part"] for row in left]
    await connection.execute(_GIVE, *key[:2], sensors, parts, [row["state"] for row in left])
    await connection.execute(_GIVE_ALARMS, *key[1:], sensors, parts)


async def departed(connection: asyncpg.Connection, key: PartitionKey) -> dict[str, float]:
    """When (broker time, seconds) sensors left the partition, of those that it may have to refuse."""
    return {row["sensor_id"]: row["at"] for row in await connection.fetch(_DEPARTED, *key, -STAYS_S)}


async def were_added(connection: asyncpg.Connection, key: PartitionKey, partitions: int) -> bool:
    """Whether the topic, which has so many partitions now, has got some of them only lately."""
    return bool(await connection.fetchval(_ADDED, *key[:2], partitions))


class MovesAsked(Poller):
    """The old owner's side: looks for sensors that were asked for, every second and when it is told.

    Args:
        partitions: tells which are ours now.
        hand_over: takes the sensors that a partition is to give up; they come again while it has not.
    """

    def __init__(
        self,
        dsn: str,
        owner: str,
        group: str,
        topic: str,
        partitions: Callable[[], Sequence[int]],
        hand_over: Callable[[int, Sequence[str]], None],
    ) -> None:
        super().__init__(dsn, f"{owner} moves", CHANNEL)
        self._key = (group, topic)
        self._partitions = partitions
        self._hand_over = hand_over

    async def look(self, connection: asyncpg.Connection) -> None:
        """Hand over what is there for our partitions."""
        asked: dict[int, list[str]] = {}
        for row in await connection.fetch(_ASKED, *self._key, list(self._partitions())):
            asked.setdefault(row["from_part"], []).append(row["sensor_id"])
        for part, sensors in asked.items():
            self._hand_over(part, sensors)
