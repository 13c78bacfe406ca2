"""Conditions: which alarms of a sensor are raised, since when, and when they end."""

from __future__ import annotations

import math

import msgspec

from detectors.finding import Finding, duration
from detectors.plain import plain_stores

LASTING = frozenset({"limit", "level", "drift"})


@plain_stores
class Held(msgspec.Struct, gc=False, array_like=True):
    """A condition that is raised: its level, when it was last seen (arrival, seconds), how long it outlives that."""

    level: int
    seen: float
    quiet: float
    detector: str


@plain_stores
class Conditions(msgspec.Struct, gc=False, array_like=True):
    """A finding only where a level changes. `LASTING` kinds end when their detector says so, the others by time.

    >>> conditions = Conditions(); out = []
    >>> for arrived in (1.0, 2.0, 3.0):
    ...     conditions.up(out, Finding("spike", 1, arrived, 9.0, 5.0, 7.0, 4.0, "spike", "9 where 5"), arrived, 60.0)
    >>> conditions.expire(out, 62.0); conditions.expire(out, 63.0)
    >>> [(f.kind, f.level) for f in out]
    [('spike', 1), ('spike', 0)]
    """

    held: dict[str, Held] = {}
    check_at: float = math.inf

    def up(self, out: list[Finding], finding: Finding, arrived: float, quiet: float) -> None:
        """A condition is seen: a finding when its level is new, else it only lives on."""
        held = self.held.get(finding.kind)
        if held is not None and held.level == finding.level:
            held.seen = arrived
            return
        if finding.kind in LASTING:
            quiet = math.inf
        self.held[finding.kind] = Held(finding.level, arrived, quiet, finding.detector)
        self.check_at = min(self.check_at, arrived + quiet)
        out.append(finding)

    def down(self, out: list[Finding], kind: str, t: float, message: str, value: float | None = None) -> None:
        """A condition has ended."""
        held = self.held.pop(kind, None)
        if held is not None:
            out.append(Finding(kind, 0, t, value, None, None, 0.0, held.detector, message))

    def expire(self, out: list[Finding], now: float) -> None:
        """End what was not seen again for its quiet time, at `now` on the clock of the arrivals."""
        if now < self.check_at:
            return
        for kind, held in list(self.held.items()):
            if now >= held.seen + held.quiet:
                why = f"not seen again for {duration(held.quiet)}" if held.quiet else "not watched for any more"
                self.down(out, kind, now, why)
        self.check_at = min((held.seen + held.quiet for held in self.held.values()), default=math.inf)
