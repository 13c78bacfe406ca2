"""A sensor's own warning and critical limits, with a deadband. They work from the first reading."""

from __future__ import annotations

import math

import msgspec

from detectors.plain import plain_stores
from detectors.profile import Profile


@plain_stores
class Limits(msgspec.Struct, gc=False, array_like=True):
    """Two-sided limits with hysteresis: a level rises at its limit and falls a deadband below it.

    `calm_low` and `calm_high` bound the values for which nothing can change: a caller on the hot path compares with
    them and calls `update` only outside.

    >>> limits = Limits.of(35.0, 40.0, None, None, None)
    >>> [limits.update(x) for x in (34.0, 35.0, 34.8, 41.0, 39.8, 39.0, 34.0)]
    [0, 1, 1, 2, 2, 1, 0]
    """

    warning_high: float = math.inf
    critical_high: float = math.inf
    warning_low: float = -math.inf
    critical_low: float = -math.inf
    band: float = 0.0
    level: int = 0
    side: int = 0
    calm_low: float = -math.inf
    calm_high: float = math.inf

    @classmethod
    def of(
        cls,
        warning_high: float | None,
        critical_high: float | None,
        warning_low: float | None,
        critical_low: float | None,
        deadband: float | None,
    ) -> Limits:
        """Limits in the unit; None: no such limit. `deadband` None: a tenth of the span, or 1 % of the limit."""
        wh, ch = (math.inf if v is None else v for v in (warning_high, critical_high))
        wl, cl = (-math.inf if v is None else v for v in (warning_low, critical_low))
        wh, wl = min(wh, ch), max(wl, cl)
        if deadband is None:
            spans = [b - a for a, b in ((wh, ch), (cl, wl)) if 0 < b - a < math.inf]
            sizes = [abs(v) for v in (wh, ch, wl, cl) if math.isfinite(v)]
            deadband = 0.1 * min(spans) if spans else 0.01 * min(sizes, default=0.0)
        limits = cls(wh, ch, wl, cl, deadband)
        limits.calm_high, limits.calm_low = wh, wl
        return limits

    def after(self, old: Limits) -> Limits:
        """These limits, with what is raised under `old` ones still raised until a value says otherwise."""
        if (self.warning_high, self.critical_high, self.warning_low, self.critical_low, self.band) == (
            old.warning_high, old.critical_high, old.warning_low, old.critical_low, old.band,
        ):  # fmt: skip
            return old
        if old.level:
            self.level, self.side = old.level, old.side
            self.calm_low, self.calm_high = math.inf, -math.inf
        return self

    def update(self, x: float) -> int:
        """Take a value; the level: 0 normal, 1 warning, 2 critical."""
        old = self.level
        high = 2 if x >= self.critical_high else 1 if x >= self.warning_high else 0
        low = 2 if x <= self.critical_low else 1 if x <= self.warning_low else 0
        new = max(high, low)
        if new:
            self.side = 1 if high >= low else -1
        # Falling needs the deadband: the level that a value would have if it were that much further out.
        if new < old:
            y = x + self.band if self.side > 0 else x - self.band
            if self.side > 0:
                held = 2 if y > self.critical_high else 1 if y > self.warning_high else 0
            else:
                held = 2 if y < self.critical_low else 1 if y < self.warning_low else 0
            new = max(new, min(old, held))
        self.level = new
        if new:
            self.calm_low, self.calm_high = math.inf, -math.inf
        else:
            self.calm_low, self.calm_high = self.warning_low, self.warning_high
        return new

    def crossed(self) -> float:
        """The limit that the present level stands for, in the sensor's unit."""
        if self.side > 0:
            return self.critical_high if self.level == 2 else self.warning_high
        return self.critical_low if self.level == 2 else self.warning_low


def limits_of(profile: Profile) -> Limits:
    """The limits of a profile, nothing crossed."""
    return Limits.of(
        profile.warning_high, profile.critical_high, profile.warning_low, profile.critical_low, profile.deadband
    )
