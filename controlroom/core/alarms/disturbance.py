"""One disturbance is one alarm: the kinds that see it from several sides are one occurrence, which names them all.

The alarm is that of the kind which found the disturbance first. Kinds that find it later join it: each is a holder
of the condition, so it stands until none of them sees anything. Detectors say what belongs together
(`detectors.conditions`); here is which alarm a finding goes to, and what it changes there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from controlroom.core.alarms.events import AlarmEvent, Detected, Returned
from controlroom.core.alarms.model import AckState, Alarm, Condition, Detection

__all__ = ["WORST_FIRST", "alarm_for", "holders_with", "is_news", "kinds_text", "rings_again", "seen"]

#: What lasts is worse than what passes.
WORST_FIRST = ("level", "drift", "noise", "anomaly", "spike")


def alarm_for(kind: str, what: AlarmEvent, alarms: Mapping[str, Alarm], alike: Callable[[str, str], bool]) -> str:
    """The kind of the alarm that an event of condition ``kind`` concerns.

    A finding has its own alarm if that is open or nothing is there to join. It joins no alarm that an operator has
    shelved or taken out of service, for nobody would hear of it, and no drill if it is real, or the other way round.
    Kinds that the alarm definitions treat differently (another priority, a latch, guidance) stay apart.

    Args:
        kind: the condition.
        what: what happened to it.
        alarms: the alarms of the sensor, by kind.
        alike: whether two kinds of the sensor's alarms have the same definition.
    """
    if isinstance(what, Returned) and what.holder:
        return _holding(kind, alarms) or kind
    if not (isinstance(what, Detected) and what.finding):
        return kind
    if held := _holding(kind, alarms):
        return held
    own = alarms.get(kind)
    if own is not None and (own.live or own.condition is Condition.PENDING):
        return kind
    if not what.disturbance:
        return kind
    first = _holding(what.disturbance, alarms) or what.disturbance
    alarm = alarms.get(first)
    if alarm is None or not alarm.live or alarm.suppressed or alarm.simulated is not what.simulated:
        return kind
    return first if alike(kind, first) else kind


def is_news(alarm: Alarm, detection: Detection) -> bool:
    """Whether it is of a kind that this occurrence does not name yet."""
    return bool(detection.finding) and detection.finding not in alarm.kinds


def holders_with(alarm: Alarm, what: Detected) -> tuple[str, ...]:
    """Who holds the condition up, with who does from now on; sorted."""
    holders = {*alarm.holders, what.holder}
    if what.finding and alarm.condition is Condition.ACTIVE and not alarm.holders:
        # Raised by a version that had no holders: its own kind is one.
        holders.add(alarm.kind)
    return tuple(sorted(holders))


def seen(alarm: Alarm, detection: Detection) -> dict[str, Any]:
    """The changes that a further detection brings to what is kept of them: the worst kind's comes first."""
    if not detection.finding:
        return {"detection": detection, "also": ()}
    by_kind = {old.finding or alarm.kind: old for old in alarm.detections}
    if alarm.kind in by_kind and not by_kind[alarm.kind].finding:
        # Of a version that did not tell kinds apart.
        by_kind[alarm.kind] = msgspec.structs.replace(by_kind[alarm.kind], finding=alarm.kind)
    by_kind[detection.finding] = detection
    worst, *others = sorted(by_kind.values(), key=lambda one: _rank(one.finding))
    return {"detection": worst, "also": tuple(others)}


def rings_again(alarm: Alarm, detection: Detection) -> dict[str, Any]:
    """The changes where an alarm that was acked is found by a worse kind than any it named: the ack was of less."""
    worse = is_news(alarm, detection) and _rank(detection.finding) < min(_rank(kind) for kind in alarm.kinds)
    if alarm.ack is not AckState.ACKED or not worse:
        return {}
    return {"ack": AckState.UNACK, "realarm_at": None, "ring_due": True, "peak_version": alarm.version + 1}


def kinds_text(kinds: Sequence[str]) -> str:
    """The kinds of one alarm where there is room for one of them.

    >>> kinds_text(["level"]), kinds_text(["level", "noise", "spike"])
    ('level', 'level+2')
    """
    return kinds[0] if len(kinds) == 1 else f"{kinds[0]}+{len(kinds) - 1}"


def _holding(kind: str, alarms: Mapping[str, Alarm]) -> str:
    """The alarm that ``kind`` holds up, if there is one."""
    return next((name for name in sorted(alarms) if kind in alarms[name].holders), "")


def _rank(kind: str) -> int:
    return WORST_FIRST.index(kind) if kind in WORST_FIRST else len(WORST_FIRST)
