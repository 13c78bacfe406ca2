"""`controlroom bridge` with topics of others on real brokers: what becomes a reading, and where reading begins."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.structs import OffsetAndMetadata

from controlroom.local import Endpoints
from controlroom.wire import Location
from tests.bridging import Bridging, on_topic
from tests.command import run_beside
from tests.conftest import MakeTopic
from tests.faults.secure import PASSWORD, USER, SecureBroker, secure_broker

FILE = """
[bridge]
name = "{name}"
spool = "spool"

[[source]]
name = "erp"
type = "kafka"
brokers = "{brokers}"
{more}
[[source.tag]]
topic = "{topic}"
id = "{{key}}"
type = "flow"
"""


@pytest.fixture
async def bridging(endpoints: Endpoints, topics: MakeTopic, tmp_path: Path) -> AsyncIterator[Bridging]:
    made = Bridging(tmp_path, endpoints.brokers, await topics("data", partitions=3))
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


@contextlib.asynccontextmanager
async def producing(brokers: str, **options: object) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", enable_idempotence=True, **options)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def values(bridging: Bridging) -> list[float]:
    return sorted(reading.value for reading in await on_topic(bridging))


def write(bridging: Bridging, topic: str, more: str = 'start = "earliest"\n', name: str = "") -> None:
    name = name or f"b-{topic}"
    bridging.write(FILE.format(name=name, brokers=bridging.brokers, topic=topic, more=more))


async def test_records_of_every_kind_become_readings(bridging: Bridging, topics: MakeTopic) -> None:
    one, two = await topics("press.m-7", partitions=2), await topics("plain")
    stem = one.removesuffix("press.m-7")
    bridging.write(f"""
[bridge]
name = "b-{one}"
spool = "spool"

[[source]]
name = "erp"
type = "kafka"
brokers = "{bridging.brokers}"
start = "earliest"

[[source.tag]]
topic = "{stem}{{section}}.{{machine}}"
key = "{{line}}/{{sensor}}"
id = "{{machine}}-{{sensor}}-{{field:no}}"
type = "{{header:kind}}"
zone = "{{line}}"
payload = "json"
value_path = "data.v"
time_path = "at"
time_format = "ns"
quality_path = "q"

[[source.tag]]
topic = "{two}"
id = "{{key}}"
type = "flow"
unit = "l/s"
""")
    at = 1_777_600_000_123_456_000
    for kind in (None, "gzip", "snappy", "lz4", "zstd"):
        async with producing(bridging.brokers, compression_type=kind) as producer:
            value = json.dumps({"data": {"v": 2.5}, "no": kind or "none", "at": at, "q": "uncertain"}).encode()
            await producer.send_and_wait(one, value, b"l-1/out", headers=[("kind", b"pressure")])
            await producer.send_and_wait(two, b"21.5", (kind or "none").encode(), timestamp_ms=at // 10**6)
    bridging.start()
    await bridging.until(lambda: bridging.status().get("sent") == 10)
    assert bridging.stop() == 0
    found = {reading.sensor_id: reading for reading in await on_topic(bridging)}
    for kind in ("none", "gzip", "snappy", "lz4", "zstd"):
        by_json, plain = found[f"m-7-out-{kind}"], found[kind]
        assert by_json.location == Location("press", "m-7", "l-1")
        assert (by_json.sensor_type, by_json.value, by_json.quality) == ("pressure", 2.5, 0.5)
        assert by_json.timestamp == datetime(2026, 5, 1, 1, 46, 40, 123_456, UTC)
        assert (plain.value, plain.unit, plain.timestamp.microsecond) == (21.5, "l/s", 123_000)
        assert plain.metadata.reading_count == 1


@pytest.mark.parametrize("committed", [True, False])
async def test_of_transactions_what_was_committed_is_read(
    bridging: Bridging, topics: MakeTopic, committed: bool
) -> None:
    topic = await topics("orders")
    write(bridging, topic, f'start = "earliest"\nread_committed = {str(committed).lower()}\n')
    async with producing(bridging.brokers, transactional_id=topic) as producer:
        for number in range(4):
            await producer.begin_transaction()
            await producer.send(topic, str(number).encode(), b"a")
            await producer.send(topic, str(10 + number).encode(), b"b")
            if number % 2:
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
        expected = [0, 2, 10, 12] if committed else [0, 1, 2, 3, 10, 11, 12, 13]
        bridging.start()
        await bridging.until(lambda: bridging.status().get("sent") == len(expected))
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"20", b"a")
        if committed:
            # What is open is not read.
            await asyncio.sleep(1)
            assert bridging.status()["sent"] == len(expected)
        await producer.commit_transaction()
        await bridging.until(lambda: bridging.status().get("sent") == len(expected) + 1)
    # The marks of transactions are committed too: a lag of 0 for the tools.
    group = f"controlroom-b-{topic}-erp"
    await settled(bridging, group, topic, 14)
    assert bridging.stop() == 0
    assert await values(bridging) == sorted([*expected, 20])


async def settled(bridging: Bridging, group: str, topic: str, offset: int) -> None:
    """The group has committed this offset of partition 0."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bridging.brokers)
    await admin.start()
    try:
        async with asyncio.timeout(15):
            while True:
                found = await admin.list_consumer_group_offsets(group)
                if found.get(TopicPartition(topic, 0), OffsetAndMetadata(-1, "")).offset == offset:
                    return
                await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def test_what_is_hostile_is_counted_and_the_rest_goes_on(bridging: Bridging, topics: MakeTopic) -> None:
    topic = await topics("wild", config={"max.message.bytes": "12000000"})
    write(bridging, topic)
    async with producing(bridging.brokers, max_request_size=12_000_000) as producer:
        await producer.send_and_wait(topic, b"1" * 10_000_000, b"a")
        for value in (None, b"NaN", b"\xff\xfe\x00", b"", b"{", b"1e400", b"21,5"):
            await producer.send_and_wait(topic, value, b"a")
        for key in (None, b"\xff", b"k" * 200, b"a\x00b", b""):
            await producer.send_and_wait(topic, b"1", key)
        await producer.send_and_wait(topic, b"21.5", b"a")
    bridging.start()
    await bridging.until(lambda: bridging.status().get("sent") == 1)
    assert bridging.source["refused"] == {
        "too-large": 1, "tombstone": 1, "not-finite": 2, "not-utf8": 2, "not-a-number": 3, "bad-name": 4,
    }  # fmt: skip
    assert bridging.stop() == 0
    # One line for each reason, and none for what is ordinary.
    assert len([line for line in bridging.said().splitlines() if " refused: " in line]) == 5
    assert await values(bridging) == [21.5]


