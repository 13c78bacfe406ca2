"""Eclipse Milo's example server, which is not asyncua's: one jar from Maven Central, on the plant's Java."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from controlroom.local import java
from controlroom.local.jars import JarStore
from controlroom.local.paths import cache_dir
from controlroom.local.progress import Reporter, silent

URL = "opc.tcp://127.0.0.1:12686/milo"
URI = "urn:eclipse:milo:hello-world"
USER, PASSWORD = "user1", "password"
_MAIN = "org.eclipse.milo.examples.server.ExampleServer"
#: The ports that it has fixed.
_PORTS = (12686, 8443)
_PATIENCE_S = 60.0
_MANIFEST = json.dumps(
    {
        "kafka": "none-milo-0.6.12",
        "jars": [
            {
                "coordinate": "org.eclipse.milo:server-examples:0.6.12",
                "size": 21_367_376,
                "sha256": "e5f4c5b7c82cac6ec82c8b257821befdd426fbc4fece2bdb47b061386d7661ac",
            }
        ],
    }
).encode()


@dataclass
class Milo:
    """The process; its keys and whom it trusts are in `directory`."""

    directory: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def trusted(self) -> Path:
        """Certificates of clients that it trusts."""
        return self.directory / "server" / "security" / "pki" / "trusted" / "certs"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        store = JarStore(cache_dir(), _MANIFEST)
        store.ensure(Reporter(silent))
        command = [
            str(java.executable()),
            *java.flags(heap="192m"),
            f"-Djava.io.tmpdir={self.directory}",
            "-cp",
            store.class_path,
            _MAIN,
        ]
        log = self.directory / "milo.log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, cwd=self.directory)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", _PORTS[0]), 1).close()
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"Milo does not start:\n{log.read_text()[-2000:]}") from None
                time.sleep(0.1)
            else:
                return

    def kill(self) -> None:
        """As if its power had gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextmanager
def milo(directory: Path) -> Iterator[Milo]:
    """A server that runs while the block does; one at a time on a machine, for its ports."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir() / ".milo-test.lock"):
        for port in _PORTS:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("0.0.0.0", port))
                except OSError:
                    pytest.skip(f"something else listens on port {port}, which Milo's example server has fixed")
        server = Milo(directory)
        server.start()
        try:
            yield server
        finally:
            server.kill()
