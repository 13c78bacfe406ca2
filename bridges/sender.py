"""From the spool to Kafka: one batch under way for each partition, confirmed by all in-sync replicas.

The producer keeps its identity over restarts, and each batch has its number on disk before it is sent (`spool`). So a
batch whose confirmation never came, because this process or a broker was killed, is sent again as it was, and a broker
that has it confirms it without writing it again. Only where the brokers no longer know the producer (they forget it
after a day, or say that its numbers do not fit) the partition is read to see what arrived.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    TopicAuthorizationFailedError,
    UnknownProducerId,
)

from bridges.spool import Batch, Spool
from bridges.spool_writer import SpoolWriter
from kafka_clients.closing import CLOSE_S
from kafka_clients.errors import ClientError
from kafka_clients.partitions import cluster_id_of, partition_of, partitions_of
from kafka_clients.recovery import missing_from
from kafka_clients.session import SLOW_S, STUCK_S, Session

log = logging.getLogger(__name__)

T = TypeVar("T")

_RETRY_S = 1.0
_SAY_EVERY_S = 10.0
#: Whether the brokers answer, and partitions that were added to the topic, is looked at so often.
_LOOK_S = 10.0
#: The brokers' numbers have 31 bits; long before, a new producer begins at 0.
_LAST_SEQUENCE = 2**30
_NO_PATIENCE_S = 0.1
_IDENTITY_LOST = (OutOfOrderSequenceNumber, ProducerFenced, UnknownProducerId)


class _NumbersUsedUp(Exception):
    """The producer has sent so many records that another one must go on."""


class Sender:
    """Sends what the spool holds.

    Args:
        options: arguments for aiokafka's clients: bootstrap servers, security.
        topic: where readings go.
        writer: the spool's; it hands the batches over.
    """

    def __init__(self, options: Mapping[str, Any], topic: str, writer: SpoolWriter) -> None:
        self._options = dict(options)
        self._topic = topic
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._session: Session | None = None
        self._lock = asyncio.Lock()
        self._batches: dict[int, Batch] = {}
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._wakes: dict[int, asyncio.Event] = {}
        self._partitions: list[int] = []
        #: partitions on which a batch waits for its confirmation
        self._sending: set[int] = set()
        self._looked = 0.0
        self._said = 0.0
        self._away_since: float | None = None
        #: whether the spool's lanes are those of this cluster
        self._settled = False
        self._first = asyncio.Event()
        #: when the brokers were last reached after they were not, seconds since 1970; None: they are away
        self.connected_since: float | None = None
        #: connections made after the first
        self.reconnects = -1

    def take(self, batches: list[Batch]) -> None:
        """Send these; from the writer's thread."""
        self._loop.call_soon_threadsafe(self._add, batches)

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            ClientError: at the start the brokers refuse us, or there is no such topic.
        """
        try:
            await self._ready()
            while True:
                await asyncio.sleep(_RETRY_S)
                for task in self._lanes.values():
                    if task.done():
                        task.result()
                if time.monotonic() - self._looked > _LOOK_S and self._session is not None:
                    await self._look_for_partitions(self._session)
        finally:
            for task in self._lanes.values():
                task.cancel()
            await asyncio.gather(*self._lanes.values(), return_exceptions=True)
            await self._end_session(_NO_PATIENCE_S if self._batches else CLOSE_S)

    async def connected(self, running: asyncio.Task[None]) -> None:
        """Wait for the first connection.

        Raises:
            ClientError: as of `run`, which is `running`.
        """
        waiting = asyncio.create_task(self._first.wait())
        await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if running.done():
            running.result()

    def _add(self, batches: list[Batch]) -> None:
        for batch in batches:
            part = batch.partition
            self._batches[part] = batch
            if part not in self._lanes:
                self._wakes[part] = asyncio.Event()
                self._lanes[part] = asyncio.create_task(self._drive(part), name=f"lane-{part}")
            self._wakes[part].set()

    async def _drive(self, part: int) -> None:
        """Send one partition's batches, one after the other."""
        wake = self._wakes[part]
        doubted = False
        while True:
            await wake.wait()
            wake.clear()
            while (batch := self._batches.get(part)) is not None:
                session = await self._ready()
                failure: Exception | None = None
                next_offset: int | None = None
                self._sending.add(part)
                try:
                    next_offset = await self._send(session, batch)
                except (KafkaError, _NumbersUsedUp) as error:
                    failure = error
                finally:
                    self._sending.discard(part)
                if failure is not None:
                    doubted = await self._mend(failure, session, doubted=doubted)
                    continue
                doubted = False
                del self._batches[part]
                self._writer.confirm(part, next_offset)
                self._back()

    async def _mend(self, failure: Exception, session: Session, *, doubted: bool) -> bool:
        """A batch was not confirmed: do what helps; whether the brokers' word is to be taken the next time.

        A client that is confused is cured by another connection. If the brokers say again that the producer is not one
        that they know, it is true.
        """
        if isinstance(failure, _NumbersUsedUp) or (doubted and isinstance(failure, _IDENTITY_LOST)):
            await self._new_identity(failure)
            return False
        if isinstance(failure, MessageSizeTooLargeError):
            self._say(f"{self._topic} takes no batch of 256 KiB: raise its max.message.bytes; readings wait")
        elif isinstance(failure, TopicAuthorizationFailedError):
            self._say(f"the brokers do not let us write to {self._topic}; readings wait")
        else:
            self._away(f"sending fails ({type(failure).__name__}), trying on")
        await self._give_up(session, _RETRY_S)
        return isinstance(failure, _IDENTITY_LOST)

    async def _send(self, session: Session, batch: Batch) -> int | None:
        """Send a batch; where its partition goes on, if the brokers say."""
        if batch.sequence + len(batch.records) > _LAST_SEQUENCE:
            raise _NumbersUsedUp("its numbers are used up")
        now = int(time.time() * 1000)
        builder = session.producer.create_batch()
        for key, value in batch.records:
            # Kafka's time of a record is when it was sent, even if the reading says otherwise: retention goes by it.
            added = builder.append(timestamp=now, key=key, value=value, headers=[])
            if added is None:
                raise MessageSizeTooLargeError
        session.continue_at(self._topic, batch.partition, batch.sequence)
        metadata = await session.deliver(builder, self._topic, batch.partition, self._waited)
        offset = metadata.offset if metadata is not None else -1
        return offset + len(batch.records) if offset >= 0 else None

    async def _ready(self) -> Session:
        """The session; made anew, however long it takes."""
        async with self._lock:
            while self._session is None:
                try:
                    self._session = await self._connect()
                except (ClientError, KafkaError) as error:
                    if not self._settled and not self._partitions and not await self._on_spool(_has_partitions):
                        raise
                    self._away(f"{error or type(error).__name__}, trying on")
                    await asyncio.sleep(_RETRY_S)
            return self._session

    async def _connect(self) -> Session:
        session = await Session.open(self._options)
        try:
            found = await partitions_of(session.producer, [self._topic], self._options["bootstrap_servers"])
            cluster = await cluster_id_of(session.producer)
            if not self._settled:
                await self._settle(session, cluster, found[self._topic])
            else:
                saved = await self._on_spool(lambda spool: json.loads(spool.get("producer") or "{}"))
                session.go_on_as(tuple(saved["identity"]))
        except BaseException:
            await session.end(_NO_PATIENCE_S)
            raise
        self.connected_since = time.time()
        self.reconnects += 1
        return session

    async def _settle(self, session: Session, cluster: str, partitions: list[int]) -> None:
        """The first connection: whether the spool's lanes and its producer are those of this cluster."""
        saved = await self._on_spool(lambda spool: json.loads(spool.get("producer") or "{}"))
        known = await self._on_spool(lambda spool: json.loads(spool.get("partitions") or "[]"))
        # A topic of fewer partitions is another one, whatever its name.
        same = (saved.get("cluster"), saved.get("topic")) == (cluster, self._topic) and len(known) <= len(partitions)

        def choose(key: bytes) -> int:
            return partition_of(key, partitions)

        if same:
            arrived = await self._on_spool(lambda spool: (spool.under_way(), _offsets(spool)))
            await self._look_what_arrived(*arrived)
            session.go_on_as(tuple(saved["identity"]))
        else:
            identity = session.identity

            def begin(spool: Spool) -> None:
                if saved and spool.waiting:
                    log.warning("another cluster, or another topic: %d readings that wait go there now", spool.waiting)
                spool.move(choose)
                _save(spool, cluster, self._topic, identity)

            await self._on_spool(begin)
        await self._on_spool(lambda spool: spool.put("partitions", json.dumps(partitions)))
        self._partitions, self._looked, self._settled = partitions, time.monotonic(), True
        self._add(await self._on_spool(lambda spool: spool.under_way()))
        self._writer.let_send(choose, self.take)
        self._first.set()

    async def _new_identity(self, why: Exception) -> None:
        """Another producer: what was under way is looked for, and what did not arrive goes out under new numbers."""
        log.warning("this producer has come to its end (%s); another one goes on", why)
        async with self._lock:
            # What the old one has under way may still arrive: let it come to its end first.
            deadline = time.monotonic() + STUCK_S + SLOW_S
            while self._sending and time.monotonic() < deadline:  # noqa: ASYNC110 - of several lanes, once in months
                await asyncio.sleep(0.05)
            session, self._session = self._session, None
            if session is not None:
                await session.end(CLOSE_S)
            batches, offsets = await self._on_spool(lambda spool: (spool.under_way(), _offsets(spool)))
            await self._look_what_arrived(batches, offsets)
            while True:
                try:
                    fresh = await Session.open(self._options)
                    cluster = await cluster_id_of(fresh.producer)
                except (ClientError, KafkaError) as error:
                    self._away(f"{error or type(error).__name__}, trying on")
                    await asyncio.sleep(_RETRY_S)
                    continue
                break
            identity = fresh.identity

            def begin(spool: Spool) -> list[Batch]:
                spool.restart_numbers()
                _save(spool, cluster, self._topic, identity)
                return spool.under_way()

            left = {batch.partition: batch for batch in await self._on_spool(begin)}
            for part in list(self._batches):
                if part in left:
                    self._batches[part] = left[part]
                else:
                    del self._batches[part]
                    self._writer.confirm(part, None)
            self._session = fresh

    async def _look_what_arrived(self, batches: list[Batch], offsets: dict[int, int | None]) -> None:
        """Of batches whose outcome is not known: forget what is on the partitions."""
        for batch in batches:
            records: list[tuple[bytes, bytes | None, list[tuple[str, bytes]], int | None]] = [
                (key, value, [], None) for key, value in batch.records
            ]
            part = batch.partition
            missing = await missing_from(self._options, self._topic, part, offsets.get(part), records)
            if len(missing) < len(records):
                left = [(key, value or b"") for key, value, _, _ in missing]
                await self._on_spool(lambda spool, part=part, left=left: spool.keep_only(part, left))  # type: ignore[misc]

    async def _look_for_partitions(self, session: Session) -> None:
        """Whether the topic has more partitions than before, and whether the brokers answer at all."""
        self._looked = time.monotonic()
        try:
            async with asyncio.timeout(_LOOK_S):
                found = (await partitions_of(session.producer, [self._topic], ""))[self._topic]
        except (ClientError, KafkaError, TimeoutError) as error:
            self._away(f"no Kafka broker answers ({error or type(error).__name__})")
            return
        if not self._sending:
            self._back()
        if found != self._partitions and len(found) > len(self._partitions):
            self._partitions = found
            await self._on_spool(lambda spool: spool.put("partitions", json.dumps(found)))
            self._writer.let_send(lambda key: partition_of(key, found), self.take)

    async def _give_up(self, failed: Session, pause: float) -> None:
        """Make another connection after a pause, unless another lane has done so."""
        await asyncio.sleep(pause)
        async with self._lock:
            if self._session is failed:
                await self._end_session(CLOSE_S)

    async def _end_session(self, patience: float) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.end(patience)

    async def _on_spool(self, action: Callable[[Spool], T]) -> T:
        return await asyncio.wrap_future(self._writer.do(action))

    def _waited(self, seconds: float) -> None:
        self._away(f"no answer from the brokers for {seconds:.0f} s")

    def _away(self, line: str) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
        self.connected_since = None
        self._say(line)

    def _back(self) -> None:
        if self._away_since is not None:
            log.info("the brokers are back after %.0f s", time.monotonic() - self._away_since)
            self._away_since, self._said = None, 0.0
            self.connected_since = time.time()

    def _say(self, line: str) -> None:
        """Say it, but not the same trouble many times a minute."""
        now = time.monotonic()
        if now - self._said > _SAY_EVERY_S:
            self._said = now
            log.warning("%s", line)


def _offsets(spool: Spool) -> dict[int, int | None]:
    return {part: lane.next_offset for part, lane in spool.lanes.items()}


def _has_partitions(spool: Spool) -> bool:
    return spool.get("partitions") is not None


def _save(spool: Spool, cluster: str, topic: str, identity: tuple[int, int]) -> None:
    spool.put("producer", json.dumps({"cluster": cluster, "topic": topic, "identity": identity}))
