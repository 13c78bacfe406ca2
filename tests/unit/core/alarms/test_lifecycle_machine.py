"""The eight invariants of the lifecycle, hunted by Hypothesis over any order of events.

The model beside the alarm knows nothing of its code: a shadow alarm that nobody ever suppresses or acks, the journal
that was seen so far, and an outbox that is run by the notification plan.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from controlroom.core.alarms import events
from controlroom.core.alarms.definitions import Definition
from controlroom.core.alarms.lifecycle import step
from controlroom.core.alarms.model import AckState, Label, Quality, Severity, decode_alarm, encode_alarm, new_alarm
from controlroom.core.alarms.notify import Planned, Topic, follow_up, plan
from controlroom.core.alarms.policy import Policy, Receiver
from controlroom.core.alarms.transitions import Outcome, RefusalReason, Transition, TransitionKind

POLICY = Policy(receiver=(Receiver(name="shift", url="json://localhost"),))
SEVERITIES = st.sampled_from(list(Severity))
SECONDS = st.sampled_from([0.0, 0.5, 5.0, 29.0, 30.0, 31.0, 400.0])
CAUSES = st.sampled_from(["start-up", "part of zone:a"])
WHO = st.sampled_from(["ann", "bob"])
READINGS = (
    events.Detected | events.Returned | events.TimePassed | events.NoData | events.DataBack | events.QualityChanged
)  # what the shadow sees
EVALUATED = {
    TransitionKind.PENDING: "pending",
    TransitionKind.PENDING_ENDED: "pending ended",
    # Whether an excursion begins an occurrence or goes on with one is for the acks to say.
    TransitionKind.RAISED: "active",
    TransitionKind.RECURRED: "active",
    TransitionKind.CLEARING: "clearing",
    TransitionKind.RETURNED: "returned",
    TransitionKind.QUALITY: "quality",
}
SUPPRESSED = {Label.SHELVED, Label.BY_DESIGN, Label.OUT_OF_SERVICE}


def evaluation(outcome: Outcome) -> list[tuple[str, float]]:
    """What the journal of a step tells of the process, acks and suppression aside."""
    return [(EVALUATED[line.kind], line.at) for line in outcome.transitions if line.kind in EVALUATED]


class Lifecycle(RuleBasedStateMachine):
    @initialize(
        on_delay=st.sampled_from([0.0, 5.0]),
        off_delay=st.sampled_from([0.0, 30.0]),
        latching=st.booleans(),
        re_alarm=st.sampled_from([0.0, 300.0]),
        rings=st.booleans(),
    )
    def begin(self, on_delay, off_delay, latching, re_alarm, rings):
        self.definition = Definition(
            on_delay_s=on_delay, off_delay_s=off_delay, latching=latching, re_alarm_s=re_alarm, recurrence_rings=rings
        )
        self.defined: list[Definition] = []
        self.logged: list[tuple[str, float]] = []
        self.shadow_logged: list[tuple[str, float]] = []
        self.alarm = new_alarm("temp-1", "limit")
        self.shadow = new_alarm("temp-1", "limit")
        self.event_time = 1_000.0
        self.wall = 50_000.0
        self.fed: list[events.AlarmEvent] = []
        self.journal: list[Transition] = []
        self.peak_versions: dict[str, int] = {}
        self.announced: set[str] = set()
        self.drill = False
        self.outbox: dict[str, Planned] = {}
        self.screens: list[tuple[str, int]] = []

    def feed(self, event: events.AlarmEvent) -> Outcome:
        """One step after a restart: the state comes from its stored document, and goes back there."""
        before = decode_alarm(encode_alarm(self.alarm))
        outcome = step(before, event, self.definition)
        self.fed.append(event)
        self.defined.append(self.definition)
        self.alarm = outcome.state
        self.logged += evaluation(outcome)
        if isinstance(event, READINGS):
            untouched = step(self.shadow, event, self.definition)
            self.shadow = untouched.state
            self.shadow_logged += evaluation(untouched)
        peak = before.peak
        for transition in outcome.transitions:
            self.check(peak, transition)
            peak = transition.peak
            self.journal.append(transition)
            for cancel in (planned := plan(transition, self.wall, POLICY)).cancels:
                self.outbox = {
                    key: row
                    for key, row in self.outbox.items()
                    if row.occurrence_id != cancel.occurrence_id
                    or row.topic not in cancel.topics
                    or (cancel.batched_only and not row.batch)
                }
            self.outbox |= {row.id: row for row in planned.rows}
        assert outcome.state.version == before.version + len(outcome.transitions)
        return outcome

    def check(self, peak_before: Severity | None, transition: Transition) -> None:
        occurrence = transition.occurrence_id
        if transition.kind is TransitionKind.RAISED:
            assert occurrence not in self.peak_versions, "an occurrence begins once"
            self.peak_versions[occurrence] = transition.version
            assert transition.detection is not None
            self.drill = transition.detection.simulated
        elif transition.peak is not peak_before and transition.kind is not TransitionKind.PENDING:
            assert occurrence in self.peak_versions
            self.peak_versions[occurrence] = transition.version
            assert transition.detection is not None
            self.drill = self.drill and transition.detection.simulated
        if transition.annunciated:
            assert transition.label not in SUPPRESSED, "suppression stops the annunciation"
            assert transition.ack is AckState.UNACK
            assert transition.notify
            self.announced.add(occurrence)
        # 3: a raise that was notified gets its ack and its close notified, shelved or not
        if transition.kind in (TransitionKind.ACKED, TransitionKind.CLOSED):
            assert transition.notify == (occurrence in self.announced)
        # 8: what a drill is follows the occurrence
        if occurrence:
            assert transition.simulated == self.drill

    # Readings

    @rule(after=SECONDS, severity=SEVERITIES, simulated=st.booleans())
    def fires(self, after, severity, simulated):
        self.event_time += after
        fault = "f-1" if simulated else ""
        self.feed(events.Detected(at=self.event_time, severity=severity, simulated=simulated, fault_id=fault))

    @rule(after=SECONDS)
    def returns(self, after):
        self.event_time += after
        self.feed(events.Returned(at=self.event_time))

    @rule(after=SECONDS)
    def time_passes(self, after):
        self.event_time += after
        shelf = self.alarm.shelf
        self.feed(events.TimePassed(at=self.event_time))
        # 5: event time ends no shelf, unless it is one-shot
        assert self.alarm.shelf == shelf or (shelf is not None and shelf.one_shot)

    @rule(after=SECONDS)
    def falls_silent(self, after):
        self.event_time += after
        before = self.alarm
        self.feed(events.NoData(at=self.event_time))
        self.feed(events.TimePassed(at=self.event_time + 10_000.0))
        assert (self.alarm.condition, self.alarm.live) == (before.condition, before.live), "frozen, never cleared"

    @rule(after=SECONDS)
    def speaks_again(self, after):
        self.event_time += after
        self.feed(events.DataBack(at=self.event_time))

    @rule(bad=st.booleans())
    def quality_changes(self, bad):
        self.feed(events.QualityChanged(at=self.event_time, quality=Quality.BAD if bad else Quality.GOOD))

    @rule(
        on_delay=st.sampled_from([0.0, 5.0, 60.0]),
        off_delay=st.sampled_from([0.0, 30.0]),
        latching=st.booleans(),
        re_alarm=st.sampled_from([0.0, 300.0]),
    )
    def the_definitions_change(self, on_delay, off_delay, latching, re_alarm):
        before = self.alarm
        self.definition = self.definition.model_copy(
            update={
                "on_delay_s": on_delay, "off_delay_s": off_delay, "latching": latching, "re_alarm_s": re_alarm,
            }
        )  # fmt: skip
        assert self.alarm == before, "no state is lost: a delay that runs ends as it began"

    @rule(cause=CAUSES)
    def suppressed_by_design(self, cause):
        self.feed(events.SuppressByDesign(at=self.event_time, cause=cause))

    @rule(cause=CAUSES)
    def unsuppressed_by_design(self, cause):
        self.feed(events.UnsuppressByDesign(at=self.event_time, cause=cause))

    # Operators and the wall clock

    @rule()
    def screen_is_drawn(self):
        self.screens.append((self.alarm.occurrence_id, self.alarm.version))

    @precondition(lambda self: self.screens)
    @rule(data=st.data(), who=WHO)
    def acks_what_a_screen_shows(self, data, who):
        occurrence, version = data.draw(st.sampled_from(self.screens))
        before = self.alarm
        outcome = self.feed(
            events.Ack(at=self.wall, who=who, whence="console", occurrence_id=occurrence, version=version)
        )
        # 2: what an ack may do follows from the occurrence, its state and the version that the screen was drawn from
        if occurrence != before.occurrence_id or not before.live:
            assert outcome.refusal is not None
        elif before.ack is AckState.ACKED:
            assert outcome.refusal is not None
            assert (outcome.refusal.reason, outcome.refusal.by) == (RefusalReason.ALREADY_ACKED, before.acked_by)
        elif version < self.peak_versions[occurrence]:
            assert outcome.refusal is not None
            assert outcome.refusal.reason is RefusalReason.SEVERITY_ROSE
        else:
            assert outcome.refusal is None
            assert (self.alarm.acked_by, self.alarm.acked_at) == (who, self.wall)
        if outcome.refusal is not None:
            assert self.alarm == before

    @rule(duration=st.sampled_from([-1.0, 60.0, 3600.0, 1e6]), reason=st.sampled_from(["", "known"]), one=st.booleans())
    def shelves(self, duration, reason, one):
        self.feed(events.Shelve(at=self.wall, until=self.wall + duration, reason=reason, who="ann", one_shot=one))

    @rule()
    def unshelves(self):
        self.feed(events.Unshelve(at=self.wall, who="ann"))

    @rule()
    def takes_out_of_service(self):
        self.feed(events.OutOfService(at=self.wall, who="bob", reason="calibration"))

    @rule()
    def returns_to_service(self):
        self.feed(events.ReturnToService(at=self.wall, who="bob"))

    @rule()
    def resets_the_latch(self):
        self.feed(events.ResetLatch(at=self.wall, who="ann"))

    @rule()
    def marks_as_false(self):
        before = self.alarm
        outcome = self.feed(events.MarkFalse(at=self.wall, who="ann", occurrence_id=before.occurrence_id))
        assert (outcome.refusal is None) == bool(before.occurrence_id)
        assert (self.alarm.condition, self.alarm.ack, self.alarm.label) == (before.condition, before.ack, before.label)

    @rule()
    def comments(self):
        self.feed(events.Comment(at=self.wall, who="ann", text="looking"))

    @rule(after=st.sampled_from([1.0, 50.0, 400.0, 4000.0]))
    def the_clock_goes_on(self, after):
        self.wall += after
        condition = self.alarm.condition
        self.feed(events.WallClock(at=self.wall))
        # 5: wall-clock time ends no delay
        assert self.alarm.condition is condition
        due = self.alarm.next_wall_time
        assert due is None or due > self.wall, "what is due was done"

    @precondition(lambda self: any(row.topic is Topic.ESCALATED for row in self.outbox.values()))
    @rule()
    def the_next_escalation_is_sent(self):
        row = min((r for r in self.outbox.values() if r.topic is Topic.ESCALATED), key=lambda r: r.due_at)
        self.wall = max(self.wall, row.due_at)
        del self.outbox[row.id]
        following = follow_up(row, self.wall, POLICY)
        assert following is not None
        self.outbox[following.id] = following

    # What holds at any time

    @invariant()
    def suppression_and_acks_never_stop_the_evaluation(self):
        if not hasattr(self, "alarm"):
            return
        # 1: the condition is that of an alarm which nobody ever touched
        assert (self.alarm.condition, self.alarm.deadline) == (self.shadow.condition, self.shadow.deadline)
        assert self.alarm.activations == self.shadow.activations
        if self.alarm.active:
            assert self.alarm.severity is self.shadow.severity
        # 1: and its journal tells the same evaluation at the same event times
        assert self.logged == self.shadow_logged

    @invariant()
    def an_ack_ends_the_escalation_of_its_occurrence_alone(self):
        if not hasattr(self, "alarm"):
            return
        # 4: nothing escalates but what stands un-acked; and what stands un-acked at critical does
        escalating = {r.occurrence_id for r in self.outbox.values() if r.topic is Topic.ESCALATED}
        assert escalating <= {self.alarm.occurrence_id}
        if self.alarm.ack is not AckState.UNACK or self.alarm.suppressed:
            assert not escalating
        elif self.alarm.announced is Severity.CRITICAL:
            assert escalating == {self.alarm.occurrence_id}

    @invariant()
    def every_shelf_has_an_expiry_an_author_and_a_reason_and_warns_before_it_ends(self):
        if not hasattr(self, "alarm"):
            return
        # 6
        shelf = self.alarm.shelf
        if shelf is not None:
            assert shelf.since < shelf.warn_at < shelf.until
            assert shelf.who
            assert shelf.reason
        warned = False
        for transition in self.journal:
            if transition.kind is TransitionKind.SHELVED:
                warned = False
            elif transition.kind is TransitionKind.SHELVE_EXPIRING:
                warned = True
            elif transition.kind is TransitionKind.UNSHELVED and transition.text == "expired":
                assert warned

    @invariant()
    def nothing_that_should_ring_is_left_silent(self):
        if hasattr(self, "alarm"):
            assert not self.alarm.needs_annunciation

    def teardown(self):
        if not hasattr(self, "alarm"):
            return
        # 7: the same events give the same transitions, ids included
        alarm = new_alarm("temp-1", "limit")
        again: list[Transition] = []
        for event, definition in zip(self.fed, self.defined, strict=True):
            outcome = step(alarm, event, definition)
            alarm = outcome.state
            again.extend(outcome.transitions)
        assert again == self.journal
        assert alarm == self.alarm
        assert len({t.event_id for t in again}) == len(again)


TestLifecycle = Lifecycle.TestCase
TestLifecycle.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
