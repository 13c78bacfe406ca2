"""One consumer's life: from its connection until it is given up, with all rebalances of its group in between.

Traps of aiokafka that this goes around: records of a partition may be handed out before the listener has found where to
begin, so those of a partition that is not ready are dropped, and come again after the seek; a subscription by name
waits for a topic that is not there, so topics are found by a pattern; its clients may stand still after a broker's
restart and do not say so, so that what lies unread is asked for, and the reader is given up if it does not move.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import OffsetAndMetadata

from bridges.sources.kafka_begin import Beginning
from bridges.sources.kafka_positions import Note, Part
from bridges.sources.kafka_table import KafkaTable
from bridges.sources.kafka_watch import Watch
from kafka_clients.closing import close_consumer
from kafka_clients.errors import BrokersUnreachable, NotAllowed
from kafka_clients.partitions import cluster_id_of, topics_of
from kafka_clients.refusal import why_refused

log = logging.getLogger(__name__)

_POLL_MS = 200
_MOST_RECORDS = 2_000
_COMMIT_S = 0.25
_ANSWER_S = 10.0
#: So long records of a partition that is taken away may take to the disk.
_TO_DISK_S = 15.0
#: How long a source that is to end waits for the disk.
_LAST_S = 3.0
#: `check --live` shows the last records of each partition first.
_TAIL = 20
_SAY_EVERY_S = 60.0


class Reader:
    """Reads the topics that match; hands batches of records to `take`.

    Args:
        table: what the file says of the source.
        group: the consumer group; None: look only, as no member of any group.
        options: arguments for aiokafka's clients.
        filters: regular expressions of topics.
        names: topics that ought to be there.
        take: stores a batch of a partition's records; runs on a thread, and may wait for the disk.
        recall: words that the process before this one has left.
        remember: leaves words.
        beginning: where partitions begin.
    """

    def __init__(
        self,
        table: KafkaTable,
        group: str | None,
        options: Mapping[str, Any],
        filters: Sequence[str],
        names: Sequence[str],
        *,
        take: Callable[[Part, Sequence[Any], bool], None],
        recall: Callable[[], list[str]],
        remember: Callable[[list[str]], None],
        beginning: Beginning,
    ) -> None:
        self._table = table
        self._group = group
        self._options = options
        self._pattern = re.compile("|".join(f"(?:{one})" for one in filters) or r"(?!)")
        self._take = take
        self._recall = recall
        self._remember = remember
        self._parts: dict[TopicPartition, Part] = {}
        #: held while records are handed over
        self._handing = asyncio.Lock()
        self._busy = False
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._noted: list[str] = []
        self._beginning = beginning
        #: when it was last said that offsets are not committed, monotonic seconds
        self._said = 0.0
        #: set when the brokers have told what is ours
        self.ready = asyncio.Event()
        #: how it is
        self.watch = Watch(table, group, self._pattern, names, beginning, lambda: self._parts, lambda: self._busy)

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set; then what was taken comes to the disk, and its offsets are committed.

        Raises:
            ClientError: the brokers are not there, refuse us, or the client stands still.
            KafkaError: reading has failed.
        """
        consumer = self._consumer = self._made()
        try:
            await self._connect(consumer)
            tasks: list[asyncio.Future[Any]] = [
                asyncio.create_task(self._poll()),
                asyncio.create_task(self.watch.run(consumer)),
            ]
            if self._group is not None:
                tasks.append(asyncio.create_task(self._commit()))
            waiting = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait([*tasks, waiting, self._failure], return_when=asyncio.FIRST_COMPLETED)
                for one in (*tasks, self._failure):
                    if one.done():
                        one.result()
            finally:
                for task in (*tasks, waiting):
                    task.cancel()
                await asyncio.gather(*tasks, waiting, return_exceptions=True)
        finally:
            await self._give_back(_LAST_S)
            await close_consumer(consumer)

    def _made(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **self._options,
            group_id=self._group,
            enable_auto_commit=False,
            # Where to begin is decided by us; what comes before that is not handed out.
            auto_offset_reset="none",
            isolation_level="read_committed" if self._table.read_committed else "read_uncommitted",
            metadata_max_age_ms=5_000,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=3_000,
            rebalance_timeout_ms=30_000,
            max_poll_records=_MOST_RECORDS,
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
        )

    async def _connect(self, consumer: AIOKafkaConsumer) -> None:
        try:
            await consumer.start()
        except KafkaError:
            refusal = await why_refused(self._options)
            if refusal is not None:
                raise NotAllowed(refusal.message) from None
            raise BrokersUnreachable(f"no Kafka broker answers at {self._table.brokers}") from None
        if self._group is None:
            await self._assign_all(consumer)
            return
        async with asyncio.timeout(_ANSWER_S):
            cluster = await cluster_id_of(consumer._client)  # noqa: SLF001 - aiokafka tells it nowhere else
        self._beginning.note = Note.of(cluster, self._group, self._recall())
        consumer.subscribe(pattern=f"(?:{self._pattern.pattern})$", listener=_Listener(self))

    async def _assign_all(self, consumer: AIOKafkaConsumer) -> None:
        """As a member of no group: all partitions, from a little before their ends."""
        async with asyncio.timeout(_ANSWER_S):
            topics = await topics_of(consumer._client)  # noqa: SLF001 - as above
            self.watch.see(topics)
            matching = [topic for topic in topics if self._pattern.fullmatch(topic)]
            tps = [TopicPartition(topic, part) for topic in matching for part in topics[topic]]
            if tps:
                consumer.assign(tps)
                first, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
                for tp in tps:
                    offset = max(first[tp], ends[tp] - _TAIL)
                    consumer.seek(tp, offset)
                    self._parts[tp] = Part.at(tp, offset)
        self.ready.set()

    async def _poll(self) -> None:
        consumer = self._consumer
        while True:
            try:
                batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_MOST_RECORDS)
            except NoOffsetForPartitionError:
                continue  # the listener is about to say where it begins
            except OffsetOutOfRangeError as error:
                await self._reposition(error)
                continue
            if not batches:
                # It may come back at once while nothing is assigned.
                await asyncio.sleep(0.01)
                continue
            self._busy = True
            for tp, records in batches.items():
                async with self._handing:
                    part = self._parts.get(tp)
                    if part is not None:
                        part.moved_at = time.monotonic()
                        ended = records[-1].offset + 3 >= (consumer.highwater(tp) or 0) if part.ours else False
                        await asyncio.to_thread(self._take, part, records, ended)
                        part.moved_at = time.monotonic()
            self._busy = False

    async def _reposition(self, error: OffsetOutOfRangeError) -> None:
        lost = [tp for arg in error.args if isinstance(arg, Mapping) for tp in arg]
        parts = [self._parts[tp] for tp in lost if tp in self._parts]
        async with asyncio.timeout(_ANSWER_S):
            await self._beginning.again(self._consumer, parts)
        for part in parts:
            if part.ours:
                self._consumer.seek(part.tp, part.taken)

    # --- the group

    async def assigned(self, tps: Iterable[TopicPartition]) -> None:
        """These are ours: find where each begins."""
        try:
            async with asyncio.timeout(3 * _ANSWER_S):
                parts = await self._beginning.of(self._consumer, list(tps))
            for part in parts:
                self._consumer.seek(part.tp, part.taken)
        except (KafkaError, TimeoutError) as error:
            # Of a listener that fails aiokafka only logs it.
            if not self._failure.done():
                self._failure.set_exception(error)
            return
        self._parts = {part.tp: part for part in parts}
        self.ready.set()

    async def revoked(self) -> None:
        """All are taken away, until it is said again what is ours: another member begins where we have committed."""
        await self._give_back(_TO_DISK_S)

    async def _give_back(self, patience: float) -> None:
        parts, self._parts = self._parts, {}
        for part in parts.values():
            part.ours = False
        if self._group is None or not parts:
            return
        deadline = time.monotonic() + patience
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience), self._handing:
                pass
        while not all(part.idle for part in parts.values()) and time.monotonic() < deadline:  # noqa: ASYNC110 - from a thread
            await asyncio.sleep(0.01)
        # Brokers that are away are not waited for: what is not committed comes again, and is recognised.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._tell(parts)

    async def _commit(self) -> None:
        while True:
            await asyncio.sleep(_COMMIT_S)
            await self._tell(self._parts)

    async def _tell(self, parts: Mapping[TopicPartition, Part]) -> None:
        """Note what is on disk, and commit it."""
        note = self._beginning.note
        note.take(parts.values())
        words = note.words
        if words != self._noted:
            self._noted = words
            self._remember(words)
        try:
            async with asyncio.timeout(_ANSWER_S):
                news = {tp: offset for tp, part in parts.items() if (offset := await self._due(part)) is not None}
                if news:
                    await self._consumer.commit({tp: OffsetAndMetadata(offset, "") for tp, offset in news.items()})
        except (CommitFailedError, IllegalStateError):
            return  # taken away meanwhile
        except (KafkaError, TimeoutError) as error:
            if time.monotonic() - self._said > _SAY_EVERY_S:
                self._said = time.monotonic()
                log.warning("%s: offsets are not committed (%r), trying on", self._table.name, error)
            return
        for tp, offset in news.items():
            parts[tp].committed = offset

    async def _due(self, part: Part) -> int | None:
        """What is to be committed; None: nothing new."""
        offset = part.stored
        if part.ours and not self._busy and part.idle:
            # Behind the last record there may be the marks of transactions.
            offset = max(offset, await self._consumer.position(part.tp))
        return offset if offset != part.committed else None


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka publishes no types
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._reader.revoked()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        await self._reader.assigned(assigned)
