"""What `controlroom backtest` does: find the series, run each through its banks, write what was asked for."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import structs

from controlroom.adapters.files.detectors_file import load_profiles
from controlroom.adapters.files.series_files import SeriesFile, find_series, stem
from controlroom.cli.table_options import ProgressLine
from controlroom.core.backtest.labels import Labels, Window, from_marks, labels_from_rows, parse_labels
from controlroom.core.backtest.measure import Measures, measure
from controlroom.core.backtest.series import MachineRow, Outcome, Sample, Scored
from controlroom.core.backtest.watch import watch, watch_machine
from controlroom.core.profiles import Profiles
from controlroom.errors import InputError
from controlroom.tabular import Form, Undecided, parse_time
from controlroom.tabular.layout import LABEL_COLUMNS
from controlroom.tabular.opening import open_source, read_text
from detectors import MachineBank, Profile, SensorBank
from detectors.cheap import CheapBank

if TYPE_CHECKING:
    from controlroom.config import Settings
    from controlroom.core.records import SensorFacts

_TELL_EVERY_ROWS = 2000
_BANKS: dict[str, type[SensorBank] | type[CheapBank]] = {"default": SensorBank, "cheap": CheapBank}


@dataclass(frozen=True, slots=True)
class Setup:
    """One configuration of the detectors."""

    name: str
    bank: str
    profiles: Profiles


@dataclass(slots=True)
class Source:
    """One series, which can be read as often as there are configurations."""

    name: str
    #: rows in order; the bytearray collects the labels that the series carries itself
    read: Callable[[bytearray], Iterable[Any]]
    profile: Callable[[Setup], Profile] = lambda _: Profile()
    channels: tuple[str, ...] = ()
    #: as the file says it
    unit: str = ""


@dataclass(slots=True)
class Job:
    """All that was asked for."""

    setups: Sequence[Setup]
    machine: bool
    learn: int
    sensor_type: str
    quiet: bool
    columns: tuple[str, ...]
    out: Path | None
    alarms_file: Path | None
    labels: str | None
    threshold: float | None
    sources: list[Source] = field(default_factory=list)
    windows: Labels | None = None

    @property
    def mark_column(self) -> str | None:
        """The column that holds labels, if that is where they are."""
        return self.labels if self.labels is not None and self.windows is None else None


@dataclass(frozen=True, slots=True)
class Result:
    """One series under one configuration; `measures` is None where nothing is labelled."""

    setup: Setup
    outcome: Outcome
    windows: Sequence[Window]
    measures: Measures | None


def setups_of(compare: str | None, settings: Settings) -> list[Setup]:
    """The configurations that are run.

    Raises:
        InputError: --compare does not name two.
        ConfigError: a file of detectors is wrong.
    """
    if compare is None:
        return [Setup(settings.detectors, settings.detectors, load_profiles(settings.detectors_file))]
    names = [name.strip() for name in compare.split(",")]
    if len(names) != 2 or not all(names):
        raise InputError(f"--compare {compare}: name two configurations", hint="as default,cheap or a.toml,b.toml")
    base = load_profiles(settings.detectors_file)
    return [
        Setup(name, name, base) if name in _BANKS else Setup(name, settings.detectors, load_profiles(Path(name)))
        for name in names
    ]


def parse_moment(text: str | None) -> datetime | None:
    """A time of the command line; None: none was given."""
    try:
        return parse_time(text) if text is not None else None
    except Undecided as error:
        raise InputError(error.message, hint="as 2026-05-01T06:00:00Z") from None
    except ValueError as error:
        raise InputError(str(error), hint="as 2026-05-01T06:00:00Z") from None


def add_files(job: Job, paths: Sequence[Path], form: Form, *, as_is: bool) -> None:
    """The files that were named, or are found; and the labels.

    Args:
        job: what to do.
        paths: files and directories.
        form: how they are written, as far as the user says so.
        as_is: keep their order also where time goes back.

    Raises:
        InputError: a file cannot be a series.
    """
    _read_labels(job, form)
    tell = ProgressLine(quiet=job.quiet)
    seen: set[str] = set()
    for path in paths:
        for file in find_series(path, form):
            if path.is_dir() and not file.is_messages and not file.table.has_times:
                _warn(job, f"{file.name} is left out: {file.table.layout.why[0].removeprefix(f'{file.name}: ')}")
                continue
            file.as_is, file.tell = as_is, tell
            try:
                sources = [_machine_source(job, file)] if job.machine else _sensor_sources(job, file)
            finally:
                tell.clear()
            for source in sources:
                if source.name in seen:
                    raise InputError(f"two series are called {source.name}", hint="name their common directory")
                seen.add(source.name)
            job.sources += sources
    if not job.sources:
        raise InputError("none of the files holds readings", hint="columns: timestamp,value")


def add_history(
    job: Job,
    sensor: str,
    whence: str,
    since: datetime | None,
    until: datetime | None,
    brokers: str | None,
    dsn: str | None,
    directory: Path | None,
) -> None:
    """A sensor's history, read at once: the connection is not held while detectors run.

    Raises:
        Unreachable: Kafka or PostgreSQL does not answer.
        InputError: there are no readings.
    """
    from controlroom.cli.options import hush_clients, resolve_brokers, resolve_dsn

    _read_labels(job, Form())
    hush_clients()
    samples: list[Sample] = []
    facts: list[SensorFacts] = []
    tell = ProgressLine(quiet=job.quiet)

    async def from_postgres() -> None:
        from controlroom.adapters.postgres.history import History

        async with History(resolve_dsn(dsn, directory)[0]) as history:
            facts.append(await history.facts(sensor))
            async for sample in history.samples(sensor, since, until):
                samples.append(sample)
                tell(f"{len(samples)} readings of {sensor} read")

    async def from_kafka() -> None:
        from controlroom.adapters.kafka.connection import KafkaConnection
        from controlroom.adapters.kafka.history import topic_history

        addresses, settings = resolve_brokers(brokers, directory)
        async for sample in topic_history(
            KafkaConnection.of(addresses, settings), settings.topics.data, sensor, since, until,
            on_facts=facts.append,
            on_progress=lambda done, total: tell(f"{done} of {total} records read, {len(samples)} of {sensor}"),
        ):  # fmt: skip
            samples.append(sample)  # noqa: PERF401 - the progress tells how many there are

    asyncio.run(from_kafka() if whence == "kafka" else from_postgres())
    tell.clear()
    if not samples:
        raise InputError(f"no readings of {sensor!r} in {whence}", hint="check --since and --until")
    known = facts[0] if facts else None
    job.sources.append(
        Source(sensor, lambda _: samples, lambda setup: setup.profiles.of(known) if known is not None else Profile())
    )


def run(job: Job) -> list[Result]:
    """Every series under every configuration; writes --out (of the first configuration) and --alarms."""
    results = []
    tell = ProgressLine(quiet=job.quiet)
    for number, source in enumerate(job.sources):
        for setup in job.setups:
            outcome = Outcome(source.name)
            rows = _watched(job, source, setup, outcome)
            with ExitStack() as stack:
                write = _writer(job, source, stack) if setup is job.setups[0] else None
                for count, (row, scored) in enumerate(rows, 1):
                    if write is not None:
                        write(row, scored)
                    if not count % _TELL_EVERY_ROWS:
                        tell(f"{number + 1} of {len(job.sources)}: {source.name}, {count} rows")
            results.append(_result(job, setup, outcome))
    tell.clear()
    if job.alarms_file is not None:
        _write_alarms(job.alarms_file, [result for result in results if result.setup is job.setups[0]])
    return results


def alarms_of(result: Result) -> list[dict[str, Any]]:
    """The alarms as documents: what was found, in the sensor's unit."""
    name = stem(result.outcome.name)
    return [
        {
            "sensor": name, "t": raised.t, "row": raised.row, "kind": raised.finding.kind,
            "severity": "critical" if raised.finding.level > 1 else "warning", "value": raised.finding.value,
            "expected": raised.finding.expected, "limit": raised.finding.limit, "score": raised.finding.score,
            "detector": raised.finding.detector, "message": raised.finding.message,
            "disturbance": raised.finding.disturbance,
        }
        for raised in result.outcome.raised
    ]  # fmt: skip


