"""One partition in the hands of a detection worker: brought up, fed, committed, given back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.newcomers import Newcomers
from controlroom.adapters.postgres.alarm_journal import OutboxEntry
from controlroom.adapters.postgres.outbox import Outgoing
from controlroom.adapters.postgres.session import PASSING_ERRORS
from controlroom.adapters.postgres.store import Claim, PartitionStore
from controlroom.core.alarms.common_cause import GroupPolicy
from controlroom.core.clocks import Clocks
from controlroom.core.learning import LearningOrder
from controlroom.core.moving import HEARD_ELSEWHERE_S
from controlroom.core.pipeline import PartitionPipeline
from controlroom.core.records import Batch, tail_hash
from controlroom.core.summary.writer import PartitionSummary
from controlroom.errors import Fenced
from controlroom.wire import AlarmEvent

log = logging.getLogger(__name__)

#: Records of one partition that may wait for the database; then it is not polled until some are committed.
MAX_PENDING = 20_000
#: The same of rejected records, whose bytes are kept, in bytes.
MAX_PENDING_BYTES = 8 * 1024 * 1024
#: Detector states are saved after so many records, or so many seconds; after a takeover the readings since are run
#: through the detectors once more.
CHECKPOINT_RECORDS = 100_000
CHECKPOINT_S = 5.0
#: Of many sensors they are saved more rarely, since to save one costs as much as ten readings: on the average after so
#: many readings of each, and for each so many sensors that much later, up to a bound.
READINGS_A_SENSOR = 10
SENSORS_IN_TIME, MOST_TIMES = 10_000, 6.0
#: Readings that nothing follows from wait so many seconds for more of them, or until there are so many: a commit costs
#: as much as a hundred readings. What moves an alarm is committed at once, and all that came before it.
GATHER_S = 0.25
GATHER_RECORDS = 1000
RETRY_S = 1.0
#: How often it is looked whether sensors have come from other partitions.
LOOK_S = 0.1
#: A silent partition's time goes on by the worker's clock, this much behind it: the brokers' clock may differ.
CLOCK_MARGIN_S = 2.0


@dataclass(slots=True)
class Progress:
    """What a partition has done, for status lines and metrics."""

    committed: int = 0
    commits: int = 0
    rejected: int = 0
    events: int = 0
    #: seconds from the receipt of a batch's first record to the end of its commit, of the last batch
    commit_s: float = 0.0
    #: why it waits for the database; empty when it does not
    waiting: str = ""
    #: monotonic seconds of the first record's receipt and of the last commit of records; None before there was one
    first_at: float | None = None
    last_at: float | None = None
    #: times that another worker was found to have claimed a partition of ours
    fenced: int = 0


@dataclass(frozen=True, slots=True)
class Commit:
    """One batch that was committed, as metrics see it."""

    partition: int
    records: int
    rejected: int
    #: seconds of the transaction, with its repeats
    took_s: float
    #: seconds since the receipt of the batch's first record
    waited_s: float
    #: rejects by reason
    reasons: Mapping[str, int] = field(default_factory=dict)
    #: sensors that were met for the first time and send what is passed over, by what it is
    surplus: Mapping[str, int] = field(default_factory=dict)


class Partition:
    """From assignment to revocation.

    `feed` is called by the worker's poll loop, in order; a task of its own commits. Whatever ends that task is
    handed to `on_failure`.
    """

    def __init__(
        self,
        tp: TopicPartition,
        consumer: AIOKafkaConsumer,
        store: PartitionStore,
        make_pipeline: Callable[[TopicPartition, int, Mapping[str, bytes]], PartitionPipeline],
        *,
        progress: Progress,
        on_events: Callable[[Sequence[AlarmEvent], Sequence[int]], None],
        on_posted: Callable[[Sequence[OutboxEntry]], None],
        on_ready: Callable[[], None],
        on_rejects: Callable[[Sequence[Outgoing]], None],
        on_failure: Callable[[BaseException], None],
        start_at_end: bool,
        on_commit: Callable[[Commit], None] = lambda _: None,
        silence_from: float = -math.inf,
        checkpoint_s: float = CHECKPOINT_S,
        make_summary: Callable[[int], PartitionSummary | None] = lambda _: None,
    ) -> None:
        self.tp = tp
        #: what consoles are told of its sensors; None: nothing
        self.summary: PartitionSummary | None = None
        self._make_summary = make_summary
        self.ready = False
        self.progress = progress
        #: offset up to which everything is in the database
        self.committed_offset = -1
        self._consumer = consumer
        self._store = store
        self._make_pipeline = make_pipeline
        self._on_events = on_events
        self._on_posted = on_posted
        self._on_ready = on_ready
        self._on_rejects = on_rejects
        self._on_commit = on_commit
        self._on_failure = on_failure
        self._start_at_end = start_at_end
        self._pipeline: PartitionPipeline | None = None
        self._newcomers = Newcomers(tp, consumer, store.moves) if store.moves is not None else None
        #: from the first record of a sensor on that must be looked for in other partitions
        self._parked: list[ConsumerRecord] = []
        self._silence_from = silence_from
        self._resume_at = 0
        #: of the record before `_resume_at`, until that has been seen
        self._tail: bytes | None = None
        #: that record is another than the one that was committed
        self._made_anew = False
        self._wake = asyncio.Event()
        #: no transaction is under way
        self._landed = asyncio.Event()
        self._landed.set()
        #: everything that was fed is committed
        self._settled = asyncio.Event()
        self._settled.set()
        self._force_checkpoint = False
        self._checkpoint_s = checkpoint_s
        self._checkpoint_at = time.monotonic() + checkpoint_s
        self._since_checkpoint = 0
        self._task = asyncio.create_task(self._run(), name=f"partition {tp.topic}/{tp.partition}")

    @property
    def accepts(self) -> bool:
        """Whether it may be polled: it is ready, and not too much waits for the database."""
        if not self.ready or self._pipeline is None or self._parked:
            return False
        pending = self._pipeline.pending
        return pending.records < MAX_PENDING and pending.rejected_bytes < MAX_PENDING_BYTES

    @property
    def clocks(self) -> Clocks:
        """How far its sensors' clocks are off."""
        return self._pipeline.clocks() if self._pipeline is not None else Clocks()

    @property
    def next_offset(self) -> int:
        """The first record that was not processed."""
        return self._pipeline.next_offset if self._pipeline is not None else -1

    @property
    def idle(self) -> bool:
        """Whether everything that was fed is committed."""
        return self.ready and self._settled.is_set()

    def definitions_changed(self, common_cause: GroupPolicy) -> None:
        """Watch every sensor by what the definitions say now; what the detectors have learned stays."""
        if self._pipeline is not None:
            self._pipeline.definitions_changed(common_cause)

    def feed(self, records: Sequence[ConsumerRecord]) -> None:
        """Process records that were polled while `accepts` held."""
        pipeline = self._pipeline
        if pipeline is None or not self.ready:
            return
        if self._parked:
            self._parked.extend(records)
            return
        if self._tail is not None and not self._is_the_topic_we_know(records):
            return
        # The position is ours since the seek, so anything else is left over from before it.
        if records[0].offset < pipeline.next_offset:
            records = [record for record in records if record.offset >= pipeline.next_offset]
        if records and records[0].offset < self._resume_at:
            again = [record for record in records if record.offset < self._resume_at]
            pipeline.rerun(again)
            records = records[len(again) :]
        if not records:
            return
        if pipeline.next_offset < self._resume_at:
            pipeline.resume(self._resume_at)
        self._process(pipeline, records)

    def _process(self, pipeline: PartitionPipeline, records: Sequence[ConsumerRecord]) -> None:
        if not pipeline.pending.records:
            pipeline.pending.received_at = time.monotonic()
        pipeline.stops_at_unknown = self._newcomers is not None
        self._parked = list(pipeline.process(records))
        if self.summary is not None:
            self.summary.note(records[: len(records) - len(self._parked)])
        self._want_commit()

    def _is_the_topic_we_know(self, records: Sequence[ConsumerRecord]) -> bool:
        """Whether the record before ours is the one that was committed, as far as these records tell."""
        before = self._resume_at - 1
        if records[-1].offset < before:
            return True
        known, self._tail = self._tail, None
        last = next((record for record in records if record.offset >= before), None)
        if last is None or last.offset != before or tail_hash(last) == known:
            return True
        self.ready = False
        self._made_anew = True
        self._wake.set()
        return False

    def skip(self, offset: int) -> None:
        """The consumer has come to `offset`, and everything that it handed over on the way is committed.

        What lies between are marks of transactions, and records of transactions that were aborted.
        """
        pipeline = self._pipeline
        if not self.idle or pipeline is None or not max(self.committed_offset, self._resume_at) < offset:
            return
        if pipeline.next_offset < self._resume_at:
            pipeline.resume(self._resume_at)
        pipeline.skip(offset)
        self._force_checkpoint = True
        self._want_commit()

    def advance(self, now: float, *, leaderless: bool = False) -> None:
        """Nothing came although we are at the partition's end: let its time go on.

        While the partition is `leaderless` that is why its sensors are silent.
        """
        pipeline = self._pipeline
        if pipeline is not None:
            name = f"partition {self.tp.partition} of {self.tp.topic}"
            pipeline.know_lost(f"{name} has no leader: nothing can be written or read" if leaderless else None)
        caught_up = self.ready and pipeline is not None and pipeline.next_offset >= self._resume_at
        if caught_up and pipeline is not None and pipeline.advance(now - CLOCK_MARGIN_S):
            # The readings alone would not bring the detectors to this state again.
            self._force_checkpoint = True
            self._want_commit()

    def know_lost(self, reasons: Mapping[str, str]) -> None:
        """Nothing can come from the sensors of these groups, each with the reason; it can from all others."""
        pipeline = self._pipeline
        # Not before what was committed was run through again: then it was perhaps not known.
        if self.ready and pipeline is not None and pipeline.next_offset >= self._resume_at:
            pipeline.know_lost_groups(reasons)

    def order(self, orders: Sequence[LearningOrder]) -> None:
        """Hand over what operators tell the detectors; not before what was committed was run through them again."""
        pipeline = self._pipeline
        if self.ready and pipeline is not None and pipeline.next_offset >= self._resume_at and pipeline.order(orders):
            self._want_commit()

    def give_up(self, sensors: Sequence[str]) -> None:
        """Give up sensors that are heard in another partition."""
        pipeline = self._pipeline
        if self.ready and pipeline is not None and pipeline.next_offset >= self._resume_at:
            for sensor_id in sensors:
                pipeline.depart(sensor_id, time.time() - CLOCK_MARGIN_S)
            if pipeline.pending.departures:
                self._want_commit()

    def call_nobody_silent(self, until: float) -> None:
        """Until broker time `until` sensors may be heard in partitions that nobody reads yet."""
        self._silence_from = until
        if self._pipeline is not None:
            self._pipeline.call_nobody_silent(until)

    async def stop(self, grace: float) -> None:
        """Take no more; let the batch in flight be known, for `grace` seconds at most; give the connection back."""
        self.ready = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._landed.wait()
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._store.close()

    async def flush(self) -> None:
        """Commit what is pending, with a checkpoint, as the last thing before the end."""
        if not self.ready:
            return
        self._force_checkpoint = True
        self._want_commit()
        settled = asyncio.create_task(self._settled.wait())
        await asyncio.wait([settled, self._task], return_when=asyncio.FIRST_COMPLETED)
        settled.cancel()

    def _want_commit(self) -> None:
        self._settled.clear()
        self._wake.set()

    async def _run(self) -> None:
        try:
            await self._bring_up()
            while await self._commit_loop():
                await self._bring_up()
        except Fenced as fenced:
            log.warning("%s; its state is dropped here", fenced)
            self.progress.fenced += 1
            self.ready = False
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - handed to the worker, which ends with it
            self.ready = False
            self._on_failure(error)

    async def _bring_up(self) -> None:
        """Claim, load, seek; until then the partition is paused, and an empty state is never used in its place."""
        self._consumer.pause(self.tp)
        while True:
            try:
                partitions = len(self._consumer.partitions_for_topic(self.tp.topic) or ())
                claim = await self._store.claim(partitions)
                start = await self._starting_point(claim)
            except (*PASSING_ERRORS, KafkaError) as error:
                reason = str(error) or type(error).__name__
                # Of the brokers it is not said: a client that has lost its way to them is the watchdog's business.
                self.progress.waiting = "" if isinstance(error, KafkaError) else reason
                log.warning("%s/%d stays paused: %s", self.tp.topic, self.tp.partition, reason)
                await asyncio.sleep(RETRY_S)
                continue
            if start is not None:
                break
        self.progress.waiting = ""
        state_offset, self._resume_at = start
        self.committed_offset = self._resume_at
        self._pipeline = self._make_pipeline(self.tp, state_offset, claim.states)
        self._pipeline.know(claim.facts, claim.standing)
        self._pipeline.set_deadlines(claim.deadlines)
        self._pipeline.departed(claim.departed)
        self._parked = []
        self.summary = self._make_summary(max(1, claim.epoch))
        if claim.topic_grew:
            self._silence_from = max(self._silence_from, time.time() + HEARD_ELSEWHERE_S)
        self._pipeline.call_nobody_silent(self._silence_from)
        # The last committed record is read again, to see that it is still the same.
        self._consumer.seek(self.tp, state_offset if self._tail is None else min(state_offset, self._resume_at - 1))
        self._consumer.resume(self.tp)
        self.ready = True
        self._on_ready()
        log.info("%s/%d is ours from offset %d", self.tp.topic, self.tp.partition, self._resume_at)

    async def _starting_point(self, claim: Claim) -> tuple[int, int] | None:
        """(where detectors go on, where commits go on); None: claim again."""
        first = (await self._consumer.beginning_offsets([self.tp]))[self.tp]
        end = (await self._consumer.end_offsets([self.tp]))[self.tp]
        if claim.next_offset is None or claim.state_offset is None:
            # A partition that was added to a topic which the group has worked on is read from its first record.
            added = self._start_at_end and self._store.moves is not None and await self._store.moves.has_run()
            offset = end if self._start_at_end and not added else first
            return (offset, offset) if await self._store.begin(offset) else None
        self._tail = None
        if first <= claim.next_offset <= end and not self._made_anew:
            self._tail = claim.tail if first < claim.next_offset else None
            return max(first, claim.state_offset), claim.next_offset
        # What lies between is gone: kept as a fact, never skipped in silence.
        reason = "retention" if claim.next_offset < first else "topic made anew or truncated"
        self._made_anew = False
        log.error(
            "%s/%d: records from %d on are gone (%s)", self.tp.topic, self.tp.partition, claim.next_offset, reason
        )
        recorded = await self._store.record_gap(claim.next_offset, first, reason)
        if recorded.events:
            self._on_events(recorded.events, recorded.outbox_ids)
        return first, first

    async def _commit_loop(self) -> bool:
        """Commit until cancelled, or until the topic turns out to be another one: then True."""
        pipeline = self._pipeline
        assert pipeline is not None
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._made_anew:
                return True
            while _worth(pipeline.pending) or self._force_checkpoint or self._parked:
                if not _worth(pipeline.pending) and not self._force_checkpoint:
                    await self._meet(pipeline)
                    continue
                await self._gather(pipeline)
                checkpoint = self._checkpoint_due(pipeline.pending)
                self._force_checkpoint = False
                batch = pipeline.take(checkpoint=checkpoint)
                self._landed.clear()
                began = time.monotonic()
                try:
                    committed = await self._store.commit(batch)
                finally:
                    self._landed.set()
                self.committed_offset = batch.next_offset
                pipeline.set_deadlines(committed.deadlines)
                self._account(batch, len(committed.events), began)
                self._on_posted(committed.posted)
                self._on_rejects(committed.dead_letters)
                if committed.events:
                    self._on_events(committed.events, committed.outbox_ids)
            self._settled.set()

    async def _gather(self, pipeline: PartitionPipeline) -> None:
        """Wait until what is pending is worth a commit."""
        while not (self._force_checkpoint or self._parked or _is_urgent(pipeline.pending)):
            left = pipeline.pending.received_at + GATHER_S - time.monotonic()
            if left <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._wake.wait()
            if self._made_anew:
                return
            self._wake.clear()

    async def _meet(self, pipeline: PartitionPipeline) -> None:
        """All before the first record of an unknown sensor is committed: look for it in other partitions, and go on."""
        assert self._newcomers is not None
        try:
            found = await self._newcomers.settle(pipeline, pipeline.unknown(self._parked))
            waiting = self._newcomers.waiting_for
        except (*PASSING_ERRORS, KafkaError) as error:
            found, waiting = False, f"new sensors are looked for: {str(error) or type(error).__name__}"
        if found:
            self.progress.waiting = ""
            self._process(pipeline, self._parked)
            return
        if waiting != self.progress.waiting:
            log.info("%s/%d: %s", self.tp.topic, self.tp.partition, waiting)
        self.progress.waiting = waiting
        # What others ask of this partition in the meantime is committed at once: two may wait for each other.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._wake.wait()
        self._wake.clear()

    def _checkpoint_due(self, batch: Batch) -> bool:
        self._since_checkpoint += batch.records
        now = time.monotonic()
        sensors = self._pipeline.sensors if self._pipeline is not None else 0
        many = self._since_checkpoint >= max(CHECKPOINT_RECORDS, READINGS_A_SENSOR * sensors)
        asked = self._force_checkpoint or batch.needs_checkpoint or batch.ordered or batch.departures
        if asked or many or now >= self._checkpoint_at:
            self._checkpoint_at = now + self._checkpoint_s * min(max(1.0, sensors / SENSORS_IN_TIME), MOST_TIMES)
            self._since_checkpoint = 0
            return True
        return False

    def _account(self, batch: Batch, events: int, began: float) -> None:
        progress = self.progress
        progress.committed += batch.records
        progress.commits += 1
        progress.rejected += len(batch.rejects)
        progress.events += events
        now = time.monotonic()
        if batch.records:
            progress.last_at = now
            progress.commit_s = now - batch.received_at
            progress.first_at = batch.received_at if progress.first_at is None else progress.first_at
        reasons = Counter(reject.reason for reject in batch.rejects)
        self._on_commit(
            Commit(
                self.tp.partition, batch.records, len(batch.rejects), now - began, progress.commit_s, reasons,
                batch.surplus,
            )
        )  # fmt: skip


def _is_urgent(batch: Batch) -> bool:
    something_else = batch.signals or batch.rejects or batch.ordered or batch.departures or batch.needs_checkpoint
    return bool(something_else) or batch.records >= GATHER_RECORDS


def _worth(batch: Batch) -> bool:
    return bool(batch.records or batch.signals or batch.ordered or batch.departures)
