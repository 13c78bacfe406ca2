"""Publishes the rows of a table as readings of its sensors: at their own pace, faster, or as fast as can be."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from controlroom.wire import SENSOR_TYPES, Reading, SensorSpec, encode_reading
from controlroom.wire.reading import AlertLevel, Metadata
from kafka_clients.errors import BrokersUnreachable
from simulator.publisher import Publisher

_MOST_WAITING = 20_000
#: Without any acknowledgement for so long it is given up.
_GIVE_UP_S = 30.0
_TURN = 500


class Row(NamedTuple):
    """What was measured at one time: a value for each sensor, in its unit; None: that sensor has no reading."""

    timestamp: datetime
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class _Target:
    """The sensor that the readings are said to be of. What is None is usual for its type, if that is a known one."""

    spec: SensorSpec

    @property
    def unit(self) -> str:
        """The unit of the values."""
        usual = SENSOR_TYPES.get(self.spec.sensor_type)
        return self.spec.unit if self.spec.unit is not None else usual.unit if usual is not None else ""

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """Warning and critical limit, in the unit; a type's own limits hold only for the type's own unit."""
        usual = SENSOR_TYPES.get(self.spec.sensor_type)
        if usual is not None and self.unit != usual.unit:
            usual = None
        warning = self.spec.warning if self.spec.warning is not None or usual is None else usual.warning
        critical = self.spec.critical if self.spec.critical is not None or usual is None else usual.critical
        return warning, critical

    def reading(self, count: int, timestamp: datetime, value: float) -> Reading:
        """A row as a reading; `count` is its sequence number."""
        warning, critical = self.limits
        return Reading(
            timestamp,
            self.spec.sensor_id,
            self.spec.sensor_type,
            self.spec.location,
            value,
            self.unit,
            _level(value, warning, critical),
            1.0,
            Metadata(count, warning, critical),
        )


def _level(value: float, warning: float | None, critical: float | None) -> AlertLevel:
    """Where the critical limit is below the warning limit, low values are the dangerous ones."""
    sign = -1.0 if warning is not None and critical is not None and critical < warning else 1.0
    if critical is not None and value * sign >= critical * sign:
        return "critical"
    return "warning" if warning is not None and value * sign >= warning * sign else "normal"


class Replayer:
    """Sends rows, in order, with sequence numbers from 1. They are measured, so not marked as simulated.

    Args:
        publisher: connected.
        topic: where the readings go.
        specs: the sensors, in the order of a row's values; of any type.
        speed: how many times faster than the timestamps say; None: as fast as can be.
        shift: added to every timestamp.
    """

    def __init__(
        self,
        publisher: Publisher,
        topic: str,
        specs: Sequence[SensorSpec],
        *,
        speed: float | None,
        shift: timedelta = timedelta(),
    ) -> None:
        #: readings handed to the publisher
        self.taken = 0
        self._publisher = publisher
        self._keys = [spec.sensor_id.encode() for spec in specs]
        self._by_sensor = [publisher.lane(topic, key) for key in self._keys]
        #: sensors share the lane of their partition
        self._lanes = {id(lane): lane for lane in self._by_sensor}
        self._targets = [_Target(spec) for spec in specs]
        self._counts = [0] * len(specs)
        self._speed = speed
        self._shift = shift

    @property
    def sent(self) -> int:
        """Readings that the brokers have acknowledged."""
        return sum(lane.acked for lane in self._lanes.values())

    async def run(self, rows: Iterable[Row], stop: asyncio.Event) -> bool:
        """Send all rows; says whether all were sent and acknowledged (not, if `stop` was set before).

        Raises:
            BrokersUnreachable: nothing was acknowledged for half a minute.
        """
        began, first = time.monotonic(), None
        for number, row in enumerate(rows):
            first = first or row.timestamp
            if self._speed is not None:
                await _until(began + (row.timestamp - first).total_seconds() / self._speed, stop)
            elif number % _TURN == 0:
                await asyncio.sleep(0)
            while self.taken - self.sent > _MOST_WAITING and not stop.is_set():
                await self._progress()
            if stop.is_set():
                break
            for sensor, value in enumerate(row.values):
                if value is not None:
                    self._add(sensor, row.timestamp + self._shift, value)
        complete = not stop.is_set()
        while self.sent < self.taken:
            await self._progress()
        return complete

    def _add(self, sensor: int, timestamp: datetime, value: float) -> None:
        self.taken += 1
        self._counts[sensor] += 1
        reading = self._targets[sensor].reading(self._counts[sensor], timestamp, value)
        self._by_sensor[sensor].add(self._keys[sensor], encode_reading(reading))

    async def _progress(self) -> None:
        """Wait until more is acknowledged."""
        before = self.sent
        await self._publisher.progress(_GIVE_UP_S)
        if self._publisher.failure is not None:
            raise self._publisher.failure
        if self.sent == before:
            raise BrokersUnreachable(f"nothing was acknowledged for {_GIVE_UP_S:.0f} s")


async def _until(moment: float, stop: asyncio.Event) -> None:
    """Wait for a moment of the monotonic clock, or for `stop`."""
    seconds = moment - time.monotonic()
    if seconds <= 0:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