async def forget(admin: AIOKafkaAdminClient, group: str) -> None:
    """As the cluster does with a group seven days after its last member has left."""
    coordinator = await admin._client.coordinator_lookup(0, group)
    answer = await admin._client.send(coordinator, DeleteGroupsRequest([group]))
    assert [code for _, code in answer.results] == [0], answer


async def test_where_reading_begins(bridging: Bridging, topics: MakeTopic) -> None:
    topic = await topics("old")
    later = f"{topic}-later"
    write(bridging, topic, "")
    bridging.file.write_text(
        bridging.file.read_text() + f'[[source.tag]]\ntopic = "{later}"\nid = "{{key}}"\ntype = "flow"\n'
    )
    async with producing(bridging.brokers) as producer:
        await producer.send_and_wait(topic, b"1", b"a")
        bridging.start()
        await bridging.until(lambda: "there is no topic" in bridging.source.get("error", ""))
        # By default what was there before is not read; what comes is.
        await settled(bridging, f"controlroom-b-{topic}-erp", topic, 1)
        await producer.send_and_wait(topic, b"2", b"a")
        await bridging.until(lambda: bridging.status().get("sent") == 1)
        assert bridging.stop() == 0
        await producer.send_and_wait(topic, b"3", b"a")
        # A topic that comes later, while nobody looks, and partitions that do are read from their first record.
        admin = AIOKafkaAdminClient(bootstrap_servers=bridging.brokers)
        await admin.start()
        try:
            from controlroom.adapters.kafka.topics import ensure_topics
            from controlroom.wire import TopicSpec

            await ensure_topics(bridging.brokers, [TopicSpec(later, 1, {})])
            await producer.send_and_wait(later, b"4", b"b")
            bridging.start()
            await bridging.until(lambda: bridging.status().get("sent") == 2)
            await admin.create_partitions({topic: NewPartitions(2)})
            await producer.client.force_metadata_update()
            while 1 not in await producer.partitions_for(topic):
                await producer.client.force_metadata_update()
                await asyncio.sleep(0.1)
            await producer.send_and_wait(topic, b"5", b"c", partition=1)
            await bridging.until(lambda: bridging.status().get("sent") == 3)
            assert bridging.stop() == 0
            # A group that the cluster has forgotten goes on where it was.
            await forget(admin, f"controlroom-b-{topic}-erp")
            await producer.send_and_wait(topic, b"6", b"a", partition=0)
            bridging.start()
            await bridging.until(lambda: bridging.status().get("sent") == 1)
            # What retention deletes before it is read is counted.
            assert bridging.stop() == 0
            for value in (b"7", b"8", b"9"):
                await producer.send_and_wait(topic, value, b"a", partition=0)
            end = (await admin.list_consumer_group_offsets(f"controlroom-b-{topic}-erp"))[
                TopicPartition(topic, 0)
            ].offset
            await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=end + 2)})
            bridging.start()
            await bridging.until(lambda: bridging.status().get("sent") == 1)
            assert bridging.source["refused"] == {"deleted": 2}
            assert "2 records of" in bridging.said()
            assert bridging.stop() == 0
            # A topic that was made anew begins anew.
            await admin.delete_topics([later])
            while later in await admin.list_topics():
                await asyncio.sleep(0.1)
            await ensure_topics(bridging.brokers, [TopicSpec(later, 1, {})])
            bridging.start()
            await bridging.until(lambda: "was made anew" in bridging.said())
            await bridging.connected()
            await producer.client.force_metadata_update()
            await producer.send_and_wait(later, b"10", b"b")
            await bridging.until(lambda: bridging.status().get("sent") == 1)
            assert bridging.stop() == 0
        finally:
            await admin.delete_topics([later])
            await admin.close()
    assert await values(bridging) == [2, 3, 4, 5, 6, 9, 10]


