"""A plant as an operator may meet it at two in the afternoon, the same at every run.

Fifteen sensors: one beyond its critical limit and un-acked, one drifting by an injected fault, one noisy, one paused,
one silent, one that never spoke; a broker down, so partitions are under-replicated.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta

from controlroom.core.fault_view import FaultView
from controlroom.core.health_views import (
    ClusterDetail,
    DatabaseFigures,
    DiskView,
    GroupView,
    MemberView,
    QuorumView,
    VoterView,
    WorkerFigures,
)
from controlroom.core.plant_state import BrokerView, ClusterView, DatabaseView, PartitionView, PipelineView, PlantState
from controlroom.wire import (
    SENSOR_TYPES,
    AlarmEvent,
    FaultSpec,
    Location,
    Metadata,
    Reading,
    SensorSpec,
    SensorStatus,
)
from tests.fakes.clock import START

TYPES = ("temperature", "vibration", "energy", "humidity", "pressure")
READINGS = 240
SIGMA_SHARE = 40.0
NOWHERE = Location()


def sensor_id(number: int) -> str:
    """`temp-sensor-001`, `vib-sensor-002`, ..."""
    return f"{SENSOR_TYPES[TYPES[(number - 1) % len(TYPES)]].prefix}-sensor-{number:03d}"


def location(number: int) -> Location:
    return Location("production", f"machine-{(number - 1) // 3 + 1:03d}", f"zone-{'abc'[(number - 1) // 5 % 3]}")


def spec(number: int) -> SensorSpec:
    return SensorSpec(
        sensor_id=sensor_id(number), sensor_type=TYPES[(number - 1) % len(TYPES)], location=location(number)
    )


def reading(name: str, kind: str, place: Location, value: float, at: datetime, count: int = 0) -> Reading:
    usual = SENSOR_TYPES[kind]
    return Reading(
        timestamp=at,
        sensor_id=name,
        sensor_type=kind,
        location=place,
        value=value,
        unit=usual.unit,
        metadata=Metadata(count, usual.warning, usual.critical),
    )


def event(
    name: str,
    kind: str,
    at: datetime,
    *,
    severity: str = "warning",
    state: str = "UNACK",
    what: str = "raised",
    version: int = 1,
    sensor_type: str = "temperature",
    place: Location = NOWHERE,
    **rest: object,
) -> AlarmEvent:
    return AlarmEvent(
        event_id=f"{name}/{kind}/{version}",
        occurrence_id=f"{name}/{kind}",
        version=version,
        timestamp=at,
        event=what,
        sensor_id=name,
        sensor_type=sensor_type,
        location=place,
        kind=kind,
        severity=severity,
        priority="high" if severity == "critical" else "medium",
        state=state,
        annunciated=what == "raised",
        **rest,
    )


def cluster(now: datetime, *, offline: tuple[int, ...] = (), reachable: bool = True) -> ClusterView:
    """Three brokers, nine partitions; those of `offline` are out of sync and lead nothing."""
    partitions = []
    for topic, count in (("sensor-data", 3), ("alerts", 2), ("sensor-commands", 1), ("sensor-status", 1)):
        for number in range(count):
            replicas = tuple((number + shift) % 3 + 1 for shift in range(3))
            in_sync = tuple(broker for broker in replicas if broker not in offline)
            partitions.append(PartitionView(topic, number, in_sync[0] if in_sync else None, replicas, in_sync))
    brokers = tuple(
        BrokerView(
            number,
            f"127.0.0.1:{9090 + 2 * number}",
            number not in offline,
            sum(part.leader == number for part in partitions),
            sum(number in part.in_sync for part in partitions),
            len(partitions),
        )
        for number in (1, 2, 3)
    )
    return ClusterView(
        now.timestamp() - 1, reachable, brokers, tuple(partitions), quorum=len(offline) < 2 if reachable else None
    )


def cluster_detail(now: datetime, *, offline: tuple[int, ...] = ()) -> ClusterDetail:
    """Broker 2 leads the quorum; two groups of one member each."""
    at = now.timestamp()
    quorum = QuorumView(2, 7, tuple(VoterView(n, 48_210 - (812 if n in offline else 0), at - 1) for n in (1, 2, 3)))
    return ClusterDetail(
        at - 1,
        quorum,
        True,
        {n: DiskView(3_200_000 + n * 41_000, 270_000_000_000, 81_000_000_000) for n in (1, 2, 3) if n not in offline},
        (
            GroupView(
                "controlroom-detect",
                "Stable",
                2,
                (MemberView("controlroom-plant-1-4711", "10.0.4.21", (("sensor-data", (0, 1, 2)),)),),
                11,
            ),
            GroupView(
                "controlroom-simulators",
                "Stable",
                3 if 3 not in offline else 1,
                (MemberView("controlroom-plant-1-4711", "10.0.4.21", (("sensor-commands", (0,)),)),),
                None,
                reads=False,
            ),
        ),
        2,
    )


def _faults(now: float) -> tuple[FaultView, ...]:
    """What is on record: a drift that acts and was detected, two faults that are over."""
    drifting, stuck, spiked = ((sensor_id(number),) for number in (8, 12, 11))
    return (
        FaultView(
            "drill-1", drifting, "mira", now - 360, None, "", now - 52, "drift", "warning", "drift", 1.0, now + 240
        ),
        FaultView("stuck-1", stuck, "mira", now - 900, now - 300, "over", now - 860, "stuck", "warning", "stuck"),
        FaultView("spike-1", spiked, "jo", now - 1900, now - 1890, "over", fault="spike", magnitude=4.0),
    )


def make_plant(now: datetime = START, *, sensors: int = 15, broken: bool = True) -> PlantState:
    """The plant at `now`; not `broken`: all is well."""
    state = PlantState()
    drift = FaultSpec(fault_id="drill-1", fault="drift", start=now - timedelta(minutes=6), duration=600.0, by="mira")
    paused, silent, mute = 6, 9, 15
    for number in range(1, sensors + 1):
        usual = SENSOR_TYPES[TYPES[(number - 1) % len(TYPES)]]
        state.apply_status(
            SensorStatus(
                sensor_id=sensor_id(number),
                state="paused" if broken and number == paused else "running",
                timestamp=now,
                owner="plant-a-sim-1",
                spec=spec(number),
                faults=(drift,) if broken and number == 8 else (),
            ),
            sensor_id(number),
        )
        if broken and number == mute:
            continue
        rng = random.Random(number)
        sigma = (usual.critical - usual.base) / SIGMA_SHARE
        late = {paused: 95.0, silent: 47.0}.get(number, 0.0) if broken else 0.0
        for index in range(READINGS):
            ago = (READINGS - 1 - index) * usual.interval + late + rng.random() * 0.5 * usual.interval
            value = usual.base + sigma * (4 * math.sin(index / 23 + number) + rng.gauss(0, 1.0))
            if broken and number == 1 and index > READINGS - 12:
                value += sigma * 5 * (index - READINGS + 12)
            if broken and number == 8 and index > READINGS - 60:
                value += sigma * 0.55 * (index - READINGS + 60)
            if broken and number == 12 and index > READINGS - 30:
                value += rng.gauss(0, 9 * sigma)
            at = now - timedelta(seconds=ago)
            state.apply_reading(
                reading(sensor_id(number), usual.name, location(number), max(0.0, value), at, index + 1),
                seen_at=at.timestamp(),
                simulated=True,
            )
    if broken:
        _alarms(state, now)
        state.apply_faults(_faults(now.timestamp()))
    state.apply_cluster(cluster(now, offline=(3,) if broken else ()))
    state.apply_cluster_detail(cluster_detail(now, offline=(3,) if broken else ()))
    figures = DatabaseFigures("mira", True, 9, 100, 12_400_000, 7.2, 4_100.0, 3.1)
    state.apply_database(
        DatabaseView(now.timestamp() - 1, reachable=True, version="18.4", latency_ms=0.42, figures=figures)
    )
    state.apply_pipeline(
        PipelineView(
            now.timestamp() - 1,
            {0: 4, 1: 0, 2: 7},
            {"detect-1": (0, 1, 2)},
            rate=3.4,
            trend={0: 0.1, 1: 0.0, 2: -0.2},
            history={n: tuple((k * (n + 3)) % 11 for k in range(30)) for n in (0, 1, 2)},
            throughput=3.4,
            worker=WorkerFigures(55, 0.0082, 0.019, 0.023, 0.061, 0.048, 0.131),
        )
    )
    return state


def with_a_burst(state: PlantState, now: datetime, count: int = 12) -> PlantState:
    """The plant with a machine more, of which `count` sensors alarm within seconds, its pump first."""
    at = now - timedelta(seconds=30)
    place = Location("hall", "press-9", "east")
    for number in range(count):
        name = f"follows-{number:03d}" if number else "pump"
        state.apply_reading(reading(name, "temperature", place, 50.0, at), seen_at=at.timestamp(), simulated=False)
        severity = "critical" if number % 10 == 0 else "warning"
        came = at + timedelta(seconds=number / 10)
        state.apply_alarm(event(name, "limit", came, severity=severity, message="too hot", place=place))
    return state


def _alarms(state: PlantState, now: datetime) -> None:
    def ago(seconds: float) -> datetime:
        return now - timedelta(seconds=seconds)

    def limit(number: int) -> dict[str, object]:
        usual = SENSOR_TYPES[TYPES[(number - 1) % len(TYPES)]]
        return {"sensor_type": usual.name, "unit": usual.unit, "place": location(number)}

    for happened in (
        event(sensor_id(5), "limit", ago(1503), value=1046.2, message="1046.2 hPa above 1045.0 hPa", **limit(5)),
        event(
            sensor_id(5),
            "limit",
            ago(1411),
            state="ACKED",
            what="acked",
            version=2,
            actor="mira",
            message="acknowledged by mira",
            **limit(5),
        ),
        event(
            sensor_id(5),
            "limit",
            ago(1290),
            state="NORMAL",
            what="closed",
            version=3,
            message="back to normal",
            **limit(5),
        ),
        event(sensor_id(12), "noise", ago(84), value=2.41, score=5.9, message="noise 5.9 times the usual", **limit(12)),
        event(
            sensor_id(12),
            "noise",
            ago(61),
            state="ACKED",
            what="acked",
            version=2,
            actor="mira",
            message="acknowledged by mira",
            **limit(12),
        ),
        event(
            sensor_id(8),
            "drift",
            ago(52),
            value=103.1,
            expected=100.0,
            simulated=True,
            fault_id="drill-1",
            message="5.1 sigma above the usual",
            **limit(8),
        ),
        event(sensor_id(9), "dropout", ago(32), message="no reading for 15 s, expected every 5 s", **limit(9)),
        event(sensor_id(3), "spike", ago(27), state="UNACK", message="118.4 kW, usual 100.2 kW", **limit(3)),
        event(
            sensor_id(3),
            "spike",
            ago(15),
            state="RTN-UNACK",
            what="returned",
            version=2,
            message="back to the usual",
            **limit(3),
        ),
        event(sensor_id(1), "limit", ago(12), value=35.3, message="35.30 °C above 35.00 °C", **limit(1)),
        event(
            sensor_id(1),
            "limit",
            ago(6),
            severity="critical",
            what="severity-rose",
            version=2,
            value=40.9,
            message="40.90 °C above 40.00 °C",
            **limit(1),
        ),
    ):
        state.apply_alarm(happened)
