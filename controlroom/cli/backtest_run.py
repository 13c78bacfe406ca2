"""What `controlroom backtest` does: find the series, run each through its banks, write what was asked for."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controlroom.adapters.detectors_file import load_profiles
from controlroom.adapters.series_csv import LABEL_COLUMNS, SeriesFile, find_series
from controlroom.core.backtest.labels import Labels, Window, from_marks, parse_labels
from controlroom.core.backtest.measure import Measures, measure
from controlroom.core.backtest.series import MachineRow, Outcome, Sample, Scored
from controlroom.core.backtest.watch import watch, watch_machine
from controlroom.core.profiles import Profiles
from controlroom.errors import InputError
from detectors import MachineBank, Profile, SensorBank
from detectors.cheap import CheapBank
from simulator.csv_input import DECIMAL_SIGNS, parse_time

if TYPE_CHECKING:
    from controlroom.config import Settings
    from controlroom.core.records import SensorFacts

_TELL_EVERY_S = 0.5
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


@dataclass(slots=True)
class Job:
    """All that was asked for."""

    setups: Sequence[Setup]
    machine: bool
    learn: int
    sensor_type: str
    quiet: bool
    column: str | None
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
    except ValueError as error:
        raise InputError(str(error), hint="as 2026-05-01T06:00:00Z") from None


def add_files(job: Job, paths: Sequence[Path], decimal: str | None = None) -> None:
    """The files that were named, or are found; and the labels.

    Args:
        job: what to do.
        paths: files and directories.
        decimal: "point" or "comma"; None: as the numbers of each file tell it.

    Raises:
        InputError: a file cannot be a series.
    """
    _read_labels(job)
    seen: set[str] = set()
    for path in paths:
        for found in find_series(path):
            file = replace(found, decimal=DECIMAL_SIGNS.get(decimal or ""))
            if file.name in seen:
                raise InputError(f"two files are called {file.name}", hint="name their common directory")
            seen.add(file.name)
            if path.is_dir() and not file.is_messages and file.time_column is None:
                _warn(job, f"{file.name} is left out: no column named timestamp")
                continue
            job.sources.append(_machine_source(job, file) if job.machine else _sensor_source(job, file))
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

    _read_labels(job)
    hush_clients()
    samples: list[Sample] = []
    facts: list[SensorFacts] = []
    tell = _Progress(job)

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
    tell = _Progress(job)
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
    name = result.outcome.name.removesuffix(".gz").removesuffix(".csv")
    return [
        {
            "sensor": name, "t": raised.t, "row": raised.row, "kind": raised.finding.kind,
            "severity": "critical" if raised.finding.level > 1 else "warning", "value": raised.finding.value,
            "expected": raised.finding.expected, "limit": raised.finding.limit, "score": raised.finding.score,
            "detector": raised.finding.detector, "message": raised.finding.message,
        }
        for raised in result.outcome.raised
    ]  # fmt: skip


def _sensor_source(job: Job, file: SeriesFile) -> Source:
    if not file.is_messages:
        file.value_column(job.column, [job.mark_column] if job.mark_column else [])
    # The fault bench names a sensor by its type and a number.
    named = file.name.removesuffix(".gz").removesuffix(".csv").rpartition("-")[0]
    ranges = job.windows.ranges if job.windows is not None else {}

    def profile(setup: Setup) -> Profile:
        if job.sensor_type or not file.is_messages:
            return setup.profiles.of_type(job.sensor_type) if job.sensor_type else Profile()
        if named in setup.profiles.tables:
            return setup.profiles.of_type(named)
        low, high = ranges.get(named, (None, None))
        return Profile(range_low=low, range_high=high)

    _say_order(job, file)
    return Source(file.name, lambda marks: file.samples(job.column, job.mark_column, marks), profile)


def _machine_source(job: Job, file: SeriesFile) -> Source:
    channels = tuple(file.channels([job.mark_column] if job.mark_column else []))
    if not channels:
        raise InputError(f"{file.name}: it has no channels", hint=f"columns: {', '.join(file.columns)}")
    marks = job.mark_column if job.mark_column in file.columns else None
    _say_order(job, file)
    return Source(file.name, lambda out: file.machine_rows(channels, marks, out), channels=channels)


def _watched(job: Job, source: Source, setup: Setup, outcome: Outcome) -> Iterator[tuple[Any, Scored]]:
    rows = source.read(outcome.marks)
    if job.machine:
        try:
            bank = MachineBank(source.channels, job.learn)
        except ValueError as error:
            raise InputError(f"--learn {job.learn}: {error}") from None
        return watch_machine(bank, rows, outcome)
    profile = source.profile(setup)
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


def _read_labels(job: Job) -> None:
    if job.labels is None:
        return
    path = Path(job.labels)
    if not path.is_file():
        if path.suffix or job.labels.lower() not in LABEL_COLUMNS | {job.labels.lower()} or "/" in job.labels:
            raise InputError(f"there is no file of labels {job.labels}", hint="or name a column of 0 and 1")
        return
    try:
        job.windows = parse_labels(path.read_text("utf-8-sig"), lambda text: parse_time(text).timestamp())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}", hint="docs/backtest.md shows the formats") from None


def _writer(job: Job, source: Source, stack: ExitStack) -> Callable[[Any, Scored], None] | None:
    if job.out is None:
        return None
    path = job.out / source.name.removesuffix(".gz")
    if path.suffix != ".csv":
        path = path.with_name(f"{path.name}.csv")
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


def _say_order(job: Job, file: SeriesFile) -> None:
    back = file.back()
    if back:
        rows = "1 row goes" if back == 1 else f"{back} rows go"
        _warn(job, f"{file.name}: {rows} back in time: the rows are taken in the order of time")


def _warn(job: Job, text: str) -> None:
    if not job.quiet:
        click.echo(f"backtest: {text}", err=True)


class _Progress:
    """One line that changes, on a terminal."""

    def __init__(self, job: Job) -> None:
        self._live = sys.stderr.isatty() and not job.quiet
        self._told = 0.0

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if self._live and now - self._told >= _TELL_EVERY_S:
            self._told = now
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)

    def clear(self) -> None:
        """Leave nothing behind."""
        if self._live and self._told:
            click.echo("\r\x1b[K", nl=False, err=True)
