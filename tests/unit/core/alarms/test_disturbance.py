"""One disturbance is one alarm: kinds that see the same join the first of them."""

from __future__ import annotations

import pytest

from controlroom.core.alarms.definitions import parse_definitions
from controlroom.core.alarms.events import Ack, Detected, MarkFalse, OutOfService, Returned, Shelve, TimePassed
from controlroom.core.alarms.lifecycle import step
from controlroom.core.alarms.model import Alarm, Label, Severity, decode_alarm, encode_alarm
from controlroom.core.alarms.notify import Topic, concerns, plan
from controlroom.core.alarms.policy import parse_policy
from controlroom.core.alarms.transitions import Transition
from controlroom.core.alert_handler import handle
from controlroom.core.records import SensorFacts, Signal, Source
from controlroom.wire import AlarmEvent, Location

FACTS = SensorFacts("temp-1", "temperature", "°C", Location(), None, None, simulated=False)
SOURCE = Source("readings", 0, 1)


class Sensor:
    """The alarms of one sensor, stored between any two steps as the database does."""

    def __init__(self, text: str = "[defaults]\noff_delay_s = 0") -> None:
        self.definitions = parse_definitions(text)
        self.alarms: dict[tuple[str, str], Alarm] = {}
        self.events: list[AlarmEvent] = []
        self.transitions: list[Transition] = []

    def _signal(self, kind, event):
        handled = handle([Signal(FACTS, kind, event, SOURCE)], self.alarms, self.definitions)
        self.alarms |= {key: decode_alarm(encode_alarm(alarm)) for key, alarm in handled.alarms.items()}
        self.events += handled.events
        self.transitions += handled.transitions
        return [event.event for event in handled.events]

    def finds(self, kind, at, first, *, again=False, **fields):
        """`kind` is found in the disturbance that `first` began: now, if they are the same and it is not `again`."""
        disturbance = "" if first == kind and not again else first
        return self._signal(
            kind,
            Detected(
                at=at, severity=Severity.WARNING, holder=kind, finding=kind, disturbance=disturbance, score=2.0,
                detector=f"{kind}-detector", message=f"{kind} at {at:g}", **fields,
            ),
        )  # fmt: skip

    def ends(self, kind, at):
        return self._signal(kind, Returned(at=at, holder=kind))

    def passes(self, kind, at):
        return self._signal(kind, TimePassed(at=at))

    def act(self, kind, action, at=500.0, **fields):
        alarm = self.alarms["temp-1", kind]
        definition = self.definitions.resolve("temp-1", "temperature", kind)
        outcome = step(alarm, action(at=at, who="ann", **fields), definition)
        self.alarms["temp-1", kind] = outcome.state
        self.transitions += outcome.transitions
        return outcome

    def ack(self, kind, version=None):
        alarm = self.alarms["temp-1", kind]
        version = alarm.version if version is None else version
        return self.act(kind, Ack, occurrence_id=alarm.occurrence_id, version=version)

    @property
    def rings(self):
        return [(event.kind, event.event) for event in self.events if event.annunciated]

    def __getitem__(self, kind) -> Alarm:
        return self.alarms["temp-1", kind]


def test_what_several_kinds_see_rings_once_and_names_them_worst_first():
    sensor = Sensor()
    sensor.finds("spike", 10.0, "spike")
    assert sensor.finds("level", 50.0, "spike") == ["joined"]
    assert sensor.finds("noise", 60.0, "spike") == ["joined"]
    assert list(sensor.alarms) == [("temp-1", "spike")]
    assert sensor.rings == [("spike", "raised")]
    assert sensor["spike"].kinds == ("level", "noise", "spike")
    assert sensor["spike"].detection.message == "level at 50"
    assert [event.kinds for event in sensor.events] == [
        ("spike",),
        ("level", "spike"),
        ("level", "noise", "spike"),
    ]


def test_it_stands_until_none_of_them_sees_anything():
    sensor = Sensor()
    sensor.finds("spike", 10.0, "spike")
    sensor.finds("level", 50.0, "spike")
    assert sensor.ends("spike", 70.0) == []
    assert sensor["spike"].active
    assert sensor.ends("level", 400.0) == ["clearing", "returned"]
    assert sensor["spike"].label is Label.RTN_UNACK
    assert sensor["spike"].kinds == ("level", "spike")
    sensor.ack("spike")
    assert sensor["spike"].label is Label.NORMAL


