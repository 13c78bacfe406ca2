"""Sensors whose clocks are wrong from their first reading on: ahead is an alarm, behind is not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from controlroom.wire import Metadata, Reading, encode_reading
from tests.integration.test_detection import PLACE, Place, place, publish, work

__all__ = ["place"]


def told(sensor: str, number: int, off: timedelta) -> tuple[bytes | None, bytes | None]:
    at = datetime.now(UTC) + off + timedelta(milliseconds=number)
    made = Reading(at, sensor, "temperature", PLACE, 25.0, "°C", "normal", 1.0, Metadata(number, 35.0, 40.0))
    return sensor.encode(), encode_reading(made)


async def test_a_clock_that_is_ahead_rings_once_and_one_that_is_behind_does_not(place: Place) -> None:
    for number in range(1, 11):
        await publish(
            place,
            [
                told("ahead", number, timedelta(minutes=10)),
                told("behind", number, timedelta(hours=-2)),
                told("nearly", number, timedelta(seconds=30)),
            ],
        )
        await asyncio.sleep(0.05)  # so that arrivals differ
    events = await work(place)
    assert [(event.sensor_id, event.kind, event.event) for event in events] == [("ahead", "clock", "raised")]
    assert "ahead" in events[0].message