def _sensor_sources(job: Job, file: SeriesFile) -> list[Source]:
    """A sensor for each column of values."""
    if file.is_messages:
        return [Source(file.name, lambda _: file.messages(), _profile_of(job, file))]
    marks = job.mark_column
    without = [marks] if marks else []
    columns = file.table.values(job.columns, without)
    gaps = file.table.is_wide(without)
    _check(job, file, columns, marks, gaps=gaps)

    def reader(column: str) -> Callable[[bytearray], Iterable[Sample]]:
        return lambda out: file.samples(column, marks, out, gaps=gaps)

    units, profile = file.table.layout.units, _profile_of(job, file)
    return [
        Source(name, reader(column), profile, unit=units.get(column, ""))
        for name, column in zip(file.series_names(columns), columns, strict=True)
    ]


def _profile_of(job: Job, file: SeriesFile) -> Callable[[Setup], Profile]:
    # The fault bench names a sensor by its type and a number.
    named = stem(file.name).rpartition("-")[0]
    ranges = job.windows.ranges if job.windows is not None else {}

    def profile(setup: Setup) -> Profile:
        if job.sensor_type or not file.is_messages:
            return setup.profiles.of_type(job.sensor_type) if job.sensor_type else Profile()
        if named in setup.profiles.tables:
            return setup.profiles.of_type(named)
        low, high = ranges.get(named, (None, None))
        return Profile(range_low=low, range_high=high)

    return profile