async def test_a_bridge_does_not_read_what_it_writes(bridging: Bridging) -> None:
    write(bridging, "*", "", "round")
    bridging.start()
    assert bridging.process is not None
    assert await asyncio.to_thread(bridging.process.wait, 30) == 4
    assert f"source 'erp' would read '{bridging.topic}', to which this bridge writes" in bridging.said()


async def test_tags_change_while_it_runs(bridging: Bridging, topics: MakeTopic) -> None:
    one, two = await topics("one"), await topics("two")
    write(bridging, one)
    async with producing(bridging.brokers) as producer:
        bridging.start()
        await bridging.connected()
        await producer.send_and_wait(one, b"1", b"a")
        await producer.send_and_wait(two, b"2", b"b")
        await bridging.until(lambda: bridging.status()["sent"] == 1)
        await asyncio.sleep(2.5)  # the first look at the file is over
        more = f'unit = "K"\n[[source.tag]]\ntopic = "{two}"\nid = "{{key}}"\ntype = "x"\n'
        bridging.file.write_text(bridging.file.read_text() + more)
        await bridging.until(lambda: bridging.status()["sent"] == 2)
        await producer.send_and_wait(one, b"3", b"a")
        await bridging.until(lambda: bridging.status()["sent"] == 3)
    assert bridging.stop() == 0
    found = {reading.value: reading for reading in await on_topic(bridging)}
    assert (found[1.0].unit, found[3.0].unit, found[2.0].sensor_type) == ("", "K", "x")
    assert [found[value].metadata.reading_count for value in (1.0, 3.0)] == [1, 2]


async def test_check_live_shows_the_last_records_and_leaves_nothing_behind(
    bridging: Bridging, topics: MakeTopic
) -> None:
    topic = await topics("shown", partitions=2)
    write(bridging, topic, "")
    async with producing(bridging.brokers) as producer:
        for value in range(100):
            await producer.send_and_wait(topic, str(value).encode(), b"a", partition=1)
    command = ["bridge", "check", "--live", "--seconds", "3", str(bridging.file)]
    shown = await run_beside(*command)
    assert shown.returncode == 0, shown.stderr
    readings = [json.loads(line) for line in shown.stdout.splitlines() if line.startswith("{")]
    assert [(one["sensor_id"], one["value"]) for one in readings] == [("a", 80), ("a", 81)]
    assert "erp: 20 messages, 20 readings" in shown.stdout
    admin = AIOKafkaAdminClient(bootstrap_servers=bridging.brokers)
    await admin.start()
    groups = [group for group, _ in await admin.list_consumer_groups()]
    await admin.close()
    assert not any(topic in group for group in groups)
    write(bridging, topic)
    bridging.file.write_text(bridging.file.read_text().replace(bridging.brokers, "127.0.0.1:1"))
    away = await run_beside(*command)
    assert away.returncode == 3
    assert "source 'erp': no Kafka broker answers at 127.0.0.1:1" in away.stderr


