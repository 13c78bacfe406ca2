from __future__ import annotations

import statistics
from datetime import UTC, datetime

import pytest

from controlroom.wire import SENSOR_TYPES, SensorCommand, SensorSpec, decode_reading
from simulator.engine import Engine
from simulator.load import Load
from simulator.noise import GAUSS_BOUND, SMOOTH_BOUND
from simulator.signals import MODELS, QUIET, SIGMA, Limits, Nature, Signal
from simulator.specification import limits_of

MONDAY = 20_718 * 86_400_000  # 2026-09-21
DAY = 86_400_000
TYPES = sorted(MODELS)


def signal_of(
    kind: str, sensor: str = "s", machine: str = "m", nature: Nature = QUIET, seed: int = 1, ahead: int = 0
) -> Signal:
    limits = limits_of(SensorSpec(sensor_id=sensor, sensor_type=kind))
    return Signal(seed, sensor, MODELS[kind], limits, Load(seed, machine), nature, ahead=ahead)


def test_every_type_on_the_wire_has_a_model() -> None:
    assert MODELS.keys() == SENSOR_TYPES.keys()


@pytest.mark.parametrize("kind", TYPES)
def test_normal_work_stays_clear_of_the_warning_limit(kind: str) -> None:
    usual, signal = SENSOR_TYPES[kind], signal_of(kind)
    values = [signal.at(MONDAY + ms) for ms in range(0, 7 * DAY, 61_000)]
    three_quarters = usual.base + 0.75 * (usual.warning - usual.base)
    assert max(values) < three_quarters
    assert min(values) > usual.base - 0.75 * (usual.warning - usual.base)
    assert abs(statistics.fmean(values) - usual.base) < 0.2 * (usual.warning - usual.base)


@pytest.mark.parametrize("kind", TYPES)
def test_no_sum_of_extremes_reaches_the_warning_limit(kind: str) -> None:
    model, usual = MODELS[kind], SENSOR_TYPES[kind]
    load = max(model.load_gain * (1.0 - 0.6), model.load_gain * (0.15 - 0.6))
    noise = (model.slow + model.fast) * SMOOTH_BOUND + SIGMA * GAUSS_BOUND
    top = load + abs(model.daily) + noise + 0.02
    assert top < 0.75 * (usual.warning - usual.base) / (usual.critical - usual.base)


@pytest.mark.parametrize("kind", TYPES)
def test_values_are_repeatable_to_the_bit_and_need_no_history(kind: str) -> None:
    nature = Nature(anomalies_per_day=10)
    moments = [MONDAY + 7_777 * number for number in range(300)]
    once = [signal_of(kind, nature=nature).at(ms) for ms in moments]
    in_order = signal_of(kind, nature=nature)
    assert [in_order.at(ms) for ms in moments] == once
    assert [in_order.at(ms) for ms in reversed(moments)] == once[::-1]
    assert [signal_of(kind, nature=nature, seed=2).at(ms) for ms in moments] != once


@pytest.mark.parametrize("kind", TYPES)
def test_the_instrument_shows_nothing_beyond_its_range(kind: str) -> None:
    usual, signal = SENSOR_TYPES[kind], signal_of(kind)
    assert signal.clip(1e9) == usual.high
    assert signal.clip(-1e9) == usual.low


@pytest.mark.parametrize(("kind", "warmer_by_day"), [("temperature", True), ("humidity", False)])
def test_the_day_is_felt(kind: str, warmer_by_day: bool) -> None:
    signal = signal_of(kind)
    hour = DAY // 24

    def mean(at: int) -> float:
        days = range(5)
        return statistics.fmean(
            signal.at(MONDAY + day * DAY + at * hour + minute * 60_000) for day in days for minute in range(0, 60, 2)
        )

    assert (mean(15) > mean(3)) == warmer_by_day


def test_the_load_correlates_the_sensors_of_one_machine_and_of_one_machine_alone() -> None:
    # noise is independent, so what they share is the load; minutes apart, over one working day
    moments = [MONDAY + 6 * 3_600_000 + minute * 60_000 for minute in range(16 * 60)]
    energy = [signal_of("energy", "e", "m1").at(ms) for ms in moments]
    vibration = [signal_of("vibration", "v", "m1").at(ms) for ms in moments]
    elsewhere = [signal_of("vibration", "v", "m2").at(ms) for ms in moments]
    pressure = [signal_of("pressure", "p", "m1").at(ms) for ms in moments]
    assert statistics.correlation(energy, vibration) > 0.6
    assert abs(statistics.correlation(energy, elsewhere)) < 0.35
    assert abs(statistics.correlation(energy, pressure)) < 0.35


