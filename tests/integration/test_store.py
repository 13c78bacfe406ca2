"""Effectively once, on a real PostgreSQL: what is compared and set, what fences, what an unknown outcome was."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from controlroom.adapters.postgres import session as session_module
from controlroom.adapters.postgres.outbox import Outbox
from controlroom.adapters.postgres.store import PartitionStore
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.events import Detected, Returned, TimePassed
from controlroom.core.alarms.model import Severity
from controlroom.core.records import Batch, Reject, SensorFacts, Signal, Source
from controlroom.errors import Fenced
from controlroom.wire import Location

AT = 1_770_000_000.0
NOW = datetime.fromtimestamp(AT, UTC)


@pytest.fixture(params=["18", "15"])
def dsn(request: pytest.FixtureRequest) -> str:
    """The same tests on the plant's PostgreSQL and on 15, the oldest that the schema promises to work on."""
    return request.getfixturevalue("database" if request.param == "18" else "pg15_dsn")


def make_store(dsn: str, owner: str = "a") -> PartitionStore:
    return PartitionStore(dsn, group="g", topic="readings", partition=0, owner=owner, definitions=Definitions())


def facts(sensor_id: str = "temp-1") -> SensorFacts:
    return SensorFacts(sensor_id, "temperature", "°C", Location("hall", "press", "zone"), 35.0, 40.0, True)


def batch(first: int, count: int, **fields: Any) -> Batch:
    rows = [(first + i, AT, AT, "temp-1", 20.0 + i, 1.0, first + i + 1) for i in range(count)]
    return Batch(first, first + count, records=count, readings=rows, **fields)


def raised(offset: int, severity: Severity = Severity.WARNING) -> Signal:
    event = Detected(at=AT + offset, severity=severity, value=36.0, limit=35.0, message="high", detector="limit")
    return Signal(facts(), "limit", event, Source("readings", 0, offset))


