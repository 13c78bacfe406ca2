"""The compacted topics as tables: what each sensor should be, and what it was last said to be.

Every simulator follows them, also one that owns nothing yet, so that it can take over at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from controlroom.wire import BadMessage, Reason, SensorCommand, SensorStatus, TopicNames
from controlroom.wire.command import decode_command
from controlroom.wire.status import decode_status
from kafka_clients.closing import close_consumer

_RETRY_S = 1.0
#: Header of tombstones by which `--fresh` clears the topic: unlike an operator's, they do not forbid to declare again.
HEADER_FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class Desired:
    """The last record about one sensor on `sensor-commands`."""

    partition: int
    #: the command; None: removed; BadMessage: there is one, but it cannot be read
    command: SensorCommand | BadMessage | None
    #: when it was written, milliseconds since 1970, real time
    written: int
    #: removed by `--fresh`
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """The last status of one sensor."""

    status: SensorStatus
    #: when it was written, milliseconds since 1970, real time
    written: int


class Follower:
    """Keeps `desired` and `known` up to date; calls `on_command` for each command that arrives.

    Args:
        options: arguments for aiokafka's consumer.
        names: the topics.
        on_command: hears the id of the sensor that a record on `sensor-commands` was about.
        tell: hears one line for the person who watches.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        names: TopicNames,
        on_command: Callable[[str], None],
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.desired: dict[str, Desired] = {}
        self.known: dict[str, Known] = {}
        self._names = names
        self._on_command = on_command
        self._tell = tell
        self._options = options
        self._consumer: AIOKafkaConsumer | None = None
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, partitions: Mapping[str, list[int]]) -> None:
        """Follow these partitions of the topics from their beginning."""
        consumer = self._consumer = AIOKafkaConsumer(
            **self._options, enable_auto_commit=False, auto_offset_reset="earliest", isolation_level="read_committed"
        )
        await consumer.start()
        consumer.assign([TopicPartition(topic, part) for topic, parts in partitions.items() for part in parts])
        self._task = asyncio.create_task(self._follow(consumer), name="follower")

    @property
    def failure(self) -> BaseException | None:
        """The error that ended it, if one did."""
        task = self._task
        return task.exception() if task is not None and task.done() and not task.cancelled() else None

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._consumer is not None:
            await close_consumer(self._consumer)

    async def catch_up(self) -> None:
        """Wait until everything is read that is on the topics now; tries until the brokers answer."""
        consumer = self._consumer
        assert consumer is not None, "start comes first"
        while True:
            try:
                ends = await consumer.end_offsets(consumer.assignment())
                for tp, end in ends.items():
                    while await consumer.position(tp) < end:
                        self._moved.clear()
                        await self._moved.wait()
            except (KafkaError, TimeoutError):
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                batches = await consumer.getmany(timeout_ms=1000, max_records=2000)
            except KafkaError as error:
                self._tell(f"following {self._names.commands} fails ({type(error).__name__}), trying on")
                await asyncio.sleep(_RETRY_S)
                continue
            for tp, records in batches.items():
                take = self._take_command if tp.topic == self._names.commands else self._take_status
                for record in records:
                    take(record)
            self._moved.set()
            await asyncio.sleep(0)

    def _take_command(self, record: ConsumerRecord[bytes | None, bytes | None]) -> None:
        sensor_id = self._id_of(record)
        if sensor_id is None:
            return
        command: SensorCommand | BadMessage | None = None
        if record.value is not None:
            try:
                command = decode_command(record.value)
                if command.spec.sensor_id != sensor_id:
                    raise _wrong_key(sensor_id, command)
            except BadMessage as error:
                command = error
        fresh = any(name == HEADER_FRESH for name, _ in record.headers)
        self.desired[sensor_id] = Desired(record.partition, command, record.timestamp, fresh)
        self._on_command(sensor_id)

    def _take_status(self, record: ConsumerRecord[bytes | None, bytes | None]) -> None:
        sensor_id = self._id_of(record)
        if sensor_id is None:
            return
        if record.value is None:
            self.known.pop(sensor_id, None)
            return
        try:
            self.known[sensor_id] = Known(decode_status(record.value), record.timestamp)
        except BadMessage as error:
            self._tell(f"{record.topic}: offset {record.offset}: {error.detail}")

    def _id_of(self, record: ConsumerRecord[bytes | None, bytes | None]) -> str | None:
        """The sensor's id; a record without one cannot be answered, only reported."""
        try:
            key: bytes | None = record.key
            if key:
                return key.decode()
            reason = "no key"
        except UnicodeDecodeError:
            reason = "the key is not UTF-8"
        self._tell(f"{record.topic}: offset {record.offset}: {reason}")
        return None


def _wrong_key(sensor_id: str, command: SensorCommand) -> BadMessage:
    return BadMessage(Reason.KEY, f"the key is {sensor_id!r}, the command is for {command.spec.sensor_id!r}")
