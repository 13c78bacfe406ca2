"""What of the tree is listed, and where a key leads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.hierarchy.listing import TreeListing
from controlroom.core.hierarchy.nodes import Item, Leaf, Node
from controlroom.core.hierarchy.tree import PlantTree
from tests.unit.core.hierarchy.plant import Plant


@pytest.fixture
def plant() -> Plant:
    """Two sections: in b all is well; in a there are two zones of two machines of two sensors."""
    plant = Plant()
    for number in range(8):
        plant.read(f"s{number}", "a", f"z{number // 4}", f"m{number // 2}")
    plant.read("s8", "b", "z9", "m9")
    return plant


@pytest.fixture
def listing(plant: Plant) -> TreeListing:
    tree = PlantTree()
    tree.follow(plant.state, plant.now)
    return TreeListing(tree)


def named(items: list[Item]) -> list[str]:
    return [item.label for item in items]


def find(listing: TreeListing, label: str) -> Item:
    every = [*listing.tree.root.nodes(), *listing.tree.root.leaves()]
    return next(item for item in every if item.label == label)


def node(listing: TreeListing, label: str) -> Node:
    found = find(listing, label)
    assert isinstance(found, Node)
    return found


def test_at_first_the_plant_alone_is_open(listing: TreeListing) -> None:
    assert named(listing.rows()) == ["a", "b"]


def test_where_there_is_but_one_way_down_all_of_it_opens(plant: Plant, listing: TreeListing) -> None:
    listing.rows()
    listing.open(node(listing, "b"))
    assert named(listing.rows()) == ["a", "b", "z9", "m9", "s8"]
    for number in range(8):
        plant.remove(f"s{number}")
    fresh = TreeListing(listing.tree)
    listing.tree.follow(plant.state, plant.now)
    assert named(fresh.rows()) == ["b", "z9", "m9", "s8"]


def test_nodes_open_and_close_and_what_was_open_below_stays_so(listing: TreeListing) -> None:
    listing.rows()
    a, z1 = node(listing, "a"), node(listing, "z1")
    listing.open(a)
    listing.open(z1)
    assert named(listing.rows()) == ["a", "z0", "z1", "m2", "m3", "b"]
    assert named(listing.rows_below(a)) == ["z0", "z1", "m2", "m3"]
    listing.close(a)
    assert named(listing.rows()) == ["a", "b"]
    assert listing.rows_below(a) == []
    listing.open(a)
    assert named(listing.rows()) == ["a", "z0", "z1", "m2", "m3", "b"]


def test_the_most_troubled_come_first_or_all_by_name(plant: Plant, listing: TreeListing) -> None:
    plant.alarm("s8")
    plant.alarm("s7", severity="critical", state="ACKED")
    plant.alarm("s5", severity="critical")
    listing.tree.follow(plant.state, plant.now)
    listing.rows()
    for label in ("a", "z1", "m2"):
        listing.open(node(listing, label))
    assert named(listing.rows()) == ["a", "z1", "m2", "s5", "s4", "m3", "z0", "b"]
    plant.alarm("s8", severity="critical")
    plant.alarm("s5", state="NORMAL")
    listing.tree.follow(plant.state, plant.now)
    assert named(listing.rows()) == ["b", "a", "z1", "m3", "m2", "s4", "s5", "z0"]
    listing.turn()
    assert named(listing.rows()) == ["a", "z0", "z1", "m2", "s4", "s5", "m3", "b"]


def test_a_filter_lists_what_passes_with_the_way_to_it(plant: Plant, listing: TreeListing) -> None:
    listing.rows()
    listing.filter(lambda view: view.sensor_id in {"s3", "s8"})
    assert named(listing.rows()) == ["a", "z0", "m1", "s3", "b", "z9", "m9", "s8"]
    a = node(listing, "a")
    assert (a.tally.shown, a.tally.sensors) == (1, 8)
    assert named(list(listing.leaves([a]))) == ["s3"], "what cannot be seen cannot be meant"
    listing.close(a)
    assert named(listing.rows()) == ["a", "b", "z9", "m9", "s8"]
    listing.filter(None)
    assert named(listing.rows()) == ["a", "b"], "as it was before"


def test_a_filter_goes_on_with_what_changes(plant: Plant, listing: TreeListing) -> None:
    listing.filter(lambda view: view.severity == 2)
    assert listing.rows() == []
    plant.alarm("s6", severity="critical")
    listing.tree.follow(plant.state, plant.now)
    assert named(listing.rows()) == ["a", "z1", "m3", "s6"]


def test_marks_that_overlap_stand_for_each_sensor_and_alarm_once(plant: Plant, listing: TreeListing) -> None:
    plant.alarm("s0")
    plant.alarm("s0", "noise", state="SHELVED")
    plant.alarm("zone:z0", GROUP_KIND)
    listing.tree.follow(plant.state, plant.now)
    items = [find(listing, label) for label in ("z0", "m0", "s0")]
    assert sorted(named(list(listing.leaves(items)))) == ["s0", "s1", "s2", "s3"]
    alarms = {(alarm.sensor_id, alarm.kind) for alarm in listing.alarms(items)}
    assert alarms == {("s0", "limit"), ("s0", "noise"), ("zone:z0", GROUP_KIND)}
    listing.filter(lambda view: view.sensor_id == "s0")
    assert len(listing.alarms(items)) == 2, "a zone's own alarm is not only of what passes the filter"


def test_seeking_goes_through_closed_nodes_in_order_and_begins_anew(plant: Plant, listing: TreeListing) -> None:
    for name in ("s5", "s6", "s8"):
        plant.alarm(name, severity="critical")
    plant.alarm("zone:z0", GROUP_KIND)
    plant.alarm("s1")
    listing.tree.follow(plant.state, plant.now)
    listing.rows()

    def walk(severity: int, step: int, start: str | None, count: int) -> list[str]:
        found, item = [], find(listing, start) if start else None
        for _ in range(count):
            item = listing.seek(item, severity, step)
            assert item is not None
            found.append(item.label)
        return found

    assert walk(2, 1, None, 4) == ["s5", "s6", "s8", "s5"]
    assert walk(2, -1, None, 4) == ["s8", "s6", "s5", "s8"]
    assert walk(2, 1, "m2", 1) == ["s5"]
    assert walk(2, -1, "m2", 1) == ["s8"]
    assert walk(2, 1, "s7", 1) == ["s8"]
    assert walk(2, -1, "s7", 1) == ["s6"]
    assert walk(2, 1, "z0", 1) == ["s8"]
    assert walk(1, 1, "a", 3) == ["z0", "s1", "z0"], "also to a zone with an alarm of its own"
    listing.filter(lambda view: view.sensor_id == "s6")
    assert walk(2, 1, None, 2) == ["s6", "s6"]
    listing.filter(lambda view: view.sensor_id == "s3")
    assert listing.seek(None, 2, 1) is None


def test_the_way_to_what_was_found_is_opened(listing: TreeListing) -> None:
    listing.rows()
    listing.reveal(find(listing, "s5"))
    assert named(listing.rows()) == ["a", "z0", "z1", "m2", "s4", "s5", "m3", "b"]


@given(
    st.lists(st.tuples(st.sampled_from(("open", "close", "turn", "alarm", "filter")), st.integers(0, 8)), max_size=25),
    st.sampled_from((1, 2)),
)
def test_whatever_is_open_each_row_is_below_the_one_that_it_is_part_of(steps: list[Any], severity: int) -> None:
    plant, tree = Plant(), PlantTree()
    for number in range(9):
        plant.read(f"s{number}", f"a{number % 2}", f"z{number // 4}", f"m{number // 2}")
    tree.follow(plant.state, plant.now)
    listing = TreeListing(tree)
    for what, number in steps:
        rows = [row for row in listing.rows() if isinstance(row, Node)]
        if what == "alarm":
            plant.alarm(
                f"s{number}",
                severity=("warning", "critical")[number % 2],
                state="NORMAL" if number % 3 == 0 else "UNACK",
            )
            tree.follow(plant.state, plant.now)
        elif what == "turn":
            listing.turn()
        elif what == "filter":
            wanted = f"s{number}"
            listing.filter(None if number > 6 else lambda view, wanted=wanted: view.sensor_id >= wanted)
        elif rows:
            getattr(listing, what)(rows[number % len(rows)])
    rows_now = listing.rows()
    keys = [row.key for row in rows_now]
    assert len(set(keys)) == len(keys)
    for place, row in enumerate(rows_now):
        assert row.tally.shown
        parent = row.parent
        assert parent is not None
        if parent is not tree.root:
            assert listing.is_open(parent)
            before = rows_now[:place]
            assert parent in before
            between = before[before.index(parent) + 1 :]
            assert all(other.depth > parent.depth for other in between), "nothing else stands between"
        if isinstance(row, Node) and listing.is_open(row):
            block = listing.rows_below(row)
            assert rows_now[place + 1 : place + 1 + len(block)] == block
    stops = {leaf.key for leaf in tree.root.leaves() if leaf.tally.shown and leaf.view.severity == severity}
    item: Item | None = None
    visited = []
    for _ in stops:
        item = listing.seek(item, severity, 1)
        assert isinstance(item, Leaf)
        visited.append(item.key)
    assert set(visited) == stops, "all of them, each once"
