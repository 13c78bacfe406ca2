"""Pictures of the screens. After a change that is meant, update them with `--snapshot-update`, and look at each."""

from __future__ import annotations

import asyncio

import pytest
from textual.command import CommandPalette

from controlroom.core.archive import LearningFacts, Window
from controlroom.core.plant_state import PlantState
from tests.fakes.bridges import bridges
from tests.fakes.plant import make_plant, with_a_burst
from tests.ui.screen_text import screen_text, settle

SMALL, LARGE = (80, 24), (120, 40)
SCREENS = {
    "overview": (),
    "tree": ("T", *["enter"] * 3, "w"),
    "tree-ack": ("T", "down", "a"),
    "tree-marked": ("T", "down", "space", "space"),
    "tree-filtered": ("T", "slash", *"vib", "enter"),
    "help-tree": ("T", "question_mark"),
    "alarms": ("2",),
    "cluster": ("3",),
    "simulator": ("4",),
    "sensor": ("enter",),
    "help": ("question_mark",),
    "help-search": ("question_mark", *"silence"),
    "spawn": ("n",),
    "inject": ("i",),
    "remove": ("x",),
    "palette": ("colon",),
    "rate": ("r",),
    "ack-page": ("2", "A"),
    "shelve": ("2", "s"),
    "comment": ("2", "c"),
    "alarm": ("2", "h"),
    "alarm-why": ("2", "h", "y"),
    "suppressed": ("2", "S"),
    "measures": ("2", "m"),
    "handover": ("2", "H"),
    "handover-sign": ("2", "H", "H", "y", "s"),
    "help-alarms": ("2", "question_mark"),
    "marked-frozen": ("2", "space", "space", "equals_sign"),
    "maintenance": ("enter", "M"),
    "trends": (*["space"] * 4, "v"),
    "trends-cursor": (*["space"] * 3, "v", *["left"] * 12, "j", "b", "z"),
    "trends-add": ("v", "slash", *"vib"),
    "trends-export": ("v", "X"),
    "help-trends": ("v", "question_mark"),
    "machine": ("d",),
    "machine-maintenance": ("d", "down", "space", "M"),
    "sensor-day": ("enter", *["right_square_bracket"] * 3),
}


#: those of trends and machines that are shown in NO_COLOR and in ASCII, too
NEW = ("trends", "machine", "help-search")


def after(*keys: str):
    async def run_before(pilot) -> None:
        await settle(pilot)
        await pilot.press(*keys)
        await pilot.app.workers.wait_for_complete()
        await palette_filled(pilot)
        await settle(pilot)

    return run_before


async def palette_filled(pilot) -> None:
    """Wait until the palette's list is drawn, if it is open: on a busy machine its search ends, and its list appears,
    after `wait_for_complete`."""
    while isinstance(pilot.app.screen, CommandPalette) and "Pause  (p)" not in screen_text(pilot.app):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("screen", SCREENS)
def test_screen(snap_compare, full_app, screen, size):
    assert snap_compare(full_app, run_before=after(*SCREENS[screen]), terminal_size=size)


def test_a_tree_in_which_all_is_well(snap_compare, make_app, clock):
    app = make_app(make_plant(clock.at, sensors=60, broken=False))
    assert snap_compare(app, run_before=after("T"), terminal_size=SMALL)


def test_a_tree_beside_the_feed(snap_compare, full_app):
    assert snap_compare(full_app, run_before=after("T", *["enter"] * 3), terminal_size=(200, 50))


def test_all_is_well(snap_compare, make_app, clock):
    assert snap_compare(make_app(make_plant(clock.at, broken=False)), run_before=after(), terminal_size=SMALL)


def test_nothing_is_known_yet(snap_compare, make_app):
    assert snap_compare(make_app(PlantState()), run_before=after(), terminal_size=SMALL)


def test_side_by_side(snap_compare, app):
    assert snap_compare(app, run_before=after(), terminal_size=(200, 50))


@pytest.mark.parametrize("screen", ["overview", "tree", "alarms", "cluster", "sensor", "alarm-why", *NEW])
def test_no_color(snap_compare, make_app, actions, history, monkeypatch, screen):
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(alarms=actions, history=history)
    assert snap_compare(app, run_before=after(*SCREENS[screen]), terminal_size=SMALL)


@pytest.mark.parametrize("screen", ["overview", "tree", "alarms", "cluster", "sensor", "help", "alarm-why", *NEW])
def test_ascii(snap_compare, make_app, actions, history, screen):
    assert snap_compare(
        make_app(ascii=True, alarms=actions, history=history), run_before=after(*SCREENS[screen]), terminal_size=SMALL
    )


def test_what_the_detectors_were_told_in_no_color(snap_compare, full_app, history, clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    now = clock.at.timestamp()
    window = Window(now - 60, now + 7200, "jon")
    history.told["temp-sensor-001"] = LearningFacts(now - 3600, "mira", (window,), ("reset",))
    assert snap_compare(full_app, run_before=after("enter"), terminal_size=SMALL)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("look", ["plain", "no-color", "ascii"])
def test_bridges(snap_compare, make_app, clock, monkeypatch, look, size):
    if look == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    state = make_plant(clock.at, broken=False)
    state.apply_bridges(bridges(clock.at))
    app = make_app(state, ascii=look == "ascii")
    assert snap_compare(app, run_before=after("3"), terminal_size=size)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("look", ["plain", "no-color", "ascii"])
@pytest.mark.parametrize("keys", [("2", "t", "t"), ("2", "t", "t", "t")], ids=["area", "cause"])
def test_alarms_in_groups(snap_compare, make_app, clock, actions, history, monkeypatch, look, size, keys):
    if look == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(with_a_burst(make_plant(clock.at), clock.at), alarms=actions, history=history, ascii=look == "ascii")
    assert snap_compare(app, run_before=after(*keys), terminal_size=size)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
def test_wall(snap_compare, make_app, history, size):
    assert snap_compare(make_app(wall=15.0, history=history), run_before=after("2"), terminal_size=size)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("look", ["plain", "no-color", "ascii"])
def test_tour(snap_compare, make_app, actions, history, monkeypatch, look, size):
    if look == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(tour=True, alarms=actions, history=history, ascii=look == "ascii")
    keys = ("greater_than_sign", "greater_than_sign", "2")
    assert snap_compare(app, run_before=after(*keys), terminal_size=size)


@pytest.mark.parametrize("theme", ["grey-light", "high-contrast"])
def test_theme(snap_compare, make_app, theme):
    assert snap_compare(make_app(theme=theme), run_before=after(), terminal_size=SMALL)


def test_viewer(snap_compare, make_app):
    assert snap_compare(make_app(read_only=True, banner="10.0.4.7:9092"), run_before=after(), terminal_size=SMALL)
