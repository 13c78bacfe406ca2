"""Times and durations as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

DURATION_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")


def seconds_of(text: str) -> float:
    """`90s`, `30m`, `8h`, `1d`, or a number, in seconds.

    Raises:
        ValueError: it is no such thing.

    >>> [seconds_of(text) for text in ("90", "90s", "1.5h", "1d")]
    [90.0, 90.0, 5400.0, 86400.0]
    """
    factor = DURATION_UNITS.get(text[-1:], 1)
    return float(text[:-1] if text[-1:] in DURATION_UNITS else text) * factor


def instant_of(text: str, now: datetime) -> datetime:
    """A day, a day and time (UTC unless it names its zone), a time of today, `now`, or how long ago: `8h`.

    Raises:
        ValueError: it is no such thing.

    >>> now = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    >>> for text in ("2026-03-01", "2026-03-01 06:00", "2026-03-01T06:00+01:00", "06:00", "8h", "today"):
    ...     print(instant_of(text, now))
    2026-03-01 00:00:00+00:00
    2026-03-01 06:00:00+00:00
    2026-03-01 05:00:00+00:00
    2026-03-02 06:00:00+00:00
    2026-03-02 06:30:00+00:00
    2026-03-02 00:00:00+00:00
    """
    if text in ("now", ""):
        return now
    if text in ("today", "yesterday"):
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=text == "yesterday")
    if _CLOCK.fullmatch(text):
        text = f"{now.astimezone(UTC).date().isoformat()}T{text:0>5}"
    elif text[-1:] in DURATION_UNITS and text[:-1].replace(".", "", 1).isdigit():
        return now - timedelta(seconds=seconds_of(text))
    found = datetime.fromisoformat(text.replace(" UTC", "Z"))
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)


class Duration(click.ParamType[float]):
    """`90s`, `30m`, `8h`, `1d`, or seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """Seconds."""
        try:
            seconds = seconds_of(str(value).strip().lower())
        except ValueError:
            self.fail(f"{value!r} is not like 90s, 30m, 8h or 1d", param, ctx)
        if not 0 < seconds < 1e9:
            self.fail(f"{value!r} is out of range", param, ctx)
        return seconds


class Instant(click.ParamType[datetime]):
    """See `instant_of`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401
        """An aware datetime, UTC."""
        if isinstance(value, datetime):
            return value
        try:
            return instant_of(str(value).strip(), datetime.now(UTC))
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is no time: 2026-03-01, '2026-03-01 06:00' (UTC), 06:00, 8h (ago), today, yesterday, now",
                param,
                ctx,
            )
