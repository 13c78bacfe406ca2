from __future__ import annotations

from typing import Any

import pytest

from controlroom.wire import BadMessage, Reason, SensorCommand, SensorStatus, TopicNames, decode_reading
from controlroom.wire.command import decode_command
from controlroom.wire.status import decode_status
from simulator.clock import Clock
from simulator.declaration import declare
from simulator.engine import Engine
from simulator.fleet import CLEARED, Fleet
from simulator.follower import Desired, Follower, Known
from simulator.plant import default_plant
from simulator.sensor import moment
from simulator.signals import QUIET
from tests.unit.simulator.bench import START, command, fault

NAMES = TopicNames()


class Records:
    """Stands for the publisher: keeps what is sent by topic."""

    def __init__(self) -> None:
        self.by_topic: dict[str, list[tuple[bytes, bytes | None, Any]]] = {}
        self.gated: dict[str, bool] = {}

    def lane(self, topic: str, key: bytes, *, gated: bool = False) -> Any:
        self.gated[topic] = gated
        records = self.by_topic.setdefault(topic, [])

        class Lane:
            def add(self, key: bytes, value: bytes | None, headers: Any = ()) -> None:
                records.append((key, value, headers))

        return Lane()

    def statuses(self) -> list[SensorStatus]:
        return [decode_status(value) for _, value, _ in self.by_topic.get(NAMES.status, [])]

    def commands(self) -> dict[str, SensorCommand | None]:
        sent = self.by_topic.get(NAMES.commands, [])
        return {key.decode(): None if value is None else decode_command(value) for key, value, _ in sent}


class Scene:
    def __init__(self) -> None:
        self.records = Records()
        self.follower = Follower({}, NAMES, lambda _: None)
        self.clock = Clock(speed=1e-9, start=START)
        self.engine = Engine(1, QUIET)
        self.fleet = Fleet(self.engine, self.clock, self.follower, self.records, NAMES, "me")

    def order(
        self, order: SensorCommand | BadMessage | None, sensor_id: str = "s", *, fresh: bool = False
    ) -> SensorStatus:
        self.follower.desired[sensor_id] = Desired(0, order, 0, fresh)
        before = len(self.records.statuses())
        self.fleet.obey(sensor_id)
        (status,) = self.records.statuses()[before:]
        return status

    def known(self, state: Any, *, count: int = 0, reason: str = "", sensor_id: str = "s") -> None:
        status = SensorStatus(
            sensor_id=sensor_id, state=state, timestamp=moment(START), reading_count=count, reason=reason
        )
        self.follower.known[sensor_id] = Known(status, 0)


def test_stamped_a_record_has_the_moment_at_which_it_would_have_been_sent() -> None:
    stamps: list[tuple[int, int]] = []

    class Stamped(Records):
        def lane(self, topic: str, key: bytes, *, gated: bool = False) -> Any:
            class Lane:
                def add(self, key: bytes, value: bytes, headers: Any = (), timestamp: int | None = None) -> None:
                    if topic == NAMES.data:
                        stamps.append((decode_reading(value).metadata.reading_count, timestamp))

            return Lane()

    engine, follower = Engine(1, QUIET), Follower({}, NAMES, lambda _: None)
    fleet = Fleet(engine, Clock(speed=1e-9, start=START), follower, Stamped(), NAMES, "me", stamp=True)
    order = command(interval=1.0, faults=(fault("late", magnitude=2.5, after=3, seconds=2),))
    follower.desired["s"] = Desired(0, order, 0)
    fleet.obey("s", now=START)
    first = engine.next_due
    engine.advance(START + 10_000, 100)
    taken = {count: first + 1000 * (count - 1) for count, _ in stamps}
    delays = {count: stamp - taken[count] for count, stamp in stamps}
    assert set(delays.values()) == {0, 2500}
    assert [stamp for _, stamp in stamps] == sorted(stamp for _, stamp in stamps)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_command_is_answered_with_what_the_sensor_is(scene: Scene) -> None:
    order = command(faults=(fault("drift", after=60),))
    status = scene.order(order)
    assert (status.state, status.command_id, status.owner) == ("running", "c1", "me")
    assert (status.spec, status.faults, status.timestamp) == (order.spec, order.faults, moment(START))
    assert scene.order(command(paused=True, command_id="c2")).state == "paused"
    assert scene.order(command(command_id="c3")).command_id == "c3"


