"""A sensor's readings about an alarm through its detectors once more, as `controlroom backtest` runs them.

What the detectors expected and how near they were to their limits is not stored with each reading. It is computed again
by detectors that are set as the plant's are and have learned from the stored readings before, and from nothing else.
The plant's may have learned for longer, and operators may have told them something.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from controlroom.core.backtest.series import Outcome, Sample
from controlroom.core.backtest.watch import SensorRun
from controlroom.core.thinning import thinned_indices
from controlroom.core.why.model import Curve, Evidence
from detectors import Profile, SensorBank, evidence

#: readings from which the detectors learn what is usual, before the span that is shown
LEARN = 20_000
#: stretches of a span, of each of which an evidence keeps its highest; and those of a curve
STRETCHES = 240
DOTS = 400
SILENT_STEPS = 60
#: the usual values are taken from so many readings before the alarm, and from so few no more
USUAL, FEWEST = 1_000, 20
#: the share of them that is left out at each end
LEFT_OUT = 0.01
#: multiples of its limit from which on a detector is worth a line
LEAST_SHOWN = 0.05
_SILENCE = "dropout"

Range = tuple[float, float]


@dataclass(slots=True)
class Rerun:
    """What came of the readings of a span, by reading.

    Attributes:
        times, values: of the readings, in order of event time.
        bands: between which values each was expected; None: the detector had not learned it.
        multiples: by kind of condition, (time, statistic over its limit).
        learned: readings before, from which the detectors have learned.
    """

    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    bands: list[Range | None] = field(default_factory=list)
    multiples: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    learned: int = 0


def rerun(
    profile: Profile,
    before: Sequence[Sample],
    inside: Sequence[Sample],
    *,
    kind: str,
    detector: str,
    until: float,
) -> Rerun:
    """Run them; the band is that of the detector which raised the alarm.

    Args:
        profile: how the plant's detectors of this sensor are set.
        before: readings to learn from, in the order in which they came; each with a value and its arrival.
        inside: those of the span.
        kind: of the alarm.
        detector: that raised it, as its finding names it.
        until: event time until which a silence after the last reading is followed.
    """
    bank = SensorBank(profile)
    outcome = Outcome("")
    run = SensorRun(bank, outcome)
    found = Rerun(learned=len(before))
    for sample in sorted(before, key=_arrival):
        run.take(sample)
    outcome.raised.clear()
    usual = _usual(before if len(before) >= FEWEST else inside)
    for sample in sorted(inside, key=_arrival):
        band, silent = evidence.expected(bank, kind, detector), evidence.silence(bank, _arrival(sample))
        run.take(sample)
        if sample.value is None or (found.times and sample.t <= found.times[-1]):
            continue  # out of order: only faults of the messages are found in it
        here = {_SILENCE: silent, **evidence.multiples(bank), **_of_facts(profile, sample, sample.value, found, usual)}
        found.times.append(sample.t)
        found.values.append(sample.value)
        found.bands.append(band)
        for name, multiple in here.items():
            found.multiples.setdefault(name, []).append((sample.t, multiple))
    _follow_silence(bank, inside, until, found)
    measured = frozenset(found.multiples)
    for raised in outcome.raised:
        # What has no statistic was found, or was not.
        if raised.finding.kind not in measured:
            found.multiples.setdefault(raised.finding.kind, []).append((raised.finding.t, 1.0))
    watched = {*profile.detectors, *(("anomaly",) if profile.extra else ())}
    found.multiples = {name: sorted(points) for name, points in found.multiples.items() if name in watched}
    return found


def evidence_of(found: Rerun, axis: Range, window: Range, rang: Mapping[str, float]) -> tuple[Evidence, ...]:
    """By detector, those that rang first first, then those that were over their limits, then by how near they came.

    Args:
        found: what came of the readings.
        axis: the span.
        window: the time of the disturbance, in which it counts when a limit was passed.
        rang: by kind, when its alarm was raised in this time.
    """
    all_of = []
    for kind in dict.fromkeys((*rang, *found.multiples)):
        points = found.multiples.get(kind, [])
        highest_at, highest = max(points, key=lambda point: point[1], default=(axis[0], 0.0))
        over = next((at for at, multiple in points if multiple >= 1.0 and window[0] <= at <= window[1]), None)
        thin = _highest(points, axis, STRETCHES)
        all_of.append(Evidence(kind, thin, highest, highest_at, over, rang.get(kind)))
    never = math.inf
    # A detector that had nothing to say is not shown.
    all_of = [one for one in all_of if one.highest >= LEAST_SHOWN or one.rang_at is not None]
    all_of.sort(key=lambda one: (one.rang_at or never, one.over_at or never, -one.highest, one.kind))
    return tuple(all_of)


def curve_of(found: Rerun, axis: Range, bands: Sequence[Range | None]) -> Curve:
    """The curve, thinned."""
    kept = thinned_indices(found.times, found.values, axis, DOTS)
    chosen = [bands[index] for index in kept]
    return Curve(
        tuple(found.times[index] for index in kept),
        tuple(found.values[index] for index in kept),
        tuple(None if band is None else band[0] for band in chosen),
        tuple(None if band is None else band[1] for band in chosen),
    )


def usual_range(values: Sequence[float]) -> Range | None:
    """Where the values were but for the outermost hundredth at each end; None of too few.

    >>> usual_range([float(i) for i in range(1000)]), usual_range([1.0, 2.0])
    ((10.0, 989.0), None)
    """
    if len(values) < FEWEST:
        return None
    ordered = sorted(values)
    out = int(LEFT_OUT * len(ordered))
    return ordered[out], ordered[-1 - out]


def _arrival(sample: Sample) -> float:
    return sample.t if sample.arrived is None else sample.arrived


def _usual(samples: Sequence[Sample]) -> float | None:
    values = [sample.value for sample in samples[-USUAL:] if sample.value is not None]
    return median(values) if values else None


def _of_facts(profile: Profile, sample: Sample, value: float, found: Rerun, usual: float | None) -> dict[str, float]:
    """How near the sensor's own limits were, which need no learning."""
    told: dict[str, float] = {}
    if usual is not None and limits_of(profile):
        told["limit"] = limit_multiple(value, usual, profile)
    if profile.rate_limit is not None and found.times:
        told["rate"] = abs(value - found.values[-1]) / max(1e-6, sample.t - found.times[-1]) / profile.rate_limit
    return told


