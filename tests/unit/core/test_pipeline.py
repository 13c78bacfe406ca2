"""The pipeline of one partition, pure: what follows from records, however they are cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from controlroom.core.alarms.events import Detected, Returned, TimePassed
from controlroom.core.intake import KEPT_A_MINUTE, REJECTS_A_MINUTE
from controlroom.core.pipeline import PartitionPipeline, PipelineOptions
from controlroom.core.profiles import profile_for
from controlroom.core.records import Batch, tail_hash
from controlroom.wire import Location, Metadata, Reading, encode_reading

START = datetime(2026, 5, 1, tzinfo=UTC)
LOG_S = START.timestamp() + 1.0


@dataclass(frozen=True)
class Record:
    """What the pipeline sees of a record of Kafka."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def record(
    offset: int,
    value: float,
    *,
    sensor: str = "temp-1",
    at: float | None = None,
    log: float | None = None,
    headers: tuple[tuple[str, bytes], ...] = (),
    zone: str = "a",
    machine: str = "",
    source: str = "",
) -> Record:
    time = START + timedelta(seconds=offset if at is None else at)
    reading = Reading(
        time,
        sensor,
        "temperature",
        Location(machine_id=machine, zone=zone),
        value,
        "°C",
        metadata=Metadata(offset + 1, 35.0, 40.0),
        source=source or UNSET,
    )
    stamp = LOG_S + offset if log is None else log
    return Record(offset, round(stamp * 1000), sensor.encode(), encode_reading(reading), headers)


def pipeline(options: PipelineOptions | None = None) -> PartitionPipeline:
    return PartitionPipeline("readings", 0, 0, {}, profile_for, options or PipelineOptions())


def signals_of(batch: Batch) -> list[tuple[str, str, float]]:
    return [(signal.kind, type(signal.event).__name__, signal.event.at) for signal in batch.signals]


def test_clocks_that_are_off_are_told_by_the_last_readings() -> None:
    run = pipeline()
    run.process([record(0, 25.0, sensor="fast", at=601), record(1, 25.0, sensor="slow", at=-7198)])
    run.process([record(2, 25.0, sensor="simulated", at=9000, headers=(("simulated", b"1"),)), record(3, 25.0)])
    clocks = run.clocks()
    assert (clocks.ahead, clocks.behind, clocks.most_ahead, clocks.most_behind) == (1, 1, 600.0, 7200.0)


def test_a_limit_is_signalled_with_the_record_that_crossed_it() -> None:
    run = pipeline()
    header = (("simulated", b"1"), ("fault-id", b"drill-7"))
    run.process([record(0, 25.0), record(1, 36.0, headers=header), record(2, 25.0)])
    batch = run.take(checkpoint=False)
    raised, returned = (signal for signal in batch.signals if signal.kind == "limit")
    assert isinstance(raised.event, Detected)
    assert isinstance(returned.event, Returned)
    assert (raised.source.offset, raised.event.value, raised.event.limit) == (1, 36.0, 35.0)
    assert raised.event.fault_id == "drill-7"
    assert (batch.first, batch.next_offset, batch.records) == (0, 3, 3)


def test_what_is_stored_is_a_setting() -> None:
    for every, offsets in ((1, [0, 1, 2, 3, 4, 5]), (3, [2, 5]), (0, [])):
        run = pipeline(PipelineOptions(sample_every=every))
        run.process([record(number, 25.0 + number / 10) for number in range(6)])
        batch = run.take(checkpoint=True)
        assert [row[0] for row in batch.readings] == offsets
        assert sum(bucket.count for bucket in batch.rollups.values()) == 6


def test_more_sensors_than_allowed_are_rejected_and_the_known_ones_go_on() -> None:
    run = pipeline(PipelineOptions(max_sensors=2))
    run.process([record(number, 25.0, sensor=f"s-{number % 3}") for number in range(6)])
    batch = run.take(checkpoint=False)
    assert [row[3] for row in batch.readings] == ["s-0", "s-1", "s-0", "s-1"]
    assert [reject.reason for reject in batch.rejects] == ["too-many-sensors"] * 2


def test_a_wrong_clock_does_not_move_the_sensors_time() -> None:
    run = pipeline()
    wrong = START.timestamp() - datetime(1970, 1, 2, tzinfo=UTC).timestamp()
    run.process(
        [record(0, 25.0), record(1, 25.0, at=-wrong), record(2, 25.0, at=4e9 - START.timestamp()), record(3, 36.0)]
    )
    batch = run.take(checkpoint=True)
    assert [row[5] for row in batch.readings] == [1.0, 0.0, 0.0, 1.0]
    limit = next(signal for signal in batch.signals if signal.kind == "limit")
    assert limit.event.at == START.timestamp() + 3


