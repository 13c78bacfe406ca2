"""Upgrades on real servers: what a release left behind goes on, and a program that is too old stops with one line."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from unittest import mock

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from controlroom.adapters.fsck.audit import Audit, AuditOptions, audit
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres import schema
from controlroom.adapters.postgres.client_programs import ClientPrograms
from controlroom.adapters.postgres.migrate import known_migrations, migrate
from controlroom.config import Settings, load_settings
from controlroom.errors import ConfigError
from controlroom.local import Endpoints
from controlroom.local.postgres import binaries
from controlroom.wire import TopicSpec
from detectors.cheap import CheapBank
from detectors.profile import Profile
from tests.command import run_here
from tests.integration.test_detection import (
    Place,
    connection,
    count,
    detect_process,
    place,
    publish,
    query,
    series,
    work,
)

__all__ = ["place"]

RELEASES = Path(__file__).parents[1] / "releases"
RELEASED = sorted(path.name for path in RELEASES.iterdir())
#: A sensor's state that the cheap bank of 0.1.0 saved, after 600 readings with a mean of 20 and a deviation of 1.
CHEAP_OF_0_1_0 = (
    "c19a99cb4041800000000000cb4044000000000000cbfff0000000000000cbfff0000000000000cb3fe00000000000000000cbfff0000000000000"
    "cb404180000000000096cd0258cb4082b80000000000000000908014cb3f8f81f81f81f823cb4033e7b2e6e8a63bcb3ff10093136475b5cb4082b8"
    "0000000000cb4082b80000000000cb3ff0000000000000"
)


#: partition, key, value, milliseconds since the epoch
Record = tuple[int, str, str, int]


@dataclass(frozen=True)
class Release:
    """What a release left: its database, restored but not migrated, and its topic."""

    dsn: str
    settings: Settings
    records: list[Record]

    @property
    def kafka(self) -> KafkaConnection:
        return KafkaConnection.of(self.settings.brokers or "", self.settings)

    async def fetch(self, sql: str) -> list[tuple[object, ...]]:
        opened = await asyncpg.connect(self.dsn)
        try:
            return [tuple(row) for row in await opened.fetch(sql)]
        finally:
            await opened.close()

    async def work(self) -> None:
        options = worker_options(self.settings, until_idle=1.0, time_from_records=True)
        async with asyncio.timeout(90):
            await DetectionWorker(self.kafka, self.dsn, options).run(asyncio.Event())

    async def audited(self, options: AuditOptions) -> Audit:
        return await audit(self.kafka, self.dsn, worker_options(self.settings), options)

    async def publish(self, records: list[Record]) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.brokers, acks="all", linger_ms=10)
        await producer.start()
        try:
            for partition, key, value, at in records:
                await producer.send(
                    self.settings.sensor_topic, key=key.encode(), value=value.encode(), partition=partition,
                    timestamp_ms=at,
                )  # fmt: skip
            await producer.flush()
        finally:
            await producer.stop()


@pytest.fixture(params=RELEASED)
async def release(request: pytest.FixtureRequest, endpoints: Endpoints, database: str) -> AsyncIterator[Release]:
    directory = RELEASES / request.param
    # The names are in the database: one test at a time has them.
    topic, alerts = "release-readings", "release-alerts"
    names = [topic, alerts, f"{topic}.dlt"]
    await ensure_topics(endpoints.brokers, [TopicSpec(name, 3, {}) for name in names])
    opened = await asyncpg.connect(database)
    await opened.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await opened.close()
    await _restore_as_it_was(database, directory / "database.dump")
    settings = load_settings(
        brokers=endpoints.brokers, dsn=database, sensor_topic=topic, alerts_topic=alerts, group="release",
        readings_days=10_000, rollup_days=10_000,
    )  # fmt: skip
    lines = gzip.decompress((directory / "topic.jsonl.gz").read_bytes()).splitlines()
    left = Release(database, settings, [tuple(json.loads(line)) for line in lines])
    await left.publish(left.records)
    yield left
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.brokers)
    await admin.start()
    await admin.delete_topics(names)
    await admin.close()


async def _restore_as_it_was(dsn: str, dump: Path) -> None:
    programs = ClientPrograms(binaries(), 18)
    await programs.run("pg_restore", "--no-owner", "--exit-on-error", "--schema=public", str(dump), dsn=dsn)


KEPT = {
    table: f"SELECT count(*), md5(string_agg(md5(({columns})::text), '' ORDER BY md5(({columns})::text))) FROM {table}"
    for table, columns in {
        "readings": "topic, part, off, event_ts, sensor_id, value",
        "rejects": "topic, part, off, reason, raw",
        "rollup_minute": "sensor_id, bucket, count, mean, m2",
        "rollup_hour": "sensor_id, bucket, count, mean, m2",
        "sensors": "sensor_id, unit, machine_id",
        "alarms": "sensor_id, kind, occurrence_id, version, state, doc",
        "alarm_events": "event_id, at, doc",
        "audit": "id, who, action, sensor_id, request",
        "watermark": "grp, topic, part, next_offset, epoch",
        "detector_state": "grp, topic, part, sensor_id, state",
    }.items()
}


async def test_a_release_s_plant_goes_on(release: Release, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # A backup is taken before the upgrade, by the new program.
    taken = run_here("backup", str(tmp_path / "before"), "--dsn", release.dsn)
    assert taken.returncode == 0, taken.stderr
    with pytest.raises(ConfigError, match="run `controlroom setup`"):
        await schema.require_schema(release.dsn)

    # Migration by migration: none loses or changes a row of before.
    before = {table: await release.fetch(sql) for table, sql in KEPT.items()}
    assert all(rows[0][0] for rows in before.values()), before
    old = int(str((await release.fetch("SELECT max(version) FROM schema_migrations"))[0][0]))
    for migration in known_migrations()[old:]:
        assert await migrate(release.dsn, _files(tmp_path / str(migration.version), migration.version)) == [
            migration.version
        ]
        assert {table: await release.fetch(sql) for table, sql in KEPT.items()} == before, migration
    await schema.require_schema(release.dsn)
    offsets = AuditOptions(alarms=False, states=False)
    assert (await release.audited(offsets)).findings == []

    # The same sensors go on: nothing is lost or twice, what stands goes on, and what was not carried over is one line.
    good = [record for record in release.records if record[2].endswith("}")]
    later = [(part, key, _later(value, 200), at + 200_000) for part, key, value, at in good]
    await release.publish(later)
    with caplog.at_level(logging.INFO):
        await release.work()
    after = await release.audited(offsets)
    assert after.findings == []
    assert after.readings + after.rejects == len(release.records) + len(later)
    told = [record.getMessage() for record in caplog.records if "learned is lost" in record.getMessage()]
    parts = await release.fetch("SELECT part, count(*) FROM detector_state WHERE sensor_id <> '' GROUP BY 1 ORDER BY 1")
    assert sorted(told) == [
        f"release-readings/{part}: of {sensors} detector states {sensors} are of an older version: "
        "what these sensors' detectors have learned is lost, and they learn it again"
        for part, sensors in parts
    ]
    assert await release.fetch("SELECT action, sensor_id FROM audit ORDER BY id") == [
        ("Ack", "temp-000"), ("Shelve", "temp-001"), ("Comment", "temp-002"),
    ]  # fmt: skip
    # A second start finds states of its own version, and says nothing.
    caplog.clear()
    await release.work()
    assert "learned is lost" not in caplog.text

    # The backup of before is migrated where it is restored.
    restored = run_here("restore", "--replace", str(tmp_path / "before"), "--dsn", release.dsn)
    assert restored.returncode == 0, restored.stderr
    assert f"schema version {old}, migrated to {len(known_migrations())}" in restored.stdout
    await release.work()
    assert (await release.audited(offsets)).findings == []
    assert (await release.fetch("SELECT count(*) FROM readings"))[0][0] == after.readings


def test_states_of_the_cheap_bank_are_carried_over() -> None:
    bank = CheapBank.load(Profile(warning_high=35.0, critical_high=40.0), bytes.fromhex(CHEAP_OF_0_1_0))
    assert [finding.kind for finding in bank.observe(601, 600.0, 600.0, 33.0)] == ["spike"]


async def test_an_older_worker_stops_at_a_newer_schema(place: Place, tmp_path: Path) -> None:
    known, log = len(known_migrations()), tmp_path / "log"
    newer = _files(tmp_path / "files", known)
    (newer / f"{known + 1:04}_later.sql").write_text("ALTER TABLE readings ADD COLUMN later integer;")
    records = series(sensors=10, length=300)
    await publish(place, records[:1000])
    workers = [detect_process(place, log=log) for _ in range(2)]
    try:
        async with asyncio.timeout(60):
            while await count(place) < 1000:
                await asyncio.sleep(0.05)
        # Both are at work, one may have nothing to do: the schema is migrated under their hands.
        feeding = asyncio.create_task(publish(place, records[1000:2000]))
        assert await migrate(place.dsn, newer) == [known + 1]
        for worker in workers:
            await asyncio.to_thread(worker.communicate, timeout=30)
            assert worker.returncode == ConfigError.exit_code, log.read_text()
        await feeding
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    line = f"controlroom: the database's schema is version {known + 1}, this program knows {known}: "
    assert log.read_text().count(line) == 2
    assert "Traceback" not in log.read_text()
    # One that is started now does not begin.
    late = detect_process(place, log=tmp_path / "late")
    await asyncio.to_thread(late.communicate, timeout=30)
    assert late.returncode == ConfigError.exit_code
    assert (tmp_path / "late").read_text().startswith(line)
    assert (tmp_path / "late").read_text().count("\n") == 1

    # The newer program goes on where the older ones ended: their last batch is there as a whole, or not at all.
    await publish(place, records[2000:])
    with _program_that_knows(known + 1):
        await work(place)
    found = await audit(place.kafka, place.dsn, place.options(), AuditOptions(alarms=False, states=False))
    assert (found.findings, found.readings) == ([], len(records))


async def test_states_of_a_newer_version_are_not_touched(place: Place, tmp_path: Path) -> None:
    await publish(place, series(sensors=3, length=50))
    await work(place)
    async with connection(place) as opened:
        await opened.execute("UPDATE detector_state SET state = '\\xC0'::bytea || state WHERE sensor_id <> ''")
    states = await query(place, "SELECT sensor_id, state FROM detector_state ORDER BY 1")
    await publish(place, series(sensors=3, length=60)[150:])
    worker = detect_process(place, log=tmp_path / "log")
    await asyncio.to_thread(worker.communicate, timeout=60)
    assert worker.returncode == ConfigError.exit_code
    assert re.search(
        r"^controlroom: \S+: detector states are of version 192", (tmp_path / "log").read_text(), re.MULTILINE
    )
    assert await query(place, "SELECT sensor_id, state FROM detector_state ORDER BY 1") == states
    assert await count(place) == 150


def _files(directory: Path, newest: int) -> Path:
    """The program's migrations up to one."""
    directory.mkdir()
    with resources.as_file(resources.files("controlroom.adapters.postgres").joinpath("migrations")) as own:
        for path in own.glob("*.sql"):
            if int(path.name[:4]) <= newest:
                shutil.copy(path, directory)
    return directory


def _later(value: str, seconds: int) -> str:
    """A reading, so much later and with a number that goes on."""
    doc = json.loads(value)
    doc["timestamp"] = (datetime.fromisoformat(doc["timestamp"]) + timedelta(seconds=seconds)).isoformat()
    doc["metadata"]["reading_count"] += seconds
    return json.dumps(doc)


@contextmanager
def _program_that_knows(version: int) -> Iterator[None]:
    """This process is of a version of the program that knows the schema up to there."""
    with mock.patch.object(schema, "_known", return_value=(None,) * version):
        yield
