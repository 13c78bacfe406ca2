"""Runs a drill: simulated sensors and the real pipeline, at speed, on topics and a database of its own.

A drill goes many times faster than the clock, and must tell what would have happened at the clock's pace. So its time
is simulated time everywhere: the topic of its readings takes the time of a record from who sends it, the simulator
stamps each with the moment at which it would have been sent, and the detection worker knows no other time. Silence,
lateness and every delay of an alarm run on it. The time of a partition is told by its records alone: a partition of
which all sensors are silent stands still, which `check_silence` finds out before it can spoil a drill.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.options import worker_options
from controlroom.adapters.kafka.topics import delete_topics, ensure_topics
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.drill_query import faults_on_record, records_kept, told_of_alarms, unsent
from controlroom.adapters.postgres.machines import MachineStage
from controlroom.adapters.postgres.scratch import scratch_database
from controlroom.adapters.postgres.session import Session
from controlroom.config import Settings
from controlroom.core.drill_score import Score, Truth, judged, score
from controlroom.core.fault_register import FaultRow
from controlroom.errors import ControlroomError, InputError
from controlroom.wire import TopicNames, TopicSpec, topic_specs
from controlroom.wire.command import encode_command
from kafka_clients.partitions import partition_of
from simulator.faults.table import to_ms
from simulator.options import Options
from simulator.publisher import Publisher
from simulator.runner import Simulator
from simulator.scenario import PlannedFault, Scenario
from simulator.signals import QUIET
from simulator.specification import interval_ms

#: Simulated seconds a second; no machine keeps up with it for many sensors, and then it is as fast as can be.
SPEED = 3600.0
_POLL_S = 0.05
_TELL_S = 0.5
_STUCK_S = 120.0
_RECORD_S = 30.0
_COMMANDS_S = 30.0
_KEPT_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a drill is."""

    #: simulated seconds, and of how many
    simulated: float
    duration: float
    readings: int
    watched: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A drill that was run."""

    scenario: Scenario
    score: Score
    #: readings that were published, damaged ones included
    readings: int
    #: real seconds from the first reading until everything was watched
    seconds: float
    topics: TopicNames
    #: its database; gone unless it was kept
    dsn: str


def check_silence(scenario: Scenario) -> None:
    """Each partition must have a sensor whose readings go on whenever others' do not.

    Raises:
        InputError: names the partition.
    """
    silenced = {
        sensor_id
        for fault in scenario.faults
        for sensor_id, specs in fault.specs.items()
        if any(spec.fault == "dropout" for spec in specs)
    }
    partitions = list(range(scenario.partitions))
    spoken: dict[int, bool] = {}
    for spec in scenario.sensors:
        partition = partition_of(spec.sensor_id.encode(), partitions)
        spoken[partition] = spoken.get(partition, False) or spec.sensor_id not in silenced
    for partition, speaks in spoken.items():
        if not speaks:
            raise InputError(
                f"{scenario.name}: every sensor of partition {partition} falls silent, and then nothing tells the time",
                hint="add sensors without a dropout, or use fewer partitions",
            )


async def run_drill(
    brokers: str,
    dsn: str,
    settings: Settings,
    scenario: Scenario,
    *,
    operator: str,
    speed: float = SPEED,
    keep: bool = False,
    tell: Callable[[Progress], None] = lambda _: None,
) -> Outcome:
    """Run a drill to its end and score it.

    Args:
        brokers: where its topics are made.
        dsn: a database on the server on which its own is made.
        settings: how Kafka is talked to, how alarms behave, which detectors watch.
        scenario: the drill.
        operator: who runs it.
        speed: simulated seconds a second, at most.
        keep: leave its topics and its database there.
        tell: hears how far it is.

    Raises:
        Unreachable: Kafka or PostgreSQL does not answer.
        InputError: the scenario cannot be run so.
        ControlroomError: it could not be run to its end.
    """
    check_silence(scenario)
    name = f"drill-{secrets.token_hex(4)}"
    names = TopicNames(f"{name}-data", f"{name}-alerts", f"{name}-commands", f"{name}-status", f"{name}-bridges")
    kafka = KafkaConnection.of(brokers, settings)
    async with contextlib.AsyncExitStack() as stack:
        own = await stack.enter_async_context(scratch_database(dsn, name.replace("-", "_"), keep=keep))
        await stack.enter_async_context(_topics(kafka, names, settings, scenario, keep=keep))
        ours = settings.model_copy(
            update={
                "sensor_topic": names.data,
                "alerts_topic": names.alerts,
                "commands_topic": names.commands,
                "status_topic": names.status,
                "bridges_topic": names.bridges,
                "group": name,
                "store_readings": "all",
                # By the time that they tell, its readings are long past being kept.
                "readings_days": _KEPT_DAYS,
                "rollup_days": _KEPT_DAYS,
                "rejects_days": _KEPT_DAYS,
                "notify_file": None,
                "mqtt_alarms_file": None,
            }
        )
        await _order(kafka, names, scenario, operator)
        began = time.monotonic()
        readings = await _run(kafka, own, ours, scenario, speed, tell)
        await _look_at_machines(kafka, own, ours)
        seconds = time.monotonic() - began
        async with Session(own, "drill") as session:
            result = await _score(session, scenario, readings)
    return Outcome(scenario, result, readings, round(seconds, 2), names, own)


@contextlib.asynccontextmanager
async def _topics(
    kafka: KafkaConnection, names: TopicNames, settings: Settings, scenario: Scenario, *, keep: bool
) -> AsyncIterator[None]:
    simulated_time = {
        "message.timestamp.type": "CreateTime",
        # By its records' own times it would all be too old to be kept.
        "retention.ms": "-1",
    }
    specs = [
        TopicSpec(spec.name, spec.partitions, {**spec.config, **(simulated_time if spec.name == names.data else {})})
        for spec in topic_specs(names, data_partitions=scenario.partitions, alert_partitions=1)
    ]
    try:
        await ensure_topics(
            kafka.brokers,
            specs,
            replication_factor=settings.replication_factor,
            min_insync_replicas=settings.min_insync_replicas,
            client=kafka.options,
        )
        yield
    finally:
        if not keep:
            await delete_topics(kafka.brokers, [spec.name for spec in specs], client=kafka.options)


async def _order(kafka: KafkaConnection, names: TopicNames, scenario: Scenario, operator: str) -> None:
    """Tell the sensors what will befall them."""
    publisher = Publisher(kafka.brokers, kafka.options)
    await publisher.start((names.commands,))
    try:
        for command in scenario.commands(operator):
            key = command.spec.sensor_id.encode()
            publisher.lane(names.commands, key).add(key, encode_command(command))
        if not await publisher.flush(_COMMANDS_S):
            raise ControlroomError("the brokers do not take the drill's commands", hint="see `controlroom health`")
    finally:
        await publisher.stop()


async def _run(
    kafka: KafkaConnection,
    dsn: str,
    settings: Settings,
    scenario: Scenario,
    speed: float,
    tell: Callable[[Progress], None],
) -> int:
    """Run the sensors to the end, and the worker until it has watched everything; returns how many readings."""
    simulator = Simulator(
        kafka.brokers,
        settings.topics,
        (),
        Options(
            seed=scenario.seed,
            speed=speed,
            start=to_ms(scenario.start),
            nature=QUIET,
            duration=scenario.duration,
            stamp=True,
            group=f"{settings.group}-simulator",
        ),
        client=kafka.options,
    )
    worker = DetectionWorker(kafka, dsn, worker_options(settings, time_from_records=True))
    stop_worker, stop_sensors = asyncio.Event(), asyncio.Event()
    watching = asyncio.create_task(worker.run(stop_worker), name="drill-worker")
    running = asyncio.create_task(simulator.run(stop_sensors), name="drill-sensors")
    try:
        await _until_watched(simulator, worker, running, watching, scenario, tell)
        await _until_on_record(dsn, scenario, watching)
    finally:
        stop_sensors.set()
        stop_worker.set()
        await asyncio.wait([watching, running])
    running.result()
    watching.result()
    return simulator.delivered


async def _look_at_machines(kafka: KafkaConnection, dsn: str, settings: Settings) -> None:
    """Let the machine stage come to the end: it follows roll-ups at the clock's pace, which a drill has left behind."""
    options = worker_options(settings, time_from_records=True)
    stage = MachineStage(dsn, "drill", settings.group, settings.sensor_topic, options.definitions)
    async with Session(dsn, "drill") as session:
        await stage.finish()
        if not await unsent(session):
            return
        # What it raised is announced by the owner of the partition: once more a worker, for a moment.
        worker, stop = DetectionWorker(kafka, dsn, options), asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        patience = time.monotonic() + _RECORD_S
        try:
            while await unsent(session):
                if running.done() or time.monotonic() > patience:
                    raise ControlroomError("alarms of machines could not be announced", hint="see `controlroom health`")
                await asyncio.sleep(_POLL_S)
        finally:
            stop.set()
            await asyncio.wait([running])


