"""`controlroom backtest`: recorded readings through the plant's detectors, without a plant."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controlroom.cli.options import brokers_option, dir_option, dsn_option, settings_for
from controlroom.cli.table_options import table_options
from controlroom.errors import InputError

if TYPE_CHECKING:
    from controlroom.cli.backtest_run import Job
    from controlroom.tabular import Form

_MACHINE_LEARN = 400
_SENSOR_LEARN = 300


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(exists=True, path_type=Path))
@click.option("--sensor", metavar="ID", help="A sensor's history in place of files.")
@click.option("--from", "whence", type=click.Choice(["postgres", "kafka"]), default="postgres", show_default=True,
              help="Where the history is taken from.")  # fmt: skip
@click.option("--since", metavar="TIME", help="Only readings from this event time on, ISO 8601.")
@click.option("--until", metavar="TIME", help="Only readings before this event time.")
@brokers_option
@dsn_option
@dir_option
@click.option("--prediction", is_flag=True, help="Files are machines: a column is a channel, watched together.")
@click.option("--learn", type=click.IntRange(min=0), metavar="N",
              help=f"So many first rows are for learning and not scored [{_MACHINE_LEARN} with --prediction, "
                   f"else {_SENSOR_LEARN}].")  # fmt: skip
@click.option("--column", "columns", multiple=True, metavar="NAME", help="Column of values, more than once for several "
              "sensors [value, or each column of numbers].")  # fmt: skip
@table_options
@click.option("--type", "sensor_type", default="", metavar="TYPE",
              help="The type of sensor: its range and what --detectors-file says of it count.")  # fmt: skip
@click.option("--bank", type=click.Choice(["default", "cheap"]), help="Every detector, or limits and a z-score.")
@click.option("--detectors-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="How each type of sensor is watched, TOML.")  # fmt: skip
@click.option("--compare", metavar="A,B", help="Two configurations side by side: default, cheap, or a TOML file.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="Write timestamp,value,anomaly_score at the same relative paths in this directory.")  # fmt: skip
@click.option("--alarms", "alarms_file", type=click.Path(dir_okay=False, path_type=Path),
              help="Write the alarms as a JSON list of {sensor, t, kind, ...}.")  # fmt: skip
@click.option("--labels", metavar="FILE|COLUMN",
              help="What was really wrong: windows in a JSON or CSV file, or a column of 0 and 1.")  # fmt: skip
@click.option("--threshold", type=click.FloatRange(0, 1), help="Score alarms where the score comes to this, in place "
              "of those that the bank raises.")  # fmt: skip
@click.option("--picture/--no-picture", default=None, help="Draw value, score and alarms [for one series, on a "
              "terminal].")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, and nothing else.")
@click.option("-q", "--quiet", is_flag=True, help="No progress, no warnings.")
def backtest(
    paths: tuple[Path, ...],
    *,
    sensor: str | None,
    whence: str,
    since: str | None,
    until: str | None,
    brokers: str | None,
    dsn: str | None,
    directory: Path | None,
    prediction: bool,
    learn: int | None,
    sensor_type: str,
    compare: str | None,
    bank: str | None,
    detectors_file: Path | None,
    form: Form,
    as_is: bool,
    as_json: bool,
    picture: bool | None,
    quiet: bool,
    **output: Any,  # noqa: ANN401 - click's options as they come
) -> None:
    """Run recorded readings through the detectors, without brokers: what would they have raised?

    PATH is a table (CSV as spreadsheets and loggers write it, also through gzip, or Parquet), or a directory that is
    searched for them. Rows are taken in the order of time, and nothing is known of a row before it comes. A table with
    a column for each of several sensors is as many series. With --labels it also says how much of what was wrong was
    found, how late, and how often for nothing. docs/backtest.md explains formats and figures.
    """
    from controlroom.cli import backtest_run, backtest_text
    from controlroom.core.json_line import json_line

    if bool(paths) == bool(sensor):
        raise InputError("name files or directories, or a sensor with --sensor", hint="`controlroom backtest --help`")
    if sensor and prediction:
        raise InputError("--prediction watches the columns of a file; --sensor is one sensor")
    if learn is None:
        learn = _MACHINE_LEARN if prediction else _SENSOR_LEARN
    settings = settings_for(directory, brokers=brokers, dsn=dsn, detectors=bank, detectors_file=detectors_file)
    setups = backtest_run.setups_of(compare, settings)
    job = backtest_run.Job(
        setups=setups, machine=prediction, learn=learn, sensor_type=sensor_type, quiet=quiet, **output
    )
    if sensor:
        times = [backtest_run.parse_moment(text) for text in (since, until)]
        backtest_run.add_history(job, sensor, whence, times[0], times[1], brokers, dsn, directory)
    else:
        backtest_run.add_files(job, paths, form, as_is=as_is)
    results = backtest_run.run(job)
    if as_json:
        click.echo(json_line(backtest_text.document(results, job)))
        return
    for line in backtest_text.table(results, job):
        click.echo(line)
    if picture or (picture is None and len(job.sources) == 1 and sys.stdout.isatty()):
        _draw(results, job)


def _draw(results: Sequence[Any], job: Job) -> None:
    from controlroom.cli.backtest_picture import picture_of

    for result in results:
        click.echo(f"\n{result.outcome.name}" + (f" ({result.setup.name})" if len(job.setups) > 1 else ""))
        click.echo(picture_of(result.outcome, result.windows))
