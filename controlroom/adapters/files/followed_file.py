"""A file that is looked at again and again while a program runs: a change counts at once, and what is wrong never."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from controlroom.errors import ConfigError

log = logging.getLogger(__name__)

T = TypeVar("T")

#: It is looked at this often.
LOOK_S = 2.0


async def follow_file(
    path: Path | None, load: Callable[[Path], T], adopt: Callable[[T], None], what: str, *, look_s: float = LOOK_S
) -> None:
    """Adopt what `path` says whenever it has changed, until cancelled; while it is wrong or away, nothing.

    Args:
        path: None: there is no file, and nothing is ever adopted.
        load: reads it, on a thread; raises ConfigError.
        adopt: takes what was read, in this loop; it is called once for what was there at the start.
        what: the file's contents, for the log, as in "the alarm definitions".
        look_s: seconds between two looks.
    """
    seen: tuple[int, int, int] | None = None  # so that it is read once more: it may have changed since it was loaded
    while True:
        await asyncio.sleep(look_s)
        now = _mark(path)
        if path is None or now is None or now == seen:
            continue
        first, seen = seen is None, now
        try:
            adopt(await asyncio.to_thread(load, path))
        except ConfigError as error:
            log.warning("%s stay as they were: %s", what, error)
        else:
            log.log(logging.DEBUG if first else logging.INFO, "%s in %s count from now on", what, path)


def _mark(path: Path | None) -> tuple[int, int, int] | None:
    """What tells one version of the file from another; None while there is no file."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found is not None else None
