"""Operators' actions on a real PostgreSQL: done once, audited, refused in clear words, and by whom they may be done."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from controlroom.adapters.console import learning as learning_control
from controlroom.adapters.console.alarm_actions import BackgroundAlarmActions
from controlroom.adapters.console.history import BackgroundHistory
from controlroom.adapters.console.learning import LearningControl
from controlroom.adapters.postgres import alarm_actions
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.adapters.postgres.learning import LearningStore
from controlroom.core.alarms.definitions import Definitions, parse_definitions
from controlroom.core.alarms.model import AckState, Label, Severity
from controlroom.core.archive import LearningFacts
from controlroom.core.learning import LearningAction
from controlroom.core.plant_state import PlantState
from controlroom.errors import ActionRefused, DatabaseUnreachable, NotAllowed
from tests.integration.test_store import batch, begun, facts, query, raised

KEY = ("temp-1", "limit")


@pytest.fixture(params=["18", "15"])
def dsn(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("database" if request.param == "18" else "pg15_dsn")


@asynccontextmanager
async def operator(
    dsn: str, who: str = "alice", definitions: Definitions | None = None
) -> AsyncIterator[AlarmActionStore]:
    actions = AlarmActionStore(dsn, definitions or Definitions(), who=who, whence="console-1")
    try:
        yield actions
    finally:
        await actions.close()


async def raise_alarm(dsn: str) -> tuple[str, int]:
    """An alarm that stands; its occurrence and version."""
    async with begun(dsn) as store:
        committed = await store.commit(batch(0, 3, signals=[raised(1)], sensors={"temp-1": facts()}))
    return committed.events[-1].occurrence_id, committed.events[-1].version


async def audit(dsn: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await query(dsn, "SELECT * FROM audit ORDER BY id")]


async def test_an_ack_is_written_with_its_event_its_outbox_entry_and_its_audit(dsn: str) -> None:
    occurrence, version = await raise_alarm(dsn)
    async with operator(dsn) as alice:
        alarm = await alice.ack(*KEY, occurrence, version, "seen\0")
    assert (alarm.ack, alarm.acked_by, alarm.label) == (AckState.ACKED, "alice", Label.ACKED)
    (stored,) = await query(dsn, "SELECT state, version FROM alarms")
    assert tuple(stored) == ("ACKED", alarm.version)
    (event,) = await query(dsn, "SELECT doc FROM alarm_events WHERE event = 'acked'")
    told = json.loads(event["doc"])
    assert (told["actor"], told["message"], told["sensor_type"]) == ("alice", "seen␀", "temperature")
    (entry,) = await query(dsn, "SELECT topic, part, key FROM outbox WHERE posted")
    assert tuple(entry) == ("readings", 0, "temp-1")
    (line,) = await audit(dsn)
    assert (line["who"], line["whence"], line["action"], line["refusal"]) == ("alice", "console-1", "Ack", "")
    assert (json.loads(line["before"])["ack"], json.loads(line["after"])["ack"]) == ("UNACK", "ACKED")
    assert line["db_role"] == "controlroom"


async def test_of_two_who_ack_together_one_wins_and_the_other_is_told_who(dsn: str) -> None:
    occurrence, version = await raise_alarm(dsn)
    async with operator(dsn) as alice, operator(dsn, "bob") as bob:
        outcomes = await asyncio.gather(
            alice.ack(*KEY, occurrence, version), bob.ack(*KEY, occurrence, version), return_exceptions=True
        )
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, ActionRefused)]
    (winner,) = [outcome.acked_by for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert f"already acked by {winner} at " in refused.message
    assert [bool(line["refusal"]) for line in await audit(dsn)] == [False, True]
    assert len(await query(dsn, "SELECT 1 FROM alarm_events WHERE event = 'acked'")) == 1


async def test_an_ack_of_an_old_screen_is_refused_when_severity_rose_since(dsn: str) -> None:
    occurrence, version = await raise_alarm(dsn)
    async with begun(dsn) as store:
        await store.claim()
        await store.commit(batch(3, 2, signals=[raised(4, Severity.CRITICAL)]))
    async with operator(dsn) as alice:
        with pytest.raises(ActionRefused, match="severity rose to critical"):
            await alice.ack(*KEY, occurrence, version)
        assert (await alice.ack_now(*KEY)).ack is AckState.ACKED


async def test_every_other_action_and_back(dsn: str) -> None:
    occurrence, _ = await raise_alarm(dsn)
    async with operator(dsn) as alice:
        shelved = await alice.shelve(*KEY, 600, "noisy transmitter")
        assert shelved.shelf is not None
        assert shelved.shelf.until - shelved.shelf.since == pytest.approx(600)
        (row,) = await query(dsn, "SELECT extract(epoch FROM wake_at)::float8 AS wake FROM alarms")
        assert row["wake"] == pytest.approx(shelved.shelf.warn_at, abs=1e-3)
        assert (await alice.unshelve(*KEY)).shelf is None
        assert (await query(dsn, "SELECT wake_at FROM alarms"))[0]["wake_at"] is None
        assert (await alice.out_of_service(*KEY, "valve replaced")).label is Label.OUT_OF_SERVICE
        with pytest.raises(ActionRefused, match="taken out of service by alice"):
            await alice.out_of_service(*KEY, "again")
        assert (await alice.return_to_service(*KEY)).label is Label.UNACK
        await alice.comment(*KEY, "checked on site")
        assert (await alice.mark_false(*KEY, "steam")).marked_false
        with pytest.raises(ActionRefused, match="nothing to reset"):
            await alice.reset(*KEY)
        with pytest.raises(ActionRefused, match="reason"):
            await alice.shelve(*KEY, 600, " ")
        with pytest.raises(ActionRefused, match="there is no alarm"):
            await alice.comment("temp-1", "spike", "?")
    done = [line["action"] for line in await audit(dsn) if not line["refusal"]]
    assert done == ["Shelve", "Unshelve", "OutOfService", "ReturnToService", "Comment", "MarkFalse"]
    assert occurrence


async def test_the_definitions_rule_how_long_a_shelve_may_be(dsn: str) -> None:
    await raise_alarm(dsn)
    strict = parse_definitions("[defaults]\nmax_shelve_s = 3600\n")
    async with operator(dsn, definitions=strict) as alice:
        with pytest.raises(ActionRefused, match="at most 1 h"):
            await alice.shelve(*KEY, 7200, "too long")


async def test_audit_and_journal_are_only_added_to(dsn: str) -> None:
    await raise_alarm(dsn)
    async with operator(dsn) as alice:
        await alice.ack_now(*KEY)
    for table in ("audit", "alarm_events"):
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE", f"UPDATE {table} SET kind = 'x'"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only added to"):
                await query(dsn, statement)


@pytest.fixture
def login(dsn: str) -> Iterator[Any]:
    """`login("viewer")`: the DSN of a new login that has that role."""
    made: list[str] = []

    async def make(role: str) -> str:
        name = f"test_{role}_{secrets.token_hex(3)}"
        await query(dsn, f"CREATE ROLE {name} LOGIN PASSWORD 'pw' IN ROLE controlroom_{role}")
        made.append(name)
        return re.sub(r"//[^@]*@", f"//{name}:pw@", dsn)

    yield make
    for name in made:
        asyncio.run(query(dsn, f"DROP ROLE {name}"))


async def test_a_viewer_is_refused_by_the_database_and_told_so(dsn: str, login: Any) -> None:
    occurrence, version = await raise_alarm(dsn)
    eve_dsn = await login("viewer")
    async with operator(eve_dsn, "eve") as eve:
        assert (await eve.read(*KEY)).occurrence_id == occurrence
        with pytest.raises(NotAllowed, match=r"login test_viewer_.* may look but not act"):
            await eve.ack(*KEY, occurrence, version)
        async with LearningStore(eve_dsn, who="eve", whence="here") as orders_of:
            with pytest.raises(NotAllowed, match="may look but not act"):
                await orders_of.order(["temp-1"], LearningAction.FREEZE)
    assert await audit(dsn) == []
    assert (await query(dsn, "SELECT state FROM alarms"))[0]["state"] == "UNACK"


async def test_an_operator_s_own_login_acts_and_cannot_forge_the_audit(dsn: str, login: Any) -> None:
    occurrence, version = await raise_alarm(dsn)
    own = await login("operator")
    async with operator(own) as alice:
        await alice.ack(*KEY, occurrence, version)
        await alice.shelve(*KEY, 60, "test")
    async with LearningStore(own, who="alice", whence="here") as orders_of:
        orders = await orders_of.order(["temp-1"], LearningAction.RESET, reason="new probe")
        assert await orders_of.applied("none", orders) == 0
    assert [line["action"] for line in await audit(dsn)][-1] == "ResetLearning"
    assert {line["db_role"][:14] for line in await audit(dsn)} == {"test_operator_"}
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await query(
            own,
            "INSERT INTO audit (action_id, who, whence, action, sensor_id, kind, request, refusal, db_role)"
            " VALUES (gen_random_uuid(), 'x', '', '', '', '', '{}', '', 'someone')",
        )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await query(own, "DELETE FROM alarms")


class CutAfterCommit:
    """A connection whose first transaction is committed, and whose reply is then lost."""

    cut = False

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._connection.transaction():
            yield
        if not CutAfterCommit.cut:
            CutAfterCommit.cut = True
            raise ConnectionResetError("cut")


async def test_an_action_whose_reply_is_lost_is_done_once(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await raise_alarm(dsn)
    real = alarm_actions.Session.connection

    async def cutting(self: Any) -> Any:
        return CutAfterCommit(await real(self))

    monkeypatch.setattr(alarm_actions.Session, "connection", cutting)
    CutAfterCommit.cut = False
    async with operator(dsn) as alice:
        await alice.comment(*KEY, "once")
    assert CutAfterCommit.cut
    assert len(await audit(dsn)) == 1
    assert len(await query(dsn, "SELECT 1 FROM alarm_events WHERE event = 'commented'")) == 1


async def test_what_the_detectors_are_told_waits_for_a_worker_and_is_told_so(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await raise_alarm(dsn)
    state = PlantState()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(learning_control, "PATIENCE_S", 0.5)
    orders_of = LearningControl(LearningStore(dsn, who="alice", whence="here"), "nobody", loop=loop, state=state)
    history = BackgroundHistory(dsn, Definitions(), loop=loop, state=state, group="nobody")
    orders_of.freeze(["temp-1"])
    orders_of.freeze(["temp-1", "temp-9"])
    await until(lambda: len(state.notices) == 2)
    history.learning("temp-1")
    await until(lambda: state.archive.learning.get("temp-1") is not None)
    answer = state.archive.learning.get("temp-1")
    assert answer is not None
    assert answer.value == LearningFacts(waiting=("freeze",))
    # A group that has carried it out.
    await query(
        dsn, "INSERT INTO learning_applied (grp, topic, part, order_id, off) SELECT 'g', 't', 0, id, 5 FROM audit"
    )
    other = BackgroundHistory(dsn, Definitions(), loop=loop, state=state, group="g")
    other.learning("temp-1")
    await until(lambda: (again := state.archive.learning.get("temp-1")) is not None and again is not answer)
    answer = state.archive.learning.get("temp-1")
    assert answer is not None
    assert answer.value is not None
    assert (answer.value.frozen_by, answer.value.frozen_at is not None, answer.value.waiting) == ("alice", True, ())
    for each in (orders_of, history, other):
        await each.close()
    assert {(notice.level, notice.text) for notice in state.notices} == {
        ("error", "no sensor 'temp-9' is known: it has not sent a reading yet"),
        ("warning", "temp-1: ordered; it is done when a worker runs that watches it"),
    }


async def test_without_a_database_the_operator_is_told_that_nothing_is_sure() -> None:
    async with operator("postgresql://nobody@127.0.0.1:1/none") as alice:
        with pytest.raises(DatabaseUnreachable, match="may not have been done"):
            await alice.comment(*KEY, "hello")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_screen_s_actions_return_at_once_and_their_outcome_is_a_notice(dsn: str) -> None:
    occurrence, version = await raise_alarm(dsn)
    state = PlantState()
    store = AlarmActionStore(dsn, Definitions(), who="alice", whence="console-1")
    orders_of = BackgroundAlarmActions(store, loop=asyncio.get_running_loop(), state=state)
    asks = threading.Thread(
        target=lambda: (orders_of.ack(*KEY, occurrence, version), orders_of.shelve(*KEY, 900, "noise"))
    )
    asks.start()
    await until(lambda: len(state.notices) == 2)
    orders_of.ack_page([(*KEY, occurrence, version)])
    await until(lambda: len(state.notices) == 4)
    await orders_of.close()
    asks.join()
    texts = [(notice.level, notice.text) for notice in state.notices]
    assert texts[:3] == [
        ("info", "temp-1 limit: acked"),
        ("info", "temp-1 limit: shelved for 15 min"),
        ("info", "acked 0 of 1"),
    ]
    assert texts[3][0] == "error"
    assert "already acked by alice" in texts[3][1]
