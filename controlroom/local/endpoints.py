"""Where a running local plant answers: the one thing that every other command wants to know of it.

This module stays cheap to import (no Kafka, no PostgreSQL, no psutil), because commands that only attach import it.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from pathlib import Path

from controlroom.errors import PlantError
from controlroom.local.paths import PlantPaths
from controlroom.local.state import PlantState, read_state

_PROBE_TIMEOUT = 0.5


@dataclass(frozen=True)
class Endpoints:
    """Addresses of a plant.

    Attributes:
        brokers: Kafka bootstrap servers, `host:port` separated by commas, in the order of the brokers' ids.
        dsn: URI of the PostgreSQL database. It holds the password, so it is kept out of `repr` and so of logs.
    """

    brokers: str
    dsn: str = field(repr=False)


def locate(directory: Path) -> Endpoints | None:
    """Find the plant that runs in `directory`.

    Returns:
        Its endpoints if the database and at least one broker accept a connection on loopback, else None. Every broker
        is listed, also one that is down: clients learn the cluster from whichever answers.

    Raises:
        PlantError: the plant's state file is damaged, or belongs to another user.
    """
    paths = PlantPaths(directory.expanduser().absolute())
    state = read_state(paths.state)
    if state is None or state.database is None or not state.brokers:
        return None
    if not _accepts(state.database.port) or not any(_accepts(broker.port) for broker in state.brokers):
        return None
    return endpoints_of(paths, state)


def endpoints_of(paths: PlantPaths, state: PlantState) -> Endpoints:
    """The endpoints that `state` describes, whether or not anything runs.

    Raises:
        PlantError: the password cannot be read.
    """
    assert state.database is not None
    try:
        password = paths.password.read_text(encoding="ascii").strip()
    except OSError as error:
        raise PlantError(
            f"{paths.password} cannot be read ({error.strerror})",
            hint="the database is lost without it: `controlroom clean --force`",
        ) from error
    return Endpoints(
        brokers=",".join(f"127.0.0.1:{broker.port}" for broker in state.brokers),
        dsn=f"postgresql://controlroom:{password}@127.0.0.1:{state.database.port}/controlroom",
    )


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PROBE_TIMEOUT):
            return True
    except OSError:
        return False
