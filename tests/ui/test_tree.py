"""The overview as a tree: what it shows, where keys lead, and what they do to all that lies below a node."""

from __future__ import annotations

import pytest

from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.plant_state import PlantState
from controlroom.ui.screens.sensor import SensorScreen
from controlroom.ui.widgets.plant_tree import PlantTreeView
from controlroom.ui.widgets.sensor_grid import SensorGrid
from controlroom.wire import Location
from tests.fakes.history import group_event
from tests.fakes.plant import event, reading, sensor_id
from tests.ui.screen_text import press, screen_lines, screen_text, settle
from tests.ui.test_alarm_actions import type_text
from tests.ui.test_hostile import assert_harmless, hostile_plant

SIZE = (80, 24)
#: of the fake plant: zone-a has sensors 1 to 5, of which 1 has a critical alarm and 3 one that went away un-acked
ZONE_A = tuple(sensor_id(number) for number in (1, 2, 3, 4, 5))


def tree_of(app) -> PlantTreeView:
    return app.screen_stack[0].query_one(PlantTreeView)


def rows_of(app) -> list[str]:
    """The labels of the rows, each further in than what it is part of."""
    tree = tree_of(app)
    items = [tree.item(key) for key in tree.keys]
    return [" " * item.depth + item.label for item in items]


def selected(app) -> str:
    tree = tree_of(app)
    return tree.item(tree.selected).label


def big_plant(clock, sensors: int) -> PlantState:
    """Ten sensors a machine, ten machines a zone, two zones a section: all is well."""
    state = PlantState()
    for number in range(sensors):
        machine = number // 10
        place = Location(f"section-{machine // 20}", f"machine-{machine:03d}", f"zone-{machine // 10}")
        for _ in range(3):
            new = reading(f"temp-{number:04d}", "temperature", place, 21.0, clock.at)
            state.apply_reading(new, seen_at=clock.at.timestamp(), simulated=True)
    return state


async def test_a_key_turns_the_overview_between_flat_and_tree(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "T Tree" in screen_text(app)
        await press(pilot, "T")
        assert rows_of(app) == ["production", " zone-a", " zone-b", " zone-c"]
        assert app.focused is tree_of(app)
        await press(pilot, "T")
        assert app.focused is app.screen.query_one(SensorGrid)
        assert "■ temp-sensor-001 temperature" in screen_lines(app)[2]


async def test_a_row_tells_what_is_the_case_below_it(app):
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "T")
        head, top, zone_a, zone_b, zone_c = (line.rstrip() for line in screen_lines(app)[2:7])
        assert " ".join(head.split()) == "active waits plant high med low silent bad sensors worst first"
        # Active, waiting; a fault below; one of high priority, four of medium; two silent; fifteen sensors.
        assert top[1:].split()[:11] == ["■", "CRIT", "■", "CRIT", "▾", "production", "SIM", "1", "4", "2", "15"]
        assert zone_a.split()[:8] == ["■", "CRIT", "■", "CRIT", "▸", "zone-a", "1", "1"]
        assert zone_b.split()[:9] == ["▲", "WARN", "▲", "WARN", "▸", "zone-b", "SIM", "2", "1"]
        # Its alarm is acknowledged: nothing waits.
        assert zone_c.split()[:6] == ["▲", "WARN", "▸", "zone-c", "1", "1"]
        assert "production  15 sensors  4 wait  worst: temp-sensor-001 43.63 °C" in screen_text(app)


async def test_nodes_open_and_close(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "down", "right")
        assert rows_of(app) == ["production", " zone-a", "  machine-001", "  machine-002", " zone-b", " zone-c"]
        assert selected(app) == "zone-a"
        await press(pilot, "right")
        assert selected(app) == "machine-001"
        await press(pilot, "right", "right")
        assert selected(app) == sensor_id(1)
        await press(pilot, "left")
        assert selected(app) == "machine-001"
        await press(pilot, "left")
        assert rows_of(app) == ["production", " zone-a", "  machine-001", "  machine-002", " zone-b", " zone-c"]
        await press(pilot, "left", "left")
        assert selected(app) == "zone-a"
        assert rows_of(app) == ["production", " zone-a", " zone-b", " zone-c"]
        await press(pilot, "left", "left", "left")
        assert rows_of(app) == ["production"]