def test_the_next_occurrence_names_none_of_the_last():
    sensor = Sensor()
    sensor.finds("spike", 10.0, "spike")
    sensor.finds("level", 50.0, "spike")
    sensor.ends("spike", 70.0)
    sensor.ends("level", 80.0)
    sensor.ack("spike")
    sensor.finds("spike", 5000.0, "spike")
    assert sensor["spike"].kinds == ("spike",)
    assert sensor.rings == [("spike", "raised"), ("spike", "raised")]


def test_an_alarm_that_was_acked_rings_again_for_a_worse_kind_and_not_for_a_lesser_one():
    sensor = Sensor()
    sensor.finds("noise", 10.0, "noise")
    sensor.ack("noise")
    assert sensor.finds("spike", 20.0, "noise") == ["joined"]
    assert sensor["noise"].label is Label.ACKED
    drawn = sensor["noise"].version
    assert sensor.finds("level", 30.0, "noise") == ["joined"]
    assert sensor["noise"].label is Label.UNACK
    assert sensor.rings == [("noise", "raised"), ("noise", "joined")]
    refused = sensor.ack("noise", version=drawn)
    assert "level was found, too" in refused.refusal.message
    assert sensor.ack("noise").refusal is None


def test_what_is_found_again_long_after_is_no_news_until_it_begins_anew():
    sensor = Sensor()
    sensor.finds("spike", 10.0, "spike")
    sensor.finds("level", 50.0, "spike")
    sensor.ends("spike", 70.0)
    sensor.ack("spike")
    assert sensor.finds("spike", 300.0, "spike", again=True) == []
    sensor.ends("spike", 400.0)
    assert sensor["spike"].label is Label.ACKED
    # Hours later, while the level is held: another disturbance, of which nobody was told.
    assert sensor.finds("spike", 9000.0, "spike") == ["recurred"]
    assert sensor["spike"].label is Label.UNACK
    assert sensor.rings == [("spike", "raised"), ("spike", "recurred")]


@pytest.mark.parametrize("action", [Shelve, OutOfService])
def test_nothing_joins_an_alarm_that_an_operator_has_silenced(action):
    sensor = Sensor()
    sensor.finds("spike", 10.0, "spike")
    fields = {"until": 4000.0} if action is Shelve else {}
    assert sensor.act("spike", action, reason="known", **fields).refusal is None
    assert sensor.finds("level", 50.0, "spike") == ["raised"]
    assert sensor.rings == [("spike", "raised"), ("level", "raised")]
    sensor.ends("level", 90.0)
    assert sensor["level"].label is Label.RTN_UNACK
    assert sensor["spike"].active


def test_what_is_real_joins_no_drill():
    sensor = Sensor()
    sensor.finds("spike", 10.0, "spike", simulated=True, fault_id="drill-1")
    assert sensor.finds("level", 50.0, "spike", simulated=True) == ["joined"]
    assert sensor.finds("noise", 60.0, "spike") == ["raised"]
    assert not sensor["noise"].simulated


def test_a_finding_joins_nothing_that_is_closed():
    sensor = Sensor()
    sensor.finds("spike", 10.0, "spike")
    sensor.ends("spike", 70.0)
    sensor.ack("spike")
    assert sensor.finds("level", 90.0, "spike") == ["raised"]
    assert sensor["level"].kinds == ("level",)


def test_a_finding_that_comes_after_the_return_is_a_recurrence_that_names_it():
    sensor = Sensor()
    sensor.finds("spike", 10.0, "spike")
    sensor.ends("spike", 70.0)
    assert sensor.finds("level", 90.0, "spike") == ["recurred"]
    assert sensor["spike"].kinds == ("level", "spike")
    assert sensor["spike"].label is Label.UNACK
    assert sensor.rings == [("spike", "raised")]


def test_a_finding_whose_own_alarm_is_open_stays_there():
    sensor = Sensor()
    sensor.finds("level", 10.0, "level")
    sensor.ends("level", 60.0)
    sensor.finds("spike", 5000.0, "spike")
    assert sensor.finds("level", 5050.0, "spike") == ["recurred"]
    assert sensor["level"].active
    assert sensor["spike"].kinds == ("spike",)


