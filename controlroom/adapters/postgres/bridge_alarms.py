"""The alarms that bridges bring about by what they tell: a lost bridge, a source that is down, readings given up.

The worker on duty raises them. Where sensors fall silent by it, the workers of their partitions hold the same alarm
(``Alarm.holders``), so it stands until the bridge is well and the sensors speak again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import asyncpg

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.alarm_actions import CLOCK, LockedAlarm, apply_event, lock_alarm
from controlroom.adapters.postgres.session import transaction
from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.events import AlarmEvent, Detected, Returned, TimePassed
from controlroom.core.alarms.model import DROPPED_KIND, Severity, decode_alarm, new_alarm
from controlroom.core.records import Source, facts_of_group

#: Who holds these alarms beside the partitions of their sensors.
HOLDER = "bridges"
DETECTOR = "bridge"

_OURS = "SELECT sensor_id, kind, doc FROM alarms WHERE kind = ANY($1::text[])"

_Key = tuple[str, str]


class BridgeAlarms:
    """Does a turn's work whenever its worker has the duty.

    Args:
        alarms: (group, kind) -> message, of what is an alarm now; None: it is not known.
        definitions: how alarms behave.
        topic: of the readings: the owner of its partition 0 announces these alarms.
    """

    def __init__(self, alarms: Callable[[], Mapping[_Key, str] | None], definitions: Definitions, topic: str) -> None:
        self._alarms = alarms
        self._definitions = definitions
        self._topic = topic
        #: whose rows we know
        self._connection: asyncpg.Connection | None = None
        self._held: set[_Key] = set()
        #: when something of these alarms ends by itself, seconds since 1970
        self._due: dict[_Key, float] = {}

    async def turn(self, connection: asyncpg.Connection) -> None:
        """Raise and end what is to be; nothing while it is not known how bridges are."""
        wanted = self._alarms()
        if wanted is None:
            return
        if connection is not self._connection:
            await self._load(connection)
            self._connection = connection
        for key in sorted(wanted.keys() - self._held):
            await self._apply(
                connection,
                key,
                lambda at, text=wanted[key]: Detected(  # type: ignore[misc]
                    at=at, severity=Severity.CRITICAL, detector=DETECTOR, message=text, holder=HOLDER
                ),
            )
            self._held.add(key)
        for key in sorted(self._held - wanted.keys()):
            await self._apply(connection, key, lambda at: Returned(at=at, holder=HOLDER))
            self._held.discard(key)
        if self._due:
            now = await connection.fetchval(CLOCK)
            for key in sorted(key for key, due in self._due.items() if due <= now):
                await self._apply(connection, key, lambda at: TimePassed(at=at))

    async def _load(self, connection: asyncpg.Connection) -> None:
        self._held, self._due = set(), {}
        for row in await connection.fetch(_OURS, [GROUP_KIND, DROPPED_KIND]):
            key = row["sensor_id"], row["kind"]
            if key[0].partition(":")[0] in {"bridge", "source"}:
                alarm = decode_alarm(row["doc"])
                if HOLDER in alarm.holders:
                    self._held.add(key)
                if alarm.next_event_time is not None:
                    self._due[key] = alarm.next_event_time

    async def _apply(self, connection: asyncpg.Connection, key: _Key, make: Callable[[float], AlarmEvent]) -> None:
        name, kind = key
        async with transaction(connection):
            # A worker may raise it for the first time at this very moment, when there is no row to be locked.
            await connection.execute(rows.LOCK_GROUPS, [name])
            locked = await lock_alarm(connection, name, kind)
            if locked is None:
                locked = LockedAlarm(new_alarm(name, kind), facts_of_group(name), Source(self._topic, 0, -1))
            event = make(await connection.fetchval(CLOCK))
            after = await apply_event(connection, locked, event, self._definitions)
        if after.next_event_time is None:
            self._due.pop(key, None)
        else:
            self._due[key] = after.next_event_time
