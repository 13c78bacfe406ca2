"""Drives one alarm through the lifecycle and keeps its journal."""

from __future__ import annotations

from typing import Any

from controlroom.core.alarms import events
from controlroom.core.alarms.definitions import Definition
from controlroom.core.alarms.lifecycle import step
from controlroom.core.alarms.model import Alarm, Severity, decode_alarm, encode_alarm, new_alarm
from controlroom.core.alarms.transitions import Outcome, Refusal, Transition

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


class Driver:
    def __init__(self, kind: str = "limit", **settings: Any) -> None:
        self.definition = Definition(**settings)
        self.alarm: Alarm = new_alarm("temp-1", kind)
        self.journal: list[Transition] = []
        self.refusal: Refusal | None = None

    def do(self, event: events.AlarmEvent) -> Outcome:
        """One step, as the store does it: the state is decoded from what was stored."""
        before = self.alarm
        outcome = step(decode_alarm(encode_alarm(before)), event, self.definition)
        assert decode_alarm(encode_alarm(outcome.state)) == outcome.state
        assert outcome.state.version == before.version + len(outcome.transitions)
        self.alarm, self.refusal = outcome.state, outcome.refusal
        self.journal.extend(outcome.transitions)
        return outcome

    def fires(self, at: float, severity: Severity = WARNING, **fields: Any) -> Outcome:
        return self.do(events.Detected(at=at, severity=severity, **fields))

    def returns(self, at: float) -> Outcome:
        return self.do(events.Returned(at=at))

    def passes(self, at: float) -> Outcome:
        return self.do(events.TimePassed(at=at))

    def wall(self, at: float) -> Outcome:
        return self.do(events.WallClock(at=at))

    def ack(self, at: float = 1000.0, who: str = "ann", version: int | None = None, occurrence: str = "") -> Outcome:
        return self.do(
            events.Ack(
                at=at,
                who=who,
                whence="console-1",
                occurrence_id=occurrence or self.alarm.occurrence_id,
                version=self.alarm.version if version is None else version,
            )
        )

    def shelve(self, at: float = 1000.0, until: float = 4600.0, **fields: Any) -> Outcome:
        return self.do(events.Shelve(at=at, until=until, who="ann", reason=fields.pop("reason", "known"), **fields))

    @property
    def kinds(self) -> list[str]:
        return [t.kind.value for t in self.journal]

    @property
    def rings(self) -> list[str]:
        return [t.kind.value for t in self.journal if t.annunciated]


def kinds(outcome: Outcome) -> list[str]:
    return [t.kind.value for t in outcome.transitions]
