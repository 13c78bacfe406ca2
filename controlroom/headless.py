"""Detection without a terminal: alarm events as JSON lines on stdout, logs on stderr, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.worker import DetectionWorker, WorkerOptions
from controlroom.adapters.postgres.schema import require_schema
from controlroom.services import Services
from controlroom.supervisor import WorkerCommand, first_error, supervise
from controlroom.wire import AlarmEvent
from controlroom.wire.alarm import encode_alarm_event

log = logging.getLogger(__name__)

#: Lines that may wait for a reader that stalls. The events themselves are safe in PostgreSQL and on the alerts topic.
MAX_WAITING_LINES = 100_000
PROGRESS_S = 10.0
NOTICE_S = 0.5


class LineWriter:
    """Lines to a stream from a thread of its own, so that a reader that stalls stalls nobody else."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._queue: queue.Queue[bytes | None] = queue.Queue(MAX_WAITING_LINES)
        #: lines that found no room
        self.dropped = 0
        #: the reader has gone away
        self.closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stdout", daemon=True)
        self._thread.start()

    def write(self, lines: Sequence[bytes]) -> None:
        """Add lines; never waits."""
        for line in lines:
            try:
                self._queue.put_nowait(line)
            except queue.Full:
                self.dropped += 1

    def close(self, timeout: float = 2.0) -> None:
        """Write what is left, for at most `timeout` seconds."""
        try:
            self._queue.put(None, timeout=timeout)
        except queue.Full:
            return
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while (line := self._queue.get()) is not None:
                self._stream.write(line + b"\n")
                if self._queue.empty():
                    self._stream.flush()
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            self.closed.set()


def stop_on_signals(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """SIGTERM, SIGINT and SIGHUP ask for a clean end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)


async def detect(
    kafka: KafkaConnection,
    dsn: str,
    options: WorkerOptions,
    *,
    stdout: IO[bytes],
    metrics_port: int | None = None,
) -> None:
    """One detection worker until a signal, or until idle for as long as the options say.

    Metrics and health are served over HTTP on `metrics_port`; 0: any; None: nowhere.

    Raises:
        Unreachable: Kafka or PostgreSQL is not there at the start.
        ConfigError: the schema is not the program's.
    """
    await require_schema(dsn)
    # This process has no screen to keep smooth, and its loop makes no cycles: rows of a batch are no reason to collect.
    gc.set_threshold(50_000, 50, 50)
    stop = asyncio.Event()
    stop_on_signals(asyncio.get_running_loop(), stop)
    async with contextlib.AsyncExitStack() as stack:
        announce = stack.enter_context(writing(stdout))
        if metrics_port is None:
            worker = DetectionWorker(kafka, dsn, options, on_events=announce)
        else:
            from controlroom.adapters.metrics import Metrics, serving

            metrics = Metrics()

            def told(events: Sequence[AlarmEvent]) -> None:
                metrics.announced(events)
                announce(events)

            worker = DetectionWorker(kafka, dsn, options, on_events=told, on_commit=metrics.committed)
            metrics.watch(worker)
            log.info("metrics on port %d", await stack.enter_async_context(serving(metrics, metrics_port)))
        progress = asyncio.create_task(_report(worker))
        try:
            await worker.run(stop)
        finally:
            progress.cancel()
            log.info("done: %s", json.dumps(summary(worker)))


async def detect_with(
    count: int, arguments: Callable[[int], Sequence[str]], environment: dict[str, str], *, stdout: IO[bytes]
) -> None:
    """`count` workers as processes of their own, until a signal or until all have ended well.

    Raises:
        ConfigError: they cannot start.
    """
    stop = asyncio.Event()
    stop_on_signals(asyncio.get_running_loop(), stop)
    writer = LineWriter(stdout)
    try:
        await supervise(count, WorkerCommand(arguments, environment), stop, lambda line: writer.write([line]))
    except BaseExceptionGroup as group:
        raise first_error(group) from None
    finally:
        writer.close()


def summary(worker: DetectionWorker) -> dict[str, float]:
    """What a worker has done; `busy_s` is from its first record to its last commit."""
    done = worker.progress
    busy = done.last_at - done.first_at if done.first_at is not None and done.last_at is not None else 0.0
    return {
        "readings": done.committed - done.rejected,
        "rejected": done.rejected,
        "events": done.events,
        "batches": done.commits,
        "busy_s": round(busy, 3),
    }


@contextmanager
def writing(stream: IO[bytes]) -> Iterator[Callable[[Sequence[AlarmEvent]], None]]:
    """A function that writes alarm events as JSON lines to `stream`, from any thread; never waits."""
    writer = LineWriter(stream)
    try:
        yield lambda events: writer.write([encode_alarm_event(event) for event in events])
    finally:
        writer.close()
        if writer.dropped:
            log.warning("%d alarm events found no reader on stdout; all are in PostgreSQL", writer.dropped)


def wait(stopping: threading.Event, services: Services) -> None:
    """Until `stopping` is set, or a service has failed; what the state's notices say is logged."""
    told = 0
    while not stopping.wait(NOTICE_S) and services.failed is None:
        version = services.state.notice_version
        for notice in list(services.state.notices)[-(version - told) :] if version > told else ():
            log.log(logging.INFO if notice.level == "info" else logging.WARNING, "%s", notice.text)
        told = version


async def _report(worker: DetectionWorker) -> None:
    before = 0
    while True:
        await asyncio.sleep(PROGRESS_S)
        done = worker.progress
        if done.committed != before or done.waiting:
            log.info(
                "%d readings committed (%.0f a second), %d rejected, %d alarm events, partitions %s%s",
                done.committed,
                (done.committed - before) / PROGRESS_S,
                done.rejected,
                done.events,
                ",".join(map(str, worker.partitions)) or "none",
                f", waiting: {done.waiting}" if done.waiting else "",
            )
            before = done.committed
