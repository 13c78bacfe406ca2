"""From the section `[ui]` of the configuration to options of the terminal program."""

from __future__ import annotations

from controlroom.config import UiSettings
from controlroom.ui.options import before_textual


def from_settings(ui: UiSettings) -> dict[str, object]:
    """What the configuration's section `[ui]` says, as options; what it leaves open is None.

    Raises:
        ConfigError: a key or a theme is not one.
    """
    before_textual()
    from controlroom.ui.keymap import check_keymap, check_theme

    return {
        "theme": check_theme(ui.theme),
        "refresh_rate": ui.refresh_rate,
        "ascii": ui.ascii,
        "mouse": ui.mouse,
        "bell": ui.bell,
        "keymap": check_keymap(ui.keymap) or None,
    }
