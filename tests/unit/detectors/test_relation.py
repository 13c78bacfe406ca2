"""A machine's sensors: together whatever the load, held faults held, sound for any input."""

from __future__ import annotations

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.relation import Relation

VALUES = st.one_of(
    st.none(), st.floats(allow_nan=False, allow_infinity=False), st.floats(-10, 10), st.just(1e308), st.just(0.0)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=60))
def test_any_rows(rows):
    relation = Relation(("a", "b", "c"))
    for i in range(250):
        verdict = relation.observe(rows[i % len(rows)])
        assert math.isfinite(verdict.statistic)
        assert all(0.0 <= share <= 1.0 for share in verdict.shares.values())
        assert verdict.expected is None or math.isfinite(verdict.expected)
    assert len(relation.dump()) < 1024


def rows(count, seed=3, fault=0.0, start=0):
    rng = random.Random(seed)
    for i in range(start, start + count):
        load = (0.2, 0.5, 0.9)[i // 20 * 7919 % 3]
        yield 100 * load + rng.gauss(0, 1), 2 * load + rng.gauss(0, 0.02) + fault, 40 + rng.gauss(0, 0.2)


def test_a_save_and_load_between_any_two_rows_changes_nothing():
    one, other = Relation(("a", "b", "c")), Relation(("a", "b", "c"))
    for row in [*rows(800), *rows(50, fault=0.4, start=800)]:
        other = Relation.load(other.dump())
        assert one.observe(row) == other.observe(row)
    assert one.dump() == other.dump()


def test_the_order_of_the_channels_does_not_matter():
    one, other = Relation(("a", "b", "c")), Relation(("c", "b", "a"))
    for row in [*rows(1500), *rows(60, fault=0.4, start=1500)]:
        first, second = one.observe(row), other.observe(tuple(reversed(row)))
        assert first.raised == second.raised
        assert math.isclose(first.statistic, second.statistic, rel_tol=1e-6, abs_tol=1e-6)


def test_a_held_fault_stays_an_alarm_and_a_channel_without_data_is_no_fault():
    relation = Relation(("a", "b", "c"))
    assert not any(relation.observe(row).raised for row in rows(1500))
    assert not any(relation.observe((a, None, c)).raised for a, _, c in rows(300, start=1500))
    held = [relation.observe(row).raised for row in rows(5000, fault=0.4, start=1800)]
    assert all(held[10:])
    assert not [relation.observe(row).raised for row in rows(100, start=6800)][-1]
