"""A real OpenSSH server on loopback, run by and for the current user, in a directory of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
READY_S = 20.0

_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host_key
PidFile none
AuthorizedKeysFile {directory}/authorized_keys
# The test's directory is below a world-writable one; a home is not.
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin forced-commands-only
PermitUserEnvironment no
# More than docs/ssh.md says: what is sent must be ignored by the program itself.
AcceptEnv *
Subsystem sftp internal-sftp
"""


class SshServer:
    """From `start` to `stop`; `allow` gives a new key a forced command."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> None:
        """Make a host key, listen."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._make_key("host_key")
        (self.directory / "authorized_keys").touch(0o600)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        config = self.directory / "sshd_config"
        config.write_text(_CONFIG.format(port=self.port, directory=self.directory))
        assert SSHD is not None
        with self.log.open("wb") as log:
            self._process = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stdout=log, stderr=log)
        deadline = time.monotonic() + READY_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)
            else:
                return

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def stop(self) -> None:
        """End it with its sessions."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def allow(self, name: str, command: str) -> None:
        """A login: a key of that name that may do nothing but run `command`, as docs/ssh.md says."""
        self._make_key(name)
        public = (self.directory / f"{name}.pub").read_text()
        with (self.directory / "authorized_keys").open("a") as keys:
            keys.write(f'restrict,pty,command="{command}" {public}')

    def client(self, name: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        """The command that logs in with that key."""
        settings = (
            f"UserKnownHostsFile={self.directory}/known_hosts",
            "StrictHostKeyChecking=accept-new",
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "LogLevel=ERROR",
            *options,
        )
        ssh = ["ssh", "-F", "none", "-p", str(self.port), "-i", str(self.directory / name)]
        return [*ssh, *(part for setting in settings for part in ("-o", setting)), *arguments]

    @property
    def address(self) -> str:
        return f"{getpass.getuser()}@127.0.0.1"

    def _make_key(self, name: str) -> None:
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.directory / name], check=True
        )