def test_silence_is_told_in_the_sensors_own_time_also_when_its_clock_is_years_off() -> None:
    past = -3 * 365 * 86_400.0
    run = pipeline()
    run.process([record(number, 25.0 + number % 3, at=past + number) for number in range(60)])
    assert run.advance(LOG_S + 60 + 120)
    batch = run.take(checkpoint=True)
    silent = next(signal for signal in batch.signals if signal.kind == "dropout")
    assert isinstance(silent.event, Detected)
    now = START.timestamp() + past + 59 + (60 + 120 - 59)
    assert now - 121 <= silent.event.at <= now


def test_a_delay_ends_with_the_sensors_own_time() -> None:
    run = pipeline()
    run.process([record(0, 25.0)])
    run.take(checkpoint=False)
    run.set_deadlines({"temp-1": {"limit": START.timestamp() + 5}})
    run.process([record(number, 25.0) for number in range(1, 9)])
    passed = [signal for signal in run.take(checkpoint=False).signals if isinstance(signal.event, TimePassed)]
    assert [(signal.kind, signal.event.at) for signal in passed] == [("limit", START.timestamp() + 5)]


def test_a_corrupt_payload_is_a_reject_and_a_word_about_its_sensor() -> None:
    run = pipeline()
    bad = Record(1, round((LOG_S + 1) * 1000), b"temp-1", b"{")
    run.process([record(0, 25.0), bad, record(2, 25.0)])
    batch = run.take(checkpoint=False)
    assert [(reject.offset, reject.reason) for reject in batch.rejects] == [(1, "malformed")]
    assert [row[0] for row in batch.readings] == [0, 2]
    assert any(signal.kind == "corrupt" for signal in batch.signals)


def test_a_reading_that_says_otherwise_of_its_sensor_is_looked_at_closely() -> None:
    run = pipeline()
    run.process([record(0, 25.0)])
    (old,) = run.take(checkpoint=False).sensors.values()
    moved = record(1, 25.0)
    assert moved.value is not None
    run.process([replace(moved, value=moved.value.replace(b'"zone":"a"', b'"zone":"b"')), record(2, 25.0)])
    run.process([replace(record(3, 25.0), value=moved.value.replace(b'"zone":"a"', b'"zone" : "a"'))])
    batch = run.take(checkpoint=False)
    assert old.location.zone == "a"
    # There, and back again; the same place written otherwise is the same place.
    assert [facts.location.zone for facts in batch.sensors.values()] == ["a"]
    assert len(batch.readings) == 3


def test_a_unit_written_otherwise_is_the_same_and_another_one_is_noted() -> None:
    run = pipeline()
    run.process([record(0, 25.0)])
    run.take(checkpoint=False)
    for number, unit in enumerate([rb'"unit":"\u00b0C"', rb'"unit":"\u00b0C"', rb'"unit":"K"'], start=1):
        again = record(number, 25.0)
        assert again.value is not None
        run.process([replace(again, value=again.value.replace(b'"unit":"\xc2\xb0C"', unit))])
        units = [facts.unit for facts in run.pending.sensors.values()]
        assert units == ([] if number < 3 else ["K"])
    batch = run.take(checkpoint=False)
    assert (len(batch.readings), batch.rejects) == (3, [])


BROKEN = [
    (b'"unit":"\xc2\xb0C"', b'"unit":"\\u0000C"'),
    (b'"zone":"a"', b'"zone":7'),
    (b'"zone":"a"', b'"zone":"\xff"'),
    (b'"unit":"\xc2\xb0C"', b'"unit":"' + b"x" * 33 + b'"'),
    (b'"sensor_type":"temperature"', b'"sensor_type":""'),
    (b'"sensor_id":"temp-1"', b'"sensor_id":"temp-2"'),
    (b'"sensor_id":"temp-1"', b'"sensor_id":"temp-1","schema_version":"2.0"'),
    (b'"quality":1.0', b'"quality":1.5'),
    (b'"value":25.0', b'"value":"25.0"'),
    (b'"value":25.0', b'"value":25.0,"note":"' + b"x" * 70_000 + b'"'),
    (b'"value":25.0', b'"value":25.0,"note":"\\u0000"'),
    (b'"alert_level":"normal"', b'"alert_level":"fine"'),
    (b'"metadata":{', b'"metadata":{"reading_count":-1,'),
]


@pytest.mark.parametrize(("old", "new"), BROKEN, ids=[new[:40].decode("latin-1") for _, new in BROKEN])
def test_the_quick_way_refuses_all_that_the_exact_one_refuses(old: bytes, new: bytes) -> None:
    run = pipeline()
    good = [record(number, 25.0) for number in range(3)]
    value = good[1].value
    assert value is not None
    assert old in value
    run.process([good[0], replace(good[1], value=value.replace(old, new, 1)), good[2]])
    batch = run.take(checkpoint=False)
    assert [row[0] for row in batch.readings] == [0, 2]
    assert [reject.offset for reject in batch.rejects] == [1]


