"""Faults planted in recordings of a sound machine: how many are found, and whether the sensor that was hurt is named.

Labels of recorded faults say when, and hardly which sensor. Here both are known.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol

from detectors import MachineBank

#: Offsets, in standard deviations of the channel over the rows learned from.
SIZES = (1.0, 2.0, 4.0, 8.0)
#: Rows over which an offset comes: at once, or in a minute.
RAMPS = (1, 60)
#: Rows of a run, and of it those with the fault.
LENGTH, FIRST, LAST = 1150, 570, 970
SEED = 5


class Recording(Protocol):
    """What is needed of a run."""

    @property
    def channels(self) -> list[str]:
        """Names."""

    @property
    def rows(self) -> list[list[float]]:
        """A value for each channel."""


def measure(recordings: Sequence[Recording], learn: int) -> dict[str, Any]:
    """Plant an offset of each size in each channel of each stretch of `LENGTH` rows; print what came of it."""
    figures = {}
    rng = random.Random(SEED)
    for size in SIZES:
        counts = dict.fromkeys(("true", "false", "missed", "sound", "planted", "found", "named"), 0)
        for recording in recordings:
            for first in range(0, len(recording.rows) - LENGTH + 1, LENGTH):
                stretch = recording.rows[first : first + LENGTH]
                for channel in range(len(recording.channels)):
                    hurt = _hurt(stretch, channel, rng.choice((-size, size)), rng.choice(RAMPS), learn)
                    _watch(recording.channels, hurt, channel, learn, counts)
        row = figures[f"{size:g}"] = {
            "f1": 2.0 * counts["true"] / max(1, 2 * counts["true"] + counts["false"] + counts["missed"]),
            "false_alarms_percent": 100.0 * counts["false"] / max(1, counts["false"] + counts["sound"]),
            "missed_percent": 100.0 * counts["missed"] / max(1, counts["true"] + counts["missed"]),
            **{name: counts[name] for name in ("planted", "found", "named")},
        }
        print(
            f"  offset {size:g} planted: F1 {row['f1']:.3f}  false alarms {row['false_alarms_percent']:.1f} %  "
            f"missed {row['missed_percent']:.1f} %; found {row['found']} of {row['planted']}, "
            f"of those the sensor that was hurt named first {row['named']}"
        )
    print()
    return figures


def _hurt(rows: Sequence[Sequence[float]], channel: int, sigmas: float, ramp: int, learn: int) -> list[list[float]]:
    known = [row[channel] for row in rows[:learn]]
    mean = sum(known) / learn
    offset = sigmas * (sum((x - mean) ** 2 for x in known) / learn) ** 0.5
    hurt = [list(row) for row in rows]
    for i in range(FIRST, LAST):
        hurt[i][channel] += offset * min(1.0, (i - FIRST + 1) / ramp)
    return hurt


def _watch(channels: list[str], rows: list[list[float]], hurt: int, learn: int, counts: dict[str, int]) -> None:
    """Run it; the first alarm that is raised in its rows finds a fault, and names the sensor first or does not."""
    bank = MachineBank(channels, learn)
    was = 0
    found = named = False
    for i, row in enumerate(rows):
        _, prediction, shares = bank.observe(float(i), row)
        faulty = FIRST <= i < LAST
        if prediction > was and faulty and not found:
            found = True
            named = max(shares, key=shares.__getitem__) == channels[hurt]
        if i >= learn:
            counts[("true" if faulty else "false") if prediction else "missed" if faulty else "sound"] += 1
        was = prediction
    counts["planted"] += 1
    counts["found"] += found
    counts["named"] += named
