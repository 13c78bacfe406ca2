"""Records of other people's Kafka topics, each once.

Its offset is committed when what a record holds is on disk (the spool). A record that comes again because we were
killed before that has the same topic, partition and offset as one that was taken, and is passed over.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiokafka.errors import KafkaError

from bridges.mapping import SensorTable
from bridges.payload import Refusal
from bridges.sources.kafka_begin import Beginning
from bridges.sources.kafka_positions import Part, store
from bridges.sources.kafka_reader import Reader
from bridges.sources.kafka_table import KafkaTable
from bridges.sources.kafka_tags import RecordTags
from bridges.sources.status import SourceStatus
from bridges.values import Draft, Memory, Packet
from bridges.window import fingerprint
from kafka_clients.errors import ClientError

log = logging.getLogger(__name__)

_FIRST_BACKOFF_S = 1.0
_LAST_BACKOFF_S = 15.0
_STATE_S = 0.2
_CLOSE_S = 10.0


class KafkaSource:
    """One source. It reads on a loop and a thread of its own; `confirm` is called on the spool's thread.

    Args:
        table: what the file says of it.
        sensors: what the file says of single sensors.
        bridge: the bridge's name, for the group.
        put: takes packets.
        live: to look only: without a group, the last records of each partition first.
        memory: outlives the process: how far each partition was.

    Raises:
        BridgeFileError: a certificate or a password cannot be read.
    """

    def __init__(
        self,
        table: KafkaTable,
        sensors: Mapping[str, SensorTable],
        bridge: str,
        put: Callable[[Packet], None],
        *,
        live: bool = False,
        memory: Memory | None = None,
    ) -> None:
        self.table = table
        self.status = SourceStatus("kafka")
        self._put = put
        self._group = None if live else table.group_of(bridge)
        self._memory = memory
        self._words = memory.recall() if memory is not None else []
        self._tags = RecordTags(table.name, table.max_tags, table.max_payload)
        self._tags.adopt(table.tag, sensors)
        self.status.refused = self._tags.refusals.counts
        self._options = table.options(bridge)
        self._beginning = Beginning(table.name, table.start, self._lost)
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        #: ends the reader that runs; another one begins unless we are stopping
        self._enough: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name=f"source-{table.name}", daemon=True)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.table.name

    @property
    def numbered(self) -> bool:
        """Where bridges share a group, a sensor's records come now to one and now to another: none can number them."""
        return not self.table.shared

    def start(self) -> None:
        """Connect, and try until it works."""
        self._thread.start()

    def adopt(self, table: KafkaTable, sensors: Mapping[str, SensorTable]) -> None:
        """Go on by another table that has the same connection."""
        before = self._tags.filters, self._tags.plain_topics
        self.table = table
        self._tags.adopt(table.tag, sensors)
        if (self._tags.filters, self._tags.plain_topics) != before:
            self._end_reader()

    def confirm(self, tokens: Sequence[object], readings: int, repeated: int) -> None:
        """These records are on disk: their offsets may be committed."""
        self.status.readings += readings
        self.status.repeated += repeated
        store(tokens)

    def stop(self, *, forget: bool = False) -> None:
        """Leave the group; its offsets stay, and the cluster forgets them in its own time."""
        self._stopping = True
        self._end_reader()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_S)
        self.status.connected_since = None

    def _end_reader(self) -> None:
        loop, enough = self._loop, self._enough
        if loop is not None and enough is not None:
            try:
                loop.call_soon_threadsafe(enough.set)
            except RuntimeError:
                log.debug("%s: its loop has ended", self.name)

    def _run(self) -> None:
        asyncio.run(self._read())

    async def _read(self) -> None:
        """One reader after the other."""
        self._loop = asyncio.get_running_loop()
        backoff, connections = _FIRST_BACKOFF_S, 0
        while True:
            enough = self._enough = asyncio.Event()
            if self._stopping:
                return
            reader = Reader(
                self.table, self._group, self._options, self._tags.filters, self._tags.plain_topics,
                take=self._take, beginning=self._beginning, recall=lambda: self._words, remember=self._remember,
            )  # fmt: skip
            showing = asyncio.create_task(self._show(reader, connections))
            try:
                await reader.run(enough)
            except (ClientError, KafkaError, TimeoutError) as error:
                self._fail(str(error) if isinstance(error, ClientError) else f"reading has failed ({error!r})")
            except Exception:
                # Whatever a client of a foreign cluster comes up with: the other sources go on, and so does this one.
                log.exception("%s: reading has failed", self.name)
                self._fail("reading has failed; see the log")
            finally:
                showing.cancel()
                await asyncio.gather(showing, return_exceptions=True)
            if reader.ready.is_set():
                backoff, connections = _FIRST_BACKOFF_S, connections + 1
            if enough.is_set():
                continue
            # Not all bridges at the same moment, when brokers come back.
            try:
                async with asyncio.timeout(backoff * random.uniform(0.5, 1.0)):  # noqa: S311 - no secret
                    await enough.wait()
            except TimeoutError:
                backoff = min(_LAST_BACKOFF_S, backoff * 2)

    async def _show(self, reader: Reader, connections: int) -> None:
        """Keep the status."""
        await reader.ready.wait()
        status = self.status
        status.reconnects = connections
        answered = False
        while True:
            answers = reader.watch.answers
            if answers and not answered:
                status.connected_since, status.error = time.time(), ""
                log.info("%s: connected to %s", self.name, self.table.brokers)
            elif answered and not answers:
                self._fail(f"no Kafka broker answers at {self.table.brokers}")
            answered = answers
            if answers and status.error != reader.watch.complaint:
                status.error = reader.watch.complaint
                if status.error:
                    log.warning("%s: %s", self.name, status.error)
            await asyncio.sleep(_STATE_S)

    def _fail(self, line: str) -> None:
        self.status.connected_since = None
        if line != self.status.error:
            log.warning("%s: %s; trying on", self.name, line)
        self.status.error = line

    def _remember(self, words: list[str]) -> None:
        self._words = words
        if self._memory is not None:
            self._memory.remember(words)

    def _lost(self, topic: str, partition: int, count: int) -> None:
        self._tags.refusals.counts[Refusal.DELETED.value] += count
        log.error("%s: %d records of %s/%d were deleted before they were read", self.name, count, topic, partition)

    def _take(self, part: Part, records: Sequence[Any], at_end: bool) -> None:  # noqa: FBT001 - of a callback
        """Hand over what a batch holds; on a thread, since it waits while the disk is behind."""
        status, tags = self.status, self._tags
        now = datetime.now(UTC)
        name = f"{part.tp.topic}\0{part.tp.partition}\0"
        latest: Draft | None = None
        for record in records:
            if not part.ours:
                return
            status.messages += 1
            drafts = tags.drafts(record, now)
            mark = None
            if drafts:
                latest = drafts[-1]
                mark = fingerprint(0, f"{name}{record.offset}\0{record.timestamp}", record.value)
            part.taken = record.offset + 1
            # Without anything to keep it goes the same way: offsets are committed in the order of the records.
            self._put(Packet(self, (part, record.offset + 1), mark, look_up=True, drafts=drafts))
        status.tags = tags.known
        if latest is not None:
            status.last_at = now.timestamp()
            # What lay on the topic for an hour says nothing of a clock; what is its last record was just written.
            if at_end:
                status.skewed((latest.at - now).total_seconds())