def test_roll_ups_by_the_second_are_made_where_they_are_wanted() -> None:
    run = pipeline(PipelineOptions(by_second=True))
    run.process([record(number, 25.0, at=number / 4) for number in range(8)])
    batch = run.take(checkpoint=True)
    start = int(START.timestamp())
    assert {key: bucket.count for key, bucket in batch.seconds.items()} == {
        ("temp-1", start): 4,
        ("temp-1", start + 1): 4,
    }
    assert sum(bucket.count for bucket in batch.rollups.values()) == 8


def test_the_hash_of_the_last_record_tells_it_from_any_other() -> None:
    run = pipeline()
    run.process([record(0, 25.0), record(1, 26.0)])
    tail = run.take(checkpoint=False).tail
    assert tail == tail_hash(record(1, 26.0))
    others = (record(1, 26.5), record(1, 26.0, log=LOG_S), record(1, 26.0, sensor="temp-2"))
    assert tail not in {tail_hash(other) for other in others}


def floods(poison: int, good: int) -> list[Record]:
    """A minute of bad records, then good ones, one a second."""
    bad = [Record(number, round(LOG_S * 1000), b"temp-1", b"{" * 300) for number in range(poison)]
    later = [record(poison + number, 25.0, at=60 + number, log=LOG_S + 60 + number) for number in range(good)]
    return bad + later


def test_rejects_without_end_are_an_alarm_of_the_partition_until_a_minute_is_quiet() -> None:
    run = pipeline()
    run.process(floods(REJECTS_A_MINUTE + 5, 200))
    batch = run.take(checkpoint=False)
    told = [signal for signal in batch.signals if signal.kind == "rejects"]
    assert [(type(s.event), s.facts.sensor_id) for s in told] == [(Detected, "partition:0"), (Returned, "partition:0")]
    assert len(batch.rejects) == REJECTS_A_MINUTE + 5


def test_a_successor_knows_which_alarms_of_the_partition_stand() -> None:
    records = floods(REJECTS_A_MINUTE + 5, 200)
    run = PartitionPipeline("readings", 0, REJECTS_A_MINUTE + 2, {}, profile_for, PipelineOptions())
    run.know({}, {("partition:0", "rejects"), ("partition:1", "sensor-limit")})
    run.process(records[REJECTS_A_MINUTE + 2 :])
    told = [signal for signal in run.take(checkpoint=False).signals if signal.facts.sensor_id == "partition:0"]
    assert [(signal.kind, type(signal.event)) for signal in told] == [("rejects", Returned)]


def test_of_a_flood_only_so_many_bytes_are_kept() -> None:
    run = pipeline()
    size = 60_000
    run.process([Record(number, round(LOG_S * 1000), b"temp-1", b"x" * size) for number in range(100)])
    batch = run.take(checkpoint=False)
    kept = [reject for reject in batch.rejects if reject.raw is not None]
    assert len(kept) == KEPT_A_MINUTE // size < len(batch.rejects) == 100
    assert {reject.size for reject in batch.rejects} == {size}
    assert batch.rejected_bytes == len(kept) * size + 100 * len(b"temp-1")


VALUES = st.lists(st.sampled_from([25.0, 25.1, 24.9, 26.0, 36.0, 41.0, -3.0]), min_size=30, max_size=120)


@settings(max_examples=40, deadline=None)
@given(values=VALUES, cuts=st.sets(st.integers(1, 119), max_size=8), saves=st.sets(st.integers(0, 8)))
def test_however_records_are_cut_and_states_saved_the_same_follows(
    values: list[float], cuts: set[int], saves: set[int]
) -> None:
    records = [record(number, value, sensor=f"s-{number % 2}") for number, value in enumerate(values)]
    whole = pipeline()
    whole.process(records)
    expected = whole.take(checkpoint=True)

    run = pipeline()
    signals: list[tuple[str, str, float]] = []
    rows: list[object] = []
    saved: dict[str, bytes] = {}
    edges = [0, *sorted(cut for cut in cuts if cut < len(records)), len(records)]
    for number, (low, high) in enumerate(pairwise(edges)):
        run.process(records[low:high])
        batch = run.take(checkpoint=number in saves)
        signals += signals_of(batch)
        rows += batch.readings
        if batch.states is not None:
            # A takeover: another worker loads what was saved. A sensor that was not touched keeps its earlier state.
            saved |= batch.states
            run = PartitionPipeline("readings", 0, high, saved, profile_for, PipelineOptions())
    assert rows == expected.readings
    assert signals == signals_of(expected)
