"""`controlroom alarms` on a real PostgreSQL, as a shell sees it: output, exit status, one clear line for an error."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest

from tests.integration.test_store import batch, begun, facts, query, raised


@pytest.fixture
async def dsn(database: str) -> str:
    """A database with one alarm that stands."""
    async with begun(database) as store:
        await store.commit(batch(0, 3, signals=[raised(1)], sensors={"temp-1": facts()}))
    return database


async def run(dsn: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "controlroom", "alarms", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, env={**os.environ, "CONTROLROOM_DSN": dsn}
    )


async def test_an_alarm_is_listed_shown_acked_and_gone(dsn: str) -> None:
    listed = await run(dsn, "list")
    head, row = listed.stdout.splitlines()
    assert head.split() == ["STATE", "PRIORITY", "SEVERITY", "SENSOR", "KIND", "SINCE", "DETAIL"]
    assert row.split()[:5] == ["UNACK", "low", "warning", "temp-1", "limit"]
    (document,) = [json.loads(line) for line in (await run(dsn, "list", "--json")).stdout.splitlines()]
    seen = ("--occurrence", document["occurrence_id"], "--version", str(document["version"]))
    acked = await run(dsn, "ack", "temp-1", "limit", *seen, "--comment", "on my way")
    assert (acked.returncode, acked.stdout.split()[0]) == (0, "ACKED")
    again = await run(dsn, "ack", "temp-1", "limit", *seen)
    assert (again.returncode, again.stdout) == (8, "")
    assert again.stderr.startswith("controlroom: temp-1 limit: already acked by ")
    shown = json.loads((await run(dsn, "show", "temp-1", "limit", "--json")).stdout)
    assert (shown["state"], shown["ack"], shown["children"]) == ("ACKED", "ACKED", [])
    assert "acked" in (await run(dsn, "show", "temp-1", "limit")).stdout


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


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("ack", "temp-1", "nothing"), 8, "there is no alarm 'nothing' of 'temp-1'"),
        (("show", "temp-1", "nothing"), 8, "there is no alarm"),
        (("list", "--state", "sleepy"), 4, "there is no state 'sleepy'"),
        (("ack", "temp-1", "limit", "--version", "3"), 4, "--occurrence and --version go together"),
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
