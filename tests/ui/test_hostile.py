"""Names and texts from the network that try to be markup, a link, or a terminal's orders: all of it is literal."""

from __future__ import annotations

import unicodedata

import pytest

from controlroom.core.bridges import BridgesView, BridgeView
from controlroom.core.plant_state import PlantState
from controlroom.wire import FaultSpec, Location, SensorSpec, SensorStatus
from tests.fakes.bridges import bridge, source
from tests.fakes.clock import START
from tests.fakes.commands import RecordingAlarmActions
from tests.fakes.history import FakeHistory
from tests.fakes.plant import event, reading
from tests.ui.screen_text import press, screen_text, settle

NAMES = (
    "[/x]",
    "[@click=app.quit]go[/]",
    "a\x1b[2Jb",
    "l\u202ertl",
    "line\nbreak",
    "\x9bc1",
    "[bold red]",
    "日本語センサー",
    "",
)
SIZE = (120, 40)


def hostile_plant() -> PlantState:
    state = PlantState()
    for number, name in enumerate(NAMES):
        name = name or "x" * 128
        place = Location(name[:40], name[:40], name[:40])
        value = reading(name, "temperature", place, 20.0 + number, START)
        for _ in range(3):
            state.apply_reading(value, seen_at=START.timestamp(), simulated=True)
        spec = SensorSpec(sensor_id=name, sensor_type=name, location=place)
        fault = FaultSpec(fault_id="f", fault=name, start=START)
        state.apply_status(
            SensorStatus(sensor_id=name, state="running", timestamp=START, owner=name, spec=spec, faults=(fault,)), name
        )
        state.apply_alarm(event(name, name, START, message=name, unit=name, value=1.0, severity="critical"))
    return state


def hostile_bridges() -> BridgesView:
    now = START.timestamp()
    names = [name or "x" * 128 for name in NAMES]
    sources = [source(name, now, kind=name, error=name, connected_since=None) for name in names]
    made = [bridge(name, now, host=name, spool_error=name, dropped=1, sources=tuple(sources)) for name in names]
    return BridgesView(now, tuple(BridgeView(one, "lost" if one.name == "c1" else "runs") for one in made))


def assert_harmless(text: str) -> None:
    bad = {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}} - {"\n"}
    assert not bad


@pytest.mark.parametrize(
    "keys", [(), ("t",), ("2",), ("4",), ("enter",), ("i",), ("x",), ("n",), ("slash", "x"), ("v",), ("d",), ("v", "X")]
)
async def test_hostile_names_are_literal_on_every_screen(make_app, keys):
    app = make_app(hostile_plant())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, *keys)
        assert_harmless(screen_text(app))
        assert app.is_running


@pytest.mark.parametrize(
    "keys", [("2", "h"), ("2", "S"), ("2", "m"), ("2", "s"), ("2", "A"), ("1", "r"), ("1", "enter"), ("v",), ("d",)]
)
async def test_what_the_database_says_is_literal_too(make_app, clock, keys):
    state = hostile_plant()
    app = make_app(state, alarms=RecordingAlarmActions(), history=FakeHistory(state, clock))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, *keys)
        assert_harmless(screen_text(app))
        assert app.is_running


async def test_hostile_names_can_be_read(make_app):
    app = make_app(hostile_plant())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        text = screen_text(app)
        for shown in ("[/x]", "[@click=app.quit]go[/]", "a␛[2Jb", "l\ufffdrtl", "line␊break", "\ufffdc1", "[bold red]"):
            assert shown in text


async def test_a_click_on_a_name_that_is_a_link_does_nothing_but_select(make_app):
    app = make_app(hostile_plant())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for y in range(2, 30, 2):
            await pilot.click(offset=(8, y))
        assert app.is_running


async def test_the_palette_finds_hostile_names_without_reading_markup(make_app):
    app = make_app(hostile_plant())
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "colon", "x")
        await app.workers.wait_for_complete()
        await settle(pilot)
        assert "[/x]" in screen_text(app)
        assert_harmless(screen_text(app))


async def test_ascii_screens_are_ascii_whatever_the_names(make_app):
    app = make_app(hostile_plant(), ascii=True)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for keys in (
            (),
            ("2",),
            ("3",),
            ("4",),
            ("enter",),
            ("escape", "n"),
            ("escape", "question_mark"),
            ("escape", "colon"),
        ):
            await press(pilot, *keys)
            assert screen_text(app).isascii(), keys


async def test_hostile_names_of_bridges_and_sources_are_literal(make_app):
    state = PlantState()
    state.apply_bridges(hostile_bridges())
    app = make_app(state)
    async with app.run_test(size=(120, 200)) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        text = screen_text(app)
        assert_harmless(text)
        assert "[@click=app.quit]go[/]" in text
        assert app.is_running
