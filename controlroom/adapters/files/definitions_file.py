"""The file of alarm definitions: read at the start, and again when it changes, with no alarm's state lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from controlroom.adapters.files.followed_file import LOOK_S, follow_file
from controlroom.core.alarms.definitions import Definitions, parse_definitions
from controlroom.errors import ConfigError


def load_definitions(path: Path | None) -> Definitions:
    """The alarm definitions in `path`, or the built-in ones.

    Raises:
        ConfigError: it cannot be read or is wrong.
    """
    if path is None:
        return Definitions()
    try:
        return parse_definitions(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}", hint="check --alarms") from None


async def follow(
    path: Path | None,
    definitions: Definitions,
    *,
    look_s: float = LOOK_S,
    on_change: Callable[[], None] = lambda: None,
) -> None:
    """Let `definitions` say what `path` says, until cancelled; while it is wrong or away they stay as they were.

    `on_change` is told when they say something new.
    """

    def adopt(found: Definitions) -> None:
        definitions.adopt(found)
        on_change()

    await follow_file(path, load_definitions, adopt, "the alarm definitions", look_s=look_s)
