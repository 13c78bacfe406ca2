"""`plant.json`: what the local plant consists of, where it listens and which processes it is.

Written atomically at every change, so that a reader needs no lock and a kill -9 leaves the old or the new file.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from controlroom.errors import PlantError

LAYOUT = 1


class ProcessId(msgspec.Struct, frozen=True):
    """A process, told apart from a later one that got the same number.

    Attributes:
        pid: process id.
        create_time: when it started, in seconds since the epoch, as psutil tells it.
    """

    pid: int
    create_time: float


class BrokerState(msgspec.Struct, kw_only=True):
    """One Kafka broker: its node id, the clients' port, the controllers' port, its process if it was started."""

    id: int
    port: int
    controller_port: int
    process: ProcessId | None = None


class DatabaseState(msgspec.Struct, kw_only=True):
    """PostgreSQL: its port, its process if it was started, whether the database `controlroom` was created."""

    port: int
    created: bool = False
    process: ProcessId | None = None


class PlantState(msgspec.Struct, kw_only=True):
    """The content of `plant.json`."""

    layout: int = LAYOUT
    cluster_id: str
    heap: str
    brokers: list[BrokerState]
    database: DatabaseState | None = None


def read_state(path: Path) -> PlantState | None:
    """Read `plant.json`.

    Returns:
        The state, or None when there is no plant in that directory.

    Raises:
        PlantError: the file is not one that this version wrote.
    """
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PlantError(
            f"{path} cannot be read ({error.strerror})", hint="check its permissions, or use --dir"
        ) from error
    try:
        state = msgspec.json.decode(raw, type=PlantState)
    except msgspec.DecodeError as error:
        raise PlantError(
            f"{path} is damaged ({error})", hint="`controlroom clean --force` makes room for a new plant"
        ) from error
    if state.layout != LAYOUT:
        raise PlantError(
            f"{path} has layout {state.layout}, this version knows {LAYOUT}",
            hint="use the version that made it, or another --dir",
        )
    return state


def unknown_state() -> PlantState:
    """What to assume of a plant whose state file is lost: its components, but neither ports nor processes."""
    brokers = [BrokerState(id=number, port=0, controller_port=0) for number in (1, 2, 3)]
    return PlantState(cluster_id="", heap="", brokers=brokers, database=DatabaseState(port=0))


def write_state(path: Path, state: PlantState) -> None:
    """Replace `plant.json` by `state`, atomically."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(state), indent=2))


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write `content` to `path` so that every reader sees the old file or the new one, whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
