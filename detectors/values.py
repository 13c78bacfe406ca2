"""The statistical detectors of one sensor: what its values say, on a fast clock (readings) and a slow one (minutes)."""

from __future__ import annotations

import msgspec

from detectors.drift import Drift
from detectors.judging import OUTLIERS, before_close, by_record, by_record_slow, by_scatter, came_back, look, usual_jump
from detectors.jumps import WILD, Jumps
from detectors.kind import Kind
from detectors.level import Level
from detectors.local import START, Local
from detectors.noise import Noise
from detectors.novelty import Novelty
from detectors.plain import plain_stores, whole
from detectors.points import Points
from detectors.spike import Spike
from detectors.step import Step
from detectors.tail import RECORD, Tail

SPIKE, NOISE, LEVEL, DRIFT, ANOMALY, STOPPED = 1, 2, 4, 8, 16, 32
KIND_OF_BIT = (
    (SPIKE, "spike"), (NOISE, "noise"), (LEVEL, "level"), (DRIFT, "drift"), (ANOMALY, "anomaly"), (STOPPED, "stuck"),
)  # fmt: skip
HELD_BITS = LEVEL | DRIFT | STOPPED
BLOCK = 256
# Every so many readings the kind of the signal is looked at; a block is no multiple, so that no period hides from it.
EVERY = 17
SLOW_S = 60.0
SLOW_BLOCK = 15
SLOW_SHARE = 0.3
DAY_S = 86_400.0
MATURE_S = 72_000.0
FAST_YOUTH, STEP_YOUTH, SLOW_YOUTH = 0.5, 2.0, 3.0
STILL = 5
ROUNDING = 1e-12
NEARLY = 0.7
ALARM = 0.5
# `Novelty` has four views, each with the budget of one statistic.
VIEWS = 4.0
# The share of minutes with one reading at most from which a sensor is rare, and below which it is no more.
RARE, NOT_RARE, RARE_RATE = 0.7, 0.3, 0.1


