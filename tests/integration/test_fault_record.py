"""What is injected is on record in PostgreSQL: kept by a worker on duty, from the topics alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.probe import DatabaseProbe
from controlroom.config import load_settings
from controlroom.local import Endpoints
from controlroom.wire import FaultSpec, Location, SensorSpec, TopicNames
from simulator.faults import FAULTS, new_fault
from tests.conftest import MakeTopic
from tests.integration.simulated import Plant

SPEC = SensorSpec(
    sensor_id="hurt", sensor_type="temperature", interval=0.2, location=Location("hall", "machine-7", "zone-q")
)


@pytest.fixture
async def scene(endpoints: Endpoints, topics: MakeTopic) -> AsyncIterator[Plant]:
    compacted = {"cleanup.policy": "compact"}
    names = TopicNames(
        data=await topics("data", partitions=3),
        alerts=await topics("alerts", partitions=2),
        commands=await topics("commands", config=compacted),
        status=await topics("status", config=compacted),
    )
    plant = Plant(endpoints.brokers, names)
    await plant.start()
    yield plant
    await plant.stop()


@asynccontextmanager
async def worker(scene: Plant, dsn: str) -> AsyncIterator[None]:
    names = scene.names
    settings = load_settings(
        brokers=scene.brokers,
        dsn=dsn,
        sensor_topic=names.data,
        alerts_topic=names.alerts,
        commands_topic=names.commands,
        status_topic=names.status,
        group=f"group-{names.data}",
    )
    running = DetectionWorker(KafkaConnection.of(scene.brokers, settings), dsn, worker_options(settings))
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def faults(dsn: str) -> dict[str, dict[str, Any]]:
    connection = await asyncpg.connect(dsn)
    try:
        return {row["fault_id"]: dict(row) for row in await connection.fetch("SELECT * FROM faults")}
    finally:
        await connection.close()


async def until(dsn: str, condition, seconds: float = 30) -> dict[str, dict[str, Any]]:
    async with asyncio.timeout(seconds):
        while not condition(found := await faults(dsn)):
            await asyncio.sleep(0.2)
    return found


def fault(name: str, kind: str = "drift", **fields: Any) -> FaultSpec:
    return new_fault(
        FAULTS[kind], fault_id=name, start=datetime.now(UTC), interval=0.2, by="ada", **{"duration": 4.0} | fields
    )


async def test_a_fault_is_on_record_from_its_command_to_its_end_also_over_a_change_of_worker(
    scene: Plant, database: str
) -> None:
    async with scene.simulate("--count", "0"), scene.simulate("--count", "0"):
        await scene.order(SPEC)
        await scene.until(lambda: scene.is_("hurt", "running"))
        until_cleared = msgspec.structs.replace(fault("long"), duration=None)
        async with worker(scene, database):
            await scene.order(SPEC, faults=(fault("short"), until_cleared), issued_by="ada")
            found = await until(database, lambda rows: rows.get("short", {}).get("ended_at") is not None)
            short = found["short"]
            assert (short["sensor_id"], short["fault"], short["magnitude"]) == ("hurt", "drift", None)
            assert (short["machine_id"], short["zone"], short["injected_by"]) == ("machine-7", "zone-q", "ada")
            assert (short["ended_at"] - short["starts_at"], short["outcome"]) == (timedelta(seconds=4), "over")
            assert short["confirmed_at"] is not None
            assert (found["long"]["ended_at"], found["long"]["outcome"]) == (None, "")
        # Nobody is on duty while it is cleared; whoever comes next reads it off the topics.
        await scene.order(SPEC, faults=(), command_id="cleared")
        await scene.until(lambda: scene.status("hurt").command_id == "cleared")
        async with worker(scene, database):
            found = await until(database, lambda rows: rows["long"]["ended_at"] is not None)
            assert found["long"]["outcome"] == "cleared"
            # Read again from the beginning, what was over is as it was.
            assert found["short"] == short


async def test_the_screen_s_probe_tells_what_acts_and_when_it_was_detected(scene: Plant, database: str) -> None:
    probe = DatabaseProbe(database, "any", scene.names.data)
    try:
        async with scene.simulate("--count", "0", "--anomalies", "0"), worker(scene, database):
            await scene.order(SPEC)
            await scene.until(lambda: scene.is_("hurt", "running"))
            await scene.order(SPEC, faults=(fault("beyond", "offset", magnitude=50, duration=600.0),))
            async with asyncio.timeout(30):
                while not (found := await probe.faults()) or found[0].detected_at is None:
                    await asyncio.sleep(0.2)
            (view,) = found
            assert (view.fault_id, view.sensors, view.injected_by) == ("beyond", ("hurt",), "ada")
            assert (view.end, view.outcome, view.kind) == (None, "", "limit")
            assert 0 <= view.detected_at - view.start < 10
            await scene.order(SPEC, faults=())
            async with asyncio.timeout(30):
                while not (found := await probe.faults()) or found[0].end is None:
                    await asyncio.sleep(0.2)
            assert found[0].outcome == "cleared"
            assert found[0].detected_at == view.detected_at
    finally:
        await probe.close()


async def test_one_that_is_refused_is_on_record_with_the_reason(scene: Plant, database: str) -> None:
    bad = FaultSpec(fault_id="bad", fault="gremlin", start=datetime.now(UTC), duration=5)
    async with scene.simulate("--count", "0"), worker(scene, database):
        await scene.order(SPEC, faults=(bad,))
        found = await until(database, lambda rows: "bad" in rows and rows["bad"]["outcome"])
    assert found["bad"]["outcome"] == "refused"
    assert "gremlin" in found["bad"]["reason"]


async def test_a_sensor_that_is_removed_is_not_missed(scene: Plant, database: str) -> None:
    dropout = "SELECT count(*) FROM alarms WHERE sensor_id = 'hurt' AND kind = 'dropout' AND live"
    async with scene.simulate("--count", "0", "--anomalies", "0"), worker(scene, database):
        await scene.order(SPEC)
        # Its rhythm is known after some readings, so that it is missed when it falls silent.
        await scene.until(lambda: len(scene.readings("hurt")) > 40)
        await scene.order(SPEC, faults=(fault("gone", "dropout", duration=600.0),))
        connection = await asyncpg.connect(database)
        try:
            async with asyncio.timeout(60):
                while not await connection.fetchval(dropout):
                    await asyncio.sleep(0.2)
            await scene.write("hurt", None)
            async with asyncio.timeout(60):
                while not await connection.fetchval("SELECT count(*) FROM learning_applied"):
                    await asyncio.sleep(0.2)
            async with asyncio.timeout(60):
                while await connection.fetchval(dropout):
                    await asyncio.sleep(0.2)
            assert await connection.fetchval("SELECT who FROM audit WHERE sensor_id = 'hurt'") == "controlroom"
        finally:
            await connection.close()
