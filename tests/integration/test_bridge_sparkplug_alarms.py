"""An edge node that dies is one alarm, with its sensors as children, and so is a device."""

from __future__ import annotations

import time
from pathlib import Path

import asyncpg
import pytest

from benchmarks._mosquitto import Mosquitto
from controlroom.local import Endpoints
from tests.bridging import Bridging, needs_mosquitto
from tests.faults.scene import Scene
from tests.foreign_sparkplug import start_node

pytestmark = [needs_mosquitto, pytest.mark.timeout(240)]

FILE = """
[bridge]
name = "test"
spool = "spool"

[[source]]
name = "line"
type = "sparkplug"
url = "{url}"

[[source.tag]]
type = "flow"
device = "?*"
"""
NODE = "source:test/line/hall/edge"


async def test_a_dead_edge_node_is_one_alarm_with_its_sensors_as_children(
    endpoints: Endpoints, database: str, tmp_path: Path
) -> None:
    scene = await Scene.make(endpoints.brokers, database, tmp_path)
    mosquitto = Mosquitto(tmp_path / "mqtt")
    mosquitto.start()
    settings = scene.settings
    bridging = Bridging(
        tmp_path, endpoints.brokers, settings.sensor_topic, mosquitto, status_topic=settings.bridges_topic
    )
    bridging.write(FILE.format(url=mosquitto.url))
    devices = ["press", "oven", "saw"]

    async def fetch(sql: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(scene.dsn, timeout=5)
        try:
            return list(await connection.fetch(sql, timeout=5))
        finally:
            await connection.close()

    async def states() -> dict[tuple[str, str], str]:
        sql = "SELECT DISTINCT ON (sensor_id, kind) sensor_id, kind, state FROM alarm_events ORDER BY 1, 2, recorded_at DESC, version DESC"  # noqa: E501 - one statement
        return {(row["sensor_id"], row["kind"]): row["state"] for row in await fetch(sql)}

    async def until(condition: object, patience: float = 60.0) -> None:
        import asyncio

        deadline = time.monotonic() + patience
        while not await condition():  # type: ignore[operator]
            scene.require_alive()
            assert time.monotonic() < deadline, (await states(), bridging.said())
            await asyncio.sleep(0.2)

    scene.start_worker()
    bridging.start()
    await bridging.connected()
    node = start_node(mosquitto.port, devices)
    try:

        async def enough() -> bool:
            sql = "SELECT sensor_id FROM readings GROUP BY 1 HAVING count(*) >= 40"
            return len(await fetch(sql)) == len(devices)

        await until(enough)
        node.kill()
        node.wait()
        killed = time.monotonic()

        async def raised() -> bool:
            return (await states()).get((NODE, "group-silent")) == "UNACK"

        await until(raised)
        # At once, and before any of its sensors is called silent.
        assert time.monotonic() - killed < 30
        children = [(f"hall/edge/{device}/Inlet/Temp", "dropout") for device in devices]

        async def silent() -> bool:
            found = await states()
            return all(found.get(child) == "BY_DESIGN" for child in children)

        await until(silent)
        rings = await fetch("SELECT sensor_id FROM alarm_events WHERE annunciated")
        assert [row["sensor_id"] for row in rings] == [NODE]
        sql = "SELECT doc->'detection'->>'message' AS text FROM alarms WHERE kind = 'group-silent'"
        (row,) = await fetch(sql)
        assert row["text"] == "source line/hall/edge of bridge test went down: the edge node died (NDEATH)"
        node = start_node(mosquitto.port, devices)

        async def back() -> bool:
            found = await states()
            normal = all(found[child] == "NORMAL" for child in children)
            return normal and found[NODE, "group-silent"] == "RTN-UNACK"

        await until(back)
        assert bridging.stop() == 0
    finally:
        node.kill()
        node.wait()
        if bridging.process is not None and bridging.process.poll() is None:
            bridging.kill()
        mosquitto.stop()
        scene.close()