@plain_stores
class Values(msgspec.Struct, gc=False, array_like=True):
    """Readings go through the local detectors, each minute's mean (each reading, where rarer) through the slow ones.

    Every limit is the calibrated tail of its own statistic (see `Tail`), so that a new detector needs no weight. Limits
    are wider while a sensor is young: of a day that was not seen yet nothing is known.

    >>> values = Values(budget=0.01)
    >>> seen = 0
    >>> for i in range(4000):
    ...     seen |= values.update(float(i), 20.0 + (i * 7919 % 101) / 101, True)
    >>> seen, values.update(4000.0, 35.0, True) & SPIKE, 0.0 <= values.score() <= 1.0
    (0, 1, True)
    """

    budget: float
    born: float = 0.0
    z: float = 0.0
    outliers: int = 0
    restart: bool = False
    same: int = 0
    slow: int = 0
    sum: float = 0.0
    count: int = 0
    minute: float = -1e300
    block: int = 0
    block_from: float = 0.0
    slow_block: int = 0
    slow_from: float = 0.0
    novelty_score: float = 0.0
    local: Local = msgspec.field(default_factory=Local)
    spike: Spike = msgspec.field(default_factory=lambda: Spike(Tail(WILD), Tail(WILD)))
    pair: Spike = msgspec.field(default_factory=lambda: Spike(Tail(WILD), Tail(WILD)))
    noise: Noise = msgspec.field(default_factory=Noise)
    step: Step = msgspec.field(default_factory=Step)
    short: Level = msgspec.field(default_factory=lambda: Level(1.0 / 20.0, 1.0 / 3600.0))
    medium: Level = msgspec.field(default_factory=lambda: Level(1.0 / 5.0, 1.0 / 60.0))
    drift: Drift = msgspec.field(default_factory=Drift)
    novelty: Novelty = msgspec.field(default_factory=Novelty)
    lone_share: float = 0.5
    rare: bool = False
    learning: bool = True
    points: Points = msgspec.field(default_factory=Points)
    kind: Kind = msgspec.field(default_factory=Kind)
    jumps: Jumps = msgspec.field(default_factory=Jumps)
    doubt: float = 0.0
    doubted: float = 0.0
    jumped: bool = False

    def update(self, t: float, x: float, learn: bool) -> int:  # noqa: FBT001 - called for every reading
        """Take a reading in order of event time `t` (seconds).

        Returns:
            Which conditions hold now, a sum of SPIKE, NOISE, LEVEL, DRIFT, ANOMALY and STOPPED; SPIKE and ANOMALY are
            of this reading alone.
        """
        local = self.local
        if self.restart:
            self.restart = False
            local.restart(x)
            self.step.restart(x)
            self.novelty.restart(x)
        if learn is not self.learning:
            self._turn(t, learn)
        over = t >= self.minute
        if self.rare:
            return self._update_rare(t, x, learn, over)
        # Rarer than a minute: this reading is its minute's mean. (One in doubt is not counted, yet it came.)
        lone = over and not self.count and self.outliers >= 0
        mask = 0
        # A value that stands still says nothing of how the sensor scatters.
        same = self.same = self.same + 1 if x == local.last else 0
        outliers = self.outliers
        if same <= STILL:
            noise = self.noise
            usual = learn and not noise.held and not self.kind.readings.structured
            if usual and (self.step.held or self.short.side or self.slow):
                # What a fault's level has of scatter is not what is usual there. Of a young sensor nothing is known.
                usual = t - self.born < MATURE_S
            z = self.z = local.update(x, usual, lone)
            if local.n >= START:
                scatter = local.s
                # No deviation is no spike and no peak: of most readings the predictors differ in sign.
                spike = z != 0.0 and self.spike.update(z)
                pair = local.pair
                rough = local.rough
                if (pair != 0.0 and self.pair.update(pair)) or spike:
                    if lone or not usual_jump(self, x, learn=learn):
                        mask = SPIKE
                        outliers = self.outliers = max(outliers, 0) + 1
                    else:
                        if not self.jumped:
                            rough = -1.0  # one jump is no noise, many are
                        self.jumped = True
                    outliers = self.outliers
                elif outliers < 0:
                    if came_back(self, x):
                        mask = SPIKE
                        outliers = -1
                    outliers = self.outliers = outliers + 1
                elif outliers:
                    outliers = self.outliers = 0
                elif self.jumped:
                    self.jumped = False
                # A spike is not a level: what follows it tells whether it was one.
                if not outliers or outliers > OUTLIERS:
                    if scatter > 0.0 and rough >= 0.0 and noise.update(rough / scatter):
                        mask |= NOISE
                    step = self.step
                    held = step.held
                    if step.update(x, scatter) and not held and self._usual(t, step.size):
                        step.accept()
                    short = self.short
                    if ((short.side or not lone) and short.update(x, learn)) or step.held:
                        mask |= LEVEL
                block = self.block = self.block + 1
                if not block % EVERY:
                    if lone:
                        by_scatter(self, 0.0)
                    else:
                        look(self, learn=learn and not mask)
                if block >= BLOCK:
                    self._close_block(t, learn)
            elif local.n == 1:
                self.born = t
        elif self.step.held or self.short.side:
            mask = LEVEL
        if not over:
            if not outliers or outliers > OUTLIERS:
                self.sum += x
                self.count += 1
            return mask | self.slow
        self._tick(t, lone)
        slow = 0
        if lone:
            mean = x
        else:
            if not outliers or outliers > OUTLIERS:
                self.sum += x
                self.count += 1
            mean = self.sum / self.count if self.count else x
            if abs(mean - self.drift.last) <= ROUNDING * abs(mean):
                # Of one value, held, sums of five and of six come to means that differ by a double's rounding.
                mean = self.drift.last
            self.sum = 0.0
            self.count = 0
            if self.points.update(mean, local.scatter, learn, self._points_unknown(t)):
                slow = LEVEL
            if self.kind.fast.stopped:
                slow |= STOPPED
            elif learn and not self.slow:
                self.kind.sample_minute(mean)
        if self.medium.update(mean, learn):
            slow |= LEVEL
        if self.drift.update(mean, learn, lone):
            slow |= DRIFT
        self.slow = slow
        if learn:
            block = self.slow_block = self.slow_block + 1
            if block >= SLOW_BLOCK:
                self._close_slow_block(t)
        return mask | slow

    def _tick(self, t: float, lone: bool) -> None:  # noqa: FBT001
        """A minute is over, with one reading in it or more."""
        # On a grid of the clock: a silence must not shift the blocks against a machine's own cycle.
        self.minute = (whole(t, SLOW_S) + 1.0) * SLOW_S
        share = self.lone_share = self.lone_share + RARE_RATE * (lone - self.lone_share)
        if share > RARE:
            self.rare = True
        elif share < NOT_RARE:
            self.rare = False

    def _update_rare(self, t: float, x: float, learn: bool, over: bool) -> int:  # noqa: FBT001
        """Take a reading of a sensor that is read once a minute or more rarely: `Novelty` alone judges it."""
        if over:
            self._tick(t, not self.count)
            self.count = 0
        else:
            self.count += 1
        score = self.novelty_score = self.novelty.update(t, x, learn, VIEWS * self.budget)
        return ANOMALY if score >= ALARM else 0

    def _close_slow_block(self, t: float) -> None:
        self.slow_block = 0
        target = self._target(t - self.slow_from) * SLOW_SHARE
        self.slow_from = t
        margin = 1.0 + SLOW_YOUTH * self._youth(t)
        self.medium.close(target, margin)
        self.drift.close(target, margin)
        by_record_slow(self)

    def _close_block(self, t: float, learn: bool) -> None:  # noqa: FBT001
        self.block = 0
        target = self._target(t - self.block_from)
        self.block_from = t
        if not learn:
            return
        youth = self._youth(t)
        margin = 1.0 + FAST_YOUTH * youth
        before_close(self)
        prior = RECORD if self.kind.known else 0.0
        self.spike.close(target, margin, prior)
        self.pair.close(target, margin, prior)
        self.noise.close(target, margin)
        self.step.close(target, 1.0 + STEP_YOUTH * youth)
        self.short.close(target, 1.0 + SLOW_YOUTH * youth)
        by_record(self)

    def _target(self, seconds: float) -> float:
        """The share of the budget of false alarms (a day) that a block of so many seconds has."""
        return min(0.1, self.budget * min(1.0, max(seconds, 1e-3) / DAY_S))

    def _youth(self, t: float) -> float:
        """1 for a sensor that was never seen, down to 0 for one whose whole day is known."""
        return max(0.0, 1.0 - (t - self.born) / MATURE_S)

    def _points_unknown(self, t: float) -> bool:
        """Whether nothing is known of operating points: of a young sensor, and where minutes are no settled means."""
        return t - self.born < MATURE_S or self.kind.minutes.structured or self.kind.readings.structured

    def _usual(self, t: float, size: float) -> bool:
        """Whether a step of `size` is no fault's begin: it leads back from a level that was, or load has changed."""
        for level in (self.short, self.medium):
            d = level.mean - level.center
            if d * size < 0.0 and (level.side or level.ratio() > NEARLY):
                return True
        if self.slow & DRIFT or self.jumps.covers(size):
            return True
        # A load takes its time. Where a machine has operating points, `Points` judges where it ends.
        for spike in (self.spike, self.pair):
            tail = spike.up if size > 0.0 else spike.down
            if tail.peak > tail.limit:
                return False
        return t - self.born >= MATURE_S and self.points.sparse()

    def _turn(self, t: float, learn: bool) -> None:  # noqa: FBT001
        """Learning stops or goes on: what was seen in between is in no block."""
        self.learning = learn
        if learn:
            for tail in self._tails():
                tail.peak = 0.0
            self.block = self.slow_block = 0
            self.block_from = self.slow_from = t

    def _tails(self) -> list[Tail]:
        return [
            self.spike.up, self.spike.down, self.pair.up, self.pair.down, self.noise.tail, self.noise.long_tail,
            self.step.up, self.step.down, self.short.up, self.short.down, self.medium.up, self.medium.down,
            self.drift.up, self.drift.down,
        ]  # fmt: skip

    def teach(self, kind: str, detector: str, score: float, ratio: float | None) -> None:
        """An alarm was false: the limit that it crossed rises.

        Args:
            kind: as in its finding.
            detector: likewise.
            score: likewise.
            ratio: the deviation over its limit, where the finding tells both in one unit.
        """
        up = score >= 0.0
        size = abs(score)
        if kind == "spike":
            for spike in (self.spike, self.pair):
                tail = spike.up if up else spike.down
                tail.teach(size / tail.limit if tail.limit > 0.0 else 1.0)
        elif kind == "noise":
            for tail in (self.noise.tail, self.noise.long_tail):
                tail.teach(size / tail.limit if tail.limit > 0.0 else 1.0)
        elif kind == "drift":
            tail = self.drift.up if up else self.drift.down
            tail.teach(size / tail.limit if tail.limit > 0.0 else 1.0)
        elif kind == "level" and detector == "points":
            self.points.accept()
        elif kind == "anomaly":
            self.novelty.teach(size)
        elif kind == "level":
            found: Step | Level = {"short": self.short, "medium": self.medium}.get(detector, self.step)
            (found.up if up else found.down).teach(ratio or 1.0)

    def raised_limits(self) -> dict[str, float]:
        """By kind of alarm, the factor by which alarms and operators have raised its limits; 1 where none has."""
        if self.rare:
            return {"anomaly": self.novelty.habit}
        tails = {
            "spike": (self.spike.up, self.spike.down, self.pair.up, self.pair.down),
            "noise": (self.noise.tail, self.noise.long_tail),
            "level": (
                self.step.up, self.step.down, self.short.up, self.short.down, self.medium.up, self.medium.down,
            ),
            "drift": (self.drift.up, self.drift.down),
        }  # fmt: skip
        return {kind: max(tail.habit for tail in some) for kind, some in tails.items()}

    def give_kind(self, signal: str) -> None:
        """The kind of the signal is given by its profile; empty: it is found. Another one than before begins anew."""
        if signal != self.kind.given:
            self.kind = Kind(given=signal)
            self.jumps = Jumps()

    def accept(self) -> None:
        """What is held is the new normal."""
        self.step.accept()
        self.short.accept()
        self.medium.accept()
        self.drift.accept()
        self.points.accept()
        if self.noise.held:
            local = self.local
            local.bins = [s * self.noise.mean for s in local.bins]
            local.scatter *= self.noise.mean
            self.noise = Noise(tail=self.noise.tail, long_tail=self.noise.long_tail)
        self.slow = 0

    def score(self) -> float:
        """The combined score, 0 to 1; 0.5 is the limit.

        Of a sensor that is read once a minute or more rarely it is what `Novelty` says, of others how near the nearest
        limit of a single reading or of the scatter is.
        """
        if self.rare:
            return self.novelty_score
        noise = self.noise.mean / self.noise.tail.limit
        ratio = max(self.spike.ratio(self.z), self.pair.ratio(self.local.pair), noise)
        return ratio / (1.0 + ratio)
