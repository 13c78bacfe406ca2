"""What operators tell the detectors of a sensor: stop learning, forget, this is normal now, that alarm was false.

An order is a row of the audit. The owner of the sensor's partition carries it out between two records, and notes at
which offset in the transaction that saves the detectors' state: it is done once, and where it was done is known, so
whoever runs the readings again comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

import msgspec

from controlroom.core.archive import LearningFacts, Window
from detectors import SensorBank
from detectors.cheap import CheapBank
from detectors.finding import Finding


class LearningAction(StrEnum):
    """What can be ordered; the names are those in the audit."""

    FREEZE = "FreezeLearning"
    THAW = "ThawLearning"
    RESET = "ResetLearning"
    ACCEPT = "AcceptLevel"
    MAINTENANCE = "MaintenanceWindow"
    #: of an alarm; the lifecycle's own action, from which the detectors learn too
    FALSE_ALARM = "MarkFalse"


#: what they are called where people read
WORDS = {
    LearningAction.FREEZE: "freeze",
    LearningAction.THAW: "thaw",
    LearningAction.RESET: "reset",
    LearningAction.ACCEPT: "accept",
    LearningAction.MAINTENANCE: "maintenance",
    LearningAction.FALSE_ALARM: "false alarm",
}


class LearningOrder(msgspec.Struct, frozen=True):
    """One order, as its row of the audit tells it.

    Attributes:
        id: the row's.
        kind, detections: of a false alarm: which, and what each detector had seen that found it.
        start, end: of a maintenance window, seconds since the epoch; where learning goes on, `start` is from when.
    """

    id: int
    sensor_id: str
    action: LearningAction
    kind: str = ""
    start: float = 0.0
    end: float = 0.0
    detections: tuple[Mapping[str, Any], ...] = ()


def carry_out(order: LearningOrder, bank: SensorBank | CheapBank) -> Sequence[Finding]:
    """Do to a sensor's bank what was ordered; what changes by it, as alarms that end.

    >>> from detectors import Profile
    >>> bank = SensorBank(Profile())
    >>> carry_out(LearningOrder(1, "temp-1", LearningAction.FREEZE), bank), bank.frozen
    ((), True)
    """
    match order.action:
        case LearningAction.FREEZE | LearningAction.THAW:
            bank.freeze(order.action is LearningAction.FREEZE)
            if order.action is LearningAction.THAW:
                bank.resume(order.start)
        case LearningAction.RESET:
            return bank.reset()
        case LearningAction.ACCEPT:
            return bank.accept()
        case LearningAction.MAINTENANCE:
            bank.pause(order.start, order.end)
        case LearningAction.FALSE_ALARM:
            for seen in order.detections:
                kind = str(seen.get("finding") or order.kind)
                bank.teach(kind, str(seen.get("detector", "")), float(seen.get("score") or 0.0), _ratio(seen))
    return ()


def facts_of(orders: Iterable[tuple[LearningOrder, float, str, bool]]) -> LearningFacts:
    """What a sensor's orders come to.

    Args:
        orders: (order, when in seconds since the epoch, by whom, whether it was carried out), oldest first.

    >>> freeze = LearningOrder(1, "temp-1", LearningAction.FREEZE)
    >>> window = LearningOrder(2, "temp-1", LearningAction.MAINTENANCE, start=60.0, end=90.0)
    >>> facts = facts_of([(freeze, 50.0, "mira", True), (window, 55.0, "jon", True)])
    >>> facts.frozen_at, facts.frozen_by, facts.windows, facts.waiting
    (50.0, 'mira', (Window(start=60.0, end=90.0, who='jon'),), ())
    >>> reset = LearningOrder(3, "temp-1", LearningAction.RESET)
    >>> facts_of([(freeze, 50.0, "mira", True), (reset, 56.0, "jon", False)]).waiting
    ('reset',)
    """
    frozen_at, frozen_by = None, ""
    windows: list[Window] = []
    waiting: list[str] = []
    for order, at, who, done in orders:
        if not done:
            waiting.append(WORDS[order.action])
        elif order.action is LearningAction.FREEZE:
            if frozen_at is None:
                frozen_at, frozen_by = at, who
        elif order.action in (LearningAction.THAW, LearningAction.RESET):
            frozen_at, frozen_by = None, ""
            if order.action is LearningAction.THAW:
                windows = [replace(w, end=min(w.end, order.start)) if w.start <= order.start else w for w in windows]
        elif order.action is LearningAction.MAINTENANCE:
            windows.append(Window(order.start, order.end, who))
    windows.sort(key=lambda window: window.start)
    return LearningFacts(frozen_at, frozen_by, tuple(windows), tuple(waiting))


def _ratio(seen: Mapping[str, Any]) -> float | None:
    """How far the value was from the expected over how far the limit is, where a detection tells both in one unit."""
    score, limit, expected = seen.get("score"), seen.get("limit"), seen.get("expected")
    if score is None or limit is None or expected is None or limit == expected:
        return None
    return abs(float(score)) / abs(float(limit) - float(expected))
