"""A source that is down and a bridge that is lost: one alarm each, with their sensors' silences as children."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from benchmarks._mosquitto import Mosquitto
from controlroom.local import Endpoints
from tests.bridging import Bridging, Publisher, needs_mosquitto
from tests.command import run_beside
from tests.faults.scene import Scene

pytestmark = needs_mosquitto

SENSORS = 8
SOURCE = ("source:test/line", "group-silent")
BRIDGE = ("bridge:test", "group-silent")
DROPPED = ("bridge:test", "spool-dropped")


class Site:
    """A bridge with its source, a detection worker, and publishers of eight sensors, four times a second each."""

    def __init__(self, scene: Scene, bridging: Bridging) -> None:
        self.scene = scene
        self.bridging = bridging
        self.publisher = Publisher(bridging.mosquitto.port, sensors=SENSORS, rate=4.0 * SENSORS)

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.scene.dsn, timeout=5)
        try:
            return list(await connection.fetch(sql, *args, timeout=5))
        finally:
            await connection.close()

    async def states(self) -> dict[tuple[str, str], str]:
        """The state of every alarm that was ever raised."""
        found = await self.fetch("SELECT DISTINCT ON (sensor_id, kind) sensor_id, kind, state FROM alarm_events"
                                 " ORDER BY sensor_id, kind, recorded_at DESC, version DESC")  # fmt: skip
        return {(row["sensor_id"], row["kind"]): row["state"] for row in found}

    async def rings(self) -> list[tuple[str, str]]:
        found = await self.fetch(
            "SELECT sensor_id, kind FROM alarm_events WHERE annunciated ORDER BY recorded_at, sensor_id"
        )
        return [(row["sensor_id"], row["kind"]) for row in found]

    async def message(self, alarm: tuple[str, str]) -> str:
        sql = "SELECT doc->'detection'->>'message' AS text FROM alarms WHERE (sensor_id, kind) = ($1, $2)"
        return str((await self.fetch(sql, *alarm))[0]["text"])

    async def until(self, condition: Callable[[dict[tuple[str, str], str]], bool], patience: float = 45.0) -> None:
        deadline = time.monotonic() + patience
        while not condition(await self.states()):
            self.scene.require_alive()
            assert time.monotonic() < deadline, (await self.states(), self.bridging.said())
            await asyncio.sleep(0.2)

    async def health(self) -> dict[str, Any]:
        settings = self.scene.settings
        environment = {
            "KAFKA_BROKERS": settings.brokers or "",
            "CONTROLROOM_DSN": self.scene.dsn,
            "CONTROLROOM_BRIDGES_TOPIC": settings.bridges_topic,
        }
        done = await run_beside("health", "--json", **environment)
        found: dict[str, Any] = json.loads(done.stdout)
        return next(check for check in found["checks"] if check["name"] == "bridges")


@pytest.fixture
async def site(endpoints: Endpoints, database: str, tmp_path: Path) -> AsyncIterator[Site]:
    scene = await Scene.make(endpoints.brokers, database, tmp_path)
    mosquitto = Mosquitto(tmp_path / "mqtt", ("persistence true", "autosave_interval 1"))
    mosquitto.start()
    bridging = Bridging(
        tmp_path, endpoints.brokers, scene.settings.sensor_topic, mosquitto, status_topic=scene.settings.bridges_topic
    )
    bridging.write(timed=False)  # what comes late is no matter of this test
    scene.start_worker()
    bridging.start()
    await bridging.connected()
    made = Site(scene, bridging)
    deadline = time.monotonic() + 60
    while len(await made.fetch("SELECT sensor_id FROM readings GROUP BY 1 HAVING count(*) >= 40")) < SENSORS:
        scene.require_alive()
        assert time.monotonic() < deadline, bridging.said()
        await asyncio.sleep(0.2)
    yield made
    made.publisher.pause()
    if bridging.process is not None and bridging.process.poll() is None:
        bridging.kill()
    bridging.mosquitto.stop()
    scene.close()


def children(states: dict[tuple[str, str], str]) -> list[str]:
    return sorted(state for (_, kind), state in states.items() if kind == "dropout")


async def test_a_source_that_is_down_is_one_alarm_with_its_sensors_as_children(site: Site) -> None:
    assert (await site.health())["ok"]
    site.bridging.mosquitto.stop()
    await site.until(lambda states: states.get(SOURCE) == "UNACK" and children(states) == ["BY_DESIGN"] * SENSORS)
    assert await site.rings() == [SOURCE]
    said = await site.health()
    assert not said["ok"]
    assert "line of bridge test went down" in said["detail"]
    assert (await site.message(SOURCE)).startswith("source line of bridge test went down: ")
    site.bridging.mosquitto.start()
    await site.until(lambda states: states[SOURCE] == "RTN-UNACK" and children(states) == ["NORMAL"] * SENSORS)
    assert await site.rings() == [SOURCE]
    assert (await site.health())["ok"]


async def test_a_bridge_that_is_killed_is_one_alarm_and_one_that_comes_back_ends_it(site: Site) -> None:
    site.bridging.kill()
    await site.until(lambda states: states.get(BRIDGE) == "UNACK" and children(states) == ["BY_DESIGN"] * SENSORS)
    assert await site.rings() == [BRIDGE]
    # It comes back without its source: the alarm of the bridge makes room for that of the source.
    site.bridging.mosquitto.stop()
    site.bridging.start()
    await site.until(lambda states: states.get(SOURCE) == "UNACK" and states[BRIDGE] == "RTN-UNACK")
    assert children(await site.states()) == ["BY_DESIGN"] * SENSORS
    site.bridging.mosquitto.start()
    await site.until(lambda states: states[SOURCE] == "RTN-UNACK" and children(states) == ["NORMAL"] * SENSORS)
    assert await site.rings() == [BRIDGE, SOURCE]
    # One that ends in order is no alarm, but its silent sensors are: once, and for that reason.
    assert site.bridging.stop() == 0
    assert (await site.health())["detail"] == "0 run, 1 stopped, 0 sources connected"
    await site.until(lambda states: states[BRIDGE] == "UNACK" and children(states) == ["BY_DESIGN"] * SENSORS)
    assert await site.message(BRIDGE) == "bridge test was stopped"


async def test_readings_that_are_dropped_at_the_bound_are_an_alarm(site: Site) -> None:
    settings = site.scene.settings
    file = site.bridging.file.read_text()
    site.bridging.file.write_text(file.replace('spool = "spool"', 'spool = "spool"\nmax_bytes = "1MiB"'))
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers)
    await admin.start()

    async def allow(size: int) -> None:
        """The topic takes batches of so many bytes."""
        config = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(size)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.sensor_topic, config)])

    flood = Publisher(site.bridging.mosquitto.port, sensors=200, rate=2_000.0)
    try:
        await allow(100)
        await site.bridging.until(lambda: site.bridging.status().get("dropped", 0) > 0, patience=60)
        await site.until(lambda states: states.get(DROPPED) == "UNACK")
        flood.pause()
        await allow(1_048_588)
        await site.bridging.drained()
        assert (await site.states())[DROPPED] == "UNACK"
        assert (await site.rings()).count(DROPPED) == 1
    finally:
        flood.pause()
        await admin.close()
