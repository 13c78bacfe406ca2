"""The local plant as it really is: real brokers, a real database, processes that are killed.

Tests that need the module's plant up ask for `plant`, those that begin by stopping it for `shared`: a start of three
brokers takes five seconds of a core, so that a test that ends with the plant down is followed by one of the latter.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.describe import describe_topics
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.config import Settings
from controlroom.errors import NotRunning, PlantError, PortTaken
from controlroom.local import LocalPlant, Step, locate, stopping
from controlroom.local import ports as plant_ports
from controlroom.local.paths import cache_dir
from controlroom.local.progress import Cancelled
from controlroom.local.state import ProcessId, read_state, write_state
from controlroom.wire import TopicSpec

EVERYTHING = frozenset({"broker-1", "broker-2", "broker-3", "database"})


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalPlant]:
    """A plant that this module's tests take down and up again."""
    directory = Path(tempfile.mkdtemp(prefix="controlroom-test-"))
    plant = LocalPlant(directory, ports=plant_ports.free_ports(3))
    try:
        plant.start()
        yield plant
    finally:
        plant.stop()
        assert processes_of(directory) == []
        shutil.rmtree(directory)


@pytest.fixture
def plant(shared: LocalPlant) -> LocalPlant:
    """The module's plant, up at the test's begin."""
    shared.start()
    return shared


def processes_of(directory: Path) -> list[psutil.Process]:
    """Every process that names the plant's directory or works in it."""
    found = []
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
            inside = str(directory) in words or Path(process.cwd()).is_relative_to(directory)
        except (psutil.Error, OSError):
            continue
        if inside and process.pid != psutil.Process().pid and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def wait_for(condition: Callable[[], bool], patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.02)


def pids(plant: LocalPlant) -> dict[str, int | None]:
    return {component.name: component.pid for component in plant.status().components}


