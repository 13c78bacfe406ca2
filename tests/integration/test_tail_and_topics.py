"""`controlroom topics`, `tail` and `setup` on the real cluster, as processes."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from controlroom.local import Endpoints
from tests.command import run_beside
from tests.conftest import MakeTopic

CONTROLROOM = [sys.executable, "-m", "controlroom"]


async def run(*arguments: str) -> tuple[int, str, str]:
    """In a process of its own: `tail` wants to hear signals."""
    process = await asyncio.create_subprocess_exec(
        *CONTROLROOM, *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def produce(endpoints: Endpoints, topic: str, *values: bytes, partition: int | None = None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=endpoints.brokers, acks="all")
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, key=b"sensor-1", partition=partition)
    finally:
        await producer.stop()


@asynccontextmanager
async def following(endpoints: Endpoints, topic: str, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`controlroom tail`, from the moment at which it sees every later record; killed if the test leaves it behind."""
    process = await asyncio.create_subprocess_exec(
        *CONTROLROOM, "tail", topic, "--brokers", endpoints.brokers, *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        async with asyncio.timeout(60):
            line = await process.stderr.readline()
        assert line.decode().startswith(f"controlroom: following {topic}, partitions: "), line
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_tail_sees_every_record_that_comes_after_it_is_ready(endpoints: Endpoints, topics: MakeTopic):
    topic = await topics("followed", partitions=3)
    await produce(endpoints, topic, b'"before"', partition=0)
    async with following(endpoints, topic, "--limit", "3") as process:
        for partition in range(3):
            await produce(endpoints, topic, b'{"n": %d}' % partition, partition=partition)
        async with asyncio.timeout(30):
            out, _ = await process.communicate()
    records = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 0
    assert sorted((record["partition"], record["value"]["n"]) for record in records) == [(0, 0), (1, 1), (2, 2)]
    assert {record["key"] for record in records} == {"sensor-1"}


async def test_tail_from_the_beginning_shows_what_is_kept_and_ends_when_idle(endpoints: Endpoints, topics: MakeTopic):
    topic = await topics("kept", partitions=2)
    values = [b'{"n": %d}' % number for number in range(50)] + [b"\xff\x00 no json"]
    await produce(endpoints, topic, *values)
    code, out, _ = await run("tail", topic, "--brokers", endpoints.brokers, "--from-beginning", "--until-idle", "1")
    assert code == 0
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["value"]["n"] for record in records[:50]] == list(range(50))
    assert [record["raw"] for record in records[50:]] == ["\ufffd\x00 no json"]


async def test_tail_ends_well_when_it_is_told_to(endpoints: Endpoints, topics: MakeTopic):
    topic = await topics("quiet")
    for number in (signal.SIGINT, signal.SIGTERM):
        async with following(endpoints, topic) as process:
            process.send_signal(number)
            async with asyncio.timeout(20):
                out, err = await process.communicate()
        assert (process.returncode, out, err) == (0, b"", b"")


async def test_tail_of_a_topic_that_is_not_there_is_one_line(endpoints: Endpoints):
    code, out, err = await run("tail", "no-such-topic", "--brokers", endpoints.brokers)
    assert (code, out) == (4, "")
    assert err == "controlroom: there is no topic 'no-such-topic': `controlroom topics` lists them\n"


async def test_nobody_there_is_one_line_and_no_success(unused_tcp_port: int):
    for command in ("topics", "tail"):
        code, out, err = await run(command, "--brokers", f"127.0.0.1:{unused_tcp_port}")
        assert (code, out) == (3, "")
        assert f"no Kafka broker answers at 127.0.0.1:{unused_tcp_port}" in err
        assert "Traceback" not in err


async def test_topics_lists_partitions_replicas_and_records(endpoints: Endpoints, topics: MakeTopic):
    topic = await topics("listed", partitions=2)
    await produce(endpoints, topic, b"1", b"2", b"3")
    text = await run_beside("topics", "--brokers", endpoints.brokers)
    assert text.returncode == 0
    (row,) = [line.split(maxsplit=4) for line in text.stdout.splitlines() if line.startswith(topic)]
    assert row == [topic, "2", "3", "3", "not the plant's"]
    document = await run_beside("topics", "--json", "--brokers", endpoints.brokers)
    (described,) = [entry for entry in json.loads(document.stdout) if entry["name"] == topic]
    assert [sorted(partition["in_sync"]) for partition in described["partitions"]] == [[1, 2, 3], [1, 2, 3]]
    assert sum(partition["end"] - partition["first"] for partition in described["partitions"]) == 3


async def test_setup_makes_what_is_missing_once(endpoints: Endpoints, database: str):
    prefix = f"setup-{database[-8:]}"
    env = {
        "KAFKA_BROKERS": endpoints.brokers,
        "CONTROLROOM_DSN": database,
        "SENSOR_TOPIC": f"{prefix}-data",
        "CONTROLROOM_ALERTS_TOPIC": f"{prefix}-alerts",
    }
    done = await run_beside("setup", **env)
    assert done.returncode == 0, done.stderr
    assert f"{prefix}-data" in done.stdout
    assert "schema: up to date" in done.stdout
    done = await run_beside("setup", **env)
    assert (done.returncode, done.stdout) == (0, "topics: all there\nschema: up to date\n"), done.stderr
    done = await run_beside("setup", **env, CONTROLROOM_SENSOR_PARTITIONS="5")
    assert done.returncode == 0
    assert f"{prefix}-data has 3 partitions, settings say 5; left as it is" in done.stderr
