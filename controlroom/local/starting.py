"""Bring up what of a plant does not run: files, ports, formatting, processes, and the wait until all of it answers.

The database and the brokers come up side by side. If anything fails, or the start is called off, what was started here
is stopped again and what ran before is left alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from controlroom.errors import PlantError, PortTaken
from controlroom.local import java, ports, postgres, probe, process
from controlroom.local.aot import ClassCache
from controlroom.local.jars import JarStore
from controlroom.local.kafka import BrokerProcess
from controlroom.local.paths import PlantPaths
from controlroom.local.postgres import DatabaseProcess
from controlroom.local.progress import Reporter, Telling
from controlroom.local.state import BrokerState, DatabaseState, PlantState, ProcessId, write_state
from controlroom.local.stopping import Stop

BROKERS = (1, 2, 3)
TRAINEE = 3  #: the broker that records the class cache when there is none

_READY_TIMEOUT = 120.0
_POLL = 0.05
_PORT_TRIES = 3


class _PortLost(Exception):
    """A port that was free when it was picked was taken before our process listened on it."""


class Start:
    """One start of a plant; holds the plant's lock for its whole life."""

    def __init__(
        self, paths: PlantPaths, jars: JarStore, classes: ClassCache, state: PlantState, reporter: Reporter
    ) -> None:
        self._paths = paths
        self._jars = jars
        self._classes = classes
        self._state = state
        self._reporter = reporter
        self._database = DatabaseProcess(paths)
        self._processes = {number: BrokerProcess(paths, jars, number) for number in BROKERS}
        self._saving = threading.Lock()
        self._started: set[str] = set()

    def run(self, asked: Sequence[int] | None = None, *, only: Collection[str] | None = None) -> frozenset[str]:
        """Start what is missing and wait for it.

        Args:
            asked: the brokers' ports if the user chose them.
            only: names of the components to start; by default all.

        Returns:
            Names of the components that were started.
        """
        running = self._recognise()
        names = {self._database.name, *(item.name for item in self._processes.values())}
        missing = (names if only is None else names & set(only)) - running
        if asked and running - {self._database.name} and tuple(asked) != tuple(b.port for b in self._state.brokers):
            raise PlantError(
                f"the brokers run on {', '.join(str(b.port) for b in self._state.brokers)}",
                hint="`controlroom down` first, then `up` with other ports",
            )
        if not missing:
            return frozenset()
        try:
            self._assign_ports(missing, asked)
            self._save()  # before anything is made for it: whoever takes up after a kill -9 must find the same cluster
            self._bring_up(missing, repick=asked is None and not running)
        except BaseException:
            self._roll_back()
            raise
        return frozenset(self._started)

    def _recognise(self) -> set[str]:
        """Names of what runs already, also of processes whose starter died before writing them down."""
        running = set()
        pairs = [(broker, self._processes[broker.id]) for broker in self._state.brokers]
        components: list[tuple[BrokerState | DatabaseState, BrokerProcess | DatabaseProcess]] = [*pairs]
        if self._state.database is not None:
            components.append((self._state.database, self._database))
        for noted, item in components:
            found = item.find(noted.process)
            if found is None and (found := process.search(item.marker)) is not None:
                noted.process = process.identity_of(found)
                self._save()
            if found is not None:
                running.add(item.name)
        return running

    def _assign_ports(self, missing: set[str], asked: Sequence[int] | None) -> None:
        state = self._state
        if asked:
            down = [item.name in missing for item in self._processes.values()]
            ports.require_free(port for port, is_down in zip(asked, down, strict=True) if is_down)
        if not state.brokers:
            clients = asked or ports.pick(ports.PREFERRED_BROKER_PORTS)
            controllers = ports.free_ports(len(BROKERS), avoid=clients)
            state.brokers = [
                BrokerState(id=number, port=client, controller_port=controller)
                for number, client, controller in zip(BROKERS, clients, controllers, strict=True)
            ]
        else:
            self._reassign_ports(missing, asked)
        if state.database is None:
            state.database = DatabaseState(port=ports.free_ports(1, avoid=self._taken())[0])
        elif self._database.name in missing:
            state.database.port = ports.pick([state.database.port])[0]

    def _reassign_ports(self, missing: set[str], asked: Sequence[int] | None) -> None:
        """Keep the ports of last time where they are free still, so that clients find the plant where it was."""
        down = [broker for broker in self._state.brokers if self._processes[broker.id].name in missing]
        if asked:
            for broker, port in zip(self._state.brokers, asked, strict=True):
                broker.port = port
        for broker in down:
            others = self._taken() - {broker.port, broker.controller_port}
            broker.port, controller = ports.pick([broker.port, broker.controller_port], avoid=others)
            if controller != broker.controller_port and len(down) < len(BROKERS):
                # The brokers that run know this controller by its old port, and read that only when they start.
                raise PortTaken(
                    f"port {broker.controller_port} of controller {broker.id} is used by "
                    f"{ports.owner(broker.controller_port) or 'another program'}",
                    hint="`controlroom down`, then `controlroom up`",
                )
            broker.controller_port = controller

    def _taken(self) -> set[int]:
        found = {port for broker in self._state.brokers for port in (broker.port, broker.controller_port)}
        return found | ({self._state.database.port} if self._state.database else set())

    def _bring_up(self, missing: set[str], *, repick: bool) -> None:
        jobs: list[Callable[[], None]] = []
        wanted = [number for number, item in self._processes.items() if item.name in missing]
        if wanted:
            jobs.append(lambda: self._bring_up_brokers(wanted, repick=repick))
        if self._database.name in missing:
            jobs.append(self._bring_up_database)
        self._side_by_side(jobs)
        # Called off while the last part of it came up.
        self._reporter.check()

    def _side_by_side(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run jobs at once; the first that fails, or an interrupt, calls the others off."""
        with ThreadPoolExecutor(len(jobs), thread_name_prefix="plant") as pool:
            futures = [pool.submit(job) for job in jobs]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                self._reporter.abort()
                raise

    def _bring_up_brokers(self, wanted: Sequence[int], *, repick: bool) -> None:
        java.executable()
        self._jars.ensure(self._reporter)
        for attempt in range(_PORT_TRIES):
            try:
                self._start_brokers(wanted)
            except _PortLost as error:
                if not repick or attempt == _PORT_TRIES - 1:
                    raise PortTaken(str(error), hint="try again, or choose ports with --ports") from error
                self._stop({self._processes[number].name for number in wanted})
                self._reassign_ports({self._processes[number].name for number in wanted}, None)
            else:
                return

    def _start_brokers(self, wanted: Sequence[int]) -> None:
        for number in wanted:
            self._processes[number].configure(self._state.brokers)
        fresh = [self._processes[number] for number in wanted if not self._processes[number].formatted()]
        if fresh:
            with self._reporter.step("format", f"formatting {len(fresh)} brokers"):
                fresh[0].format(self._state.cluster_id, self._reporter, self._classes.use())
                for item in fresh[1:]:
                    if not item.format_like(fresh[0]):
                        item.format(self._state.cluster_id, self._reporter, self._classes.use())
        with self._reporter.step("brokers", f"starting {_listing(wanted)}") as tell:
            for number in wanted:
                flags = self._classes.use()
                if not flags and number == TRAINEE:
                    flags = self._classes.train(self._state.cluster_id)
                broker = self._broker(number)
                broker.process = self._processes[number].start(self._state.heap, flags)
                self._note(self._processes[number].name)
            self._await_brokers(wanted, tell)

    def _await_brokers(self, wanted: Sequence[int], tell: Telling) -> None:
        """Wait until each of `wanted` serves clients and counts all brokers that run as alive."""
        alive = {b.id for b in self._state.brokers if self._processes[b.id].find(b.process) is not None}
        if len(alive) * 2 <= len(BROKERS):
            tell.conclude(f"started {_listing(wanted)}, which cannot serve until another broker runs")
            return
        waiting = set(wanted)
        deadline = time.monotonic() + _READY_TIMEOUT
        while True:
            for number in sorted(waiting):
                if alive <= probe.known_brokers(self._broker(number).port, cluster=self._state.cluster_id):
                    waiting.discard(number)
                    if waiting:
                        tell(f"{_listing(sorted(set(wanted) - waiting))} up")
                else:
                    self._check_alive(number)
            if not waiting:
                tell.conclude(f"{_listing(wanted)} up")
                return
            if time.monotonic() > deadline:
                raise PlantError(
                    f"{_listing(sorted(waiting))} did not come up within {_READY_TIMEOUT:.0f} s",
                    hint=f"see {self._paths.logs}",
                )
            self._reporter.pause(_POLL)

    def _check_alive(self, number: int) -> None:
        item, broker = self._processes[number], self._broker(number)
        if item.find(broker.process) is not None:
            return
        for port in (broker.port, broker.controller_port):
            if not ports.is_free(port):
                raise _PortLost(f"port {port} was taken by {ports.owner(port) or 'another program'} meanwhile")
        raise PlantError(f"{item.name} ended while it started ({item.why_it_ended()})", hint=f"see {item.log}")

    def _bring_up_database(self) -> None:
        database = self._state.database
        assert database is not None
        if opened := self._database.open_the_way():
            with self._reporter.step("account", f"PostgreSQL's account may pass through {', '.join(map(str, opened))}"):
                pass  # nothing more to do, but whoever runs this as root should know
        if not self._database.initialised():
            with self._reporter.step("initdb", "creating the database"):
                self._database.initialise()
        with self._reporter.step("database", f"starting PostgreSQL {postgres.version()}") as tell:
            for attempt in range(_PORT_TRIES):
                database.process = self._database.start(database.port)
                self._note(self._database.name)
                if self._await_database(database.process):
                    break
                if attempt == _PORT_TRIES - 1:
                    raise PlantError(
                        f"PostgreSQL ended while it started ({self._database.why_it_ended()})",
                        hint=f"see {self._database.log}",
                    )
                # Either the port was taken meanwhile, or children of a killed server still hold its shared memory.
                database.port = ports.pick([database.port])[0]
                self._reporter.pause(1.0)
            if not database.created:
                self._database.create_database(database.port)
                database.created = True
                self._save()
            tell.conclude(f"PostgreSQL {postgres.version()} up on port {database.port}")

    def _await_database(self, identity: ProcessId) -> bool:
        """Wait until the server answers; False when it ended instead."""
        deadline = time.monotonic() + _READY_TIMEOUT
        while not self._database.ready(identity):
            if self._database.find(identity) is None:
                return False
            if time.monotonic() > deadline:
                raise PlantError(
                    f"PostgreSQL did not answer within {_READY_TIMEOUT:.0f} s", hint=f"see {self._database.log}"
                )
            self._reporter.pause(_POLL)
        return True

    def _broker(self, number: int) -> BrokerState:
        return next(broker for broker in self._state.brokers if broker.id == number)

    def _note(self, name: str) -> None:
        """Remember that a component was started here, and write its process down at once."""
        self._started.add(name)
        self._save()

    def _save(self) -> None:
        with self._saving:
            write_state(self._paths.state, self._state)

    def _stop(self, names: Collection[str]) -> None:
        Stop(self._paths, self._jars, self._classes, self._state, Reporter(lambda _: None)).run(names, patience=5.0)

    def _roll_back(self) -> None:
        if self._started:
            self._stop(self._started)


def _listing(numbers: Sequence[int]) -> str:
    return f"{'broker' if len(numbers) == 1 else 'brokers'} {', '.join(str(number) for number in numbers)}"
