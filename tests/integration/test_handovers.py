"""Shift handover on a real PostgreSQL: what it tells, that nothing falls between two shifts, and who may do it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.adapters.postgres.handovers import Handovers
from controlroom.core.alarms.definitions import Definitions
from controlroom.errors import ActionRefused, DatabaseUnreachable, NotAllowed
from tests.integration.test_store import batch, begun, facts, query, raised

HOSTILE = "<b>*temp*</b>|\x1b[2J\u202e"


@pytest.fixture
async def dsn(database: str) -> str:
    """A database with one alarm that stands."""
    async with begun(database) as store:
        await store.commit(batch(0, 3, signals=[raised(1)], sensors={"temp-1": facts()}))
    return database


def handovers_of(dsn: str, who: str) -> Handovers:
    return Handovers(dsn, who=who, whence="console-1")


async def controlroom(dsn: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CONTROLROOM_DSN": dsn}
    command = [sys.executable, "-m", "controlroom", *arguments]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, env=environment)


async def test_a_shift_is_reported_given_and_signed(dsn: str) -> None:
    actions = AlarmActionStore(dsn, Definitions(), who="alice", whence="console-1")
    await actions.shelve("temp-1", "limit", 600, "noisy transmitter")
    await actions.mark_false("temp-1", "limit", "steam")
    with pytest.raises(ActionRefused):
        await actions.reset("temp-1", "limit")
    async with handovers_of(dsn, "alice") as alice, handovers_of(dsn, "bob") as bob:
        await alice.note("pump 3 runs\0 hot")
        running = await alice.running()
        assert [(note.who, note.text) for note in running.notes] == [("alice", "pump 3 runs\N{SYMBOL FOR NULL} hot")]
        assert (running.rings, running.waiting, running.standing) == (1, 0, ())
        assert [(kept.sensor_id, kept.who, kept.reason) for kept in running.shelved] == [
            ("temp-1", "alice", "noisy transmitter")
        ]
        assert [(act.action, act.text) for act in running.false_alarms] == [("MarkFalse", "steam")]
        assert running.done == (("alice", 2),)
        given = await alice.give()
        assert (given.who, given.signed, given.report.notes) == ("alice", None, running.notes)
        unsigned = await bob.unsigned()
        assert unsigned is not None
        assert unsigned.number == given.number
        signed = await bob.sign(given.number, "seen, and gone to look")
        assert signed.signed is not None
        assert (signed.signed.who, signed.signed.remark) == ("bob", "seen, and gone to look")
        assert await bob.unsigned() is None
        # A signature is given once; whoever gave it may ask again, as after a lost connection.
        assert (await bob.sign(given.number)).signed == signed.signed
        with pytest.raises(ActionRefused, match="signed already, by bob"):
            await alice.sign(given.number)
        with pytest.raises(ActionRefused, match="there is no handover 99"):
            await alice.sign(99)
        after = await bob.running()
        assert (after.since, after.notes, after.rings, after.done) == (given.report.until, (), 0, ())
        assert [kept.sensor_id for kept in after.shelved] == ["temp-1"]
    await actions.close()


async def test_no_note_falls_between_two_shifts(database: str) -> None:
    """Ten operators write while the shift ends five times: each note is in one report."""

    async def write(name: str) -> None:
        async with handovers_of(database, name) as store:
            for number in range(20):
                await store.note(f"{name} {number}")

    async def give() -> None:
        async with handovers_of(database, "lead") as store:
            for _ in range(5):
                await store.give()

    await asyncio.gather(*(write(f"op-{i}") for i in range(10)), give(), give())
    async with handovers_of(database, "lead") as store:
        last = await store.give()
        everything = await store.newest(100)
    told = [note.text for given in everything for note in given.report.notes]
    assert sorted(told) == sorted(f"op-{i} {number}" for i in range(10) for number in range(20))
    assert len(everything) == 11
    periods = sorted((given.report.since, given.report.until) for given in everything)
    assert [since for since, _ in periods[1:]] == [until for _, until in periods[:-1]]
    assert periods[-1][1] == last.at


async def test_it_is_only_added_to_and_a_viewer_may_look(dsn: str) -> None:
    async with handovers_of(dsn, "alice") as alice:
        await alice.note("kept")
        given = await alice.give()
        await alice.sign(given.number)
    for statement in ("UPDATE shift_notes SET text = ''", "DELETE FROM handovers", "DELETE FROM handover_signatures"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="is only added to"):
            await query(dsn, statement)
    viewer, operator = (f"{role}_{secrets.token_hex(4)}" for role in ("viewer", "operator"))
    await query(dsn, f"CREATE ROLE {viewer} LOGIN PASSWORD 'x' IN ROLE controlroom_viewer")
    await query(dsn, f"CREATE ROLE {operator} LOGIN PASSWORD 'x' IN ROLE controlroom_operator")
    try:
        async with handovers_of(as_login(dsn, viewer), "eve") as eve:
            assert (await eve.running()).waiting == 1
            for act in (eve.note("mine"), eve.give(), eve.sign(given.number)):
                with pytest.raises(NotAllowed, match="permission denied"):
                    await act
        async with handovers_of(as_login(dsn, operator), "bob") as bob:
            await bob.note("by an operator's login")
            assert (await bob.give()).report.notes[0].text == "by an operator's login"
    finally:
        for role in (viewer, operator):
            await query(dsn, f"DROP OWNED BY {role}")
            await query(dsn, f"DROP ROLE {role}")


def as_login(dsn: str, role: str) -> str:
    scheme, _, rest = dsn.partition("://")
    return f"{scheme}://{role}:x@{rest.rpartition('@')[2]}"


async def test_a_database_that_is_away_is_said() -> None:
    async with handovers_of("postgresql://nobody@127.0.0.1:1/none", "alice") as alice:
        for act in (alice.note("lost?"), alice.running()):
            with pytest.raises(DatabaseUnreachable):
                await act


async def test_the_commands(dsn: str, tmp_path: Path) -> None:
    assert (await controlroom(dsn, "handover", "note", HOSTILE)).returncode == 0
    empty = await controlroom(dsn, "handover", "note", " ")
    assert (empty.returncode, empty.stderr) == (4, "controlroom: the note is empty\n")
    long = await controlroom(dsn, "handover", "note", "x" * 4001)
    assert (long.returncode, "4000 are the most" in long.stderr) == (4, True)
    shown = (await controlroom(dsn, "handover", "show")).stdout
    assert "1 alarm rang. 1 alarm stands, 1 not acknowledged." in shown
    assert "temp-1" in shown
    assert "<b>*temp*</b>|␛[2J�" in shown
    page = tmp_path / "shift.html"
    given = await controlroom(dsn, "handover", "give", "--format", "html", "-o", str(page))
    assert (given.returncode, given.stdout) == (0, "")
    number = given.stderr.split()[-1]
    assert "&lt;b&gt;*temp*&lt;/b&gt;|␛[2J�" in page.read_text()
    assert "<b>" not in page.read_text()
    text = (await controlroom(dsn, "handover", "show", number, "--format", "markdown")).stdout
    assert "\\<b\\>\\*temp\\*\\</b\\>\\|" in text
    signed = await controlroom(dsn, "handover", "sign", "--remark", "taken")
    assert (signed.returncode, "signed by" in signed.stdout) == (0, True)
    assert "the same name has given and signed it" in signed.stderr
    nothing = await controlroom(dsn, "handover", "sign")
    assert nothing.returncode == 8
    assert nothing.stderr.startswith("controlroom: no handover waits for a signature")
    (listed,) = [
        json.loads(line) for line in (await controlroom(dsn, "handover", "list", "--json")).stdout.splitlines()
    ]
    assert (listed["number"], listed["signed"]["remark"]) == (int(number), "taken")
    absent = await controlroom(dsn, "handover", "show", "99")
    assert (absent.returncode, "there is no handover 99" in absent.stderr) == (8, True)


async def test_what_operators_did_is_searched(dsn: str) -> None:
    for who in ("alice", "bob"):
        store = AlarmActionStore(dsn, Definitions(), who=who, whence=f"{who}'s desk")
        await store.comment("temp-1", "limit", f"{who} looked: 100 % water")
        await store.close()
    async with handovers_of(dsn, "x") as store_:
        assert [act.who for act in await store_.actions()] == ["bob", "alice"]
        assert [act.who for act in await store_.actions(who="al*")] == ["alice"]
        assert [act.who for act in await store_.actions(text="ALICE LOOKED")] == ["alice"]
        assert len(await store_.actions(text="100 %", action="comment", sensor="temp-?")) == 2
        assert await store_.actions(text="100 _") == []
    listed = await controlroom(dsn, "alarms", "actions", "--search", "bob looked")
    head, row = listed.stdout.splitlines()
    assert head.split() == ["AT", "WHO", "FROM", "ACTION", "SENSOR", "KIND", "SAID"]
    assert row.split()[2:] == [
        "bob",
        "bob's",
        "desk",
        "Comment",
        "temp-1",
        "limit",
        "bob",
        "looked:",
        "100",
        "%",
        "water",
    ]
