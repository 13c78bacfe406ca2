"""How a table is written, as far as the user says so, and what is raised where neither user nor file tells."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

#: How the option --decimal names the signs.
DECIMAL_SIGNS = {"point": ".", "comma": ","}
#: How the option --delimiter names what it may not be easy to type.
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|", "pipe": "|", "space": " "}
#: Units of times that are numbers since 1970: how many come to a second.
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


class Undecided(ValueError):
    """What is written may be read in more than one way; the hint names the option that decides."""

    def __init__(self, message: str, *, hint: str, text: str) -> None:
        super().__init__(f"{message}: {hint}")
        self.message = message
        self.hint = hint
        #: the cell that may be read in more than one way
        self.text = text


@dataclass(frozen=True, slots=True)
class Form:
    """What the user says of a table; what is None or empty is found out from the table.

    Attributes:
        delimiter: what stands between the columns, one character.
        decimal: the decimal sign, "." or ",".
        encoding: a name that Python's codecs know.
        time_format: of `datetime.strptime`; or a unit of `UNITS`.
        zone: where times are from that do not say it; None: UTC.
        time_columns: the column of the times, or those of date and time of day.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    time_format: str | None = None
    zone: ZoneInfo | None = None
    time_columns: tuple[str, ...] = ()


def delimiter_of(text: str) -> str:
    r"""A delimiter as an option names it.

    >>> [delimiter_of(text) for text in (";", "tab", "\\t", "comma")]
    [';', '\t', '\t', ',']

    Raises:
        ValueError: it is neither one character nor a name.
    """
    found = DELIMITERS.get(text.lower(), text)
    if len(found) != 1 or found in '"\r\n':
        raise ValueError(f"{text!r} is neither one character nor one of {', '.join(sorted(DELIMITERS))}")
    return found


def encoding_of(text: str) -> str:
    """An encoding as an option names it.

    Raises:
        ValueError: there is none of this name that is of text.
    """
    try:
        codecs.lookup(text)
        "".encode(text)
    except (LookupError, ValueError, TypeError):
        raise ValueError(f"there is no encoding {text!r}; usual ones: utf-8, utf-16, cp1252, latin-1") from None
    return text


def time_format_of(text: str) -> str:
    """A format of times as an option names it.

    Raises:
        ValueError: it is neither a unit nor a format that names at least a day.
    """
    if text in UNITS:
        return text
    day = datetime(2026, 11, 23, 13, 45, 56, tzinfo=UTC)
    try:
        same = datetime.strptime(day.strftime(text), text)  # noqa: DTZ007 - a format need not name the zone
    except ValueError:
        same = None
    if same is None or same.date() != day.date():
        raise ValueError(f"{text!r} is neither {', '.join(UNITS)} nor a format of a date, as %d.%m.%Y %H:%M:%S")
    return text


def zone_of(text: str) -> ZoneInfo:
    """A time zone as an option names it.

    Raises:
        ValueError: there is none of this name.
    """
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError):  # a zone that is not found is a KeyError, a directory an OSError
        raise ValueError(f"there is no time zone {text!r}; they are named as Europe/Berlin") from None
