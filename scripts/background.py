"""Run a `controlroom` command in the background of the local plant, and end precisely that process.

    python scripts/background.py start NAME [--dir DIR] -- COMMAND [ARGUMENT...]
    python scripts/background.py stop|status|logs NAME [--dir DIR]

`NAME.json` in the plant's directory holds the process id with the process's start time: a number that the system has
since given to another program is never signalled. The output goes to `logs/NAME.log` there.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import msgspec
import psutil
from filelock import FileLock

from controlroom.errors import ControlroomError, NotRunning
from controlroom.local import process
from controlroom.local.process import Marker
from controlroom.local.state import ProcessId

# A command that cannot work (no plant, a bad option) ends within this time, s; its reason is then shown.
_SETTLE = 2.0
# A worker that is told to end finishes its batch and leaves its group; after this time, s, it is killed.
_PATIENCE = 20.0
_POLL = 0.05


class Background:
    """One background process of one plant."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.directory = directory
        self.log = directory / "logs" / f"{name}.log"
        self._file = directory / f"{name}.json"
        # Should the clock have been set since, the command line tells: it names the plant's directory.
        self._marker = Marker(Path(sys.executable).name, str(directory))

    def find(self) -> psutil.Process | None:
        """The running process, or None."""
        try:
            identity = msgspec.json.decode(self._file.read_bytes(), type=ProcessId)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return process.find(identity, self._marker)

    def start(self, command: list[str]) -> None:
        """Start it unless it runs.

        Raises:
            NotRunning: it ended at once; the message is the last thing it said.
        """
        running = self.find()
        if running is not None:
            print(f"{self.name}: already running, pid {running.pid}")
            return
        line = [sys.executable, "-m", "controlroom", command[0], "--dir", str(self.directory), *command[1:]]
        identity = process.start(line, self.log)
        _write(self._file, msgspec.json.encode(identity))
        deadline = time.monotonic() + _SETTLE
        while time.monotonic() < deadline:
            if self.find() is None:
                self._file.unlink()
                raise NotRunning(process.last_line(self.log) or f"{self.name} ended at once", hint=f"see {self.log}")
            time.sleep(_POLL)
        print(f"{self.name}: started, pid {identity.pid}, log {self.log}")

    def stop(self) -> None:
        """Ask it to end, wait, kill it if it does not; nothing to do if it does not run."""
        running = self.find()
        if running is None:
            print(f"{self.name}: not running")
        else:
            process.send(running, signal.SIGTERM)
            deadline = time.monotonic() + _PATIENCE
            while not process.ended(running):
                if time.monotonic() > deadline:
                    process.send(running, signal.SIGKILL)
                    deadline = float("inf")
                time.sleep(_POLL)
            print(f"{self.name}: stopped")
        self._file.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def main() -> int:
    """Do what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s ACTION NAME [--dir DIR] [-- COMMAND ...]",
        description="Run a controlroom command in the background of the local plant.",
    )
    parser.add_argument("action", choices=("start", "stop", "status", "logs"))
    parser.add_argument("name")
    parser.add_argument("--dir", type=Path, dest="directory")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    arguments, command = parser.parse_args(sys.argv[1:at]), sys.argv[at + 1 :]
    if (arguments.action == "start") != bool(command):
        parser.error("`start` needs a command after `--`, and nothing else takes one")
    directory = arguments.directory
    if directory is None:
        from controlroom.config import load_settings

        directory = load_settings().dir
    background = Background(directory.absolute(), arguments.name)
    if arguments.action == "logs":
        if not background.log.exists():
            raise NotRunning(f"{background.name} has no log yet", hint="start it first")
        os.execvp("tail", ["tail", "-n", "50", "-F", str(background.log)])  # Ctrl-C ends it
    if arguments.action == "status":
        running = background.find()
        print(f"{background.name}: " + (f"running, pid {running.pid}" if running else "not running"))
        return 0
    if arguments.action == "stop" and not background.directory.exists():
        print(f"{background.name}: not running")
        return 0
    background.directory.mkdir(parents=True, exist_ok=True)
    with FileLock(background.directory / f".{background.name}.lock", timeout=60):
        if arguments.action == "start":
            background.start(command)
        else:
            background.stop()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ControlroomError as error:
        print(f"controlroom: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
