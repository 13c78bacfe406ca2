"""Kind: what sort of signal a sensor has, found from its readings, and whether its whole range has been seen."""

from __future__ import annotations

import msgspec

from detectors.plain import plain_stores

#: The kinds of signals. The first three are judged by their scatter, the others by what they have done before.
SIGNALS = ("noisy", "quantised", "switched", "held", "smooth", "periodic", "counter")
REGULAR_SIGNALS = SIGNALS[3:]
#: Of readings that equal the one before: from these shares on a signal is quantised, is held.
REPEATS, HELD = 0.05, 0.4

# Of white noise one sample in twelve goes on as the one before it, of a random walk one in six, of a sine with 30
# samples a period nine in ten, of held values all but those at a change. The two limits are far from both.
REGULAR, IRREGULAR = 0.45, 0.3
GOES_ON = 0.5
KNOWN = 12
MEMORY = 64
# A machine can rest for hours and move for hours: how it is from minute to minute is told by most of a day.
MINUTES = 960
# A turn is a way back of a quarter of the range; four of them are two periods.
SWING, TURNS = 0.25, 4
GROWN = 1.25
# A signal is periodic whose longest period of eight or more is near their mean; it has stopped after three more.
# Of a period with fewer samples than four it cannot be told.
EVEN, EVEN_AFTER, MANY, SAMPLED = 1.3, 8, 64, 4
STOPPED, SLACK = 3, 8


@plain_stores
class Regular(msgspec.Struct, gc=False, array_like=True):
    """How regular a series is at one time scale.

    A sample is regular where its step is within half of the step before it: the series goes on as it did. Noise seldom
    does, smooth series do nearly always, and values that are held do while they are held. It depends on no unit, and
    rare jumps do not hide it.

    Attributes:
        n: samples seen, up to the memory.
        share: of the samples of the memory, those that are regular.
        structured: whether the series is regular.

    >>> scale = Regular()
    >>> for i in range(40): scale.update(0.1, 0.01 if i % 10 else 2.0)
    >>> scale.structured
    True
    """

    n: int = 0
    share: float = 0.0
    structured: bool = False

    def update(self, step: float, change: float, memory: int = MEMORY) -> None:
        """Take a step, and how much it differs from the step before it; the share is that of `memory` samples."""
        n = self.n
        if n < memory:
            n = self.n = n + 1
        self.share += ((abs(change) <= GOES_ON * abs(step)) - self.share) / n
        if n >= KNOWN:
            self.structured = self.share > (IRREGULAR if self.structured else REGULAR)


@plain_stores
class Swings(msgspec.Struct, gc=False, array_like=True):
    """How often a series has turned since its range was last seen to grow, and whether it has stopped turning.

    What a regular series does next is told by what it did, so that it can be judged when its range has been seen: it
    has turned four times since the range last grew by a quarter. Where its periods were even, and none has ended for
    three times the longest, it has stopped.

    Attributes:
        low, high, closed: its range, and how wide it was when it last grew.
        extreme, rising: how far it has come since the last turn, and where it goes.
        turns: since the range grew, up to `TURNS`.
        since, periods, total, longest: samples since the last crest; how many periods from crest to crest were seen, up
            to `MANY`; how long they were together, and the longest, in samples.

    >>> swings = Swings()
    >>> [swings.update(abs(i % 20 - 10)) for i in range(300)][-1], swings.stopped
    (True, False)
    >>> [swings.update(5.0 + i % 2) for i in range(80)][-1], swings.stopped
    (True, True)
    >>> [swings.update(float(i)) for i in range(50)][-1]
    False
    """

    n: int = 0
    low: float = 0.0
    high: float = 0.0
    closed: float = 0.0
    extreme: float = 0.0
    rising: bool = True
    turns: int = 0
    since: int = 0
    periods: int = 0
    longest: int = 0
    total: int = 0

    def update(self, x: float) -> bool:
        """Take a sample; whether the range has been seen."""
        if self.n == 0:
            self.n = 1
            self.low = self.high = self.extreme = x
        elif x > self.high:
            self.high = x
        elif x < self.low:
            self.low = x
        reach = self.high - self.low
        if reach > GROWN * self.closed:
            self.closed = reach
            self.unsettle()
        way = x - self.extreme if self.rising else self.extreme - x
        self.since += 1
        if way >= 0.0:
            self.extreme = x
        elif -way > SWING * reach:
            self._turn(x)
        return self.turns >= TURNS

    @property
    def settled(self) -> bool:
        """Whether the range has been seen."""
        return self.turns >= TURNS

    @property
    def even(self) -> bool:
        """Whether its periods are even."""
        n, total = self.periods, self.total
        return n >= EVEN_AFTER and total >= SAMPLED * n and self.longest <= EVEN * total / n + 2

    @property
    def stopped(self) -> bool:
        """Whether its periods were even, and there is none any more."""
        return self.since > STOPPED * self.longest + SLACK and self.even

    def unsettle(self) -> None:
        """What it does is not known any more."""
        self.turns = self.periods = self.total = self.longest = 0

    def _turn(self, x: float) -> None:
        if self.turns < TURNS:
            self.turns += 1
        elif self.rising:
            since = self.since
            if self.periods >= MANY:
                self.total -= self.total // MANY
            else:
                self.periods += 1
            self.total += since
            self.longest = max(self.longest, since)
        if self.rising:
            self.since = 0
        self.rising = not self.rising
        self.extreme = x


