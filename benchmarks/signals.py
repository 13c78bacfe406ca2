"""Generated signals without a fault, which must raise no alarm, and with one, which must: a table by family.

Every signal is drawn from its family with a seed: period (3 to 100,000 readings), amplitude, offset, interval (0.1 to
30 s), jitter, rounding or a little noise. It runs for 1,000 periods, or `--most` readings where that is less. Alarms of
signals with noise are counted apart, with the sensor-days: they have a budget, the others have none.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from benchmarks._signals import FAULTS, SHAPES, Signal, drawn
from detectors import Profile, SensorBank

PERIODS = 1000
LEAST = 4000
#: A fault is added after so many periods: what has never turned is known by nobody.
KNOWN = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmark's options."""
    parser.add_argument("--seeds", default="1,2,3,4,5,6,7,8", help="seeds of the drawn signals (default: 1 to 8)")
    parser.add_argument(
        "--most", type=int, default=200_000, help="readings of one signal at the most (default: 200000)"
    )
    parser.add_argument("--family", choices=sorted(SHAPES), action="append", help="only this one (repeatable)")
    parser.add_argument("--verbose", action="store_true", help="print each signal that raised an alarm or hid a fault")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Run the families, print the table, return the figures."""
    seeds = [int(seed) for seed in args.seeds.split(",")]
    families: dict[str, Any] = {}
    print(
        f"{'family':12s} {'signals':>7s} {'readings':>9s} {'alarms':>6s} {'of signals':>10s} "
        f"{'with noise':>10s} {'days':>6s} {'µs':>5s}  found: " + "  ".join(FAULTS)
    )
    for family in args.family or SHAPES:
        row = families[family] = _family([drawn(family, seed) for seed in seeds], args.most, verbose=args.verbose)
        found = "  ".join(f"{row['found'][fault]}/{row['tried']}".rjust(len(fault)) for fault in FAULTS)
        print(
            f"{family:12s} {len(seeds):7d} {row['readings']:9d} {row['alarms']:6d} {row['loud']:10d} "
            f"{row['by_chance']:10d} {row['noisy_days']:6.0f} {row['us_per_reading']:5.1f}         {found}"
        )
    alarms = sum(row["alarms"] for row in families.values())
    chance, days = (sum(row[name] for row in families.values()) for name in ("by_chance", "noisy_days"))
    print(
        f"{sum(row['readings'] for row in families.values())} readings without a fault: {alarms} alarms on signals "
        f"without noise, {chance} in {days:.0f} sensor-days on signals with noise\n"
    )
    return {"seeds": seeds, "alarms": alarms, "by_chance": chance, "noisy_days": days, "families": families}


def _family(signals: list[Signal], most: int, *, verbose: bool) -> dict[str, Any]:
    readings = alarms = loud = tried = chance = 0
    cost = days = 0.0
    found = dict.fromkeys(FAULTS, 0)
    for signal in signals:
        count = min(most, max(LEAST, int(PERIODS * signal.period)))
        bank = SensorBank(Profile(interval=signal.interval))
        values, times = signal.values(count), signal.times(count + length(signal))
        began = time.process_time()
        raised = watch(bank, times, values)
        cost += time.process_time() - began
        readings += count
        if signal.noise:
            # Noise goes beyond any limit now and then: so often as the budget says.
            chance += len(raised)
            days += count * signal.interval / 86_400.0
        else:
            alarms += len(raised)
            loud += bool(raised)
        if verbose and raised:
            print(f"  {len(raised)} alarms, first at {raised[0]}, {sorted({kind for _, kind in raised})}: {signal}")
        if count < KNOWN * signal.period:
            continue
        tried += 1
        learned = bank.dump()
        for fault in FAULTS:
            bank = SensorBank.load(bank.profile, learned)
            faulty = signal.with_fault(fault, count + length(signal), length(signal))
            if watch(bank, times[count:], faulty[count:], count):
                found[fault] += 1
            elif verbose:
                print(f"  {fault} not found: {signal}")
    return {
        "readings": readings, "alarms": alarms, "loud": loud, "by_chance": chance, "noisy_days": days,
        "tried": tried, "found": found,
        "us_per_reading": cost / readings * 1e6,
    }  # fmt: skip


def length(signal: Signal) -> int:
    """How many readings a fault lasts: long enough to be one beside the signal's own holds."""
    return max(400, int(10 * signal.period))


def watch(bank: SensorBank, times: list[float], values: list[float], first: int = 0) -> list[tuple[int, str]]:
    """The alarms as (index of the reading, kind)."""
    raised: list[tuple[int, str]] = []
    for i, (t, x) in enumerate(zip(times, values, strict=False), first):
        raised += [(i, finding.kind) for finding in bank.observe(i + 1, t, t, x) if finding.level]
    return raised