@pytest.mark.parametrize("victim", [0, 437, 999])
async def test_a_fault_in_one_of_a_thousand_sensors_is_found_from_the_top_in_three_keys(make_app, clock, victim):
    state = big_plant(clock, 1_000)
    app = make_app(state)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T")
        assert len(rows_of(app)) == 5
        name = f"temp-{victim:04d}"
        state.apply_alarm(event(name, "limit", clock.at, severity="critical"))
        await settle(pilot)
        section = f"section-{victim // 200}"
        line = next(line for line in screen_lines(app) if section in line)
        assert "■ CRIT ■ CRIT ▸" in line, "seen from the top at the next tick, though all is closed"
        clock.move(1)  # many sensors are sorted once a second
        await settle(pilot)
        assert rows_of(app)[0] == section
        await press(pilot, "g", "enter", "enter")
        assert selected(app).startswith("machine-")
        await press(pilot, "enter")
        assert selected(app) == name
        assert any(line.startswith("▌■ CRIT ■ CRIT") and name in line for line in screen_lines(app))


async def test_or_with_the_key_for_the_next_critical_one(make_app, clock):
    state = big_plant(clock, 1_000)
    app = make_app(state)
    async with app.run_test(size=SIZE) as pilot:
        state.apply_alarm(event("temp-0437", "limit", clock.at, severity="critical"))
        await settle(pilot)
        await press(pilot, "T", "e", "enter")
        assert isinstance(app.screen, SensorScreen)
        assert app.screen.sensor_id == "temp-0437"
        await press(pilot, "escape", "w")
        assert "nothing here is WARN" in screen_text(app)


async def test_the_cursor_stays_on_its_row_when_trouble_moves(make_app, clock):
    state = big_plant(clock, 1_000)
    app = make_app(state)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "j", "right", "j")
        assert selected(app) == "zone-2"
        before = tree_of(app).keys.index(tree_of(app).selected)
        state.apply_alarm(event("temp-0999", "limit", clock.at))
        clock.move(1)
        await settle(pilot)
        assert selected(app) == "zone-2"
        assert tree_of(app).keys.index(tree_of(app).selected) == before + 1


async def test_silence_is_seen_as_time_passes(make_app, clock):
    state = big_plant(clock, 100)
    app = make_app(state)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T")
        clock.move(60)
        await settle(pilot)
        assert screen_lines(app)[3].split()[:4] == ["▌", "▾", "section-0", "100"]


async def test_a_filter_keeps_the_way_to_what_passes(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "slash", *"vib", "enter")
        assert rows_of(app)[:4] == ["production", " zone-a", "  machine-001", f"   {sensor_id(2)}"]
        assert "3 of 15" in screen_text(app)
        assert "1/5" in next(line for line in screen_lines(app) if "zone-c" in line)
        await press(pilot, "G", "enter")
        assert isinstance(app.screen, SensorScreen), "the keys are the list's after Enter"
        await press(pilot, "escape", "slash", "escape")
        assert rows_of(app) == ["production", " zone-a", " zone-b", " zone-c"]


async def test_a_list_that_is_held_still_opens_and_goes_on_being_held(app, state, clock):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "equals_sign", "G", "right")
        held = rows_of(app)
        assert held[-1].strip().startswith("machine-")
        state.apply_alarm(event(sensor_id(14), "limit", clock.at, severity="critical"))
        await settle(pilot)
        assert rows_of(app) == held
        assert "FROZEN  0 new" in screen_text(app)
        await press(pilot, "equals_sign")
        assert rows_of(app) != held


async def test_another_order(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "down", "right", "right", "right", "t")
        assert "by name" in screen_lines(app)[2]
        assert rows_of(app)[3:6] == [f"   {name}" for name in sorted(sensor_id(n) for n in (1, 2, 3))]


# --- orders to all that lies below


async def test_acknowledging_a_node_asks_with_the_count(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "down", "a")
        assert "Acknowledge 2 alarms of zone-a?" in screen_text(full_app)
        assert "Critical: 1." in screen_text(full_app)
        await press(pilot, "n")
        assert actions.actions == []
        await press(pilot, "a", "y")
    ((name, *seen),) = actions.actions
    assert name == "ack_page"
    assert {(alarm[0], alarm[3]) for alarm in seen} == {(sensor_id(1), 2), (sensor_id(3), 2)}


