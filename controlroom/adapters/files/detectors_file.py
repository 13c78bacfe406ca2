"""The file that says how each type of sensor is watched: read at the start, and again when it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from controlroom.adapters.files.followed_file import LOOK_S, follow_file
from controlroom.core.profiles import Profiles, parse_profiles
from controlroom.errors import ConfigError


def load_profiles(path: Path | None) -> Profiles:
    """What `path` says, or what is usual.

    Raises:
        ConfigError: it cannot be read or is wrong; names the type and the key.
    """
    if path is None:
        return Profiles()
    try:
        return parse_profiles(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}", hint="check the setting detectors_file") from None


async def follow_profiles(
    path: Path | None, profiles: Profiles, *, look_s: float = LOOK_S, on_change: Callable[[], None] = lambda: None
) -> None:
    """Let `profiles` say what `path` says, until cancelled; while it is wrong or away they stay as they were.

    `on_change` is told when they say something new.
    """

    def adopt(found: Profiles) -> None:
        if profiles.adopt(found):
            on_change()

    await follow_file(path, load_profiles, adopt, "the settings of detectors", look_s=look_s)
