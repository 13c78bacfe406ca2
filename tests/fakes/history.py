"""Answers the screen's questions at once, from the plant that the tests show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controlroom.core.alarm_view import AlarmView
from controlroom.core.alarms.common_cause import GROUP_KIND, cause_of
from controlroom.core.alarms.definitions import Definition
from controlroom.core.alarms.measures import Measurement, Record
from controlroom.core.alarms.model import (
    AckState,
    Alarm,
    Condition,
    Detection,
    OutOfServiceMark,
    Priority,
    Severity,
    Shelf,
)
from controlroom.core.alarms.transitions import TransitionKind
from controlroom.core.archive import AlarmRecord, LearningFacts, Series, Statistics
from controlroom.core.backtest.series import Sample
from controlroom.core.plant_state import PlantState
from controlroom.core.sensor_view import SensorView
from controlroom.core.trends import AlarmJump, Curve, SavedTrend, TrendData, TrendQuestion
from controlroom.core.why.build import build, occurrence_of, place_of, without_readings
from controlroom.core.why.model import Occurrence, Why
from controlroom.core.why.past import past_of
from controlroom.wire import AlarmEvent
from detectors import Profile
from tests.fakes.clock import FrozenClock

GUIDANCE = Definition(
    cause="Cooling water lost, or the fan of the drive stands still",
    consequence="Above 45 °C the winding ages fast; at 60 °C the drive trips and the line stops",
    action="Open valve V-12 fully, look at flow meter FI-3; then call maintenance",
    runbook="https://wiki.example/runbooks/cooling",
    allowed_response_s=600.0,
)


class FakeHistory:
    """Implements `controlroom.ports.History`; `asked` holds the questions, in order."""

    def __init__(self, state: PlantState, clock: FrozenClock) -> None:
        self._state = state
        self._clock = clock
        self.asked: list[tuple[object, ...]] = []
        #: what a question fails with; empty: it is answered
        self.error = ""
        #: sensor id -> what its detectors were told
        self.told: dict[str, LearningFacts] = {}
        #: whether the database is too slow to have answered yet
        self.silent = False
        #: trends that are saved by name
        self.saved: list[SavedTrend] = []

    @property
    def now(self) -> float:
        return self._clock.at.timestamp()

    def series(self, sensor_id: str, seconds: float, end: float) -> None:
        self.asked.append(("series", sensor_id, seconds, end))
        answers = self._state.archive.series
        if self.error:
            answers.fail((sensor_id, seconds), self.error, self.now)
        elif not self.silent:
            answers.put((sensor_id, seconds), self._series(sensor_id, seconds, end), self.now)

    def alarm(self, sensor_id: str, kind: str) -> None:
        self.asked.append(("alarm", sensor_id, kind))
        if self.error:
            self._state.archive.alarms.fail((sensor_id, kind), self.error, self.now)
        elif not self.silent:
            self._state.archive.alarms.put((sensor_id, kind), self._record(sensor_id, kind), self.now)

    def why(self, sensor_id: str, kind: str) -> None:
        self.asked.append(("why", sensor_id, kind))
        if self.error:
            self._state.archive.why.fail((sensor_id, kind), self.error, self.now)
        elif not self.silent:
            self._state.archive.why.put((sensor_id, kind), self._why(sensor_id, kind), self.now)

    def suppressed(self) -> None:
        self.asked.append(("suppressed",))
        if self.error:
            self._state.archive.suppressed.fail("", self.error, self.now)
        elif not self.silent:
            self._state.archive.suppressed.put("", self._suppressed(), self.now)

    def learning(self, sensor_id: str) -> None:
        self.asked.append(("learning", sensor_id))
        if self.error:
            self._state.archive.learning.fail(sensor_id, self.error, self.now)
        elif not self.silent:
            self._state.archive.learning.put(sensor_id, self.told.get(sensor_id, LearningFacts()), self.now)

    def measures(self) -> None:
        self.asked.append(("measures",))
        if self.error:
            self._state.archive.measures.fail("", self.error, self.now)
        elif not self.silent:
            self._state.archive.measures.put("", _measures(self.now), self.now)

    def trend(self, sensors: tuple[str, ...], span: float, end: float | None, until: float) -> None:
        question = TrendQuestion(sensors, span, end)
        self.asked.append(("trend", question, until))
        answers = self._state.archive.trends
        if self.error:
            answers.fail(question, self.error, self.now)
        elif not self.silent:
            answers.put(question, self._trend(question, until), self.now)

    def alarm_jump(self, sensors: tuple[str, ...], severity: str, at: float, step: int) -> None:
        jump = AlarmJump(sensors, severity, at, step)
        self.asked.append(("alarm_jump", jump))
        found = [
            event.timestamp.timestamp()
            for event in self._state.feed
            if event.sensor_id in jump.sensors and event.severity == jump.severity
        ]
        beyond = [at for at in found if (at > jump.at if jump.step > 0 else at < jump.at)]
        nearest = min(beyond, key=lambda at: abs(at - jump.at), default=None)
        self._state.archive.alarm_jumps.put(jump, nearest, self.now)

    def saved_trends(self) -> None:
        self.asked.append(("saved_trends",))
        if self.error:
            self._state.archive.saved_trends.fail("", self.error, self.now)
        elif not self.silent:
            self._state.archive.saved_trends.put("", tuple(self.saved), self.now)

    def _trend(self, question: TrendQuestion, end: float) -> TrendData:
        curves, events = {}, []
        for sensor_id in question.sensors:
            if sensor_id in self._state.sensors:
                series = self._series(sensor_id, question.span, end)
                width = {"raw": 0.0, "minute": 60.0, "hour": 3600.0}[series.resolution]
                curves[sensor_id] = Curve(series.times, series.values, series.lows, series.highs, width)
                events += series.events
        if end < self.now - 80_000:
            # Of a day before: not to be told from today's otherwise.
            values = [20.0 + index / 10 for index in range(100)]
            times = [end - question.span + index * question.span / 100 for index in range(100)]
            curves = {sensor_id: Curve(tuple(times), tuple(values)) for sensor_id in question.sensors}
        return TrendData(end - question.span, end, curves, tuple(events), first=self.now - 30 * 86_400.0)

    def _series(self, sensor_id: str, seconds: float, end: float) -> Series:
        view = self._state.sensors[sensor_id]
        times, values = view.history.times(600), view.history.values(600)
        inside = [(at, value) for at, value in zip(times, values, strict=True) if end - seconds <= at < end]
        events = tuple(event for event in self._state.feed if event.sensor_id == sensor_id)
        if seconds <= 3600:
            scores = tuple((at, min(1.0, abs(value - values[0]) / 20)) for at, value in inside)
            return Series(
                end - seconds,
                end,
                "raw",
                tuple(at for at, _ in inside),
                tuple(value for _, value in inside),
                statistics=_statistics([value for _, value in inside]),
                scores=scores,
                events=events,
            )
        width = 60.0 if seconds <= 86_400 else 3600.0
        count = int(seconds // width)
        base = values[0] if values else 0.0
        means = [base * (1 + 0.05 * ((index * 7919) % 97) / 97 + 0.1 * index / count) for index in range(count)]
        return Series(
            end - seconds,
            end,
            "minute" if width == 60.0 else "hour",
            tuple(end - seconds + (index + 0.5) * width for index in range(count)),
            tuple(means),
            tuple(0.97 * mean for mean in means),
            tuple(1.04 * mean for mean in means),
            _statistics(means),
            events=events,
        )

    def _record(self, sensor_id: str, kind: str) -> AlarmRecord:
        live = self._state.live_alarm(sensor_id, kind)
        events = [event for event in self._state.feed if (event.sensor_id, event.kind) == (sensor_id, kind)]
        children = tuple(child for child in self._suppressed() if child.by_design) if kind == GROUP_KIND else ()
        return AlarmRecord(
            _alarm(live) if live is not None else Alarm(sensor_id=sensor_id, kind=kind),
            GUIDANCE if kind == "limit" else Definition(),
            tuple((event.timestamp.timestamp(), event) for event in reversed(events)),
            children,
        )

    def _why(self, sensor_id: str, kind: str) -> Why:
        live = self._state.live_alarm(sensor_id, kind)
        view = self._state.sensors.get(sensor_id)
        alarm = _alarm(live) if live is not None else Alarm(sensor_id=sensor_id, kind=kind)
        this = occurrence_of(alarm, ())
        if this is None or view is None:
            return without_readings(alarm, this, past_of(this, ()), "it is of a group: there is no curve")
        earlier = [
            Occurrence(
                f"earlier-{number}",
                this.began - number * 86_400.0,
                this.began - number * 86_400.0 + 200.0 * number,
                "critical" if number == 2 else "warning",
                value=this.value,
                score=(this.score or 1.0) * (1 + number / 4),
                detector=this.detector,
                acked_by="mira" if number % 2 else "",
                false_by="jon" if number == 2 else "",
                false_reason="the gate stood open" if number == 2 else "",
                peak=this.value,
            )
            for number in range(1, 5)
        ]
        return why_of(alarm, this, view, earlier, self.now)

    def _suppressed(self) -> tuple[Alarm, ...]:
        now = self.now
        shelf = Shelf(
            who="mira", reason="transmitter is being replaced", since=now - 900, until=now + 2700, warn_at=now
        )
        once = Shelf(
            who="jon", reason="start-up of line 2", since=now - 60, until=now + 840, warn_at=now + 600, one_shot=True
        )
        out = OutOfServiceMark(who="mira", reason="pump P-4 dismantled", since=now - 7200)
        return (
            Alarm(sensor_id="vib-sensor-002", kind="noise", version=7, shelf=shelf),
            Alarm(sensor_id="press-sensor-010", kind="limit", version=3, shelf=once),
            Alarm(sensor_id="vib-sensor-007", kind="limit", version=2, out_of_service=out),
            *(
                Alarm(
                    sensor_id=f"temp-sensor-0{number}",
                    kind="dropout",
                    version=4,
                    condition=Condition.ACTIVE,
                    ack=AckState.UNACK,
                    raised_at=now - 70,
                    by_design=(cause_of("zone:zone-c"),),
                    parent="zone:zone-c/group-silent",
                )
                for number in (11, 12, 14)
            ),
        )


def why_of(alarm: Alarm, this: Occurrence, view: SensorView, earlier: list[Occurrence], now: float) -> Why:
    """Of readings that were calm, and are at the alarm's value since it was raised."""
    every, usual = 2.0, view.history.values(600)[0]
    away = (this.value or 0.0) - usual
    times = [now - every * number for number in range(4_000, 0, -1)]
    samples = [
        Sample("", at, usual + ((index * 7919) % 101 - 50) / 200 + (away if at >= this.began else 0.0), index + 1, at)
        for index, at in enumerate(times)
    ]
    place = place_of(this, alarm.kind, [at for at in times if at < this.began][-50:], times[-1])
    before = [sample for sample in samples if sample.t < place.start]
    inside = [sample for sample in samples if place.start <= sample.t <= place.end]
    profile = Profile(unit=view.unit, warning_high=view.warning, critical_high=view.critical, interval=every)
    past = replace(past_of(this, [*earlier, this]), raised_limit=1.0 if alarm.kind == "limit" else 1.25)
    return build(alarm, place, profile, before, inside, {alarm.kind: this.began}, past)


