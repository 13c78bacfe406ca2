"""A drill on the real plant: its report agrees with what anybody can count on the topics."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import statistics
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from controlroom.local import Endpoints
from controlroom.wire import Location, Metadata, Reading, decode_reading, encode_reading
from controlroom.wire.alarm import decode_alarm_event
from simulator.scenario import load_scenario
from simulator.specification import interval_ms
from tests.conftest import _execute

SCENARIO = """
title = "Every way in which a fault is known"
duration = "100m"
seed = 4
built_in = 20
partitions = 2
grace = "5m"

[[faults]]
at = "60m"
fault = "spike"
sensor = "temp-sensor-001"
within = "10s"

[[faults]]
at = "62m"
fault = "stuck"
sensor = "press-sensor-002"
duration = "10m"
kinds = ["stuck"]
within = "3m"

[[faults]]
at = "65m"
fault = "dropout"
sensor = "vib-sensor-003"
duration = "3m"
kinds = ["dropout"]
within = "2m"

[[faults]]
at = "70m"
fault = "skew"
sensor = "energy-sensor-001"
duration = "5m"
kinds = ["clock"]
within = "30s"

[[faults]]
at = "75m"
fault = "corrupt"
sensor = "hum-sensor-004"
duration = "2m"
kinds = ["corrupt"]
within = "10s"

[[faults]]
at = "80m"
fault = "gateway-outage"
zone = "zone-b"
duration = "4m"
kinds = ["group-silent"]
within = "1m"

[[faults]]
at = "60m"
fault = "machine-failure"
machine = "machine-004"
duration = "20m"
within = "10m"

# so small that it must be missed
[[faults]]
at = "85m"
fault = "offset"
sensor = "hum-sensor-001"
magnitude = 0.001
duration = "5m"

