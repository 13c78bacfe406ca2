"""The bridge, the MQTT broker and all Kafka brokers are killed under load: every confirmed value is stored once."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from benchmarks._mosquitto import Mosquitto
from controlroom.local import LocalPlant
from tests.bridging import Bridging, Publisher, needs_mosquitto
from tests.faults.load import rows
from tests.faults.scene import Scene

pytestmark = [
    needs_mosquitto,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
async def bridging(scene: Scene, tmp_path: Path) -> AsyncIterator[Bridging]:
    mosquitto = Mosquitto(tmp_path / "mqtt")
    mosquitto.start()
    made = Bridging(tmp_path, scene.settings.brokers or "", scene.settings.sensor_topic, mosquitto)
    made.write()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()
    mosquitto.stop()


async def stored(scene: Scene) -> Counter[tuple[object, object]]:
    """(sensor, value) -> how often it is in PostgreSQL."""
    found: Counter[tuple[object, object]] = Counter()
    for sensor_id, value in await rows(scene, "SELECT sensor_id, value::int FROM readings"):
        found[sensor_id, value] += 1
    return found


async def every_value_once(
    scene: Scene, bridging: Bridging, publisher: Publisher, *, in_order: bool = True, kills: Sequence[float] = ()
) -> None:
    """`kills`: when the MQTT broker was killed. What it had confirmed a moment before, and not saved, went with it."""
    await publisher.finish()
    await bridging.connected()
    # What the broker holds for us comes first, if it holds anything; then the spool runs empty.
    sent = len(publisher.confirmed)
    await quiet(bridging)
    await bridging.drained()
    taken = bridging.source["readings"]
    assert bridging.stop() == 0
    await scene.drain()
    found = await stored(scene)
    doubled = {key: count for key, count in found.items() if count > 1}
    assert not doubled, (doubled, bridging.said())
    absent = publisher.confirmed.keys() - found.keys()
    missing = {one for one in absent if not any(0 <= kill - publisher.confirmed[one] < 0.2 for kill in kills)}
    assert not missing, (sorted(missing)[:20], len(missing), bridging.said())
    assert len(absent) <= 5 * len(kills)
    # Of a bridge that has run all the time: what it took is there, so what is absent never reached it.
    assert not kills or taken == len(found), (taken, len(found), absent)
    assert len(found) == sent - len(absent)
    # Each sensor's numbers are those of its values, without a gap, in order.
    numbers = await rows(scene, "SELECT sensor_id, array_agg(seq ORDER BY off), array_agg(value::int ORDER BY off) "
                                "FROM readings GROUP BY sensor_id")  # fmt: skip
    for sensor_id, seqs, values in numbers:
        assert seqs == list(range(1, len(seqs) + 1)), sensor_id  # type: ignore[arg-type]
        assert values == sorted(values) or not in_order, sensor_id  # type: ignore[type-var]
    audited = await scene.audited()
    assert not audited.findings, audited.findings


async def quiet(bridging: Bridging) -> None:
    """No message comes any more."""
    before = -1
    while before != (now := bridging.source.get("messages", -1)):
        before = now
        await asyncio.sleep(2.5)


@pytest.mark.parametrize(("version", "timed"), [("5", True), ("3.1.1", False)])
async def test_the_bridge_is_killed_again_and_again(
    scene: Scene, bridging: Bridging, version: str, timed: bool
) -> None:
    bridging.write(version=version, timed=timed)
    scene.start_worker()
    bridging.start()
    await bridging.connected()
    publisher = Publisher(bridging.mosquitto.port)
    for pause in (1.0, 2.3, 0.4, 1.7, 0.9, 1.1):
        await bridging.until(lambda: bridging.source.get("readings", 0) > 50)
        await asyncio.sleep(pause)
        bridging.kill()
        bridging.start()
    await every_value_once(scene, bridging, publisher)


async def test_all_brokers_of_kafka_are_killed(scene: Scene, bridging: Bridging, plant: LocalPlant) -> None:
    scene.start_worker()
    bridging.start()
    await bridging.connected()
    publisher = Publisher(bridging.mosquitto.port)
    try:
        await bridging.until(lambda: bridging.status().get("sent", 0) > 500)
        for number in (1, 2, 3):
            await asyncio.to_thread(plant.broker(number).kill)
        await asyncio.sleep(8)  # the length of the outage, at least
        await bridging.until(lambda: bridging.status()["buffered"] > 1000)
        # The bridge dies too, and comes back before they do.
        bridging.kill()
        bridging.start()
        await bridging.until(lambda: bridging.source.get("readings", 0) > 300)
    finally:
        await asyncio.to_thread(plant.start)
    scene.revives = True
    await bridging.until(lambda: bridging.status().get("sent", 0) > 3000, patience=60)
    await every_value_once(scene, bridging, publisher)
    # What waited for the brokers comes later than it was made; that is known, and no alarm of each sensor.
    assert await rows(scene, "SELECT sensor_id FROM alarms WHERE kind = 'late'") == []


@pytest.mark.faults_slow
async def test_the_mqtt_broker_stands_still_in_a_burst(scene: Scene, bridging: Bridging) -> None:
    """What it has not heard acknowledged by then, it sends again."""
    bridging.mosquitto.stop()
    bridging.mosquitto.settings = ("autosave_on_changes false",)
    bridging.mosquitto.start()
    bridging.write(timed=False)
    bridging.file.write_text(bridging.file.read_text().replace('type = "mqtt"', 'type = "mqtt"\nkeepalive = 5'))
    scene.start_worker()
    bridging.start()
    await bridging.connected()
    broker = bridging.mosquitto.process
    assert broker is not None
    publisher = Publisher(bridging.mosquitto.port, sensors=500, rate=20_000, most_under_way=1000)
    await bridging.until(lambda: bridging.source["readings"] > 30_000, patience=60)
    publisher.pause()
    broker.send_signal(signal.SIGSTOP)
    try:
        await bridging.until(lambda: bridging.source["connected_since"] is None, patience=60)
    finally:
        broker.send_signal(signal.SIGCONT)
    await bridging.connected()
    await every_value_once(scene, bridging, publisher)


async def test_the_mqtt_broker_is_killed(scene: Scene, bridging: Bridging) -> None:
    scene.start_worker()
    bridging.start()
    await bridging.connected()
    publisher = Publisher(bridging.mosquitto.port)
    kills = []
    for pause in (1.5, 2.5):
        await asyncio.sleep(pause)
        bridging.mosquitto.kill()
        kills.append(time.monotonic())
        await bridging.until(lambda: bridging.source.get("connected_since") is None)
        bridging.mosquitto.start()
        await bridging.connected()
    await asyncio.sleep(1)
    # A publisher that sends again what was not confirmed does so after newer values.
    await every_value_once(scene, bridging, publisher, in_order=False, kills=kills)
