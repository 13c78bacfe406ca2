"""The cheap bank: what it sees, and that a saved one goes on exactly where it was."""

from __future__ import annotations

import random

import pytest

from detectors.cheap import CheapBank
from detectors.profile import Profile

PROFILE = Profile(unit="°C", warning_high=35.0, critical_high=40.0, range_low=-40.0, range_high=125.0, interval=1.0)


def quiet(count: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [25 + rng.gauss(0, 1) for _ in range(count)]


def run(bank: CheapBank, values: list[float], first: int = 1) -> list[tuple[str, int]]:
    return [
        (finding.kind, finding.level)
        for number, value in enumerate(values, start=first)
        for finding in bank.observe(number, float(number), float(number), value)
    ]


def test_a_quiet_sensor_raises_nothing_in_a_day() -> None:
    assert run(CheapBank(PROFILE), quiet(86_400)) == []


def test_limits_work_from_the_first_reading_and_on_the_fast_path() -> None:
    assert run(CheapBank(PROFILE), [36.0, 41.0, 30.0]) == [("limit", 1), ("limit", 2), ("limit", 0)]
    bank = CheapBank(PROFILE)
    assert run(bank, quiet(500)) == []
    assert ("limit", 1) in run(bank, [35.0, 35.0], 501)
    assert run(bank, [25.0], 503) == [("limit", 0)]


def test_a_spike_is_found_after_the_warm_up_and_ends_by_itself() -> None:
    bank = CheapBank(PROFILE)
    assert run(bank, [*quiet(100), 12.0]) == []
    assert run(bank, quiet(300), 102) == []
    assert run(bank, [8.0], 402) == [("spike", 1)]
    assert run(bank, quiet(100, 2), 403) == [("spike", 0)]


def test_silence_is_raised_by_the_clock_and_ends_with_the_next_reading() -> None:
    bank = CheapBank(PROFILE)
    run(bank, quiet(200))
    assert bank.tick(203.0) == ()
    assert [(f.kind, f.level) for f in bank.tick(230.0)] == [("dropout", 1)]
    assert bank.tick(240.0) == ()
    assert [(f.kind, f.level) for f in bank.observe(201, 241.0, 241.0, 25.0)] == [("dropout", 0)]


def test_repeats_disorder_and_impossible_values() -> None:
    bank = CheapBank(PROFILE)
    run(bank, quiet(200))
    assert [f.kind for f in bank.observe(150, 150.0, 201.0, 25.0)] == ["duplicate"]
    assert [f.kind for f in bank.observe(203, 203.0, 203.0, 25.0)] == []
    assert [f.kind for f in bank.observe(202, 202.0, 204.0, 25.0)] == ["order"]
    assert [f.kind for f in bank.observe(204, 205.0, 205.0, 300.0)] == ["corrupt"]


@pytest.mark.parametrize("cut", [1, 30, 64, 65, 450, 503, 520])
def test_a_saved_bank_goes_on_where_it_was(cut: int) -> None:
    values = [*quiet(450), 36.0, 41.0, 41.0, *quiet(50, 2), 5.0, *quiet(300, 3)]
    whole = CheapBank(PROFILE)
    expected = run(whole, values)
    first = CheapBank(PROFILE)
    before = run(first, values[:cut])
    second = CheapBank.load(PROFILE, first.dump())
    assert second.dump() == first.dump()
    assert before + run(second, values[cut:], cut + 1) == expected
    assert second.dump() == whole.dump()


def test_another_kind_of_state_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        CheapBank.load(PROFILE, b"\x01rest")
    with pytest.raises(ValueError, match="not readable"):
        CheapBank.load(PROFILE, CheapBank(PROFILE).dump()[:-3])
