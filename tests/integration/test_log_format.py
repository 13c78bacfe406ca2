"""`--log-format json`: every line on stderr is one JSON document, also an error or a traceback that ends a process."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import run_here
from tests.integration.test_detection import Place, connection, detect_process, place, publish, series

__all__ = ["place"]


def documents(text: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in text.splitlines()]
    for document in found:
        assert {"time", "level", "logger", "pid", "message"} <= document.keys(), document
        assert document["time"].endswith("Z")
    return found


async def test_workers_log_documents_to_their_last_line(place: Place, tmp_path: Path) -> None:
    await publish(place, series(sensors=4, length=20))
    log = tmp_path / "log"
    process = detect_process(place, "--workers", "2", "--until-idle", "1", "--log-format", "json", log=log)
    await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 0, log.read_text()
    told = documents(log.read_text())
    assert len({document["pid"] for document in told}) == 2
    done = [json.loads(document["message"][6:]) for document in told if document["message"].startswith("done: ")]
    assert sum(summary["readings"] for summary in done) == 80

    # A state that cannot be read ends a worker with a traceback: it is one line.
    async with connection(place) as opened:
        await opened.execute("UPDATE detector_state SET state = substr(state, 1, 9) WHERE sensor_id <> ''")
    await publish(place, series(sensors=4, length=21)[80:])
    broken = tmp_path / "broken"
    process = detect_process(place, "--log-format", "json", log=broken)
    await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 1
    last = documents(broken.read_text())[-1]
    assert last["level"] == "CRITICAL"
    assert last["message"].startswith("ValueError: ")
    assert last["exception"].startswith("Traceback (most recent call last):\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["detect", "--brokers", "127.0.0.1:1", "--dsn", "postgresql://nobody@127.0.0.1:1/none"], 3),
        (["simulate", "--plant", "no-such-file.toml"], 4),
        (["bridge", "no-such-file.toml"], 4),
        (["serve", "--host", "0.0.0.0"], 4),
        (["up", "--dir", "/dev/null/plant"], 5),
        (["console", "--brokers", "127.0.0.1:1", "--dsn", "postgresql://nobody@127.0.0.1:1/none"], 3),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_errors_of_each_command_are_documents(words: list[str], code: int) -> None:
    done = run_here(*words, "--log-format", "json")
    assert done.returncode == code, done.stderr
    assert documents(done.stderr)[-1]["level"] == "ERROR"


def test_it_is_a_setting_too() -> None:
    words = ["detect", "--brokers", "127.0.0.1:1", "--dsn", "postgresql://nobody@127.0.0.1:1/none"]
    assert documents(run_here(*words, CONTROLROOM_LOG_FORMAT="json").stderr)
    assert run_here(*words).stderr.startswith("controlroom: ")
