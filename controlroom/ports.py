"""What the core and the screen need of the outside world, as protocols: adapters implement them, tests fake them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from controlroom.wire import FaultSpec, SensorSpec


class Clock(Protocol):
    """Wall-clock time."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        ...


class OperatorCommands(Protocol):
    """What an operator can order. Every method returns at once, from any thread; the outcome arrives as a notice."""

    def spawn(self, spec: SensorSpec) -> None:
        """Make a simulated sensor."""
        ...

    def pause(self, sensor_id: str) -> None:
        """Stop a simulated sensor's readings until it is resumed."""
        ...

    def resume(self, sensor_id: str) -> None:
        """Let a paused sensor go on."""
        ...

    def rerate(self, sensor_id: str, interval: float) -> None:
        """Let a simulated sensor send every `interval` seconds."""
        ...

    def remove(self, sensor_id: str) -> None:
        """Take a simulated sensor away."""
        ...

    def inject(self, sensor_id: str, fault: FaultSpec) -> None:
        """Hurt a simulated sensor in a known way."""
        ...

    def clear(self, sensor_id: str, fault_id: str | None = None) -> None:
        """End one fault of a sensor, or all."""
        ...


class BrokerDrills(Protocol):
    """What an operator can do to the brokers of the local plant, to see that the plant stands it.

    Every method returns at once, from any thread; it takes seconds, and the outcome arrives as a notice.
    """

    def stop(self, broker_id: int) -> None:
        """End a broker in good order: its partitions get other leaders first."""
        ...

    def kill(self, broker_id: int) -> None:
        """End a broker as a crash would."""
        ...

    def start(self, broker_id: int) -> None:
        """Start a broker that does not run."""
        ...


class SessionReplay(Protocol):
    """A recording that is played. Every method returns at once, from any thread."""

    #: seconds of the recording in one second
    speed: float
    paused: bool
    ended: bool

    @property
    def position_s(self) -> float:
        """Seconds from the start of the recording."""
        ...

    @property
    def seeking(self) -> bool:
        """Whether it is on its way to where the operator wants to be."""
        ...

    @property
    def cut_off(self) -> bool:
        """Whether it has ended without its end having been recorded."""
        ...

    def toggle(self) -> None:
        """Pause, or go on."""
        ...

    def step(self) -> None:
        """Pause, and go on to the next thing that was seen."""
        ...

    def seek(self, seconds: float) -> None:
        """Go this far ahead, or back."""
        ...

    def faster(self) -> None:
        """The next higher speed."""
        ...

    def slower(self) -> None:
        """The next lower speed."""
        ...


class AlarmActions(Protocol):
    """What an operator can do about alarms. Every method returns at once, from any thread; the outcome is a notice.

    An alarm is named by its sensor and kind. A refusal (already acked by somebody, severity has risen since the screen
    was drawn, the login may not act) is a notice of level "error" that says why.
    """

    def ack(self, sensor_id: str, kind: str, occurrence_id: str, version: int) -> None:
        """Acknowledge what the operator saw: this occurrence, drawn from this version."""
        ...

    def ack_page(self, seen: Sequence[tuple[str, str, str, int]]) -> None:
        """Acknowledge all that a page shows: (sensor id, kind, occurrence, version) of each."""
        ...

    def shelve(self, sensor_id: str, kind: str, seconds: float, reason: str, *, one_shot: bool = False) -> None:
        """Silence it for `seconds`, one-shot also no longer than until it returns to normal; needs a reason."""
        ...

    def unshelve(self, sensor_id: str, kind: str) -> None:
        """End a shelve before its time."""
        ...

    def out_of_service(self, sensor_id: str, kind: str, reason: str) -> None:
        """Take it out of service for maintenance; needs a reason."""
        ...

    def return_to_service(self, sensor_id: str, kind: str) -> None:
        """Maintenance is over."""
        ...

    def reset(self, sensor_id: str, kind: str) -> None:
        """Reset the latch of an alarm whose condition is back to normal."""
        ...

    def comment(self, sensor_id: str, kind: str, text: str) -> None:
        """Add a note to its journal."""
        ...

    def mark_false(self, sensor_id: str, kind: str, reason: str = "") -> None:
        """Call its latest occurrence a false alarm; nothing else changes."""
        ...


class ShiftLog(Protocol):
    """The log of the shift and its handover. Every method returns at once, from any thread.

    The report comes into `state.archive.shift`; that something was written, or why not, is a notice.
    """

    def report(self) -> None:
        """Ask for the report of the running shift, and the newest handover that nobody has signed."""
        ...

    def note(self, text: str) -> None:
        """Write a note into the log of the shift."""
        ...

    def give(self) -> None:
        """End the shift: its report is kept, and the next shift begins."""
        ...

    def sign(self, number: int, remark: str = "") -> None:
        """Take over: sign the handover of that number."""
        ...


class LearningControl(Protocol):
    """What an operator can tell the detectors of sensors, all of those that are named or none of them.

    Every method returns at once, from any thread. That it was carried out, or that it waits for a worker, or why it was
    refused, is a notice.
    """

    def freeze(self, sensors: Sequence[str], reason: str = "") -> None:
        """Stop learning until it is thawed."""
        ...

    def thaw(self, sensors: Sequence[str], reason: str = "") -> None:
        """Go on learning; a maintenance window that is open ends."""
        ...

    def reset(self, sensors: Sequence[str], reason: str) -> None:
        """Forget all that was learned."""
        ...

    def accept(self, sensors: Sequence[str], reason: str = "") -> None:
        """What is held is the new normal."""
        ...

    def maintenance(self, sensors: Sequence[str], start: float, end: float, reason: str) -> None:
        """Learn nothing in this window, seconds since the epoch."""
        ...


class History(Protocol):
    """What an operator can look up. Every method returns at once, from any thread.

    The answer, or why there is none, is put into `PlantState.archive`, where the next tick of the screen finds it.
    """

    def series(self, sensor_id: str, seconds: float, end: float) -> None:
        """What a sensor did in the `seconds` before `end` (seconds since the epoch)."""
        ...

    def alarm(self, sensor_id: str, kind: str) -> None:
        """One alarm with its journal, its guidance and the alarms that it stands for."""
        ...

    def why(self, sensor_id: str, kind: str) -> None:
        """Why an alarm was raised: the curve about it, each detector's evidence, earlier occurrences."""
        ...

    def suppressed(self) -> None:
        """Every alarm that is shelved, out of service or suppressed by design."""
        ...

    def learning(self, sensor_id: str) -> None:
        """What operators have told the detectors of a sensor, and what of it waits."""
        ...

    def measures(self) -> None:
        """How good the alarms of the last day are, against the targets of ISA-18.2."""
        ...

    def trend(self, sensors: tuple[str, ...], span: float, end: float | None, until: float) -> None:
        """What a trend shows of these sensors in the `span` seconds before `until` (seconds since the epoch).

        `end` is the same moment for a span that stands still, and None for one that ends with the present.
        """
        ...

    def alarm_jump(self, sensors: tuple[str, ...], severity: str, at: float, step: int) -> None:
        """When the next alarm of these sensors after `at`, or with `step` -1 the one before it, was raised."""
        ...

    def saved_trends(self) -> None:
        """All trends that are saved by name."""
        ...


class TrendLibrary(Protocol):
    """Trends that are saved by name for all operators. Every method returns at once; the outcome is a notice."""

    def save(self, name: str, trend: str, *, replace: bool = False) -> None:
        """Keep a trend, encoded; a name that is taken is refused unless `replace` is said."""
        ...

    def remove(self, name: str) -> None:
        """Forget a trend."""
        ...
