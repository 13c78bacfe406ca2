"""Follow a topic's records, for people and scripts that look at what is on the wire.

No consumer group is joined and nothing is committed: looking never disturbs a worker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.errors import InputError

_START_TIMEOUT = 15.0
_STOP_TIMEOUT = 5.0
_POLL_MS = 200
#: Of a value that is no JSON this many bytes are shown: enough to recognise it.
_RAW_SHOWN = 2048


class TailedRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record as it is shown.

    Attributes:
        topic: its topic.
        partition: its partition.
        offset: its offset in the partition.
        timestamp: the record's own time, ISO 8601, UTC; None when the broker has none.
        key: the key as text; bytes that are not UTF-8 become U+FFFD.
        headers: the headers, values as text likewise.
        value: the decoded JSON value; None for a tombstone and for a value that is no JSON.
        raw: the value's first bytes as text, when it is no JSON.
        size: the value's length in bytes.
    """

    topic: str
    partition: int
    offset: int
    timestamp: str | None
    key: str | None
    headers: dict[str, str]
    value: Any
    size: int
    raw: str | None = None


def as_shown(record: ConsumerRecord[bytes | None, bytes | None]) -> TailedRecord:
    """What is shown of `record`; never raises, whatever the bytes are."""
    value, raw = None, None
    if record.value is not None:
        try:
            value = msgspec.json.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raw = _text(record.value[:_RAW_SHOWN])
    return TailedRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=_iso(record.timestamp),
        key=None if record.key is None else _text(record.key),
        headers={name: _text(content or b"") for name, content in record.headers},
        value=value,
        size=len(record.value or b""),
        raw=raw,
    )


async def tail(
    connection: KafkaConnection,
    topic: str,
    *,
    from_beginning: bool = False,
    limit: int | None = None,
    until_idle: float | None = None,
    ready: Callable[[int], None] | None = None,
) -> AsyncGenerator[TailedRecord]:
    """Yield the records of all partitions of `topic` as they come.

    Args:
        connection: how to reach the brokers.
        topic: its name.
        from_beginning: begin with the oldest record that is kept instead of with the next one.
        limit: end after this many records.
        until_idle: end when nothing came for this many seconds.
        ready: called with the number of partitions once every later record is sure to be seen.

    Raises:
        KafkaUnreachable: no broker answers.
        InputError: there is no such topic.
    """
    await _require_topic(connection, topic)
    consumer = AIOKafkaConsumer(
        topic,
        group_id=None,
        auto_offset_reset="earliest" if from_beginning else "latest",
        **connection.reading,
    )
    try:
        await _start(consumer, connection)
        if ready is not None:
            ready(len(consumer.assignment()))
        seen, last = 0, time.monotonic()
        while limit is None or seen < limit:
            batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=None if limit is None else limit - seen)
            for batch in batches.values():
                for record in batch:
                    yield as_shown(record)
                seen += len(batch)
                last = time.monotonic()
            if until_idle is not None and time.monotonic() - last >= until_idle:
                return
    finally:
        # With the brokers gone the client may wait for them for ever.
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT):
                await consumer.stop()


async def _require_topic(connection: KafkaConnection, topic: str) -> None:
    # A consumer of a topic that is not there asks for it again and again before it gives up.
    consumer = AIOKafkaConsumer(**connection.reading)
    try:
        await _start(consumer, connection)
        if topic not in await consumer.topics():
            raise InputError(f"there is no topic {topic!r}", hint="`controlroom topics` lists them")
    finally:
        await consumer.stop()


async def _start(consumer: AIOKafkaConsumer, connection: KafkaConnection) -> None:
    try:
        async with asyncio.timeout(_START_TIMEOUT):
            await consumer.start()
            for partition in consumer.assignment():
                await consumer.position(partition)  # "latest" is decided here, not at some later fetch
    except (KafkaError, TimeoutError) as error:
        raise await connection.why_unreachable(error) from None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")


def _iso(milliseconds: int) -> str | None:
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if milliseconds >= 0 else None
