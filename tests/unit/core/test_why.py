"""Why an alarm was raised, as far as it is pure: occurrences from a journal, those alike, the readings run again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from controlroom.core.alarms.model import Alarm, Detection, Severity
from controlroom.core.backtest.series import Sample
from controlroom.core.why.build import build, occurrence_of, place_of, without_readings
from controlroom.core.why.model import Occurrence, Past, Why
from controlroom.core.why.past import occurrences, past_of, with_peak
from controlroom.core.why.rerun import limit_multiple, rerun
from controlroom.core.why.span import MOST
from controlroom.wire import AlarmEvent, Location
from detectors import Profile

PROFILE = Profile(unit="°C", warning_high=35.0, critical_high=40.0, interval=1.0)
READINGS, AFTER = 8_000, 200
BEGAN = float(READINGS - AFTER) + 5.0
THIS = Occurrence("now", BEGAN, severity="warning", value=25.0, expected=20.0, score=5.0, detector="step")


def event(occurrence: str, version: int, at: float, what: str, **fields: object) -> AlarmEvent:
    return AlarmEvent(
        **{
            "event_id": f"e{version}", "occurrence_id": occurrence, "version": version,
            "timestamp": datetime.fromtimestamp(at, UTC), "event": what, "sensor_id": "temp-1",
            "sensor_type": "temperature", "location": Location("hall", "press", "zone"), "kind": "level",
            "severity": "warning", "priority": "low", "state": "UNACK", "annunciated": False, "message": "stepped",
            **fields,
        }  # type: ignore[arg-type]
    )  # fmt: skip


class TestOccurrences:
    def test_from_raise_to_close_with_what_was_said(self) -> None:
        journal = [
            event("a", 1, 100.0, "raised", value=25.0, expected=20.0, detector="step"),
            event("a", 2, 150.0, "severity-rose", severity="critical", value=31.0, message="stepped further"),
            event("a", 3, 160.0, "acked", actor="mira", message="I look"),
            event("a", 4, 200.0, "clearing"),
            event("a", 5, 230.0, "returned"),
            event("a", 6, 230.0, "closed"),
            event("a", 7, 300.0, "marked-false", actor="jon", message="a truck"),
        ]
        (one,) = occurrences(reversed(journal))
        assert (one.began, one.ended, one.length, one.severity, one.value) == (100.0, 200.0, 100.0, "critical", 31.0)
        assert (one.acked_by, one.false_by, one.words) == ("mira", "jon", ("mira: I look", "jon: a truck"))

    def test_what_repeats_the_detector_is_no_word_of_an_operator(self) -> None:
        (one,) = occurrences([event("a", 1, 0.0, "raised"), event("a", 2, 1.0, "acked", actor="mira")])
        assert (one.acked_by, one.words, one.ended) == ("mira", (), None)

    def test_what_came_again_stands(self) -> None:
        journal = [event("a", 1, 0.0, "raised"), event("a", 2, 9.0, "clearing"), event("a", 3, 12.0, "recurred")]
        (one,) = occurrences(journal)
        assert one.ended is None

    def test_one_whose_begin_is_not_known_is_left_out(self) -> None:
        assert occurrences([event("a", 5, 9.0, "closed")]) == []

    def test_an_operator_may_act_at_a_time_before_the_readings_own(self) -> None:
        # A history that is replayed: readings of next year, acked today.
        (one,) = occurrences([event("a", 1, 1e9, "raised"), event("a", 2, 5.0, "acked", actor="mira")])
        assert one.acked_by == "mira"


class TestPast:
    def test_the_nearest_come_first_and_of_alike_ones_the_newest(self) -> None:
        known = [
            replace(THIS, occurrence_id="down", began=10.0, value=15.0, score=-5.0),
            replace(THIS, occurrence_id="old", began=20.0),
            replace(THIS, occurrence_id="new", began=30.0),
            replace(THIS, occurrence_id="small", began=40.0, score=1.0),
            replace(THIS, occurrence_id="other", began=50.0, detector="medium"),
            replace(THIS, occurrence_id="far", began=60.0, value=15.0, score=-0.1, severity="critical"),
            THIS,
        ]
        past = past_of(THIS, known)
        assert [one.occurrence_id for one in past.similar] == ["new", "old", "other", "small", "down"]
        assert (past.count, past.marked_false, past.since) == (6, 0, 10.0)

    def test_this_one_counts_among_the_false_ones(self) -> None:
        past = past_of(THIS, [replace(THIS, false_by="jon")])
        assert (past.count, past.marked_false, past.similar) == (0, 1, ())

    @pytest.mark.parametrize(("side", "peak"), [(5.0, 30.0), (-5.0, 10.0)])
    def test_the_peak_is_on_the_side_of_the_alarm(self, side: float, peak: float) -> None:
        assert with_peak(replace(THIS, value=20.0 + side), 10.0, 30.0).peak == peak

    def test_without_roll_ups_the_value_it_was_raised_with_is_all_that_is_known(self) -> None:
        assert with_peak(THIS, None, None).peak == 25.0


def samples(value: Callable[[int, random.Random], float], count: int = READINGS) -> list[Sample]:
    rng = random.Random(1)
    return [Sample("", float(i), value(i, rng), i + 1, i + 0.1) for i in range(count)]


def shifted(i: int, rng: random.Random) -> float:
    return 20.0 + rng.gauss(0.0, 0.3) + (5.0 if i >= READINGS - AFTER else 0.0)


def why(readings: list[Sample], this: Occurrence = THIS, kind: str = "level", **rang: float) -> Why:
    alarm = Alarm(sensor_id="temp-1", kind=kind)
    place = place_of(this, kind, [s.t for s in readings if s.t < this.began][-50:], readings[-1].t)
    before = [sample for sample in readings if sample.t < place.start]
    inside = [sample for sample in readings if place.start <= sample.t <= place.end]
    return build(alarm, place, PROFILE, before, inside, {kind: this.began, **rang}, Past())


class TestBuild:
    def test_the_curve_leaves_the_band_where_the_alarm_is(self) -> None:
        found = why(samples(shifted))
        assert (found.band, found.band_origin) == ("expected mean", "computed again")
        last = [high for high in found.curve.highs if high is not None][-1]
        assert found.curve.values[-1] > last
        assert found.own is not None
        assert found.own.over_at == pytest.approx(READINGS - AFTER, abs=10)
        assert found.own.highest > 1.0

    def test_what_rang_first_comes_first(self) -> None:
        found = why(samples(shifted), spike=BEGAN - 4.0)
        assert found.first == ("spike", BEGAN - 4.0)
        assert [evidence.kind for evidence in found.evidence[:2]] == ["spike", "level"]
        rest = [evidence for evidence in found.evidence if evidence.rang_at is None and evidence.over_at is None]
        assert [evidence.highest for evidence in rest] == sorted((one.highest for one in rest), reverse=True)

    def test_the_same_readings_tell_the_same_in_whatever_order_they_are_read(self) -> None:
        readings = samples(shifted)
        assert why(readings) == why(readings)

    def test_the_points_of_a_long_span_are_few_and_keep_the_highest(self) -> None:
        this = replace(THIS, began=4_000.0, ended=7_000.0)
        found = why(samples(lambda i, rng: 20.0 + rng.gauss(0.0, 0.3) + (9.0 if i == 5_000 else 0.0)), this, "spike")
        spike = found.own
        assert spike is not None
        assert len(spike.points) <= 241
        assert max(multiple for _, multiple in spike.points) == spike.highest > 1.0
        assert max(found.curve.values) > 28.0
        assert len(found.curve.times) <= 801

    def test_a_silent_sensor_shows_how_its_silence_grew(self) -> None:
        readings = samples(lambda i, rng: 20.0 + rng.gauss(0.0, 0.3))
        last = readings[-1].t
        this = Occurrence("now", last + 20.0, severity="warning", score=20.0, detector="silence")
        place = replace(
            place_of(this, "dropout", [s.t for s in readings[-50:]], last), end=last + 60.0, ended=last + 60.0
        )
        before = [sample for sample in readings if sample.t < place.start]
        inside = [sample for sample in readings if sample.t >= place.start]
        found = build(Alarm(sensor_id="t", kind="dropout"), place, PROFILE, before, inside, {}, Past())
        assert found.own is not None
        assert found.own.highest > 10.0
        assert found.own.highest_at == pytest.approx(last + 60.0)

    def test_the_message_faults_are_found_or_not(self) -> None:
        readings = samples(shifted)
        twice = readings[-50]
        readings.insert(len(readings) - 49, twice._replace(arrived=(twice.arrived or 0.0) + 0.2))
        found = why(readings, replace(THIS, detector="sequence"), "duplicate")
        assert found.own is not None
        assert [multiple for _, multiple in found.own.points] == [1.0]

    def test_too_few_readings_are_said(self) -> None:
        readings = samples(shifted)[-210:]
        found = why(readings)
        assert any("too few for the detectors" in note for note in found.notes)
        assert any("too few readings before the alarm" in note for note in found.notes)
        assert found.band == ""

    def test_a_sample_is_said_to_be_one_and_a_leap_of_the_numbers_is_none(self) -> None:
        said = "not every reading is stored"
        readings = samples(shifted)
        assert any(said in note for note in why(readings[::2]).notes)
        leapt = [s._replace(seq=s.seq + 1_000_000) if s.t > 5_000.0 else s for s in readings]
        assert not any(said in note for note in why(leapt).notes)

    def test_an_alarm_that_lasts_longer_than_is_shown_is_said(self) -> None:
        this = replace(THIS, began=1_000.0, ended=1e6)
        assert "the alarm lasts longer than is shown" in why(samples(shifted), this).notes

    def test_the_usual_range_where_no_detector_had_learned(self) -> None:
        found = why(samples(shifted)[-400:])
        assert (found.band, found.band_origin) == ("usual range", "98 % of 205 before")
        assert "middle 98 % of the 205 readings" in found.band_source


class TestPlace:
    def test_a_slow_detector_is_shown_from_long_before(self) -> None:
        times = [float(i) for i in range(50)]
        quick, slow = (place_of(replace(THIS, detector=name), "level", times, None) for name in ("step", "medium"))
        assert quick.start == BEGAN - 120.0
        assert slow.start == BEGAN - 3_000.0

    def test_never_more_readings_than_can_be_run(self) -> None:
        place = place_of(replace(THIS, ended=BEGAN + 1e7), "level", [0.0, 0.1, 0.2], None)
        assert (place.end - place.start) / place.interval <= MOST + 1

    def test_what_stands_is_shown_until_the_newest_reading(self) -> None:
        assert place_of(THIS, "level", [0.0, 1.0], BEGAN + 40.0).end == BEGAN + 40.0


class TestAlarmAlone:
    def test_an_occurrence_that_the_journal_has_lost_is_told_by_the_alarm(self) -> None:
        seen = Detection(at=5.0, severity=Severity.WARNING, value=25.0, expected=20.0, detector="step")
        alarm = Alarm(sensor_id="t", kind="level", occurrence_id="x", raised_at=5.0, marked_false=True, detection=seen)
        one = occurrence_of(alarm, ())
        assert one is not None
        assert (one.began, one.value, one.detector, one.false_by) == (5.0, 25.0, "step", "?")
        assert occurrence_of(alarm, [replace(one, occurrence_id="x", acked_by="mira")]).acked_by == "mira"  # type: ignore[union-attr]
        assert occurrence_of(Alarm(sensor_id="t", kind="level"), ()) is None

    def test_without_readings_the_reason_is_the_note(self) -> None:
        found = without_readings(Alarm(sensor_id="zone:a", kind="group-silent"), THIS, Past(count=2), "a group")
        assert (found.notes, found.curve.times, found.past.count) == (("a group",), (), 2)


def test_a_limit_is_measured_from_what_is_usual() -> None:
    low = Profile(warning_low=10.0, critical_low=5.0)
    assert [limit_multiple(value, 20.0, low) for value in (20.0, 15.0, 10.0, 5.0)] == [0.0, 0.5, 1.0, 1.5]
    assert [limit_multiple(value, 50.0, PROFILE) for value in (34.0, 36.0)] == [0.0, 1.0]


def test_readings_that_overtook_each_other_are_run_as_they_came() -> None:
    readings = samples(shifted, 1_000)
    late = readings[700]._replace(arrived=800.2)
    mixed = [*readings[:700], late, *readings[701:]]
    found = rerun(PROFILE, mixed[:500], mixed[500:], kind="level", detector="step", until=1_000.0)
    assert found.times == sorted(found.times)
    assert late.t not in found.times
    assert found.learned == 500
