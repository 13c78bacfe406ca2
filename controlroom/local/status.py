"""What `status` tells of the local plant."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

import psutil

State = Literal["running", "stopped", "dead"]


@dataclass(frozen=True)
class ComponentStatus:
    """One broker or the database.

    Attributes:
        name: `broker-1`, `broker-2`, `broker-3` or `database`.
        state: `dead` is one that ended without being asked to.
        pid: process id while it runs.
        port: TCP port for clients, on loopback.
        rss: resident memory in bytes while it runs; for the database with all its server processes, whose shared
            memory is then counted once for each of them.
        version: version of the program.
        uptime: seconds since its start while it runs.
    """

    name: str
    state: State
    pid: int | None
    port: int
    rss: int | None
    version: str
    uptime: float | None


@dataclass(frozen=True)
class PlantStatus:
    """All components of one plant."""

    directory: str
    components: tuple[ComponentStatus, ...]

    @property
    def running(self) -> bool:
        """Whether every component runs."""
        return bool(self.components) and all(component.state == "running" for component in self.components)

    @property
    def stopped(self) -> bool:
        """Whether no component runs."""
        return all(component.state != "running" for component in self.components)

    def as_dict(self) -> dict[str, Any]:
        """For `status --json`."""
        return {**asdict(self), "running": self.running}


def component(
    name: str, port: int, version: str, running: psutil.Process | None, *, was_started: bool
) -> ComponentStatus:
    """The status of one component, given its process if there is one."""
    if running is not None:
        try:
            family = [running, *running.children(recursive=True)]
            rss = sum(member.memory_info().rss for member in family)
            uptime = max(0.0, time.time() - running.create_time())
            return ComponentStatus(name, "running", running.pid, port, rss, version, round(uptime, 1))
        except psutil.NoSuchProcess:
            pass  # it ended while it was looked at
    return ComponentStatus(name, "dead" if was_started else "stopped", None, port, None, version, None)
