"""What operators order is carried out before a record, and the same follows whoever does it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.core.alarms.events import Detected, Returned
from controlroom.core.learning import LearningAction, LearningOrder, carry_out, facts_of
from controlroom.core.pipeline import PartitionPipeline, PipelineOptions
from controlroom.core.profiles import profile_for
from detectors import Profile, SensorBank
from detectors.cheap import CheapBank
from tests.unit.core.test_pipeline import pipeline, record, signals_of


def order(number: int, action: LearningAction, sensor: str = "temp-1") -> LearningOrder:
    return LearningOrder(number, sensor, action)


def test_an_order_is_carried_out_once_before_the_next_record() -> None:
    run = pipeline()
    run.process([record(number, 25.0) for number in range(5)])
    run.take(checkpoint=True)
    freeze = order(7, LearningAction.FREEZE)
    assert run.order([freeze])
    run.order([freeze])
    batch = run.take(checkpoint=True)
    assert (batch.ordered, batch.next_offset, list(batch.states or ())) == ([(7, 5)], 5, ["temp-1"])
    assert not run.order([freeze])


@pytest.mark.parametrize("make", [SensorBank, CheapBank])
def test_going_on_ends_the_window_that_is_open(make: type[SensorBank] | type[CheapBank]) -> None:
    bank = make(Profile())
    windows = [
        LearningOrder(number, "temp-1", LearningAction.MAINTENANCE, start=start, end=start + 100.0)
        for number, start in ((1, 50.0), (2, 500.0))
    ]
    freeze = LearningOrder(3, "temp-1", LearningAction.FREEZE)
    thaw = LearningOrder(4, "temp-1", LearningAction.THAW, start=80.0)
    orders = [*windows, freeze, thaw]
    for each in orders:
        carry_out(each, bank)
    state = bank._state.pauses if isinstance(bank, SensorBank) else bank._pauses
    assert (state, bank.frozen) == ([(50.0, 80.0), (500.0, 600.0)], False)
    facts = facts_of((each, 80.0, "mira", True) for each in orders)
    assert [(window.start, window.end) for window in facts.windows] == state
    assert [facts.stopped(at) for at in (60.0, 80.0, 500.0, 600.0)] == [True, False, True, False]


def test_a_sensor_that_has_not_spoken_is_dealt_with_when_it_has() -> None:
    run = pipeline()
    freeze = order(7, LearningAction.FREEZE)
    run.process([record(0, 25.0, sensor="other")])
    assert not run.order([freeze])
    run.process([record(1, 25.0), record(2, 25.0)])
    assert run.order([freeze])
    assert run.take(checkpoint=True).ordered == [(7, 3)]


def test_a_sensor_that_may_never_speak_again_is_forgotten_by_its_saved_state() -> None:
    run = pipeline()
    records = [record(number, 25.0) for number in range(40)]
    run.process(records)
    assert run.advance(records[-1].timestamp / 1000 + 3600)
    silent = run.take(checkpoint=True)
    assert [(signal.kind, type(signal.event)) for signal in silent.signals] == [("dropout", Detected)]

    states = dict(silent.states or {})
    other = PartitionPipeline("readings", 0, 40, states, profile_for, PipelineOptions())
    other.know({"temp-1": silent.signals[0].facts})
    assert other.order([order(1, LearningAction.RESET)])
    batch = other.take(checkpoint=True)
    assert [(signal.kind, type(signal.event)) for signal in batch.signals] == [("dropout", Returned)]
    assert (batch.states or {})["temp-1"] != states["temp-1"]
    # What it has forgotten it does not miss.
    assert not other.advance(records[-1].timestamp / 1000 + 7200)


def test_reset_ends_what_was_raised_and_limits_are_judged_anew() -> None:
    run = pipeline()
    run.process([record(0, 36.0)])
    run.order([order(1, LearningAction.RESET)])
    run.process([record(1, 36.0)])
    kinds = [(signal.kind, type(signal.event)) for signal in run.take(checkpoint=True).signals]
    assert [kind for kind, _ in kinds] == ["limit", "limit", "limit"]
    assert kinds[1][1] is Returned


ACTIONS = st.sampled_from([LearningAction.FREEZE, LearningAction.THAW, LearningAction.RESET, LearningAction.ACCEPT])


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.sampled_from([25.0, 25.1, 24.9, 36.0, 41.0]), min_size=30, max_size=90),
    orders=st.dictionaries(st.integers(1, 29), ACTIONS, max_size=4),
    cuts=st.sets(st.integers(1, 89), max_size=6),
)
def test_who_runs_it_again_with_the_offsets_noted_comes_to_the_same(
    values: list[float], orders: dict[int, LearningAction], cuts: set[int]
) -> None:
    records = [record(number, value, sensor=f"s-{number % 2}") for number, value in enumerate(values)]
    asked = {at: order(at, action, f"s-{at % 2}") for at, action in orders.items()}

    # Workers that take over from each other; an order is handed over again until it is carried out.
    run = pipeline()
    signals: list[tuple[str, str, float]] = []
    ordered: list[tuple[int, int]] = []
    saved: dict[str, bytes] = {}
    ends = sorted({*asked, *(cut for cut in cuts if cut < len(records)), len(records)})
    for low, high in pairwise([0, *ends]):
        run.process(records[low:high])
        done = {number for number, _ in ordered}
        run.order([asked[at] for at in sorted(asked) if at <= high and at not in done])
        batch = run.take(checkpoint=True)
        signals += signals_of(batch)
        ordered += batch.ordered
        if high in cuts:
            saved |= batch.states or {}
            run = PartitionPipeline("readings", 0, high, saved, profile_for, PipelineOptions())
        saved |= batch.states or {}

    # One that is never interrupted, and told what was carried out before which offset.
    whole = pipeline()
    low = 0
    for number, offset in ordered:
        whole.process(records[low:offset])
        whole.order([asked[number]])
        low = offset
    whole.process(records[low:])
    expected = whole.take(checkpoint=True)
    assert signals == signals_of(expected)
    assert ordered == expected.ordered
