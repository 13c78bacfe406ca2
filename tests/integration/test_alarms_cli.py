"""`controlroom alarms` on a real PostgreSQL, as a shell sees it: output, exit status, one clear line for an error."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys

import pytest
from rich.cells import cell_len

from controlroom.core.alarms.events import Detected
from controlroom.core.alarms.model import Severity
from controlroom.core.records import Signal, Source
from tests.command import run_beside
from tests.integration.test_store import AT, batch, begun, facts, query, raised


@pytest.fixture
async def dsn(database: str) -> str:
    """A database with one alarm that stands."""
    async with begun(database) as store:
        await store.commit(batch(0, 3, signals=[raised(1)], sensors={"temp-1": facts()}))
    return database


async def run(dsn: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return await run_beside("alarms", *arguments, stdin=stdin, CONTROLROOM_DSN=dsn)


async def in_a_process(dsn: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same, as a shell runs it."""
    command = [sys.executable, "-m", "controlroom", "alarms", *arguments]
    environment = {**os.environ, "CONTROLROOM_DSN": dsn}
    return await asyncio.to_thread(
        subprocess.run, command, input="", capture_output=True, text=True, timeout=60, env=environment
    )


async def test_an_alarm_is_listed_shown_acked_and_gone(dsn: str) -> None:
    listed = await in_a_process(dsn, "list")
    head, row = listed.stdout.splitlines()
    assert head.split() == ["STATE", "PRIORITY", "SEVERITY", "SENSOR", "KIND", "SINCE", "DETAIL"]
    assert row.split()[:5] == ["UNACK", "low", "warning", "temp-1", "limit"]
    (document,) = [json.loads(line) for line in (await run(dsn, "list", "--json")).stdout.splitlines()]
    seen = ("--occurrence", document["occurrence_id"], "--version", str(document["version"]))
    acked = await run(dsn, "ack", "temp-1", "limit", *seen, "--comment", "on my way")
    assert (acked.returncode, acked.stdout.split()[0]) == (0, "ACKED")
    again = await in_a_process(dsn, "ack", "temp-1", "limit", *seen)
    assert (again.returncode, again.stdout) == (8, "")
    assert again.stderr.startswith("controlroom: temp-1 limit: already acked by ")
    shown = json.loads((await run(dsn, "show", "temp-1", "limit", "--json")).stdout)
    assert (shown["state"], shown["ack"], shown["children"]) == ("ACKED", "ACKED", [])
    assert "acked" in (await run(dsn, "show", "temp-1", "limit")).stdout


async def test_names_of_wide_characters_keep_the_table_in_line(dsn: str) -> None:
    wide = "温度センサー-炉-1"
    source = Source("readings", 0, 3)
    detected = Detected(at=AT + 40, severity=Severity.WARNING, value=36.0, limit=35.0, message="high", detector="limit")
    async with begun(dsn) as store:
        await store.commit(batch(3, 4, signals=[Signal(facts(wide), "limit", detected, source)]))
    _, *table = (await in_a_process(dsn, "list")).stdout.splitlines()
    assert sum(wide in row for row in table) == 1
    assert {cell_len(row[: row.index(" limit ")]) for row in table} == {cell_len(table[0][: table[0].index(" limit ")])}
    assert len(table) == 2


async def test_a_disturbance_is_meant_by_any_kind_that_found_it(dsn: str) -> None:
    spike = Detected(at=AT, severity=Severity.WARNING, message="25 where 20 was", holder="spike", finding="spike")
    level = Detected(
        at=AT + 40, severity=Severity.WARNING, message="stepped to 25", holder="level", finding="level",
        disturbance="spike",
    )  # fmt: skip
    source = Source("readings", 0, 3)
    async with begun(dsn) as store:
        signals = [Signal(facts(), "spike", spike, source), Signal(facts(), "level", level, source)]
        await store.commit(batch(3, 5, signals=signals))
    assert "level+1" in (await run(dsn, "list")).stdout
    for kind in ("level", "spike"):
        assert "level+1" in (await run(dsn, "list", "--kind", kind)).stdout
    assert "level+1" not in (await run(dsn, "list", "--kind", "drift")).stdout
    told = (await run(dsn, "history", "--kind", "level")).stdout.splitlines()
    assert [line[22:].split()[0] for line in told] == ["joined"]
    shown = (await run(dsn, "show", "temp-1", "level")).stdout
    assert re.search(r"alarm +temp-1 spike\n", shown)
    assert re.findall(r"detected +(\w+): ", shown) == ["level", "spike"]
    assert (await run(dsn, "ack", "temp-1", "level")).stdout.split()[0] == "ACKED"
    assert (await run(dsn, "false", "temp-1", "spike")).returncode == 0
    assert (await run(dsn, "ack", "temp-1", "drift")).returncode == 8


async def test_shelving_needs_a_reason_and_a_duration_and_is_told_in_the_history(dsn: str) -> None:
    assert (await run(dsn, "shelve", "temp-1", "limit", "--for", "30m")).returncode == 2
    assert (await run(dsn, "shelve", "temp-1", "limit", "--for", "soon", "--reason", "x")).returncode == 2
    shelved = await run(dsn, "shelve", "temp-1", "limit", "--for", "30m", "--reason", "noisy")
    assert (shelved.returncode, shelved.stdout.split()[0]) == (0, "SHELVED")
    assert (await run(dsn, "list", "--state", "shelved")).stdout.count("temp-1") == 1
    assert (await run(dsn, "unshelve", "temp-1", "limit")).stdout.split()[0] == "UNACK"
    await run(dsn, "comment", "temp-1", "limit", "seen\x1b[2J")
    lines = (await run(dsn, "history", "--sensor", "temp-*")).stdout.splitlines()
    assert [line[22:].split()[0] for line in lines] == ["raised", "shelved", "unshelved", "commented"]
    assert "\x1b" not in lines[-1]
    assert "* raised" in lines[0]
    (line,) = await query(dsn, "SELECT whence, request FROM audit WHERE action = 'Shelve'")
    assert line["whence"]
    assert json.loads(line["request"])["reason"] == "noisy"


