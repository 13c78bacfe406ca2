"""A detection worker: a member of the consumer group that runs the pipeline of every partition it is given."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import math
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata

from controlroom.adapters.files.definitions_file import follow
from controlroom.adapters.files.detectors_file import follow_profiles
from controlroom.adapters.kafka.bridge_follower import BridgeFollower
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.fault_keeper import FaultKeeper
from controlroom.adapters.kafka.group_errors import GroupErrors
from controlroom.adapters.kafka.lean_fetch import AS_DECODED
from controlroom.adapters.kafka.partition import CHECKPOINT_S, Commit, Partition, Progress
from controlroom.adapters.kafka.relay import Relay
from controlroom.adapters.kafka.summary_publisher import SummaryPublisher
from controlroom.adapters.kafka.watchdog import ends_by, watch
from controlroom.adapters.notifications.deliveries import Deliveries
from controlroom.adapters.notifications.pending import PendingNotifications
from controlroom.adapters.notifications.policy_file import follow_policy
from controlroom.adapters.notifications.sender import AppriseSender
from controlroom.adapters.postgres.bridge_alarms import BridgeAlarms
from controlroom.adapters.postgres.duty import Duty
from controlroom.adapters.postgres.learning import LearningOrders
from controlroom.adapters.postgres.machines import MachineStage
from controlroom.adapters.postgres.moves import MovesAsked
from controlroom.adapters.postgres.outbox import Outbox
from controlroom.adapters.postgres.partitions import PartitionKeeper, Retention
from controlroom.adapters.postgres.posted import PostedEvents
from controlroom.adapters.postgres.store import PartitionStore
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.policy import Policy
from controlroom.core.bridges import BridgeView
from controlroom.core.clocks import Clocks
from controlroom.core.learning import LearningOrder
from controlroom.core.moving import HEARD_ELSEWHERE_S
from controlroom.core.pipeline import PartitionPipeline, PipelineOptions
from controlroom.core.profiles import Profiles, profiles_of
from controlroom.core.summary.writer import PartitionSummary
from controlroom.wire import AlarmEvent, TopicNames
from controlroom.wire.alarm import encode_alarm_event
from kafka_clients.closing import close_consumer

if TYPE_CHECKING:
    from controlroom.adapters.mqtt_alarms.alarms import MqttAlarms
    from controlroom.adapters.mqtt_alarms.table import MqttAlarmsFile

log = logging.getLogger(__name__)

POLL_MS = 100
MAX_POLL_RECORDS = 3000
#: After a poll that brought fewer records than that, the next one waits so many seconds: each fetch costs as much as a
#: hundred readings, and while one waits to be taken there is no other.
FEW, PAUSE_S = 300, 0.01
#: So many are processed before anyone else gets a turn of the loop.
SLICE = 1000
#: Of one partition. Smaller ones cost turns of the loop, larger ones the copying of the stream that they are read into.
FETCH_BYTES = 2 * 1024 * 1024
#: That partitions were added must be known before a sensor that has moved to one of them is called silent (3 s).
METADATA_MS = 1000
#: The broker's own lag tools see our progress this often; nothing of ours depends on it.
KAFKA_COMMIT_S = 2.0
#: How often partitions that nothing comes from are looked at while others are busy.
LOOK_S = 1.0
#: A batch in flight at a revocation is given this long before its connection is cut; fencing keeps it harmless.
REVOKE_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What a worker is told beyond where Kafka and PostgreSQL are."""

    group: str
    topics: TopicNames
    definitions: Definitions = field(default_factory=Definitions)
    #: where they come from: what changes there counts at once
    definitions_file: Path | None = None
    pipeline: PipelineOptions = field(default_factory=PipelineOptions)
    #: how each type of sensor is watched
    profiles: Profiles = field(default_factory=Profiles)
    #: where that comes from, and who is told: what changes there counts at once, too
    detectors_file: Path | None = None
    notify_file: Path | None = None
    #: who is told of alarms; the same for all workers of a group, since one of them does it
    notify: Policy = field(default_factory=Policy)
    #: the MQTT brokers on which alarms are published, and where that comes from; None: there are none
    mqtt_alarms: MqttAlarmsFile | None = None
    mqtt_alarms_file: Path | None = None
    retention: Retention = field(default_factory=Retention)
    #: how often detector states and roll-ups are saved
    checkpoint_s: float = CHECKPOINT_S
    #: where a group begins that has never run: at the end, or with the oldest record that is kept
    start_at_end: bool = False
    #: end by itself when nothing came for so many seconds and everything is committed; None: run until told to stop
    until_idle: float | None = None
    #: time is what records tell and nothing else: on a topic whose records carry a time that is not the clock's
    time_from_records: bool = False
    #: whether consoles are told the last reading of every sensor once a second
    summarise: bool = True


