"""The file of alarm definitions: read at the start, and again when it changes, with no alarm's state lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from controlroom.core.alarms.definitions import Definitions, parse_definitions
from controlroom.errors import ConfigError

log = logging.getLogger(__name__)

#: It is looked at this often.
LOOK_S = 2.0


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
    seen: tuple[int, int, int] | None = None  # so that it is read once more: it may have changed since it was loaded
    while True:
        await asyncio.sleep(look_s)
        now = _mark(path)
        if now == seen or now is None:
            continue
        first, seen = seen is None, now
        try:
            definitions.adopt(load_definitions(path))
        except ConfigError as error:
            log.warning("the alarm definitions stay as they were: %s", error)
        else:
            on_change()
            level = logging.DEBUG if first else logging.INFO
            log.log(level, "the alarm definitions in %s count from now on", path)


def _mark(path: Path | None) -> tuple[int, int, int] | None:
    """What tells one version of the file from another; None while there is no file."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found is not None else None
