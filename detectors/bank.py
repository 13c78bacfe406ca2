"""The bank: every detector of one sensor, one reading at a time, and what they find as explained conditions."""

from __future__ import annotations

import math
from collections.abc import Sequence as Series

import msgspec

from detectors import explain, registry
from detectors.conditions import Conditions
from detectors.finding import Finding, duration, number
from detectors.kind import Kind
from detectors.late import FARTHEST_S, Lateness
from detectors.limits import Limits, limits_of
from detectors.pauses import Pause, cut, paused, pruned, with_pause
from detectors.plain import packed_bank, plain_stores, unpacked_bank
from detectors.profile import CHEAP, Profile
from detectors.rail import Rail
from detectors.rate import Rate
from detectors.registry import SeriesDetector
from detectors.sequence import DUPLICATE, IN_ORDER, Sequence
from detectors.silence import Silence
from detectors.stuck import Stuck
from detectors.values import HELD_BITS, KIND_OF_BIT, Values

__all__ = ["Finding", "Profile", "SensorBank"]

VERSION = 4
NOTHING: tuple[Finding, ...] = ()
LARGEST = 1e150
QUIET_READINGS = 20.0
NOT_ACCEPTED = ("limit", "dropout")


@plain_stores
class State(msgspec.Struct, gc=False, array_like=True):
    """All that a bank has learned: what is saved, and loaded again bit for bit."""

    silence: Silence
    limits: Limits
    rail: Rail
    values: Values
    late: Lateness = msgspec.field(default_factory=Lateness)
    sequence: Sequence = msgspec.field(default_factory=Sequence)
    stuck: Stuck = msgspec.field(default_factory=Stuck)
    rate: Rate = msgspec.field(default_factory=Rate)
    conditions: Conditions = msgspec.field(default_factory=Conditions)
    extra: dict[str, bytes] = {}
    n: int = 0
    newest: float = -math.inf
    arrived: float = 0.0
    mask: int = 0
    frozen: bool = False
    pauses: list[Pause] = []
    #: time and arrival of the first reading after a silence, while what waited may be coming in; -inf: nothing may
    behind_t: float = -math.inf
    behind_arrived: float = -math.inf