def test_readings_and_statuses_go_out_only_while_the_sensors_are_ours_commands_always(scene: Scene) -> None:
    scene.order(command())
    scene.order(command(sensor_type="flux"))
    assert scene.records.gated == {NAMES.data: True, NAMES.status: True, NAMES.commands: False}


def test_the_same_command_again_is_answered_and_changes_nothing(scene: Scene) -> None:
    scene.order(command())
    sensor = scene.engine.sensors["s"]
    assert scene.order(command()).state == "running"
    assert scene.engine.sensors["s"] is sensor


def test_a_sensor_that_comes_back_goes_on_counting(scene: Scene) -> None:
    scene.known("removed", count=17)
    assert scene.order(command()).reading_count == 17


def test_removed_it_says_so_and_keeps_its_count(scene: Scene) -> None:
    scene.known("running", count=5)
    scene.order(command())
    status = scene.order(None)
    assert (status.state, status.reading_count, status.reason) == ("removed", 5, "")
    assert scene.engine.sensors == {}


def test_cleared_by_fresh_it_says_so(scene: Scene) -> None:
    scene.order(command())
    assert scene.order(None, fresh=True).reason == CLEARED


def test_removed_while_nobody_ran_it_is_answered_once_somebody_does(scene: Scene) -> None:
    scene.known("running", count=9)
    status = scene.order(None)
    assert (status.state, status.reading_count) == ("removed", 9)


def test_to_remove_what_never_was_is_refused_with_the_reason(scene: Scene) -> None:
    status = scene.order(None)
    assert (status.state, status.reason) == ("refused", "there is no sensor of this name")


def test_an_old_removal_that_is_read_again_at_a_takeover_needs_no_answer(scene: Scene) -> None:
    scene.follower.desired["s"] = Desired(0, None, 0)
    scene.fleet.obey("s", now=0)
    scene.known("removed")
    scene.fleet.obey("s")
    assert scene.records.statuses() == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (command(sensor_type="flux", command_id="bad"), "unknown sensor type 'flux'"),
        (command(faults=(fault("flood"),), command_id="bad"), "unknown fault 'flood'"),
        (command(base=1.0, warning=0.0, command_id="bad"), "not in order"),
    ],
)
def test_a_bad_command_is_refused_with_the_reason(scene: Scene, bad: SensorCommand, reason: str) -> None:
    status = scene.order(bad)
    assert (status.state, status.command_id) == ("refused", "bad")
    assert reason in status.reason
    assert scene.engine.sensors == {}
    assert scene.records.commands() == {}


def test_what_cannot_be_read_is_refused_too(scene: Scene) -> None:
    status = scene.order(BadMessage(Reason.MALFORMED, "no JSON\0 at all"))
    assert (status.state, status.reason) == ("refused", "malformed: no JSON at all")


def test_refused_a_running_sensor_goes_on_and_the_topic_is_set_right(scene: Scene) -> None:
    good = command(faults=(fault("drift"),))
    scene.order(good)
    sensor = scene.engine.sensors["s"]
    status = scene.order(command(sensor_type="flux", command_id="bad"))
    assert (status.state, status.spec, status.faults) == ("refused", good.spec, good.faults)
    assert scene.engine.sensors["s"] is sensor
    assert scene.records.commands() == {"s": good}


async def test_all_are_reported_and_stopped_ones_say_so(scene: Scene) -> None:
    for name in ("a", "b"):
        scene.order(command(name), name)
    await scene.fleet.report_all(stopped=True)
    assert [(status.sensor_id, status.state) for status in scene.records.statuses()[-2:]] == [
        ("a", "stopped"), ("b", "stopped"),
    ]  # fmt: skip


