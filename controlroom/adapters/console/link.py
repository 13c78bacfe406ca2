"""The control room's link to the plant: it follows, probes and orders, and writes what it learns to the state."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from controlroom.adapters.console.alarm_actions import BackgroundAlarmActions
from controlroom.adapters.console.history import BackgroundHistory
from controlroom.adapters.console.learning import LearningControl
from controlroom.adapters.console.shift_log import BackgroundShiftLog
from controlroom.adapters.console.trend_library import TrendLibrary
from controlroom.adapters.files.definitions_file import follow
from controlroom.adapters.files.detectors_file import follow_profiles
from controlroom.adapters.kafka.bridge_follower import BridgeFollower
from controlroom.adapters.kafka.cluster_detail import ClusterDetailProbe
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.feed import Feed
from controlroom.adapters.kafka.orders import Orders
from controlroom.adapters.kafka.probe import ClusterProbe
from controlroom.adapters.kafka.summary_follower import SummaryFollower
from controlroom.adapters.kafka.worker import DetectionWorker
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.adapters.postgres.detail_reader import DetailReader
from controlroom.adapters.postgres.handovers import Handovers
from controlroom.adapters.postgres.learning import LearningStore
from controlroom.adapters.postgres.probe import DatabaseProbe, Watermark
from controlroom.adapters.postgres.session import PASSING_ERRORS
from controlroom.adapters.postgres.trend_store import TrendStore
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.commit_meter import CommitMeter
from controlroom.core.health_views import WorkerFigures
from controlroom.core.lag_trend import LagTrend
from controlroom.core.plant_state import PipelineView, PlantState
from controlroom.core.profiles import Profiles
from controlroom.core.summary.book import SummaryBook
from controlroom.wire import TopicNames
from kafka_clients.closing import close_consumer
from simulator.ownership import group_of

log = logging.getLogger(__name__)

PROBE_S = 2.0
DETAIL_S = 3.0
BRIDGES_S = 2.0
RETRY_S = 2.0
#: a rate over less than this is of one commit or none
_LEAST_RATE_S = 1.0
STOP_S = 3.0


class Link:
    """Everything between the plant and the state that the screen shows.

    Args:
        operator: who gives orders and acts on alarms, for journal and audit.
        definitions: how alarms behave.
        worker: the detection worker of this process, if it has one: its rate is shown.
        meter: has heard that worker's commits.
        whence: from where the operator acts; by default this host.
        definitions_file: where the definitions come from: a change of it counts at once.
        profiles: how the detectors of each type of sensor are set, for the scores on a chart.
        detectors_file: where that comes from: a change of it counts at once.
        every_reading: read every reading, and not only what workers tell of each sensor once a second.
    """

    def __init__(
        self,
        kafka: KafkaConnection,
        dsn: str,
        topics: TopicNames,
        group: str,
        state: PlantState,
        *,
        operator: str,
        definitions: Definitions | None = None,
        worker: DetectionWorker | None = None,
        meter: CommitMeter | None = None,
        whence: str | None = None,
        definitions_file: Path | None = None,
        profiles: Profiles | None = None,
        detectors_file: Path | None = None,
        every_reading: bool = False,
    ) -> None:
        self._kafka = kafka
        self._topics = topics
        self._group = group
        self._state = state
        self._operator = operator
        self._worker = worker
        self._meter = meter
        self._trend = LagTrend()
        self._marks: tuple[float, dict[int, int]] | None = None
        # A group whose workers share the work by stages detects under a name of its own.
        book = SummaryBook(state, (group, f"{group}-detector"))
        self._summary = None if every_reading else SummaryFollower(kafka, topics.summary, book)
        self._feed = Feed(kafka, topics, state, summary=self._summary)
        self._bridges = BridgeFollower(kafka, topics.bridges)
        watched = (topics.data, topics.alerts, topics.commands, topics.status, topics.bridges)
        self._cluster = ClusterProbe(kafka, watched)
        leases = (group_of(topics.commands),)
        self._detail = ClusterDetailProbe(kafka, first=(group,), leases=leases, topics=watched)
        self._database = DatabaseProbe(dsn, group, topics.data)
        self._orders: Orders | None = None
        self._dsn = dsn
        self._definitions = definitions or Definitions()
        self._definitions_file = definitions_file
        self._profiles = profiles or Profiles()
        self._detectors_file = detectors_file
        self._whence = whence or socket.gethostname()
        self._actions = AlarmActionStore(dsn, self._definitions, who=operator, whence=self._whence)
        self._alarm_actions: BackgroundAlarmActions | None = None
        self._learning: LearningControl | None = None
        self._history: BackgroundHistory | None = None
        self._shift: BackgroundShiftLog | None = None
        self._trends: TrendLibrary | None = None
        self._ready = threading.Event()

    @property
    def orders(self) -> Orders:
        """Takes the operator's orders, from any thread, while `run` runs; waits for its begin."""
        self._ready.wait()
        assert self._orders is not None
        return self._orders

    @property
    def alarm_actions(self) -> BackgroundAlarmActions:
        """Takes the operator's actions on alarms, from any thread, while `run` runs; waits for its begin."""
        self._ready.wait()
        assert self._alarm_actions is not None
        return self._alarm_actions

    @property
    def learning(self) -> LearningControl:
        """Takes what the operator tells the detectors, from any thread, while `run` runs; waits for its begin."""
        self._ready.wait()
        assert self._learning is not None
        return self._learning

    @property
    def history(self) -> BackgroundHistory:
        """Takes the operator's questions, from any thread, while `run` runs; waits for its begin."""
        self._ready.wait()
        assert self._history is not None
        return self._history

    @property
    def shift(self) -> BackgroundShiftLog:
        """Takes notes and handovers, from any thread, while `run` runs; waits for its begin."""
        self._ready.wait()
        assert self._shift is not None
        return self._shift

    @property
    def trends(self) -> TrendLibrary:
        """Keeps the operator's trends, from any thread, while `run` runs; waits for its begin."""
        self._ready.wait()
        assert self._trends is not None
        return self._trends

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the plant until `stop`; whatever is lost is waited for and taken up again."""
        self._orders = Orders(
            self._kafka,
            self._topics.commands,
            loop=asyncio.get_running_loop(),
            desired=self._feed.commands,
            state=self._state,
            operator=self._operator,
        )
        self._alarm_actions = BackgroundAlarmActions(self._actions, loop=asyncio.get_running_loop(), state=self._state)
        self._learning = LearningControl(
            LearningStore(self._dsn, who=self._operator, whence=self._whence),
            self._group,
            loop=asyncio.get_running_loop(),
            state=self._state,
        )
        self._history = BackgroundHistory(
            self._dsn,
            self._definitions,
            loop=asyncio.get_running_loop(),
            state=self._state,
            profiles=self._profiles,
            group=self._group,
            topic=self._topics.data,
        )
        self._shift = BackgroundShiftLog(
            Handovers(self._dsn, who=self._operator, whence=self._whence),
            loop=asyncio.get_running_loop(),
            state=self._state,
        )
        self._trends = TrendLibrary(
            TrendStore(self._dsn, who=self._operator), loop=asyncio.get_running_loop(), state=self._state
        )
        self._ready.set()
        tasks = [
            asyncio.create_task(self._again("feed", self._feed.run)),
            asyncio.create_task(self._again("cluster", self._probe_cluster)),
            asyncio.create_task(self._again("cluster detail", self._probe_detail)),
            asyncio.create_task(self._again("pipeline", self._probe_pipeline)),
            *(asyncio.create_task(work) for work in self._instead_of_readings()),
            asyncio.create_task(self._bridges.run()),
            asyncio.create_task(self._look_at_bridges()),
            asyncio.create_task(follow(self._definitions_file, self._definitions)),
            asyncio.create_task(follow_profiles(self._detectors_file, self._profiles)),
        ]
        try:
            await stop.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=STOP_S)
            await self._orders.close()
            await self._alarm_actions.close()
            await self._learning.close()
            await self._history.close()
            await self._shift.close()
            await self._trends.close()
            await self._cluster.close()
            await self._detail.close()
            await self._database.close()

    def _instead_of_readings(self) -> list[Coroutine[None, None, None]]:
        if self._summary is None:
            return []
        return [self._summary.run(), self._again("detail", DetailReader(self._dsn, self._state).run)]

    async def _again(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` for ever; a loss is told once and retried."""
        told = False
        while True:
            try:
                await work()
            except (KafkaError, *PASSING_ERRORS) as error:
                if not told:
                    log.warning("%s: %s; trying again", name, str(error) or type(error).__name__)
                told = True
            await asyncio.sleep(RETRY_S)

    async def _probe_cluster(self) -> None:
        while True:
            self._state.apply_cluster(await self._cluster.probe(self._state.cluster_detail))
            await asyncio.sleep(PROBE_S)

    async def _probe_detail(self) -> None:
        while True:
            self._state.apply_cluster_detail(await self._detail.probe())
            await asyncio.sleep(DETAIL_S)

    async def _look_at_bridges(self) -> None:
        while True:
            view = self._bridges.view()
            known = self._state.bridges
            # A plant without bridges has nothing to be drawn, or recorded, anew.
            if view is not None and (known is None or known.bridges or view.bridges):
                self._state.apply_bridges(view)
            await asyncio.sleep(BRIDGES_S)

    async def _probe_pipeline(self) -> None:
        """The database, and the group's lag: how far it is (PostgreSQL) against the partitions' ends (Kafka)."""
        for event, alarm in await self._database.live_alarms():
            self._state.apply_alarm(event)
            self._state.remember(alarm)
        consumer = AIOKafkaConsumer(**self._kafka.reading)
        before, committed = time.monotonic(), self._worker.progress.committed if self._worker is not None else 0
        try:
            await consumer.start()
            while True:
                view, watermarks = await self._database.probe()
                self._state.apply_database(view)
                faults = await self._database.faults() if view.reachable else None
                if faults is not None:
                    self._state.apply_faults(faults)
                rate = None
                if self._worker is not None:
                    now, done = time.monotonic(), self._worker.progress.committed
                    # The first look comes at once, and what was committed before it says nothing of the present.
                    if now - before >= _LEAST_RATE_S:
                        rate = (done - committed) / (now - before)
                        before, committed = now, done
                self._state.apply_pipeline(await self._pipeline(consumer, watermarks, rate))
                await asyncio.sleep(PROBE_S)
        finally:
            await close_consumer(consumer)

    async def _pipeline(
        self, consumer: AIOKafkaConsumer, watermarks: dict[int, Watermark] | None, rate: float | None
    ) -> PipelineView:
        if watermarks is None:
            return PipelineView(time.time(), rate=rate, error="the database does not answer")
        workers: dict[str, list[int]] = {}
        for partition, mark in sorted(watermarks.items()):
            workers.setdefault(mark.owner, []).append(partition)
        owners = {name: tuple(parts) for name, parts in workers.items()}
        cluster = self._state.cluster
        known = [part.partition for part in cluster.partitions if part.topic == self._topics.data] if cluster else []
        unclaimed = sorted(set(known) - watermarks.keys())
        tps = [TopicPartition(self._topics.data, partition) for partition in (*watermarks, *unclaimed)]
        try:
            async with asyncio.timeout(PROBE_S):
                ends = await consumer.end_offsets(tps) if tps else {}
                starts = await consumer.beginning_offsets([tp for tp in tps if tp.partition in unclaimed])
        except (KafkaError, TimeoutError) as error:
            return PipelineView(time.time(), workers=owners, rate=rate, error=str(error) or "the brokers do not answer")
        done = {tp.partition: start for tp, start in starts.items()}
        done |= {partition: mark.next_offset for partition, mark in watermarks.items()}
        lag = {tp.partition: max(0, end - done[tp.partition]) for tp, end in ends.items()}
        now = time.time()
        self._trend.add(now, lag)
        return PipelineView(
            now,
            lag,
            owners,
            rate,
            trend=self._trend.slopes(),
            history=self._trend.history(),
            throughput=self._throughput(now, {part: mark.next_offset for part, mark in watermarks.items()}),
            worker=self._worker_figures(now),
            unclaimed=tuple(unclaimed),
        )

    def _throughput(self, now: float, offsets: dict[int, int]) -> float | None:
        """Records a second that the watermarks moved by since the last look; None at the first."""
        before, self._marks = self._marks, (now, offsets)
        if before is None or not offsets:
            return None
        moved = sum(max(0, offset - before[1].get(part, offset)) for part, offset in offsets.items())
        return moved / max(now - before[0], 1e-3)

    def _worker_figures(self, now: float) -> WorkerFigures | None:
        if self._worker is None or self._meter is None:
            return None
        return self._meter.figures(now, self._worker.progress.waiting)
