"""A sensor that moves between two partitions: what one gives up is what the other goes on with."""

from __future__ import annotations

import pytest

from controlroom.core.alarms.events import Detected, Returned
from controlroom.core.moving import STAYS_S
from controlroom.core.pipeline import PartitionPipeline, PipelineOptions
from controlroom.core.profiles import profile_for
from controlroom.core.records import Batch
from tests.unit.core.test_pipeline import LOG_S, Record, pipeline, record, signals_of


def other() -> PartitionPipeline:
    """Another partition, which stops at sensors that it does not know."""
    run = PartitionPipeline("readings", 1, 0, {}, profile_for, PipelineOptions())
    run.stops_at_unknown = True
    return run


def values(start: int, count: int, sensor: str = "temp-1") -> list[Record]:
    return [record(offset, 25.0 + offset % 7 / 10, sensor=sensor) for offset in range(start, start + count)]


def give_up(run: PartitionPipeline, sensor: str = "temp-1") -> Batch:
    run.depart(sensor, 0.0)
    return run.take(checkpoint=True)


def test_processing_stops_before_the_first_record_of_an_unknown_sensor() -> None:
    run = other()
    run.looked_for(["temp-1"])
    assert run.process(values(0, 3)) == ()
    records = [*values(3, 2), *values(5, 2, "temp-2"), *values(7, 1)]
    rest = run.process(records)
    assert [r.offset for r in rest] == [5, 6, 7]
    batch = run.take(checkpoint=False)
    assert (batch.first, batch.next_offset, batch.records, len(batch.readings)) == (0, 5, 5, 5)
    assert {name: r.offset for name, r in run.unknown(rest).items()} == {"temp-2": 5}
    run.looked_for(["temp-2"])
    assert run.process(rest) == ()
    assert run.take(checkpoint=False).records == 3


def test_what_cannot_be_a_sensor_is_rejected_and_not_looked_for() -> None:
    run = other()
    assert run.process([Record(0, 1000, b"a\x00b", b"{}"), Record(1, 1000, None, b"{}")]) == ()
    assert len(run.take(checkpoint=False).rejects) == 2
    assert run.unknown([Record(0, 1000, b"a\x00b", b"{}"), Record(1, 1000, None, b"{}")]) == {}


def test_its_detectors_go_on_as_if_it_had_not_moved() -> None:
    stayed, old, new = pipeline(), pipeline(), other()
    stayed.process(values(0, 300))
    old.process(values(0, 200))
    batch = give_up(old)
    (departure,) = batch.departures
    assert (departure.sensor_id, departure.offset) == ("temp-1", 200)
    assert departure.state is not None
    assert "temp-1" not in (batch.states or {})
    new.join({"temp-1": departure.state}, {}, {})
    assert new.process(values(200, 100)) == ()
    state = (new.take(checkpoint=True).states or {})["temp-1"]
    assert state == (stayed.take(checkpoint=True).states or {})["temp-1"]


def test_a_delay_of_its_alarm_ends_in_the_new_partition_alone() -> None:
    old, new = pipeline(), other()
    old.process(values(0, 5))
    old.set_deadlines({"temp-1": {"limit": LOG_S + 6}})
    departure = give_up(old).departures[0]
    old.set_deadlines({"temp-1": {"limit": LOG_S + 6}})  # the answer to the batch in flight comes later
    old.process(values(5, 5))
    assert [kind for kind, _, _ in signals_of(old.take(checkpoint=False))] == []
    assert departure.state is not None
    new.join({"temp-1": departure.state}, {}, {"temp-1": {"limit": LOG_S + 6}})
    new.process(values(5, 5))
    assert ("limit", "TimePassed", LOG_S + 6) in signals_of(new.take(checkpoint=False))


def test_what_still_comes_to_the_old_partition_is_stored_and_not_watched() -> None:
    run = pipeline()
    run.stops_at_unknown = True
    run.looked_for(["temp-1"])
    run.process(values(0, 50))
    give_up(run)
    assert run.process([record(50, 99.0), record(51, 99.0)]) == ()
    batch = run.take(checkpoint=True)
    assert ([row[0] for row in batch.readings], batch.signals) == ([50, 51], [])
    assert "temp-1" not in (batch.states or {})
    # Long after, it may come back: then it is asked for as any unknown sensor is.
    later = LOG_S + 49 + STAYS_S
    assert run.process([record(52, 25.0, log=later - 1)]) == ()
    rest = run.process([record(53, 25.0, log=later + 1)])
    assert [r.offset for r in rest] == [53]


def test_its_silence_ends_where_it_is_given_up() -> None:
    old = pipeline()
    old.process(values(0, 50))
    old.advance(LOG_S + 300)
    assert [(kind, event) for kind, event, _ in signals_of(old.take(checkpoint=True))] == [("dropout", "Detected")]
    batch = give_up(old)
    assert [(signal.kind, type(signal.event)) for signal in batch.signals] == [("dropout", Returned)]
    old.advance(LOG_S + 900)
    assert old.take(checkpoint=True).signals == []


def test_nobody_is_called_silent_while_sensors_may_be_heard_elsewhere() -> None:
    run = pipeline()
    run.process(values(0, 50))
    run.call_nobody_silent(LOG_S + 110)
    run.advance(LOG_S + 100)
    assert run.take(checkpoint=True).signals == []
    run.advance(LOG_S + 111)
    (signal,) = run.take(checkpoint=True).signals
    assert (signal.kind, type(signal.event)) == ("dropout", Detected)


@pytest.mark.parametrize("sensor", ["temp-1", "temp-9"])
def test_it_is_given_up_once(sensor: str) -> None:
    run = pipeline()
    run.process(values(0, 50))
    assert len(give_up(run, sensor).departures) == 1
    assert give_up(run, sensor).departures == []
