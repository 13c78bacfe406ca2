"""Is the database well, and how far has the detection group come? Asked every two seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass

from controlroom.adapters.postgres.session import PASSING_ERRORS, Session
from controlroom.core.alarms.model import Alarm, decode_alarm
from controlroom.core.plant_state import DatabaseView
from controlroom.wire import AlarmEvent
from controlroom.wire.alarm import decode_alarm_event

_WATERMARKS = "SELECT part, next_offset, owner FROM watermark WHERE grp = $1 AND topic = $2"

# The last event of each alarm that is live: what a control room that starts now must show.
_LIVE_ALARMS = """
SELECT a.doc AS alarm, e.doc AS event FROM alarms a
JOIN LATERAL (SELECT doc FROM alarm_events e
              WHERE e.occurrence_id = a.occurrence_id ORDER BY version DESC LIMIT 1) e ON true
WHERE a.live ORDER BY a.changed_at"""


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a partition is, and who works on it."""

    next_offset: int
    owner: str


class DatabaseProbe:
    """Asks PostgreSQL. Raises nothing: what is wrong is in the view."""

    def __init__(self, dsn: str, group: str, topic: str) -> None:
        self._session = Session(dsn, "probe")
        self._group = group
        self._topic = topic
        self._version = ""

    async def probe(self) -> tuple[DatabaseView, dict[int, Watermark] | None]:
        """How the database is, and the group's watermarks by partition (None: not known)."""
        try:
            connection = await self._session.connection()
            if not self._version:
                self._version = str(await connection.fetchval("SHOW server_version"))
            start = time.perf_counter()
            rows = await connection.fetch(_WATERMARKS, self._group, self._topic)
            latency = (time.perf_counter() - start) * 1000
        except PASSING_ERRORS as error:
            self._session.drop()
            return DatabaseView(time.time(), False, error=str(error) or type(error).__name__), None  # noqa: FBT003
        view = DatabaseView(time.time(), True, self._version, latency)  # noqa: FBT003
        return view, {row["part"]: Watermark(row["next_offset"], row["owner"]) for row in rows}

    async def live_alarms(self) -> list[tuple[AlarmEvent, Alarm]]:
        """The last event of each live alarm, and the alarm as it stands; oldest first.

        Raises:
            one of PASSING_ERRORS.
        """
        connection = await self._session.connection()
        found = []
        for row in await connection.fetch(_LIVE_ALARMS):
            alarm = decode_alarm(row["alarm"])
            if alarm.live:
                found.append((decode_alarm_event(row["event"].encode()), alarm))
        return found

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()
