"""A running bridge: its sources, its spool, its sender, and the changes of its file."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from bridges.errors import BridgeError, BridgeFileError, SpoolError
from bridges.file import BridgeFile
from bridges.sender import Sender
from bridges.sources.kafka_table import KafkaTable
from bridges.sources.kinds import Source, SourceTable, make_source
from bridges.spool import Spool
from bridges.spool_writer import SpoolWriter
from bridges.status import Downtimes, Rates, lost_part, short, write_report
from bridges.teller import Teller
from controlroom.wire import BridgeReport, SourceReport
from kafka_clients.partitions import partition_of

log = logging.getLogger(__name__)

_REPORT_S = 1.0
_PATIENCE_S = 5.0
#: How long a bridge that is told to end goes on sending what it has; the rest stays in the spool.
FLUSH_S = 10.0


class _Memory:
    """A source's memory, in the spool."""

    def __init__(self, writer: SpoolWriter, key: str) -> None:
        self._writer = writer
        self._key = key
        try:
            note = writer.do(lambda spool: spool.get(key)).result(_PATIENCE_S)
        except TimeoutError:
            raise SpoolError("the spool does not answer: is its disk full?") from None
        self._found: list[str] = json.loads(note or "[]")

    def recall(self) -> list[str]:
        """What the process before this one remembered."""
        return self._found

    def remember(self, words: list[str]) -> None:
        """Write it down, soon."""
        self._writer.do(lambda spool: spool.put(self._key, json.dumps(words)))


