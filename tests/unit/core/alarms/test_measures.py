"""Each measure against figures that were counted by hand, and the stream against a count that keeps everything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.core.alarms.floods import FloodMeter, FloodPeriod
from controlroom.core.alarms.measures import Measure, Measurement, Record, Report, Verdict, record_of
from controlroom.core.alarms.model import Priority
from controlroom.core.alarms.transitions import TransitionKind as Kind
from tests.unit.core.alarms.driver import Driver

DAY = 86_400.0
START = 20_000 * DAY


def raised(at: float, sensor: str = "s", priority: Priority = Priority.LOW, occurrence: str = "", **more) -> Record:
    return Record(
        at=START + at,
        event=Kind.RAISED,
        sensor_id=sensor,
        alarm_kind="limit",
        occurrence_id=occurrence or f"{sensor}@{at}",
        annunciated=more.pop("annunciated", True),
        priority=priority,
        **more,
    )


def line(event: Kind, at: float, occurrence: str, sensor: str = "s", *, annunciated: bool = False) -> Record:
    return Record(
        at=START + at,
        event=event,
        sensor_id=sensor,
        alarm_kind="limit",
        occurrence_id=occurrence,
        annunciated=annunciated,
    )


def report(records: list[Record], end: float = DAY, **settings) -> Report:
    measurement = Measurement(START, **settings)
    for record in records:
        measurement.add(record)
    return measurement.report(START + end)


def measure(found: Report, key: str) -> Measure:
    return next(m for m in found.measures if m.key == key)


class TestRate:
    @pytest.mark.parametrize(
        ("count", "verdict"),
        [(6, Verdict.PASS), (7, Verdict.MANAGEABLE), (12, Verdict.MANAGEABLE), (13, Verdict.FAIL)],
    )
    def test_average_per_ten_minutes(self, count, verdict):
        average = measure(report([raised(n * 270.0) for n in range(count)], end=3600.0), "average")
        assert (average.value, average.verdict) == (pytest.approx(count / 6), verdict)

    def test_is_per_operator(self):
        average = measure(report([raised(n * 250.0) for n in range(12)], end=3600.0, operators=2), "average")
        assert (average.value, average.verdict) == (1.0, Verdict.PASS)

    def test_only_annunciations_count(self):
        found = report(
            [
                raised(1.0, annunciated=False),
                raised(2.0, occurrence="o"),
                line(Kind.ACKED, 3.0, "o"),
                line(Kind.CLEARING, 4.0, "o"),
                line(Kind.SHELVED, 5.0, "o"),
                line(Kind.SEVERITY_ROSE, 6.0, "o", annunciated=True),
            ]
        )
        assert found.annunciations == 2

    def test_windows_over_ten(self):
        records = [raised(600.0 + n) for n in range(11)] + [raised(1200.0 + n) for n in range(10)]
        found = report(records, end=3600.0)
        assert found.windows == (0, 11, 10, 0, 0, 0)
        peaks = measure(found, "peaks")
        assert (peaks.value, peaks.verdict, peaks.detail) == (pytest.approx(100 / 6), Verdict.FAIL, "most in one: 11")

    def test_a_quiet_day_passes_or_has_nothing_to_judge(self):
        found = report([])
        assert {m.verdict for m in found.measures} == {Verdict.PASS, Verdict.NONE}
        assert len(found.windows) == 144
        assert found.response_median_s is None

    def test_drills_can_be_left_out(self):
        records = [raised(1.0, simulated=True), raised(2.0)]
        assert (report(records).annunciations, report(records).simulated) == (2, 1)
        assert report(records, include_simulated=False).annunciations == 1


class TestFlood:
    def test_it_starts_above_ten_and_ends_below_five(self):
        meter = FloodMeter(1)
        for n in range(12):
            meter.annunciated(n * 10.0)
        periods, seconds = meter.periods(5000.0)
        # the 11th came at 100 s; fewer than 5 are left when the one of 70 s is ten minutes old
        assert periods == (FloodPeriod(100.0, 670.0, 12),)
        assert seconds == 570.0

    def test_one_that_goes_on_is_cut_at_the_end_of_the_period(self):
        meter = FloodMeter(1)
        for n in range(12):
            meter.annunciated(n * 10.0)
        assert meter.periods(200.0) == ((FloodPeriod(100.0, 200.0, 12),), 100.0)

    def test_ten_are_none(self):
        meter = FloodMeter(1)
        for n in range(100):
            meter.annunciated(n * 60.0)
        assert meter.periods(9999.0) == ((), 0)

    @settings(deadline=None)  # a busy machine is no failure
    @given(st.lists(st.integers(min_value=0, max_value=300), min_size=1, max_size=80))
    def test_it_agrees_with_a_count_over_all_times(self, gaps):
        times, at = [], 0.0
        for gap in gaps:
            at += gap
            times.append(at)
        meter = FloodMeter(1)
        for at in times:
            meter.annunciated(at)
        end = times[-1] + 2000.0
        expected, since = [], None
        for moment in sorted({*times, *(t + 600.0 for t in times)}):
            count = sum(moment - 600.0 < t <= moment for t in times)
            if since is not None and count < 5:
                expected.append((since, moment))
                since = None
            if since is None and moment in times and count > 10:
                since = moment
        assert [(p.start, p.end) for p in meter.periods(end)[0]] == expected

    def test_the_share_of_time(self):
        flood = measure(report([raised(n * 10.0) for n in range(12)], end=57_000.0), "flood")
        assert (flood.value, flood.verdict, flood.detail) == (pytest.approx(1.0), Verdict.FAIL, "floods: 1")


class TestNuisance:
    def test_the_ten_most_frequent(self):
        records = [raised(n * 60.0, sensor="bad") for n in range(20)]
        records += [raised(1e4 + n, sensor=f"s{n:03}") for n in range(380)]
        found = report(records)
        assert (found.frequent[0].sensor_id, found.frequent[0].count, found.frequent[0].share) == ("bad", 20, 0.05)
        assert measure(found, "top-ten").value == pytest.approx(100 * 29 / 400)
        assert measure(found, "top-ten").verdict is Verdict.FAIL

    def test_chattering_and_fleeting_are_told_by_the_lifecycle_itself(self):
        chattering = Driver(off_delay_s=30)
        for at in (10.0, 30.0, 50.0):
            chattering.fires(START + at)
            chattering.returns(START + at + 1)
        chattering.passes(START + 600.0)
        found = report([record_of(t) for t in chattering.journal])
        assert measure(found, "chattering").value == 1
        assert measure(found, "fleeting").value == 0, "it came again"
        assert found.chattering[0].sensor_id == "temp-1"

        fleeting = Driver(off_delay_s=30)
        fleeting.fires(START + 10.0)
        fleeting.returns(START + 19.9)
        fleeting.passes(START + 600.0)
        found = report([record_of(t) for t in fleeting.journal])
        assert (measure(found, "chattering").value, measure(found, "fleeting").value) == (0, 1)
        assert measure(found, "fleeting").verdict is Verdict.FAIL


class TestStale:
    def test_the_worst_day_counts_what_was_active_for_over_24_hours(self):
        records = [raised(float(n), occurrence=f"o{n}") for n in range(5)]
        records += [line(Kind.RETURNED, 1.5 * DAY, "o0")]
        found = report(records, end=3 * DAY)
        assert (measure(found, "stale").value, measure(found, "stale").verdict) == (5, Verdict.FAIL)
        assert measure(found, "stale").detail == "4 at the end"
        assert [since - START for _, _, since in found.stale] == [1.0, 2.0, 3.0, 4.0]
        assert measure(report(records[:4], end=3 * DAY), "stale").verdict is Verdict.PASS

    def test_one_from_before_the_period_stands_in_it(self):
        measurement = Measurement(START + 2 * DAY)
        measurement.add(raised(0.0, occurrence="o"))
        found = measurement.report(START + 3 * DAY)
        assert (found.annunciations, measure(found, "stale").value) == (0, 1)

    def test_one_that_went_before_the_period_does_not(self):
        measurement = Measurement(START + 5 * DAY)
        measurement.add(raised(0.0, occurrence="o"))
        measurement.add(line(Kind.RETURNED, 2 * DAY, "o"))
        assert measure(measurement.report(START + 6 * DAY), "stale").value == 0


def test_priority_spread():
    found = report(
        [raised(n * 600.0, priority=Priority.LOW) for n in range(80)]
        + [raised(5e4 + n * 600.0, priority=Priority.MEDIUM) for n in range(9)]
        + [raised(7e4 + n * 600.0, priority=Priority.HIGH) for n in range(11)],
        end=2 * DAY,
    )
    assert found.priorities == {"low": 80, "medium": 9, "high": 11}
    assert [measure(found, f"priority-{p}").verdict for p in ("low", "medium", "high")] == ["pass", "pass", "fail"]


def test_response_times_run_from_the_latest_ring_to_its_ack():
    records = []
    for n in range(10):
        records += [raised(n * 1000.0, occurrence=f"o{n}"), line(Kind.ACKED, n * 1000.0 + 10 * (n + 1), f"o{n}")]
    records += [line(Kind.REALARMED, 10_000.0, "o9", annunciated=True), line(Kind.ACKED, 10_005.0, "o9")]
    found = report(records)
    assert (found.responses, found.response_median_s, found.response_p90_s) == (11, 50.0, 90.0)


def test_a_report_in_between_changes_nothing():
    records = [raised(n * 30.0, occurrence=f"o{n}") for n in range(200)]
    measurement = Measurement(START)
    for record in records:
        measurement.add(record)
        measurement.report(record.at)
    assert measurement.report(START + DAY) == report(records)