async def _until_watched(
    simulator: Simulator,
    worker: DetectionWorker,
    running: asyncio.Task[None],
    watching: asyncio.Task[None],
    scenario: Scenario,
    tell: Callable[[Progress], None],
) -> None:
    told = moved = time.monotonic()
    before = -1
    while not (running.done() and worker.progress.committed >= simulator.delivered):
        if watching.done():
            watching.result()
            raise ControlroomError("the drill's detection worker ended early")
        if running.done():
            running.result()
            if simulator.dropped:
                raise ControlroomError(f"{simulator.dropped} readings could not be delivered")
        await asyncio.sleep(_POLL_S)
        now, done = time.monotonic(), simulator.delivered + worker.progress.committed
        if done != before:
            before, moved = done, now
        elif now - moved > _STUCK_S:
            raise ControlroomError(f"the drill stands still for {_STUCK_S:.0f} s", hint="see `controlroom health`")
        if now - told >= _TELL_S:
            told = now
            tell(Progress(simulator.simulated, scenario.duration, simulator.delivered, worker.progress.committed))


async def _until_on_record(dsn: str, scenario: Scenario, watching: asyncio.Task[None]) -> None:
    """The faults' record is kept beside the readings, a moment behind them."""
    wanted = sum(len(specs) for fault in scenario.faults for specs in fault.specs.values())
    last_end = max((_end_of(fault, scenario) for fault in scenario.faults), default=0.0)
    patience = time.monotonic() + _RECORD_S
    async with Session(dsn, "drill") as session:
        while wanted:
            rows = await faults_on_record(session)
            open_rows = sum(row.ended_at is None for row in rows)
            still = _ends_late(scenario, last_end) or not open_rows
            if len(rows) >= wanted and all(row.confirmed_at or row.ended_at for row in rows) and still:
                return
            if watching.done() or time.monotonic() > patience:
                raise ControlroomError(f"only {len(rows) - open_rows} of the {wanted} faults are on record")
            await asyncio.sleep(_POLL_S)


