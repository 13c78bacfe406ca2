"""`controlroom up` and the others as a user runs them: processes of their own, signals, exit codes, no network."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from controlroom.local import LocalPlant, locate
from controlroom.local.ports import free_ports
from tests.integration.test_local_plant import processes_of, wait_for


def command(*words: str, **environment: str) -> list[str]:
    return [sys.executable, "-m", "controlroom", *words]


def run(*words: str, patience: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        capture_output=True,
        text=True,
        timeout=patience,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
    )


def count_java(directory: Path) -> int:
    """How many Java processes the plant has, brokers or others."""
    names = []
    for process in processes_of(directory):
        with contextlib.suppress(psutil.Error):
            names.append(process.name())
    return names.count("java")


@pytest.fixture
def where(plant_dir: Path) -> Iterator[tuple[str, str]]:
    """`--dir` of a plant of the test's own, down again after it."""
    yield "--dir", str(plant_dir)
    LocalPlant(plant_dir).stop()
    assert processes_of(plant_dir) == []


def test_a_plant_s_whole_life_for_which_no_network_is_needed_once_the_cache_is_filled(
    where: tuple[str, str], plant_dir: Path
) -> None:
    up = run("up", *where, **NO_NETWORK)
    assert up.returncode == 0, up.stderr
    assert re.search(r"brokers 1, 2, 3 up \(\d+\.\d s\)", up.stderr)
    assert "schema: applied 1" in up.stderr
    assert up.stdout.startswith("up after ")

    again = run("up", *where)
    assert again.returncode == 0
    assert again.stdout.startswith("already running: ")

    status = json.loads(run("status", "--json", *where).stdout)
    assert status["running"] is True
    assert [component["name"] for component in status["components"]] == [
        "broker-1",
        "broker-2",
        "broker-3",
        "database",
    ]
    assert "running" in run("status", *where).stdout

    health = run("health", "--json", *where)
    assert health.returncode == 0, health.stdout
    assert json.loads(health.stdout)["ok"] is True

    verified = run("verify", "--json", *where)
    assert verified.returncode == 0, verified.stdout
    assert {check["name"] for check in json.loads(verified.stdout)["checks"]} >= {"files", "topics", "record", "schema"}

    assert run("broker", "kill", "2", *where).returncode == 0
    sick = run("health", *where)
    assert sick.returncode == 1
    assert re.search(r"^FAIL +broker-2 process +dead", sick.stdout, re.MULTILINE)
    assert sick.stderr == ""

    endpoints = locate(plant_dir)
    assert endpoints is not None
    elsewhere = run("health", "--brokers", endpoints.brokers, "--dsn", endpoints.dsn)
    assert elsewhere.returncode == 1
    assert "broker-2" not in elsewhere.stdout  # of a plant elsewhere only the cluster is asked, no process looked at

    refused = run("clean", "--yes", *where)
    assert refused.returncode == 5
    assert "runs" in refused.stderr

    down = run("down", *where)
    assert down.returncode == 0, down.stderr
    assert processes_of(plant_dir) == []
    assert run("down", *where).stdout.startswith("nothing runs")
    assert run("health", *where).returncode == 5

    unsure = run("clean", *where)
    assert unsure.returncode == 130  # nobody there to answer
    assert (plant_dir / "plant.json").exists()
    assert run("clean", "--yes", *where).returncode == 0
    assert not (plant_dir / "plant.json").exists()


def test_two_starts_at_once_make_one_plant(where: tuple[str, str], plant_dir: Path) -> None:
    starts = [
        subprocess.Popen(command("up", *where), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ended = [start.communicate(timeout=120) for start in starts]
    assert [start.returncode for start in starts] == [0, 0], ended
    assert sorted(stdout.partition(" ")[0] for stdout, _ in ended) == ["already", "up"]
    assert count_java(plant_dir) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_leaves_nothing(
    where: tuple[str, str], plant_dir: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(command("up", *where), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as start:
        wait_for(lambda: count_java(plant_dir) > 0)
        start.send_signal(number)
        _, errors = start.communicate(timeout=60)
    assert start.returncode == 130
    assert "called off" in errors
    assert "Traceback" not in errors
    assert processes_of(plant_dir) == []


def test_a_start_that_is_killed_is_taken_up_by_the_next_whose_plant_survives_its_terminal(
    where: tuple[str, str], plant_dir: Path
) -> None:
    # The usual ports may be those of another test's plant a moment later, while nobody listens there yet.
    own = ("--ports", ",".join(map(str, free_ports(3))))
    with subprocess.Popen(command("up", *where, *own), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as start:
        wait_for(lambda: count_java(plant_dir) >= 2)
        start.kill()
    up = shlex.join(command("up", *where))
    with subprocess.Popen(
        ["/bin/sh", "-c", f"{up} && echo started; kill -HUP 0"],
        start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as terminal:  # fmt: skip
        said, errors = terminal.communicate(timeout=120)
    assert said.endswith("started\n"), errors
    assert count_java(plant_dir) == 3
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert LocalPlant(plant_dir).status().running
        threading.Event().wait(0.2)


def test_without_network_and_cache_there_is_one_clear_line(where: tuple[str, str], tmp_path: Path) -> None:
    up = run("up", *where, CONTROLROOM_CACHE=str(tmp_path / "empty"), **NO_NETWORK)
    assert up.returncode == 5
    last = up.stderr.splitlines()[-1]
    assert re.fullmatch(r"controlroom: .*\.jar could not be fetched \(no connection\): the first start needs .*", last)
    assert "Traceback" not in up.stderr


#: A proxy where nobody listens, for every way out of the machine.
NO_NETWORK = dict.fromkeys(
    ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"
)
