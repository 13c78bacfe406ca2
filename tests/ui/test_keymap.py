"""Other keys: checked before the screen opens, and then they do what the old ones did."""

from __future__ import annotations

import pytest

from controlroom.errors import ConfigError
from controlroom.ui.keymap import binding_ids, check_keymap, check_theme
from controlroom.ui.screens.alarms import AlarmsScreen
from controlroom.ui.screens.help import Help
from tests.ui.screen_text import press, screen_text, settle

SIZE = (80, 24)


@pytest.mark.parametrize(
    ("keymap", "said"),
    [
        ({"alarm.akk": "f"}, "no binding 'alarm.akk': is 'alarm.ack' meant"),
        ({"wholly.other": "f"}, "`controlroom config keys`"),
        ({"alarm.ack": "ctrl+s"}, "stops the terminal's output"),
        ({"app.quit": "ctrl+z"}, "suspends"),
        ({"alarm.ack": "f5"}, "take function keys"),
        ({"alarm.ack": "wibble"}, "'wibble' is no key"),
        ({"alarm.ack": "hyper+x"}, "is no key"),
        ({"alarm.ack": ""}, "is no key"),
        ({"alarm.ack": "f,,k"}, "is no key"),
        ({"screen.alarms": "y"}, "both alarm.why and screen.alarms on the alarm screen"),
        ({"alarm.ack": "/"}, "both alarm.ack and list.filter on the overview screen"),
        ({"app.help": "j"}, "move.down"),
    ],
)
def test_what_would_not_work_is_refused(keymap, said):
    with pytest.raises(ConfigError) as refusal:
        check_keymap(keymap)
    assert said in str(refusal.value)


def test_characters_get_the_names_that_textual_has_for_them():
    assert check_keymap({"app.help": "!", "alarm.ack": "z, ctrl+k"}) == {
        "app.help": "exclamation_mark",
        "alarm.ack": "z,ctrl+k",
    }


def test_two_keys_may_change_places():
    swapped = {"sensor.pause": "i", "sensor.inject": "p"}
    assert check_keymap(swapped) == swapped


def test_every_id_is_there_once_and_names_its_group():
    ids = binding_ids()
    assert {
        "screen.overview",
        "app.quit",
        "move.down",
        "alarm.ack",
        "alarm.why",
        "sensor.inject",
        "broker.kill",
    } <= ids.keys()
    assert all("." in binding_id for binding_id in ids)


def test_a_theme_is_one_of_ours():
    assert check_theme("grey-light") == "grey-light"
    assert check_theme(None) is None
    with pytest.raises(ConfigError, match="high-contrast"):
        check_theme("pink")


async def test_the_new_key_does_it_the_old_one_does_not_and_the_help_says_so(make_app):
    app = make_app(keymap=check_keymap({"screen.alarms": "Y", "app.help": "!"}))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "2")
        assert not isinstance(app.screen, AlarmsScreen)
        await press(pilot, "Y")
        assert isinstance(app.screen, AlarmsScreen)
        await press(pilot, "question_mark")
        assert not isinstance(app.screen, Help)
        await press(pilot, "exclamation_mark")
        assert isinstance(app.screen, Help)
        assert " Y  Alarms" in screen_text(app)
