"""The cheap bank: limits and one statistical detector, for the most sensors that a core can watch.

Of a sensor it sees: a value over its limits, out of the instrument's range, far from an exponentially weighted mean in
units of its standard deviation; silence; repeats and disorder of numbers. Almost every reading takes one comparison of
each and an update of two floats. The mean and variance are those of Finch, "Incremental calculation of weighted mean
and variance" (2009).
"""

from __future__ import annotations

import math
from collections.abc import Sequence as Sequence_

import msgspec

from detectors.cheap_state import CheapState
from detectors.finding import Finding, duration, number
from detectors.limits import Limits
from detectors.pauses import Pause, cut, paused, pruned, with_pause
from detectors.plain import packed, unpacked
from detectors.profile import Profile
from detectors.sequence import DUPLICATE, IN_ORDER, Sequence

VERSION = 0xC1
NOTHING: tuple[Finding, ...] = ()
RATE = 1.0 / 64.0
#: Deviations beyond so many standard deviations are spikes; they teach no more than one at the limit would.
Z_LIMIT = 8.0
Z_SQUARED = Z_LIMIT * Z_LIMIT
LARGEST = 1e300
#: Arrivals until the sensor's own rhythm tells how long it may be silent.
RHYTHM = 20
LASTING = ("limit",)


