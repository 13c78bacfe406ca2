"""`detect --workers`, `--stages`, `--metrics-port`, `rejects` and `fsck`, as an operator runs them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controlroom.local import Endpoints
from controlroom.local import ports as plant_ports
from tests.faults.scene import Scene


@pytest.fixture
async def scene(endpoints: Endpoints, database: str, tmp_path: Path) -> AsyncIterator[Scene]:
    made = await Scene.make(endpoints.brokers, database, tmp_path, detectors="cheap")
    yield made
    made.close()


def controlroom(scene: Scene, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "KAFKA_BROKERS": scene.settings.brokers or "",
        "CONTROLROOM_DSN": scene.dsn,
        "SENSOR_TOPIC": scene.settings.sensor_topic,
        "CONTROLROOM_ALERTS_TOPIC": scene.settings.alerts_topic,
        "CONTROLROOM_GROUP": scene.settings.group,
        "CONTROLROOM_DETECTORS": "cheap",
    }
    command = [sys.executable, "-m", "controlroom", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


async def run(scene: Scene, *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(controlroom, scene, *arguments)


async def fetch(port: int, path: str) -> str:
    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(get)


async def test_two_workers_are_kept_running_and_end_together(scene: Scene) -> None:
    (port,) = plant_ports.free_ports(1)
    await scene.publish(20)
    supervisor = scene.start_worker("--workers", "2", "--metrics-port", str(port))
    await scene.until_committed(scene.sent)
    async with asyncio.timeout(40):
        while await scene.value("SELECT count(DISTINCT owner) FROM watermark") != 2:
            await asyncio.sleep(0.1)
    assert "controlroom_committed_total" in await fetch(port, "/metrics")
    assert await fetch(port, "/healthz") == "ok\n"
    victim = int(str(await scene.value("SELECT split_part(max(owner), '-', -1) FROM watermark")))
    os.kill(victim, signal.SIGTERM)
    async with asyncio.timeout(40):
        # What ends with success is not started again; the other takes its partitions over.
        while await scene.value("SELECT count(DISTINCT owner) FROM watermark") != 1:
            await asyncio.sleep(0.1)
    await scene.publish(20)
    await scene.until_committed(scene.sent)
    supervisor.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(supervisor.wait, 30) == 0
    assert (await scene.audited()).findings == []


async def test_the_stages_can_run_apart(scene: Scene) -> None:
    await scene.publish(150)
    assert (await run(scene, "detect", "--stages", "detector", "--until-idle", "1")).returncode == 0
    assert await scene.value("SELECT count(*) FROM readings") == 0
    events = await scene.value("SELECT count(*) FROM alarm_events")
    assert isinstance(events, int)
    assert events > 30
    assert (await run(scene, "detect", "--stages", "aggregator", "--until-idle", "1")).returncode == 0
    assert await scene.value("SELECT count(*) FROM readings") == scene.sent
    assert await scene.value("SELECT sum(count) FROM rollup_minute") == scene.sent
    assert await scene.value("SELECT count(*) FROM alarm_events") == events
    wrong = await run(scene, "detect", "--stages", "oracle")
    assert (wrong.returncode, "no such stage" in wrong.stderr) == (4, True)


async def test_rejects_are_listed_shown_and_published_again(scene: Scene) -> None:
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=scene.settings.brokers)
    await producer.start()
    await producer.send_and_wait(scene.settings.sensor_topic, key=b"temp-000", value=b'{"half": \x1b[31m')
    await producer.send_and_wait(scene.settings.sensor_topic, key=b"temp-000", value=b"x" * 70_000)
    await producer.stop()
    assert (await run(scene, "detect", "--until-idle", "1")).returncode == 0
    listed = [json.loads(line) for line in (await run(scene, "rejects", "list", "--json")).stdout.splitlines()]
    assert sorted(reject["reason"] for reject in listed) == ["malformed", "too-large"]
    one = next(reject for reject in listed if reject["reason"] == "malformed")
    at = (str(one["partition"]), str(one["offset"]))
    shown = (await run(scene, "rejects", "show", *at)).stdout
    assert "malformed" in shown
    assert "\x1b" not in shown
    assert (await run(scene, "rejects", "replay", "--at", *at)).stdout == "1 published again\n"
    assert (await run(scene, "rejects", "replay", "--reason", "malformed")).stdout == "0 published again\n"
    refused = await run(scene, "rejects", "replay", "--reason", "too-large")
    assert (refused.returncode, "only a part" in refused.stderr) == (4, True)
    assert (await run(scene, "detect", "--until-idle", "1")).returncode == 0
    assert await scene.value("SELECT count(*) FROM rejects WHERE reason = 'malformed'") == 2


async def test_fsck_finds_what_is_lost_twice_or_different(scene: Scene) -> None:
    import asyncpg

    await scene.publish(150)
    assert (await run(scene, "detect", "--until-idle", "1")).returncode == 0
    well = await run(scene, "fsck")
    assert (well.returncode, well.stdout.splitlines()[-1]) == (0, "nothing is wrong")
    connection = await asyncpg.connect(scene.dsn)
    # The journal is only added to; this is how a damaged one comes about all the same.
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("INSERT INTO readings SELECT * FROM readings WHERE part = 0 AND off = 3")
    await connection.execute("DELETE FROM readings WHERE part = 1 AND off = 5")
    await connection.execute("DELETE FROM alarm_events WHERE event_id = (SELECT min(event_id) FROM alarm_events "
                             "WHERE event = 'raised')")  # fmt: skip
    await connection.close()
    ill = await run(scene, "fsck", "--json")
    findings = json.loads(ill.stdout)["findings"]
    assert ill.returncode == 1
    assert [finding.partition(" (")[0] for finding in findings] == [
        "partition 0: 1 records twice",
        "partition 1: 1 records lost",
        "1 alarm events of the oracle are missing",
    ]
