"""Everything that an operator does, over a real SSH login, at 80x24, by keyboard; nothing else can be done there."""

from __future__ import annotations

import asyncio
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from tests.e2e.conftest import StaffedPlant
from tests.e2e.ssh_server import SshServer
from tests.e2e.terminal import Terminal

pytestmark = [pytest.mark.timeout(300), pytest.mark.e2e]


def sql(dsn: str, statement: str, *arguments: object) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(dsn)
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()

    return asyncio.run(run())


@pytest.fixture(scope="module")
def server(ssh_server: SshServer, staffed: StaffedPlant) -> Iterator[SshServer]:
    """Two keys: `mira`, whose database login may act, and `eve`, whose may look."""
    directory = ssh_server.directory
    logins = []
    try:
        for name, role in (("mira", "operator"), ("eve", "viewer")):
            login, password = f"test_{name}_{secrets.token_hex(3)}", secrets.token_hex(8)
            sql(staffed.dsn, f"CREATE ROLE {login} LOGIN PASSWORD '{password}' IN ROLE controlroom_{role}")
            logins.append(login)
            config = directory / f"{name}.toml"
            dsn = re.sub(r"//[^@]*@", f"//{login}:{password}@", staffed.dsn)
            config.write_text(f'brokers = "{staffed.brokers}"\ndsn = "{dsn}"\ndir = "{directory}/home-{name}"\n')
            config.chmod(0o600)
            command = f"{sys.executable} -I -m controlroom --restricted --config {config} --operator {name}"
            ssh_server.allow(name, command)
        yield ssh_server
    finally:
        for login in logins:
            sql(staffed.dsn, f"DROP ROLE {login}")


def login(server: SshServer, name: str, *command: str, options: tuple[str, ...] = ()) -> Terminal:
    return Terminal(server.client(name, "-tt", server.address, *command, options=options), columns=80, lines=24)


def live(text: str) -> bool:
    return bool(re.search(r"\d+ sensors", text) and re.search(r"[1-9][\d.]* readings/s", text))


def test_an_operator_s_work_over_ssh(server: SshServer, staffed: StaffedPlant) -> None:
    # What the client sends of its environment would lead elsewhere; a command of its own would be a shell.
    elsewhere = "CONTROLROOM_BROKERS=127.0.0.1:1 KAFKA_BROKERS=127.0.0.1:1 CONTROLROOM_UI__THEME=pink"
    options = (f"SetEnv={elsewhere} LC_CTYPE=C.UTF-8",)
    with login(server, "mira", "sh", "-i", options=options) as terminal:
        terminal.wait_for("the command that was asked for is ignored")
        terminal.wait_for(live)
        terminal.wait_for("brokers 3/3")

        terminal.press("n")
        terminal.wait_for("NEW SIMULATED SENSOR")
        # The one that the form proposes; above it there may be one with an alarm.
        name = re.search(r"temp-sensor-\d+", terminal.text.partition("NEW SIMULATED SENSOR")[2])
        assert name is not None
        terminal.press("\r")
        terminal.press("/", *name.group(), "\r")
        terminal.wait_for(lambda text: name.group() in text and re.search(r"\b1 of \d+", text))
        terminal.wait_for(lambda text: bool(re.search(r"[▁▂▃▄▅▆▇█]{2}", text)))

        terminal.press("i")
        terminal.wait_for("FAULT INJECTION")
        terminal.press("\r")
        terminal.wait_for(lambda text: "CRIT" in text or "WARN" in text)

        terminal.press("2")
        terminal.press("/", *name.group(), "\r")
        terminal.wait_for(re.compile(r"\bUNACK\b").search)
        terminal.press("a")
        terminal.wait_for(re.compile(r"\bACKED\b").search)

        terminal.press("3")
        terminal.wait_for("quorum led by")
        assert "Stop/start" not in terminal.text
        terminal.press("4")
        terminal.press("/", *name.group(), "\r")
        terminal.wait_for(lambda text: name.group() in text)
        terminal.press("p")
        terminal.wait_for(re.compile("PAUSED|paused").search)
        terminal.press("x")
        terminal.wait_for("Remove")
        terminal.press("y")
        terminal.wait_for(lambda text: "no simulated sensor" in text or "nothing passes" in text)

        terminal.press("?")
        terminal.wait_for("KEYS AND MARKS")
        terminal.press("\x1b")
        terminal.wait_for(lambda text: "KEYS AND MARKS" not in text and "a command, or a sensor" not in text)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    rows = sql(
        staffed.dsn,
        "SELECT who, whence, action FROM audit WHERE sensor_id = $1 AND refusal = '' AND action = 'Ack'",
        name.group(),
    )
    assert [(row["who"], row["action"]) for row in rows] == [("mira", "Ack")]
    assert rows[0]["whence"].endswith("from 127.0.0.1")


def test_a_viewer_has_no_key_that_changes_anything(server: SshServer) -> None:
    with login(server, "eve") as terminal:
        terminal.wait_for("READ ONLY")
        terminal.wait_for(live)
        assert "Inject" not in terminal.text
        terminal.press("n", "i", "x")
        terminal.press("2", "a", "?")
        terminal.wait_for("KEYS AND MARKS")
        assert "Ack" not in terminal.text
        terminal.press("\x1b")
        terminal.wait_for(lambda text: "KEYS AND MARKS" not in text)
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_there_is_no_way_to_a_shell_or_a_file_from_inside(server: SshServer) -> None:
    with login(server, "mira") as terminal:
        terminal.wait_for(live)
        # Ctrl-Z, Ctrl-\, Ctrl-C: the room stays, and no shell's prompt comes.
        terminal.press("\x1a", "\x1c", "\x03")
        terminal.press("2")
        terminal.wait_for("state")
        terminal.press(":")
        terminal.wait_for("a command, or a sensor")
        for key in "screenshot":
            terminal.press(key)
        terminal.wait_for(lambda text: "screenshot" in text)
        assert "Save" not in terminal.text
        assert "SVG" not in terminal.text
        terminal.press("\x1b")
        terminal.wait_for(lambda text: "screenshot" not in text and "No matches" not in text)
        terminal.press("q")
        assert terminal.wait_for_end() == 0


@pytest.mark.parametrize(
    "arguments",
    [("echo pwned",), ("-T", "{address}", "sh"), ("-s", "{address}", "sftp")],
    ids=["a command", "no terminal", "sftp"],
)
def test_what_else_a_client_may_ask_for_is_not_done(server: SshServer, arguments: tuple[str, ...]) -> None:
    asked = [argument.format(address=server.address) for argument in arguments]
    if server.address not in asked:
        asked = [server.address, *asked]
    result = subprocess.run(
        server.client("mira", *asked), input=b"echo pwned\n", capture_output=True, timeout=60, check=False
    )
    assert result.returncode == 6
    assert b"pwned" not in result.stdout
    if "sftp" not in asked:  # a subsystem's stderr goes to the server's log
        assert b"a terminal is needed" in result.stderr


def test_no_connection_is_passed_on(server: SshServer, staffed: StaffedPlant) -> None:
    broker = staffed.brokers.partition(",")[0]
    result = subprocess.run(
        server.client("mira", "-W", broker, server.address), input=b"", capture_output=True, timeout=60, check=False
    )
    assert result.returncode != 0
    assert b"prohibited" in result.stderr or b"failed" in result.stderr
