"""Orders to simulated sensors, given one by one and waited for: what a shell needs.

The desired state of each sensor is a whole on a compacted topic, so an order is that state as it stands, changed. The
simulator that has the sensor answers on the topic of statuses, with the reason if it refuses.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.errors import InputError, KafkaUnreachable, Unreachable
from controlroom.wire import BadMessage, FaultSpec, SensorCommand, SensorSpec, SensorStatus, TopicNames
from controlroom.wire.command import decode_command, encode_command
from controlroom.wire.status import decode_status
from kafka_clients.closing import close_consumer, close_producer

START_S = 15.0
ANSWER_S = 20.0
POLL_MS = 100


@dataclass(frozen=True, slots=True)
class Order:
    """What one sensor should be from now on; None: removed."""

    sensor_id: str
    command: SensorCommand | None


class SimulatedSensors:
    """The simulated sensors as the topics have them, and a way to change them.

    Args:
        operator: who gives the orders.
    """

    def __init__(self, kafka: KafkaConnection, topics: TopicNames, operator: str) -> None:
        #: what each sensor should be
        self.commands: dict[str, SensorCommand] = {}
        #: what each sensor is, also removed ones
        self.statuses: dict[str, SensorStatus] = {}
        self._kafka = kafka
        self._topics = topics
        self._operator = operator
        self._consumer = AIOKafkaConsumer(**kafka.reading, enable_auto_commit=False)
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        """Read the topics to their end.

        Raises:
            KafkaUnreachable: no broker answers.
            InputError: the topics are not there.
        """
        try:
            async with asyncio.timeout(START_S):
                await self._start()
        except (KafkaError, TimeoutError) as error:
            await close_consumer(self._consumer)
            raise self._kafka.unreachable(error) from None
        except BaseException:
            await close_consumer(self._consumer)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await close_consumer(self._consumer)
        if self._producer is not None:
            await close_producer(self._producer)

    def command(
        self,
        spec: SensorSpec,
        was: SensorCommand | None = None,
        *,
        paused: bool | None = None,
        faults: tuple[FaultSpec, ...] | None = None,
    ) -> SensorCommand:
        """A new command: what was, with what is given changed."""
        return SensorCommand(
            command_id=uuid4().hex,
            spec=spec,
            paused=(was.paused if was is not None else False) if paused is None else paused,
            faults=(was.faults if was is not None else ()) if faults is None else faults,
            issued_by=self._operator,
            issued_at=datetime.now(UTC),
        )

    async def give(self, orders: Iterable[Order]) -> dict[str, SensorStatus]:
        """Give orders and wait for the answers, which may be refusals.

        Raises:
            Unreachable: no simulator has answered. The orders stand: whoever runs the sensors next obeys them.
            KafkaUnreachable: the brokers do not take them.
        """
        waiting = {order.sensor_id: order for order in orders}
        answers: dict[str, SensorStatus] = {}
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._send(waiting.values())
        except (KafkaError, TimeoutError) as error:
            raise self._kafka.unreachable(error) from None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                async for status in self._statuses_from_now():
                    order = waiting.get(status.sensor_id)
                    if order is not None and _answers(status, order):
                        answers[status.sensor_id] = status
                        del waiting[status.sensor_id]
                    if not waiting:
                        return answers
        raise Unreachable(
            f"no simulator has answered for {', '.join(sorted(waiting)[:3])} within {ANSWER_S:.0f} s",
            hint="the order stands and is obeyed when one runs (`controlroom simulate --count 0`)",
        )

    async def watch(self) -> AsyncIterator[SensorStatus]:
        """Every status as it comes, for ever."""
        async for status in self._statuses_from_now():
            yield status

    async def _start(self) -> None:
        await self._consumer.start()
        # Private: the public `topics` tells names alone, and who asks for one that is missing waits for it to come.
        cluster = await self._consumer._client.fetch_all_metadata()  # noqa: SLF001
        tps: list[TopicPartition] = []
        for name in (self._topics.commands, self._topics.status):
            parts = cluster.partitions_for_topic(name)
            if not parts:
                raise InputError(f"there is no topic {name!r}", hint="`controlroom setup` makes the topics")
            tps += [TopicPartition(name, part) for part in parts]
        self._consumer.assign(tps)
        await self._consumer.seek_to_beginning()
        ends: Mapping[TopicPartition, int] = await self._consumer.end_offsets(tps)
        while any([await self._consumer.position(tp) < end for tp, end in ends.items()]):
            await self._poll()

    async def _send(self, orders: Iterable[Order]) -> None:
        if self._producer is None:
            producer = AIOKafkaProducer(**self._kafka.options, acks="all", enable_idempotence=True)
            await producer.start()
            self._producer = producer
        sent = [
            await self._producer.send(
                self._topics.commands,
                key=order.sensor_id.encode(),
                value=None if order.command is None else encode_command(order.command),
            )
            for order in orders
        ]
        await asyncio.gather(*sent)

    async def _statuses_from_now(self) -> AsyncIterator[SensorStatus]:
        while True:
            try:
                polled = await self._poll()
            except KafkaError as error:
                raise KafkaUnreachable(f"reading from Kafka: {error}", hint="see `controlroom health`") from None
            for status in polled:
                yield status

    async def _poll(self) -> list[SensorStatus]:
        found: list[SensorStatus] = []
        for tp, records in (await self._consumer.getmany(timeout_ms=POLL_MS)).items():
            for record in records:
                if tp.topic == self._topics.commands:
                    self._take_command(record)
                elif (status := self._take_status(record)) is not None:
                    found.append(status)
        return found

    def _take_command(self, record: ConsumerRecord[bytes | None, bytes | None]) -> None:
        sensor_id = (record.key or b"").decode("utf-8", "replace")
        self.commands.pop(sensor_id, None)
        if record.value is not None:
            with contextlib.suppress(BadMessage):
                self.commands[sensor_id] = decode_command(record.value)

    def _take_status(self, record: ConsumerRecord[bytes | None, bytes | None]) -> SensorStatus | None:
        sensor_id = (record.key or b"").decode("utf-8", "replace")
        try:
            status = decode_status(record.value)
        except BadMessage:
            self.statuses.pop(sensor_id, None)
            return None
        self.statuses[sensor_id] = status
        return status


def _answers(status: SensorStatus, order: Order) -> bool:
    if order.command is None:
        return status.state == "removed"
    return status.command_id == order.command.command_id


def changed(spec: SensorSpec, **fields: Any) -> SensorSpec:  # noqa: ANN401 - the fields of a specification
    """The specification with other fields, checked as strictly as what comes from the wire.

    Raises:
        InputError: it cannot be so.
    """
    try:
        return msgspec.convert(msgspec.to_builtins(msgspec.structs.replace(spec, **fields)), SensorSpec)
    except msgspec.ValidationError as error:
        raise InputError(f"the sensor cannot be: {error}") from None
