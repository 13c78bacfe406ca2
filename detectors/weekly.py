"""Weekly: what is left of a value when the usual value of this hour of the week is taken off."""

from __future__ import annotations

from struct import Struct

import msgspec

from detectors.plain import plain_stores, whole

HOURS = 168
HOUR_S = 3600.0
RATE = 0.05
SMOOTH = 0.2
LARGEST = 3e38
_KNOT = Struct("<fH")
_EMPTY = bytes(_KNOT.size * HOURS)


@plain_stores
class Weekly(msgspec.Struct, gc=False, array_like=True):
    """One knot for each hour of the week (UTC): the mean of its readings, newer ones counting more.

    The residual is smoothed over about five readings. The first reading of an hour that was never seen has none.

    >>> weekly = Weekly()
    >>> week = [weekly.update(3600.0 * i, float(i % 24)) for i in range(3 * 168)]
    >>> abs(week[-1]) < 1e-6, round(weekly.update(3600.0 * 504, 10.0), 1)
    (True, 2.0)
    """

    residual: float = 0.0
    knots: bytearray = msgspec.field(default_factory=bytearray)

    def update(self, t: float, x: float, learn: bool = True) -> float:  # noqa: FBT001, FBT002 - for every reading
        """Take a value at event time `t` (seconds since the epoch); the smoothed residual, in the value's unit."""
        at = int(whole(t, HOUR_S)) % HOURS * _KNOT.size
        if not self.knots:
            self.knots = bytearray(_EMPTY)
        mean, seen = _KNOT.unpack_from(self.knots, at)
        residual = x - mean if seen else 0.0
        smooth = self.residual = self.residual + SMOOTH * (residual - self.residual)
        if not learn:
            return smooth
        rate = RATE if seen >= 20 else 1.0 / (seen + 1)
        mean += rate * (x - mean)
        if not -LARGEST < mean < LARGEST:
            mean = LARGEST if mean > 0.0 else -LARGEST
        _KNOT.pack_into(self.knots, at, mean, seen + 1 if seen < 20 else seen)
        return smooth