async def query(dsn: str, sql: str, *args: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(sql, *args)
    finally:
        await connection.close()


@asynccontextmanager
async def begun(dsn: str, owner: str = "a") -> AsyncIterator[PartitionStore]:
    store = make_store(dsn, owner)
    try:
        claim = await store.claim()
        if claim.next_offset is None:
            assert await store.begin(0)
        yield store
    finally:
        await store.close()


async def test_a_batch_is_written_as_a_whole(dsn: str) -> None:
    async with begun(dsn) as store:
        full = batch(
            0, 3, signals=[raised(1)], sensors={"temp-1": facts()}, states={"temp-1": b"learned"},
            rejects=[Reject(2, NOW, "malformed", "a\0b", b"temp-1", b"\0raw", 4, b"hash")],
        )  # fmt: skip
        committed = await store.commit(full)
        assert [event.event for event in committed.events] == ["raised"]
        assert [dict(row) for row in await query(dsn, "SELECT off, value FROM readings ORDER BY off")] == [
            {"off": 0, "value": 20.0},
            {"off": 1, "value": 21.0},
            {"off": 2, "value": 22.0},
        ]
        (alarm,) = await query(dsn, "SELECT sensor_id, kind, state, live FROM alarms")
        assert tuple(alarm) == ("temp-1", "limit", "UNACK", True)
        (event,) = await query(dsn, "SELECT event_id FROM alarm_events")
        assert event["event_id"] == committed.events[0].event_id
        (letter,) = await query(dsn, "SELECT id, reject_off FROM outbox WHERE reject_off IS NOT NULL")
        assert [(letter["id"], letter["reject_off"])] == [(sent.outbox_id, 2) for sent in committed.dead_letters]
        (outbox,) = await query(dsn, "SELECT id, key FROM outbox WHERE reject_off IS NULL")
        assert (outbox["id"], outbox["key"]) == (committed.outbox_ids[0], "temp-1")
        (reject,) = await query(dsn, "SELECT reason, detail, raw FROM rejects")
        assert tuple(reject) == ("malformed", "a␀b", b"\0raw")
        (mark,) = await query(dsn, "SELECT next_offset, state_offset FROM watermark")
        assert tuple(mark) == (3, 3)


async def test_a_new_owner_finds_what_the_old_one_left(dsn: str) -> None:
    async with begun(dsn) as store:
        await store.commit(batch(0, 2, states={"temp-1": b"learned"}))
        signals = [raised(2), Signal(facts(), "limit", Returned(at=AT + 3), Source("readings", 0, 3))]
        await store.commit(batch(2, 2, signals=signals))
    async with begun(dsn, "b") as other:
        claim = await other.claim()
        assert (claim.next_offset, claim.state_offset, claim.states) == (4, 2, {"temp-1": b"learned"})
        assert claim.deadlines == {"temp-1": {"limit": AT + 33}}
    outbox = Outbox(dsn, "b")
    unsent = await outbox.events("readings", [0, 1], (), 10)
    assert [entry.key for entry in unsent] == [b"temp-1", b"temp-1"]
    assert await outbox.events("readings", [0], [unsent[0].outbox_id], 10) == unsent[1:]
    assert await outbox.events("readings", [0], (), 1) == unsent[:1]
    assert await outbox.events("readings", [1], (), 10) == []
    await outbox.close()


async def test_a_zombie_is_fenced_and_writes_nothing(dsn: str) -> None:
    async with begun(dsn, "zombie") as zombie:
        await zombie.commit(batch(0, 2))
        async with begun(dsn, "successor") as successor:
            with pytest.raises(Fenced):
                await zombie.commit(batch(2, 2))
            await successor.commit(batch(2, 1))
            with pytest.raises(Fenced):
                await zombie.commit(batch(2, 2))
    assert [row["off"] for row in await query(dsn, "SELECT off FROM readings ORDER BY off")] == [0, 1, 2]


async def test_a_claim_waits_for_an_open_transaction_of_the_old_owner(dsn: str) -> None:
    async with begun(dsn, "old") as old:
        await old.commit(batch(0, 1))
        holder = await asyncpg.connect(dsn)
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("UPDATE watermark SET next_offset = 2, commits = commits + 1")
        successor = make_store(dsn, "new")
        claiming = asyncio.create_task(successor.claim())
        while not (await query(dsn, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")):
            assert not claiming.done()
        await transaction.commit()
        await holder.close()
        assert (await claiming).next_offset == 2
        await successor.close()


class CutAfterCommit:
    """A connection whose first transaction is committed, and whose reply is then lost."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.cuts = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._connection.transaction():
            yield
        if self.cuts:
            self.cuts -= 1
            self._connection.terminate()
            raise ConnectionResetError("the reply never came")


@pytest.mark.parametrize("count", [2, 0], ids=["with records", "without records"])
async def test_a_lost_reply_to_a_commit_is_resolved_and_not_repeated(
    dsn: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(dsn) as store:
        real = session_module.connect
        monkeypatch.setattr(session_module, "connect", lambda dsn, *, name: _cut(real, dsn, name))
        store._session.drop()
        committed = await store.commit(batch(0, count, signals=[raised(0)]))
        monkeypatch.setattr(session_module, "connect", real)
        assert [event.event for event in committed.events] == ["raised"]
        assert len(await query(dsn, "SELECT 1 FROM readings")) == count
        assert len(await query(dsn, "SELECT 1 FROM alarm_events")) == 1
        await store.commit(batch(count, 1))
        assert len(await query(dsn, "SELECT 1 FROM readings")) == count + 1


_cut_once: list[CutAfterCommit] = []


async def _cut(real: Any, dsn: str, name: str) -> Any:
    connection = await real(dsn, name=name)
    if _cut_once:
        _cut_once.clear()
        return connection
    _cut_once.append(CutAfterCommit(connection))
    return _cut_once[0]


async def test_killed_backends_delay_a_commit_and_nothing_else(dsn: str) -> None:
    store = make_store(dsn)
    await store.claim()
    await store.begin(0)
    for turn in range(5):
        await query(dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                         "AND datname = current_database()")  # fmt: skip
        await store.commit(batch(turn, 1))
    await store.close()
    assert [row["off"] for row in await query(dsn, "SELECT off FROM readings ORDER BY off")] == [0, 1, 2, 3, 4]


async def test_an_off_delay_ends_by_the_sensors_own_time(dsn: str) -> None:
    async with begun(dsn) as store:
        back = Signal(facts(), "limit", Returned(at=AT + 1), Source("readings", 0, 1))
        committed = await store.commit(batch(0, 2, signals=[raised(0), back]))
        assert committed.deadlines == {"temp-1": {"limit": AT + 31}}
        late = Signal(facts(), "limit", TimePassed(at=AT + 40), Source("readings", 0, 2))
        committed = await store.commit(batch(2, 1, signals=[late]))
        assert [(event.event, event.timestamp.timestamp()) for event in committed.events] == [("returned", AT + 31)]
        assert committed.deadlines == {"temp-1": {}}


async def test_a_gap_is_kept_as_a_fact(dsn: str) -> None:
    async with begun(dsn) as store:
        await store.commit(batch(0, 2))
        told = await store.record_gap(2, 10, "retention")
        assert {(event.sensor_id, event.kind) for event in told.events} == {("partition:0", "gap")}
        assert [event.event for event in told.events if event.event != "clearing"] == ["raised", "returned"]
        await store.commit(batch(10, 1))
    (gap,) = await query(dsn, "SELECT from_offset, to_offset, reason FROM gaps")
    assert tuple(gap) == (2, 10, "retention")


async def test_a_value_that_cannot_be_stored_ends_the_commit_instead_of_repeating_it_for_ever(dsn: str) -> None:
    async with begun(dsn) as store:
        bad = Batch(0, 1, records=1, readings=[(0, AT, AT, 5, 1.0, 1.0, 1)])  # type: ignore[list-item]
        with pytest.raises(AttributeError, match="encode"):
            await store.commit(bad)


async def test_a_batch_leaves_nothing_behind_for_the_collector(dsn: str) -> None:
    async with begun(dsn) as store:
        await store.commit(batch(0, 2))
        gc.collect()
        gc.disable()
        try:
            await store.commit(batch(2, 500))
            gc.collect()
            gc.set_debug(gc.DEBUG_SAVEALL)
            await store.commit(batch(502, 500))
            gc.collect()
            held = [thing for thing in gc.garbage if isinstance(thing, type)]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert held == []