async def test_an_ack_is_of_what_was_drawn(full_app, actions, state, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "e")
        # It has become worse, and the screen has not been drawn since.
        state.apply_alarm(event(sensor_id(1), "limit", clock.at, severity="critical", version=7))
        await pilot.press("a")
    assert actions.actions == [("ack", sensor_id(1), "limit", f"{sensor_id(1)}/limit", 2)]


async def test_marks_count_and_stand_for_all_below_once(full_app, actions, learning):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "down", "right", "space", "space")
        assert "2 marked: 5 sensors" in screen_text(full_app), "a zone and one of its machines"
        await press(pilot, "M")
        assert "MAINTENANCE  5 sensors" in screen_text(full_app)
        await type_text(pilot, "new bearings")
        await press(pilot, "enter")
        assert "A maintenance window for 5 sensors of the 2 marked?" in screen_text(full_app)
        assert learning.orders == []
        await press(pilot, "y")
        assert "marked" not in screen_text(full_app)
    ((what, *rest),) = learning.orders
    assert what == "maintenance"
    assert set(rest[:5]) == set(ZONE_A)
    assert rest[5:][-1] == "new bearings"


async def test_shelving_a_node_asks_after_the_form(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "down", "s")
        assert "SHELVE  2 alarms" in screen_text(full_app)
        await type_text(pilot, "start-up")
        await press(pilot, "enter")
        assert "Shelve 2 alarms of zone-a?" in screen_text(full_app)
        await press(pilot, "n")
        assert actions.actions == []
        await press(pilot, "s")
        await type_text(pilot, "start-up")
        await press(pilot, "enter", "y")
    assert {action[:3] for action in actions.actions} == {
        ("shelve", sensor_id(1), "limit"),
        ("shelve", sensor_id(3), "spike"),
    }


async def test_a_node_goes_out_of_service_and_comes_back(full_app, actions, state, clock):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "down", "o")
        await type_text(pilot, "rebuilt")
        await press(pilot, "enter")
        assert "Take out of service 2 alarms of zone-a?" in screen_text(full_app)
        await press(pilot, "y")
        assert [action[0] for action in actions.actions] == ["out_of_service"] * 2
        state.apply_alarm(event(sensor_id(1), "limit", clock.at, state="OUT_OF_SERVICE", version=9))
        state.apply_alarm(event(sensor_id(3), "spike", clock.at, state="SHELVED", version=9))
        await settle(pilot)
        assert "2 suppressed" in screen_text(full_app)
        actions.actions.clear()
        await press(pilot, "o")
        assert f"Return to service {sensor_id(1)} limit of zone-a?" in screen_text(full_app)
        await press(pilot, "y", "u", "y")
    assert actions.actions == [("return_to_service", sensor_id(1), "limit"), ("unshelve", sensor_id(3), "spike")]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("a", "no alarm waits for an acknowledgement"),
        ("s", "no alarm can be shelved"),
        ("u", "no alarm is shelved"),
        ("o", "no alarm stands that could be taken out of service"),
    ],
)
async def test_where_there_is_nothing_to_act_on_it_says_so(make_app, clock, actions, key, said):
    app = make_app(big_plant(clock, 10), alarms=actions)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", key)
        assert f"section-0: {said}" in screen_text(app)
    assert actions.actions == []


async def test_with_a_filter_a_node_stands_for_what_passes(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "slash", *"energy", "enter", "g", "a")
        assert "Acknowledge 2 alarms of production?" in screen_text(full_app)
        await press(pilot, "y")
    assert {seen[0] for seen in actions.actions[0][1:]} == {sensor_id(3), sensor_id(8)}


@pytest.mark.parametrize(
    ("keys", "asked", "ordered"),
    [
        (("p",), "Pause 5 sensors of zone-a?", "pause"),
        (("x",), "Remove 5 sensors?", "remove"),
        (("i", "enter"), "Inject the fault into 5 sensors of zone-a?", "inject"),
        (("r", "end", "backspace", "7", "enter"), "Change the rate of 5 sensors of zone-a?", "rerate"),
    ],
)
async def test_orders_to_sensors_go_to_all_of_a_node_after_a_question(full_app, commands, keys, asked, ordered):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "down", *keys)
        assert asked in screen_text(full_app)
        assert commands.orders == []
        await press(pilot, "y")
    assert [(order[0], order[1]) for order in commands.orders if order[1] in ZONE_A] == [
        (ordered, name) for name in (order[1] for order in commands.orders)
    ]
    assert {order[1] for order in commands.orders} == set(ZONE_A)