def limits_of(profile: Profile) -> tuple[tuple[str, float], ...]:
    """The sensor's own limits, as ("warning" or "critical", value)."""
    named = (
        ("warning", profile.warning_high),
        ("critical", profile.critical_high),
        ("warning", profile.warning_low),
        ("critical", profile.critical_low),
    )
    return tuple((name, value) for name, value in named if value is not None)


def limit_multiple(value: float, usual: float, profile: Profile) -> float:
    """How far a value is on the way from the usual one to the nearer of the sensor's limits; 1.0 is the limit.

    >>> profile = Profile(warning_high=30.0, critical_high=40.0)
    >>> [limit_multiple(value, 20.0, profile) for value in (20.0, 25.0, 30.0, 40.0)]
    [0.0, 0.5, 1.0, 2.0]
    """
    nearest = 0.0
    for limit, side in (
        (profile.warning_high if profile.warning_high is not None else profile.critical_high, 1.0),
        (profile.warning_low if profile.warning_low is not None else profile.critical_low, -1.0),
    ):
        if limit is None:
            continue
        way = (limit - usual) * side
        # A sensor that is usually beyond its limit is beyond it, or it is not.
        nearest = max(nearest, (value - usual) * side / way if way > 0.0 else float((value - limit) * side >= 0.0))
    return min(evidence.MOST, nearest)


def _follow_silence(bank: SensorBank, inside: Sequence[Sample], until: float, found: Rerun) -> None:
    """After the last reading nothing comes: how the silence grows."""
    last = max(inside, key=_arrival, default=None)
    if last is None or until <= last.t:
        return
    for step in range(1, SILENT_STEPS + 1):
        passed = (until - last.t) * step / SILENT_STEPS
        multiple = evidence.silence(bank, _arrival(last) + passed)
        found.multiples.setdefault(_SILENCE, []).append((last.t + passed, multiple))


def _highest(points: Sequence[tuple[float, float]], axis: Range, stretches: int) -> tuple[tuple[float, float], ...]:
    start, end = axis
    size = (end - start) / stretches or 1.0
    kept: dict[int, tuple[float, float]] = {}
    for at, multiple in points:
        stretch = int((at - start) / size)
        if stretch not in kept or multiple > kept[stretch][1]:
            kept[stretch] = (at, multiple)
    return tuple(kept[stretch] for stretch in sorted(kept))
