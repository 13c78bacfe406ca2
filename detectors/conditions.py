"""Conditions: which alarms of a sensor are raised, since when, and when they end."""

from __future__ import annotations

import math

import msgspec

from detectors.finding import Finding, duration
from detectors.plain import plain_stores

LASTING = frozenset({"limit", "level", "drift"})
#: Kinds that see one disturbance from several sides, as a step is seen by `spike`, `level` and `noise`.
TOGETHER = frozenset({"spike", "level", "drift", "noise", "anomaly"})
#: What is found so soon after another belongs to it (seconds): slow detectors judge by quarters of an hour.
TOGETHER_S = 900.0


@plain_stores
class Held(msgspec.Struct, gc=False, array_like=True):
    """A condition that is raised: its level, when it was last seen (arrival, seconds), how long it outlives that."""

    level: int
    seen: float
    quiet: float
    detector: str
    score: float = 0.0


@plain_stores
class Conditions(msgspec.Struct, gc=False, array_like=True):
    """A finding only where a level changes. `LASTING` kinds end when their detector says so, the others by time.

    Findings of kinds that go `TOGETHER` say with which finding their disturbance began: one that comes within a quarter
    of an hour of the last one (or within the quiet time, where that is longer) belongs to it; so does the jump back
    with which a held level ends.

    >>> conditions = Conditions(); out = []
    >>> for arrived in (1.0, 2.0, 3.0):
    ...     conditions.up(out, Finding("spike", 1, arrived, 9.0, 5.0, 7.0, 4.0, "spike", "9 where 5"), arrived, 60.0)
    >>> conditions.expire(out, 62.0); conditions.expire(out, 63.0)
    >>> [(f.kind, f.level) for f in out]
    [('spike', 1), ('spike', 0)]
    >>> conditions.up(out, Finding("level", 1, 90.0, 9.0, 5.0, 7.0, 4.0, "step", "stepped"), 90.0, 60.0)
    >>> out[-1].kind, out[-1].disturbance
    ('level', 'spike')
    """

    held: dict[str, Held] = {}
    check_at: float = math.inf
    #: the kind with which the latest disturbance began, and when it was last seen (arrival, seconds)
    began_with: str = ""
    together_at: float = -math.inf

    def up(self, out: list[Finding], finding: Finding, arrived: float, quiet: float) -> None:
        """A condition is seen: a finding when its level is new, else it only lives on."""
        kind = finding.kind
        held = self.held.get(kind)
        if held is not None and held.level == finding.level:
            held.seen = arrived
            if kind in TOGETHER:
                self.together_at = arrived
            return
        if kind in TOGETHER:
            if arrived - self.together_at <= max(TOGETHER_S, quiet):
                part_of = self.began_with
            else:
                part_of = self._left_by(finding.score) if kind == "spike" else ""
                self.began_with = part_of or kind
            self.together_at = arrived
            finding = msgspec.structs.replace(finding, disturbance=part_of)
        if kind in LASTING:
            quiet = math.inf
        self.held[kind] = Held(finding.level, arrived, quiet, finding.detector, finding.score)
        self.check_at = min(self.check_at, arrived + quiet)
        out.append(finding)

    def _left_by(self, score: float) -> str:
        """The level or drift, if one is held, from which a jump goes back to where it came from."""
        for kind in ("level", "drift"):
            held = self.held.get(kind)
            if held is not None and held.score * score < 0.0:
                return kind
        return ""

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
