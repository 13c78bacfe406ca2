"""Explanations: what a detector saw, against what it expected and where its limit was, in the sensor's unit."""

from __future__ import annotations

import math

from detectors.finding import Finding, number
from detectors.level import Level
from detectors.stuck import Stuck
from detectors.values import Values


def signal(kind: str, values: Values, t: float, x: float, unit: str) -> Finding:
    """The finding of a statistical condition that holds now."""
    if kind == "spike":
        return _spike(values, t, x, unit)
    if kind == "noise":
        return _noise(values, t, x, unit)
    if kind == "level":
        return _level(values, t, x, unit)
    if kind == "drift":
        return _drift(values, t, x, unit)
    if kind == "stuck":
        return _stopped(values, t, x, unit)
    return _anomaly(values, t, x, unit)


def _spike(values: Values, t: float, x: float, unit: str) -> Finding:
    if values.doubted:
        to, back = values.doubt + values.doubted, values.doubt
        text = f"jumped from {number(back, unit)} to {number(to, unit)}, and was back at once"
        return Finding("spike", 1, t, x, back, None, values.doubted, "spike", text)
    z, detector = values.z, values.spike
    if not detector.ratio(z) > 1.0:
        z, detector = values.local.pair, values.pair
    expected = values.local.before
    limit = expected + math.copysign(detector.limit(z), z) * values.local.s
    text = f"{number(x, unit)} where {number(expected, unit)} was expected: {abs(z):.1f} times the usual scatter"
    return Finding("spike", 1, t, x, expected, limit, z, "spike", text)


def _noise(values: Values, t: float, x: float, unit: str) -> Finding:
    noise, scatter = values.noise, values.local.s
    text = f"scatters {noise.mean:.1f} times as much as usual ({number(scatter, unit)})"
    return Finding("noise", 1, t, x, values.local.before, noise.tail.limit * scatter, noise.mean, "noise", text)


def _level(values: Values, t: float, x: float, unit: str) -> Finding:
    step = values.step
    if step.held:
        mean, base = step.base + step.size, step.base
        reach = (step.up if step.size > 0.0 else step.down).limit * values.local.s
        text = f"stepped from {number(base, unit)} to {number(mean, unit)}"
        name = "step"
    elif values.points.held and not (values.short.side or values.medium.side):
        return _points(values, t, x, unit)
    else:
        name, level = _raised(values)
        mean, base = level.mean, level.center
        reach = (level.up if level.side > 0 else level.down).limit
        where = "above" if level.side > 0 else "below"
        text = (
            f"the mean {number(mean, unit)} is further {where} {number(base, unit)} than usual ({number(reach, unit)})"
        )
    limit = base + math.copysign(reach, mean - base) if reach < math.inf else None
    return Finding("level", 1, t, x, base, limit, mean - base, name, text)


def _points(values: Values, t: float, x: float, unit: str) -> Finding:
    points = values.points
    known = points.nearest()
    text = f"settled at {number(points.last, unit)}, where it never was; the nearest known is {number(known, unit)}"
    return Finding("level", 1, t, x, known, None, points.last - known, "points", text)


def _raised(values: Values) -> tuple[str, Level]:
    return ("short", values.short) if values.short.side else ("medium", values.medium)


def _drift(values: Values, t: float, x: float, unit: str) -> Finding:
    drift = values.drift
    where = "up" if drift.total > 0.0 else "down"
    text = f"has kept going {where}, now {number(drift.last, unit)}: {abs(drift.total):.1f} usual steps one way"
    return Finding("drift", 1, t, x, None, None, drift.total, "drift", text)


def _stopped(values: Values, t: float, x: float, unit: str) -> Finding:
    swings = values.kind.fast
    low, high = number(swings.low, unit), number(swings.high, unit)
    longer = swings.since / swings.longest
    text = f"has stopped: no period between {low} and {high} for {longer:.1f} times as long as the longest"
    return Finding("stuck", 1, t, x, None, None, float(swings.since), "swings", text)


def _anomaly(values: Values, t: float, x: float, unit: str) -> Finding:
    novelty = values.novelty
    view = novelty.strongest()
    expected = novelty.value_record.mean
    if view == "change":
        expected = novelty.before
        text = (
            f"changed from {number(expected, unit)} to {number(x, unit)} between two readings, as it hardly ever does"
        )
    elif view == "week":
        expected = x - novelty.weekly.residual
        text = f"{number(x, unit)} where about {number(expected, unit)} is usual at this hour of the week"
    elif view == "mean":
        text = f"the mean of its last readings, {number(novelty.mean, unit)}, is where it hardly ever was"
    elif view == "recent":
        text = f"the mean of its last four readings, {number(novelty.recent, unit)}, is where it hardly ever was"
    else:
        text = f"{number(x, unit)} is a value that it hardly ever has; its long mean is {number(expected, unit)}"
    return Finding("anomaly", 1, t, x, expected, None, values.novelty_score, view, text)


def stuck(detector: Stuck, t: float, unit: str) -> Finding:
    """The same value for too long."""
    x = detector.last
    text = f"{number(x, unit)} for {detector.run + 1} readings in a row (usual: at most {detector.longest + 1})"
    return Finding("stuck", 1, t, x, None, None, float(detector.run), "stuck", text)


def rail(x: float, run: int, t: float, unit: str) -> Finding:
    """The value stands at an end of the instrument's range."""
    text = f"{number(x, unit)} is the end of the instrument's range"
    return Finding("rail", 2, t, x, None, x, float(run), "rail", text)
