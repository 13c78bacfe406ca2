"""Points in time as operators read them."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(at: float | None) -> str:
    """Seconds since the epoch as date and time, UTC; empty for none.

    >>> instant(0.0), instant(None)
    ('1970-01-01 00:00:00', '')
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if at is not None else ""
