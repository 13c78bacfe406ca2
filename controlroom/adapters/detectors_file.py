"""The file that says how each type of sensor is watched."""

from __future__ import annotations

from pathlib import Path

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
