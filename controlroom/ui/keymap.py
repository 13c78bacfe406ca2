"""Other keys for bindings, checked before the screen opens: nobody must find out by a key that does nothing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from textual.binding import Binding, BindingType
from textual.keys import Keys, _character_to_key

from controlroom.errors import ConfigError
from controlroom.ui import bindings
from controlroom.ui.key_index import declared
from controlroom.ui.screens.alarm import AlarmScreen
from controlroom.ui.screens.alarms import AlarmsScreen
from controlroom.ui.screens.cluster import ClusterScreen
from controlroom.ui.screens.confirm import Confirm
from controlroom.ui.screens.form_screen import FormScreen
from controlroom.ui.screens.handover import HandoverScreen
from controlroom.ui.screens.help import Help
from controlroom.ui.screens.machine import MachineScreen
from controlroom.ui.screens.overview import OverviewScreen
from controlroom.ui.screens.sensor import SensorScreen
from controlroom.ui.screens.simulator import SimulatorScreen
from controlroom.ui.screens.trends import TrendScreen
from controlroom.ui.theme import THEMES
from controlroom.ui.widgets.choice import Choice

#: taken before they reach the program, or used by every program for something else
_TAKEN = {
    "ctrl+s": "it stops the terminal's output",
    "ctrl+q": "it starts the terminal's output again",
    "ctrl+b": "tmux takes it",
    "ctrl+a": "screen takes it",
    "ctrl+c": "it interrupts",
    "ctrl+z": "it suspends",
    "ctrl+i": "terminals send it for Tab",
    "ctrl+m": "terminals send it for Enter",
    "ctrl+h": "terminals send it for Backspace",
    "ctrl+left_square_bracket": "terminals send it for Esc",
}
_FUNCTION_KEY = re.compile(r"f\d{1,2}")
_NAMES = {key.value for key in Keys}
_WORD = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")

_SCREENS = (
    OverviewScreen,
    AlarmsScreen,
    AlarmScreen,
    HandoverScreen,
    ClusterScreen,
    SimulatorScreen,
    SensorScreen,
    TrendScreen,
    MachineScreen,
)
_DIALOGS = (Confirm, FormScreen, Help, Choice)


def binding_ids() -> dict[str, Binding]:
    """Every binding that has an id, by it."""
    found: dict[str, Binding] = {}
    own = (_own(cls) for cls in (*_SCREENS, *_DIALOGS))
    for group in (bindings.APP, bindings.REPLAY, bindings.TOUR, bindings.MOVE, bindings.TREE, *own):
        for binding in group:
            if isinstance(binding, Binding) and binding.id:
                found.setdefault(binding.id, binding)
    return found


def check_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """The keymap as Textual takes it, if every id is one of ours and every key can be typed and means one thing.

    A key is a character (`x`, `X`, `/`), Textual's name of one (`slash`), or one with `ctrl+`, `alt+` or `shift+`.

    Raises:
        ConfigError: names the id or the key, and what is wrong with it.
    """
    known = binding_ids()
    checked: dict[str, str] = {}
    for binding_id, keys in keymap.items():
        if binding_id not in known:
            close = difflib.get_close_matches(binding_id, known, n=1)
            hint = f"is {close[0]!r} meant?" if close else "`controlroom config keys` lists all"
            raise ConfigError(f"ui.keymap: there is no binding {binding_id!r}", hint=hint)
        named = [_named(key) for key in _split(keys)]
        for key in named:
            _check_key(binding_id, key)
        checked[binding_id] = ",".join(named)
    for screen in _SCREENS:
        name = screen.__name__.removesuffix("Screen").lower()
        _check_clashes(name, [*_own(screen), *bindings.APP, *bindings.REPLAY, *bindings.TOUR], checked)
    # The overview as a tree has no keys that move sideways, but keys that open and close in their place.
    as_tree = [binding for binding in _own(OverviewScreen) if binding not in bindings.MOVE]
    in_all = (*bindings.ROWS, *bindings.TREE, *bindings.APP, *bindings.REPLAY, *bindings.TOUR)
    _check_clashes("overview", [*as_tree, *in_all], checked)
    return checked


def check_theme(name: str | None) -> str | None:
    """The theme, if there is one of that name.

    Raises:
        ConfigError: there is none; names those that there are.
    """
    names = [theme.name for theme in THEMES]
    if name is not None and name not in names:
        raise ConfigError(f"ui.theme: there is no theme {name!r}", hint=f"one of {', '.join(names)}")
    return name


def _own(cls: type) -> list[BindingType]:
    """The bindings of a screen or widget and of what it is derived from; of a list screen also those of its list."""
    found: list[BindingType] = list(declared(cls))
    if cls is OverviewScreen:
        return [*found, *bindings.MOVE]
    return [*found, *bindings.ROWS] if hasattr(cls, "listed") else found


def _split(keys: str) -> list[str]:
    return [key.strip() for key in keys.split(",")]


def _check_key(binding_id: str, key: str) -> None:
    *modifiers, name = key.split("+")
    if not key or not all(modifier in {"ctrl", "shift", "alt"} for modifier in modifiers):
        raise ConfigError(f"ui.keymap: {binding_id}: {key!r} is no key", hint="as in 'x', 'X', 'ctrl+k', 'slash'")
    if key in _TAKEN:
        raise ConfigError(f"ui.keymap: {binding_id}: {key} cannot be used", hint=_TAKEN[key])
    if _FUNCTION_KEY.fullmatch(name):
        raise ConfigError(f"ui.keymap: {binding_id}: {key} cannot be used", hint="many terminals take function keys")
    if len(name) > 1 and name not in _NAMES and not (_WORD.fullmatch(name) and _is_character(name)):
        raise ConfigError(f"ui.keymap: {binding_id}: {key!r} is no key", hint="as in 'x', 'X', 'ctrl+k', 'slash'")


def _named(key: str) -> str:
    return _character_to_key(key) if len(key) == 1 and not key.isalnum() else key


def _is_character(name: str) -> bool:
    """Whether it is the name of one character, as Textual spells it: `question_mark`, `left_square_bracket`."""
    return any(_character_to_key(chr(code)) == name for code in range(33, 127))


def _check_clashes(screen: str, on_it: Iterable[BindingType], keymap: Mapping[str, str]) -> None:
    used: dict[str, str] = {}
    for binding in on_it:
        if not isinstance(binding, Binding) or not binding.id:
            continue
        for key in _split(keymap.get(binding.id, binding.key)):
            other = used.setdefault(key, binding.id)
            if other != binding.id and {other, binding.id} & keymap.keys():
                both = " and ".join(sorted((other, binding.id)))
                raise ConfigError(
                    f"ui.keymap: {key!r} would be both {both} on the {screen} screen",
                    hint="give one of them another key",
                )
