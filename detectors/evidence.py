"""Evidence: how near each detector of a bank is to its limit, and where it expects the values to be.

For whoever runs recorded readings through a bank to show why an alarm was raised. A bank in a worker is never asked:
what is here costs nothing on the path of a reading.
"""

from __future__ import annotations

import math

from detectors.bank import SensorBank, State
from detectors.drift import LEAST
from detectors.level import BEYOND, Level
from detectors.local import START
from detectors.rail import HOLD
from detectors.spike import Spike
from detectors.values import STILL, Values

#: kinds that are judged by a mean of readings; the others are judged by the reading itself
_OF_MEANS = frozenset({"level", "drift"})
#: the members of `Novelty` count with this power, so its sum grows with it
_POWER = 6.0
#: a multiple is at most this much: what is divided by next to nothing says no more
MOST = 999.0


def multiples(bank: SensorBank) -> dict[str, float]:
    """By kind of condition, the statistic of its detector over the limit, as of the last reading; 1.0 is an alarm.

    Kinds that have no statistic (faults of the messages, the sensor's own limits) are not there. A detector that has
    not learned its limit yet says 0.0.

    >>> from detectors.profile import Profile
    >>> bank = SensorBank(Profile(interval=1.0))
    >>> for i in range(4000):
    ...     _ = bank.observe(i + 1, float(i), float(i), 20.0 + (i * 7919 % 101) / 101)
    >>> multiples(bank)["spike"] < 1.0
    True
    >>> _ = bank.observe(4001, 4000.0, 4000.0, 35.0)
    >>> multiples(bank)["spike"] > 1.0
    True
    """
    state = _state(bank)
    values, stuck = state.values, state.stuck
    found = {"rail": state.rail.run / HOLD}
    if state.rail.run:
        # What stands at an end of the range is judged by nothing else.
        found |= dict.fromkeys(("stuck", "spike", "noise", "level", "drift"), 0.0)
    else:
        found["stuck"] = max(stuck.run / stuck.limit, float(values.kind.fast.stopped))
        if values.rare:
            found["anomaly"] = _anomaly(values)
        else:
            found |= {
                "spike": _spike(values),
                "noise": _noise(values),
                "level": _level(values),
                "drift": _drift(values),
            }
    watched = bank.profile.detectors
    return {kind: min(MOST, value) for kind, value in found.items() if kind in watched and math.isfinite(value)}


def silence(bank: SensorBank, arrived: float) -> float:
    """The time since the last arrival over how long the sensor may be silent, just before a reading at `arrived`."""
    quiet = _state(bank).silence
    return min(MOST, max(0.0, arrived - quiet.last) / quiet.limit) if quiet.n else 0.0


def expected(bank: SensorBank, kind: str, detector: str = "") -> tuple[float, float] | None:
    """Between which values the detector of this kind expects the next reading, or the mean, in the sensor's unit.

    Args:
        bank: before it has seen the reading.
        kind: of condition. Of the kinds that have no expectation of their own, it is that of single readings.
        detector: which of several detectors of the kind, as its finding names it.

    Returns:
        (lowest, highest), or None while the detector has not learned what to expect.
    """
    values = _state(bank).values
    if values.rare or values.local.n < START:
        return None
    if kind not in _OF_MEANS:
        return _of_readings(values)
    if kind == "drift" or detector == "medium":
        return _of_level(values.medium)
    if detector == "step":
        return _of_step(values)
    return _of_level(values.short) or _of_step(values)


def of_means(kind: str) -> bool:
    """Whether `expected` speaks of means of readings."""
    return kind in _OF_MEANS


def _state(bank: SensorBank) -> State:
    return bank._state  # noqa: SLF001 - what is here is a part of the bank that its hot path does without


def _of_readings(values: Values) -> tuple[float, float] | None:
    """A reading is a spike when it is beyond the limit of all three predictors."""
    local, spike = values.local, values.spike
    predicted = (local.last, local.fast, local.slow)
    return _finite(min(predicted) - spike.down.limit * local.s, max(predicted) + spike.up.limit * local.s)


def _of_level(level: Level) -> tuple[float, float] | None:
    if level.n * level.center_rate < 1.0:
        return None
    room = BEYOND * (level.high - level.low)
    return _finite(
        min(level.center - level.down.limit, level.low - room), max(level.center + level.up.limit, level.high + room)
    )


def _of_step(values: Values) -> tuple[float, float] | None:
    step, scatter = values.step, values.local.s
    base = step.base if step.held else step.slow
    return _finite(base - step.down.limit * scatter, base + step.up.limit * scatter)


def _finite(low: float, high: float) -> tuple[float, float] | None:
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _spike(values: Values) -> float:
    if values.same > STILL or values.local.n < START:
        return 0.0
    ratios: list[tuple[Spike, float]] = [(values.spike, values.z), (values.pair, values.local.pair)]
    return max(detector.ratio(z) for detector, z in ratios)


def _noise(values: Values) -> float:
    noise = values.noise
    return max(_over(noise.mean, noise.tail.limit), _over(noise.long, noise.long_tail.limit))


def _level(values: Values) -> float:
    step, scatter = values.step, values.local.s
    nearest = max(_of(values.short), _of(values.medium), float(values.points.held))
    if scatter > 0.0:
        away = step.fast - (step.base if step.held else step.slow)
        nearest = max(nearest, _over(abs(away), (step.up if away > 0.0 else step.down).limit * scatter))
    return nearest


def _of(level: Level) -> float:
    """A mean rings when it is beyond its limit, and where it has never been: the lesser of the two counts."""
    if level.n * level.center_rate < 1.0:
        return 0.0
    d = level.mean - level.center
    if level.side:
        return _over(abs(d), level.back)
    room = BEYOND * (level.high - level.low)
    if d > 0.0:
        return _over(d, max(level.up.limit, level.high + room - level.center))
    return _over(-d, max(level.down.limit, level.center - level.low + room))


def _drift(values: Values) -> float:
    drift = values.drift
    return _over(abs(drift.total), max(LEAST, (drift.up if drift.total > 0.0 else drift.down).limit))


def _anomaly(values: Values) -> float:
    score = values.novelty_score
    odds = score / (1.0 - score) if score < 1.0 else MOST
    return float(odds ** (1.0 / _POWER))


def _over(size: float, limit: float) -> float:
    return size / limit if 0.0 < limit < math.inf else 0.0
