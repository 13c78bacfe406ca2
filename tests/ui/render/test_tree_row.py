"""Rows of the tree: as wide as asked, and every number in its column."""

from __future__ import annotations

import pytest

from controlroom.core.hierarchy.nodes import Leaf
from controlroom.core.hierarchy.tree import PlantTree
from controlroom.ui.render.glyphs import ASCII, UNICODE
from controlroom.ui.render.line import Role, plain, width_of
from controlroom.ui.render.tree_row import leaf_row, node_line, node_row, tree_head
from tests.fakes.clock import START
from tests.fakes.plant import make_plant, sensor_id
from tests.ui.test_hostile import hostile_plant

NOW = START.timestamp()


def tree_of(plant):
    tree = PlantTree()
    tree.follow(plant, NOW)
    return tree


@pytest.fixture(scope="module")
def tree():
    return tree_of(make_plant())


def node_of(tree, label):
    return next(node for node in tree.root.nodes() if node.label == label)


def row_of(node, width=79, glyphs=UNICODE, **flags):
    usual = {"opened": False, "filtered": False, "selected": False, "marked": False}
    return node_row(node, width, glyphs, **{**usual, **flags})


@pytest.mark.parametrize("width", [40, 79, 99, 100, 119, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("plant", [make_plant, hostile_plant])
def test_every_row_is_exactly_as_wide_as_asked(width, glyphs, plant):
    tree = tree_of(plant())
    for node in tree.root.nodes():
        for flags in ({}, {"opened": True, "filtered": True, "selected": True, "marked": True}):
            assert width_of(row_of(node, width, glyphs, **flags)) == width
    for leaf in tree.root.leaves():
        assert width_of(leaf_row(leaf, NOW, width, glyphs, selected=True, marked=False)) == width
    assert width_of(tree_head(width, [(" worst first", Role.TITLE_DIM)])) == width


def test_numbers_stand_below_their_names(tree):
    head = plain(tree_head(79, []))
    row = plain(row_of(node_of(tree, "production")))
    for title, number in (("high", "1"), ("med", "4"), ("silent", "2"), ("sensors", "15")):
        end = head.index(title) + len(title)
        assert row[:end].endswith(f" {number}")
    for title in ("low", "bad"):
        end = head.index(title) + len(title)
        assert row[end - len(title) : end].isspace(), "zero is quiet"


def test_what_waits_is_in_reverse_and_what_is_active_is_not(tree):
    roles = [role for _, role in row_of(node_of(tree, "production"))]
    assert Role.CRIT in roles
    assert Role.CRIT_UNACK in roles
    well = [role for _, role in row_of(node_of(tree, "machine-002"))]
    assert not {role for role in well if "crit" in role or "warn" in role}


def test_with_a_filter_it_says_how_many_of_how_many():
    tree = tree_of(make_plant())
    tree.filter(lambda view: view.sensor_id == sensor_id(1))
    assert " 1/15 " in plain(row_of(node_of(tree, "production"), filtered=True))
    assert "1 of 15 sensors" in plain(node_line(node_of(tree, "production"), filtered=True))


def test_a_long_name_does_not_hide_the_drill(tree):
    node = node_of(tree, "zone-b")
    node.label, label = "z" * 60, node.label
    try:
        assert "… SIM" in plain(row_of(node))
    finally:
        node.label = label


def test_the_line_of_a_node_names_the_worst_sensors_only_if_something_is_the_matter(tree):
    assert "worst: temp-sensor-001 43.63 °C" in plain(node_line(node_of(tree, "zone-a"), filtered=False))
    assert "worst" not in plain(node_line(node_of(tree_of(make_plant(broken=False)), "zone-a"), filtered=False))


def test_a_sensor_has_value_state_and_readings(tree):
    leaf = next(leaf for leaf in tree.root.leaves() if leaf.label == sensor_id(1))
    assert isinstance(leaf, Leaf)
    row = plain(leaf_row(leaf, NOW, 79, UNICODE, selected=True, marked=True))
    assert row.startswith("◉■ CRIT ■ CRIT ")
    assert "43.63 °C running   sim ▁" in row
