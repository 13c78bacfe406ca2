"""A view that is read late shows the same as one that takes every reading when it is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.core import reading_columns
from controlroom.core.plant_state import PlantState
from controlroom.core.sensor_view import HISTORY, SensorView
from controlroom.core.summary.book import SummaryBook
from controlroom.wire import BadMessage, Location, Reading, SensorStatus
from controlroom.wire.summary import BLOCK, SummaryBlock, SummarySensor, decode_summary, encode_summary

START = 1_772_460_000.0
SENSORS = BLOCK + 3


class Console:
    """What a console shows of what a worker tells of all sensors."""

    def __init__(self) -> None:
        self.state = PlantState()
        self.book = SummaryBook(self.state, ["g"])
        self.second, self.epoch = 0, 1
        self.seen = [START * 1000] * SENSORS
        self.bad: dict[int, float] = {}

    def describe(self, number: int) -> None:
        seen = self.seen[number]
        self._hear(
            SummarySensor(
                group="g", partition=0, epoch=self.epoch, number=number, sensor_id=f"s-{number}", sensor_type="t",
                at=seen / 1000, seen=int(seen), value=seen % 1e6, quality=self.bad.get(number, 1.0),
            )
        )  # fmt: skip

    def send(self, numbers: list[int], quality: float, gap: int) -> None:
        """These sensors send, and then their blocks are told."""
        self._pass(gap)
        for number in numbers:
            self.seen[number] = (START + self.second) * 1000 + number
            self.bad.pop(number, None)
            if quality < 1.0:
                self.bad[number] = quality
        for first in sorted({number // BLOCK * BLOCK for number in numbers}):
            seen = self.seen[first : first + BLOCK]
            self._hear(
                SummaryBlock(
                    group="g", partition=0, epoch=self.epoch, first=first, at=[ms / 1000 for ms in seen], seen=seen,
                    value=[ms % 1e6 for ms in seen], count=[int(ms) % 10**6 for ms in seen],
                    bad={number - first: bad for number, bad in self.bad.items() if 0 <= number - first < BLOCK},
                )
            )  # fmt: skip

    def read_directly(self, number: int, quality: float) -> None:
        self._pass(1)
        at = START + self.second
        reading = Reading(datetime.fromtimestamp(at, UTC), f"s-{number}", "t", Location(), -at, quality=quality)
        self.state.apply_reading(reading, seen_at=at, simulated=False)

    def remove(self, number: int) -> None:
        at = datetime.fromtimestamp(START + self.second, UTC)
        self.state.apply_status(SensorStatus(sensor_id=f"s-{number}", state="removed", timestamp=at), f"s-{number}")

    def detail(self, number: int, more: bool) -> None:
        if more:
            self.state.take_detail(f"s-{number}", [(START + self.second, 7.0)])
        else:
            self.state.end_detail(f"s-{number}")

    def take_over(self) -> None:
        """Another worker tells from now on, which has described nothing yet."""
        self.epoch += 1

    def shown(self) -> dict[str, object]:
        return {name: facts(view) for name, view in self.state.sensors.items()}

    def _pass(self, seconds: int) -> None:
        self.second += seconds

    def _hear(self, record: SummarySensor | SummaryBlock) -> None:
        self.book.hear(decode_summary(encode_summary(record)), int((START + self.second) * 1000), 0.0, counted=True)


def facts(view: SensorView) -> tuple[object, ...]:
    latest = view.last_value, view.last_time, view.seen_at, view.quality, view.reading_count
    return latest, view.history.times(), view.history.values()


numbers = st.sampled_from([0, 1, BLOCK - 1, BLOCK, BLOCK + 2])
qualities = st.sampled_from([1.0, 0.5])
steps = st.one_of(
    st.tuples(st.just("send"), st.lists(numbers, min_size=1, unique=True), qualities, st.sampled_from([1, 40])),
    st.tuples(st.just("describe"), numbers),
    st.tuples(st.just("read_directly"), numbers, qualities),
    st.tuples(st.just("remove"), numbers),
    st.tuples(st.just("detail"), numbers, st.booleans()),
    st.tuples(st.just("take_over")),
)


@settings(max_examples=150)
@given(st.lists(steps, max_size=50))
def test_a_reading_that_is_looked_at_late_is_shown_as_if_it_had_been_looked_at_at_once(
    given_steps: list[tuple[Any, ...]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading_columns, "ROWS", 5)
        late, at_once = Console(), Console()
        for number in (0, BLOCK):
            late.describe(number)
            at_once.describe(number)
        positions, before = at_once.state.changes.since(0)[0], at_once.shown()
        versions = {name: view.version for name, view in at_once.state.sensors.items()}
        for name, *arguments in given_steps:
            getattr(late, name)(*arguments)
            getattr(at_once, name)(*arguments)
            after = at_once.shown()
            positions, noted = at_once.state.changes.since(positions)
            for sensor, view in at_once.state.sensors.items():
                if sensor not in before:
                    continue
                version, versions[sensor] = versions[sensor], view.version
                assert view.version > version if after[sensor] != before[sensor] else view.version >= version
                # Whether it is heard, and its mark of quality, are looked at when they are noted.
                if (view.quality < 1.0) is not (before[sensor][0][3] < 1.0):  # type: ignore[index]
                    assert sensor in (noted or ())
            versions = {sensor: view.version for sensor, view in at_once.state.sensors.items()}
            before = after
        assert late.shown() == at_once.shown()


def test_each_reading_is_in_the_history_once_also_of_sensors_that_send_rarely() -> None:
    console = Console()
    for number in range(SENSORS):
        console.describe(number)
    values: dict[int, list[float]] = {number: [console.seen[number] % 1e6] for number in range(SENSORS)}
    for second in range(2 * reading_columns.ROWS + 5):
        sending = [number for number in range(SENSORS) if second % (number % 7 + 1) == 0]
        console.send(sending, 1.0, 1)
        for number in sending:
            values[number].append(console.seen[number] % 1e6)
    shown = {number: console.state.sensors[f"s-{number}"].history.values() for number in range(SENSORS)}
    assert shown == values


def test_a_sensor_that_is_heard_again_is_noted() -> None:
    console = Console()
    console.describe(0)
    console.describe(1)
    console.send([0, 1], 1.0, 1)
    position, _ = console.state.changes.since(0)
    for second in range(20):
        console.send([0], 1.0, 1)
        assert console.state.changes.since(position) == (position, []), second
    console.send([1], 1.0, 1)
    assert console.state.changes.since(position)[1] == ["s-1"]


def test_a_sensor_that_was_removed_comes_back_by_what_is_told_later_alone() -> None:
    console = Console()
    console.describe(0)
    console.send([0, 1], 1.0, 1)
    console.remove(0)
    at = datetime.fromtimestamp(START + console.second, UTC)
    console.send([1], 1.0, 1)
    assert console.state.sensors == {}
    console.state.apply_status(SensorStatus(sensor_id="s-0", state="running", timestamp=at), "s-0")
    assert console.state.sensors["s-0"].last_value is None
    console.send([0], 1.0, 1)
    view = console.state.sensors["s-0"]
    assert (view.seen_at, len(view.history)) == (console.seen[0] / 1000, 1)


@pytest.mark.parametrize(
    "columns",
    [
        b'"first":0,"at":[1.0],"seen":[1,2],"value":[1.0],"count":[1]',
        b'"first":3,"at":[],"seen":[],"value":[],"count":[]',
    ],
)
def test_a_block_that_is_none_is_refused(columns: bytes) -> None:
    with pytest.raises(BadMessage):
        decode_summary(b'{"kind":"block","group":"g","partition":0,"epoch":1,' + columns + b"}")


def test_a_thread_that_looks_while_another_takes_in_what_is_told_changes_nothing() -> None:
    console = Console()
    console.describe(0)
    view, ended = console.state.sensors["s-0"], Event()

    def look() -> None:
        while not ended.is_set():
            times = view.history.times()
            assert times == sorted(set(times))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            for _ in range(HISTORY - 1):
                console.send([0], 1.0, 1)
        finally:
            ended.set()
        looking.result()
    assert view.history.times() == [START + second for second in range(HISTORY)]