class CheapBank:
    """Limits, z-score, silence, sequence: the interface of `SensorBank` at a fraction of its cost.

    Not thread-safe. Times are seconds since the epoch; `t` is event time, `arrived` and `now` the partition's clock.

    >>> bank = CheapBank(Profile(warning_high=35.0, critical_high=40.0))
    >>> [f.kind for i in range(400) for f in bank.observe(i + 1, float(i), float(i), 20.0 + i % 3)]
    []
    >>> [(f.kind, f.level) for f in bank.observe(401, 400.0, 400.0, 41.0)]
    [('limit', 2), ('spike', 1)]
    """

    __slots__ = (
        "_arrived",
        "_check_at",
        "_frozen",
        "_held",
        "_high",
        "_interval",
        "_limits",
        "_longest",
        "_low",
        "_mean",
        "_n",
        "_newest",
        "_pauses",
        "_range_high",
        "_range_low",
        "_rate",
        "_sequence",
        "_silence",
        "_variance",
        "profile",
    )  # fmt: skip

    profile: Profile
    _limits: Limits
    _sequence: Sequence
    #: kind -> (level, when it was last seen, detector)
    _held: dict[str, tuple[int, float, str]]
    _n: int
    #: the weight of the last reading: that of a plain mean at first, 1, 1/2, 1/3, until it has come down to RATE
    _rate: float
    _mean: float
    _variance: float
    _newest: float
    _arrived: float
    _longest: float
    _frozen: bool
    _pauses: list[Pause]
    _check_at: float
    _interval: float
    _silence: float
    _range_low: float
    _range_high: float
    _low: float
    _high: float

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._pauses = []
        self._begin()

    def _begin(self) -> None:
        """Nothing is known but the profile and the windows of maintenance."""
        profile = self.profile
        self._limits = _limits(profile)
        self._sequence = Sequence()
        self._held = {}
        self._n = 0
        self._rate = math.inf
        self._mean = self._variance = 0.0
        self._newest = -math.inf
        self._arrived = -math.inf
        self._longest = 0.0
        self._frozen = False
        self._check_at = math.inf
        self._interval = profile.interval or 5.0
        self._silence = 0.0
        self._range_low = -math.inf if profile.range_low is None else profile.range_low
        self._range_high = math.inf if profile.range_high is None else profile.range_high
        self._low, self._high = math.inf, -math.inf

    def observe(self, seq: int, t: float, arrived: float, x: float) -> Sequence_[Finding]:
        """Take one reading: its number (0: unknown), event time, arrival time, value (finite).

        Returns:
            What changed; almost always a shared empty tuple.
        """
        sequence = self._sequence
        d = x - self._mean
        dd = d * d
        if (
            self._low < x < self._high
            and dd <= Z_SQUARED * self._variance
            and seq == sequence.top + 1
            and t > self._newest
            and arrived - self._arrived <= self._longest
            and arrived < self._check_at
        ):
            sequence.top = seq
            sequence.newest = self._newest = t
            self._arrived = arrived
            rate = self._rate
            if rate > RATE:
                self._rate = rate = rate / (1.0 + rate)
            self._mean += rate * d
            self._variance += rate * ((1.0 - rate) * dd - self._variance)
            return NOTHING
        return self._observe(seq, t, arrived, x)

    def reject(self, arrived: float) -> Sequence_[Finding]:
        """A payload of this sensor that could not be read."""
        out: list[Finding] = []
        self._arrival(out, arrived, self._learning(arrived))
        text = "a message of this sensor could not be read"
        self._raise(out, "corrupt", 1, arrived, None, None, None, 1.0, "corrupt", text)
        return out or NOTHING

    def tick(self, now: float) -> Sequence_[Finding]:
        """The partition's clock has come to `now`: look for silence, end what ended."""
        silent = now - self._arrived
        if silent <= self._silence and now < self._check_at:
            return NOTHING
        out: list[Finding] = []
        if self._arrived > -math.inf and silent > self._silence:
            if "dropout" not in self._held:
                self._dropout(out, now, silent)
        else:
            self._expire(out, now)
        return out or NOTHING

    @property
    def due(self) -> float:
        """When `tick` will have something to do, on the clock of the arrivals, if nothing comes before."""
        if self._arrived == -math.inf or "dropout" in self._held:
            return math.inf
        return min(self._check_at, self._arrived + self._silence)

    def score_of(self, x: float) -> float:
        """The anomaly score of a value that comes next, 0 to 1; 0.5 is the limit. For backtests."""
        deviation = math.sqrt(self._variance)
        if self._n < RHYTHM and self._sequence_length() < RHYTHM:
            return 0.0
        distance = min(abs(x - self._mean), LARGEST)
        return distance / (distance + Z_LIMIT * deviation) if distance > 0.0 else 0.0

    # ------------------------------------------------------------------ operators

    def accept(self) -> Sequence_[Finding]:
        """Where the values are now is the new normal; limits stay."""
        out: list[Finding] = []
        for kind in [kind for kind in self._held if kind not in ("limit", "dropout")]:
            self._clear(out, kind, self._newest, "accepted as normal")
        self._rate = math.inf
        return out or NOTHING

    def freeze(self, frozen: bool) -> None:  # noqa: FBT001 - the one argument is what the name asks for
        """Stop learning, or go on. Alarms are raised all the same."""
        self._frozen = frozen
        self._set_bounds()

    @property
    def frozen(self) -> bool:
        """Whether an operator has stopped learning."""
        return self._frozen

    def pause(self, start: float, end: float) -> None:
        """A maintenance window, on the clock of the arrivals: nothing is learned in it, alarms are raised."""
        self._pauses = with_pause(self._pauses, start, end)
        self._set_bounds()

    def resume(self, at: float) -> None:
        """A maintenance window that is open at `at`, on the clock of the arrivals, ends there."""
        self._pauses = cut(self._pauses, at)
        self._set_bounds()

    def reset(self) -> Sequence_[Finding]:
        """Forget all that was learned, and every condition; a window of maintenance stays, and what is frozen thaws."""
        out: list[Finding] = []
        for kind in list(self._held):
            self._clear(out, kind, max(self._newest, 0.0), "forgotten by an operator")
        self._begin()
        self._set_bounds()
        return out or NOTHING

    def teach(self, kind: str, detector: str, score: float, ratio: float | None = None) -> None:
        """An alarm was false. Only of silence is there something to learn: the limit of deviations is fixed."""
        if kind == "dropout" and 0.0 < score < math.inf:
            self._longest = max(1.25 * self._longest, score / 1.4)
            self._set_silence()

    # ------------------------------------------------------------------ state

    def dump(self) -> bytes:
        """The state as bytes; the first byte is the version."""
        state = CheapState(
            self._limits, self._sequence, self._held, self._n, self._rate, self._mean, self._variance,
            self._newest, self._arrived, self._longest, self._frozen, self._pauses,
        )  # fmt: skip
        return bytes([VERSION]) + packed(state)

    @classmethod
    def load(cls, profile: Profile, data: bytes) -> CheapBank:
        """A bank that goes on where the dumped one was; limits and ranges are those of `profile`.

        Raises ValueError when the bytes are not a state of this version.
        """
        if data[:1] != bytes([VERSION]):
            raise ValueError(f"detector state has version {data[:1].hex() or 'none'}, {VERSION:02x} is wanted")
        try:
            state = unpacked(data, 1, CheapState)
        except msgspec.DecodeError as error:
            raise ValueError(f"detector state is not readable: {error}") from None
        bank = cls(profile)
        old, fresh = state.limits, bank._limits
        if (fresh.warning_high, fresh.critical_high, fresh.warning_low, fresh.critical_low, fresh.band) == (
            old.warning_high, old.critical_high, old.warning_low, old.critical_low, old.band
        ):  # fmt: skip
            bank._limits = old
        elif old.level:
            fresh.level, fresh.side = old.level, old.side
            fresh.calm_low, fresh.calm_high = math.inf, -math.inf
        bank._sequence, bank._held, bank._n = state.sequence, state.held, state.n
        bank._rate, bank._mean, bank._variance, bank._newest = state.rate, state.mean, state.variance, state.newest
        bank._arrived, bank._longest = state.arrived, state.longest
        bank._frozen, bank._pauses = state.frozen, state.pauses
        bank._set_silence()
        bank._set_bounds()
        bank._set_check()
        return bank

    # ------------------------------------------------------------------ the readings that are not as usual

    def _observe(self, seq: int, t: float, arrived: float, x: float) -> Sequence_[Finding]:
        out: list[Finding] = []
        learn = self._learning(arrived)
        self._arrival(out, arrived, learn)
        if arrived >= self._check_at:
            self._expire(out, arrived)
        in_order = True
        if seq != 0:
            verdict = self._sequence.update(seq, t)
            if verdict == DUPLICATE:
                text = f"reading {seq} came again"
                self._raise(out, "duplicate", 1, t, x, None, None, float(seq), "sequence", text)
                return out
            if verdict != IN_ORDER:
                text = f"reading {seq} came after reading {self._sequence.top}"
                self._raise(out, "order", 1, t, x, None, None, float(seq), "sequence", text)
                in_order = False
        unit = self.profile.unit
        if not self._range_low <= x <= self._range_high:
            end = self._range_low if x < self._range_low else self._range_high
            text = f"{number(x, unit)} cannot be: the instrument's range ends at {number(end, unit)}"
            self._raise(out, "corrupt", 1, t, x, None, end, x - end, "corrupt", text)
            return out
        if not self._limits.calm_low < x < self._limits.calm_high:
            self._limit(out, t, x)
        if in_order and t > self._newest:
            self._newest = t
            self._learn(out, t, x, learn)
        self._set_bounds()
        return out or NOTHING

    def _learning(self, arrived: float) -> bool:
        if self._pauses:
            self._pauses = pruned(self._pauses, max(arrived, self._arrived))
        return not self._frozen and not paused(self._pauses, arrived)

    def _learn(self, out: list[Finding], t: float, x: float, learn: bool) -> None:  # noqa: FBT001
        self._n += 1
        rate = self._rate
        if rate > RATE:
            self._rate = rate = 1.0 if rate == math.inf else rate / (1.0 + rate)
        d = x - self._mean
        dd = d * d
        bound = Z_SQUARED * self._variance
        if rate <= RATE and dd > bound:
            deviation = math.sqrt(self._variance)
            if deviation > 0.0 and self._sequence_length() > self.profile.warm_up:
                z = d / deviation
                unit, mean = self.profile.unit, self._mean
                text = f"{number(x, unit)} where {number(mean, unit)} was expected: {abs(z):.1f} standard deviations"
                limit = mean + math.copysign(Z_LIMIT * deviation, d)
                self._raise(out, "spike", 1, t, x, mean, limit, z, "z-score", text)
            if deviation > 0.0:
                d = math.copysign(Z_LIMIT * deviation, d)
                dd = bound
        if not learn:
            return
        self._mean += rate * d
        self._variance += rate * ((1.0 - rate) * dd - self._variance)

    def _sequence_length(self) -> float:
        """Readings so far: the fast path does not count them, their numbers and times do."""
        return max(self._n, self._sequence.top - self._sequence.floor)

    def _limit(self, out: list[Finding], t: float, x: float) -> None:
        limits = self._limits
        before = limits.level
        level = limits.update(x)
        if level == before:
            return
        unit = self.profile.unit
        if level == 0:
            self._clear(out, "limit", t, f"{number(x, unit)} is back within the limits", value=x)
            return
        crossed = limits.crossed()
        where = "above" if limits.side > 0 else "below"
        name = "critical" if level == 2 else "warning"
        text = f"{number(x, unit)} is {where} the {name} limit {number(crossed, unit)}"
        self._raise(out, "limit", level, t, x, None, crossed, x - crossed, "limit", text)

    def _set_bounds(self) -> None:
        """Between these the fast path may run: nothing of limits or range can change."""
        if self._n < RHYTHM and self._sequence_length() < RHYTHM:
            return
        self._set_silence()
        if self._frozen or self._pauses:
            # The fast path learns.
            self._low, self._high = math.inf, -math.inf
            return
        self._low = max(self._limits.calm_low, math.nextafter(self._range_low, -math.inf))
        self._high = min(self._limits.calm_high, math.nextafter(self._range_high, math.inf))

    # ------------------------------------------------------------------ silence

    def _arrival(self, out: list[Finding], arrived: float, learn: bool) -> None:  # noqa: FBT001
        gap = arrived - self._arrived
        if gap < 0.0:
            return
        self._arrived = arrived
        silent = gap > self._silence > 0.0 and gap < math.inf
        if "dropout" in self._held:
            self._clear(out, "dropout", arrived, "readings come again")
        elif silent:
            self._dropout(out, arrived, gap)
        if learn and gap < math.inf and gap > self._longest:
            # A silence teaches little: a sensor that fails often is not thereby excused.
            self._longest = min(gap, max(self._silence / 1.5, 1.1 * self._longest)) if silent else gap
        self._set_silence()

    def _set_silence(self) -> None:
        base = max(4.0 * self._interval, 1.5 * self._longest, 3.0)
        self._silence = base if self._n >= RHYTHM or self._sequence_length() >= RHYTHM else max(base, 60.0)

    def _dropout(self, out: list[Finding], now: float, silent: float) -> None:
        text = f"no reading for {duration(silent)}; at most {duration(self._longest)} is usual"
        self._raise(out, "dropout", 1, now, None, None, None, silent, "silence", text)

    # ------------------------------------------------------------------ conditions

    def _raise(
        self,
        out: list[Finding],
        kind: str,
        level: int,
        t: float,
        value: float | None,
        expected: float | None,
        limit: float | None,
        score: float,
        detector: str,
        message: str,
    ) -> None:
        held = self._held.get(kind)
        self._held[kind] = (level, self._arrived, detector)
        self._set_check()
        if held is None or held[0] != level:
            out.append(Finding(kind, level, t, value, expected, limit, score, detector, message))

    def _clear(self, out: list[Finding], kind: str, t: float, message: str, value: float | None = None) -> None:
        held = self._held.pop(kind, None)
        self._set_check()
        if held is not None:
            out.append(Finding(kind, 0, t, value, None, None, 0.0, held[2], message))

    def _expire(self, out: list[Finding], now: float) -> None:
        quiet = self._quiet()
        for kind, (_, seen, _) in list(self._held.items()):
            if kind not in LASTING and kind != "dropout" and now >= seen + quiet:
                self._clear(out, kind, now, f"not seen again for {duration(quiet)}")

    def _set_check(self) -> None:
        transient = [seen for kind, (_, seen, _) in self._held.items() if kind not in LASTING and kind != "dropout"]
        self._check_at = min(transient) + self._quiet() if transient else math.inf
        if "dropout" in self._held:
            # Whatever comes next ends it, and only the slow path looks.
            self._check_at = -math.inf

    def _quiet(self) -> float:
        return max(self.profile.quiet, 20.0 * self._interval)


def _limits(profile: Profile) -> Limits:
    return Limits.of(
        profile.warning_high, profile.critical_high, profile.warning_low, profile.critical_low, profile.deadband
    )
