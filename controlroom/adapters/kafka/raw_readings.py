"""Which partitions of the readings a console reads one by one: those that no worker tells the summary of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from controlroom.adapters.kafka.summary_follower import SummaryFollower
from controlroom.core.health_views import FeedHealth

#: Readings of a partition that may wait to be read one by one. Beyond that a console would fall behind more and more,
#: so it passes over all but the last of them.
MOST_WAITING = 4_000
KEPT_WAITING = 1_000
#: How often it is looked whether too many wait, and how long it is told that some were passed over.
LOOK_S = 1.0
TOLD_S = 5.0


class RawReadings:
    """Pauses and resumes the partitions of the readings in a console's consumer.

    Args:
        topic: of the readings.
        live_from: partition -> the offset of the first reading that was written after the console was opened.
        summary: what stands for the readings; None: each is read.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        topic: str,
        live_from: Mapping[int, int],
        summary: SummaryFollower | None,
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._live_from = live_from
        self._summary = summary
        self._paused: set[TopicPartition] = set()
        #: partition -> the offset after the last reading that was read
        self._read: dict[int, int] = {}
        self._look_at = 0.0
        self._skipped_at = float("-inf")

    def have_read(self, partition: int, offset: int) -> None:
        """The reading at this offset was read."""
        self._read[partition] = offset + 1

    async def turn(self) -> FeedHealth:
        """Pause what the summary stands for, resume the rest from where the summary ends; how fresh all of it is."""
        tps = [tp for tp in self._consumer.assignment() if tp.topic == self._topic]
        if self._summary is not None:
            positions = {tp: await self._consumer.position(tp) for tp in tps}
            if all(position >= self._live_from.get(tp.partition, 0) for tp, position in positions.items()):
                # The past has been read, so what the summary tells is newer.
                self._summary.begin()
            for tp, position in positions.items():
                self._choose(tp, position, self._summary)
        await self._keep_up(tps)
        age = max((self._summary.age_s(tp.partition) for tp in self._paused), default=0.0) if self._summary else 0.0
        return FeedHealth(
            int(age) if age >= 2.0 else 0,
            tuple(sorted(tp.partition for tp in tps if tp not in self._paused)),
            time.monotonic() - self._skipped_at < TOLD_S,
        )

    def _choose(self, tp: TopicPartition, position: int, summary: SummaryFollower) -> None:
        if position < self._live_from.get(tp.partition, 0):
            return
        covered = summary.covers(tp.partition)
        if covered and tp not in self._paused:
            self._consumer.pause(tp)
            self._paused.add(tp)
        elif not covered and tp in self._paused:
            self._paused.discard(tp)
            self._consumer.seek(tp, max(self._read.get(tp.partition, position), summary.through(tp.partition)))
            self._consumer.resume(tp)

    async def _keep_up(self, tps: list[TopicPartition]) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_S
        for tp in tps:
            end = self._consumer.highwater(tp)
            if tp in self._paused or end is None:
                continue
            if end - await self._consumer.position(tp) > MOST_WAITING:
                self._skipped_at = now
                self._consumer.seek(tp, end - KEPT_WAITING)
                await asyncio.sleep(0)
