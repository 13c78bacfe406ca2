"""What a worker tells of its sensors, and what a console makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from controlroom.core.plant_state import PlantState
from controlroom.core.summary import writer
from controlroom.core.summary.book import SummaryBook
from controlroom.core.summary.writer import PartitionSummary
from controlroom.wire import Location, Metadata, Reading, encode_reading
from controlroom.wire.summary import (
    BLOCK,
    SummaryBeat,
    SummaryBlock,
    SummaryRecord,
    SummarySensor,
    decode_summary,
    encode_summary,
    summary_key,
)

START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


@dataclass
class Record:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def record(offset: int, name: str, value: float, *, unit: str = "°C", quality: float = 1.0) -> Record:
    at = START + timedelta(seconds=offset)
    reading = Reading(
        at, name, "temperature", Location("production", "machine-1", "zone-a"), value, unit, quality=quality,
        metadata=Metadata(offset, 35.0, 40.0),
    )  # fmt: skip
    return Record(offset, int(at.timestamp() * 1000), name.encode(), encode_reading(reading))


def told(summary: PartitionSummary, *records: Record, behind_s: float = 0.0) -> list[SummaryRecord]:
    summary.note(records)
    while summary.digest(2):
        pass
    found = summary.beat(records[-1].offset + 1 if records else 0, behind_s)
    assert [decode_summary(encode_summary(one)) for one in found] == found
    return found


def hear(book: SummaryBook, records: list[SummaryRecord], *, at_s: float = 1000.0, now: float = 0.0) -> None:
    for one in records:
        book.hear(one, int(at_s * 1000), now, counted=True)


def test_only_the_last_reading_of_each_sensor_is_told_and_only_when_it_has_changed() -> None:
    summary = PartitionSummary("g", 2, 5)
    first = told(summary, record(0, "a", 1.0), record(1, "b", 2.0), record(2, "a", 3.0), behind_s=0.5)
    assert [type(one) for one in first] == [SummarySensor, SummarySensor, SummaryBlock, SummaryBeat]
    block, beat = first[2], first[3]
    assert isinstance(block, SummaryBlock)
    assert sorted(block.value) == [2.0, 3.0]
    assert beat == SummaryBeat(group="g", partition=2, epoch=5, through=3, behind_s=0.5, readings=3)
    assert [type(one) for one in told(summary)] == [SummaryBeat]
    # Another unit is another description; a record that is no reading is nobody's.
    again = told(summary, record(3, "a", 4.0, unit="K"), Record(4, 0, b"b", b"{"), Record(5, 0, None, b"{}"))
    assert [type(one) for one in again] == [SummarySensor, SummaryBlock, SummaryBeat]
    assert {summary_key(one) for one in again} == {b"g sensor a", b"g block 2/0", b"g beat 2"}
    # A key that is not the sensor's: the pipeline rejects it.
    stranger = Record(6, 0, b"c", record(6, "a", 9.0).value)
    assert [type(one) for one in told(summary, stranger)] == [SummaryBeat]


def test_many_sensors_are_described_by_and_by_and_anew_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST_TOLD", 200)
    summary, state = PartitionSummary("g", 0, 1), PlantState()
    book = SummaryBook(state, ["g"])
    count = BLOCK + 50
    hear(book, told(summary, *(record(number, f"s-{number}", float(number)) for number in range(count))))
    assert (len(state.sensors), book.age(0, 0.0)) == (200, None)
    hear(book, told(summary))
    assert (len(state.sensors), book.age(0, 1.5), book.through(0)) == (count, 1.5, 0)
    assert all(view.last_value == float(name[2:]) for name, view in state.sensors.items())
    summary.tell_everything()
    fresh, second = PlantState(), told(summary) + told(summary)
    hear(SummaryBook(fresh, ["g"]), second)
    assert {name: view.last_value for name, view in fresh.sensors.items()} == {
        name: view.last_value for name, view in state.sensors.items()
    }


def test_a_console_sees_what_it_would_see_of_the_readings() -> None:
    summary, state = PartitionSummary("g", 0, 1), PlantState()
    book = SummaryBook(state, ["g"])
    hear(book, told(summary, record(0, "a", 1.0), record(1, "b", 2.0)))
    before = state.sensors["b"].version
    hear(book, told(summary, record(2, "a", 5.0), record(3, "a", 6.0, quality=0.2)))
    view = state.sensors["a"]
    assert (view.last_value, view.quality, view.reading_count, view.unit, view.warning) == (6.0, 0.2, 3, "°C", 35.0)
    assert view.history.values(9) == [1.0, 6.0]
    assert view.seen_at == view.last_time == (START + timedelta(seconds=3)).timestamp()
    assert state.sensors["b"].version == before
    # Readings are counted from the second beat on: what the first one stands for came before.
    assert state.live_readings == 2
    # Read directly in the meantime: what is told later of before does not undo it.
    newer = Reading(START + timedelta(seconds=60), "a", "temperature", Location(), 9.0, "°C")
    state.apply_reading(newer, seen_at=newer.timestamp.timestamp(), simulated=False)
    hear(book, told(summary, record(4, "a", 7.0)))
    assert view.last_value == 9.0


def test_a_worker_that_has_lost_its_partition_is_not_believed_until_the_other_is_gone() -> None:
    state = PlantState()
    book = SummaryBook(state, ["g"])
    old, new, stranger = PartitionSummary("g", 0, 1), PartitionSummary("g", 0, 2), PartitionSummary("other", 0, 9)
    hear(book, told(old, record(0, "a", 1.0), record(1, "b", 2.0)), at_s=100)
    hear(book, told(new, record(2, "b", 3.0)), at_s=101)
    # "b" has the number that "a" had.
    hear(book, told(old, record(3, "b", 50.0)), at_s=102)
    hear(book, told(stranger, record(4, "b", 60.0)), at_s=102)
    assert {name: view.last_value for name, view in state.sensors.items()} == {"a": 1.0, "b": 3.0}
    # The database was made anew: epochs begin at 1 again.
    hear(book, told(PartitionSummary("g", 0, 1), record(5, "b", 4.0)), at_s=120)
    assert state.sensors["b"].last_value == 4.0


def test_a_removed_sensor_does_not_come_back_by_what_was_told_of_it_before() -> None:
    from controlroom.wire import SensorStatus

    summary, state = PartitionSummary("g", 0, 1), PlantState()
    records = told(summary, record(0, "a", 1.0))
    status = SensorStatus(sensor_id="a", state="removed", timestamp=START + timedelta(seconds=5))
    state.apply_status(status, "a")
    book = SummaryBook(state, ["g"])
    hear(book, records)
    assert state.sensors == {}
    hear(book, told(summary, record(9, "a", 2.0, unit="K")))
    assert state.sensors["a"].last_value == 2.0
