"""The control room's link on a real plant: what it shows is what is there, and orders reach the simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from controlroom.adapters.console.link import Link
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.config import Settings, load_settings
from controlroom.core.plant_state import PlantState
from controlroom.local import Endpoints, LocalPlant
from controlroom.wire import FaultSpec, Location, Metadata, Reading, SensorSpec, encode_reading
from simulator.runner import Options, Simulator
from tests.conftest import MakeTopic

SPEC = SensorSpec(sensor_id="temp-9", sensor_type="temperature", location=Location(zone="zone-a"), interval=0.1)


@pytest.fixture
async def settings(endpoints: Endpoints, topics: MakeTopic, database: str) -> Settings:
    data = await topics("data", partitions=3, config={"message.timestamp.type": "LogAppendTime"})
    return load_settings(
        brokers=endpoints.brokers,
        dsn=database,
        sensor_topic=data,
        alerts_topic=await topics("alerts", partitions=2),
        commands_topic=await topics("commands", config={"cleanup.policy": "compact"}),
        status_topic=await topics("status", config={"cleanup.policy": "compact"}),
        bridges_topic=await topics("bridges", config={"cleanup.policy": "compact"}),
        group=f"group-{data}",
    )


class Running:
    """Services in this loop, stopped together."""

    def __init__(self, settings: Settings) -> None:
        assert settings.brokers is not None
        assert settings.dsn is not None
        self.settings = settings
        self.kafka = KafkaConnection.of(settings.brokers, settings)
        self.dsn = settings.dsn.get_secret_value()
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def link(self) -> tuple[Link, PlantState]:
        state = PlantState()
        link = Link(self.kafka, self.dsn, self.settings.topics, self.settings.group, state, operator="tester")
        self._tasks.append(asyncio.create_task(link.run(self._stop)))
        return link, state

    def worker(self) -> None:
        worker = DetectionWorker(self.kafka, self.dsn, worker_options(self.settings))
        self._tasks.append(asyncio.create_task(worker.run(self._stop)))

    def simulator(self) -> None:
        options = Options(group=f"sim-{self.settings.sensor_topic}")
        simulator = Simulator(self.kafka.brokers, self.settings.topics, (), options)
        self._tasks.append(asyncio.create_task(simulator.run(self._stop)))

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)


@pytest.fixture
async def running(settings: Settings) -> AsyncIterator[Running]:
    services = Running(settings)
    yield services
    await services.stop()


async def until(condition: Callable[[], object], patience: float = 40.0) -> None:
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.05)


async def send(settings: Settings, values: list[float]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers, acks="all")
    await producer.start()
    for number, value in enumerate(values, start=1):
        reading = Reading(
            datetime.now(UTC), "real-1", "temperature", Location(), value, "°C", metadata=Metadata(number, 35.0, 40.0)
        )
        await producer.send_and_wait(settings.sensor_topic, key=b"real-1", value=encode_reading(reading))
    await producer.stop()


async def test_what_is_shown_is_what_is_there(running: Running, settings: Settings) -> None:
    running.worker()
    _, state = running.link()
    await send(settings, [25.0, 25.1, 41.0])
    # Readings and alarms come by topics of their own, and the probes by themselves: each is waited for.
    await until(lambda: "real-1" in state.sensors and state.sensors["real-1"].severity == 2)
    view = state.sensors["real-1"]
    await until(lambda: view.history.values(3) == [25.0, 25.1, 41.0])
    assert not view.simulated
    alarm = view.alarms["limit"]
    assert (alarm.state, alarm.value, alarm.simulated) == ("UNACK", 41.0, False)
    await until(lambda: state.pipeline is not None and state.pipeline.total_lag == 0)
    await until(lambda: state.cluster is not None and len(state.cluster.partitions) == 3 + 2 + 1 + 1 + 1)
    assert state.cluster is not None
    assert (state.cluster.online, state.cluster.quorum, state.cluster.leaderless) == (3, True, 0)
    assert state.database is not None
    assert state.database.reachable

    # A control room that opens later shows the same live alarm, though nothing happens any more.
    _, later = running.link()
    await until(lambda: "real-1" in later.sensors and "limit" in later.sensors["real-1"].alarms)
    assert later.sensors["real-1"].alarms["limit"].occurrence_id == alarm.occurrence_id
    # It is stopped when it is there, not while it connects: a client that is stopped at that moment may leave a socket.
    await until(lambda: later.sensors["real-1"].history.values(1) == [41.0])
    await until(lambda: None not in (later.pipeline, later.cluster, later.cluster_detail))


async def test_orders_reach_the_simulator_and_come_back_as_states(running: Running) -> None:
    link, state = running.link()
    running.simulator()
    orders = await asyncio.to_thread(lambda: link.orders)
    orders.spawn(SPEC)
    await until(lambda: "temp-9" in state.sensors and len(state.sensors["temp-9"].history) > 3)
    view = state.sensors["temp-9"]
    await until(lambda: view.state == "running")
    assert (view.simulated, view.unit) == (True, "°C")

    orders.pause("temp-9")
    await until(lambda: view.state == "paused")
    orders.resume("temp-9")
    await until(lambda: view.state == "running")

    fault = FaultSpec(fault_id="drill-1", fault="offset", start=datetime.now(UTC), magnitude=20.0, by="tester")
    orders.inject("temp-9", fault)
    await until(lambda: [f.fault_id for f in view.faults] == ["drill-1"])
    orders.clear("temp-9")
    await until(lambda: not view.faults)

    orders.spawn(SPEC)
    await until(lambda: any("there is a sensor of that name" in notice.text for notice in state.notices))
    orders.remove("temp-9")
    await until(lambda: "temp-9" not in state.sensors)
    orders.pause("temp-9")
    await until(lambda: state.notices[-1].level == "error")
    assert "takes no orders" in state.notices[-1].text


async def test_a_killed_broker_is_shown_and_so_is_its_return(
    running: Running, settings: Settings, plant: LocalPlant
) -> None:
    _, state = running.link()
    await until(lambda: state.cluster is not None and state.cluster.online == 3)
    await asyncio.to_thread(plant.broker(2).kill)
    try:
        await until(lambda: state.cluster is not None and state.cluster.online == 2, patience=5.0)
        await until(lambda: state.cluster is not None and state.cluster.quorum is True)
        await send(settings, [25.0, 26.0])
        await until(lambda: "real-1" in state.sensors and len(state.sensors["real-1"].history) == 2)
    finally:
        await asyncio.to_thread(plant.broker(2).start)
    await until(lambda: state.cluster is not None and state.cluster.online == 3 and not state.cluster.under_replicated)
