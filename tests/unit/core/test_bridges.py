"""What follows from what bridges tell: who is lost, what is an alarm, which sensors' silence is explained."""

from __future__ import annotations

from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.model import DROPPED_KIND
from controlroom.core.bridges import (
    DOUBTED_S,
    DOWN_S,
    DROPPED_S,
    LOST_S,
    MOST_BRIDGES,
    Bridges,
    source_groups,
    troubles,
)
from controlroom.wire import BridgeReport
from tests.fakes.bridges import bridge, source

AT = 1_000.0


def told(*reports: BridgeReport) -> Bridges:
    bridges = Bridges()
    for report in reports:
        bridges.hear(report.name, report, AT)
    return bridges


def test_a_bridge_that_tells_nothing_is_lost_after_the_stated_time() -> None:
    bridges = told(bridge("b", AT))
    assert [view.state for view in bridges.views(AT + LOST_S - 0.1)] == ["runs"]
    assert [view.state for view in bridges.views(AT + LOST_S)] == ["lost"]
    assert bridges.alarms(AT + LOST_S - 0.1) == {}
    assert list(bridges.alarms(AT + LOST_S)) == [("bridge:b", GROUP_KIND)]
    assert "bridge b lost" in troubles(bridges.views(AT + LOST_S))[0]
    bridges.hear("b", bridge("b", AT + 20), AT + 20)
    assert bridges.alarms(AT + 20) == {}


def test_it_explains_silences_before_it_is_an_alarm() -> None:
    bridges = told(bridge("b", AT))
    assert bridges.lost(AT + DOUBTED_S - 0.1) == {}
    assert list(bridges.lost(AT + DOUBTED_S)) == ["bridge:b"]


def test_one_that_has_ended_in_order_is_stopped_for_good_and_no_alarm_of_its_own() -> None:
    bridges = told(bridge("b", AT, stopped=True, sources=(source("line", AT, connected_since=None),)))
    [view] = bridges.views(AT + 86_400)
    assert (view.state, view.well, view.down) == ("stopped", True, ())
    assert bridges.alarms(AT + 86_400) == {}
    assert bridges.lost(AT) == {"bridge:b": "bridge b was stopped"}


def test_a_source_that_is_down_is_an_alarm_after_some_seconds_by_the_bridge_s_clock() -> None:
    line = source("line", AT, connected_since=None, down_since=AT - 0.4, error="refused\x1b[2J")
    bridges = told(bridge("b", AT, at=AT, sources=(source("other", AT), line)))
    assert bridges.lost(AT) == {"source:b/line": "source line of bridge b went down: refused\N{SYMBOL FOR ESCAPE}[2J"}
    assert bridges.alarms(AT) == {}
    later = bridge("b", AT, at=AT + DOWN_S, sources=(source("other", AT), line))
    bridges.hear("b", later, AT + DOWN_S)
    assert list(bridges.alarms(AT + DOWN_S)) == [("source:b/line", GROUP_KIND)]


def test_a_source_that_was_just_started_is_not_down_yet() -> None:
    line = source("line", AT, connected_since=None, down_since=AT - 0.5)
    bridges = told(bridge("b", AT, at=AT, sources=(line,)))
    assert (bridges.lost(AT), bridges.views(AT)[0].down) == ({}, ())
    bridges.hear("b", bridge("b", AT, at=AT + DOWN_S, sources=(line,)), AT + DOWN_S)
    assert list(bridges.lost(AT + DOWN_S)) == ["source:b/line"]


def test_a_lost_bridge_stands_for_its_sources() -> None:
    line = source("line", AT, connected_since=None, down_since=AT - 60)
    bridges = told(bridge("b", AT, sources=(line,)))
    assert list(bridges.alarms(AT)) == [("source:b/line", GROUP_KIND)]
    assert list(bridges.alarms(AT + LOST_S)) == [("bridge:b", GROUP_KIND)]
    assert list(bridges.lost(AT + LOST_S)) == ["bridge:b"]


def test_readings_that_were_dropped_are_an_alarm_for_a_while() -> None:
    bridges = told(bridge("b", AT, at=AT, dropped=5_000, dropped_at=AT - 60.0))
    text = "bridge b has dropped 5,000 readings: its spool was full, or they had waited too long"
    assert bridges.alarms(AT) == {("bridge:b", DROPPED_KIND): text}
    bridges.hear("b", bridge("b", AT, at=AT + DROPPED_S, dropped=5_000, dropped_at=AT - 60.0), AT + DROPPED_S)
    assert bridges.alarms(AT + DROPPED_S) == {}


def test_a_bridge_can_be_forgotten_and_no_record_of_another_key_counts() -> None:
    bridges = told(bridge("b", AT))
    bridges.hear("c", bridge("d", AT), AT)
    assert [view.name for view in bridges.views(AT)] == ["b"]
    bridges.hear("b", None, AT)
    assert bridges.views(AT) == ()


def test_so_many_bridges_are_followed_and_no_more() -> None:
    bridges = told(*(bridge(f"b-{number}", AT) for number in range(MOST_BRIDGES + 5)))
    assert len(bridges.views(AT)) == MOST_BRIDGES
    bridges.hear("b-0", bridge("b-0", AT, stopped=True), AT)
    assert bridges.views(AT)[0].state == "stopped"


def test_an_edge_node_that_has_died_is_an_alarm_at_once_and_a_source_that_is_down_is_not() -> None:
    down = {"connected_since": None, "down_since": AT - 0.4, "error": "the edge node died (NDEATH)"}
    node = source("line/hall/edge", AT, kind="node", **down)
    bridges = told(bridge("b", AT, sources=(source("line", AT), node, source("other", AT, **down))))
    assert list(bridges.alarms(AT)) == [("source:b/line/hall/edge", GROUP_KIND)]
    assert set(bridges.lost(AT)) == {"source:b/line/hall/edge", "source:b/other"}
    assert source_groups("b/line/hall/edge/press") == [
        "source:b/line/hall/edge/press", "source:b/line/hall/edge", "source:b/line", "bridge:b",
    ]  # fmt: skip


def test_a_broker_that_alarms_do_not_reach_is_an_alarm_in_its_own_words() -> None:
    away = source("hall-3", AT, kind="alarms", connected_since=None, down_since=AT - 60, error="refused")
    bridges = told(bridge("alarms-to-mqtt", AT, at=AT, sources=(away,)))
    assert bridges.alarms(AT) == {
        ("source:alarms-to-mqtt/hall-3", "group-silent"): "alarms do not reach the MQTT broker hall-3: refused"
    }
    (line,) = troubles(bridges.views(AT))
    assert line.startswith("alarms do not reach the MQTT broker hall-3")
    assert bridges.alarms(AT + 20)["bridge:alarms-to-mqtt", "group-silent"].startswith(
        "the publishing of alarms (MQTT) lost: nothing was heard of it after "
    )
