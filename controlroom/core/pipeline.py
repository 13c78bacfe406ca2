"""The pipeline of one partition, pure: records in, a batch of everything that follows from them out.

The *anomaly detector* stage runs each reading through its sensor's bank of detectors; what changes an alarm becomes a
signal of the batch, which the store applies to the alarm inside the batch's transaction (the *alert handler*); readings
are collected for the *data aggregator*. Nothing here waits or reads a clock, so the same records give the same batches'
contents, however they are cut into batches.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import UNSET

from controlroom.core.alarms.common_cause import GroupPolicy
from controlroom.core.alarms.events import AlarmEvent as AlarmInput
from controlroom.core.alarms.events import Returned, TimePassed
from controlroom.core.alarms.model import NO_DATA_KIND
from controlroom.core.clocks import Clocks
from controlroom.core.intake import Intake, Told
from controlroom.core.learning import LearningOrder, carry_out
from controlroom.core.moving import STAYS_S, Departure, UnknownSensor, Unwatched
from controlroom.core.reading_loop import BEST, Loop
from controlroom.core.records import (
    RAW_KEPT,
    Batch,
    Record,
    Reject,
    SensorFacts,
    Signal,
    Source,
    facts_of_group,
)
from controlroom.core.rollups import MINUTE, Bucket, BucketKey
from controlroom.core.saved_states import look_at_states
from controlroom.core.silences import STATE_KEY, Silences, Step
from controlroom.core.slot import BankName, Slot, fault_id_of, is_simulated, load_bank, returned
from controlroom.wire import BadMessage, Reading, Reason, decode_reading
from controlroom.wire.codec import BACKSLASH, MAX_BYTES, NUL_ESCAPE
from controlroom.wire.reading import REFUSALS, QuickReading, decode_quickly, surplus_of
from detectors.finding import Finding
from detectors.profile import Profile

log = logging.getLogger(__name__)

#: Silence is looked for at every whole multiple of this, seconds of broker time.
TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """What the pipeline is told. `sample_every` 1 keeps every reading, 0 none."""

    sample_every: int = 1
    max_sensors: int = 100_000
    #: when silent sensors are one alarm
    common_cause: GroupPolicy = field(default_factory=GroupPolicy)
    #: whether readings are summed up by minute and hour
    roll_up: bool = True
    #: and by second too
    by_second: bool = False
    #: whether readings are watched, and rejects kept; else it is the aggregator alone
    detect: bool = True
    #: limits and one statistical detector, or everything there is
    bank: BankName = "default"


class PartitionPipeline:
    """One partition's sensors, and the batch that is being filled.

    Args:
        topic: the topic of the readings.
        partition: which partition of it.
        next_offset: the first record that has not been processed.
        states: saved detector states by sensor id.
        profile_for: how a sensor is watched, from what is known of it.
        loop: what is done for every record: compiled where that is possible.

    Raises:
        ProgramTooOld: a newer version of the program has saved the states.
    """

    def __init__(
        self,
        topic: str,
        partition: int,
        next_offset: int,
        states: Mapping[str, bytes],
        profile_for: Callable[[SensorFacts], Profile],
        options: PipelineOptions,
        loop: Loop = BEST,
    ) -> None:
        self.topic = topic
        self._loop = loop
        self.partition = partition
        self.next_offset = next_offset
        self._states = dict(states)
        self._profile_for = profile_for
        self.options = options
        self.slots: dict[bytes, Slot] = {}
        self._deadlines: dict[str, Mapping[str, float]] = {}
        #: of sensors that have not spoken since the partition was taken, as far as they have alarms
        self._facts: Mapping[str, SensorFacts] = {}
        #: saved states of silent sensors that an order has changed
        self._changed_states: dict[str, bytes] = {}
        #: operators' orders that were carried out here; they may be handed over again before that is committed
        self._orders_done: set[int] = set()
        self._silences = Silences(
            options.common_cause, f"{topic}/{partition}", self._clock_of, self._states.pop(STATE_KEY, None)
        )
        look_at_states(options.bank, self._states, f"{topic}/{partition}")
        self._intake = Intake(partition)
        #: sensors that have moved to another partition, and until when (broker time) they are not taken back
        self._moved: dict[str, float] = {}
        #: sensors that no other partition has, though no state of them is here either
        self.looked_for_here: set[str] = set()
        #: whether processing stops at the first record of a sensor that was not looked for
        self.stops_at_unknown = False
        #: broker time until which nobody is called silent
        self._silence_from = -math.inf
        #: alarms of the partition that stand by what is committed
        self._standing: frozenset[str] = frozenset()
        self._log_s = -math.inf
        self.next_tick = -math.inf
        self._batch = self._new_batch(next_offset)
        # They outlive a batch: what was not saved by a checkpoint comes again when its readings are run once more.
        self._rollups: dict[BucketKey, Bucket] = {}
        self.seconds: dict[BucketKey, Bucket] = {}

    @property
    def sensors(self) -> int:
        """Sensors seen since the partition was taken."""
        return len(self.slots)

    def clocks(self) -> Clocks:
        """How far the clocks of its sensors are off the brokers', by their last readings; simulated ones left out."""
        return Clocks.of(slot.clock - slot.arrived for slot in self.slots.values() if not slot.facts.simulated)

    @property
    def pending(self) -> Batch:
        """The batch that is being filled."""
        return self._batch

    def take(self, *, checkpoint: bool) -> Batch:
        """End the batch and begin the next.

        With `checkpoint` it holds the detectors' states as of its end, and the roll-ups since the last checkpoint.
        """
        batch = self._batch
        if checkpoint:
            batch.rollups, self._rollups = self._rollups, {}
            batch.seconds, self.seconds = self.seconds, {}
            batch.states, self._changed_states = self._changed_states, {}
            for slot in self.slots.values():
                if slot.dirty or slot.source > slot.saved:
                    slot.dirty = False
                    slot.saved = slot.source
                    slot.bucket = None
                    if not isinstance(slot.bank, Unwatched):
                        batch.states[slot.sensor_id] = slot.bank.dump()
            if self._silences.dirty:
                batch.states[STATE_KEY] = self._silences.dump()
        self._batch = self._new_batch(batch.next_offset)
        return batch

    def rerun(self, records: Sequence[Record]) -> None:
        """Run records through the detectors that were committed already: they learn, and nothing else comes of it."""
        self.process(records)
        self.discard()

    def resume(self, offset: int) -> None:
        """Begin the next batch at `offset`: the records before it are committed, or never were."""
        self.next_offset = offset
        self.discard()
        self._intake.set_standing(self._standing)
        # What was said of a delay on the way here was forgotten with the rest.
        self.set_deadlines(dict(self._deadlines))

    def skip(self, offset: int) -> None:
        """Nothing that may be read lies before `offset`: the batch ends there, and the next begins there."""
        self.next_offset = self._batch.next_offset = offset

    def discard(self) -> None:
        """Forget what is in the batch; the detectors keep what they learned."""
        self._batch = self._new_batch(self.next_offset)

    def _new_batch(self, offset: int) -> Batch:
        return Batch(offset, offset, readings=self._loop.rows(self.topic, self.partition))

    def process(self, records: Sequence[Record]) -> Sequence[Record]:
        """Add the consequences of `records` (in order of offset) to the batch.

        Returns:
            What is left: with `stops_at_unknown` it begins with the first record of a sensor to be looked for.
        """
        return self._loop.process(self, records)

    def unknown(self, records: Iterable[Record]) -> dict[str, Record]:
        """The sensors of `records` that are to be looked for in other partitions, each with its first record."""
        found: dict[str, Record] = {}
        for record in records:
            key = record.key
            if key is not None and key not in self.slots:
                name = key.decode("utf-8", "replace")
                if "\x00" not in name and not self._is_known(name):
                    found.setdefault(name, record)
        return found

    def join(
        self,
        states: Mapping[str, bytes],
        facts: Mapping[str, SensorFacts],
        deadlines: Mapping[str, Mapping[str, float]],
    ) -> None:
        """Sensors have come from another partition: what their detectors know, and of those with alarms the rest."""
        self._states.update(states)
        self._facts = {**self._facts, **facts}
        self.set_deadlines(deadlines)

    def looked_for(self, sensors: Iterable[str]) -> None:
        """No other partition has these: they are new."""
        self.looked_for_here.update(sensors)

    def depart(self, sensor_id: str, clock: float) -> None:
        """Give a sensor up, before the next record: it is heard in another partition.

        The batch must be committed, with a checkpoint. `clock` is the time if no record has told it yet.
        """
        if sensor_id in self._moved:
            return
        slot = self.slots.pop(sensor_id.encode(), None)
        state = self._states.pop(sensor_id, None)
        now = self._log_s if self._log_s > -math.inf else clock
        if slot is not None and not isinstance(slot.bank, Unwatched):
            state = slot.bank.dump()
        self._changed_states.pop(sensor_id, None)
        # It is heard in another partition, so it is not silent: what stands of that ends here.
        for step in self._silences.leave(sensor_id, self._clock_of_slot(slot, now), now):
            self._append(*step, slot=slot)
        self.set_deadlines({sensor_id: {}})
        log.info("%s has moved from partition %d to another", sensor_id, self.partition)
        self._moved[sensor_id] = now + STAYS_S
        self._batch.departures.append(Departure(sensor_id, self.next_offset, now, state))

    def departed(self, sensors: Mapping[str, float]) -> None:
        """These have moved away before the partition was taken: when, in broker time, by sensor."""
        self._moved.update((sensor_id, at + STAYS_S) for sensor_id, at in sensors.items())

    def call_nobody_silent(self, until: float) -> None:
        """Before broker time `until` a sensor may be heard where nobody reads yet."""
        self._silence_from = max(until, self._silence_from)

    def _is_known(self, sensor_id: str) -> bool:
        return sensor_id in self._states or sensor_id in self.looked_for_here or sensor_id in self._moved

    def read(self, record: Record) -> tuple[Slot, Reading | QuickReading]:
        """A record's reading, and its sensor's slot.

        Raises:
            BadMessage: it cannot be accepted.
            UnknownSensor: the sensor is to be looked for in other partitions first.
        """
        raw = record.value or b""
        try:
            slot = self.slots[record.key]  # type: ignore[index]  # no record without a key has a slot
            reading = decode_quickly(raw)
            metadata = reading.metadata
            if (
                reading.location != slot.place
                or reading.sensor_id != slot.sensor_id
                or reading.unit != slot.unit_as_sent
                or reading.sensor_type != slot.sensor_type
                or metadata.warning_threshold != slot.warning
                or metadata.critical_threshold != slot.critical
                or (BACKSLASH in raw and NUL_ESCAPE in raw)
                or reading.source != slot.origin
                or reading.schema_version is not UNSET
                or len(raw) > MAX_BYTES
            ):
                return self._look(record)
        except (KeyError, *REFUSALS):
            return self._look(record)
        return slot, reading

    def _look(self, record: Record) -> tuple[Slot, Reading]:
        """A record that is not as its sensor's last one was: by every rule, and what is new of the sensor noted.

        Raises:
            BadMessage: it cannot be accepted.
        """
        reading = decode_reading(record.value)
        slot = self.slots.get(record.key) if record.key is not None else None
        if slot is None or slot.sensor_id != reading.sensor_id:
            slot = self._new_slot(record, reading)
        elif slot.tells_otherwise(reading):
            self._changed_facts(slot, record, reading)
        slot.sent(decode_quickly(record.value or b""))
        return slot, reading

    def know(self, facts: Mapping[str, SensorFacts], standing: Collection[tuple[str, str]] = ()) -> None:
        """What is stored of alarms: the facts of their sensors (one may be silent), and which (sensor, kind) stand."""
        self._facts = facts
        self._standing = frozenset(kind for name, kind in standing if name == self._intake.name)
        self._intake.set_standing(self._standing)

    def definitions_changed(self, common_cause: GroupPolicy) -> None:
        """Limits or the policy of common causes may be others now; nothing that was learned or raised is lost."""
        self._silences.policy = common_cause
        for slot in self.slots.values():
            self._watch_by(slot, self._profile_for(slot.facts))

    def know_lost(self, reason: str | None) -> None:
        """The partition itself is lost (it has no leader), and why; None: it is there."""
        self._silences.know_lost(self.partition, reason)

    def know_lost_groups(self, reasons: Mapping[str, str]) -> None:
        """Nothing can come from the sensors of these groups, each with the reason; it can from all others."""
        self._silences.know_lost_groups(reasons)

    def set_deadlines(self, deadlines: Mapping[str, Mapping[str, float]]) -> None:
        """When running delays end: sensor id -> kind -> event time. Replaces what was known of these sensors."""
        for sensor_id, kinds in deadlines.items():
            if sensor_id in self._moved and kinds:
                continue
            self._silences.set_deadlines(sensor_id, kinds)
            if kinds:
                self._deadlines[sensor_id] = kinds
            else:
                self._deadlines.pop(sensor_id, None)
            slot = self.slots.get(sensor_id.encode())
            if slot is not None:
                slot.deadline = min(kinds.values(), default=math.inf)

    def advance(self, now: float) -> bool:
        """Broker time has come to `now` (seconds since the epoch) with no record to show it: look for silence.

        Returns:
            Whether anything follows from it: then the batch must be committed, with a checkpoint.
        """
        before = len(self._batch.signals)
        if now >= self.next_tick:
            self.tick(now)
        return len(self._batch.signals) > before

    def order(self, orders: Iterable[LearningOrder]) -> bool:
        """Carry out what operators tell the detectors, before the next record; each once.

        Those of a sensor that has not spoken since the partition was taken, and has no alarm either, are left: they are
        handed over again. So what follows depends on the records before this offset alone.

        Returns:
            Whether anything was done: then the batch must be committed, with a checkpoint.
        """
        for order in orders:
            slot = self.slots.get(order.sensor_id.encode())
            known = slot is not None or (order.sensor_id in self._facts and order.sensor_id in self._states)
            if not known or order.id in self._orders_done:
                continue
            if slot is None:
                self._carry_out_unheard(order)
            elif not isinstance(slot.bank, Unwatched):
                slot.dirty = True
                self.signal(slot, carry_out(order, slot.bank), slot.clock, slot.arrived)
            else:
                continue
            self._orders_done.add(order.id)
            self._batch.ordered.append((order.id, self.next_offset))
        return bool(self._batch.ordered)

    def _carry_out_unheard(self, order: LearningOrder) -> None:
        """Do it to the saved state of a sensor that may never speak again, and end the alarms that end by it."""
        sensor_id = order.sensor_id
        facts = self._facts[sensor_id]
        bank = load_bank(self.options.bank, sensor_id, self._profile_for(facts), self._states[sensor_id])
        findings = carry_out(order, bank)
        self._states[sensor_id] = self._changed_states[sensor_id] = bank.dump()
        for finding in findings:
            event = returned(finding.kind, finding.t)
            steps: list[Step] = [(sensor_id, finding.kind, event)]
            if finding.kind == NO_DATA_KIND:
                steps = self._silences.back(sensor_id, event, max(self._log_s, finding.t))
            for step in steps:
                self._append(*step)

    def time_passed(self, slot: Slot, event_s: float) -> None:
        """A sensor's own time has come to where a delay of one of its alarms ends."""
        source = Source(self.topic, self.partition, slot.source)
        for kind, deadline in self._deadlines.get(slot.sensor_id, {}).items():
            if event_s >= deadline:
                self._batch.signals.append(Signal(slot.facts, kind, TimePassed(at=event_s), source))
        # Said once: the store's answer to the batch sets the next deadline.
        slot.deadline = math.inf

    def tick(self, now: float) -> None:
        """Broker time has come to `now`, at or after `next_tick`: look for silence."""
        if now > self._log_s:
            self._log_s = now
        self.next_tick = (math.floor(self._log_s / TICK_S) + 1) * TICK_S
        if self._moved:
            self._may_come_back(self._log_s)
        for slot in self.slots.values() if self._log_s >= self._silence_from else ():
            findings = slot.bank.tick(self._log_s)
            if findings:
                slot.dirty = True
                self.signal(slot, findings, slot.clock_at(self._log_s), self._log_s, settle=False)
        # One cause is looked for in all the silences of this moment, in whatever order they were noticed.
        for step in self._silences.settle(self._log_s):
            self._append(*step)
        for step in self._silences.take_over(self._log_s):
            self._append(*step)
        self._of_partition(self._intake.time_passed(self._log_s), -1)
        for name, kind, at in self._silences.ended(self._log_s):
            self._append(name, kind, TimePassed(at=at))
        for step in self._silences.time_passed(self._log_s):
            self._append(*step)
        if self._silences.unrepeatable:
            self._silences.unrepeatable = False
            self._batch.needs_checkpoint = True

    def _may_come_back(self, log_s: float) -> None:
        """Sensors that moved away long enough ago are looked for again when they are heard here."""
        for sensor_id in [name for name, until in self._moved.items() if log_s >= until]:
            del self._moved[sensor_id]
            self.slots.pop(sensor_id.encode(), None)

    def _clock_of(self, sensor_id: str, log_s: float) -> float:
        return self._clock_of_slot(self.slots.get(sensor_id.encode()), log_s)

    @staticmethod
    def _clock_of_slot(slot: Slot | None, log_s: float) -> float:
        return slot.clock_at(log_s) if slot is not None else log_s

    def _append(self, name: str, kind: str, event: AlarmInput, slot: Slot | None = None) -> None:
        """Something that no reading tells, of a sensor or of a group of them; `slot` is of one that is not kept."""
        slot = self.slots.get(name.encode()) or (slot if slot is not None and slot.sensor_id == name else None)
        facts = slot.facts if slot is not None else self._facts.get(name) or facts_of_group(name)
        offset = slot.source if slot is not None else -1
        self._batch.signals.append(Signal(facts, kind, event, Source(self.topic, self.partition, offset)))

    def bucket(self, slot: Slot, event_s: float) -> Bucket:
        """The roll-up that a reading goes to, which is another than that of the sensor's last one."""
        start = int(event_s // MINUTE) * MINUTE
        slot.bucket_start = start
        slot.bucket = self._rollups.setdefault((slot.sensor_id, start), Bucket())
        return slot.bucket

    def _new_slot(self, record: Record, reading: Reading) -> Slot:
        key = record.key
        if key is None or key != reading.sensor_id.encode():
            # The key decides the partition: without it a sensor's readings would lose their order and their owner.
            raise BadMessage(Reason.KEY, "the record's key is not the reading's sensor_id")
        if len(self.slots) >= self.options.max_sensors:
            raise BadMessage(Reason.SENSOR_LIMIT, f"more than {self.options.max_sensors} sensors in a partition")
        if self.stops_at_unknown and not self._is_known(reading.sensor_id):
            raise UnknownSensor
        facts = SensorFacts.of(reading, simulated=is_simulated(record.headers))
        profile = self._profile_for(facts)
        if facts.sensor_id in self._moved:
            # What still comes of it is kept; it is watched in the partition that it has moved to.
            log.warning("%s comes in partition %d, too, though it has moved", facts.sensor_id, self.partition)
            slot = self.slots[key] = Slot(facts, Unwatched(profile), reading)
            return slot
        saved = self._states.pop(facts.sensor_id, None)
        bank = load_bank(self.options.bank, facts.sensor_id, profile, saved)
        slot = self.slots[key] = Slot(facts, bank, reading)
        if saved is None:
            self._batch.new_sensors.append(facts.sensor_id)
        slot.deadline = min(self._deadlines.get(facts.sensor_id, {}).values(), default=math.inf)
        self._silences.join(facts, self.partition)
        self._batch.sensors[facts.sensor_id] = facts
        for name in surplus_of(record.value or b"", reading):
            self._batch.surplus[name] = self._batch.surplus.get(name, 0) + 1
        return slot

    def _changed_facts(self, slot: Slot, record: Record, reading: Reading) -> None:
        facts = SensorFacts.of(reading, simulated=is_simulated(record.headers))
        self._watch_by(slot, self._profile_for(facts))
        slot.facts = facts
        slot.tell(reading)
        if slot.watched:
            self._silences.join(facts, self.partition)
        self._batch.sensors[facts.sensor_id] = facts

    def _watch_by(self, slot: Slot, profile: Profile) -> None:
        if profile != slot.bank.profile and not isinstance(slot.bank, Unwatched):
            slot.bank = type(slot.bank).load(profile, slot.bank.dump())
            slot.dirty = True

    def reject(self, record: Record, bad: BadMessage) -> None:
        """Keep a record that cannot be accepted."""
        if not self.options.detect:
            return
        arrived = record.timestamp / 1000
        size = min(len(record.value or b""), RAW_KEPT)
        keep, told = self._intake.rejected(bad.reason, size, arrived)
        reject = Reject.of(record, str(bad.reason), bad.detail, keep=keep)
        self._batch.rejects.append(reject)
        self._batch.rejected_bytes += len(reject.raw or b"") + len(reject.key or b"")
        self._of_partition(told, record.offset)
        slot = self.slots.get(record.key) if record.key is not None else None
        if slot is not None:
            slot.source, slot.dirty = record.offset, True
            slot.fault_id = fault_id_of(record.headers)
            self.signal(slot, slot.bank.reject(arrived), slot.clock_at(arrived), arrived)

    def _of_partition(self, told: Sequence[Told], offset: int) -> None:
        """What is wrong with the partition's records as a whole, or no longer is."""
        facts = facts_of_group(self._intake.name)
        source = Source(self.topic, self.partition, offset)
        self._batch.signals.extend(Signal(facts, kind, event, source) for kind, event in told)

    def signal(self, slot: Slot, findings: Sequence[Finding], at: float, log_s: float, *, settle: bool = True) -> None:
        """What a sensor's detectors found, at `at` in its own time and `log_s` in the broker's."""
        source = Source(self.topic, self.partition, slot.source)
        for finding in findings:
            event = slot.alarm_input(finding, at)
            if finding.kind != NO_DATA_KIND:
                self._batch.signals.append(Signal(slot.facts, finding.kind, event, source))
                continue
            if isinstance(event, Returned):
                steps = self._silences.back(slot.sensor_id, event, log_s)
            else:
                self._silences.silent(slot.sensor_id, event, slot.arrived)
                steps = self._silences.settle(log_s) if settle else []
            for step in steps:
                self._append(*step)
