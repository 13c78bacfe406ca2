"""SKAB: a machine of eight channels; each group of runs judged with the constants that suit the others."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from detectors import MachineBank, machine

LEARN_ROWS = 400
ANCHORS = {"Conv-AE": (0.78, 13.6), "T2+Q": (0.76, 26.6), "streaming EWMA": (0.824, 23.0), "ahead": (0.86, 10.0)}
#: What is chosen with a group left out, from these values. The detector's other constants were made on all groups.
CHOSEN = {"SMOOTH": (0.1, 0.2, 0.3), "FACTOR": (1.0, 1.25, 1.5, 2.0, 3.0), "BACK": (0.2, 0.4, 0.6)}


class Run(NamedTuple):
    """One run of the machine."""

    group: str
    channels: list[str]
    seconds: Any
    rows: list[list[float]]
    anomaly: Any
    changepoint: Any


def runs_of(scorer: ModuleType, data: Path) -> list[Run]:
    """The runs that have labels, by their file."""
    import numpy as np

    runs = []
    for path in sorted(data.rglob("*.csv")):
        columns = scorer.load(str(path))
        if "anomaly" not in columns:
            continue
        channels = [name for name in columns if name not in {"timestamp", "datetime", "anomaly", "changepoint"}]
        rows = [[float(v) for v in row] for row in zip(*(columns[name] for name in channels), strict=True)]
        truth = (np.array(columns[name], float) for name in ("anomaly", "changepoint"))
        runs.append(Run(path.parent.name, channels, scorer.seconds(columns), rows, *truth))
    return runs


def measure(scorer: ModuleType, data: Path) -> dict[str, Any]:
    """Measure, print the table, return the figures."""
    runs = runs_of(scorer, data)
    predictions, cost = _predicted(runs)
    figures: dict[str, Any] = {"runs": len(runs), **_figures(scorer, runs, predictions), "us_per_row": cost}
    figures["left_out"] = _left_out(scorer, runs)
    print(f"SKAB, {len(runs)} runs")
    for name, (f1, false) in ANCHORS.items():
        print(f"  {name:28s} F1 {f1:.3f}  false alarms {false:.1f} %")
    _print("this machine bank", figures)
    for group, row in figures["left_out"].items():
        _print(f"  {group} left out", row)
    print(f"  changepoint {figures['changepoint']:.1f} (ahead 37), {cost:.1f} µs a row\n")
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
    """Each group with the constants of `CHOSEN` with which the others have the best F1."""
    tried = {}
    for values in itertools.product(*CHOSEN.values()):
        with _constants(dict(zip(CHOSEN, values, strict=True))):
            tried[values] = _predicted(runs)[0]
    found: dict[str, dict[str, Any]] = {}
    for group in sorted({run.group for run in runs}):
        others = {values: _figures(scorer, runs, made, without=group)["f1"] for values, made in tried.items()}
        best = max(others, key=others.__getitem__)
        row = _figures(scorer, runs, tried[best], only=group)
        found[group] = {**row, "constants": dict(zip(CHOSEN, best, strict=True))}
    return found


@contextmanager
def _constants(values: dict[str, float]) -> Iterator[None]:
    """Constants of the machine's detector have other values for a while."""
    was = {name: getattr(machine, name) for name in (*values, "WHITE")}
    for name, value in values.items():
        setattr(machine, name, value)
    machine.WHITE = machine.SMOOTH / (2.0 - machine.SMOOTH)
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
