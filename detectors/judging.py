"""Judging: the limits that go with the kind of a signal, and the jumps that are usual in it.

A noisy signal is judged by its scatter. A regular one (smooth, or of values that are held) is judged by the largest
deviation that it had before, once its range was seen. A machine that is switched between noisy levels is followed from
level to level.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from detectors.jumps import WILD
from detectors.local import SECOND_DIFFERENCE
from detectors.spike import EARLY
from detectors.tail import LEAST, RECORD, TOP, Tail, judge_by_record

if TYPE_CHECKING:
    from detectors.values import Values

# A spike is two readings at the most, and comes back to within a quarter of its jump.
OUTLIERS = 3
CAME_BACK = 0.25
# Of the way that its steps come to between two looks, a ramp goes nearly all, and values that are held seldom any.
EVEN_RISE = 8.0
# It goes on at half of the pace that it had in all at least; so many looks are in a block.
EVENLY, LOOKS = 0.5, 15


def look(values: Values, *, learn: bool) -> None:
    """See what kind of signal it is, and set the limits that go with it."""
    if not learn or values.outliers < 0:
        return
    values.doubted = 0.0
    kind, local = values.kind, values.local
    before = kind.readings.structured
    kind.sample(local.change, local.rough / SECOND_DIFFERENCE, values.step.fast)
    if kind.readings.structured is not before:
        # Deviations are measured in another unit from now on.
        for up, down in (*_of_readings(values), (values.step.up, values.step.down)):
            up.forget()
            down.forget()
        kind.fast.unsettle()
        if kind.readings.structured:
            local.flatten(kind.size)
    if kind.known and not kind.readings.structured:
        by_scatter(values)
    by_record(values)


def by_scatter(values: Values, record: float = RECORD) -> None:
    """A noisy signal: until its tails are known, `record` times the largest that was seen at first is no alarm."""
    for spike in (values.spike, values.pair):
        for tail in (spike.up, spike.down):
            if tail.limit == WILD and tail.blocks < LEAST:
                tail.limit = max(EARLY, record * tail.peak)


def by_record(values: Values) -> None:
    """A regular signal: the limits of what readings are judged by."""
    kind = values.kind
    settled = kind.fast.settled
    if kind.readings.structured:
        for up, down in _of_readings(values):
            judge_by_record(up, down, settled=settled, least=0)
        if not settled:
            # A jump may be the begin of anything; one that comes back at once is a spike.
            for spike in (values.spike, values.pair):
                record = max(spike.up.record, spike.down.record, spike.up.peak, spike.down.peak)
                spike.up.limit = spike.down.limit = RECORD * record or math.inf
    elif kind.means.structured and not settled:
        # What rises has not shown yet how it falls.
        for spike in (values.spike, values.pair):
            spike.up.limit = spike.down.limit = max(WILD, spike.up.limit, spike.down.limit)
    if kind.readings.structured or kind.means.structured:
        judge_by_record(values.step.up, values.step.down, settled=settled)
        judge_by_record(values.short.up, values.short.down, settled=settled)


def by_record_slow(values: Values) -> None:
    """A regular signal, or a machine that is switched: the limits of what means of a minute are judged by."""
    kind = values.kind
    if kind.readings.structured or kind.minutes.structured or values.jumps.known:
        judge_by_record(values.medium.up, values.medium.down, settled=kind.slow.settled)
        judge_by_record(values.drift.up, values.drift.down, settled=kind.slow.settled)


def before_close(values: Values) -> None:
    """Before a block ends: what a regular signal does is learned until all was seen, alarm or not."""
    if values.kind.readings.structured and not values.kind.fast.settled:
        for spike in (values.spike, values.pair):
            spike.up.limit = spike.down.limit = math.inf


def usual_jump(values: Values, x: float, *, learn: bool) -> bool:
    """Whether a jump is one of a machine that is switched; then all detectors go on from its new level."""
    local, kind = values.local, values.kind
    size = x - local.before
    if kind.readings.structured:
        return values.jumps.covers(size) or (not kind.fast.settled and _doubt(values, x))
    wild = max(abs(values.z), abs(local.pair)) > WILD
    young = values.spike.up.blocks < TOP or (kind.means.structured and not kind.fast.settled)
    if kind.known and not values.jumps.usual(size, wild=wild, young=young, learn=learn):
        return False
    for spike in (values.spike, values.pair):
        spike.up.peak = spike.down.peak = 0.0
    if kind.known:
        if learn:
            local.unlearn()
        local.restart(x)
        values.step.jump(x)
        values.short.shift(size)
        values.medium.shift(size)
        values.drift.last += size
        values.sum += size * values.count
    return True


def came_back(values: Values, x: float) -> bool:
    """Whether a regular signal that has just jumped is where it was, and stays: for the second reading."""
    reach = CAME_BACK * abs(values.doubted)
    return abs(x - values.doubt) < reach and abs(values.local.change) < reach


def _ahead_of_a_ramp(values: Values, x: float) -> bool:
    """Whether a signal that has only ever moved one way, evenly, has jumped that way: a reset would go back."""
    kind, before, rise, blocks = values.kind, values.local.before, values.kind.rise, values.spike.up.blocks
    if abs(rise) <= EVEN_RISE * kind.size or kind.fast.turns or blocks < LEAST:
        return False
    low, high = kind.fast.low, kind.fast.high
    if abs(rise) * blocks * LOOKS < EVENLY * (high - low):
        return False
    return x > before >= high if rise > 0.0 else x < before <= low


def _doubt(values: Values, x: float) -> bool:
    """Of a regular signal that has not shown all it does: whether a jump may begin anything. Not if it comes back."""
    if values.outliers >= 0 and _ahead_of_a_ramp(values, x):
        return False
    if values.outliers < 0:
        values.outliers += 1
        return not came_back(values, x)
    values.doubted = values.local.change
    values.doubt = x - values.doubted
    values.outliers = -OUTLIERS
    return True


def _of_readings(values: Values) -> tuple[tuple[Tail, Tail], ...]:
    spike, pair, noise = values.spike, values.pair, values.noise
    return (
        (spike.up, spike.down), (pair.up, pair.down), (noise.tail, noise.tail), (noise.long_tail, noise.long_tail),
    )  # fmt: skip
