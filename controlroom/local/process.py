"""Start, recognise and end the plant's processes, and no others.

A process is signalled only after it was recognised: by its number and start time, or by a command line that names the
plant's own file. A number that the system gave to another program in the meantime is never signalled.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from controlroom.local.state import ProcessId

_CLOCK_TOLERANCE = 0.05
_LOG_KEPT = 5_000_000
_TAIL = 65_536

#: Children of this very process. Keeping the handles lets `reap` collect them, so that a stopped broker does not stay a
#: zombie of a long-lived terminal; an ended `controlroom up` leaves its children to init.
_children: dict[int, subprocess.Popen[bytes]] = {}
_children_lock = threading.Lock()


@dataclass(frozen=True)
class Marker:
    """What tells one component's process by its command line: the program, and whole arguments.

    Attributes:
        program: file name of the executable, such as `java`.
        argument: an argument that only this component of this plant has: the path of its own file.
        task: a further argument, where one program does several things with that file: the class that Java runs.
    """

    program: str
    argument: str
    task: str | None = None

    def matches(self, process: psutil.Process) -> bool:
        """Whether `process` is that component."""
        try:
            words = process.cmdline()
        except psutil.Error:
            return False
        if not words or Path(words[0]).name != self.program:
            return False
        return self.argument in words[1:] and (self.task is None or self.task in words[1:])


def start(
    command: list[str], output: Path, *, user: tuple[int, int] | None = None, environment: dict[str, str] | None = None
) -> ProcessId:
    """Start a process in a session of its own, so that a terminal's Ctrl-C and hang-up do not reach it.

    Args:
        command: program and arguments.
        output: file that stdout and stderr are appended to; an old one that has grown large is put aside first.
        user: numeric user and group to run as, for PostgreSQL under root.
        environment: its environment; by default ours.
    """
    keep_bounded(output)
    with output.open("ab") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=output.parent.parent,
            env=environment,
            user=user[0] if user else None,
            group=user[1] if user else None,
            extra_groups=[] if user else None,
        )
    with _children_lock:
        _children[child.pid] = child
    return ProcessId(child.pid, psutil.Process(child.pid).create_time())


def find(identity: ProcessId | None, marker: Marker) -> psutil.Process | None:
    """The running process of a component, or None.

    The start time must agree; should the system's clock have been set since, the command line decides instead.
    """
    if identity is None:
        return None
    reap(identity.pid)
    try:
        process = psutil.Process(identity.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        same = abs(process.create_time() - identity.create_time) <= _CLOCK_TOLERANCE
    except psutil.Error:
        return None
    return process if same or marker.matches(process) else None


def search(marker: Marker) -> psutil.Process | None:
    """Look for a component's process among all: one that was started by somebody who died before writing it down."""
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and marker.matches(process):
                return process
        except psutil.Error:
            continue
    return None


def identity_of(process: psutil.Process) -> ProcessId:
    """What to write down of a process."""
    return ProcessId(process.pid, process.create_time())


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Signal a recognised process; one that has just ended is fine."""
    try:
        process.send_signal(number)  # psutil checks the start time once more before it signals
    except psutil.NoSuchProcess:
        return


def ended(process: psutil.Process) -> bool:
    """Whether the process is gone (a zombie is)."""
    reap(process.pid)
    try:
        # A process of many threads is a zombie as soon as its first one has ended; until the last one has, it holds
        # its ports and files.
        return not process.is_running() or (process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1)
    except psutil.NoSuchProcess:
        return True


def reap(pid: int) -> int | None:
    """Collect the exit status if `pid` is an ended child of ours; None when it is not."""
    with _children_lock:
        child = _children.get(pid)
        if child is None or child.poll() is None:
            return None
        del _children[pid]
        return child.returncode


def keep_bounded(log: Path, *, limit: int = _LOG_KEPT) -> None:
    """Put a log that outgrew `limit` bytes aside as `NAME.1`, dropping the one before."""
    try:
        if log.stat().st_size > limit:
            log.replace(log.with_name(log.name + ".1"))
    except FileNotFoundError:
        log.parent.mkdir(parents=True, exist_ok=True)


def last_line(log: Path, wanted: Callable[[str], bool] = bool) -> str:
    """The last line of a log that is `wanted`, for an error message; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip() and wanted(line)), "")
