"""Generated signals of every kind a sensor can have, without a fault or with one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

Shape = Callable[[int, float, random.Random], float]
"""The value between about -1 and 1 at a reading's index, for a period in readings."""


def _sine(i: int, period: float, _: random.Random) -> float:
    return math.sin(2.0 * math.pi * i / period)


def _two_sines(i: int, period: float, _: random.Random) -> float:
    return 0.6 * math.sin(2.0 * math.pi * i / period) + 0.4 * math.sin(2.0 * math.pi * i / (period * 0.382))


def _triangle(i: int, period: float, _: random.Random) -> float:
    return 4.0 * abs(i / period % 1.0 - 0.5) - 1.0


def _saw(i: int, period: float, _: random.Random) -> float:
    return 2.0 * (i / period % 1.0) - 1.0


def _charge(i: int, period: float, _: random.Random) -> float:
    """Charged through a resistor for half of the period, discharged for the other."""
    phase = i / period % 1.0
    top = math.tanh(2.5)  # where it has come to when the other half begins
    way = (1.0 + top) * math.exp(-10.0 * (phase % 0.5))
    return 1.0 - way if phase < 0.5 else way - 1.0


def _square(duty: float) -> Shape:
    # Not `i / period % 1.0`: its rounding makes a pulse longer now and then.
    return lambda i, period, _: 1.0 if i % period < duty * period else -1.0


def _staircase(i: int, period: float, _: random.Random) -> float:
    """Eight steps up, and back at once."""
    return 2.0 * int(8.0 * (i / period % 1.0)) / 7.0 - 1.0


def _counter(i: int, period: float, _: random.Random) -> float:
    """Counts up to a wrap: whole numbers, so that it repeats itself where it is slow."""
    return 2.0 * (int(i % period * 1000.0 / period) / 1000.0) - 1.0


def _coarse_sine(i: int, period: float, _: random.Random) -> float:
    return round(3.0 * math.sin(2.0 * math.pi * i / period)) / 3.0


def _ramp(i: int, period: float, _: random.Random) -> float:
    """Goes on for ever: a total, an age."""
    return 2.0 * i / period


class _Held:
    """Values that are held for a random time, drawn anew at its end."""

    def __init__(self, draw: Callable[[random.Random, float], float]) -> None:
        self.draw = draw
        self.until = -1
        self.value = 0.0

    def __call__(self, i: int, period: float, rng: random.Random) -> float:
        if i > self.until:
            self.until = i + max(1, int(rng.uniform(0.25, 0.75) * period))
            self.value = self.draw(rng, self.value)
        return self.value


SHAPES: dict[str, Callable[[], Shape]] = {
    "sine": lambda: _sine,
    "two sines": lambda: _two_sines,
    "triangle": lambda: _triangle,
    "saw": lambda: _saw,
    "charge": lambda: _charge,
    "square": lambda: _square(0.5),
    "pulse": lambda: _square(0.1),
    "staircase": lambda: _staircase,
    "counter": lambda: _counter,
    "coarse sine": lambda: _coarse_sine,
    "ramp": lambda: _ramp,
    "set-points": lambda: _Held(lambda rng, _: rng.choice((-1.0, -0.4, 0.1, 0.7, 1.0))),
    "rare steps": lambda: _Held(lambda rng, _: rng.uniform(-1.0, 1.0)),
    "on and off": lambda: _Held(lambda _, value: -1.0 if value > 0.0 else 1.0),
}
#: Families that jump, or rest and go. After thousands of readings of nothing but noise a jump is an event, whatever
#: comes after it: with noise, they are drawn with periods of so many readings at most.
JUMPING = (
    "saw",
    "charge",
    "square",
    "pulse",
    "staircase",
    "counter",
    "coarse sine",
    "set-points",
    "rare steps",
    "on and off",
)
LONGEST_NOISY = 1000
FAULTS = ("spike", "offset", "stuck", "noise", "stop")


@dataclass(frozen=True, slots=True)
class Signal:
    """One generated series.

    Attributes:
        family: of `SHAPES`.
        period: readings in a period, 3 or more; of held values about two holds.
        amplitude, offset: in the unit of the values.
        noise: standard deviation of white noise, in amplitudes.
        step: values are rounded to multiples of so many amplitudes; 0: not at all.
        interval: seconds between two readings; jitter: how far a time is off at the most, in intervals.
        seed: of noise, jitter and held values.
    """

    family: str
    period: float
    amplitude: float = 1.0
    offset: float = 0.0
    noise: float = 0.0
    step: float = 0.0
    interval: float = 1.0
    jitter: float = 0.0
    seed: int = 1

    def values(self, count: int) -> list[float]:
        """The first so many values."""
        rng = random.Random(self.seed)
        shape = SHAPES[self.family]()
        start = rng.randrange(int(self.period)) if self.family != "ramp" else 0
        unit = self.step * self.amplitude
        values = []
        for i in range(start, start + count):
            x = self.offset + self.amplitude * shape(i, self.period, rng)
            if self.noise:
                x += rng.gauss(0.0, self.noise * self.amplitude)
            values.append(round(x / unit) * unit if unit else x)
        return values

    def times(self, count: int) -> list[float]:
        """When they were read, seconds."""
        rng = random.Random(self.seed + 1)
        far = 0.5 * self.jitter
        return [self.interval * (i + rng.uniform(-far, far)) for i in range(count)]

    def with_fault(self, fault: str, count: int, length: int) -> list[float]:
        """As `values`, with a fault of `FAULTS` in the last `length` readings (a spike: in the first two of them)."""
        values = self.values(count)
        begin = count - length
        rng = random.Random(self.seed + 2)
        last, scale = values[begin - 1], self.amplitude
        for i in range(begin, count):
            if fault == "spike":
                values[i] += 5.0 * scale if i < begin + 2 else 0.0
            elif fault == "offset":
                values[i] += 5.0 * scale
            elif fault == "noise":
                values[i] += rng.gauss(0.0, 2.0 * scale)
            elif fault == "stuck":
                values[i] = last
            else:
                values[i] = last + rng.gauss(0.0, self.noise * scale)
        return values


def drawn(family: str, seed: int) -> Signal:
    """A signal of the family with parameters drawn at random."""
    rng = random.Random(f"{family} {seed}")
    amplitude = 10.0 ** rng.uniform(-3.0, 4.0)
    signal = Signal(
        family, period=round(10.0 ** rng.uniform(math.log10(3.0), 5.0)), amplitude=amplitude,
        offset=rng.choice((0.0, rng.uniform(-20.0, 20.0) * amplitude)), interval=10.0 ** rng.uniform(-1.0, 1.477),
        jitter=rng.choice((0.0, 0.0, 0.3)), seed=seed,
    )  # fmt: skip
    kind = rng.randrange(3)
    if kind == 1:
        return replace(signal, step=10.0 ** rng.uniform(-4.0, -1.5))
    if kind == 2 and (family not in JUMPING or signal.period <= LONGEST_NOISY):
        return replace(signal, noise=10.0 ** rng.uniform(-5.0, -2.5))
    return signal
