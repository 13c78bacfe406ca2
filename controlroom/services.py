"""What one process runs beside its screen: simulated sensors, a detection worker, and the link that fills the state.

Each on a thread of its own with a loop of its own, so that a stalled terminal stops none of them.
"""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from controlroom.adapters.browser.access import BROWSER_AT
from controlroom.adapters.console.link import Link
from controlroom.adapters.console.service_thread import ServiceThread
from controlroom.adapters.files.definitions_file import load_definitions
from controlroom.adapters.files.detectors_file import load_profiles
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.partition import Commit
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.schema import require_schema
from controlroom.config import Settings
from controlroom.core.commit_meter import CommitMeter
from controlroom.core.plant_state import PlantState
from controlroom.errors import ControlroomError
from controlroom.ports import (
    AlarmActions,
    History,
    LearningControl,
    OperatorCommands,
    ShiftLog,
    TrendLibrary,
)
from controlroom.wire import AlarmEvent
from simulator.plant import default_plant
from simulator.runner import Simulator

log = logging.getLogger(__name__)

STOP_S = 12.0


class Services:
    """The services of one process, from `start` to `stop`.

    Args:
        own_plant: the plant is this process' own: it runs simulated sensors and a detection worker for it.
        on_events: hears alarm events after their commit, on the worker's thread.
        who: who sits at this terminal, for the audit; by default the account.
        state: what is filled; by default one of its own.
        every_reading: fill it with every reading, and not only with the last one of each sensor and second.
    """

    def __init__(
        self,
        brokers: str,
        dsn: str,
        settings: Settings,
        *,
        own_plant: bool,
        on_events: Callable[[Sequence[AlarmEvent]], None] = lambda _: None,
        who: str | None = None,
        state: PlantState | None = None,
        every_reading: bool = False,
    ) -> None:
        self.state = state if state is not None else PlantState()
        self.worker: DetectionWorker | None = None
        meter = CommitMeter()
        self._kafka = KafkaConnection.of(brokers, settings)
        self._dsn = dsn
        self._threads: list[ServiceThread] = []
        if own_plant:

            def announced(events: Sequence[AlarmEvent]) -> None:
                now = time.time()
                for event in events:
                    if event.event == "raised":
                        meter.alarmed(now, now - event.timestamp.timestamp())
                on_events(events)

            def committed(commit: Commit) -> None:
                if commit.records:
                    meter.committed(time.time(), commit.took_s, commit.waited_s)

            self.worker = DetectionWorker(
                self._kafka, dsn, worker_options(settings), on_events=announced, on_commit=committed
            )
            simulator = Simulator(brokers, settings.topics, default_plant().sensors, client=self._kafka.options)
            self._add("detection", self.worker.run)
            self._add("simulator", simulator.run)
        self._link = Link(
            self._kafka,
            dsn,
            settings.topics,
            settings.group,
            self.state,
            operator=who or operator(),
            whence=whence(os.environ),
            definitions=load_definitions(settings.alarms_file),
            definitions_file=settings.alarms_file,
            profiles=load_profiles(settings.detectors_file),
            detectors_file=settings.detectors_file,
            worker=self.worker,
            meter=meter,
            every_reading=every_reading,
        )
        self._add("link", self._link.run)

    @property
    def orders(self) -> OperatorCommands:
        """Takes the operator's orders, from `start` to `stop`."""
        return self._link.orders

    @property
    def alarms(self) -> AlarmActions:
        """Takes the operator's actions on alarms, from `start` to `stop`."""
        return self._link.alarm_actions

    @property
    def learning(self) -> LearningControl:
        """Takes what the operator tells the detectors, from `start` to `stop`."""
        return self._link.learning

    @property
    def history(self) -> History:
        """Takes the operator's questions, from `start` to `stop`."""
        return self._link.history

    @property
    def shift(self) -> ShiftLog:
        """Takes notes and handovers, from `start` to `stop`."""
        return self._link.shift

    @property
    def trends(self) -> TrendLibrary:
        """Keeps the operator's trends, from `start` to `stop`."""
        return self._link.trends

    @property
    def failed(self) -> ControlroomError | None:
        """Why a service ended by itself, if one did."""
        for thread in self._threads:
            if isinstance(thread.error, ControlroomError):
                return thread.error
            if thread.error is not None:
                return ControlroomError(f"{thread.name} has ended: {thread.error}", hint="the log tells more")
        return None

    def start(self) -> None:
        """Start all.

        Raises:
            Unreachable: Kafka or PostgreSQL does not answer.
            ConfigError: the schema is not the program's.
        """
        asyncio.run(self._require())
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop all, the link last; what was read is committed, for some seconds at the most."""
        for thread in self._threads:
            thread.ask_to_stop()
        for thread in self._threads:
            if not thread.join(STOP_S):
                log.error("%s did not end in time", thread.name)

    async def _require(self) -> None:
        await self._kafka.require()
        await require_schema(self._dsn)

    def _add(self, name: str, service: Callable[[asyncio.Event], Awaitable[None]]) -> None:
        def tell(error: BaseException) -> None:
            self.state.notify(f"{name} has ended: {error}", datetime.now(UTC), "error")

        self._threads.append(ServiceThread(name, service, tell))


def whence(environ: Mapping[str, str]) -> str:
    """From where somebody acts, for the audit: this host, and over SSH or by a browser also where they came from.

    >>> whence({"SSH_CONNECTION": "10.0.4.9 52114 10.0.4.1 22"}).partition(" ")[2]
    'from 10.0.4.9'
    """
    client = environ.get(BROWSER_AT) or environ.get("SSH_CONNECTION", "").partition(" ")[0]
    return f"{socket.gethostname()} from {client}" if client else socket.gethostname()


def operator() -> str:
    """Who sits at this terminal, as the audit names them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