class SensorBank:
    """Every detector of one sensor.

    Not thread-safe: one bank belongs to one worker. Times are seconds since the epoch; `t` is the reading's own time
    (event time), `arrived` and `now` the log-append clock of the partition. The same calls always give the same
    findings and scores, whatever batches they come in and wherever the state was dumped and loaded between them.

    >>> bank = SensorBank(Profile(unit="°C", warning_high=35.0, critical_high=40.0))
    >>> [finding.message for finding in bank.observe(1, 0.0, 0.1, 42.5)]
    ['42.5 °C is above the critical limit 40 °C']
    """

    __slots__ = (
        "_ahead",
        "_extra",
        "_high",
        "_kinds",
        "_low",
        "_rate_limit",
        "_state",
        "_values",
        "_warm_up",
        "profile",
    )

    profile: Profile
    _state: State
    _ahead: float
    _low: float
    _high: float
    _kinds: frozenset[str]
    _values: bool
    _extra: dict[str, SeriesDetector]
    _warm_up: int
    _rate_limit: float

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        interval = profile.interval
        self._state = State(
            silence=Silence(interval=interval or 5.0, known=interval is not None),
            limits=limits_of(profile),
            rail=Rail.of(profile.range_low, profile.range_high),
            values=Values(budget=profile.false_alarms_per_day, kind=Kind(given=profile.signal or "")),
        )
        self._ahead = math.inf if profile.ahead_limit is None else profile.ahead_limit
        low, high = profile.range_low, profile.range_high
        slack = 1e-6 * (high - low) if low is not None and high is not None else 0.0
        self._low = max(-LARGEST, -math.inf if low is None else low - slack)
        self._high = min(LARGEST, math.inf if high is None else high + slack)
        self._kinds = frozenset(profile.detectors) | ({"anomaly"} if profile.extra else frozenset())
        self._values = bool(frozenset(profile.detectors) - frozenset(CHEAP))
        self._extra = {name: registry.create(name) for name in profile.extra}
        self._warm_up = profile.warm_up
        self._rate_limit = math.inf if profile.rate_limit is None else profile.rate_limit

    # ------------------------------------------------------------------ readings

    def observe(self, seq: int, t: float, arrived: float, x: float) -> Series[Finding]:
        """Take one reading: its number (0: unknown), event time, arrival time, value (finite).

        Returns:
            What changed; almost always a shared empty tuple.
        """
        state = self._state
        out: list[Finding] = []
        if arrived > state.arrived:
            state.arrived = arrived
        learn = not state.frozen
        if state.pauses:
            learn = self._unless_paused(learn, arrived)
        silence = state.silence
        before = silence.last
        silent = silence.arrival(arrived, learn)
        conditions = state.conditions
        held = conditions.held
        if silent or (held and (arrived >= conditions.check_at or "dropout" in held)):
            self._arrival(out, silent, arrived)
        in_order = True
        if seq != 0:
            sequence = state.sequence
            if seq == sequence.top + 1:
                # As `Sequence.update` does with the number that is due.
                sequence.top = seq
                sequence.newest = t
                sequence.run = 0
                verdict = IN_ORDER
            else:
                verdict = sequence.update(seq, t)
            if verdict != IN_ORDER:
                in_order = False
                self._out_of_order(out, verdict, seq, t, x)
                if verdict == DUPLICATE:
                    return out
        if t - arrived > self._ahead:
            self._from_the_future(out, t, arrived, x)
        if silent:
            state.behind_t = t
            state.behind_arrived = arrived
        late = state.late.update(arrived - t, silence.interval, learn)
        if late:
            self._lateness(out, late, t, arrived, x, arrived - before)
        elif state.behind_t > -math.inf and not silent:
            state.behind_t = -math.inf
        if not self._low <= x <= self._high:
            self._out_of_range(out, t, x)
            return out
        limits = state.limits
        if not limits.calm_low < x < limits.calm_high:
            self._limit(out, t, x)
        if in_order and t > state.newest:
            state.newest = t
            self._watch(out, t, x, learn)
        return out or NOTHING

    def reject(self, arrived: float) -> Series[Finding]:
        """Take note of a payload of this sensor that could not be read."""
        state = self._state
        out: list[Finding] = []
        state.arrived = max(arrived, state.arrived)
        learn = self._unless_paused(not state.frozen, arrived)
        self._arrival(out, state.silence.arrival(arrived, learn), arrived)
        text = "a message of this sensor could not be read"
        self._up(out, Finding("corrupt", 1, arrived, None, None, None, 1.0, "corrupt", text))
        return out or NOTHING

    def tick(self, now: float) -> Series[Finding]:
        """The partition's clock has come to `now`: look for silence, end what ended."""
        state = self._state
        overdue = state.silence.overdue(now)
        if not overdue and now < state.conditions.check_at:
            return NOTHING
        out: list[Finding] = []
        state.arrived = max(now, state.arrived)
        if overdue:
            self._silence(out, min(FARTHEST_S, now - state.silence.last), now)
        state.conditions.expire(out, now)
        return out or NOTHING

    @property
    def due(self) -> float:
        """When `tick` will have something to do, on the clock of the arrivals, if nothing comes before."""
        state = self._state
        if state.silence.n == 0 or "dropout" in state.conditions.held:
            return state.conditions.check_at
        return min(state.conditions.check_at, state.silence.last + state.silence.limit)

    @property
    def score(self) -> float:
        """The last combined anomaly score, 0 to 1; 0.5 is the limit of one detector."""
        return self._state.values.score()

    @property
    def signal(self) -> str:
        """The kind of its signal, of `detectors.kind.SIGNALS`; empty while too few readings were seen."""
        state = self._state
        return state.values.kind.name(state.stuck.equal / max(1, state.n), switched=state.values.jumps.known)

    @property
    def raised_limits(self) -> dict[str, float]:
        """By kind of alarm, the factor by which alarms and operators have raised its limits; 1 where none has."""
        return self._state.values.raised_limits()

    # ------------------------------------------------------------------ operators

    def accept(self) -> Series[Finding]:
        """What is held is the new normal (an operator said so): end it, and learn from here.

        A sensor's own limits stay, and silence is no level.
        """
        state = self._state
        out: list[Finding] = []
        for kind in [kind for kind in state.conditions.held if kind not in NOT_ACCEPTED]:
            state.conditions.down(out, kind, state.newest, "accepted as normal")
        state.values.accept()
        state.late = Lateness()
        state.mask = 0
        return out or NOTHING

    def freeze(self, frozen: bool) -> None:  # noqa: FBT001 - the one argument is what the name asks for
        """Stop learning, or go on. Alarms are raised all the same."""
        self._state.frozen = frozen

    @property
    def frozen(self) -> bool:
        """Whether an operator has stopped learning."""
        return self._state.frozen

    def pause(self, start: float, end: float) -> None:
        """A maintenance window, on the clock of the arrivals: nothing is learned in it, alarms are raised."""
        self._state.pauses = with_pause(self._state.pauses, start, end)

    def resume(self, at: float) -> None:
        """A maintenance window that is open at `at`, on the clock of the arrivals, ends there."""
        self._state.pauses = cut(self._state.pauses, at)

    def reset(self) -> Series[Finding]:
        """Forget all that was learned, and every condition; a window of maintenance stays, and what is frozen thaws."""
        state = self._state
        out: list[Finding] = []
        for kind in list(state.conditions.held):
            state.conditions.down(out, kind, state.newest if state.n else state.arrived, "forgotten by an operator")
        fresh = SensorBank(self.profile)
        fresh._state.pauses = state.pauses
        self._state, self._extra = fresh._state, fresh._extra
        return out or NOTHING

    def teach(self, kind: str, detector: str, score: float, ratio: float | None = None) -> None:
        """An alarm was false, an operator says: the limit that it crossed rises, so that its like is none again.

        Faults of messages and a sensor's own limits are facts, of which there is nothing to learn.

        Args:
            kind: as in its finding.
            detector: likewise.
            score: likewise.
            ratio: how far it was from the expected over how far the limit is, where the finding tells both.
        """
        if not math.isfinite(score):
            return
        if kind == "dropout":
            self._state.silence.teach(abs(score))
        elif kind == "stuck":
            self._state.stuck.teach()
        else:
            self._state.values.teach(kind, detector, score, ratio)

    # ------------------------------------------------------------------ state

    def dump(self) -> bytes:
        """The state as bytes; the first byte is the version."""
        self._state.extra = {name: detector.dump() for name, detector in self._extra.items()}
        return bytes([VERSION]) + packed_bank(self._state)

    @classmethod
    def load(cls, profile: Profile, data: bytes) -> SensorBank:
        """A bank that goes on exactly where the dumped one was; limits and ranges are those of `profile`.

        Raises:
            ValueError: the bytes are not a state of this version.
        """
        if data[:1] != bytes([VERSION]):
            raise ValueError(f"detector state has version {data[:1].hex() or 'none'}, {VERSION:02x} is wanted")
        bank = cls(profile)
        try:
            state = unpacked_bank(data, 1, bank._state)
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"detector state is not readable: {error}") from None
        state.limits = limits_of(profile).after(state.limits)
        state.rail = Rail.of(profile.range_low, profile.range_high).after(state.rail)
        state.values.budget = profile.false_alarms_per_day
        state.values.give_kind(profile.signal or "")
        bank._state = state
        # What is not watched for any more ends, but for limits, which end by themselves; and a limit that was passed
        # while nobody watched it is passed anew.
        for kind, held in state.conditions.held.items():
            if kind not in bank._kinds and kind != "limit":
                held.quiet = 0.0
                state.conditions.check_at = -math.inf
        if state.limits.level and "limit" in bank._kinds and "limit" not in state.conditions.held:
            state.limits = limits_of(profile)
        for name, detector in bank._extra.items():
            if name in state.extra:
                detector.load(state.extra[name])
        return bank

    # ------------------------------------------------------------------ values

    def _unless_paused(self, learn: bool, arrived: float) -> bool:  # noqa: FBT001
        state = self._state
        state.pauses = pruned(state.pauses, max(arrived, state.arrived))
        return learn and not paused(state.pauses, arrived)

    def _watch(self, out: list[Finding], t: float, x: float, learn: bool) -> None:  # noqa: FBT001 - for every reading
        state = self._state
        n = state.n = state.n + 1
        warm = n > self._warm_up
        rail = state.rail
        if not rail.low < x < rail.high or rail.run:
            if rail.update(x, learn=learn and not warm):
                self._up(out, explain.rail(x, rail.run, t, self.profile.unit))
            if rail.run:
                return
        stuck = state.stuck
        if x != stuck.last:
            if stuck.run:
                stuck.end(n, learn=learn)
            stuck.last = x
        elif stuck.repeat(n) and warm:
            self._up(out, explain.stuck(stuck, t, self.profile.unit))
        if self._rate_limit < math.inf:
            self._rate(out, t, x, self._rate_limit)
        if self._values:
            mask = state.values.update(t, x, learn)
            if warm and mask != state.mask:
                self._signals(out, mask, t, x)
        if self._extra:
            self._plug_ins(out, t, x, warm=warm)

    def _signals(self, out: list[Finding], mask: int, t: float, x: float) -> None:
        state = self._state
        new = mask & ~state.mask | mask & ~HELD_BITS
        ended = state.mask & ~mask & HELD_BITS
        state.mask = mask & HELD_BITS
        if not new and not ended:
            return
        for bit, kind in KIND_OF_BIT:
            if new & bit:
                self._up(out, explain.signal(kind, state.values, t, x, self.profile.unit))
            elif ended & bit:
                state.conditions.down(out, kind, t, "as usual again", x)

    def _rate(self, out: list[Finding], t: float, x: float, limit: float) -> None:
        rate = self._state.rate.update(t, x)
        if abs(rate) > limit:
            unit = self.profile.unit
            text = f"changes by {number(rate, unit)} a second, more than {number(limit, unit)}"
            self._up(out, Finding("rate", 1, t, x, None, limit, rate, "rate", text))

    def _plug_ins(self, out: list[Finding], t: float, x: float, *, warm: bool) -> None:
        for name, detector in self._extra.items():
            score = detector.update(t, x)
            if warm and score >= detector.threshold:
                text = f"{number(x, self.profile.unit)} is unusual: {name} scores it {score:.2f}"
                self._up(out, Finding("anomaly", 1, t, x, None, None, score, name, text))

    def _limit(self, out: list[Finding], t: float, x: float) -> None:
        limits = self._state.limits
        before = limits.level
        level = limits.update(x)
        if level == before:
            return
        unit = self.profile.unit
        if level == 0:
            self._state.conditions.down(out, "limit", t, f"{number(x, unit)} is back within the limits", x)
            return
        crossed = limits.crossed()
        where = "above" if limits.side > 0 else "below"
        name = "critical" if level == 2 else "warning"
        text = f"{number(x, unit)} is {where} the {name} limit {number(crossed, unit)}"
        self._up(out, Finding("limit", level, t, x, None, crossed, x - crossed, "limit", text))

    def _out_of_range(self, out: list[Finding], t: float, x: float) -> None:
        end = self._low if x < self._low else self._high
        unit = self.profile.unit
        text = f"{number(x, unit)} cannot be: the instrument's range ends at {number(end, unit)}"
        self._up(out, Finding("corrupt", 1, t, x, None, end, x - end, "corrupt", text))

    # ------------------------------------------------------------------ messages

    def _arrival(self, out: list[Finding], silent: float, arrived: float) -> None:
        """A reading came after a silence, or while something is raised."""
        state = self._state
        if silent:
            state.values.restart = True
        if "dropout" in state.conditions.held:
            state.conditions.down(out, "dropout", arrived, "readings come again")
        elif silent:
            self._silence(out, silent, arrived)
        state.conditions.expire(out, arrived)

    def _silence(self, out: list[Finding], silent: float, now: float) -> None:
        usual = duration(self._state.silence.interval)
        text = f"no reading for {duration(silent)}; one every {usual} is usual"
        self._up(out, Finding("dropout", 1, now, None, None, self._state.silence.limit, silent, "silence", text))

    def _out_of_order(self, out: list[Finding], verdict: int, seq: int, t: float, x: float) -> None:
        if verdict == DUPLICATE:
            text = f"reading {seq} came again"
            self._up(out, Finding("duplicate", 1, t, x, None, None, float(seq), "sequence", text))
        else:
            text = f"reading {seq} came after reading {self._state.sequence.top}"
            self._up(out, Finding("order", 1, t, x, None, None, float(seq), "sequence", text))

    def _from_the_future(self, out: list[Finding], t: float, arrived: float, x: float) -> None:
        # A fact, whatever is usual for this sensor: what is learned of its lateness does not excuse it.
        over = min(FARTHEST_S, t - arrived)
        text = f"its clock is {duration(over)} ahead: a reading cannot be from the future"
        self._up(out, Finding("clock", 1, t, x, None, None, -over, "clock", text))

    def _lateness(self, out: list[Finding], side: int, t: float, arrived: float, x: float, gap: float) -> None:
        # `gap`: seconds from the arrival before to this one
        if side > 0 and self._catches_up(t, arrived, gap):
            return
        over = max(-FARTHEST_S, min(FARTHEST_S, arrived - t - self._state.late.usual))
        if side > 0:
            text = f"came {duration(over)} later than usual"
            self._up(out, Finding("late", 1, t, x, None, None, over, "late", text))
        else:
            text = f"its time is {duration(-over)} ahead of this sensor's usual"
            self._up(out, Finding("clock", 1, t, x, None, None, over, "late", text))

    def _catches_up(self, t: float, arrived: float, gap: float) -> bool:
        """Whether a late reading is one of those that waited somewhere while nothing arrived.

        What waited comes at least twice as fast as it was made, until all of it has come. A sensor that is late from
        now on goes on at its own pace. The way may stall again meanwhile: pauses are allowed for, together as long as
        the margin of `late`. A longer one begins the count again, as it makes readings late by itself, whether it was
        a silence of this sensor or not.
        """
        state = self._state
        margin = state.late.high - state.late.usual
        if gap > margin:
            state.behind_t = t
            state.behind_arrived = arrived
        made = t - state.behind_t
        if not 0.0 <= made < math.inf:
            return False
        return arrived - state.behind_arrived <= 0.5 * made + margin + state.silence.interval

    def _up(self, out: list[Finding], finding: Finding) -> None:
        if finding.kind in self._kinds:
            state = self._state
            quiet = max(self.profile.quiet, QUIET_READINGS * state.silence.interval)
            state.conditions.up(out, finding, state.arrived, quiet)
