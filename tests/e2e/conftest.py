"""A plant with sensors and a detection worker, shared by the tests of the terminal: they only attach to it.

They stop with the last of these tests: the rest of the run has better use for what they take of a core.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from controlroom.cli.bring_up import bring_up
from controlroom.config import load_settings
from controlroom.local import LocalPlant
from tests.e2e.ssh_server import SSHD, SshServer

END_S = 30.0


@dataclass(frozen=True)
class StaffedPlant:
    """Where it is."""

    directory: Path
    brokers: str
    dsn: str

    def command(self, *, attach: bool = True) -> list[str]:
        """A control room that only looks at it, or also works for it."""
        return [sys.executable, "-m", "controlroom", "--dir", str(self.directory), *(["--attach"] if attach else [])]


@pytest.fixture(scope="package")
def staffed(plant: LocalPlant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StaffedPlant]:
    """The run's plant with fifteen simulated sensors and a worker, as processes of their own."""
    directory = plant.paths.root
    endpoints = bring_up(LocalPlant(directory), load_settings(dir=directory), lambda _: None)
    log = (tmp_path_factory.mktemp("staff") / "log").open("wb")
    staff = [
        subprocess.Popen(
            [sys.executable, "-m", "controlroom", *arguments, "--dir", str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "XDG_CONFIG_HOME": str(directory / "no-config")},
        )
        for arguments in (["simulate"], ["detect"])
    ]
    try:
        yield StaffedPlant(directory, endpoints.brokers, endpoints.dsn)
    finally:
        for process in staff:
            process.send_signal(signal.SIGTERM)
        for process in staff:
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()


@pytest.fixture(scope="package")
def ssh_server() -> Iterator[SshServer]:
    """A real OpenSSH server; what its keys may do, each module adds."""
    if SSHD is None or shutil.which("ssh") is None:
        pytest.skip("OpenSSH is not installed (Debian's packages: openssh-server, openssh-client)")
    directory = Path(tempfile.mkdtemp(prefix="controlroom-ssh-"))
    server = SshServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def tmux() -> Iterator[str]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    name = f"controlroom-{secrets.token_hex(4)}"
    yield name
    subprocess.run(["tmux", "-L", name, "kill-server"], check=False, capture_output=True)
