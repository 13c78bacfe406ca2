"""The one producer of a bridge: its connection, and its identity, which outlives the process.

Each batch has its number on disk before it is sent (`spool`), and the producer goes on as the one that it was. So a
batch whose confirmation never came, because this process or a broker was killed, is sent again as it was, and a broker
that has it confirms it without writing it again. Brokers forget a producer after a day; therefore a batch whose outcome
is not known is first looked for on its partition.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aiokafka.errors import KafkaError

from bridges.lane import Batch
from bridges.spool import Spool
from bridges.spool_repair import keep_only, move, restart_numbers
from bridges.spool_writer import SpoolWriter
from kafka_clients.closing import CLOSE_S
from kafka_clients.errors import ClientError
from kafka_clients.partitions import cluster_id_of, partition_of, partitions_of
from kafka_clients.recovery import missing_from
from kafka_clients.session import SLOW_S, STUCK_S, Session

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_S = 1.0
_SAY_EVERY_S = 10.0
#: Whether the brokers answer, and partitions that were added to the topic, is looked at so often.
_LOOK_S = 10.0
_NO_PATIENCE_S = 0.1


class Producer:
    """Connects, and connects again.

    Args:
        options: arguments for aiokafka's clients: bootstrap servers, security.
        topic: where readings go.
        writer: the spool's.
        send: gets batches, on the loop or on the writer's thread.
    """

    def __init__(
        self, options: Mapping[str, Any], topic: str, writer: SpoolWriter, send: Callable[[list[Batch]], None]
    ) -> None:
        self._options = dict(options)
        self._topic = topic
        self._writer = writer
        self._send = send
        self._session: Session | None = None
        self._lock = asyncio.Lock()
        self._partitions: list[int] = []
        self._looked = 0.0
        self._said = 0.0
        self._away_since: float | None = None
        #: whether the spool's lanes are those of this cluster
        self._settled = False
        #: partitions on which a batch waits for its confirmation
        self.sending: set[int] = set()
        #: set with the first connection
        self.first = asyncio.Event()
        #: when the brokers were last reached after they were not, seconds since 1970; None: they are away
        self.connected_since: float | None = None
        #: connections made after the first
        self.reconnects = -1

    async def ready(self) -> Session:
        """The session; made anew, however long it takes."""
        async with self._lock:
            while self._session is None:
                try:
                    self._session = await self._connect()
                except (ClientError, KafkaError) as error:
                    if not self._settled and not self._partitions and not await self._on_spool(_has_partitions):
                        raise
                    self.away(f"{str(error) or type(error).__name__}, trying on")
                    await asyncio.sleep(RETRY_S)
            return self._session

    async def _connect(self) -> Session:
        session = await Session.open(self._options)
        try:
            found = await partitions_of(session.producer, [self._topic], self._options["bootstrap_servers"])
            cluster = await cluster_id_of(session.producer.client)
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
                move(spool, choose)
                _save(spool, cluster, self._topic, identity)

            await self._on_spool(begin)
        await self._on_spool(lambda spool: spool.put("partitions", json.dumps(partitions)))
        self._partitions, self._looked, self._settled = partitions, time.monotonic(), True
        self._send(await self._on_spool(lambda spool: spool.under_way()))
        self._writer.let_send(choose, self._send)
        self.first.set()

    async def renew(self, why: Exception, replace: Callable[[list[Batch], int], None]) -> None:
        """Another producer: what was under way is looked for, and what did not arrive goes out under new numbers."""
        log.warning("this producer has come to its end (%s); another one goes on", why)
        async with self._lock:
            # What the old one has under way may still arrive: let it come to its end first.
            deadline = time.monotonic() + STUCK_S + SLOW_S
            while self.sending and time.monotonic() < deadline:  # noqa: ASYNC110 - of several lanes, once in months
                await asyncio.sleep(0.05)
            session, self._session = self._session, None
            if session is not None:
                await session.end(CLOSE_S)
            batches, offsets = await self._on_spool(lambda spool: (spool.under_way(), _offsets(spool)))
            await self._look_what_arrived(batches, offsets)
            while True:
                try:
                    fresh = await Session.open(self._options)
                    cluster = await cluster_id_of(fresh.producer.client)
                except (ClientError, KafkaError) as error:
                    self.away(f"{str(error) or type(error).__name__}, trying on")
                    await asyncio.sleep(RETRY_S)
                    continue
                break
            identity = fresh.identity

            def begin(spool: Spool) -> tuple[list[Batch], int]:
                restart_numbers(spool)
                _save(spool, cluster, self._topic, identity)
                return spool.under_way(), spool.era

            # Before anything goes out over the new connection.
            replace(*await self._on_spool(begin))
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
                await self._on_spool(lambda spool, batch=batch, left=left: keep_only(spool, batch, left))  # type: ignore[misc]

    async def look(self) -> None:
        """Whether the topic has more partitions than before, and whether the brokers answer at all."""
        session = self._session
        if session is None or time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        try:
            async with asyncio.timeout(_LOOK_S):
                found = (await partitions_of(session.producer, [self._topic], ""))[self._topic]
        except (ClientError, KafkaError, TimeoutError) as error:
            self.away(f"no Kafka broker answers ({str(error) or type(error).__name__})")
            return
        if not self.sending:
            self.back()
        if found != self._partitions and len(found) > len(self._partitions):
            self._partitions = found
            await self._on_spool(lambda spool: spool.put("partitions", json.dumps(found)))
            self._writer.let_send(lambda key: partition_of(key, found), self._send)

    async def give_up(self, failed: Session, pause: float) -> None:
        """Make another connection after a pause, unless another lane has done so."""
        await asyncio.sleep(pause)
        async with self._lock:
            if self._session is failed:
                await self.end(CLOSE_S)

    async def end(self, patience: float) -> None:
        """Close the connection, after so many seconds at the most."""
        session, self._session = self._session, None
        if session is not None:
            await session.end(patience)

    async def _on_spool(self, action: Callable[[Spool], T]) -> T:
        return await asyncio.wrap_future(self._writer.do(action))

    def waited(self, seconds: float) -> None:
        """No confirmation has come for so long."""
        self.away(f"no answer from the brokers for {seconds:.0f} s")

    def away(self, line: str) -> None:
        """The brokers are not to be reached; `line` says how it shows."""
        if self._away_since is None:
            self._away_since = time.monotonic()
        self.connected_since = None
        self.say(line)

    def back(self) -> None:
        """They answer."""
        if self._away_since is not None:
            log.info("the brokers are back after %.0f s", time.monotonic() - self._away_since)
            self._away_since, self._said = None, 0.0
            self.connected_since = time.time()

    def say(self, line: str) -> None:
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
