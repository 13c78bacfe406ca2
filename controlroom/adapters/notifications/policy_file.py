"""The file that says who is told of alarms: read at the start, and again when it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from controlroom.adapters.files.followed_file import LOOK_S, follow_file
from controlroom.adapters.notifications.sender import AppriseSender
from controlroom.core.alarms.policy import Policy, parse_policy
from controlroom.errors import ConfigError


def load_policy(path: Path | None) -> Policy:
    """Who is told of alarms, from `path`; nobody without one.

    Raises:
        ConfigError: it cannot be read or is wrong.
    """
    if path is None:
        return Policy()
    try:
        return parse_policy(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}", hint="check the setting notify_file") from None


async def follow_policy(
    path: Path | None, policy: Policy, adopt: Callable[[Policy, AppriseSender], None], *, look_s: float = LOOK_S
) -> None:
    """Adopt the policy of `path` with its sender when it is another than `policy`, and than the last one.

    A receiver that could not be sent to (no such environment variable, a URL that is none) makes the file wrong.
    """
    last = policy

    def load(path: Path) -> tuple[Policy, AppriseSender]:
        found = load_policy(path)
        return found, AppriseSender(found)

    def take(found: tuple[Policy, AppriseSender]) -> None:
        nonlocal last
        if found[0] != last:
            last = found[0]
            adopt(*found)

    await follow_file(path, load, take, "the rules of who is told of alarms", look_s=look_s)
