from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from controlroom.wire import SENSOR_TYPES
from simulator.engine import Engine, Refused
from simulator.signals import Nature
from tests.unit.simulator.bench import START, Bench, command, fault


def counts(bench: Bench, sensor_id: str = "s") -> list[int]:
    return [each.reading.metadata.reading_count for each in bench.sent if each.key == sensor_id.encode()]


@pytest.mark.parametrize("sensor_type", sorted(SENSOR_TYPES))
def test_a_reading_says_all_that_the_wire_asks_for(sensor_type: str) -> None:
    bench, kind = Bench(), SENSOR_TYPES[sensor_type]
    bench.put(command("x-1", sensor_type))
    first = bench.run(60)[0]
    reading = first.reading
    assert first.key == b"x-1"
    assert (reading.sensor_id, reading.sensor_type, reading.unit) == ("x-1", sensor_type, kind.unit)
    assert reading.location.machine_id == "m"
    assert reading.timestamp.timestamp() * 1000 == first.at
    assert (reading.metadata.warning_threshold, reading.metadata.critical_threshold) == (kind.warning, kind.critical)
    assert (reading.metadata.reading_count, reading.alert_level, reading.quality) == (1, "normal", 1.0)


def test_readings_come_at_the_interval_and_are_counted() -> None:
    bench = Bench()
    bench.put(command(interval=2.5))
    bench.run(100)
    assert counts(bench) == list(range(1, 41))
    assert {b.at - a.at for a, b in pairwise(bench.sent)} == {2500}


def test_sensors_with_the_same_interval_do_not_send_at_the_same_moment() -> None:
    bench = Bench()
    for number in range(1000):
        bench.put(command(f"s{number}", interval=10.0))
    bench.run(10)
    per_second = Counter((each.at - START) // 1000 for each in bench.sent)
    assert len(bench.sent) == 1000
    assert max(per_second.values()) < 150


def test_the_sequence_goes_on_where_it_was() -> None:
    bench = Bench()
    bench.put(command(interval=1.0), count=41)
    bench.run(3)
    assert counts(bench) == [42, 43, 44]


def test_paused_it_is_silent_and_resumed_it_goes_on() -> None:
    bench = Bench()
    bench.put(command(interval=1.0))
    bench.run(5)
    bench.put(command(interval=1.0, paused=True))
    assert bench.run(60) == []
    bench.put(command(interval=1.0))
    bench.run(5)
    assert counts(bench) == list(range(1, 11))


def test_paused_and_resumed_within_one_interval_it_takes_no_reading_twice() -> None:
    bench = Bench()
    bench.put(command(interval=10.0))
    for paused in (True, False, True, False):
        bench.put(command(interval=10.0, paused=paused))
    bench.run(100)
    assert counts(bench) == list(range(1, 11))


def test_re_rated_it_keeps_its_count() -> None:
    bench = Bench()
    bench.put(command(interval=10.0))
    bench.run(50)
    bench.put(command(interval=1.0))
    bench.run(10)
    assert counts(bench) == list(range(1, 16))


def test_removed_it_is_silent_and_so_is_what_a_fault_held_back() -> None:
    bench = Bench()
    bench.put(command(interval=1.0, faults=(fault("late", magnitude=30),)))
    bench.run(10)
    gone = bench.engine.remove("s")
    assert gone is not None
    assert gone.count == 10
    assert bench.run(100) == []
    assert bench.engine.remove("s") is None


@pytest.mark.parametrize(
    "bad",
    [
        {"sensor_type": "flux"},
        {"base": 50.0, "warning": 40.0},
        {"faults": (fault("flood"),)},
        {"faults": (fault("dropout", magnitude=7),)},
    ],
)
def test_a_bad_command_is_refused_and_changes_nothing(bad: dict[str, object]) -> None:
    bench = Bench()
    bench.put(command(interval=1.0))
    with pytest.raises(Refused):
        bench.put(command(**{"interval": 5.0, **bad}))
    bench.run(10)
    assert counts(bench) == list(range(1, 11))


def test_another_engine_goes_on_with_the_very_same_values() -> None:
    one = Bench(nature=Nature(anomalies_per_day=5))
    one.put(command(interval=1.0, faults=(fault("noise"), fault("stuck", after=90, seconds=20))))
    one.run(120)
    first, second = Bench(nature=one.nature), Bench(nature=one.nature)
    first.put(command(interval=1.0, faults=(fault("noise"), fault("stuck", after=90, seconds=20))))
    first.run(100)
    second.now = first.now
    second.put(command(interval=1.0, faults=(fault("noise"), fault("stuck", after=90, seconds=20))), count=100)
    second.run(20)
    assert [each.value for each in first.sent + second.sent] == [each.value for each in one.sent]


def test_a_seeded_simulation_gives_the_same_values_whenever_it_is_run() -> None:
    runs = []
    for later in (0, 123_456_789):
        bench = Bench(origin=START + later, now=START + later)
        for number in range(20):
            bench.put(command(f"s{number}", machine_id=f"m{number % 3}"))
        bench.run(120)
        readings = [each.reading for each in bench.sent]
        runs.append([(each.sensor_id, each.value, each.metadata.reading_count) for each in readings])
    assert runs[0] == runs[1]
    assert len(runs[0]) > 700


def test_the_budget_is_kept_to_the_reading() -> None:
    engine, sent = Engine(), []
    for number in range(100):
        engine.put(command(f"s{number}", interval=0.01), lambda *record: sent.append(record), now=START)
    assert engine.advance(START + 1000, 37) == 37
    assert len(sent) == 37
    assert engine.advance(START + 1000, 10**9) == 100 * 100 - 37


def test_realigned_nothing_is_made_up_for() -> None:
    bench = Bench()
    bench.put(command(interval=1.0))
    bench.put(command("still", interval=1.0, paused=True))
    bench.run(10)
    bench.now += 3_600_000
    bench.engine.realign(bench.now)
    bench.run(10)
    assert counts(bench) == list(range(1, 21))
    assert counts(bench, "still") == []
    assert bench.sent[10].at - bench.sent[9].at == pytest.approx(3_600_000, abs=1100)


def test_a_natural_anomaly_is_named_in_the_header() -> None:
    bench = Bench(nature=Nature(anomalies_per_day=24))
    bench.put(command(sensor_type="energy", interval=1.0))
    bench.run(4 * 3600)
    beyond = [each for each in bench.sent if each.reading.alert_level != "normal"]
    assert beyond
    assert all(each.fault_ids and each.fault_ids[0].startswith("natural-") for each in beyond)


def test_faults_that_end_are_told() -> None:
    bench = Bench()
    bench.put(command(interval=1.0, faults=(fault("offset", seconds=10), fault("gain", after=5))))
    bench.run(5)
    assert bench.engine.changed == set()
    bench.run(10)
    assert bench.engine.changed == {"s"}
    assert [spec.fault for spec in bench.engine.sensors["s"].fault_specs(bench.now)] == ["gain"]
