"""Values, ages and times as an operator reads them."""

from __future__ import annotations

from datetime import UTC, datetime

#: what is not known is said so; it is never shown as zero
UNKNOWN = "?"


def value_text(value: float | None) -> str:
    """A measured value with about four figures.

    >>> [value_text(v) for v in (2.314, 42.48, 1013.25, -0.004, 15000.0, 2.5e9, None)]
    ['2.31', '42.48', '1013.2', '0.00', '15000', '2.5e+09', '?']
    """
    if value is None:
        return UNKNOWN
    size = abs(value)
    if size < 100:
        text = f"{value:.2f}"
    elif size < 10_000:
        text = f"{value:.1f}"
    elif size < 10_000_000:
        text = f"{value:.0f}"
    else:
        return f"{value:.4g}"
    return text.removeprefix("-") if not text.strip("-0.") else text


def quantity_text(value: float | None, unit: str) -> str:
    """A value with its unit.

    >>> quantity_text(42.48, "°C"), quantity_text(1.0, "")
    ('42.48 °C', '1.00')
    """
    return f"{value_text(value)} {unit}".rstrip()


def count_text(count: float | None) -> str:
    """A count or a rate in at most five characters.

    >>> [count_text(n) for n in (0, 12, 9_999, 12_345, 3_400_000, None)]
    ['0', '12', '9999', '12.3k', '3.4M', '?']
    """
    if count is None:
        return UNKNOWN
    if count < 10_000:
        return f"{count:.0f}"
    if count < 999_950:
        return f"{count / 1000:.1f}k" if count < 99_950 else f"{count / 1000:.0f}k"
    return f"{count / 1e6:.1f}M" if count < 99.95e6 else f"{count / 1e6:.0f}M"


def bytes_text(size: float | None) -> str:
    """A size in at most seven characters; units are powers of ten.

    >>> [bytes_text(n) for n in (0, 999, 12_345, 1.5e6, 270_553_174_016, None)]
    ['0 B', '999 B', '12.3 kB', '1.5 MB', '271 GB', '?']
    """
    if size is None:
        return UNKNOWN
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5 or unit == "TB":
            break
    return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"


def duration_text(seconds: float | None) -> str:
    """How long something takes, in two figures or so.

    >>> [duration_text(s) for s in (0.0004, 0.0123, 0.56, 2.5, 75.0, None)]
    ['0.4 ms', '12 ms', '560 ms', '2.5 s', '75 s', '?']
    """
    if seconds is None:
        return UNKNOWN
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.00995 else f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def age_text(seconds: float | None) -> str:
    """How long ago, in at most four characters.

    >>> [age_text(s) for s in (0.2, 59, 61, 3599, 7200, 90_000, 9e7, -5, None)]
    ['0s', '59s', '1m', '59m', '2h', '25h', '999d', '0s', '?']
    """
    if seconds is None:
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m"
    if whole < 48 * 3600:
        return f"{whole // 3600}h"
    return f"{min(whole // 86_400, 999)}d"


def span_text(seconds: float) -> str:
    """A length of time, as it would be said.

    >>> [span_text(s) for s in (5, 90, 600, 5400)]
    ['5 s', '1 min 30 s', '10 min', '1 h 30 min']
    """
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


def clock_text(at: float | None) -> str:
    """The time of day, UTC.

    >>> clock_text(0.0), clock_text(None)
    ('00:00:00', '?')
    """
    return UNKNOWN if at is None else datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def moment_text(at: float, span: float) -> str:
    """A moment on an axis of `span` seconds, UTC, as exactly as it is worth.

    >>> [moment_text(86_399.0, span) for span in (60.0, 21_600.0, 604_800.0)]
    ['23:59:59', '23:59', '01-01 23:59']
    """
    form = "%H:%M:%S" if span <= 7_200.0 else "%H:%M" if span < 86_400.0 else "%m-%d %H:%M"
    return datetime.fromtimestamp(at, UTC).strftime(form)


def date_text(at: float) -> str:
    """Date and time, UTC.

    >>> date_text(0.0)
    '1970-01-01 00:00:00'
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