def test_a_fault_that_has_ended_by_itself_is_reported(scene: Scene) -> None:
    scene.order(command(interval=1.0, faults=(fault("spike", seconds=2),)))
    scene.engine.advance(START + 10_000, 100)
    scene.clock.hold_back(START + 10_000)
    scene.fleet.report_changed()
    assert scene.records.statuses()[-1].faults == ()
    before = len(scene.records.statuses())
    scene.fleet.report_changed()
    assert len(scene.records.statuses()) == before


# --- declared sensors

SPECS = default_plant(3).sensors


def declared(scene: Scene, *, fresh: bool = False) -> tuple[dict[str, SensorCommand | None], list[str]]:
    removed = declare(SPECS, scene.follower, scene.records, NAMES, owner="me", fresh=fresh)
    return scene.records.commands(), removed


def test_what_is_not_there_is_declared(scene: Scene) -> None:
    commands, removed = declared(scene)
    assert [each.spec for each in commands.values() if each is not None] == list(SPECS)
    assert all(each is not None and each.issued_by == "me" and not each.paused for each in commands.values())
    assert removed == []


def test_what_is_there_as_declared_is_left_alone_with_what_operators_did(scene: Scene) -> None:
    first, *rest = SPECS
    order = SensorCommand(command_id="c", spec=first, paused=True, faults=(fault("drift"),), issued_at=moment(START))
    scene.follower.desired[first.sensor_id] = Desired(0, order, 0)
    commands, _ = declared(scene)
    assert set(commands) == {spec.sensor_id for spec in rest}


def test_what_is_there_otherwise_is_changed_and_keeps_what_operators_did(scene: Scene) -> None:
    name = SPECS[0].sensor_id
    scene.follower.desired[name] = Desired(0, command(name, paused=True, faults=(fault("drift"),)), 0)
    commands, _ = declared(scene)
    changed = commands[name]
    assert changed is not None
    assert (changed.spec, changed.paused, len(changed.faults)) == (SPECS[0], True, 1)


def test_what_an_operator_has_removed_stays_removed(scene: Scene) -> None:
    a, b, c = (spec.sensor_id for spec in SPECS)
    scene.follower.desired[a] = Desired(0, None, 0)
    scene.known("removed", sensor_id=b)  # its tombstone is compacted away
    commands, removed = declared(scene)
    assert set(commands) == {c}
    assert removed == [a, b]


def test_what_fresh_has_removed_may_be_declared_again(scene: Scene) -> None:
    a, b, c = (spec.sensor_id for spec in SPECS)
    scene.follower.desired[a] = Desired(0, None, 0, fresh=True)
    scene.known("removed", reason=CLEARED, sensor_id=b)
    commands, removed = declared(scene)
    assert set(commands) == {a, b, c}
    assert removed == []


def test_fresh_leaves_what_is_declared_and_nothing_else(scene: Scene) -> None:
    a, b, c = (spec.sensor_id for spec in SPECS)
    scene.follower.desired["other"] = Desired(0, command("other"), 0)
    scene.follower.desired["gone"] = Desired(0, None, 0)
    scene.follower.desired["broken"] = Desired(0, BadMessage(Reason.EMPTY, "x"), 0)
    scene.follower.desired[a] = Desired(0, None, 0)
    paused = SensorCommand(command_id="c", spec=SPECS[1], paused=True, issued_at=moment(START))
    scene.follower.desired[b] = Desired(0, paused, 0)
    commands, removed = declared(scene, fresh=True)
    assert commands.keys() == {"other", "broken", a, b, c}
    assert commands["other"] is None
    assert commands["broken"] is None
    assert commands[b] is not None
    assert not commands[b].paused
    assert removed == []
    assert [headers for key, _, headers in scene.records.by_topic[NAMES.commands] if key == b"other"] == [
        [("fresh", b"1")]
    ]