async def test_a_silent_zone_is_on_its_row_and_is_acknowledged_with_it(full_app, actions, state, clock):
    state.apply_alarm(group_event(clock.at))
    async with full_app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "T", "down")
        assert selected(full_app) == "zone-a"
        await press(pilot, "e")
        await press(pilot, "e")
        assert selected(full_app) == "zone-c"
        assert "itself: 3 of 5 sensors of zone:zone-c are silent" in screen_text(full_app)
        await press(pilot, "a", "y")
    assert actions.actions[0][1][:2] == ("zone:zone-c", GROUP_KIND)


async def test_who_may_only_look_has_no_key_that_acts(make_app, actions):
    app = make_app(read_only=True, alarms=actions)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "down", "a", "s", "o", "u", "M", "p", "x", "space")
        assert screen_text(app).count("zone-a") == 2, "its row, and the status line: no form, no question"
        assert "marked" not in screen_text(app)
        assert "Ack" not in screen_lines(app)[-1]
    assert actions.actions == []


async def test_the_flat_list_has_no_keys_for_alarms(full_app, actions):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "a", "o")
        assert "Ack" not in screen_lines(full_app)[-1]
    assert actions.actions == []


# --- what it looks like


async def test_the_help_of_the_tree_fits(full_app):
    async with full_app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "question_mark")
        text = screen_text(full_app)
        for said in ("→ ←  Open, close", "T  Tree", "a  Ack", "o  Out of service", "never shown as zero"):
            assert said in text


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_hostile_names_are_literal(make_app, actions, ascii_only):
    app = make_app(hostile_plant(), alarms=actions, ascii=ascii_only)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "T", "slash", "e", "backspace", "escape")
        for _ in range(40):
            await press(pilot, "right", "j")
        await press(pilot, "g")
        text = screen_text(app)
        assert_harmless(text)
        if ascii_only:
            assert text.isascii()
        else:
            for shown in ("[/x]", "[@click=app.quit]go[/]", "a␛[2Jb", "line␊break", "[bold red]"):
                assert shown in text
        await press(pilot, "a")
        assert_harmless(screen_text(app))
        assert app.is_running


async def test_before_the_first_reading_and_without_places(make_app, clock):
    state = PlantState()
    app = make_app(state)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T")
        assert "waiting for the first reading" in screen_text(app)
        await press(pilot, "right", "left", "enter", "space", "e", "a")
        new = reading("lonely", "temperature", Location(), 21.0, clock.at)
        state.apply_reading(new, seen_at=clock.at.timestamp(), simulated=False)
        await settle(pilot)
        assert rows_of(app) == ["lonely"]
        await press(pilot, "enter")
        assert isinstance(app.screen, SensorScreen)


async def test_a_click_selects_and_a_second_opens(app):
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T")
        await pilot.click(offset=(20, 4))
        await settle(pilot)
        assert selected(app) == "zone-a"
        await pilot.click(offset=(20, 4), times=2)
        await settle(pilot)
        assert selected(app) == "machine-001"


async def test_what_is_off_the_screen_is_never_drawn(make_app, clock, monkeypatch):
    state = big_plant(clock, 1_000)
    app = make_app(state)
    drawn: list[str] = []
    draw = PlantTreeView.draw

    def recording(self, key, width, *, selected):
        drawn.append(key)
        return draw(self, key, width, selected=selected)

    monkeypatch.setattr(PlantTreeView, "draw", recording)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "T", "slash", *"temp", "enter")
        visible = set(tree_of(app).visible_keys)
        drawn.clear()
        for number in range(1_000):
            place = state.sensors[f"temp-{number:04d}"].location
            new = reading(f"temp-{number:04d}", "temperature", place, 22.0, clock.at)
            state.apply_reading(new, seen_at=clock.at.timestamp(), simulated=True)
        await settle(pilot)
        assert set(drawn) == visible
        drawn.clear()
        await settle(pilot)
        assert drawn == []