def _machine_source(job: Job, file: SeriesFile) -> Source:
    channels = file.table.values(job.columns) if job.columns else file.table.channels(job.mark_column)
    if not channels:
        raise InputError(f"{file.name}: it has no channels", hint=f"columns: {', '.join(file.table.columns)}")
    marks = job.mark_column if job.mark_column in file.table.columns else None
    _check(job, file, channels, marks, gaps=False)
    return Source(file.name, lambda out: file.machine_rows(channels, marks, out), channels=tuple(channels))


def _check(job: Job, file: SeriesFile, columns: Sequence[str], marks: str | None, *, gaps: bool) -> None:
    summary = file.check(columns, marks, gaps=gaps)
    table = file.table
    for remark in (*table.remarks(), *summary.remarks(table, as_is=file.as_is, done="taken")):
        _warn(job, f"{file.name}: {remark}")


def _watched(job: Job, source: Source, setup: Setup, outcome: Outcome) -> Iterator[tuple[Any, Scored]]:
    rows = source.read(outcome.marks)
    if job.machine:
        try:
            bank = MachineBank(source.channels, job.learn)
        except ValueError as error:
            raise InputError(f"--learn {job.learn}: {error}") from None
        return watch_machine(bank, rows, outcome)
    profile = source.profile(setup)
    if source.unit and not profile.unit:
        profile = structs.replace(profile, unit=source.unit)
    outcome.unit = profile.unit
    return watch(_BANKS[setup.bank](profile), rows, outcome)


def _result(job: Job, setup: Setup, outcome: Outcome) -> Result:
    if job.machine and outcome.rows <= job.learn:
        _warn(job, f"{outcome.name}: {outcome.rows} rows are no more than the {job.learn} to learn from")
    windows: Sequence[Window] | None = None
    if job.windows is not None:
        windows = job.windows.of(outcome.name)
        if windows is None:
            _warn(job, f"{outcome.name} is not labelled, and not scored")
    elif outcome.marks:
        windows = from_marks(outcome.times, outcome.marks)
    if windows is None:
        return Result(setup, outcome, (), None)
    learn_s = job.windows.learn_s if job.windows is not None else 0.0
    found = measure(outcome, windows, learn_rows=job.learn, learn_s=learn_s, threshold=job.threshold)
    return Result(setup, outcome, windows, found)


def _read_labels(job: Job, form: Form) -> None:
    if job.labels is None:
        return
    path = Path(job.labels)
    if not path.is_file():
        if path.suffix or job.labels.lower() not in LABEL_COLUMNS | {job.labels.lower()} or "/" in job.labels:
            raise InputError(f"there is no file of labels {job.labels}", hint="or name a column of 0 and 1")
        return

    def seconds(text: str) -> float:
        # Labels may be written as the data are, or in a form of their own that tells itself.
        if form.time_format is not None:
            with suppress(ValueError):
                return parse_time(text, form).timestamp()
        return parse_time(text, replace(form, time_format=None)).timestamp()

    try:
        text = read_text(path, path.name, form)
        if text.lstrip().startswith("{"):
            job.windows = parse_labels(text, seconds)
        else:
            job.windows = labels_from_rows(open_source(path, path.name, replace(form, delimiter=None)).rows(0), seconds)
    except ValueError as error:
        raise InputError(f"{path}: {error}", hint="docs/backtest.md shows the formats") from None


def _writer(job: Job, source: Source, stack: ExitStack) -> Callable[[Any, Scored], None] | None:
    if job.out is None:
        return None
    path = job.out / f"{stem(source.name)}.csv"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
    except OSError as error:
        raise InputError(f"--out: {error}") from None
    writer = csv.writer(file, lineterminator="\n")
    if job.machine:
        writer.writerow(("timestamp", "anomaly_score", "prediction"))

        def write_machine(row: MachineRow, scored: Scored) -> None:
            writer.writerow((row.text, repr(scored.score), scored.prediction))

        return write_machine
    writer.writerow(("timestamp", "value", "anomaly_score"))

    def write_sensor(sample: Sample, scored: Scored) -> None:
        writer.writerow((sample.text, "" if sample.value is None else repr(sample.value), repr(scored.score)))

    return write_sensor


def _write_alarms(path: Path, results: Sequence[Result]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([alarm for result in results for alarm in alarms_of(result)], indent=0), "utf-8")
    except OSError as error:
        raise InputError(f"--alarms: {error}") from None


def _warn(job: Job, text: str) -> None:
    if not job.quiet:
        clear = "\r\x1b[K" if sys.stderr.isatty() else ""
        click.echo(f"{clear}backtest: {text}", err=True)