async def query(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def test_status_tells_each_component(plant: LocalPlant) -> None:
    status = plant.status()
    assert status.running
    assert {component.name for component in status.components} == EVERYTHING
    for component in status.components:
        assert component.state == "running"
        assert component.pid is not None
        assert component.rss is not None
        assert component.rss > 20_000_000
        assert component.uptime is not None
        assert component.version in {"4.3.1", "18.4"}
        with socket.create_connection(("127.0.0.1", component.port), timeout=5):
            pass


def test_a_second_start_starts_nothing_and_finds_the_same(plant: LocalPlant) -> None:
    before = pids(plant)
    other = LocalPlant(plant.paths.root)
    assert other.start() == plant.start() == locate(plant.paths.root)
    assert other.started == plant.started == frozenset()
    assert pids(plant) == before


def test_every_socket_listens_on_loopback_only(plant: LocalPlant) -> None:
    listening = [
        connection.laddr
        for component in plant.status().components
        for connection in psutil.Process(component.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) == 7  # three clients' and three controllers' listeners, and PostgreSQL
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


async def test_the_database_wants_its_password_and_keeps_what_it_confirmed(plant: LocalPlant) -> None:
    dsn = plant.start().dsn
    with pytest.raises(asyncpg.InvalidPasswordError):
        await query(re.sub(r":[^:@/]*@", ":wrong@", dsn), "SELECT 1")
    assert await query(dsn, "SHOW fsync") == "on"
    assert plant.paths.password.stat().st_mode & 0o077 == 0
    assert "password" not in plant.paths.state.read_text()


async def test_everything_killed_comes_back_with_its_data_on_the_same_ports(plant: LocalPlant) -> None:
    endpoints = plant.start()
    topic = "survives-a-crash"
    await ensure_topics(endpoints.brokers, [TopicSpec(topic, 2, {})])
    await query(endpoints.dsn, "CREATE TABLE IF NOT EXISTS survives (id integer)")
    for process in processes_of(plant.paths.root):
        process.kill()
    wait_for(lambda: processes_of(plant.paths.root) == [])
    assert {component.state for component in plant.status().components} == {"dead"}
    assert locate(plant.paths.root) is None
    assert plant.start() == endpoints
    assert plant.started == EVERYTHING
    assert topic in {topic.name for topic in await describe_topics(KafkaConnection.of(endpoints.brokers, Settings()))}
    assert await query(endpoints.dsn, "SELECT count(*) FROM survives") == 0


def test_stop_leaves_no_process_and_a_stopped_plant(plant: LocalPlant) -> None:
    assert plant.stop() == EVERYTHING
    assert processes_of(plant.paths.root) == []
    assert {component.state for component in plant.status().components} == {"stopped"}
    assert locate(plant.paths.root) is None
    assert plant.stop() == frozenset()


def test_a_number_that_belongs_to_another_program_now_is_never_signalled(shared: LocalPlant) -> None:
    shared.stop()
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        state = read_state(shared.paths.state)
        assert state is not None
        assert state.database is not None
        for component in (*state.brokers, state.database):
            component.process = ProcessId(bystander.pid, psutil.Process(bystander.pid).create_time() - 100)
        write_state(shared.paths.state, state)
        assert {component.state for component in shared.status().components} == {"dead"}
        assert shared.stop() == frozenset()
        assert bystander.poll() is None
        assert shared.start()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_only_what_was_started_is_stopped_again(plant: LocalPlant) -> None:
    plant.broker(2).stop()
    terminal = LocalPlant(plant.paths.root)
    terminal.start()
    assert terminal.started == {"broker-2"}
    assert terminal.stop(only=terminal.started) == {"broker-2"}
    states = {component.name: component.state for component in plant.status().components}
    assert states == {"broker-1": "running", "broker-2": "stopped", "broker-3": "running", "database": "running"}


def test_a_broker_is_killed_and_started_again(plant: LocalPlant) -> None:
    plant.broker(1).kill()
    assert {component.name: component.state for component in plant.status().components}["broker-1"] == "dead"
    with pytest.raises(NotRunning):
        plant.broker(1).kill()
    assert locate(plant.paths.root) is not None  # two of three still serve
    plant.broker(1).start()
    assert plant.status().running


def test_down_while_a_broker_is_dead(plant: LocalPlant) -> None:
    plant.broker(3).kill()
    assert plant.stop() == EVERYTHING - {"broker-3"}
    assert processes_of(plant.paths.root) == []
    plant.start()
    assert plant.status().running


def test_processes_that_were_never_written_down_are_found(plant: LocalPlant) -> None:
    before = pids(plant)
    state = read_state(plant.paths.state)
    assert state is not None
    assert state.database is not None
    for component in (*state.brokers, state.database):
        component.process = None
    write_state(plant.paths.state, state)
    plant.start()
    assert plant.started == frozenset()
    assert pids(plant) == before


def test_a_port_that_was_taken_meanwhile_is_replaced(shared: LocalPlant) -> None:
    shared.stop()
    state = read_state(shared.paths.state)
    assert state is not None
    taken = state.brokers[1].port
    other = LocalPlant(shared.paths.root)
    with socket.create_server(("127.0.0.1", taken)):
        endpoints = other.start()
        assert str(taken) not in endpoints.brokers
        assert other.status().running
    other.stop()


def test_the_heap_is_a_setting_that_stays(shared: LocalPlant) -> None:
    shared.stop()
    LocalPlant(shared.paths.root, heap="128m").start()
    shared.stop()
    shared.start()
    for component in shared.status().components[:3]:
        assert "-Xmx128m" in psutil.Process(component.pid).cmdline()


def test_a_port_that_was_asked_for_and_is_taken_is_told_and_nothing_is_left(plant_dir: Path) -> None:
    first, second, third = plant_ports.free_ports(3)
    with socket.create_server(("127.0.0.1", second)), pytest.raises(PortTaken, match=f"port {second} is used by"):
        LocalPlant(plant_dir, ports=(first, second, third)).start()
    assert processes_of(plant_dir) == []


def test_other_ports_for_brokers_that_run_are_refused(plant: LocalPlant) -> None:
    with pytest.raises(PlantError, match="down"):
        LocalPlant(plant.paths.root, ports=plant_ports.free_ports(3)).start()
    assert plant.status().running


def test_a_start_that_is_called_off_leaves_nothing(plant_dir: Path) -> None:
    cancel = threading.Event()

    def give_up(step: Step) -> None:
        if step.name == "brokers":
            cancel.set()

    with pytest.raises(Cancelled):
        LocalPlant(plant_dir).start(give_up, cancel=cancel)
    assert processes_of(plant_dir) == []


def test_a_start_that_is_called_off_leaves_alone_what_ran_before(plant: LocalPlant) -> None:
    plant.broker(2).stop()
    cancel = threading.Event()

    def give_up(step: Step) -> None:
        if step.name == "brokers":
            cancel.set()

    with pytest.raises(Cancelled):
        LocalPlant(plant.paths.root).start(give_up, cancel=cancel)
    states = {component.name: component.state for component in plant.status().components}
    assert states == {"broker-1": "running", "broker-2": "stopped", "broker-3": "running", "database": "running"}


def test_a_broker_that_cannot_start_ends_the_start_with_its_own_words(shared: LocalPlant) -> None:
    shared.stop()
    meta = shared.paths.broker_data(2) / "meta.properties"
    right = meta.read_text()
    meta.write_text(right.replace("node.id=2", "node.id=7"))
    try:
        with pytest.raises(PlantError, match=r"broker-2 ended while it started \(.*node"):
            shared.start()
        assert processes_of(shared.paths.root) == []
    finally:
        meta.write_text(right)


def test_a_lone_broker_is_started_though_it_cannot_serve_yet(shared: LocalPlant) -> None:
    shared.stop()
    told: list[Step] = []
    shared.broker(2).start(told.append)
    assert any("cannot serve until another broker runs" in step.text for step in told)
    shared.start()
    assert shared.status().running


def test_clean_refuses_while_it_runs(plant: LocalPlant) -> None:
    with pytest.raises(PlantError, match="runs"):
        plant.clean()
    assert plant.status().running


def test_without_a_class_cache_the_first_stop_writes_one_and_a_plant_is_cleaned_by_force(
    plant_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the cache takes longer than a user would be made to wait for it.
    monkeypatch.setattr(stopping, "_PATIENCE", 120.0)
    monkeypatch.setitem(stopping.Stop.run.__kwdefaults__, "patience", 120.0)
    cache = tmp_path / "cache"
    jars = next(path for path in cache_dir().iterdir() if path.is_dir() and path.name.startswith("kafka-"))
    shutil.copytree(jars, cache / jars.name)
    plant = LocalPlant(plant_dir, cache=cache)
    plant.start()
    assert list(cache.glob("*.aot")) == []
    told: list[Step] = []
    plant.stop(told.append)
    assert any("class cache" in step.text for step in told)
    (written,) = cache.glob("*.aot")
    assert written.stat().st_size > 30_000_000
    assert list(cache.glob("*.new*")) == []
    with written.open("r+b") as file:  # damage it where Java would not look
        file.seek(20_000_000)
        file.write(b"damage")
    plant.start()
    assert plant.status().running
    assert not written.exists()
    # By force it is stopped first, also when its own record of its processes is of no use.
    plant.paths.state.write_text("damaged")
    plant.clean(force=True)
    assert processes_of(plant_dir) == []
    assert not plant.exists()