def _alarm(view: AlarmView) -> Alarm:
    severity = Severity.of_level(max(1, view.severity))
    return Alarm(
        sensor_id=view.sensor_id,
        kind=view.kind,
        version=view.version,
        condition=Condition.ACTIVE if view.active else Condition.NORMAL,
        ack=AckState.UNACK if view.unacked else AckState.ACKED,
        occurrence_id=view.occurrence_id,
        raised_at=view.raised_at,
        severity=severity,
        peak=severity,
        priority=Priority.HIGH if view.severity == 2 else Priority.MEDIUM,
        acked_by="" if view.unacked else "mira",
        acked_at=None if view.unacked else view.changed_at,
        simulated=view.simulated,
        fault_id=view.fault_id or "",
        detection=Detection(
            at=view.raised_at,
            severity=severity,
            value=view.value,
            limit=40.0 if view.kind == "limit" else None,
            score=0.98,
            detector="limits",
            message=view.message,
        ),
    )


def _statistics(values: list[float]) -> Statistics | None:
    if not values:
        return None
    return Statistics(len(values), min(values), max(values), sum(values) / len(values), 1.25, values[-1])


def _measures(now: float):
    measurement = Measurement(now - 86_400.0)
    for number in range(60):
        at = now - 86_400 + number * 1430.0
        record = Record(
            at=at,
            event=TransitionKind.RAISED,
            sensor_id=f"vib-sensor-{number % 7:03d}",
            alarm_kind="noise",
            occurrence_id=f"o{number}",
            annunciated=True,
            priority=(Priority.LOW, Priority.LOW, Priority.MEDIUM, Priority.HIGH)[number % 4],
        )
        measurement.add(record)
        for kind, after in (
            (TransitionKind.ACKED, 40.0),
            (TransitionKind.RETURNED, 300.0),
            (TransitionKind.CLOSED, 301.0),
        ):
            measurement.add(
                Record(
                    at=at + after,
                    event=kind,
                    sensor_id=record.sensor_id,
                    alarm_kind="noise",
                    occurrence_id=f"o{number}",
                )
            )
    return measurement.report(now)


def group_event(now: datetime, *, ago: float = 70.0) -> AlarmEvent:
    """A zone has fallen silent."""
    from tests.fakes.plant import event

    return event(
        "zone:zone-c",
        GROUP_KIND,
        now.astimezone(UTC) - timedelta(seconds=ago),
        severity="critical",
        message="3 of 5 sensors of zone:zone-c are silent",
        sensor_type="",
    )
