"""Every reading of the few sensors that the screen shows in detail; of all others a console is told one a second."""

from __future__ import annotations

import asyncio

from controlroom.adapters.postgres.session import PASSING_ERRORS, Session
from controlroom.core.plant_state import PlantState
from controlroom.core.sensor_view import HISTORY

#: In the order in which they came. A reading that was stored late, with an older time, is left to the span's own query.
_LAST = """
SELECT extract(epoch FROM event_ts)::float8, value FROM readings
WHERE sensor_id = $1 AND event_ts > to_timestamp($2) ORDER BY event_ts DESC, off DESC LIMIT $3"""

EVERY_S = 1.0
#: The first look goes back so far before the sensor's last reading.
PAST_S = 600.0
#: What is stored is this far behind what is told: workers wait for the database, or store nothing.
BEHIND_S = 5.0


class DetailReader:
    """Reads on for the sensors in `state.focus`, while what is stored is more than what is told."""

    def __init__(self, dsn: str, state: PlantState) -> None:
        self._session = Session(dsn, "detail")
        self._state = state
        #: sensor -> time of the last reading that was handed over
        self._last: dict[str, float] = {}

    async def run(self) -> None:
        """Read until cancelled."""
        try:
            while True:
                focus = self._state.focus
                for sensor_id in self._last.keys() - focus:
                    self._end(sensor_id)
                for sensor_id in focus:
                    try:
                        await self._read(sensor_id)
                    except PASSING_ERRORS:
                        self._session.drop()
                        self._end(sensor_id)
                await asyncio.sleep(EVERY_S)
        finally:
            await self._session.close()

    async def _read(self, sensor_id: str) -> None:
        view = self._state.sensors.get(sensor_id)
        if view is None or view.last_time is None:
            self._end(sensor_id)
            return
        since = self._last.get(sensor_id, view.last_time - PAST_S)
        connection = await self._session.connection()
        rows = await connection.fetch(_LAST, sensor_id, since, HISTORY)
        points = [(at, value) for at, value in reversed(rows)]
        if sensor_id not in self._last:
            told = view.history.times()
            if not points or len(points) <= sum(at >= points[0][0] for at in told):
                return  # what is told is all that there is
        last = points[-1][0] if points else since
        if view.last_time - last > BEHIND_S:
            self._end(sensor_id)
            return
        self._state.take_detail(sensor_id, points)
        self._last[sensor_id] = last

    def _end(self, sensor_id: str) -> None:
        if self._last.pop(sensor_id, None) is not None:
            self._state.end_detail(sensor_id)