async def test_the_other_actions(dsn: str) -> None:
    assert (await run(dsn, "out-of-service", "temp-1", "limit", "--reason", "repair")).stdout.startswith(
        "OUT_OF_SERVICE"
    )
    assert (await run(dsn, "return", "temp-1", "limit")).stdout.startswith("UNACK")
    assert (await run(dsn, "reset", "temp-1", "limit")).returncode == 8
    assert json.loads((await run(dsn, "false", "temp-1", "limit", "--json")).stdout)["marked_false"] is True


@pytest.fixture
async def five(dsn: str) -> str:
    """Five alarms that stand, temp-1 to temp-5."""
    async with begun(dsn) as store:
        await store.claim()
        names = [f"temp-{number}" for number in range(2, 6)]
        signals = [
            Signal(facts(name), "limit", Detected(at=AT, severity=Severity.WARNING), Source("readings", 0, 3))
            for name in names
        ]
        await store.commit(batch(3, 1, signals=signals, sensors={name: facts(name) for name in names}))
    return dsn


async def worse(dsn: str, sensor: str) -> None:
    async with begun(dsn) as store:
        claim = await store.claim()
        event = Detected(at=AT + 9, severity=Severity.CRITICAL)
        signal = Signal(facts(sensor), "limit", event, Source("readings", 0, 9))
        await store.commit(batch(claim.next_offset or 0, 1, signals=[signal]))


async def test_a_page_is_acked_as_it_was_seen(five: str) -> None:
    page = (await run(five, "list", "--json", "--sensor", "temp-[!9]*")).stdout
    assert page == "", "patterns are those of * and ? alone"
    page = (await run(five, "list", "--json")).stdout
    await worse(five, "temp-3")
    acked = await run(five, "ack", "--page", "-", "--comment", "all known", stdin=page)
    assert acked.returncode == 8
    assert [line.split()[0] for line in acked.stdout.splitlines()] == ["ACKED"] * 4
    assert "temp-3 limit: not acked: severity rose to critical" in acked.stderr
    assert "1 of 5 not acked" in acked.stderr
    states = await query(five, "SELECT sensor_id, state FROM alarms ORDER BY 1")
    assert [row["state"] for row in states] == ["ACKED", "ACKED", "UNACK", "ACKED", "ACKED"]
    (audited,) = await query(five, "SELECT count(*) AS n, count(*) FILTER (WHERE refusal <> '') AS no FROM audit")
    assert (audited["n"], audited["no"]) == (5, 1)
    assert (await run(five, "ack", "--page", "-", stdin="no page\n")).returncode == 4


async def test_all_that_wait_are_acked_or_some_of_them(five: str) -> None:
    await worse(five, "temp-3")
    first = await run(five, "ack", "--all", "--severity", "critical")
    assert [line.split()[3] for line in first.stdout.splitlines()] == ["temp-3"]
    second = await run(five, "ack", "--all", "--sensor", "temp-?", "--kind", "limit", "--json")
    assert {json.loads(line)["sensor_id"] for line in second.stdout.splitlines()} == {
        "temp-1", "temp-2", "temp-4", "temp-5",
    }  # fmt: skip
    nothing = await run(five, "ack", "--all")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "no alarm waits" in nothing.stderr


async def test_a_viewer_s_login_may_look_and_is_refused_by_the_database(dsn: str) -> None:
    name = f"test_viewer_{secrets.token_hex(3)}"
    await query(dsn, f"CREATE ROLE {name} LOGIN PASSWORD 'pw' IN ROLE controlroom_viewer")
    try:
        own = re.sub(r"//[^@]*@", f"//{name}:pw@", dsn)
        assert (await run(own, "list")).stdout.count("temp-1") == 1
        assert "BEFORE never seen before" in (await run(own, "show", "temp-1", "limit", "--why")).stdout
        for action in (("ack", "temp-1", "limit"), ("ack", "--all"), ("comment", "temp-1", "limit", "hello")):
            refused = await run(own, *action)
            assert (refused.returncode, refused.stdout) == (8, "")
            assert refused.stderr.count("\n") == 1
            assert f"the database login {name} may look but not act" in refused.stderr
    finally:
        await query(dsn, f"DROP ROLE {name}")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("ack", "temp-1", "nothing"), 8, "there is no alarm 'nothing' of 'temp-1'"),
        (("show", "temp-1", "nothing"), 8, "there is no alarm"),
        (("list", "--state", "sleepy"), 4, "there is no state 'sleepy'"),
        (("ack", "temp-1", "limit", "--version", "3"), 4, "--occurrence and --version go together"),
        (("ack",), 4, "ack what?"),
        (("ack", "temp-1"), 4, "which alarm of temp-1?"),
        (("ack", "temp-1", "limit", "--all"), 4, "ack what?"),
    ],
)
async def test_what_cannot_be_done_is_one_line(dsn: str, arguments: tuple[str, ...], status: int, said: str) -> None:
    result = await run(dsn, *arguments)
    assert result.returncode == status
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


async def test_without_a_database_the_status_is_3() -> None:
    result = await run("postgresql://nobody@127.0.0.1:1/none", "list")
    assert result.returncode == 3
    assert result.stderr.count("\n") == 1