@plain_stores
class Kind(msgspec.Struct, gc=False, array_like=True):
    """The kind of a signal at three time scales: of readings, of the mean of some readings, of minutes.

    A series can be noise from one reading to the next and smooth from minute to minute. Each detector asks for the
    scale that it works at.

    Attributes:
        given: the kind that the profile says, of `SIGNALS`; empty: found from the readings.
        readings, means, minutes: how regular it is at each scale.
        fast, slow: whether its range has been seen: by means of some readings, by minutes.
        size: the mean size of a step from one reading to the next, in the unit of the values.

    >>> import math
    >>> kind = Kind()
    >>> for i in range(120): kind.sample(0.1, 0.001, math.sin(i))
    >>> kind.name(0.0, switched=False)
    'periodic'
    """

    given: str = ""
    readings: Regular = msgspec.field(default_factory=Regular)
    means: Regular = msgspec.field(default_factory=Regular)
    minutes: Regular = msgspec.field(default_factory=Regular)
    fast: Swings = msgspec.field(default_factory=Swings)
    slow: Swings = msgspec.field(default_factory=Swings)
    size: float = 0.0
    mean: float = 0.0
    rise: float = 0.0
    minute: float = 0.0
    climb: float = 0.0

    def sample(self, step: float, change: float, mean: float) -> None:
        """Take a step from reading to reading, how it differs from the step before, and a mean of some readings."""
        readings = self.readings
        readings.update(step, change)
        rate = 1.0 / readings.n
        self.size += rate * (abs(step) - self.size)
        rise = mean - self.mean
        self.means.update(rise, rise - self.rise)
        self.mean, self.rise = mean, rise
        self.fast.update(mean)
        if self.given:
            readings.structured = self.given in REGULAR_SIGNALS
            self.means.structured = self.means.structured and readings.structured

    def sample_minute(self, mean: float) -> None:
        """Take the mean of a minute."""
        climb = mean - self.minute
        self.minutes.update(climb, climb - self.climb, MINUTES)
        self.minute, self.climb = mean, climb
        self.slow.update(mean)
        if self.given and self.given not in REGULAR_SIGNALS:
            self.minutes.structured = False

    @property
    def known(self) -> bool:
        """Whether enough readings were seen to tell."""
        return self.readings.n >= KNOWN

    def name(self, repeats: float, *, switched: bool) -> str:
        """The kind of the signal, of `SIGNALS`; empty while too few readings were seen.

        Args:
            repeats: the share of readings that equal the one before.
            switched: whether it is known to jump between noisy levels.
        """
        if self.given or not self.known:
            return self.given
        if not self.readings.structured:
            if switched:
                return "switched"
            return "quantised" if repeats > REPEATS else "noisy"
        if repeats > HELD:
            return "held"
        if self.fast.even:
            return "periodic"
        return "smooth" if self.fast.settled else "counter"
