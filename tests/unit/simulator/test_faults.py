"""Each fault by the property that defines it, beside the same sensor without it: same seed, same moments."""

from __future__ import annotations

import statistics
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from controlroom.wire import SENSOR_TYPES, FaultSpec
from simulator.faults import FAULTS, BadFault, activate, gateway_outage, machine_failure, new_fault
from simulator.plant import default_plant
from simulator.sensor import moment
from tests.unit.simulator.bench import START, Bench, Sent, command, fault, run_with

SIGMA = 15 / 40  # of a temperature sensor, in degrees


def values(sent: list[Sent]) -> list[float]:
    return [each.reading.value for each in sent]


def shifts(name: str, magnitude: float | None = None, **fields: float) -> list[float]:
    """What a fault adds to each reading, in sigma."""
    with_it = values(run_with(fault(name, magnitude=magnitude), **fields))
    return [(a - b) / SIGMA for a, b in zip(with_it, values(run_with(**fields)), strict=True)]


def marked(sent: list[Sent], name: str) -> list[Sent]:
    return [each for each in sent if each.fault_ids == [f"{name}-1"]]


def test_a_fault_acts_within_its_window_and_marks_what_it_shapes() -> None:
    sent = run_with(fault("offset", after=100, seconds=50, magnitude=20))
    clean = values(run_with())
    inside = [100 <= (each.at - START) / 1000 < 150 for each in sent]
    assert sum(inside) == 50
    for each, usual, acts in zip(sent, clean, inside, strict=True):
        assert each.fault_ids == (["offset-1"] if acts else [])
        assert each.reading.value == pytest.approx(usual + (20 * SIGMA if acts else 0), abs=0.011)


def test_every_record_is_marked_as_simulated_with_a_fault_or_without() -> None:
    assert all(("simulated", b"1") in each.headers for each in run_with(fault("offset", after=300)))


def test_a_fault_without_a_duration_lasts_until_it_is_cleared() -> None:
    bench = Bench()
    bench.put(command(interval=1.0, faults=(fault("offset"),)))
    assert len(marked(bench.run(3600), "offset")) == 3600
    bench.put(command(interval=1.0))
    assert marked(bench.run(60), "offset") == []


@pytest.mark.parametrize("sensor_type", sorted(SENSOR_TYPES))
def test_a_spike_is_two_readings_beyond_the_critical_limit_on_every_type(sensor_type: str) -> None:
    kind = SENSOR_TYPES[sensor_type]
    spike = new_fault(FAULTS["spike"], fault_id="spike-1", start=moment(START + 60_000), interval=kind.interval)
    sent = run_with(spike, sensor_type=sensor_type, interval=None)
    struck = marked(sent, "spike")
    assert len(struck) == 2
    assert all(each.reading.alert_level == "critical" for each in struck)
    assert Counter(each.reading.alert_level for each in sent) == {"normal": len(sent) - 2, "critical": 2}


def test_an_offset_is_so_many_sigma() -> None:
    assert shifts("offset", 4) == pytest.approx([4] * 600, abs=0.03)
    assert shifts("offset", -4) == pytest.approx([-4] * 600, abs=0.03)


def test_a_drift_grows_by_so_many_sigma_a_minute() -> None:
    added = shifts("drift", 3)
    assert added == pytest.approx([3 * (second + added_phase()) / 60 for second in range(600)], abs=0.04)


def added_phase() -> float:
    """Seconds between the start and the sensor's first reading."""
    return (run_with()[0].at - START) / 1000


def test_gain_is_a_factor() -> None:
    with_it, clean = values(run_with(fault("gain", magnitude=1.4))), values(run_with())
    assert with_it == pytest.approx([1.4 * value for value in clean], abs=0.02)


def test_a_stuck_sensor_has_no_variance_and_shows_what_was_there_at_the_start() -> None:
    stuck = marked(run_with(fault("stuck", after=100, seconds=300)), "stuck")
    assert len(stuck) == 300
    assert statistics.pvariance(values(stuck)) == 0
    assert stuck[0].reading.value == pytest.approx(statistics.fmean(values(run_with())[90:110]), abs=3 * SIGMA)
    counts = [each.reading.metadata.reading_count for each in stuck]
    assert counts == list(range(counts[0], counts[0] + 300))


