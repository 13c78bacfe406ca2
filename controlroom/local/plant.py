"""The local plant as a whole: three Kafka brokers and PostgreSQL, brought up and down together.

All methods block; call them from a thread (`asyncio.to_thread`) where a loop runs. Changes are made under a lock on the
plant's directory, so that two that start at once start one plant.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from controlroom.errors import NoSpace, NotRunning, PlantError
from controlroom.local import java, postgres
from controlroom.local.aot import ClassCache
from controlroom.local.endpoints import Endpoints, endpoints_of
from controlroom.local.jars import JarStore
from controlroom.local.kafka import BrokerProcess, new_cluster_id
from controlroom.local.paths import PlantPaths, cache_dir
from controlroom.local.postgres import DatabaseProcess
from controlroom.local.process import ended
from controlroom.local.progress import Progress, Reporter, silent
from controlroom.local.starting import BROKERS, Start
from controlroom.local.state import PlantState, read_state, unknown_state
from controlroom.local.status import PlantStatus, component
from controlroom.local.stopping import Stop

DEFAULT_HEAP = "96m"

_SPACE_NEW = 600_000_000
_SPACE_AGAIN = 200_000_000
_LOCK_POLL = 0.1
_KILL_TIMEOUT = 10.0


class LocalPlant:
    """Three real Kafka brokers and a real PostgreSQL in one directory.

    Attributes:
        started: names of the components that `start` of this very object started: what a program that brought the
            plant up for itself stops again when it ends.
    """

    def __init__(
        self, directory: Path, *, heap: str | None = None, ports: Sequence[int] | None = None, cache: Path | None = None
    ) -> None:
        """Describe a plant; nothing is touched yet.

        Args:
            directory: where it keeps its state.
            heap: Java heap of each broker, as `-Xmx` takes it; by default what the plant was started with last, or 96m.
            ports: the brokers' ports for clients, which must then be free; by default 9092, 9094 and 9096 or others.
            cache: directory of fetched files; by default the user's cache.
        """
        self.paths = PlantPaths(directory.expanduser().absolute())
        self.started: frozenset[str] = frozenset()
        self._heap = heap
        self._ports = tuple(ports) if ports else None
        self._cache = cache or cache_dir()
        self._jars = JarStore(self._cache)
        self._database = DatabaseProcess(self.paths)

    def start(self, progress: Progress = silent, *, cancel: threading.Event | None = None) -> Endpoints:
        """Start what does not run yet, and wait until all of it answers.

        Args:
            progress: is told each step; it may be called from other threads, one call at a time.
            cancel: set it from another thread, or a signal handler, to give up.

        Returns:
            Where the plant answers. `started` then names what was started; it is empty when everything ran already.

        Raises:
            PlantError: it could not be brought up. Whatever this call had started is stopped again.
        """
        reporter = Reporter(progress, cancel)
        self._prepare_directory()
        with self._locked(reporter):
            state = read_state(self.paths.state)
            self._check_space(new=state is None)
            state = state or PlantState(cluster_id=new_cluster_id(), heap=DEFAULT_HEAP, brokers=[])
            state.heap = self._heap or state.heap
            start = Start(self.paths, self._jars, self._class_cache(), state, reporter)
            self.started = start.run(self._ports)
            return endpoints_of(self.paths, state)

    def start_broker(self, number: int, progress: Progress = silent) -> None:
        """See `Broker.start`."""
        reporter = Reporter(progress)
        state = read_state(self.paths.state)
        if state is None:
            raise NotRunning(f"there is no plant in {self.paths.root}", hint="`controlroom up` first")
        with self._locked(reporter):
            state = read_state(self.paths.state) or state
            Start(self.paths, self._jars, self._class_cache(), state, reporter).run(only=(f"broker-{number}",))

    def stop(self, progress: Progress = silent, *, only: Collection[str] | None = None) -> frozenset[str]:
        """Stop the plant in good order; what does not end in time is killed.

        Args:
            progress: is told each step.
            only: names of the components to stop (`started`, say); by default all.

        Returns:
            Names of what was stopped; empty when nothing ran.
        """
        if not self.paths.root.is_dir():
            return frozenset()
        reporter = Reporter(progress)
        with self._locked(reporter):
            state = read_state(self.paths.state)
            if state is None:
                return frozenset()
            stop = Stop(self.paths, self._jars, self._class_cache(), state, reporter)
            stopped = stop.run(only)
            self.started -= stopped
            return stopped

    def status(self) -> PlantStatus:
        """What runs, by a look at the processes; nothing is asked over the network."""
        state = read_state(self.paths.state)
        components = []
        if state is not None:
            for broker in state.brokers:
                running = self._process(broker.id).find(broker.process)
                components.append(
                    component(
                        f"broker-{broker.id}",
                        broker.port,
                        self._jars.manifest.kafka,
                        running,
                        was_started=broker.process is not None,
                    )
                )
            if state.database is not None:
                database = state.database
                running = self._database.find(database.process)
                components.append(
                    component(
                        self._database.name,
                        database.port,
                        postgres.version(),
                        running,
                        was_started=database.process is not None,
                    )
                )
        return PlantStatus(str(self.paths.root), tuple(components))

    def broker(self, number: int) -> Broker:
        """One broker, for drills.

        Raises:
            PlantError: there is no such broker.
        """
        if number not in BROKERS:
            raise PlantError(f"there is no broker {number}", hint="brokers are 1, 2 and 3")
        return Broker(self, number)

    def exists(self) -> bool:
        """Whether there is a plant in the directory, running or not, whole or not."""
        return any(path.exists() for path in (self.paths.state, self.paths.database, self.paths.root / "kafka"))

    def require_cleanable(self, *, force: bool = False) -> None:
        """Check that `clean` would do it.

        Raises:
            PlantError: it runs, or its state is damaged; `force` cleans it all the same.
        """
        if not force and not self.status().stopped:
            raise PlantError(f"the plant in {self.paths.root} runs", hint="`controlroom down` first, or --force")

    def clean(self, progress: Progress = silent, *, force: bool = False) -> None:
        """Delete the plant's data, logs and state. The cache of fetched files stays.

        Args:
            progress: is told each step.
            force: stop it first if it runs; its processes are found even if the state file is damaged.

        Raises:
            PlantError: as `require_cleanable`.
        """
        if not self.exists():
            return
        reporter = Reporter(progress)
        with self._locked(reporter):
            self.require_cleanable(force=force)
            try:
                state = read_state(self.paths.state)
            except PlantError:
                state = None  # then the processes are found by their command lines
            Stop(self.paths, self._jars, self._class_cache(), state or unknown_state(), reporter).run()
            with reporter.step("clean", "deleting what is stored"):
                for path in (self.paths.state, self.paths.password):
                    path.unlink(missing_ok=True)
                for pattern in ("kafka", "postgres", "postgres.new-*", "logs"):
                    for directory in self.paths.root.glob(pattern):
                        shutil.rmtree(directory, ignore_errors=True)

    def verify_files(self) -> list[str]:
        """Hash every fetched file and look at the Java runtime; returns one line for each problem."""
        problems = self._jars.verify()
        if missing := java.missing_modules():
            problems.append(f"the Java runtime lacks {', '.join(sorted(missing))}")
        return problems

    def _process(self, number: int) -> BrokerProcess:
        return BrokerProcess(self.paths, self._jars, number)

    def _class_cache(self) -> ClassCache:
        return ClassCache.of(self._cache, self._jars)

    def _prepare_directory(self) -> None:
        if "," in str(self.paths.root):
            raise PlantError(
                f"{self.paths.root} has a comma in its name, where Kafka begins another directory",
                hint="choose another directory with --dir",
            )
        try:
            for path in (self.paths.root, self.paths.logs, self.paths.root / "kafka"):
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PlantError(
                f"{error.filename} cannot be made ({error.strerror})", hint="choose another directory with --dir"
            ) from error

    def _check_space(self, *, new: bool) -> None:
        for path in {self.paths.root, self._cache}:
            needed, free = _SPACE_NEW if new else _SPACE_AGAIN, shutil.disk_usage(path).free
            if free < needed:
                raise NoSpace(
                    f"{path} has {free / 1e6:.0f} MB left, the plant needs {needed / 1e6:.0f} MB",
                    hint="make room, or choose another directory with --dir",
                )

    @contextmanager
    def _locked(self, reporter: Reporter) -> Iterator[None]:
        try:
            lock = FileLock(self.paths.lock)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                with reporter.step("lock", "another controlroom is changing this plant; waiting for it"):
                    while True:
                        reporter.pause(_LOCK_POLL)
                        try:
                            lock.acquire(blocking=False)
                            break
                        except Timeout:
                            continue
        except OSError as error:
            raise PlantError(
                f"{self.paths.lock} cannot be written ({error.strerror})", hint="choose another directory with --dir"
            ) from error
        try:
            yield
        finally:
            lock.release()


class Broker:
    """One broker of a plant: stop it in good order, kill it, start it again."""

    def __init__(self, plant: LocalPlant, number: int) -> None:
        self._plant = plant
        self._number = number
        self._name = f"broker-{number}"

    def stop(self, progress: Progress = silent) -> None:
        """Stop the broker in good order; its partitions get other leaders first.

        Raises:
            NotRunning: it does not run.
        """
        if not self._plant.stop(progress, only=(self._name,)):
            raise NotRunning(f"{self._name} does not run", hint="see `controlroom status`")

    def kill(self) -> None:
        """End the broker as a crash would: SIGKILL, noticed by nobody but the cluster.

        Raises:
            NotRunning: it does not run.
        """
        status = {component.name: component for component in self._plant.status().components}.get(self._name)
        if status is None or status.pid is None:
            raise NotRunning(f"{self._name} does not run", hint="see `controlroom status`")
        running = psutil.Process(status.pid)
        running.kill()
        # Not `wait`: where its parent is a control room that runs, it stays a zombie until that one reaps it.
        deadline = time.monotonic() + _KILL_TIMEOUT
        while not ended(running) and time.monotonic() < deadline:
            time.sleep(_LOCK_POLL)

    def start(self, progress: Progress = silent) -> None:
        """Start the broker, and wait until it serves and counts all brokers that run as alive.

        One that runs already is left alone. Without a majority of brokers it cannot serve; then it is only started.

        Raises:
            NotRunning: there is no plant.
            PlantError: it did not come up.
        """
        self._plant.start_broker(self._number, progress)
