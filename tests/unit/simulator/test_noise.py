from __future__ import annotations

import statistics

from simulator.noise import GAUSS_BOUND, SMOOTH_BOUND, Smooth, gauss, key_of, uniform

KEY = key_of(1, "a sensor")


def test_a_value_depends_on_key_and_index_alone() -> None:
    forwards = [gauss(KEY, index) for index in range(100)]
    backwards = [gauss(KEY, index) for index in reversed(range(100))]
    assert forwards == backwards[::-1]
    assert forwards != [gauss(key_of(2, "a sensor"), index) for index in range(100)]


def test_the_hash_is_splitmix64() -> None:
    # the published test vector: seed 1234567
    vector = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [int(uniform(1234567, index) * 2**53) for index in (1, 2, 3)] == [value >> 11 for value in vector]


def test_uniform_is_uniform() -> None:
    values = [uniform(KEY, index) for index in range(20_000)]
    assert all(0 <= value < 1 for value in values)
    for tenth in range(10):
        share = sum(tenth / 10 <= value < (tenth + 1) / 10 for value in values) / len(values)
        assert abs(share - 0.1) < 0.01


def test_white_noise_is_standard_bounded_and_uncorrelated() -> None:
    values = [gauss(KEY, index) for index in range(20_000)]
    assert abs(statistics.fmean(values)) < 0.03
    assert abs(statistics.pstdev(values) - 1) < 0.02
    assert max(map(abs, values)) <= GAUSS_BOUND
    assert abs(statistics.correlation(values[:-1], values[1:])) < 0.03


def test_smooth_noise_is_standard_bounded_and_correlated_over_its_knot() -> None:
    noise = Smooth(KEY, knot=10.0)
    values = [noise.at(t) for t in range(40_000)]
    assert abs(statistics.fmean(values)) < 0.05
    assert abs(statistics.pstdev(values) - 1) < 0.03
    assert max(map(abs, values)) <= SMOOTH_BOUND
    assert statistics.correlation(values[:-1], values[1:]) > 0.9
    assert abs(statistics.correlation(values[:-30], values[30:])) < 0.05


def test_smooth_noise_needs_no_history() -> None:
    in_order = Smooth(KEY, knot=10.0)
    values = {t: in_order.at(t) for t in range(-50, 200)}
    assert all(Smooth(KEY, knot=10.0).at(t) == value for t, value in values.items())
