"""Sends records to Kafka at the speed of its batches, in bounded memory, however long the brokers are away.

`Lane.add` never waits. A lane is one partition: its records are sent in order, one batch under way at a time,
acknowledged by all in-sync replicas. While the brokers are away records pile up to a limit; beyond it the oldest go
first, because a plant's newest readings are worth more than its oldest, and they are counted (`Publisher.dropped`). A
reader sees the gap in the sequence numbers.

A lane may be *gated*: it sends only while `Publisher.may_send` says so. The simulator's readings are: they must not go
out once another simulator may have taken the sensors over, not even when the process stood still while it sent them.

aiokafka's traps that are dealt with here: a producer that has seen OutOfOrderSequence is of no use any more and is made
anew (#1017), after a look at what did arrive (`recovery`); `stop` waits for ever when the brokers are away (#1101);
the default of `acks` is 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from kafka_clients.closing import CLOSE_S
from kafka_clients.errors import BrokersUnreachable, NotAllowed
from kafka_clients.partitions import partition_of, partitions_of
from kafka_clients.recovery import missing_from
from kafka_clients.session import SLOW_S, Session

#: A list, because aiokafka takes nothing else.
Headers = list[tuple[str, bytes]]
#: key, value, headers, and Kafka's time of it in milliseconds since 1970; None: when it is sent
Record = tuple[bytes, bytes | None, Headers, int | None]
_NONE: Headers = []

LINGER_S = 0.005
#: Records that wait to be sent, over all lanes; about 100 MB with keys, values and headers.
MOST_WAITING = 100_000
_RETRY_S = 0.2
_NO_PATIENCE_S = 0.1


class Lane:
    """The records of one partition, in order."""

    __slots__ = (
        "_publisher", "acked", "era", "gated", "next_offset", "partition", "topic", "under_way", "waiting", "wake",
    )  # fmt: skip

    def __init__(self, publisher: Publisher, topic: str, partition: int, *, gated: bool) -> None:
        self.topic = topic
        self.partition = partition
        self.gated = gated
        self.waiting: deque[Record] = deque()
        #: the batch that is not acknowledged yet
        self.under_way: list[Record] = []
        #: counts discards: a batch of an earlier era is not tried again
        self.era = 0
        #: records acknowledged since the start
        self.acked = 0
        #: from where records of ours may be on the partition without our knowing; None before the first was sent
        self.next_offset: int | None = None
        self.wake = asyncio.Event()
        self._publisher = publisher

    def add(self, key: bytes, value: bytes | None, headers: Headers = _NONE, timestamp: int | None = None) -> None:
        """Send a record as soon as may be; a value of None is a tombstone."""
        self.waiting.append((key, value, headers, timestamp))
        publisher = self._publisher
        publisher.waiting += 1
        if publisher.waiting > MOST_WAITING and len(self.waiting) > 1:
            self.waiting.popleft()
            publisher.waiting -= 1
            publisher.dropped += 1
        if not self.wake.is_set():
            self.wake.set()

    def discard(self) -> None:
        """Forget what waits, and what is under way if it fails."""
        self.era += 1
        self._publisher.waiting -= len(self.waiting)
        self.waiting.clear()


class Publisher:
    """A producer with a lane for each partition that is written to.

    Args:
        bootstrap: `host:port,...`.
        options: further arguments for aiokafka's clients (security).
        tell: hears one line for the person who watches, at most every few seconds.
    """

    def __init__(
        self, bootstrap: str, options: Mapping[str, Any] | None = None, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self.waiting = 0
        #: records given up because the brokers were away for too long
        self.dropped = 0
        #: whether gated lanes may send
        self.may_send: Callable[[], bool] = lambda: True
        self._options: dict[str, Any] = {"bootstrap_servers": bootstrap, **(options or {})}
        self._bootstrap = bootstrap
        self._tell = tell
        self._told = 0.0
        self._away_since: float | None = None
        self._session: Session | None = None
        self._session_lock = asyncio.Lock()
        self._lanes: dict[tuple[str, int], Lane] = {}
        #: something was acknowledged, or a lane ended
        self._settled = asyncio.Event()
        self._partitions: dict[str, list[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, topics: Sequence[str]) -> None:
        """Connect, and look the topics up.

        Raises:
            BrokersUnreachable: no broker answers.
            TopicMissing: one of the topics is not there.
            NotAllowed: the brokers refuse the login.
        """
        try:
            self._session = await self._connect()
            self._partitions |= await partitions_of(self._session.producer, topics, self._bootstrap)
        except KafkaError:
            await self.stop()
            raise BrokersUnreachable(f"no Kafka broker answers at {self._bootstrap}") from None
        except BaseException:
            await self.stop()
            raise

    @property
    def acked(self) -> int:
        """Records acknowledged, over all lanes."""
        return sum(lane.acked for lane in self._lanes.values())

    @property
    def failure(self) -> BaseException | None:
        """The error that ended a lane for good, if one did."""
        return next((t.exception() for t in self._tasks if t.done() and not t.cancelled() and t.exception()), None)

    def acked_of(self, topic: str) -> int:
        """Records of one topic acknowledged."""
        return sum(lane.acked for (name, _), lane in self._lanes.items() if name == topic)

    def unacknowledged(self, topic: str) -> int:
        """Records of one topic that wait or are under way."""
        return sum(len(lane.waiting) + len(lane.under_way) for (name, _), lane in self._lanes.items() if name == topic)

    def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic that was named to `start`."""
        return self._partitions[topic]

    def lane(self, topic: str, key: bytes, *, gated: bool = False) -> Lane:
        """The lane for records with this key."""
        partition = partition_of(key, self._partitions[topic])
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = Lane(self, topic, partition, gated=gated)
            task = asyncio.create_task(self._drive(lane), name=f"lane-{topic}-{partition}")
            task.add_done_callback(lambda _: self._settled.set())
            self._tasks.add(task)
        return lane

    async def progress(self, seconds: float) -> None:
        """Wait until something is acknowledged, or a lane has failed, or so many seconds are over."""
        self._settled.clear()
        if self.failure is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._settled.wait()

    async def room(self, most: int) -> None:
        """Wait until no more than so many records wait to be sent, or nothing can be sent any more."""
        while self.waiting > most and self.failure is None:
            await self.progress(SLOW_S)

    async def flush(self, seconds: float) -> bool:
        """Wait, for so many seconds at the most, until all that was added is acknowledged; says whether it is."""
        deadline = time.monotonic() + seconds
        while self._busy() and self.failure is None and (left := deadline - time.monotonic()) > 0:
            await self.progress(left)
        return not self._busy()

    def _busy(self) -> bool:
        return any(lane.waiting or lane.under_way for lane in self._lanes.values())

    async def discard_gated(self) -> None:
        """Forget what gated lanes hold: it is not ours to send any more. A batch under way is not tried again."""
        gated = [lane for lane in self._lanes.values() if lane.gated]
        for lane in gated:
            lane.discard()
        if any(lane.under_way for lane in gated):
            async with self._session_lock:
                session, self._session = self._session, None
                if session is not None:
                    await session.end(_NO_PATIENCE_S)

    async def stop(self) -> None:
        """Close; what is not sent yet is not sent any more (see `flush`)."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            # What was not acknowledged by now is not waited for again.
            await session.end(_NO_PATIENCE_S if self._busy() else CLOSE_S)

    async def _drive(self, lane: Lane) -> None:
        """Send a lane's records, for ever."""
        while True:
            if not lane.waiting:
                lane.wake.clear()
                await lane.wake.wait()
                await asyncio.sleep(LINGER_S)
            if lane.gated and not self.may_send():
                await asyncio.sleep(_RETRY_S)
                continue
            session, era = await self._ready(), lane.era
            batch = self._fill(session.producer, lane)
            if batch is None:
                continue
            try:
                metadata = await session.deliver(batch, lane.topic, lane.partition, self._waited)
            except MessageSizeTooLargeError:
                self._say(
                    f"{lane.topic}: the brokers refuse a batch as too large; {len(lane.under_way)} records dropped"
                )
                self.dropped += len(lane.under_way)
                self._settle(lane, None)
            except TopicAuthorizationFailedError:
                raise NotAllowed(f"the brokers do not let us write to {lane.topic}") from None
            except KafkaError as error:
                await self._recover(lane, era, session, error)
            else:
                self._settle(lane, metadata.offset if metadata is not None else None)

    def _waited(self, seconds: float) -> None:
        """The brokers have not answered for so long."""
        if self._away_since is None:
            self._away_since = time.monotonic() - seconds
        self._say(f"no answer from the brokers for {seconds:.0f} s; {self._count()}")

    def _fill(self, producer: AIOKafkaProducer, lane: Lane) -> Any:  # noqa: ANN401 - aiokafka's BatchBuilder has no types
        """Move what fits from the waiting records into a batch; None when there is nothing."""
        batch, waiting, now = producer.create_batch(), lane.waiting, int(time.time() * 1000)
        under_way = lane.under_way
        while waiting:
            key, value, headers, timestamp = waiting[0]
            # Kafka's time of a record is when it was sent, even if the reading says otherwise: retention goes by it.
            # Only who asks for it (a drill, on topics of its own) has another.
            at = now if timestamp is None else timestamp
            if batch.append(timestamp=at, key=key, value=value, headers=headers) is None:
                break
            under_way.append(waiting.popleft())
        self.waiting -= len(under_way)
        return batch if under_way else None

    def _settle(self, lane: Lane, offset: int | None) -> None:
        """The batch under way is acknowledged."""
        if offset is not None and offset >= 0:
            lane.next_offset = offset + len(lane.under_way)
        lane.acked += len(lane.under_way)
        lane.under_way = []
        self._settled.set()
        if self._away_since is not None:
            self._say(f"brokers are back after {time.monotonic() - self._away_since:.0f} s", now=True)
            self._away_since = None

    async def _recover(self, lane: Lane, era: int, failed: Session, error: KafkaError) -> None:
        """Start over with a new producer; what was under way goes out again unless it has arrived."""
        if self._away_since is None:
            self._away_since = time.monotonic()
        self._say(f"sending fails ({type(error).__name__}), trying on; {self._count()}")
        await asyncio.sleep(_RETRY_S)
        async with self._session_lock:
            if self._session is failed:
                self._session = None
                await failed.end(CLOSE_S)
        missing: list[Record] = []
        if lane.era == era:
            missing = await missing_from(self._options, lane.topic, lane.partition, lane.next_offset, lane.under_way)
        under_way, lane.under_way = lane.under_way, []
        self._settled.set()
        if lane.era != era:
            return
        lane.acked += len(under_way) - len(missing)
        lane.waiting.extendleft(reversed(missing))
        self.waiting += len(missing)

    async def _ready(self) -> Session:
        """The producer; made anew, however long it takes, if the last one failed."""
        async with self._session_lock:
            while self._session is None:
                try:
                    self._session = await self._connect()
                except BrokersUnreachable as error:
                    self._say(f"{error}, trying on; {self._count()}")
                    await asyncio.sleep(_RETRY_S * 5)
            return self._session

    async def _connect(self) -> Session:
        return await Session.open(self._options, self._may_send_all)

    def _may_send_all(self) -> bool:
        """Whether nothing is under way that may not be sent."""
        return self.may_send() or not any(lane.gated and lane.under_way for lane in self._lanes.values())

    def _count(self) -> str:
        return f"{self.waiting} records wait, {self.dropped} dropped"

    def _say(self, line: str, *, now: bool = False) -> None:
        """Tell, but not the same trouble many times a second."""
        if now or time.monotonic() - self._told > 5:
            self._told = time.monotonic()
            self._tell(line)