def test_noise_is_so_many_times_the_sensors_own() -> None:
    assert statistics.pstdev(shifts("noise", 6, seconds=3600)) == pytest.approx((6**2 - 1) ** 0.5, rel=0.05)
    assert statistics.fmean(shifts("noise", 6, seconds=3600)) == pytest.approx(0, abs=0.3)


def test_oscillation_crosses_the_warning_limit_back_and_forth() -> None:
    levels = [each.reading.alert_level for each in run_with(fault("oscillation", magnitude=5))]
    crossings = sum(a != b for a, b in pairwise(levels))
    assert crossings == pytest.approx(300, abs=10)  # every second reading
    assert set(levels) == {"normal", "warning"}


@pytest.mark.parametrize(("magnitude", "end"), [(1, 200.0), (-1, -40.0)])
def test_rail_is_an_end_of_the_range(magnitude: float, end: float) -> None:
    assert set(values(run_with(fault("rail", magnitude=magnitude)))) == {end}


def test_a_value_fault_never_leaves_the_instruments_range() -> None:
    assert set(values(run_with(fault("offset", magnitude=10_000)))) == {200.0}


def test_a_dropout_has_no_records_and_its_readings_stay_counted() -> None:
    sent = run_with(fault("dropout", after=100, seconds=60))
    assert not [each for each in sent if 100 <= (each.at - START) / 1000 < 160]
    counts = [each.reading.metadata.reading_count for each in sent]
    assert len(sent) == 540
    assert [b - a for a, b in pairwise(counts) if b - a != 1] == [61]


def test_a_partial_dropout_loses_its_share() -> None:
    assert len(run_with(fault("dropout", magnitude=0.3), seconds=3600)) == pytest.approx(0.7 * 3600, rel=0.03)


def test_a_late_reading_is_sent_later_than_it_was_taken() -> None:
    sent = run_with(fault("late", after=100, seconds=60, magnitude=30))
    delays = {each.at / 1000 - each.reading.timestamp.timestamp() for each in marked(sent, "late")}
    assert delays == {30.0}
    assert len(marked(sent, "late")) == 60
    assert {each.at / 1000 - each.reading.timestamp.timestamp() for each in sent if not each.fault_ids} == {0.0}


def test_a_duplicate_has_the_same_sequence_number_twice() -> None:
    sent = run_with(fault("duplicate", magnitude=1))
    assert set(Counter(each.value for each in sent).values()) == {2}
    some = run_with(fault("duplicate", magnitude=0.25), seconds=3600)
    counts = Counter(each.reading.metadata.reading_count for each in some)
    twice = [count for count, times in counts.items() if times == 2]
    assert len(twice) / 3600 == pytest.approx(0.25, abs=0.03)
    assert set(counts) == set(range(1, 3601))
    assert len(marked(some, "duplicate")) == 2 * len(twice)


@pytest.mark.parametrize("magnitude", [0.5, 1.0])
def test_in_disorder_a_reading_is_overtaken_by_its_successor(magnitude: float) -> None:
    sent = run_with(fault("order", magnitude=magnitude), seconds=1201)
    counts = [each.reading.metadata.reading_count for each in sent]
    backwards = [b - a for a, b in pairwise(counts) if b < a]
    assert set(backwards) == {-1}
    assert len(backwards) / 600 == pytest.approx(magnitude, abs=0.06)
    assert len(marked(sent, "order")) == len(backwards)
    assert sorted(counts)[:1199] == list(range(1, 1200))


@pytest.mark.parametrize("magnitude", [300, -300])
def test_a_skewed_clock_is_off_by_so_many_seconds(magnitude: float) -> None:
    off = {each.reading.timestamp.timestamp() - each.at / 1000 for each in run_with(fault("skew", magnitude=magnitude))}
    assert off == {magnitude}


def test_a_corrupt_payload_is_no_reading() -> None:
    sent = run_with(fault("corrupt", magnitude=0.5), seconds=3600)
    damaged = [each for each in sent if not each.valid]
    assert len(damaged) / 3600 == pytest.approx(0.5, abs=0.03)
    assert damaged == marked(sent, "corrupt")
    assert len({each.value[:20] + each.value[-3:] for each in damaged[:500]}) >= 5
    assert all(each.key == b"s" for each in damaged)


