"""The detectors on recorded series, SKAB, the fault bench and simulated machines: score and alarms; cost and state.

Cost is processor time, so that what else runs on the machine counts less.

The data sets and their scorers are not part of this project: `--data DIR` holds `skab/` and directories as
`nab/` (see `benchmarks._recorded`), `--tools DIR` the scripts `score_nab.py`, `score_skab.py`, `faultbench.py` and, if
there is one, `reference_detector.py`, which are loaded from there.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks import _failing, _machines, _recorded
from detectors import Profile, SensorBank
from detectors.cheap import CheapBank

DAY_S = 86_400.0
TICK_S = 5.0
PARTS = ("faults", "recorded", "skab", "machines")
#: Seeds that nothing was tuned on.
HELD_BACK = "90,91,92"

# What is to be beaten: (fault, severity) -> found of ten, median delay in seconds ("ahead" of docs/detection.md).
AHEAD: dict[tuple[str, float], tuple[float, float]] = {
    ("spike", 8): (9, 2), ("spike", 15): (10, 2), ("spike", 30): (10, 2),
    ("offset", 4): (5, 120), ("offset", 8): (9, 120), ("offset", 16): (10, 120),
    ("drift", 0.5): (7, 900), ("drift", 1): (9, 420), ("drift", 3): (10, 240),
    ("stuck", 1): (10, 20), ("noise", 3): (10, 15), ("noise", 6): (10, 15),
    ("gain", 1.15): (8, 120), ("gain", 1.4): (9, 120), ("rail", 1): (10, 2),
    ("dropout", 30): (10, 10), ("dropout", 300): (10, 10), ("late", 30): (10, 10), ("late", 120): (10, 10),
    ("duplicate", 0.05): (10, 10), ("duplicate", 0.5): (10, 10), ("order", 0.05): (10, 10), ("order", 0.5): (10, 10),
    ("corrupt", 0.02): (10, 10), ("corrupt", 0.2): (10, 10),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's options."""
    parser.add_argument(
        "--data", type=Path, required=True, help="directory with skab/ and directories that have a labels.json"
    )
    parser.add_argument("--tools", type=Path, help="directory with the scorers (default: DATA/../tools)")
    parser.add_argument("--seeds", default=HELD_BACK, help=f"seeds of the fault bench (default: {HELD_BACK})")
    parser.add_argument("--spread", action="store_true", help="also move every constant of recorded series by a fifth")
    parser.add_argument("--only", choices=PARTS, action="append", help="run only this part (repeatable)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Run the parts, print the tables, return the figures."""
    tools = args.tools or args.data.resolve().parent / "tools"
    parts = args.only or PARTS
    figures: dict[str, Any] = {}
    if "faults" in parts:
        figures["faults"] = _faults(_tool(tools, "faultbench"), [int(seed) for seed in args.seeds.split(",")])
    if "recorded" in parts:
        reference = _tool(tools, "reference_detector") if (tools / "reference_detector.py").exists() else None
        paths = [path.parent for path in sorted(args.data.glob("*/labels.json"))]
        figures["recorded"] = _recorded.run(_tool(tools, "score_nab"), reference, paths, spread=args.spread)
    if "skab" in parts:
        figures["skab"] = _machines.measure(_tool(tools, "score_skab"), args.data / "skab")
    if "machines" in parts:
        figures["machines"] = _failing.measure()
    return figures


def _tool(directory: Path, name: str) -> ModuleType:
    path = directory / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise SystemExit(f"there is no scorer {path}: name its directory with --tools")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------------- fault bench

Row = tuple[float, int, float, float | None]


def _rows(messages: list[Any]) -> list[Row]:
    """(arrival, number, event time, value) with plain floats; None: a payload that is no number."""
    rows: list[Row] = []
    for arrived, seq, t, text in messages:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        rows.append((float(arrived), int(seq), float(t), value if value == value else None))
    return rows


def _watch(bank: SensorBank | CheapBank, rows: list[Row]) -> Iterator[tuple[float, str]]:
    """Alarms as (arrival, kind): every finding that raises something; a tick each 5 s, as the worker's clock has."""
    clock = 0.0
    observe, tick = bank.observe, bank.tick
    for arrived, seq, t, value in rows:
        while clock + TICK_S < arrived:
            clock += TICK_S
            for finding in tick(clock):
                if finding.level:
                    yield clock, finding.kind
        for finding in bank.reject(arrived) if value is None else observe(seq, t, arrived, value):
            if finding.level:
                yield arrived, finding.kind


def _faults(bench: ModuleType, seeds: list[int]) -> dict[str, Any]:
    found = events = false = 0
    days = 0.0
    cost: list[float] = []
    cheap: list[float] = []
    state = learning = 0
    rows: dict[tuple[str, float], dict[str, Any]] = {}
    for seed in seeds:
        streams, truth = bench.make(seed)
        alarms: list[dict[str, Any]] = []
        for number, (sensor, kind, messages) in enumerate(streams):
            low, high = bench.LIMITS[kind]
            profile = Profile(range_low=low, range_high=high, interval=1.0)
            plain = _rows(messages)
            bank = SensorBank(profile)
            began = time.process_time()
            raised = list(_watch(bank, plain))
            cost.append((time.process_time() - began) / len(plain) * 1e6)
            alarms += [{"sensor": sensor, "t": t, "kind": kind} for t, kind in raised]
            learning += sum(t < DAY_S for t, _ in raised)
            state = max(state, len(bank.dump()))
            if number == 0:
                cheap_bank = CheapBank(profile)
                began = time.process_time()
                for _ in _watch(cheap_bank, plain):
                    pass
                cheap.append((time.process_time() - began) / len(plain) * 1e6)
        result = bench.score(truth, alarms, [sensor for sensor, _, _ in streams])
        found, events, false = found + result["found"], events + result["events"], false + result["false"]
        days += result["clean_sensor_days"]
        for fault, by_severity in result["per"].items():
            for severity, q in by_severity.items():
                row = rows.setdefault((fault, severity), {"n": 0, "found": 0, "named": 0, "delay": []})
                for key in ("n", "found", "named"):
                    row[key] += q[key]
                row["delay"] += q["delay"]
    precision, recall = found / (found + false), found / events
    figures = {
        "seeds": seeds, "f1": 2 * precision * recall / (precision + recall), "recall": recall, "precision": precision,
        "false_per_sensor_day": false / days, "us_per_reading": statistics.median(cost),
        "us_per_reading_cheap": statistics.median(cheap), "state_bytes": state,
        "alarms_per_sensor_in_first_day": learning / (10 * len(seeds)),
        "rows": {
            f"{fault} {severity:g}": {
                "found_of_10": 10 * row["found"] / row["n"], "ahead": AHEAD.get((fault, severity), (None, None))[0],
                "median_delay_s": statistics.median(row["delay"]) if row["delay"] else None,
                "ahead_delay_s": AHEAD.get((fault, severity), (None, None))[1],
                "named_of_10": 10 * row["named"] / row["n"],
            }
            for (fault, severity), row in rows.items()
        },
    }  # fmt: skip
    _print_faults(figures, list(bench.FAULTS), bench.MESSAGE_FAULTS)
    return figures


def _print_faults(figures: dict[str, Any], order: list[str], messages: tuple[str, ...]) -> None:
    print(f"fault bench, seeds {figures['seeds']}")
    print(f"{'fault':16s} {'found':>6s} {'ahead':>6s} {'delay s':>8s} {'ahead':>6s} {'named':>6s}")

    def place(item: tuple[str, Any]) -> tuple[int, float]:
        fault, _, severity = item[0].partition(" ")
        return order.index(fault), float(severity)

    for name, row in sorted(figures["rows"].items(), key=place):
        delay = "" if row["median_delay_s"] is None else f"{row['median_delay_s']:.1f}"
        named = f"{row['named_of_10']:.1f}" if name.split()[0] in messages else ""
        ahead = "" if row["ahead"] is None else f"{row['ahead']:g}"
        limit = "" if row["ahead_delay_s"] is None else f"{row['ahead_delay_s']:g}"
        print(f"{name:16s} {row['found_of_10']:6.1f} {ahead:>6s} {delay:>8s} {limit:>6s} {named:>6s}")
    print(
        f"F1 {figures['f1']:.3f} (ahead .95, reference .90)  recall {figures['recall']:.3f} (.93, .85)  "
        f"false a sensor-day {figures['false_per_sensor_day']:.2f} (.1, .45 to .83)\n"
        f"{figures['us_per_reading']:.1f} µs a reading (10, 4), cheap {figures['us_per_reading_cheap']:.1f} (2)  "
        f"state {figures['state_bytes']} bytes (4096)  "
        f"alarms a sensor while learning the first day {figures['alarms_per_sensor_in_first_day']:.1f}\n"
    )
