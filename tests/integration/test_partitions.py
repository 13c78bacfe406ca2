"""Day partitions on a real PostgreSQL: made ahead, dropped by retention, nothing lost in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from controlroom.adapters.postgres.copying import copy_readings
from controlroom.adapters.postgres.partitions import AHEAD_DAYS, PartitionKeeper, Retention
from controlroom.adapters.postgres.session import PASSING_ERRORS

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
INSERT_MINUTE = "INSERT INTO rollup_minute (sensor_id, bucket, count, bad) VALUES ('s', $1, 1, 0)"


@pytest.fixture(params=["18", "15"])
def dsn(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("database" if request.param == "18" else "pg15_dsn")


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(dsn, server_settings={"timezone": "UTC"})
    yield opened
    await opened.close()


@pytest.fixture
async def keeper(dsn: str) -> AsyncIterator[PartitionKeeper]:
    made = PartitionKeeper(dsn, "test", Retention(readings=7, minutes=30))
    yield made
    await made.close()


async def store(connection: asyncpg.Connection, *times: datetime) -> None:
    rows = [(i, at.timestamp(), at.timestamp(), "s", 1.0, 1.0, i) for i, at in enumerate(times)]
    await copy_readings(connection, "t", 0, rows)


async def places(connection: asyncpg.Connection, table: str) -> dict[str, int]:
    found = await connection.fetch(f"SELECT tableoid::regclass::text AS name, count(*) FROM {table} GROUP BY 1")
    return {row["name"]: row["count"] for row in found}


async def test_readings_on_both_sides_of_midnight_go_to_their_days(
    connection: asyncpg.Connection, keeper: PartitionKeeper
) -> None:
    done = await keeper.keep(MIDNIGHT - timedelta(hours=1))
    assert len(done.made) == 2 * (AHEAD_DAYS + 2)
    await store(connection, *(MIDNIGHT + timedelta(seconds=second) for second in (-1, 0, 1)))
    assert await places(connection, "readings") == {"readings_d20260301": 1, "readings_d20260302": 2}
    assert (await keeper.keep(MIDNIGHT - timedelta(hours=1))).made == []


async def test_a_day_that_is_made_late_takes_its_rows_out_of_the_default(
    connection: asyncpg.Connection, keeper: PartitionKeeper
) -> None:
    await store(connection, *(MIDNIGHT + timedelta(hours=hour) for hour in range(-30, 30)))
    await connection.execute(INSERT_MINUTE, MIDNIGHT)
    assert await places(connection, "readings") == {"readings_default": 60}
    await keeper.keep(MIDNIGHT)
    found = await places(connection, "readings")
    assert found == {"readings_default": 6, "readings_d20260301": 24, "readings_d20260302": 24, "readings_d20260303": 6}
    assert await places(connection, "rollup_minute") == {"rollup_minute_d20260302": 1}
    plan = await connection.fetch("EXPLAIN SELECT * FROM readings WHERE log_ts >= $1", MIDNIGHT + timedelta(days=1))
    assert not any("d20260301" in row[0] for row in plan)


async def test_retention_drops_whole_days_and_old_rows_of_the_default(
    connection: asyncpg.Connection, keeper: PartitionKeeper
) -> None:
    await keeper.keep(MIDNIGHT)
    await store(connection, MIDNIGHT, MIDNIGHT + timedelta(days=2), MIDNIGHT - timedelta(days=300))
    await connection.execute(INSERT_MINUTE, MIDNIGHT)
    done = await keeper.keep(MIDNIGHT + timedelta(days=7))
    assert done.dropped == ["readings_d20260301"]
    done = await keeper.keep(MIDNIGHT + timedelta(days=8))
    assert done.dropped == ["readings_d20260302"]
    assert await places(connection, "readings") == {"readings_d20260304": 1}
    assert await places(connection, "rollup_minute") == {"rollup_minute_d20260302": 1}


async def test_roll_ups_by_the_second_have_days_of_their_own_where_they_are_wanted(
    connection: asyncpg.Connection, dsn: str
) -> None:
    keeper = PartitionKeeper(dsn, "test", Retention(readings=7, minutes=30, seconds=1))
    insert = INSERT_MINUTE.replace("rollup_minute", "rollup_second")
    await keeper.keep(MIDNIGHT)
    for second in (-1, 0, 1):
        await connection.execute(insert, MIDNIGHT + timedelta(seconds=second))
    assert await places(connection, "rollup_second") == {"rollup_second_d20260301": 1, "rollup_second_d20260302": 2}
    await keeper.keep(MIDNIGHT + timedelta(days=1))
    await keeper.close()
    assert await places(connection, "rollup_second") == {"rollup_second_d20260302": 2}


async def test_old_rejects_go_but_not_before_they_are_with_the_dead_letters(
    connection: asyncpg.Connection, keeper: PartitionKeeper
) -> None:
    old, new = MIDNIGHT - timedelta(days=31), MIDNIGHT - timedelta(days=29)
    for off, at in enumerate((old, old, new)):
        await connection.execute(
            "INSERT INTO rejects VALUES ('t', 0, $1, $2, 'malformed', '', NULL, NULL, 0, '')", off, at
        )
    await connection.execute(
        "INSERT INTO outbox (topic, part, key, event_id, payload, reject_off) VALUES ('t', 0, '', '', '', 1)"
    )
    await keeper.keep(MIDNIGHT)
    assert [row["off"] for row in await connection.fetch("SELECT off FROM rejects ORDER BY off")] == [1, 2]


async def test_only_one_does_it_at_a_time_and_writers_go_on(
    dsn: str, connection: asyncpg.Connection, keeper: PartitionKeeper
) -> None:
    other = PartitionKeeper(dsn, "other", Retention())

    async def write() -> None:
        for hour in range(48):
            try:
                await store(connection, MIDNIGHT + timedelta(hours=hour))
            except PASSING_ERRORS:
                # On its way to the default partition while its day was attached: written again, as a worker does.
                await store(connection, MIDNIGHT + timedelta(hours=hour))

    _, *results = await asyncio.gather(write(), keeper.keep(MIDNIGHT), other.keep(MIDNIGHT))
    await other.close()
    assert sum(len(done.made) for done in results) == 2 * (AHEAD_DAYS + 2)
    assert sum((await places(connection, "readings")).values()) == 48


OLD, YOUNG = "old", "young"
LIVE = "INSERT INTO alarms VALUES ('s', 'limit', 'live', 1, 'UNACK', true, 'warning', $1, 't', 0, '{}')"


async def old_and_young(connection: asyncpg.Connection) -> None:
    """A row of each table from 40 days before MIDNIGHT, and one from that moment; and the journal of a live alarm."""
    for name, at in ((OLD, MIDNIGHT - timedelta(days=40)), (YOUNG, MIDNIGHT), ("live", MIDNIGHT - timedelta(days=40))):
        await connection.execute(
            "INSERT INTO alarm_events VALUES ($1, $1, 1, $2, 's', 'limit', 'raised', '', '', true, '{}', $2)", name, at
        )
    for at in (MIDNIGHT - timedelta(days=40), MIDNIGHT):
        await connection.execute(
            "INSERT INTO audit (action_id, at, who, whence, action, sensor_id, kind, request, refusal)"
            " VALUES (gen_random_uuid(), $1, '', '', '', '', '', '{}', '')",
            at,
        )
        await connection.execute(
            "INSERT INTO notifications (id, receiver, topic, occurrence_id, batch, due_at, doc, created_at, sent_at)"
            " VALUES (gen_random_uuid(), 'r', 'raised', '', '', $1, '{}', $1, $1)",
            at,
        )
    await connection.execute(LIVE, MIDNIGHT)


async def kept(connection: asyncpg.Connection) -> tuple[list[str], int, int]:
    events = await connection.fetch("SELECT event_id FROM alarm_events ORDER BY 1")
    audit = await connection.fetchval("SELECT count(*) FROM audit")
    return [row[0] for row in events], audit, await connection.fetchval("SELECT count(*) FROM notifications")


async def test_the_order_that_a_sensor_is_frozen_by_is_kept_for_as_long_as_it_is(
    connection: asyncpg.Connection, dsn: str
) -> None:
    async def order(sensor: str, *actions: str) -> None:
        for action in actions:
            await connection.execute(
                "INSERT INTO audit (action_id, at, who, whence, action, sensor_id, kind, request, refusal)"
                " VALUES (gen_random_uuid(), $1, '', '', $2, $3, '', '{}', '')",
                MIDNIGHT - timedelta(days=40),
                action,
                sensor,
            )

    await order("frozen", "ThawLearning", "FreezeLearning", "AcceptLevel")
    await order("thawed", "FreezeLearning", "ThawLearning")
    await order("reset", "FreezeLearning", "ResetLearning")
    short = PartitionKeeper(dsn, "test", Retention(audit=20))
    try:
        await short.keep(MIDNIGHT)
    finally:
        await short.close()
    rows = await connection.fetch("SELECT sensor_id, action FROM audit")
    assert [tuple(row) for row in rows] == [("frozen", "FreezeLearning")]


async def test_journal_and_audit_are_kept_for_good_unless_settings_say_otherwise(
    connection: asyncpg.Connection, keeper: PartitionKeeper, dsn: str
) -> None:
    await old_and_young(connection)
    assert (await keeper.keep(MIDNIGHT)).deleted == 1
    assert await kept(connection) == (["live", OLD, YOUNG], 2, 1)
    short = PartitionKeeper(dsn, "test", Retention(journal=30, audit=20))
    try:
        assert (await short.keep(MIDNIGHT)).deleted == 2
    finally:
        await short.close()
    assert await kept(connection) == (["live", YOUNG], 1, 1), "what stands keeps its journal, however old"
    for table in ("alarm_events", "audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only added to"):
            await connection.execute(f"DELETE FROM {table}")
