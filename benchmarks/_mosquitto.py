"""A real MQTT broker, mosquitto, on a free port of loopback: for benchmarks and tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from controlroom.local import ports

#: Debian puts it where not every PATH goes.
_PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
_PATIENCE_S = 10.0


def program() -> str | None:
    """Where mosquitto is; None: it is not installed (Debian's package: mosquitto)."""
    return shutil.which("mosquitto", path=_PLACES)


@dataclass
class Mosquitto:
    """One broker, with what it keeps in `directory`."""

    directory: Path
    #: further lines of its configuration
    settings: Sequence[str] = ()
    port: int = field(default_factory=lambda: ports.free_ports(1)[0])
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.directory / "mosquitto.log"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        found = program()
        assert found is not None, "mosquitto is not installed"
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {self.directory}/",
            # After every change, so that what it has confirmed outlives it as well as it can.
            "autosave_on_changes true",
            "autosave_interval 1",
            "max_inflight_messages 1000",
            "max_queued_messages 1000000",
            # Started by root it would give its rights up, and could not write its directory.
            *(["user root"] if os.getuid() == 0 else []),
        ]
        names = {line.split()[0] for line in self.settings}
        config.write_text("\n".join([*(line for line in lines if line.split()[0] not in names), *self.settings, ""]))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([found, "-c", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"mosquitto does not start:\n{self.log.read_text()[-2000:]}") from None
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """As if its power had gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()


@contextmanager
def mosquitto(directory: Path, *settings: str) -> Iterator[Mosquitto]:
    """A broker that runs while the block does."""
    broker = Mosquitto(directory, settings)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
