"""A log of the shift that answers at once, from the plant that the tests show."""

from __future__ import annotations

from controlroom.core.handover import Action, Given, Handover, Note, Signed, Silenced, Standing
from controlroom.core.plant_state import PlantState
from tests.fakes.clock import FrozenClock


class FakeShiftLog:
    """Implements `controlroom.ports.ShiftLog`; `notes` and `given` are what came of it."""

    def __init__(self, state: PlantState, clock: FrozenClock) -> None:
        self._state = state
        self._clock = clock
        self.notes: list[Note] = []
        self.given: list[Given] = []
        #: what a question fails with; empty: it is answered
        self.error = ""

    @property
    def now(self) -> float:
        return self._clock.at.timestamp()

    def report(self) -> None:
        if self.error:
            self._state.archive.shift.fail("", self.error, self.now)
            return
        unsigned = [given for given in self.given if given.signed is None]
        self._state.archive.shift.put("", (self.running(), unsigned[-1] if unsigned else None), self.now)

    def note(self, text: str) -> None:
        self.notes.append(Note(self.now, "mira", text))
        self.report()

    def give(self) -> None:
        self.given.append(Given(len(self.given) + 1, self.now, "mira", self.running()))
        self.notes = []
        self.report()

    def sign(self, number: int, remark: str = "") -> None:
        given = self.given[number - 1]
        signed = Signed(self.now, "jo", remark)
        self.given[number - 1] = Given(given.number, given.at, given.who, given.report, signed)
        self.report()

    def running(self) -> Handover:
        alarms = [alarm for alarm in self._state.live_alarms() if not alarm.suppressed]
        hour = 3600.0
        return Handover(
            since=self.now - 7.6 * hour,
            until=self.now,
            rings=23,
            waiting=sum(alarm.state == "UNACK" for alarm in alarms),
            by_design=4,
            notes=(Note(self.now - 5 * hour, "mira", "Pump 3 on hand, seal leaks a little: look at it each hour. "
                        "The spare is at the door of hall 2, the fitter comes at ten."), *self.notes),
            standing=tuple(
                Standing(alarm.sensor_id, alarm.kind, alarm.state, "high" if alarm.severity == 2 else "low",
                         "critical" if alarm.severity == 2 else "warning", self.now - 600.0 * place, alarm.message)
                for place, alarm in enumerate(alarms, 1)
            ),
            shelved=(Silenced("vibration-sensor-009", "spike", "mira", "transmitter is noisy, order 4711",
                              self.now - hour, self.now + 2 * hour),),
            false_alarms=(Action(self.now - 2 * hour, "jo", "console-2", "MarkFalse", "humidity-sensor-004", "drift",
                                 "the door stood open"),),
            done=(("mira", 31), ("jo", 12)),
        )  # fmt: skip