class Bridge:
    """Runs what a file describes.

    Args:
        file: the file.
        directory: where spool and status are.
        options: arguments for aiokafka's clients: bootstrap servers, security.
        topic: where readings go.
        status_topic: where it tells how it is; None: nowhere.

    Raises:
        SpoolError: the spool cannot be used, or another process uses it.
    """

    def __init__(
        self,
        file: BridgeFile,
        directory: Path,
        options: Mapping[str, Any],
        topic: str,
        status_topic: str | None = None,
    ) -> None:
        self._file = file
        self._directory = directory
        self._options = options
        self._topic = topic
        self._teller = Teller(options, status_topic) if status_topic is not None else None
        self._since = time.time()
        self._sources: dict[str, Source] = {}
        self._started = False
        self._rates = Rates()
        self._downtimes = Downtimes()
        self._told_at = 0.0
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._held = FileLock(directory / "lock")
            self._held.acquire(timeout=0)
        except Timeout:
            raise SpoolError(f"another bridge uses the spool in {directory}") from None
        except OSError as error:
            raise SpoolError(f"{directory}: {error.strerror or error}") from None
        table = file.bridge
        try:
            self._spool = Spool(directory / "spool.db", int(table.max_bytes), table.max_age_days * 86_400)
        except BaseException:
            self._held.release()
            raise
        self._writer: SpoolWriter | None = None
        self._sender: Sender | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Run until told to stop; then send what there is, for a bounded time.

        Raises:
            ClientError: the brokers cannot be used, and no earlier run has left what is needed to begin without them.
            BridgeFileError: a source cannot be set up.
        """
        partitions: list[int] = json.loads(self._spool.get("partitions") or "[]")
        writer = self._writer = SpoolWriter(
            self._spool, self._file.bridge.name, lambda key: partition_of(key, partitions)
        )
        sender = self._sender = Sender(self._options, self._topic, writer)
        writer.start()
        sending = asyncio.create_task(sender.run(), name="sender")
        telling = asyncio.create_task(self._teller.run(), name="teller") if self._teller is not None else None
        try:
            if not partitions:
                await sender.connected(sending)
            for table in self._file.source:
                self._start(table)
            self._started = True
            await self._until(stop, sending)
        finally:
            before = self.report()
            await asyncio.to_thread(self._stop_sources)
            deadline = time.monotonic() + FLUSH_S
            while self._spool.waiting and sender.connected_since and not sending.done():
                self._tell_of_flush(before)
                await asyncio.sleep(0.05)
                if time.monotonic() > deadline:
                    break
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await asyncio.to_thread(writer.stop)
            if self._spool.waiting:
                log.warning("%d readings stay in the spool; they are sent at the next start", self._spool.waiting)
            # To the control room one that ends by an error is lost, and not stopped.
            self._report(stopped=True, tell=stop.is_set())
            if self._teller is not None and telling is not None:
                await self._teller.end(telling)
            self._spool.close()
            self._held.release()

    def adopt(self, file: BridgeFile) -> None:
        """Go on by a changed file.

        Raises:
            BridgeFileError: what has changed takes a restart, or a source cannot be set up; nothing has changed then.
        """
        if file == self._file:
            return
        old, new = self._file.bridge, file.bridge
        if (old.name, old.spool) != (new.name, new.spool):
            raise BridgeFileError("[bridge] name and spool count from the next start on: restart the bridge")
        if not self._started:
            self._file = file
            return
        before = {table.name: table for table in self._file.source}
        fresh: dict[str, Source] = {}
        for table in file.source:
            known = before.get(table.name)
            if known is None or not known.same_connection(table):
                fresh[table.name] = self._made(table, file)
        for name in before.keys() - {table.name for table in file.source}:
            self._sources.pop(name).stop(forget=True)
        for table in file.source:
            if table.name in fresh:
                if table.name in self._sources:
                    self._sources[table.name].stop()
                self._sources[table.name] = fresh[table.name]
                fresh[table.name].start()
            else:
                self._sources[table.name].adopt(table, file.sensors)
        self._spool.max_bytes, self._spool.max_age_s = int(new.max_bytes), new.max_age_days * 86_400
        self._file = file

    def report(self, *, stopped: bool = False) -> BridgeReport:
        """How it is at the moment; `stopped` where it has come to its end."""
        sender, writer, spool = self._sender, self._writer, self._spool
        return BridgeReport(
            name=self._file.bridge.name,
            pid=os.getpid(),
            host=socket.gethostname(),
            at=time.time(),
            since=self._since,
            topic=self._topic,
            kafka_since=sender.connected_since if sender is not None else None,
            kafka_reconnects=sender.reconnects if sender is not None else 0,
            sent=writer.sent if writer is not None else 0,
            buffered=spool.waiting,
            buffered_bytes=spool.bytes,
            oldest_at=spool.oldest_at,
            dropped=spool.dropped,
            dropped_at=writer.dropped_at if writer is not None else None,
            spool_error=short(writer.failure) if writer is not None else "",
            sources=tuple(one for source in list(self._sources.values()) for one in self._reports_of(source)),
            stopped=stopped,
        )

    def _reports_of(self, source: Source) -> list[SourceReport]:
        """The source, and each part of it that is lost while the source is not."""
        whole = self._report_of(source)
        if whole.connected_since is None:
            return [whole]
        return [whole, *(lost_part(source.name, part) for part in source.status.lost)]

    def _report_of(self, source: Source) -> SourceReport:
        status = source.status
        return SourceReport(
            name=source.name,
            kind=status.kind,
            connected_since=status.connected_since,
            down_since=self._downtimes.of(source.name, connected=status.connected_since is not None),
            error=short(status.error),
            reconnects=status.reconnects,
            messages=status.messages,
            readings=status.readings,
            rate=self._rates.of(source.name, status.readings),
            repeated=status.repeated,
            retained=status.retained,
            refused=dict(status.refused),
            last_at=status.last_at,
            skew_s=status.skew_s,
            tags=status.tags,
        )

    def _made(self, table: SourceTable, file: BridgeFile) -> Source:
        assert self._writer is not None
        if isinstance(table, KafkaTable) and table.reads(self._topic, str(self._options["bootstrap_servers"])):
            raise BridgeFileError(f"source {table.name!r} would read {self._topic!r}, to which this bridge writes")
        memory = _Memory(self._writer, f"source {table.name}")
        return make_source(table, file.sensors, file.bridge.name, self._writer.put, memory=memory)

    def _start(self, table: SourceTable) -> None:
        source = self._sources[table.name] = self._made(table, self._file)
        source.start()

    def _stop_sources(self) -> None:
        for source in self._sources.values():
            source.stop()

    async def _until(self, stop: asyncio.Event, sending: asyncio.Task[None]) -> None:
        """Report each second, until told to stop or something has ended that must not."""
        while not stop.is_set():
            if sending.done():
                sending.result()
            if self._writer is None or not self._writer.alive:
                raise BridgeError("the thread that writes the spool has ended; see the log")
            self._report()
            try:
                async with asyncio.timeout(_REPORT_S):
                    await stop.wait()
            except TimeoutError:
                continue

    def _tell_of_flush(self, before: BridgeReport) -> None:
        """It still works: its sources were not lost, we have ended them."""
        now = time.time()
        if self._teller is not None and now - self._told_at >= _REPORT_S:
            self._told_at = now
            waits = {"buffered": self._spool.waiting, "buffered_bytes": self._spool.bytes}
            self._teller.tell(msgspec.structs.replace(before, at=now, **waits))

    def _report(self, *, stopped: bool = False, tell: bool = True) -> None:
        report = self.report(stopped=stopped)
        if self._teller is not None and tell:
            self._teller.tell(report)
        try:
            write_report(self._directory, report)
        except OSError as error:
            log.debug("status: %s", error)
