"""Times as people write them: how those of a column are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from controlroom.tabular.dates import moment_of_date
from controlroom.tabular.epochs import NoNumber, float_of, since_1970
from controlroom.tabular.form import UNITS, Form, Undecided
from controlroom.tabular.zones import ZoneClock

#: HH:MM and HH:MM:SS
_CLOCK_LENGTHS = (5, 8)
#: 1.1.2026 without a blank
_LEAST_DATE = 8
_MOST_DAYS = 4096


@dataclass(frozen=True, slots=True)
class TimeRule:
    """How the times of one column are read.

    Attributes:
        form: what the user says.
        decimal: the decimal sign of numbers.
        unit: of numbers since 1970; None: by how large each is.
        day_first: whether the day stands before the month where slashes or hyphens separate them; None: not known.
        rising: whether the times rise (True), fall (False) or neither (None): tells hours apart that are there twice.
        shape: what is tried first: "iso", "calendar" (other dates) or "" (numbers).
    """

    form: Form
    decimal: str = "."
    unit: str | None = None
    day_first: bool | None = None
    rising: bool | None = None
    shape: str = ""

    def clock(self) -> ZoneClock | None:
        """What is needed to read times of a zone; its state is that of one pass over the column."""
        return ZoneClock(self.form.zone, rising=self.rising) if self.form.zone is not None else None

    def reader(self, clock: ZoneClock | None = None) -> Callable[[str], datetime]:
        """Reads the text of a time: a moment, UTC.

        The reader raises `ValueError`: it is no time, or (`Undecided`) may be two.
        """
        written = self._as_written()

        def read(text: str) -> datetime:
            moment = written(text)
            zone = moment.tzinfo
            if zone is UTC:
                return moment
            try:
                if zone is not None:
                    return moment.astimezone(UTC)
                return moment.replace(tzinfo=UTC) if clock is None else clock.utc(moment)
            except OverflowError:
                raise ValueError(f"{text[:40]!r} is not a time") from None

        if self.shape != "iso" or self.form.time_format is not None:
            return read
        iso = datetime.fromisoformat

        def read_iso(text: str) -> datetime:
            try:
                moment = iso(text)
            except ValueError:
                return read(text)
            zone = moment.tzinfo
            if zone is UTC:
                return moment
            if zone is None and clock is None:
                return moment.replace(tzinfo=UTC)
            return read(text)

        return read_iso

    def naive(self, text: str) -> datetime:
        """The time as it is written, its zone left out.

        Raises:
            ValueError: as `reader`.
        """
        return self._as_written()(text).replace(tzinfo=None)

    def is_time(self, text: str) -> bool:
        """Whether a text is a time by this rule."""
        try:
            self.naive(text)
        except ValueError:
            return False
        return True

    def number(self, text: str) -> float | None:
        """The text as a number since 1970, in its unit; None: it is none."""
        return float_of(text.strip(), self.decimal)

    def seconds(self, number: float) -> float:
        """A number since 1970 in seconds."""
        return number / UNITS[self.unit or "s"]

    def _as_written(self) -> Callable[[str], datetime]:
        form = self.form.time_format
        if form in UNITS:
            return lambda text: since_1970(text, self.decimal, form)
        if form is not None:
            return lambda text: _formatted(text, form)
        return self._by_calendar() if self.shape == "calendar" else self._any

    def _by_calendar(self) -> Callable[[str], datetime]:
        """Dates first; a day is made out once, its other times are then as quick as ISO 8601."""
        days: dict[str, str] = {}

        def read(text: str) -> datetime:
            date, _, time = text.partition(" ")
            day = days.get(date)
            if day is not None and len(time) in _CLOCK_LENGTHS:
                try:
                    return datetime.fromisoformat(f"{day}T{time}")
                except ValueError:
                    pass
            try:
                moment = moment_of_date(text.strip(), day_first=self.day_first)
            except Undecided:
                raise
            except ValueError:
                return self._any(text)
            if time and len(date) >= _LEAST_DATE and date[0].isdigit():
                if len(days) >= _MOST_DAYS:
                    days.clear()
                days[date] = f"{moment:%Y-%m-%d}"
            return moment

        return read

    def _any(self, text: str) -> datetime:
        bare = text.strip()
        try:
            return since_1970(bare, self.decimal, self.unit)
        except NoNumber:
            pass
        try:
            return datetime.fromisoformat(bare)
        except ValueError:
            return moment_of_date(bare, day_first=self.day_first)


def parse_time(text: str, form: Form | None = None) -> datetime:
    """One time, UTC: ISO 8601, a date with dots or names of months, or a number since 1970 in s, ms, us or ns.

    >>> for text in ("2014-04-01 00:05:00", "1396310700000", "01.04.2014 00:05", "1 Apr 2014 12:05 AM"):
    ...     print(parse_time(text))
    2014-04-01 00:05:00+00:00
    2014-04-01 00:05:00+00:00
    2014-04-01 00:05:00+00:00
    2014-04-01 00:05:00+00:00

    Raises:
        ValueError: it is none of these; `Undecided`: it may be read in two ways.
    """
    rule = TimeRule(form or Form())
    return rule.reader(rule.clock())(text)


def _formatted(text: str, form: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), form)  # noqa: DTZ007 - a format may name the zone
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a time as {form} says") from None
