"""The tree says of every node what is the case below it, also when it has seen only what has changed."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.hierarchy.nodes import Item, Node, path_of, path_text
from controlroom.core.hierarchy.tally import NOTHING, Tally, tally_of_alarms, tally_of_sensor, trouble_of
from controlroom.core.hierarchy.tree import PlantTree
from controlroom.core.machines import MACHINE_KIND
from tests.unit.core.hierarchy.plant import Plant

SENSORS = ("s1", "s2", "s3", "s4", "machine:m1", "zone:z1")
PLACES = tuple((section, zone, machine) for section in ("", "a", "b") for zone in ("", "z1") for machine in ("", "m1"))


def all_nodes(tree: PlantTree) -> dict[str, Node]:
    return {path_text(node): node for node in tree.root.nodes() if node is not tree.root}


def seen(tree: PlantTree) -> list[tuple[Any, ...]]:
    """All that a tree says, in order."""
    found: list[tuple[Any, ...]] = []

    def walk(item: Item) -> None:
        worst = [leaf.key for leaf in item.worst()]
        found.append((item.key, item.tally, item.trouble, item.sensor_trouble, worst, item.alarms))
        if isinstance(item, Node):
            for child in item.ranked(by_name=False):
                walk(child)

    walk(tree.root)
    return found


def test_levels_of_which_nothing_is_known_are_left_out() -> None:
    plant, tree = Plant(), PlantTree()
    plant.read("s1", "press shop", "zone-a", "press-4")
    plant.read("s2", "press shop", "", "press-5")
    plant.read("s3", "", "zone-a", "")
    plant.read("s4")
    tree.follow(plant.state, plant.now)
    assert set(all_nodes(tree)) == {
        "press shop",
        "press shop/zone-a",
        "press shop/zone-a/press-4",
        "press shop/press-5",
        "zone-a",
    }
    assert [item.label for item in tree.root.ranked(by_name=False)] == ["press shop", "s4", "zone-a"]
    assert tree.root.tally == Tally(sensors=4, shown=4)


def test_names_that_look_like_a_way_down_are_one_name() -> None:
    plant, tree = Plant(), PlantTree()
    plant.read("s1", "a/b", "c")
    plant.read("s2", "a", "b/c")
    plant.read("/", "a\x1fzone\x1fb/c")
    tree.follow(plant.state, plant.now)
    assert len({node.key for node in tree.root.nodes()}) == 6
    assert all(node.tally.sensors == 1 for node in all_nodes(tree).values())


def test_what_happens_to_a_sensor_is_seen_from_the_top_at_once() -> None:
    plant, tree = Plant(), PlantTree()
    for number in range(6):
        plant.read(f"s{number}", "a", f"z{number // 3}", f"m{number // 2}")
    tree.follow(plant.state, plant.now)
    (top,) = tree.root.ranked(by_name=False)
    assert top.trouble == 0
    plant.alarm("s5", severity="critical", priority="high")
    tree.follow(plant.state, plant.now)
    assert (top.tally.worst_live, top.tally.worst_waiting, top.tally.high) == (2, 2, 1)
    assert [leaf.label for leaf in top.worst()] == ["s5", "s0"]
    plant.alarm("s5", severity="critical", priority="high", state="ACKED")
    plant.alarm("s1", state="RTN-UNACK", priority="low")
    tree.follow(plant.state, plant.now)
    assert (top.tally.worst_live, top.tally.worst_waiting, top.tally.high, top.tally.low) == (2, 0, 1, 1)
    plant.alarm("s5", state="NORMAL")
    plant.alarm("s1", state="SHELVED")
    tree.follow(plant.state, plant.now)
    assert (top.tally.alarms, top.tally.worst_waiting, top.tally.suppressed) == (0, None, 1)


def test_silence_is_seen_without_a_message_and_so_is_its_end() -> None:
    plant, tree = Plant(), PlantTree()
    for name in ("s1", "s2", "s3"):
        plant.read(name, "a")
    plant.status("s1")
    plant.status("s2", "paused")
    plant.status("s3", interval=100.0)
    for plant.second in (0.0, 14.0, 15.0):
        tree.follow(plant.state, plant.now)
        assert tree.root.tally.silent == 0
    plant.second = 15.5
    tree.follow(plant.state, plant.now)
    assert [leaf.label for leaf in tree.root.leaves() if leaf.tally.silent] == ["s1"], "one is paused, one is slow"
    plant.read("s1", "a")
    tree.follow(plant.state, plant.now)
    assert tree.root.tally.silent == 0
    plant.second = 301.0
    tree.follow(plant.state, plant.now)
    assert [leaf.label for leaf in tree.root.leaves() if leaf.tally.silent] == ["s1", "s3"]


def test_readings_that_come_late_without_a_gap_end_a_silence_too() -> None:
    plant, tree = Plant(), PlantTree()
    plant.read("s1", "a")
    plant.status("s1")
    plant.second = 20.0
    tree.follow(plant.state, plant.now)
    assert tree.root.tally.silent == 1
    for ago in range(20, 0, -1):  # the lag is over: what waited has come, a second apart on the brokers
        plant.read("s1", "a", ago=ago)
    plant.second = 22.0
    tree.follow(plant.state, plant.now)
    assert tree.root.tally.silent == 0


def test_the_silence_of_a_zone_and_the_relation_of_a_machine_stand_on_their_nodes() -> None:
    plant, tree = Plant(), PlantTree()
    plant.alarm("machine:m1", MACHINE_KIND)
    for number in range(4):
        plant.read(f"s{number}", "a", "z1", "m1")
    plant.read("other", "b", "z1")
    plant.alarm("s0", "dropout", state="BY_DESIGN")
    plant.alarm("zone:z1", GROUP_KIND, severity="critical", priority="high")
    tree.follow(plant.state, plant.now)
    nodes = all_nodes(tree)
    assert (nodes["a/z1"].tally.worst_live, nodes["b/z1"].tally.worst_live) == (2, 2), "a group has no section"
    assert (nodes["a/z1/m1"].tally.worst_live, nodes["a/z1/m1"].tally.suppressed) == (1, 1)
    assert nodes["a"].tally.waiting == 2
    assert nodes["a"].tally.sensors == 4, "the name that a machine's alarm has is no sensor"
    plant.alarm("zone:z1", GROUP_KIND, state="NORMAL")
    plant.alarm("machine:m1", MACHINE_KIND, state="NORMAL")
    tree.follow(plant.state, plant.now)
    assert nodes["a"].tally.alarms == 0


def test_a_sensor_that_is_called_as_a_group_is_a_sensor() -> None:
    plant, tree = Plant(), PlantTree()
    plant.read("s1", "", "z1")
    plant.read("zone:z1", "", "z1")
    plant.alarm("zone:z1")
    tree.follow(plant.state, plant.now)
    assert tree.root.tally.sensors == 2
    assert all_nodes(tree)["z1"].alarms == ()


def test_a_node_is_gone_with_its_last_sensor() -> None:
    plant, tree = Plant(), PlantTree()
    plant.read("s1", "a", "z", "m")
    plant.read("s2", "a", "z", "n")
    tree.follow(plant.state, plant.now)
    plant.read("s1", "b")
    plant.remove("s2")
    tree.follow(plant.state, plant.now)
    assert set(all_nodes(tree)) == {"b"}


def test_who_has_fallen_far_behind_looks_at_all() -> None:
    plant, tree = Plant(), PlantTree()
    plant.read("s1", "a")
    tree.follow(plant.state, plant.now)
    plant.state.changes.__init__(2)  # type: ignore[misc]
    for number in range(9):
        plant.read(f"s{number}", "b")
    tree.follow(plant.state, plant.now)
    assert set(all_nodes(tree)) == {"b"}
    assert tree.root.tally.sensors == 9


def test_another_plant_and_a_clock_that_was_set_back_begin_anew() -> None:
    plant, other, tree = Plant(), Plant(), PlantTree()
    plant.read("s1", "a")
    other.read("s2", "b")
    tree.follow(plant.state, plant.now)
    tree.follow(other.state, other.now)
    assert set(all_nodes(tree)) == {"b"}
    other.second = 100.0
    tree.follow(other.state, other.now)
    assert tree.root.tally.silent == 1
    other.second = 3.0
    tree.follow(other.state, other.now)
    assert tree.root.tally.silent == 0


@pytest.mark.parametrize("state", ["SHELVED", "OUT_OF_SERVICE", "BY_DESIGN"])
def test_what_is_suppressed_never_shouts(state: str) -> None:
    plant, tree = Plant(), PlantTree()
    plant.read("s1", "a")
    plant.alarm("s1", severity="critical", priority="high", state=state)
    tree.follow(plant.state, plant.now)
    assert (tree.root.trouble, tree.root.tally.alarms, tree.root.tally.suppressed) == (0, 0, 1)


# --- whatever happens

HAPPENS = st.one_of(
    st.tuples(st.just("read"), st.sampled_from(SENSORS), st.sampled_from(PLACES), st.sampled_from((1.0, 0.5))),
    st.tuples(
        st.just("alarm"),
        st.sampled_from(SENSORS),
        st.sampled_from(("limit", "noise", GROUP_KIND, MACHINE_KIND)),
        st.sampled_from(("UNACK", "ACKED", "RTN-UNACK", "SHELVED", "NORMAL")),
        st.sampled_from(("warning", "critical")),
        st.sampled_from(("high", "medium", "low", "")),
    ),
    st.tuples(st.just("status"), st.sampled_from(SENSORS), st.sampled_from(("running", "paused")), st.integers(0, 1)),
    st.tuples(st.just("remove"), st.sampled_from(SENSORS)),
    st.tuples(st.just("wait"), st.integers(1, 40)),
    st.tuples(st.just("look")),
    st.tuples(st.just("filter"), st.sampled_from(("", "s1", "m1", "critical"))),
)


def passes(word: str) -> Any:
    if not word:
        return None
    if word == "critical":
        return lambda view: view.severity == 2
    return lambda view: word in view.sensor_id or word == view.location.machine_id


@given(st.lists(HAPPENS, max_size=40))
def test_a_tree_that_followed_says_what_one_says_that_looks_for_the_first_time(steps: list[tuple[Any, ...]]) -> None:
    plant, tree, word = Plant(), PlantTree(), ""
    for step in steps:
        match step:
            case ("read", sensor, place, quality):
                plant.read(sensor, *place, quality=quality)
            case ("alarm", sensor, kind, state, severity, priority):
                plant.alarm(sensor, kind, state=state, severity=severity, priority=priority)
            case ("status", sensor, state, faults):
                plant.status(sensor, state, faults=faults)
            case ("remove", sensor):
                plant.remove(sensor)
            case ("wait", seconds):
                plant.second += seconds
            case ("filter", word):
                tree.filter(passes(word))
            case _:
                tree.follow(plant.state, plant.now)
    tree.follow(plant.state, plant.now)
    plant.second += 2.0  # what is silent is looked at again within that
    tree.follow(plant.state, plant.now)

    fresh = PlantTree()
    fresh.filter(passes(word))
    fresh.follow(plant.state, plant.now)
    assert seen(tree) == seen(fresh)
    assert_true_of_the_plant(tree, plant, passes(word))


def assert_true_of_the_plant(tree: PlantTree, plant: Plant, passing: Any) -> None:
    """Every node says what is the case of the sensors whose way down begins with its own."""
    leaves = list(tree.root.leaves())
    for leaf in leaves:
        view = plant.state.sensors[leaf.view.sensor_id]
        assert leaf.view is view
        assert leaf.place == view.location
        shown = passing is None or passing(view)
        assert leaf.tally == tally_of_sensor(view, list(view.alarms.values()), plant.now, shown=shown)
    for node in tree.root.nodes():
        below = [leaf for leaf in leaves if path_of(leaf.place)[: node.depth + 1] == way_to(node)]
        own = [other for other in tree.root.nodes() if way_to(other)[: node.depth + 1] == way_to(node)]
        sums = [leaf.tally for leaf in below] + [tally_of_alarms(other.alarms) for other in own]
        assert node.tally == reduce(Tally.plus, sums, NOTHING)
        assert node.tally.sensors == len(below)
        troubles = [leaf.trouble for leaf in below] + [trouble_of(other.own) for other in own]
        assert node.trouble == max(troubles, default=0)
        best = sorted((leaf.trouble for leaf in below), reverse=True)[:2]
        assert [leaf.trouble for leaf in node.worst()] == best
        assert below or node is tree.root


def way_to(node: Node) -> tuple[tuple[str, str], ...]:
    steps: list[tuple[str, str]] = []
    found: Node | None = node
    while found is not None and found.parent is not None:
        steps.insert(0, (found.level, found.label))
        found = found.parent
    return tuple(steps)
