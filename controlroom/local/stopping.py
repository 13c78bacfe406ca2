"""Take down what of a plant runs, in good order and within bounded time."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection
from dataclasses import dataclass

import psutil

from controlroom.local import process
from controlroom.local.aot import ClassCache
from controlroom.local.jars import JarStore
from controlroom.local.kafka import BrokerProcess
from controlroom.local.paths import PlantPaths
from controlroom.local.postgres import DatabaseProcess
from controlroom.local.progress import Reporter
from controlroom.local.state import PlantState, write_state

_PATIENCE = 30.0
_GRACE = 0.3  #: for a broker that has closed its logs, and only its controller waits
_GRACE_OPEN = 3.0  #: for one that has not: without a majority of controllers nobody lets it go, and its logs are
#: checked when it starts again
_POLL = 0.03


@dataclass
class _Leaving:
    """A component on its way down."""

    item: BrokerProcess | DatabaseProcess
    process: psutil.Process
    trainee: bool = False
    asked: bool = False

    def ask(self) -> None:
        if not self.asked:
            self.item.ask_to_stop(self.process)
            self.asked = True


class Stop:
    """One stop of a plant; holds the plant's lock for its whole life."""

    def __init__(
        self, paths: PlantPaths, jars: JarStore, classes: ClassCache, state: PlantState, reporter: Reporter
    ) -> None:
        self._paths = paths
        self._jars = jars
        self._classes = classes
        self._state = state
        self._reporter = reporter

    def run(self, only: Collection[str] | None = None, *, patience: float = _PATIENCE) -> frozenset[str]:
        """Stop components and wait for their end.

        Args:
            only: names of the components; by default all that run.
            patience: seconds until what has not ended is killed.

        Returns:
            Names of the components that were stopped.
        """
        leaving = {one.item.name: one for one in self._find() if only is None or one.item.name in only}
        if leaving:
            names = frozenset(leaving)
            with self._reporter.step("stop", f"stopping {', '.join(leaving)}") as tell:
                self._ask(leaving.values(), patience / 3)
                if any(one.trainee for one in leaving.values()):
                    with self._reporter.step(
                        "classes", "writing the class cache, once: later starts take half the time"
                    ):
                        self._await(leaving, patience)
                else:
                    self._await(leaving, patience)
                tell.conclude(f"stopped {', '.join(sorted(names))}")
        else:
            names = frozenset()
        self._forget(only)
        return names

    def _find(self) -> list[_Leaving]:
        found = []
        for broker in self._state.brokers:
            item = BrokerProcess(self._paths, self._jars, broker.id)
            running = item.find(broker.process) or process.search(item.marker)
            if running is not None:
                found.append(_Leaving(item, running, trainee=_is_trainee(running)))
        if self._state.database is not None:
            database = DatabaseProcess(self._paths)
            running = database.find(self._state.database.process) or process.search(database.marker)
            if running is not None:
                found.append(_Leaving(database, running))
        return found

    def _ask(self, leaving: Collection[_Leaving], head_start: float) -> None:
        """Ask all to stop, a trainee up to `head_start` seconds before the others.

        A broker whose controller leads the quorum waits 5 s for a successor when it goes last; the trainee is also to
        write the class cache, so it goes while others can succeed it.
        """
        for one in leaving:
            if one.trainee or isinstance(one.item, DatabaseProcess):
                one.ask()
        deadline = time.monotonic() + head_start
        for one in leaving:
            while one.trainee and not _flushed(one) and not process.ended(one.process) and time.monotonic() < deadline:
                time.sleep(_POLL)
        for one in leaving:
            one.ask()

    def _await(self, leaving: dict[str, _Leaving], patience: float) -> None:
        deadline = time.monotonic() + patience
        alone_since: float | None = None
        while leaving:
            for name, one in list(leaving.items()):
                if process.ended(one.process):
                    del leaving[name]
                    if one.trainee:
                        self._classes.adopt(self._state.cluster_id)
            now = time.monotonic()
            last = self._last_broker(leaving)
            if last is not None:
                alone_since = alone_since or now
                if now - alone_since > _grace(last):
                    process.send(last.process, signal.SIGKILL)
            if now > deadline:
                self._kill(leaving)
            time.sleep(_POLL)

    def _last_broker(self, leaving: dict[str, _Leaving]) -> _Leaving | None:
        """The leaving broker if no other runs: its controller waits in vain for a successor or for a majority."""
        brokers = [one for one in leaving.values() if isinstance(one.item, BrokerProcess)]
        if len(brokers) != 1:
            return None
        for other in self._state.brokers:
            item = BrokerProcess(self._paths, self._jars, other.id)
            if item.name != brokers[0].item.name and item.find(other.process) is not None:
                return None
        return brokers[0]

    @staticmethod
    def _kill(leaving: dict[str, _Leaving]) -> None:
        for one in leaving.values():
            for member in (one.process, *_children(one.process)):
                process.send(member, signal.SIGKILL)

    def _forget(self, only: Collection[str] | None) -> None:
        for broker in self._state.brokers:
            if only is None or f"broker-{broker.id}" in only:
                broker.process = None
        if self._state.database is not None and (only is None or "database" in only):
            self._state.database.process = None
        write_state(self._paths.state, self._state)


def _is_trainee(running: psutil.Process) -> bool:
    try:
        return any(word.startswith("-XX:AOTCacheOutput") for word in running.cmdline())
    except psutil.Error:
        return False


def _grace(last: _Leaving) -> float:
    """How long the last broker may still take, in seconds."""
    if not _flushed(last):
        return _GRACE_OPEN
    return _PATIENCE if last.trainee else _GRACE


def _flushed(one: _Leaving) -> bool:
    """Whether a broker has closed its logs cleanly: Kafka's own mark, which it removes when it starts."""
    assert isinstance(one.item, BrokerProcess)
    return (one.item.paths.broker_data(one.item.id) / ".kafka_cleanshutdown").is_file()


def _children(running: psutil.Process) -> list[psutil.Process]:
    try:
        return running.children(recursive=True)
    except psutil.Error:
        return []
