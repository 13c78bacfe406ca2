from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlroom.wire import Reading, SensorSpec, decode_reading
from kafka_clients.errors import BrokersUnreachable
from simulator import replay as module
from simulator.replay import Replayer, Row

T0 = datetime(2014, 4, 1, tzinfo=UTC)


class Brokers:
    """Stands for the publisher, its only lane included."""

    def __init__(self, *, answers: bool = True) -> None:
        self.acked = 0
        self.failure: BaseException | None = None
        self.sent: list[tuple[float, Reading, Any]] = []
        self._answers = answers

    def lane(self, topic: str, key: bytes) -> Brokers:
        return self

    def add(self, key: bytes, value: bytes, headers: Any = ()) -> None:
        reading = decode_reading(value)
        assert key == reading.sensor_id.encode()
        self.sent.append((time.monotonic(), reading, headers))

    async def progress(self, seconds: float) -> None:
        await asyncio.sleep(0)
        if self._answers:
            self.acked = len(self.sent)

    @property
    def readings(self) -> list[Reading]:
        return [reading for _, reading, _ in self.sent]


def rows(*values: float, step: float = 60.0) -> list[Row]:
    return [Row(T0 + timedelta(seconds=n * step), (value,)) for n, value in enumerate(values)]


def replayer(brokers: Brokers, *, speed: float | None = None, shift: timedelta = timedelta(), **spec: Any) -> Replayer:
    sensor = SensorSpec(**{"sensor_id": "s", "sensor_type": "temperature", **spec})
    return Replayer(brokers, "data", [sensor], speed=speed, shift=shift)  # type: ignore[arg-type]


async def test_rows_become_readings_that_are_not_marked_as_simulated() -> None:
    brokers = Brokers()
    assert await replayer(brokers).run(rows(20.0, 36.0, 41.5), asyncio.Event())
    assert [r.value for r in brokers.readings] == [20.0, 36.0, 41.5]
    assert [r.metadata.reading_count for r in brokers.readings] == [1, 2, 3]
    assert [r.timestamp for r in brokers.readings] == [T0 + timedelta(minutes=n) for n in range(3)]
    assert [r.alert_level for r in brokers.readings] == ["normal", "warning", "critical"]
    assert {r.unit for r in brokers.readings} == {"°C"}
    assert all(not headers for _, _, headers in brokers.sent)


@pytest.mark.parametrize(
    ("spec", "unit", "limits", "level"),
    [
        ({}, "°C", (35.0, 40.0), "critical"),
        ({"unit": "°F"}, "°F", (None, None), "normal"),
        ({"unit": "°F", "warning": 90.0}, "°F", (90.0, None), "warning"),
        ({"sensor_type": "cpu", "unit": "%"}, "%", (None, None), "normal"),
        ({"warning": 120.0, "critical": 130.0}, "°C", (120.0, 130.0), "normal"),
        ({"warning": 110.0, "critical": 105.0}, "°C", (110.0, 105.0), "critical"),
    ],
)
async def test_limits_of_the_type_hold_in_its_own_unit(
    spec: dict[str, Any], unit: str, limits: tuple[float | None, float | None], level: str
) -> None:
    brokers = Brokers()
    await replayer(brokers, **spec).run(rows(100.0), asyncio.Event())
    (reading,) = brokers.readings
    assert reading.unit == unit
    assert (reading.metadata.warning_threshold, reading.metadata.critical_threshold) == limits
    assert reading.alert_level == level


async def test_a_row_of_several_sensors_is_a_reading_of_each_that_has_one() -> None:
    brokers = Brokers()
    sensors = [SensorSpec(sensor_id=name, sensor_type="temperature") for name in ("a", "b")]
    replay = Replayer(brokers, "data", sensors, speed=None)  # type: ignore[arg-type]
    table = [
        Row(T0, (1.0, 2.0)),
        Row(T0 + timedelta(seconds=1), (None, 3.0)),
        Row(T0 + timedelta(seconds=2), (4.0, None)),
    ]
    assert await replay.run(table, asyncio.Event())
    sent = [(r.sensor_id, r.value, r.metadata.reading_count) for r in brokers.readings]
    assert sent == [("a", 1.0, 1), ("b", 2.0, 1), ("b", 3.0, 2), ("a", 4.0, 2)]
    assert replay.taken == replay.sent == 4


async def test_times_may_be_moved() -> None:
    brokers = Brokers()
    await replayer(brokers, shift=timedelta(days=1)).run(rows(1.0), asyncio.Event())
    assert brokers.readings[0].timestamp == T0 + timedelta(days=1)


async def test_at_a_pace_rows_come_as_far_apart_as_their_times_say() -> None:
    brokers = Brokers()
    began = time.monotonic()
    await replayer(brokers, speed=600).run(rows(1.0, 2.0, 3.0), asyncio.Event())
    sent = [at - began for at, _, _ in brokers.sent]
    assert sent == [pytest.approx(expected, abs=0.08) for expected in (0.0, 0.1, 0.2)]
    assert sent[1] >= 0.099
    assert sent[2] >= 0.199


async def test_stopped_it_sends_no_more_and_says_so() -> None:
    brokers, stop = Brokers(), asyncio.Event()
    run = asyncio.create_task(replayer(brokers, speed=1).run(rows(1.0, 2.0), stop))
    while not brokers.sent:
        await asyncio.sleep(0)
    stop.set()
    assert not await run
    assert len(brokers.sent) == 1


async def test_without_an_acknowledgement_it_gives_up() -> None:
    with pytest.raises(BrokersUnreachable, match="nothing was acknowledged"):
        await replayer(Brokers(answers=False)).run(rows(1.0), asyncio.Event())


async def test_it_does_not_run_ahead_of_the_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 5)
    brokers = Brokers()
    most = 0
    add = brokers.add

    def watched(*record: Any) -> None:
        nonlocal most
        add(*record)
        most = max(most, len(brokers.sent) - brokers.acked)

    brokers.add = watched  # type: ignore[method-assign]
    assert await replayer(brokers).run(rows(*map(float, range(100))), asyncio.Event())
    assert most <= 6
    assert len(brokers.sent) == 100