async def test_bridges_share_a_group_and_each_record_becomes_one_reading(
    bridging: Bridging, topics: MakeTopic, tmp_path: Path
) -> None:
    topic = await topics("shared", partitions=4)
    (tmp_path / "two").mkdir()
    other = Bridging(tmp_path / "two", bridging.brokers, bridging.topic)
    more = f'start = "earliest"\ngroup = "{topic}"\nshared = true\n'
    for one, name in ((bridging, "one"), (other, "two")):
        write(one, topic, more, name)
    sent = 0
    stop = asyncio.Event()

    async def feed() -> None:
        nonlocal sent
        async with producing(bridging.brokers, linger_ms=5) as producer:
            while not stop.is_set():
                await asyncio.gather(*[
                    await producer.send(topic, str(sent + index).encode(), b"k%d" % (index % 8), partition=index % 4)
                    for index in range(40)
                ])  # fmt: skip
                sent += 40
                await asyncio.sleep(0.05)

    feeding = asyncio.create_task(feed())
    try:
        bridging.start()
        await bridging.until(lambda: bridging.status().get("sent", 0) > 200)
        # It comes under load, works, and goes again.
        for _ in range(2):
            other.start()
            await other.until(lambda: other.status().get("sent", 0) > 200)
            assert bridging.source["error"] == ""
            assert other.stop() == 0
        await asyncio.sleep(1)
    finally:
        stop.set()
        await feeding
        if other.process is not None and other.process.poll() is None:
            other.kill()
    deadline = asyncio.get_running_loop().time() + 30
    while len(await on_topic(bridging)) < sent and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.5)
    await bridging.drained()
    assert bridging.stop() == 0
    found = await on_topic(bridging)
    assert Counter(reading.value for reading in found) == Counter(range(sent))
    assert {reading.metadata.reading_count for reading in found} == {0}


async def test_a_group_that_is_not_ours_alone_is_said(bridging: Bridging, topics: MakeTopic, tmp_path: Path) -> None:
    topic = await topics("contested", partitions=2)
    (tmp_path / "two").mkdir()
    other = Bridging(tmp_path / "two", bridging.brokers, bridging.topic)
    try:
        for one in (bridging, other):
            write(one, topic, f'group = "{topic}"\n')
            one.start()
        await bridging.until(lambda: "other members of the group" in bridging.source.get("error", ""))
    finally:
        other.kill()
    await bridging.until(lambda: bridging.source.get("error", "?") == "")
    assert bridging.stop() == 0


@pytest.fixture
def secure() -> Iterator[SecureBroker]:
    with tempfile.TemporaryDirectory(prefix="controlroom-secure-") as directory, secure_broker(Path(directory)) as it:
        yield it


async def test_tls_scram_and_certificates(bridging: Bridging, secure: SecureBroker, tmp_path: Path) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=secure.plain)
    await admin.start()
    await admin.create_topics([NewTopic("foreign", 1, 1)])
    await admin.close()
    async with producing(secure.plain) as producer:
        await producer.send_and_wait("foreign", b"1", b"a")
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    secret.chmod(0o600)
    login = f'tls = true\nuser = "{USER}"\npassword_file = "secret"\nstart = "earliest"\n'
    text = FILE.format(name="test", brokers=secure.scram, topic="foreign", more=login)
    bridging.write(text)
    bridging.start()
    await bridging.until(lambda: "is not accepted" in bridging.source.get("error", ""))
    assert bridging.stop() == 0
    login += f'ca_file = "{secure.certificates.authority}"\n'
    text = FILE.format(name="test", brokers=secure.scram, topic="foreign", more=login)
    bridging.write(text)
    bridging.start()
    await bridging.until(lambda: f"refuses the login of {USER}" in bridging.source.get("error", ""))
    assert bridging.stop() == 0
    secret.write_text(f"{PASSWORD}\n")
    bridging.start()
    await bridging.until(lambda: bridging.status().get("sent") == 1)
    assert bridging.stop() == 0
    # Another way to the same cluster: a certificate, and no login.
    pair = secure.certificates.pair("worker")
    own = f'tls = true\nca_file = "{secure.certificates.authority}"\ncert_file = "{pair}"\nkey_file = "{pair}"\n'
    bridging.write(FILE.format(name="test", brokers=secure.mutual, topic="foreign", more=own))
    async with producing(secure.plain) as producer:
        await producer.send_and_wait("foreign", b"2", b"a")
    bridging.start()
    await bridging.until(lambda: bridging.status().get("sent") == 1)
    assert bridging.stop() == 0
    assert await values(bridging) == [1, 2]
    assert PASSWORD not in bridging.said()
