"""`controlroom notify`: a list without secrets, and a test message that arrives or says why not."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from controlroom.cli.notify import notify
from controlroom.errors import ConfigError, InputError, Unreachable

SECRET = "hunter2secret"


@pytest.fixture
def taken() -> Iterator[tuple[int, list[dict[str, str]]]]:
    """The port of a webhook, and what it has taken."""
    got: list[dict[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], got
    server.shutdown()
    server.server_close()
    thread.join()


def policy_file(directory: Path, port: int) -> str:
    path = directory / "notify.toml"
    path.write_text(f'[[receiver]]\nname = "shift"\nurl = "json://user:{SECRET}@127.0.0.1:{port}/"\n')
    return str(path)


def test_the_list_tells_no_secret(tmp_path: Path) -> None:
    for options in ([], ["--json"]):
        result = CliRunner().invoke(notify, ["list", "--file", policy_file(tmp_path, 1), *options])
        assert result.exit_code == 0
        assert "shift" in result.output
        assert SECRET not in result.output


def test_a_test_message_arrives(tmp_path: Path, taken: tuple[int, list[dict[str, str]]]) -> None:
    port, got = taken
    result = CliRunner().invoke(notify, ["test", "shift", "--file", policy_file(tmp_path, port)])
    assert (result.exit_code, len(got)) == (0, 1)
    assert got[0]["title"].startswith("TEST")
    assert result.output.split()[-1] in got[0]["message"]


def test_one_that_does_not_arrive_says_so_without_the_secret(tmp_path: Path) -> None:
    result = CliRunner().invoke(notify, ["test", "shift", "--file", policy_file(tmp_path, 1)])
    assert isinstance(result.exception, Unreachable)
    assert "shift has not taken the message" in str(result.exception)
    assert SECRET not in str(result.exception)


def test_an_unknown_receiver_and_no_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(notify, ["test", "nobody", "--file", policy_file(tmp_path, 1)])
    assert isinstance(result.exception, InputError)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert isinstance(CliRunner().invoke(notify, ["list"]).exception, ConfigError)
