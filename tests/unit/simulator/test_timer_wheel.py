from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simulator.timer_wheel import TimerWheel


@given(st.lists(st.integers(0, 50)))
def test_takes_everything_in_order_of_time_then_of_arrival(dues: list[int]) -> None:
    wheel = TimerWheel[tuple[int, int]]()
    for number, due in enumerate(dues):
        wheel.add(due, (due, number))
    taken = []
    while wheel.next_due is not None:
        due, items = wheel.take()
        assert all(item[0] == due for item in items)
        taken += items
    assert taken == sorted((due, number) for number, due in enumerate(dues))


def test_clear_takes_everything_out() -> None:
    wheel = TimerWheel[str]()
    wheel.add(5, "a")
    wheel.clear()
    assert wheel.next_due is None
    wheel.add(5, "b")
    assert wheel.take() == (5, ["b"])