def test_the_jump_back_goes_to_the_alarm_that_the_level_holds_up():
    sensor = Sensor()
    sensor.finds("noise", 10.0, "noise")
    sensor.finds("level", 50.0, "noise")
    sensor.ends("noise", 100.0)
    assert sensor.finds("spike", 9000.0, "level") == ["joined"]
    sensor.ends("level", 9001.0)
    sensor.ends("spike", 9060.0)
    assert sensor.rings == [("noise", "raised")]
    assert not sensor["noise"].active


def test_an_alarm_of_a_version_before_stands_until_its_own_kind_ends_too():
    sensor = Sensor()
    sensor._signal("level", Detected(at=10.0, severity=Severity.WARNING, detector="step", message="stepped"))
    assert sensor["level"].holders == ()
    sensor.finds("noise", 20.0, "level")
    sensor.ends("noise", 90.0)
    assert sensor["level"].active
    sensor.ends("level", 100.0)
    assert not sensor["level"].active
    assert sensor["level"].kinds == ("level", "noise")


def test_an_on_delay_of_the_first_kind_delays_no_other():
    sensor = Sensor('[defaults]\noff_delay_s = 0\n[[alarm]]\nkind = "spike"\non_delay_s = 600')
    assert sensor.finds("spike", 10.0, "spike") == ["pending"]
    assert sensor.finds("level", 50.0, "spike") == ["raised"]
    assert sensor.rings == [("level", "raised")]
    sensor.ends("spike", 70.0)
    sensor.passes("spike", 700.0)
    assert sensor.rings == [("level", "raised")]


@pytest.mark.parametrize(
    "setting", ['priority_warning = "high"', "latching = true", 'action = "Open valve V-12"', "off_delay_s = 90"]
)
def test_kinds_that_are_defined_differently_stay_apart(setting):
    sensor = Sensor(f'[defaults]\noff_delay_s = 0\n[[alarm]]\nkind = "level"\n{setting}')
    sensor.finds("spike", 10.0, "spike")
    assert sensor.finds("level", 50.0, "spike") == ["raised"]
    assert sensor.finds("noise", 60.0, "spike") == ["joined"]
    assert sensor.rings == [("spike", "raised"), ("level", "raised")]


def test_kinds_with_the_same_definition_go_together():
    sensor = Sensor('[[alarm]]\nsensor_type = "temperature"\npriority_warning = "medium"\non_delay_s = 0')
    sensor.finds("spike", 10.0, "spike")
    assert sensor.finds("level", 50.0, "spike") == ["joined"]


RECEIVERS = """
[[receiver]]
name = "all"
url = "json://localhost"
[[receiver]]
name = "levels"
url = "json://localhost"
kind = "level"
[[receiver]]
name = "limits"
url = "json://localhost"
kind = "limit"
"""


@pytest.mark.parametrize("returned", [False, True])
def test_who_wants_a_kind_alone_is_told_when_it_joins_and_when_it_is_over(returned):
    sensor, policy = Sensor(), parse_policy(RECEIVERS)

    def told():
        planned = [(row.receiver, row.topic) for t in sensor.transitions for row in plan(t, 100.0, policy).rows]
        assert all(concerns(t) for t in sensor.transitions if plan(t, 100.0, policy).rows)
        sensor.transitions.clear()
        return sorted(planned)

    sensor.finds("spike", 10.0, "spike")
    assert told() == [("all", Topic.RAISED)]
    if returned:
        sensor.ends("spike", 40.0)
    sensor.finds("level", 50.0, "spike")
    assert told() == [("levels", Topic.RAISED)]
    sensor.finds("noise", 60.0, "spike")
    assert told() == []
    sensor.ack("spike")
    assert told() == [("all", Topic.ACKED), ("levels", Topic.ACKED)]


def test_a_false_mark_is_of_all_that_it_names():
    sensor = Sensor()
    sensor.finds("spike", 10.0, "spike")
    sensor.finds("level", 50.0, "spike")
    sensor.act("spike", MarkFalse, occurrence_id=sensor["spike"].occurrence_id)
    seen = [(detection.finding, detection.detector) for detection in sensor["spike"].detections]
    assert seen == [("level", "level-detector"), ("spike", "spike-detector")]
