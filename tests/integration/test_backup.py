"""Backup and restore on real servers: the topic is read on from the watermarks, and nothing is lost or twice."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from controlroom.adapters.fsck.audit import AuditOptions, audit
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.adapters.postgres.handovers import Handovers
from controlroom.adapters.postgres.restore import ASIDE, _set_aside
from controlroom.core.alarms.definitions import Definitions
from controlroom.errors import Fenced
from controlroom.wire import TopicSpec
from tests.command import run_beside
from tests.conftest import MakeTopic
from tests.integration.test_detection import (
    BAD,
    ROLLUPS_THAT_DIFFER,
    Place,
    connection,
    place,
    query,
    series,
)
from tests.integration.test_store import batch, begun, dsn, facts, raised

__all__ = ["dsn", "place"]

#: a while ago: readings that are older than the retention are not kept
LOG_START_MS = int(time.time() * 1000) - 3_600_000

ACTS = "SELECT who, action, refusal FROM audit ORDER BY id"
NOTES = "SELECT who, text FROM shift_notes ORDER BY id"
EPOCHS = "SELECT part, epoch FROM watermark ORDER BY part"


@pytest.fixture
async def empty_database(endpoints: object, database: str) -> AsyncIterator[str]:
    """A database in which nothing was ever made."""
    name = f"test_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(database)
    await admin.execute(f"CREATE DATABASE {name}")
    yield re.sub(r"/[^/]*$", f"/{name}", database)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def site(place: Place, topics: MakeTopic) -> Place:
    """A topic whose records carry the time that the producer gives: how long a test takes makes nobody silent."""
    topic = await topics("readings", partitions=3)
    await ensure_topics(place.endpoints.brokers, [TopicSpec(f"{topic}.dlt", 1, {})])
    return replace(place, settings=place.settings.model_copy(update={"sensor_topic": topic, "group": f"group-{topic}"}))


async def publish(site: Place, records: Sequence[tuple[bytes | None, bytes | None]], turn: int, sensors: int) -> None:
    """Publish readings, as if `sensors` of them had come in each second since the second `turn`."""
    producer = AIOKafkaProducer(bootstrap_servers=site.endpoints.brokers, acks="all", linger_ms=10)
    await producer.start()
    try:
        for index, (key, value) in enumerate(records):
            at = LOG_START_MS + (turn + index // sensors) * 1000
            await producer.send(site.settings.sensor_topic, key=key, value=value, timestamp_ms=at)
        await producer.flush()
    finally:
        await producer.stop()


async def work(site: Place) -> None:
    """One worker, until everything is committed."""
    options = worker_options(site.settings, until_idle=1.0, time_from_records=True)
    async with asyncio.timeout(90):
        await DetectionWorker(site.kafka, site.dsn, options).run(asyncio.Event())


async def command(place: Place, *words: str) -> CompletedProcess[str]:
    brokers = ["--brokers", place.endpoints.brokers] if words[0] == "restore" else []
    return await run_beside(*words, "--dsn", place.dsn, *brokers)


async def acts_of(place: Place, who: str, sensors: list[str]) -> None:
    """An operator acknowledges, shelves, marks as false, and writes a note."""
    actions = AlarmActionStore(place.dsn, Definitions(), who=who, whence="console-1")
    await actions.ack_now(sensors[0], "limit")
    await actions.shelve(sensors[1], "limit", 36_000, "noisy transmitter")
    await actions.mark_false(sensors[2], "limit", "steam")
    await actions.close()
    async with Handovers(place.dsn, who=who, whence="console-1") as handovers:
        await handovers.note("pump 3 runs hot")
        await handovers.give()


async def assert_nothing_wrong(place: Place, records: int) -> None:
    found = await audit(place.kafka, place.dsn, place.options(), AuditOptions())
    assert found.findings == []
    assert found.records == found.readings + found.rejects == records
    assert found.states == 8
    assert [
        row for unit in ("minute", "hour") for row in await query(place, ROLLUPS_THAT_DIFFER.format(unit=unit))
    ] == []


async def test_a_restored_plant_reads_on_from_the_backup(site: Place, empty_database: str, tmp_path: Path) -> None:
    file = tmp_path / "plant.backup"
    readings = series(sensors=8, length=400)
    first, rest = [*readings[:1600], *BAD], [*readings[1600:1800], *BAD, *readings[1800:]]
    await publish(site, first, 0, 8)
    await work(site)
    await acts_of(site, "alice", ["temp-000", "temp-001", "temp-002"])
    before = {sql: await query(site, sql) for sql in (ACTS, NOTES, "SELECT given.who, report FROM handovers given")}
    at_backup = await query(site, EPOCHS)

    taken = await command(site, "backup", str(file))
    assert taken.returncode == 0, taken.stderr
    assert re.search(r"schema version \d+, as of 20", taken.stdout)
    assert f"{site.settings.sensor_topic} is read by {site.settings.group} up to" in taken.stdout
    assert file.stat().st_mode & 0o077 == 0
    assert os.listdir(tmp_path) == [file.name]  # noqa: PTH208 - a coroutine may not use pathlib here
    again = await command(site, "backup", str(file))
    assert (again.returncode, "exists" in again.stderr) == (4, True)

    await publish(site, rest, 202, 8)
    await work(site)
    await acts_of(site, "bob", ["temp-003", "temp-004", "temp-005"])

    refused = await command(site, "restore", str(file))
    assert (refused.returncode, "--replace" in refused.stderr) == (8, True)
    restored = await command(site, "restore", "--replace", str(file))
    assert restored.returncode == 0, restored.stderr
    assert "lost: 5 acts of operators" in restored.stderr
    waiting = re.findall(r"/\d+: (\d+) records wait to be read", restored.stdout)
    assert sum(map(int, waiting)) == len(rest)
    # What operators did before the backup is there, and nothing of what came after.
    assert {sql: await query(site, sql) for sql in before} == before
    now = await query(site, EPOCHS)
    assert all(epoch > old + 1_000_000 for (_, epoch), (_, old) in zip(now, at_backup, strict=True))
    assert await query(site, f"SELECT to_regnamespace('{ASIDE}')::text") == [(None,)]
    async with connection(site) as opened:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="audit is only added to"):
            await opened.execute("DELETE FROM audit")
    rights = "SELECT has_table_privilege('controlroom_operator', 'audit', 'SELECT')"
    assert await query(site, rights) == [(True,)]

    await assert_nothing_wrong(site, len(first))
    await work(site)
    await assert_nothing_wrong(site, len(first) + len(rest))
    assert {sql: await query(site, sql) for sql in before} == before
    shelved = await query(
        site, "SELECT doc->>'shelf' IS NOT NULL FROM alarms WHERE sensor_id = 'temp-001' AND kind = 'limit'"
    )
    assert shelved == [(True,)]

    # Into a database in which nothing is: no schema is needed there, and nothing need be replaced.
    other = replace(site, dsn=empty_database)
    restored = await command(other, "restore", str(file))
    assert restored.returncode == 0, restored.stderr
    assert await query(other, ACTS) == before[ACTS]
    await work(other)
    await assert_nothing_wrong(other, len(first) + len(rest))


async def test_what_a_restore_refuses_and_what_it_leaves_as_it_was(dsn: str, tmp_path: Path) -> None:
    file, text, cut = tmp_path / "plant.backup", tmp_path / "text", tmp_path / "cut"
    text.write_text("no backup")

    async def restore(path: Path, *options: str) -> CompletedProcess[str]:
        return await run_beside("restore", str(path), *options, "--dsn", dsn)

    async with begun(dsn) as store:
        await store.commit(batch(0, 3, signals=[raised(1)], sensors={"temp-1": facts()}))
        taken = await run_beside("backup", str(file), "--dsn", dsn)
        assert taken.returncode == 0, taken.stderr
        await store.commit(batch(3, 3))
        # A worker is connected: it would go on with what is no longer there.
        busy = await restore(file, "--replace")
        assert (busy.returncode, "a readings/0" in busy.stderr, "stop them" in busy.stderr) == (8, True, True)
        await store.close()

        cut.write_bytes(file.read_bytes()[:-3000])
        for path, says in (
            (text, "is no backup of a control room"),
            (tmp_path / "none", "is not there"),
            (cut, "pg_restore failed"),
        ):
            failed = await restore(path, "--replace")
            assert (failed.returncode in (1, 4), says in failed.stderr) == (True, True), failed.stderr
            assert await _one(dsn, "SELECT count(*) FROM readings") == 6

        # A backup of a newer version is put back out again.
        await _one(dsn, "INSERT INTO schema_migrations VALUES (9999, 'later', '') RETURNING 1")
        newer = tmp_path / "newer"
        assert (await run_beside("backup", str(newer), "--dsn", dsn)).returncode == 0
        await _one(dsn, "DELETE FROM schema_migrations WHERE version = 9999 RETURNING 1")
        failed = await restore(newer, "--replace")
        assert (failed.returncode, "schema is version 9999" in failed.stderr) == (4, True), failed.stderr
        assert await _one(dsn, "SELECT count(*) FROM readings") == 6
        assert await _one(dsn, "SELECT to_regnamespace($1)::text", ASIDE) is None

        # One that is killed in the middle has changed nothing, and one that is killed at its end is done once more.
        opened = await asyncpg.connect(dsn)
        await _set_aside(opened, "public")
        refused = await restore(file)
        assert (refused.returncode, "--replace" in refused.stderr) == (8, True), refused.stderr
        assert await _one(dsn, "SELECT count(*) FROM readings") == 6
        await opened.execute(f"CREATE SCHEMA {ASIDE}; CREATE TABLE {ASIDE}.audit (id bigint)")
        await opened.close()
        refused = await restore(file)
        assert (refused.returncode, "--replace" in refused.stderr) == (8, True), refused.stderr

        # A worker that was stopped meanwhile, and goes on where it was, writes nothing.
        assert (await restore(file, "--replace")).returncode == 0
        assert await _one(dsn, "SELECT to_regnamespace($1)::text", ASIDE) is None
        with pytest.raises(Fenced):
            await store.commit(batch(6, 3))
        assert await _one(dsn, "SELECT count(*) FROM readings") == 3


async def test_topics_that_the_restored_database_does_not_fit(site: Place, tmp_path: Path) -> None:
    topic, file = site.settings.sensor_topic, tmp_path / "plant.backup"
    await publish(site, series(sensors=30, length=30), 0, 30)
    await work(site)
    marks = dict(await query(site, "SELECT part, next_offset FROM watermark"))
    async with connection(site) as opened:
        await opened.execute("UPDATE watermark SET next_offset = next_offset - 5 WHERE part = 0")
        await opened.execute("UPDATE watermark SET next_offset = next_offset + 5 WHERE part = 1")
        await opened.execute("UPDATE watermark SET tail_hash = 'another' WHERE part = 2")
        await opened.execute(
            "INSERT INTO watermark (grp, topic, part, next_offset, epoch, owner, state_offset) "
            "VALUES ('g', 'no-such-topic', 0, 7, 1, 'o', 7)"
        )
    assert (await command(site, "backup", str(file))).returncode == 0
    admin = AIOKafkaAdminClient(bootstrap_servers=site.endpoints.brokers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(marks[0] - 2)})
    finally:
        await admin.close()
    restored = await command(site, "restore", "--replace", str(file))
    assert restored.returncode == 0, restored.stderr
    told = restored.stderr.splitlines()
    assert any(line.startswith(f"{topic}/0 lacks 3 records after the watermark (retention)") for line in told)
    assert any(line.startswith(f"{topic}/1 ends at {marks[1]}, before the watermark {marks[1] + 5}") for line in told)
    assert any(line.startswith(f"{topic}/2 has another record before the watermark {marks[2]}") for line in told)
    assert any(line.startswith("no-such-topic/0 is not there") for line in told)
    away = await run_beside("restore", "--replace", str(file), "--dsn", site.dsn, "--brokers", "127.0.0.1:1")
    assert (away.returncode, "the topics are not compared" in away.stderr) == (0, True)


async def _one(dsn: str, sql: str, *arguments: object) -> object:
    opened = await asyncpg.connect(dsn)
    try:
        return await opened.fetchval(sql, *arguments)
    finally:
        await opened.close()