def _ends_late(scenario: Scenario, last_end: float) -> bool:
    """Whether a fault goes on beyond the end of the drill."""
    return last_end >= scenario.start.timestamp() + scenario.duration


def _end_of(fault: PlannedFault, scenario: Scenario) -> float:
    end = (scenario.start + timedelta(seconds=scenario.duration)).timestamp()
    return max(
        end if spec.duration is None else spec.start.timestamp() + spec.duration
        for specs in fault.specs.values()
        for spec in specs
    )


async def _score(session: Session, scenario: Scenario, readings: int) -> Score:
    kept = await records_kept(session)
    if kept != readings:
        raise ControlroomError(f"{readings} readings were published, but {kept} are in the database")
    rows: dict[str, list[FaultRow]] = {}
    for row in await faults_on_record(session):
        rows.setdefault(row.fault_id, []).append(row)
    truths = [_truth(fault, rows[fault.fault_id], scenario) for fault in scenario.faults]
    result = score(
        truths,
        await told_of_alarms(session),
        sensors=len(scenario.sensors),
        seconds=scenario.duration,
        grace=scenario.grace,
    )
    expect = scenario.expect
    return judged(
        result,
        within=sum(fault.within is not None for fault in scenario.faults),
        detected=expect.detected,
        false_alarms=expect.false_alarms,
        annunciations=expect.annunciations,
    )


def _truth(plan: PlannedFault, rows: list[FaultRow], scenario: Scenario) -> Truth:
    """What was on record of a fault, with what the scenario expects of it."""
    end = scenario.start.timestamp() + scenario.duration
    intervals = {spec.sensor_id: interval_ms(spec) / 1000 for spec in scenario.sensors}
    groups = {f"machine:{row.machine_id}" for row in rows} | {f"zone:{row.zone}" for row in rows}
    return Truth(
        plan.fault_id,
        plan.fault,
        frozenset(row.sensor_id for row in rows),
        frozenset(groups - {"machine:", "zone:"}),
        min(row.starts_at for row in rows).timestamp(),
        max(end if row.ended_at is None else row.ended_at.timestamp() for row in rows),
        min(intervals[row.sensor_id] for row in rows),
        plan.within,
        frozenset(plan.kinds),
    )
