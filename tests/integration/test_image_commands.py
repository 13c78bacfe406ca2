"""The commands of compose.yaml's services, each run as the service runs it, on the local plant instead of Docker's."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from controlroom.local import Endpoints, LocalPlant
from tests.compose_file import ROOT, environment, own_services

TOPICS = (
    "SENSOR_TOPIC",
    "CONTROLROOM_ALERTS_TOPIC",
    "CONTROLROOM_COMMANDS_TOPIC",
    "CONTROLROOM_STATUS_TOPIC",
    "CONTROLROOM_BRIDGES_TOPIC",
)


@pytest.fixture
def containers(endpoints: Endpoints, database: str) -> Callable[[str], dict[str, str]]:
    """What a service's container has in its environment, with the local plant's addresses and topics of this test."""

    def variables(service: str) -> dict[str, str]:
        found = environment(own_services()[service], {"POSTGRES_PASSWORD": "unused"})
        assert {"KAFKA_BROKERS", "CONTROLROOM_DSN"} <= found.keys()
        names = {name: f"{database[-8:]}-{number}" for number, name in enumerate(TOPICS)}
        return os.environ | found | names | {"KAFKA_BROKERS": endpoints.brokers, "CONTROLROOM_DSN": database}

    return variables


def command(service: str) -> list[str]:
    program, *arguments = own_services()[service]["command"]
    assert program == "controlroom"
    return [sys.executable, "-m", "controlroom", *arguments]


async def to_its_end(service: str, env: dict[str, str], *instead: str) -> tuple[int, str]:
    words = [*command(service)[:3], *instead] if instead else command(service)
    process = await asyncio.create_subprocess_exec(
        *words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    async with asyncio.timeout(90):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


@asynccontextmanager
async def running(service: str, env: dict[str, str], *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service until the block ends; then SIGTERM, as `docker stop` sends, must end it well."""
    process = await asyncio.create_subprocess_exec(
        *command(service), *options, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            _, err = await process.communicate()
        assert process.returncode == 0, err.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def count(dsn: str, table: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
    finally:
        await connection.close()


async def test_every_service_does_its_work_and_ends_well(containers, database):
    code, out = await to_its_end("setup", containers("setup"))
    assert code == 0, out

    async with running("sensors", containers("sensors")), running("detector", containers("detector")):
        # The readings that the one publishes and the other stores.
        code, out = await to_its_end("tester", containers("tester"), "tail", "--limit", "20")
        assert code == 0, out
        readings = [json.loads(line)["value"] for line in out.splitlines() if line.startswith("{")]
        assert {reading["unit"] for reading in readings} > {"°C"}
        async with asyncio.timeout(60):
            while await count(database, "readings") == 0:
                await asyncio.sleep(0.2)
        code, out = await to_its_end("tester", containers("tester"))
        assert code == 0, out


async def test_the_console_without_a_terminal_attaches_and_ends_well(containers):
    code, out = await to_its_end("setup", containers("setup"))
    assert code == 0, out
    async with running("console", containers("console")) as process:
        assert process.stderr is not None
        async with asyncio.timeout(30):
            line = await process.stderr.readline()
        assert b"no terminal here" in line


async def test_attached_to_the_local_plant_nothing_is_started(plant: LocalPlant, containers):
    named = {"KAFKA_BROKERS", "CONTROLROOM_DSN"}
    env = {name: value for name, value in containers("console").items() if name not in named}
    code, out = await to_its_end("setup", env, "setup", "--dir", str(plant.paths.root))
    assert code == 0, out
    async with running("console", env, "--attach", "--dir", str(plant.paths.root)) as process:
        assert process.stderr is not None
        async with asyncio.timeout(30):
            assert b"no terminal here" in await process.stderr.readline()
        # No simulator of its own: nobody publishes.
        code, out = await to_its_end("tester", containers("tester"), "tail", "--until-idle", "2")
        assert code == 0, out
        assert not [line for line in out.splitlines() if line.startswith("{")]


async def test_sensors_in_the_background_of_the_local_plant(plant: LocalPlant, containers):
    async def background(action: str, *words: str) -> tuple[int, str]:
        script = [sys.executable, ROOT / "scripts" / "background.py", action, "sensors", "--dir", plant.paths.root]
        env = {name: value for name, value in containers("sensors").items() if name != "KAFKA_BROKERS"}
        process = await asyncio.create_subprocess_exec(
            *script, *words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode()

    code, out = await to_its_end("setup", containers("setup"))
    assert code == 0, out
    code, out = await background("start", "--", "simulate")
    try:
        assert code == 0, out
        assert "sensors: started, pid" in out
        assert "already running" in (await background("start", "--", "simulate"))[1]
        code, out = await to_its_end("tester", containers("tester"), "tail", "--limit", "5")
        assert code == 0, out
    finally:
        code, out = await background("stop")
    assert (code, out) == (0, "sensors: stopped\n")
    assert (await background("status"))[1] == "sensors: not running\n"