def test_temperature_follows_the_load_slowly() -> None:
    moments = [MONDAY + 6 * 3_600_000 + second * 10_000 for second in range(16 * 360)]
    energy = [signal_of("energy", "e").at(ms) for ms in moments]
    temperature = [signal_of("temperature", "t").at(ms) for ms in moments]
    lag = 60  # ten minutes
    at_once = statistics.correlation(energy, temperature)
    after = statistics.correlation(energy[:-lag], temperature[lag:])
    assert after > at_once + 0.05


@pytest.mark.parametrize("kind", TYPES)
def test_white_noise_is_of_the_sigma_that_faults_are_measured_in(kind: str) -> None:
    signal = signal_of(kind)
    # differences of neighbours a millisecond apart: everything else stands still
    differences = [signal.at(MONDAY + ms + 1) - signal.at(MONDAY + ms) for ms in range(0, 20_000, 10)]
    assert statistics.pstdev(differences) / 2**0.5 == pytest.approx(signal.sigma, rel=0.05)


def test_natural_anomalies_are_as_rare_as_asked_and_cross_the_warning_limit() -> None:
    days = 20
    nature = Nature(anomalies_per_day=2.0)
    seen: dict[str, float] = {}
    for number in range(5):
        signal = signal_of("energy", f"s{number}", nature=nature)
        for ms in range(MONDAY, MONDAY + days * DAY, 10_000):
            name = signal.natural_anomaly(ms)
            if name is not None:
                key = f"{number}/{name}"
                seen[key] = max(seen.get(key, 0.0), signal.at(ms))
            else:
                assert signal.at(ms) < signal.limits.warning
    assert len(seen) / (5 * days) == pytest.approx(2.0, rel=0.25)
    assert min(seen.values()) > SENSOR_TYPES["energy"].warning


@pytest.mark.parametrize("kind", MODELS)
def test_the_instrument_shows_steps_and_many_of_them(kind: str) -> None:
    step = 10.0 ** -MODELS[kind].decimals
    shown = {
        decode_reading(payload).value for payload in sent_by(SensorSpec(sensor_id="s", sensor_type=kind), readings=400)
    }
    assert all(value / step == pytest.approx(round(value / step), abs=1e-6) for value in shown)
    assert len(shown) > 100


def sent_by(spec: SensorSpec, *, readings: int) -> list[bytes]:
    engine, sent = Engine(seed=1), []
    command = SensorCommand(command_id="c", spec=spec, issued_at=datetime(2026, 1, 1, tzinfo=UTC))
    engine.put(command, lambda _key, value, _headers: sent.append(value), now=0)
    engine.advance(10**12, readings)
    return sent


def test_quiet_means_no_natural_anomaly() -> None:
    signal = signal_of("energy", nature=QUIET)
    assert all(signal.natural_anomaly(MONDAY + ms) is None for ms in range(0, 30 * DAY, 60_000))


@pytest.mark.parametrize("kind", TYPES)
def test_alert_mix_gives_the_shares_asked_for(kind: str) -> None:
    signal = signal_of(kind, nature=Nature(mix=(0.15, 0.05)))
    levels = [signal.limits.level(signal.at(MONDAY + 3_000 * number)) for number in range(20_000)]
    assert levels.count(1) / len(levels) == pytest.approx(0.15, abs=0.01)
    assert levels.count(2) / len(levels) == pytest.approx(0.05, abs=0.006)


@pytest.mark.parametrize("mix", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
def test_alert_mix_holds_at_its_ends(mix: tuple[float, float]) -> None:
    signal = signal_of("vibration", nature=Nature(mix=mix))
    levels = {signal.limits.level(signal.at(MONDAY + 4_000 * number)) for number in range(500)}
    assert levels == {{(0.0, 0.0): 0, (1.0, 0.0): 1, (0.0, 1.0): 2}[mix]}


def test_a_signal_may_be_ahead_of_the_time_it_is_asked_with() -> None:
    assert signal_of("energy", ahead=-MONDAY).at(MONDAY + 5) == signal_of("energy").at(5)


def test_limits_say_the_level_in_both_directions() -> None:
    high = Limits(25, 35, 40, -40, 200)
    low = Limits(5, 3, 2, 0, 10)
    assert [high.level(value) for value in (34.9, 35, 40)] == [0, 1, 2]
    assert [low.level(value) for value in (3.1, 3, 2)] == [0, 1, 2]
    assert low.span == -3