class DetectionWorker:
    """Runs in one event loop; everything it tells is told in that loop.

    Args:
        on_events: hears the alarm events of every batch after its commit, in order.
        on_commit: hears of every batch after its commit.
        make_store: makes the store of a partition; another one only to measure or to audit.
    """

    def __init__(
        self,
        kafka: KafkaConnection,
        dsn: str,
        options: WorkerOptions,
        *,
        on_events: Callable[[Sequence[AlarmEvent]], None] = lambda _: None,
        on_commit: Callable[[Commit], None] = lambda _: None,
        make_store: Callable[..., PartitionStore] = PartitionStore,
    ) -> None:
        self._on_commit = on_commit
        self._make_store = make_store
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self._kafka = kafka
        self._dsn = dsn
        self._options = options
        self._on_events = on_events
        self._partitions: dict[TopicPartition, Partition] = {}
        self._progress: dict[TopicPartition, Progress] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._bridges = BridgeFollower(kafka, options.topics.bridges)
        self._assigned = False
        #: how many the topic had at the last look
        self._topic_partitions = 0
        self._silence_from = -math.inf
        self._relay: Relay | None = None
        self._dead_letters: Relay | None = None
        self._failure: asyncio.Future[None] | None = None
        self._summaries = SummaryPublisher(kafka, options.topics.summary, self._partitions, self._end_of)

    @property
    def progress(self) -> Progress:
        """The sum over all partitions since the start."""
        total = Progress()
        parts = list(self._progress.values())
        total.first_at = min((part.first_at for part in parts if part.first_at is not None), default=None)
        total.last_at = max((part.last_at for part in parts if part.last_at is not None), default=None)
        for part in parts:
            total.committed += part.committed
            total.commits += part.commits
            total.rejected += part.rejected
            total.events += part.events
            total.fenced += part.fenced
            total.commit_s = max(total.commit_s, part.commit_s)
            total.waiting = total.waiting or part.waiting
        return total

    @property
    def by_partition(self) -> dict[int, Progress]:
        """What was done for each partition that was ever ours, since the start."""
        return {tp.partition: part for tp, part in list(self._progress.items())}

    @property
    def joined(self) -> bool:
        """Whether the group has told us what is ours, and all of that is ready."""
        return self._assigned and all(part.ready for part in list(self._partitions.values()))

    @property
    def lag(self) -> dict[int, int]:
        """Records between what is committed and the end that the last fetch told, of our partitions."""
        behind: dict[int, int] = {}
        for tp, part in list(self._partitions.items()):
            end = _end(self._consumer, tp) if self._consumer is not None and part.ready else None
            if end is not None:
                behind[tp.partition] = max(0, end - part.committed_offset)
        return behind

    @property
    def clocks(self) -> dict[int, Clocks]:
        """How far the clocks of sensors are off, of our partitions."""
        return {tp.partition: part.clocks for tp, part in list(self._partitions.items())}

    @property
    def bridges(self) -> tuple[BridgeView, ...] | None:
        """What bridges tell; None: it is not known."""
        return self._bridges.views()

    @property
    def partitions(self) -> tuple[int, ...]:
        """Partitions that are ours and ready."""
        return tuple(sorted(tp.partition for tp, part in list(self._partitions.items()) if part.ready))

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, or until idle for as long as the options say.

        Raises:
            KafkaUnreachable: no broker answers at the start, or it refuses us. Later losses are waited out.
        """
        self._failure = asyncio.get_running_loop().create_future()
        # Two, each with an outbox connection of its own: dead letters that find no topic never hold an alarm back.
        outboxes = [Outbox(self._dsn, self.name) for _ in range(2)]
        topics = self._options.topics
        self._relay = Relay(
            self._kafka, topics.alerts, outboxes[0],
            lambda known, most: outboxes[0].events(topics.data, self.partitions, known, most),
        )  # fmt: skip
        self._dead_letters = Relay(
            self._kafka, topics.dead_letters, outboxes[1],
            lambda known, most: outboxes[1].dead_letters(topics.data, self.partitions, known, most),
        )  # fmt: skip
        keeper = PartitionKeeper(self._dsn, self.name, self._options.retention)
        beside = [asyncio.create_task(work) for work in (self._relay.run(), self._dead_letters.run(), keeper.run())]
        policy, definitions, topic = self._options.notify, self._options.definitions, self._options.topics.data
        wake = asyncio.Event()
        pending = PendingNotifications(policy, definitions, topic)
        deliveries = Deliveries(pending, AppriseSender(policy), policy, wake.set)
        faults = FaultKeeper(self._kafka, self._options.topics)
        bridges = BridgeAlarms(self._bridges.alarms, definitions, topic)
        outward = self._outward()

        async def also(connection: asyncpg.Connection) -> None:
            await deliveries.turn(connection)
            await faults.turn(connection)
            await bridges.turn(connection)
            if outward is not None:
                await outward.turn(connection)

        duty = Duty(self._dsn, self.name, definitions, also, wake)
        posted = PostedEvents(
            self._dsn, self.name, self._options.topics.data, lambda: self.partitions, self._relay.push
        )
        orders = LearningOrders(
            self._dsn, self.name, self._options.group, self._options.topics.data, lambda: self.partitions, self._order
        )
        moves = MovesAsked(self._dsn, self.name, self._options.group, topic, lambda: self.partitions, self._give_up)
        machines = MachineStage(self._dsn, self.name, self._options.group, self._options.topics.data, definitions)
        consumer = self._consumer = AIOKafkaConsumer(
            **self._kafka.reading | {"metadata_max_age_ms": METADATA_MS},
            group_id=self._options.group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            session_timeout_ms=15_000,
            heartbeat_interval_ms=3_000,
            rebalance_timeout_ms=60_000,
            max_poll_records=MAX_POLL_RECORDS,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=4 * FETCH_BYTES,
            value_deserializer=AS_DECODED,
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
        )
        try:
            try:
                await consumer.start()
            except KafkaError as error:
                raise await self._kafka.why_unreachable(error) from None
            # Not before the start, which waits for the topic and gives up when it does not come.
            consumer.subscribe([self._options.topics.data], listener=_Listener(self))
            gc.freeze()
            await self._until(
                stop,
                self._poll_loop(consumer),
                self._commit_to_kafka(consumer),
                posted.run(),
                orders.run(),
                moves.run(),
                *([machines.run()] if self._options.pipeline.detect and self._options.pipeline.roll_up else ()),
                duty.run(),
                self._bridges.run(),
                *([self._summaries.run()] if self._summarises else ()),
                follow(self._options.definitions_file, definitions, on_change=self._definitions_changed),
                follow_profiles(
                    self._options.detectors_file, self._options.profiles, on_change=self._definitions_changed
                ),
                follow_policy(self._options.notify_file, policy, deliveries.adopt),
                *([outward.run(), outward.follow(self._options.mqtt_alarms_file)] if outward is not None else ()),
                watch(ends_by(self._kafka), lambda: self._partitions),
                *beside,
            )
            await self._finish()
        finally:
            await self._release(self._partitions)
            for task in beside:
                task.cancel()
            await close_consumer(consumer)
            await asyncio.wait(beside)
            for outbox in outboxes:
                await outbox.close()
            await faults.close()
            deliveries.close()
            if outward is not None:
                await outward.close()

    def _outward(self) -> MqttAlarms | None:
        """What publishes alarms on MQTT brokers; its clients are loaded where there is one alone."""
        if self._options.mqtt_alarms is None:
            return None
        from controlroom.adapters.mqtt_alarms.alarms import MqttAlarms

        return MqttAlarms(self._options.mqtt_alarms, self._kafka.options, self._options.topics.bridges)

    async def _until(self, stop: asyncio.Event, *work: object) -> None:
        """Run `work` until `stop`, until the first of it ends, or until a partition fails."""
        assert self._failure is not None
        tasks = [item if isinstance(item, asyncio.Task) else asyncio.create_task(item) for item in work]  # type: ignore[arg-type]
        waiting = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, waiting, self._failure], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            own = [task for task, item in zip(tasks, work, strict=True) if task is not item]
            for task in (*own, waiting):
                task.cancel()
            await asyncio.wait([*own, waiting])

    async def _poll_loop(self, consumer: AIOKafkaConsumer) -> None:
        quiet_since = look_at = time.monotonic()
        errors = GroupErrors(self._options.group)
        while True:
            open_ = [tp for tp, part in self._partitions.items() if part.accepts]
            if not open_:
                await errors.take(consumer)
                await asyncio.sleep(POLL_MS / 1000)
                continue
            try:
                polled = await consumer.getmany(*open_, timeout_ms=POLL_MS, max_records=MAX_POLL_RECORDS)
            except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
                await self._reposition(error)
                continue
            except KafkaError as error:
                log.warning("reading from Kafka: %s", error)
                await asyncio.sleep(POLL_MS / 1000)
                continue
            self._topic_may_have_grown(consumer)
            for tp, records in polled.items():
                part = self._partitions.get(tp)
                for start in range(0, len(records), SLICE):
                    if start:
                        await asyncio.sleep(0)
                    # Taken away in between, and perhaps given again: from where, its new bring-up decides.
                    if part is None or self._partitions.get(tp) is not part:
                        break
                    part.feed(records[start : start + SLICE])
            # Also where others always have something: a partition that nothing comes from is silent all the same.
            if not polled or time.monotonic() >= look_at:
                look_at = time.monotonic() + LOOK_S
                await self._let_time_pass(consumer)
            if polled:
                quiet_since = time.monotonic()
                # One turn of the loop for heartbeats and commits: batches come faster than anyone else would get it.
                await asyncio.sleep(PAUSE_S if sum(map(len, polled.values())) < FEW else 0)
            else:
                idle_for = self._options.until_idle
                if idle_for is not None and time.monotonic() - quiet_since >= idle_for and self._all_committed():
                    return

    @property
    def _summarises(self) -> bool:
        # Of workers that share the work by stages, those that detect do it.
        return self._options.summarise and self._options.pipeline.detect

    def _make_summary(self, partition: int, epoch: int) -> PartitionSummary | None:
        return PartitionSummary(self._options.group, partition, epoch) if self._summarises else None

    def _end_of(self, tp: TopicPartition) -> tuple[int | None, int | None]:
        consumer = self._consumer
        if consumer is None or tp not in consumer.assignment():
            return None, None
        return consumer.last_poll_timestamp(tp), _end(consumer, tp)

    def _order(self, part: int, orders: Sequence[LearningOrder]) -> None:
        partition = self._partitions.get(TopicPartition(self._options.topics.data, part))
        if partition is not None:
            partition.order(orders)

    def _give_up(self, part: int, sensors: Sequence[str]) -> None:
        partition = self._partitions.get(TopicPartition(self._options.topics.data, part))
        if partition is not None:
            partition.give_up(sensors)

    async def _reposition(self, error: Exception) -> None:
        """The position of a partition is not there: if it was ready, retention or a new topic took it away."""
        lost = {
            tp for arg in error.args for tp in (arg if isinstance(arg, Mapping) else [arg]) if tp in self._partitions
        }
        for tp in lost:
            if self._partitions[tp].ready:
                await self._release([tp])
                self._take([tp])

    async def _let_time_pass(self, consumer: AIOKafkaConsumer) -> None:
        for tp, part in list(self._partitions.items()):
            if part.idle and part.accepts:
                position = await consumer.position(tp)
                if self._partitions.get(tp) is part:
                    part.skip(position)
        if self._options.time_from_records:
            return
        lost = self._bridges.lost()
        now = time.time()
        cluster = consumer._client.cluster  # noqa: SLF001 - aiokafka tells it nowhere else
        for tp, part in self._partitions.items():
            part.know_lost(lost)
            # Behind an open transaction sensors may well be heard by the brokers, and are not silent.
            if part.ready and consumer.highwater(tp) == part.committed_offset and part.idle:
                leaderless = cluster.leader_for_partition(tp) in (None, -1)
                # That nothing has come is known up to the leader's last answer. While another one takes over, sensors
                # may well be heard by it, and are not silent.
                answered = consumer.last_poll_timestamp(tp) or 0
                part.advance(now if leaderless else min(now, answered / 1000), leaderless=leaderless)

    def _topic_may_have_grown(self, consumer: AIOKafkaConsumer) -> None:
        count = len(consumer.partitions_for_topic(self._options.topics.data) or ())
        if 0 < self._topic_partitions < count and not self._options.time_from_records:
            log.info("%s has %d partitions now: sensors may move", self._options.topics.data, count)
            self._silence_from = time.time() + HEARD_ELSEWHERE_S
            for part in self._partitions.values():
                part.call_nobody_silent(self._silence_from)
        self._topic_partitions = count or self._topic_partitions

    def _all_committed(self) -> bool:
        return bool(self._partitions) and all(part.idle for part in self._partitions.values())

    async def _commit_to_kafka(self, consumer: AIOKafkaConsumer) -> None:
        """Tell the broker's group how far we are: for lag tools alone, so a failure is no matter."""
        told: dict[TopicPartition, int] = {}
        while True:
            await asyncio.sleep(KAFKA_COMMIT_S)
            await self._tell_kafka(consumer, told)

    async def _tell_kafka(self, consumer: AIOKafkaConsumer, told: dict[TopicPartition, int]) -> None:
        news = {
            tp: part.committed_offset
            for tp, part in self._partitions.items()
            if part.ready and told.get(tp) != part.committed_offset
        }
        if not news:
            return
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await consumer.commit({tp: OffsetAndMetadata(offset, "") for tp, offset in news.items()})
            told.update(news)
        except (KafkaError, TimeoutError) as error:
            log.debug("offsets are not told to the broker: %s", error)

    async def _finish(self) -> None:
        """A clean end: everything that was polled is committed with a checkpoint, and announced."""
        assert self._relay is not None
        assert self._dead_letters is not None
        assert self._consumer is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await asyncio.gather(*(part.flush() for part in self._partitions.values()))
                await self._tell_kafka(self._consumer, {})
                await self._relay.drained()
                await self._dead_letters.drained()

    def _take(self, tps: Iterable[TopicPartition]) -> None:
        self._assigned = True
        for tp in tps:
            self._progress.setdefault(tp, Progress())
            self._partitions[tp] = self._make_partition(tp, self._progress[tp])

    async def _release(self, tps: Iterable[TopicPartition]) -> None:
        parts = [part for tp in list(tps) if (part := self._partitions.pop(tp, None)) is not None]
        await asyncio.gather(*(part.stop(REVOKE_TIMEOUT_S) for part in parts))

    def _make_partition(self, tp: TopicPartition, progress: Progress) -> Partition:
        assert self._consumer is not None
        assert self._relay is not None
        assert self._dead_letters is not None
        relay, dead_letters = self._relay, self._dead_letters

        def ready() -> None:
            relay.catch_up()
            dead_letters.catch_up()

        def waits(reason: str) -> None:
            if bool(reason) != bool(progress.waiting):
                log.warning(
                    "%s/%d: %s", tp.topic, tp.partition, f"commits wait: {reason}" if reason else "commits go on"
                )
            progress.waiting = reason

        def announce(events: Sequence[AlarmEvent], outbox_ids: Sequence[int]) -> None:
            relay.push([(i, e.sensor_id, encode_alarm_event(e)) for i, e in zip(outbox_ids, events, strict=True)])
            self._on_events(events)

        def pipeline(tp: TopicPartition, offset: int, states: Mapping[str, bytes]) -> PartitionPipeline:
            profile_for = profiles_of(self._options.definitions, self._options.profiles)
            return PartitionPipeline(tp.topic, tp.partition, offset, states, profile_for, self._options.pipeline)

        store = self._make_store(
            self._dsn,
            group=self._options.group,
            topic=tp.topic,
            partition=tp.partition,
            owner=self.name,
            definitions=self._options.definitions,
            on_wait=waits,
        )
        return Partition(
            tp,
            self._consumer,
            store,
            pipeline,
            progress=progress,
            on_events=announce,
            on_posted=relay.push,
            on_ready=ready,
            on_rejects=dead_letters.send,
            on_commit=self._on_commit,
            on_failure=self._fail,
            start_at_end=self._options.start_at_end,
            silence_from=self._silence_from,
            checkpoint_s=self._options.checkpoint_s,
            make_summary=partial(self._make_summary, tp.partition),
        )

    def _definitions_changed(self) -> None:
        for part in self._partitions.values():
            part.definitions_changed(self._options.definitions.common_cause)

    def _fail(self, error: BaseException) -> None:
        assert self._failure is not None
        if not self._failure.done():
            self._failure.set_exception(error)


def _end(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int | None:
    """Where what may be read ends, by the last fetch: an open transaction holds back all that comes after it."""
    stable: int | None = consumer.last_stable_offset(tp)
    end: int | None = consumer.highwater(tp)
    return end if stable is None or stable < 0 else stable


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka publishes no type for it
    """Assignment begins the bring-up of a partition, and does not wait for it: a slow database delays no rebalance."""

    def __init__(self, worker: DetectionWorker) -> None:
        self._worker = worker

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._worker._release(revoked)  # noqa: SLF001 - the worker's own listener

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._worker._take(assigned)  # noqa: SLF001
