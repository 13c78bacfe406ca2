"""SKAB: a machine of eight channels; each group of runs judged with the constants that suit the others.

Beside it the spread of every constant, a long recording without a fault, and faults that are planted in that one.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from benchmarks import _planted
from detectors import MachineBank, machine

LEARN_ROWS = 400
ANCHORS = {"Conv-AE": (0.78, 13.6), "T2+Q": (0.76, 26.6), "streaming EWMA": (0.824, 23.0), "ahead": (0.86, 10.0)}
#: What is chosen with a group left out, from these values: the highest F1 of the others with at most `MOST_FALSE`.
CHOSEN = {"SMOOTH": (0.1, 0.15, 0.2, 0.3), "LIMIT": (4.0, 5.0, 6.0, 7.0, 8.0, 10.0)}
MOST_FALSE = 15.0
#: Every constant of the detector that a prediction depends on.
CONSTANTS = ("SMOOTH", "LIMIT", "CLIP")


class Run(NamedTuple):
    """One run of the machine."""

    group: str
    channels: list[str]
    seconds: Any
    rows: list[list[float]]
    anomaly: Any
    changepoint: Any


def runs_of(scorer: ModuleType, data: Path) -> tuple[list[Run], list[Run]]:
    """The runs that have labels, and those of a machine without a fault, by their file."""
    import numpy as np

    labelled: list[Run] = []
    sound: list[Run] = []
    for path in sorted(data.rglob("*.csv")):
        columns = scorer.load(str(path))
        channels = [name for name in columns if name not in {"timestamp", "datetime", "anomaly", "changepoint"}]
        rows = [[float(v) for v in row] for row in zip(*(columns[name] for name in channels), strict=True)]
        none = ["0"] * len(rows)
        truth = (np.array(columns.get(name, none), float) for name in ("anomaly", "changepoint"))
        run = Run(path.parent.name, channels, scorer.seconds(columns), rows, *truth)
        (labelled if "anomaly" in columns else sound).append(run)
    return labelled, sound


def measure(scorer: ModuleType, data: Path) -> dict[str, Any]:
    """Measure, print the tables, return the figures."""
    runs, sound = runs_of(scorer, data)
    predictions, cost = _predicted(runs)
    figures: dict[str, Any] = {"runs": len(runs), **_figures(scorer, runs, predictions), "us_per_row": cost}
    figures["left_out"] = _left_out(scorer, runs)
    figures["spread"] = _spread(scorer, runs)
    print(f"SKAB, {len(runs)} runs")
    for name, (f1, false) in ANCHORS.items():
        print(f"  {name:28s} F1 {f1:.3f}  false alarms {false:.1f} %")
    _print("this machine bank", figures)
    for group, row in figures["left_out"].items():
        _print(f"  {group} left out", row)
    for name, row in figures["spread"].items():
        _print(f"  {name}", row)
    print(f"  changepoint {figures['changepoint']:.1f} (ahead 37), {cost:.1f} µs a row\n")
    if sound:
        figures["sound"] = _sound(sound)
        figures["planted"] = _planted.measure(sound, LEARN_ROWS)
    return figures


def _predicted(runs: list[Run]) -> tuple[list[list[int]], float]:
    """The predictions of each run's rows; processor time a row in µs, the median of the runs."""
    predictions, cost = [], []
    for run in runs:
        bank = MachineBank(run.channels, LEARN_ROWS)
        began = time.process_time()
        predictions.append([bank.observe(float(t), row)[1] for t, row in zip(run.seconds, run.rows, strict=True)])
        cost.append((time.process_time() - began) / len(run.rows) * 1e6)
    return predictions, statistics.median(cost)


def _figures(
    scorer: ModuleType, runs: list[Run], predictions: list[list[int]], *, only: str = "", without: str = ""
) -> dict[str, float]:
    """Over the runs of one group, or of all but one."""
    import numpy as np

    rows = slice(LEARN_ROWS, None)
    scored = [
        (run.seconds[rows], run.anomaly[rows], run.changepoint[rows], np.array(made[rows], float))
        for run, made in zip(runs, predictions, strict=True)
        if run.group == (only or run.group) and run.group != without
    ]
    result = scorer.score(scored)
    return {
        "f1": result["f1"], "false_alarms_percent": result["far"], "missed_percent": result["mar"],
        "changepoint": result["nab"],
    }  # fmt: skip


def _left_out(scorer: ModuleType, runs: list[Run]) -> dict[str, dict[str, Any]]:
    """Each group with the constants of `CHOSEN` that suit the others."""
    tried = {}
    for values in itertools.product(*CHOSEN.values()):
        with _constants(dict(zip(CHOSEN, values, strict=True))):
            tried[values] = _predicted(runs)[0]
    found: dict[str, dict[str, Any]] = {}
    for group in sorted({run.group for run in runs}):
        others = {values: _figures(scorer, runs, made, without=group) for values, made in tried.items()}
        best = max(others, key=lambda values: _suits(others[values]))
        row = _figures(scorer, runs, tried[best], only=group)
        found[group] = {**row, "constants": dict(zip(CHOSEN, best, strict=True))}
    return found


def _suits(row: dict[str, float]) -> tuple[bool, float]:
    return row["false_alarms_percent"] <= MOST_FALSE, row["f1"]


def _spread(scorer: ModuleType, runs: list[Run]) -> dict[str, dict[str, float]]:
    """Every constant a fifth smaller and larger."""
    found = {}
    for name, factor in itertools.product(CONSTANTS, (0.8, 1.2)):
        value = getattr(machine, name) * factor
        with _constants({name: value}):
            found[f"{name} {value:g}"] = _figures(scorer, runs, _predicted(runs)[0])
    return found


def _sound(runs: list[Run]) -> dict[str, float]:
    """A machine without a fault, each run from its begin to its end."""
    predictions = [made[LEARN_ROWS:] for made in _predicted(runs)[0]]
    rows = sum(map(len, predictions))
    figures = {
        "rows": rows,
        "alarms": sum(now > was for made in predictions for was, now in itertools.pairwise([0, *made])),
        "false_alarms_percent": 100.0 * sum(map(sum, predictions)) / rows,
    }
    print(
        f"SKAB, no fault, {rows} rows in one: {figures['alarms']} alarms, "
        f"{figures['false_alarms_percent']:.1f} % of the rows"
    )
    return figures


@contextmanager
def _constants(values: dict[str, float]) -> Iterator[None]:
    """Constants of the machine's detector have other values for a while."""
    was = {name: getattr(machine, name) for name in values}
    for name, value in values.items():
        setattr(machine, name, value)
    try:
        yield
    finally:
        for name, value in was.items():
            setattr(machine, name, value)


def _print(name: str, row: dict[str, Any]) -> None:
    constants = "".join(f"  {key} {value:g}" for key, value in row.get("constants", {}).items())
    print(
        f"  {name:28s} F1 {row['f1']:.3f}  false alarms {row['false_alarms_percent']:.1f} %  "
        f"missed {row['missed_percent']:.1f} %{constants}"
    )