def test_even_a_short_and_rare_corruption_strikes_once() -> None:
    assert not run_with(fault("corrupt", seconds=5, magnitude=0.001))[0].valid


def test_faults_compose_each_on_what_those_before_it_left() -> None:
    both = run_with(
        fault("offset", magnitude=10), fault("gain", after=0.0, magnitude=2), fault("duplicate", magnitude=1)
    )
    clean = values(run_with())
    assert [each.fault_ids for each in both] == [["offset-1", "gain-1", "duplicate-1"]] * 1200
    assert values(both)[::2] == pytest.approx([2 * (value + 10 * SIGMA) for value in clean], abs=0.03)


def test_a_fault_is_repeatable_to_the_bit() -> None:
    faults = [fault(name) for name in FAULTS if name not in {"dropout", "stuck", "rail"}]
    assert [each.value for each in run_with(*faults)] == [each.value for each in run_with(*faults)]


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_fault_strikes_by_default_and_ends_by_itself(name: str) -> None:
    kind = FAULTS[name]
    spec = new_fault(kind, fault_id=f"{name}-1", start=moment(START), interval=1.0)
    assert spec.duration == kind.seconds(1.0)
    sent = run_with(spec, seconds=2000)
    assert kind.summary
    assert kind.measure or name == "stuck"
    if name == "dropout":
        assert len(sent) < 2000
    else:
        assert marked(sent, name)
    assert not [each for each in sent if each.at > START + 1000 * (kind.seconds(1.0) + 31) and each.fault_ids]


@pytest.mark.parametrize(
    ("name", "magnitude", "reason"),
    [
        ("flood", None, "unknown fault 'flood'; known: spike, drift"),
        ("dropout", 1.5, "dropout: magnitude 1.5 is not within 0.001 to 1"),
        ("noise", 0.5, "noise: magnitude 0.5 is not within"),
        ("gain", 0, "gain: magnitude 0 is not within"),
        ("rail", 0, "rail: magnitude 0 names neither end"),
    ],
)
def test_what_cannot_be_injected_is_refused_with_the_reason(name: str, magnitude: float | None, reason: str) -> None:
    with pytest.raises(BadFault, match=reason):
        activate(fault(name, magnitude=magnitude), 1, "s")


def test_a_machine_failure_is_a_correlated_degradation_of_its_sensors_alone() -> None:
    sensors = default_plant().sensors
    faults = machine_failure(sensors, "machine-002", fault_id="wear", start=moment(START), severity=2.0, by="me")
    hurt = {spec.sensor_id: spec for spec in sensors if spec.sensor_id in faults}
    assert {spec.location.machine_id for spec in hurt.values()} == {"machine-002"}
    assert {spec.sensor_type for spec in hurt.values()} == {"temperature", "vibration", "energy"}
    assert {each.fault_id for group in faults.values() for each in group} == {"wear"}
    for sensor_id, group in faults.items():
        sent = run_with(*group, sensor_id=sensor_id, sensor_type=hurt[sensor_id].sensor_type, seconds=1200)
        clean = values(run_with(sensor_id=sensor_id, sensor_type=hurt[sensor_id].sensor_type, seconds=1200))
        grown = [after - before for after, before in zip(values(sent), clean, strict=True)]
        assert statistics.fmean(grown[-100:]) > statistics.fmean(grown[:100])
        # one header, however many of its faults acted
        assert sent[-1].fault_ids == ["wear"]


def test_a_gateway_outage_silences_a_zone() -> None:
    sensors = default_plant().sensors
    faults = gateway_outage(sensors, "zone-b", fault_id="out", start=moment(START), duration=60)
    assert set(faults) == {spec.sensor_id for spec in sensors if spec.location.zone == "zone-b"}
    assert {each.fault for group in faults.values() for each in group} == {"dropout"}
    assert all(activate(each, 1, "s").end == START + 60_000 for group in faults.values() for each in group)


def test_a_fault_that_was_over_before_the_sensor_came_does_not_act() -> None:
    over = FaultSpec(fault_id="x", fault="offset", start=moment(START) - timedelta(hours=1), duration=60)
    assert all(not each.fault_ids for each in run_with(over))