[expect]
detected = 0.5
false_alarms = 100
"""


async def drill(*arguments: str, seconds: float = 150) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "controlroom", "drill", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(seconds):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def everything_on(brokers: str, topic: str) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        cluster = await consumer._client.fetch_all_metadata()
        tps = [TopicPartition(topic, part) for part in cluster.partitions_for_topic(topic)]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        found: list[ConsumerRecord] = []
        while any([await consumer.position(tp) < end for tp, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return found
    finally:
        await consumer.stop()


def between(fault: dict[str, Any], readings: list[ConsumerRecord]) -> list[ConsumerRecord]:
    return [each for each in readings if seconds(fault["start"]) <= each.timestamp / 1000 < seconds(fault["end"])]


def seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


@pytest.mark.timeout(240)
async def test_its_report_agrees_with_a_count_from_the_topics(endpoints: Endpoints, tmp_path: Path) -> None:
    file = tmp_path / "every.toml"
    file.write_text(SCENARIO, "utf-8")
    code, out, err = await drill(str(file), "--brokers", endpoints.brokers, "--dsn", endpoints.dsn, "--keep", "--json")
    assert code == 0, err
    report: dict[str, Any] = json.loads(out)
    topics = report["kept"]["topics"]
    try:
        readings = await everything_on(endpoints.brokers, topics["data"])
        alarms = [decode_alarm_event(each.value) for each in await everything_on(endpoints.brokers, topics["alerts"])]
    finally:
        await _clean(endpoints, topics, report["kept"]["dsn"])

    # The readings: how many, and which of them a fault has shaped, is on the records themselves.
    assert len(readings) == report["readings"]
    shaped = Counter(value.decode() for each in readings for name, value in each.headers if name == "fault-id")
    times = {
        fault_id: [each.timestamp / 1000 for each in readings if ("fault-id", fault_id.encode()) in each.headers]
        for fault_id in shaped
    }
    by_id = {fault["fault_id"]: fault for fault in report["faults"]}
    assert set(by_id) - set(shaped) == {"dropout-3", "gateway-outage-6"}
    for fault_id, seen in times.items():
        fault = by_id[fault_id]
        assert seconds(fault["start"]) <= min(seen) <= max(seen) < seconds(fault["end"]), fault_id
    quiet = by_id["dropout-3"]
    assert not between(quiet, [each for each in readings if each.key == b"vib-sensor-003"])
    zone_b = {each.key.decode() for each in readings if b'"zone":"zone-b"' in each.value}
    outage = by_id["gateway-outage-6"]
    assert set(outage["sensors"]) == zone_b
    assert len(zone_b) >= 5
    assert not between(outage, [each for each in readings if each.key.decode() in zone_b])
    # A machine that fails: its sensors degrade together, the others do not.
    for name in by_id["machine-failure-7"]["sensors"]:
        own = [each for each in readings if each.key == name.encode()]
        shaped_by_it = [each for each in own if ("fault-id", b"machine-failure-7") in each.headers]
        usual = statistics.fmean(decode_reading(each.value).value for each in own if each not in shaped_by_it)
        worn = [decode_reading(each.value).value for each in shaped_by_it]
        thirds = [statistics.fmean(worn[part * len(worn) // 3 : (part + 1) * len(worn) // 3]) for part in range(3)]
        assert usual < thirds[1] < thirds[2], name
    assert {name.partition("-")[0] for name in by_id["machine-failure-7"]["sensors"]} == {"temp", "vib", "energy"}

    # Detection, from the alerts and the order given, by a rule of the test's own: the first alarm of the wanted kind of
    # that sensor (or zone) from the start until the grace after the end. The skewed sensor tells its own time in its
    # alarms; on the topic's clock they are 300 s earlier.
    # Zone b has one machine, which rings for all of them: it is the likelier cause.
    wanted = {
        "spike-1": ("temp-sensor-001", None), "stuck-2": ("press-sensor-002", "stuck"),
        "dropout-3": ("vib-sensor-003", "dropout"), "skew-4": ("energy-sensor-001", "clock"),
        "corrupt-5": ("hum-sensor-004", "corrupt"), "gateway-outage-6": ("machine:machine-002", "group-silent"),
        "machine-failure-7": (None, None),
        "offset-8": ("hum-sensor-001", None),
    }  # fmt: skip
    assert set(wanted) == set(by_id)
    explained = set()
    for fault_id, (place, kind) in wanted.items():
        fault = by_id[fault_id]
        # What is missing may be seen afterwards; any other alarm after the end is about the return to normal.
        messages = {"dropout", "clock", "corrupt", "group-silent"}
        start, end = seconds(fault["start"]), seconds(fault["end"]) + (300 if kind in messages else 0)
        ahead = 300.0 if fault_id == "skew-4" else 0.0
        found = sorted(
            event.timestamp.timestamp() - ahead
            for event in alarms
            if event.sensor_id in (by_id[fault_id]["sensors"] if place is None else [place])
            and (kind is None or event.kind == kind)
            and event.event in {"raised", "recurred", "severity-rose"}
            and start <= event.timestamp.timestamp() - ahead < end
        )
        assert fault["detected"] == bool(found), fault_id
        if found:
            assert fault["delay_s"] == pytest.approx(found[0] - start, abs=0.002), fault_id
    assert {name for name, fault in by_id.items() if not fault["detected"]} == {"offset-8"}

    # False alarms: raised by sensors to which nothing was done then.
    worn_out = set(by_id["machine-failure-7"]["sensors"])
    for event in alarms:
        for fault_id, (place, _) in wanted.items():
            fault = by_id[fault_id]
            at = event.timestamp.timestamp() - (300.0 if event.sensor_id == "energy-sensor-001" else 0.0)
            places = {place, *(zone_b if fault_id == "gateway-outage-6" else ())}
            places |= worn_out if fault_id == "machine-failure-7" else set()
            if event.sensor_id in places and seconds(fault["start"]) <= at <= seconds(fault["end"]) + 300:
                explained.add(event.event_id)
    unexplained = Counter(
        (event.sensor_id, event.kind)
        for event in alarms
        if event.event == "raised" and event.state != "BY_DESIGN" and event.event_id not in explained
    )
    assert unexplained == Counter((alarm["sensor_id"], alarm["kind"]) for alarm in report["false_alarms"])
    assert report["annunciations"] == sum(event.annunciated for event in alarms)
    assert report["sensor_days"] == pytest.approx(20 * 100 / 1440, abs=1e-5)


@pytest.mark.timeout(240)
async def test_the_same_drill_gives_the_same_report_and_leaves_nothing(endpoints: Endpoints, tmp_path: Path) -> None:
    file = tmp_path / "twice.toml"
    file.write_text(
        'title = "Twice"\nduration = "40m"\nbuilt_in = 5\n[[faults]]\nat = "20m"\nfault = "rail"\nsensor = "temp-*"\n'
        'within = "1s"\n[expect]\nannunciations = [100, 200]\n',
        "utf-8",
    )
    reports = []
    for speed in ("3600", "600"):
        where = ("--brokers", endpoints.brokers, "--dsn", endpoints.dsn)
        code, out, err = await drill(str(file), *where, "--json", "--speed", speed)
        assert (code, err.splitlines()[-1]) == (9, "controlroom: not as expected: twice")
        reports.append(json.loads(out))
    for report in reports:
        del report["seconds"]
    assert reports[0] == reports[1]
    assert [check["passed"] for check in reports[0]["expectations"]] == [False, False]
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.brokers)
    await admin.start()
    try:
        assert not [name for name in await admin.list_topics() if name.startswith("drill-")]
    finally:
        await admin.close()


@pytest.mark.timeout(180)
async def test_it_reads_committed_records_alone(endpoints: Endpoints, tmp_path: Path) -> None:
    file = tmp_path / "foreign.toml"
    file.write_text(
        'title = "Foreign transactions"\nduration = "1h"\nbuilt_in = 5\n[[faults]]\nat = "20m"\nfault = "rail"\n'
        'sensor = "temp-sensor-001"\nduration = "5m"\nwithin = "2s"\n[expect]\nfalse_alarms = 0\n',
        "utf-8",
    )
    readings = sum(3_600_000 // interval_ms(sensor) for sensor in load_scenario(file).sensors)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "controlroom", "drill", str(file), "--json", "--brokers", endpoints.brokers,
        "--dsn", endpoints.dsn, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60), _transactional(endpoints) as producer:
            drill_name = await _drill_under_way(endpoints)
            await producer.begin_transaction()
            foreign = await _disturb(producer, drill_name)
            # Everything is there, and the drill waits for what became of the transaction.
            await _until_end(endpoints, f"{drill_name}-data", readings + foreign)
            assert process.returncode is None
            await producer.abort_transaction()
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode == 0, err.decode()
    report = json.loads(out)
    assert report["readings"] == readings
    assert [(fault["fault_id"], fault["detected"]) for fault in report["faults"]] == [("rail-1", True)]
    assert report["false_alarms"] == []


@asynccontextmanager
async def _transactional(endpoints: Endpoints) -> AsyncIterator[AIOKafkaProducer]:
    name = f"foreign-{secrets.token_hex(4)}"
    producer = AIOKafkaProducer(bootstrap_servers=endpoints.brokers, transactional_id=name)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def _drill_under_way(endpoints: Endpoints) -> str:
    """The name of the drill that is running, once all commands to its five sensors are on their topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=endpoints.brokers)
    await consumer.start()
    try:
        while True:
            cluster = await consumer._client.fetch_all_metadata()
            for topic in cluster.topics():
                if topic.startswith("drill-") and topic.endswith("-commands"):
                    await _until_end(endpoints, topic, 5)
                    return str(topic.removesuffix("-commands"))
            await asyncio.sleep(0.1)
    finally:
        await consumer.stop()


