"""Sensors that a partition hears for the first time: new ones, or ones that have come from another partition."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from controlroom.adapters.postgres.moves import SensorMoves
from controlroom.core.pipeline import PartitionPipeline
from controlroom.core.records import Record

log = logging.getLogger(__name__)

#: Broker times are compared in steps of so many ms: one request a step, and brokers' clocks differ by as much anyway.
STEP_MS = 10
#: A sensor's old partition that does not go on for so long does not give it up: its detectors begin anew.
GIVE_UP_AFTER_S = 60.0


class Newcomers:
    """Brings the state of sensors that have moved here, before their first record is worked on.

    The old partition works off what it has of a sensor up to the broker time of the sensor's first record here. So two
    partitions that wait for each other's sensors do not stand still: the one whose record is older goes on first.
    """

    def __init__(self, tp: TopicPartition, consumer: AIOKafkaConsumer, moves: SensorMoves) -> None:
        self._tp = tp
        self._consumer = consumer
        self._moves = moves
        #: sensors that were asked for: of which partition, and the offset up to which that works them off first
        self._asked: dict[str, tuple[int, int]] = {}
        #: by partition, how far it has come on the way there, and since when
        self._progress: dict[int, tuple[int, float]] = {}

    @property
    def waiting_for(self) -> str:
        """What is waited for; empty if nothing is."""
        parts = ", ".join(str(part) for part in sorted({part for part, _ in self._asked.values()}))
        count = len(self._asked)
        return f"sensors that have moved here: {count}, still worked on in partition {parts}" if parts else ""

    async def settle(self, pipeline: PartitionPipeline, unknown: Mapping[str, Record]) -> bool:
        """Look once for the `unknown` sensors (each with its first record, in order).

        Returns:
            Whether the first of them may be worked on; else look again soon.

        Raises:
            one of PASSING_ERRORS, KafkaError: look again later.
        """
        await self._ask(pipeline, {name: record for name, record in unknown.items() if name not in self._asked})
        first = next(iter(unknown), "")
        if first not in self._asked:
            return True
        found = await self._moves.arrived(list(self._asked))
        if found.states:
            pipeline.join(found.states, found.facts, found.deadlines)
            for name in found.states:
                del self._asked[name]
            log.info("%s/%d: sensors have moved here: %d", self._tp.topic, self._tp.partition, len(found.states))
        elif await self._is_in_vain(*self._asked[first]):
            await self._begin_anew(pipeline, self._asked[first][0])
        return first not in self._asked

    async def _ask(self, pipeline: PartitionPipeline, unknown: Mapping[str, Record]) -> None:
        where = await self._moves.where_they_are(list(unknown)) if unknown else {}
        offsets: dict[tuple[int, int], int] = {}
        moved: list[tuple[str, int, int]] = []
        for name, part in where.items():
            if part == self._tp.partition:
                continue
            at = part, unknown[name].timestamp // STEP_MS * STEP_MS
            if at not in offsets:
                offsets[at] = await self._first_since(*at)
            moved.append((name, part, offsets[at]))
        if moved:
            await self._moves.ask_for(moved)
        partitions = self._consumer.partitions_for_topic(self._tp.topic) or set(where.values())
        for part in set(where.values()) - partitions:
            await self._moves.take([name for name, p, _ in moved if p == part], part)
        until = {name: offset for name, _, offset in moved}
        self._asked.update((name, (part, until.get(name, 0))) for name, part in where.items())
        pipeline.looked_for(unknown.keys() - where.keys())

    async def _first_since(self, part: int, timestamp: int) -> int:
        """The offset of a partition's first record from `timestamp` (milliseconds) on; its end, if there is none."""
        tp = TopicPartition(self._tp.topic, part)
        if part not in (self._consumer.partitions_for_topic(tp.topic) or ()):
            return 0
        found = (await self._consumer.offsets_for_times({tp: timestamp}))[tp]
        return int(found.offset if found is not None else (await self._consumer.end_offsets([tp]))[tp])

    async def _is_in_vain(self, part: int, until: int) -> bool:
        """Whether for too long a partition has neither come closer to `until`, nor given up what it has passed there.

        Its owner may be of a version that does not know of moves: it goes on for ever, and gives nothing up.
        """
        at = min(until, (await self._moves.next_offsets()).get(part, -1))
        now = time.monotonic()
        before, since = self._progress.get(part, (None, now))
        if at != before:
            since = now
        self._progress[part] = at, since
        return now - since > GIVE_UP_AFTER_S

    async def _begin_anew(self, pipeline: PartitionPipeline, part: int) -> None:
        lost = [name for name, (asked, _) in self._asked.items() if asked == part]
        log.warning(
            "%s/%d: %d sensors came from partition %d, which does not give them up; their detectors begin anew",
            self._tp.topic, self._tp.partition, len(lost), part,
        )  # fmt: skip
        await self._moves.withdraw(lost)
        for name in lost:
            del self._asked[name]
        pipeline.looked_for(lost)
        self._progress.pop(part, None)