async def _until_end(endpoints: Endpoints, topic: str, records: int) -> None:
    """Wait until so many records are on the topic, in whatever transaction."""
    consumer = AIOKafkaConsumer(bootstrap_servers=endpoints.brokers)
    await consumer.start()
    try:
        cluster = await consumer._client.fetch_all_metadata()
        tps = [TopicPartition(topic, part) for part in cluster.partitions_for_topic(topic)]
        while sum((await consumer.end_offsets(tps)).values()) < records:
            await asyncio.sleep(0.1)
    finally:
        await consumer.stop()


async def _disturb(producer: AIOKafkaProducer, drill_name: str) -> int:
    """Readings far above a sensor's limits, in every partition; how many."""
    sensor = "press-sensor-002"
    far_off = Reading(
        datetime.now(UTC), sensor, "pressure", Location("a", "machine-001", "zone-a"), 1e6, "bar", "critical", 1.0,
        Metadata(1, 8.0, 9.0),
    )  # fmt: skip
    parts = await producer.partitions_for(f"{drill_name}-data")
    for part in parts:
        for _ in range(3):
            value = encode_reading(far_off)
            await producer.send_and_wait(f"{drill_name}-data", key=sensor.encode(), value=value, partition=part)
    return 3 * len(parts)


async def _clean(endpoints: Endpoints, topics: dict[str, str], dsn: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.brokers)
    await admin.start()
    try:
        await admin.delete_topics([*topics.values(), f"{topics['data']}.dlt", f"{topics['data']}.summary"])
    finally:
        await admin.close()
    name = dsn.rpartition("/")[2]
    await asyncio.to_thread(asyncio.run, _execute(endpoints.dsn, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_end_it_ends_and_leaves_nothing(endpoints: Endpoints, number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "controlroom", "drill", "quiet-day", "--brokers", endpoints.brokers,
        "--dsn", endpoints.dsn, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        # A run in the background of a shell ignores SIGINT, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            assert b"readings" in await process.stderr.readline()
            process.send_signal(number)
            await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 130
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.brokers)
    await admin.start()
    try:
        assert not [name for name in await admin.list_topics() if name.startswith("drill-")]
    finally:
        await admin.close()
    connection = await asyncpg.connect(endpoints.dsn)
    try:
        assert not await connection.fetch("SELECT FROM pg_database WHERE datname LIKE 'drill%'")
    finally:
        await connection.close()
