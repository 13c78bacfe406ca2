"""The record of injected faults in PostgreSQL, kept from what is on `sensor-commands` and `sensor-status`.

The detection worker on duty keeps it, so a simulator needs no database, any number of them may run, and one that is
killed leaves nothing unsaid: the topics have it all, and whoever comes on duty reads them from their beginning. To read
them again changes nothing.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import NAMESPACE_OID, UUID, uuid5

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.postgres.typed_text import clean
from controlroom.core.fault_register import FAULT_COLUMNS, FaultRegister, FaultRow
from controlroom.core.learning import LearningAction
from controlroom.wire import BadMessage, TopicNames
from controlroom.wire.command import decode_command
from controlroom.wire.status import decode_status
from kafka_clients.closing import close_consumer

log = logging.getLogger(__name__)

#: A turn on duty reads for so long at the most: the timers of alarms wait meanwhile.
TURN_S = 0.3
START_S = 5.0
RETRY_S = 10.0
MAX_POLL_RECORDS = 1000
#: In the statuses of sensors without a fault, which are nearly all: they need not be decoded.
_NO_FAULTS = b'"faults":[]'

_OPEN = f"SELECT {', '.join(FAULT_COLUMNS)} FROM faults WHERE ended_at IS NULL"  # noqa: S608 - names of our own

# What is over stays as it was recorded: a command that is read again still names faults that have long ended.
_PUT = f"""
INSERT INTO faults ({", ".join(FAULT_COLUMNS)})
VALUES ({", ".join(f"${number}" for number, _ in enumerate(FAULT_COLUMNS, 1))})
ON CONFLICT (fault_id, sensor_id, fault) DO UPDATE SET
    confirmed_at = coalesce(faults.confirmed_at, excluded.confirmed_at),
    ended_at = excluded.ended_at, outcome = excluded.outcome, reason = excluded.reason
WHERE faults.ended_at IS NULL"""  # noqa: S608 - names of our own

# A sensor that was taken away is not missed: its detectors forget it, and so its silence is none. The id of the action
# is made of what was read, so that to read it again changes nothing.
_FORGET = f"""
INSERT INTO audit (action_id, who, whence, action, sensor_id, kind, request, refusal)
SELECT $1, 'controlroom', 'sensor-commands', '{LearningAction.RESET}', $2, '', '{{"reason": "it was removed"}}', ''
WHERE EXISTS (SELECT FROM sensors WHERE sensor_id = $2)
ON CONFLICT (action_id) DO NOTHING"""  # noqa: S608 - a name of our own


class FaultKeeper:
    """Does a turn's work whenever its worker has the duty."""

    def __init__(self, kafka: KafkaConnection, topics: TopicNames) -> None:
        self._kafka = kafka
        self._topics = topics
        self._register = FaultRegister()
        self._consumer: AIOKafkaConsumer | None = None
        self._statuses: list[TopicPartition] = []
        self._wait_until = 0.0
        #: whose open rows the register knows
        self._connection: asyncpg.Connection | None = None

    async def turn(self, connection: asyncpg.Connection) -> None:
        """Read what is new and record it; brokers that are away, or topics that are missing, are looked for later.

        Raises:
            one of PASSING_ERRORS: the database is away. Then all is read again.
        """
        try:
            if connection is not self._connection:
                await self.close()
                self._register = FaultRegister([FaultRow(*row.values()) for row in await connection.fetch(_OPEN)])
                self._connection = connection
            if self._consumer is None and time.monotonic() >= self._wait_until:
                self._consumer = await self._follow()
            if self._consumer is not None:
                await self._read(self._consumer, connection)
        except (KafkaError, TimeoutError) as error:
            log.debug("the record of injected faults waits for the brokers: %s", error)
            await self._again()
        except Exception:
            await self._again()
            raise

    async def close(self) -> None:
        """End the connection to the brokers."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close_consumer(consumer)

    async def _again(self) -> None:
        """Begin anew, after a while: what was read may not have been written."""
        self._connection = None
        self._wait_until = time.monotonic() + RETRY_S
        await self.close()

    async def _follow(self) -> AIOKafkaConsumer | None:
        """A consumer at the beginning of the topics; None where they are missing, as with real sensors alone."""
        consumer = AIOKafkaConsumer(**self._kafka.reading, enable_auto_commit=False, max_poll_records=MAX_POLL_RECORDS)
        try:
            async with asyncio.timeout(START_S):
                await consumer.start()
                # Private: the public `topics` tells names alone, and who asks for one that is missing waits for it.
                cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001
                parts = {
                    name: [TopicPartition(name, part) for part in cluster.partitions_for_topic(name) or ()]
                    for name in (self._topics.commands, self._topics.status)
                }
                if not all(parts.values()):
                    self._wait_until = time.monotonic() + RETRY_S
                    await close_consumer(consumer)
                    return None
                consumer.assign([tp for tps in parts.values() for tp in tps])
                await consumer.seek_to_beginning()
        except BaseException:
            await close_consumer(consumer)
            raise
        # Who asked for a fault is on its command, so the commands come first.
        self._statuses = parts[self._topics.status]
        consumer.pause(*self._statuses)
        return consumer

    async def _read(self, consumer: AIOKafkaConsumer, connection: asyncpg.Connection) -> None:
        deadline = time.monotonic() + TURN_S
        while time.monotonic() < deadline:
            polled = await consumer.getmany(timeout_ms=0)
            rows: list[FaultRow] = []
            removed: list[ConsumerRecord[bytes | None, bytes | None]] = []
            for tp in sorted(polled, key=lambda tp: tp.topic != self._topics.commands):
                take = self._command if tp.topic == self._topics.commands else self._status
                for record in polled[tp]:
                    rows += take(record)
                    if record.value is None and tp.topic == self._topics.commands:
                        removed.append(record)
            if rows:
                await connection.executemany(_PUT, [dataclasses.astuple(row) for row in rows])
            if removed:
                await connection.executemany(_FORGET, [(_action_id(record), _sensor_of(record)) for record in removed])
            if not polled:
                if consumer.paused() and await self._caught_up(consumer):
                    consumer.resume(*self._statuses)
                return

    async def _caught_up(self, consumer: AIOKafkaConsumer) -> bool:
        tps = [tp for tp in consumer.assignment() if tp not in self._statuses]
        async with asyncio.timeout(START_S):
            ends = await consumer.end_offsets(tps)
            return all([await consumer.position(tp) >= end for tp, end in ends.items()])

    def _command(self, record: ConsumerRecord[bytes | None, bytes | None]) -> Sequence[FaultRow]:
        if record.value is None:
            return self._register.removed(_sensor_of(record), datetime.fromtimestamp(record.timestamp / 1000, UTC))
        try:
            return self._register.command(decode_command(record.value))
        except BadMessage:
            # Its simulator answers it with the reason.
            return ()

    def _status(self, record: ConsumerRecord[bytes | None, bytes | None]) -> Sequence[FaultRow]:
        sensor_id = _sensor_of(record)
        if record.value is None or (_NO_FAULTS in record.value and not self._register.concerns(sensor_id)):
            return ()
        try:
            return self._register.status(decode_status(record.value))
        except BadMessage:
            return ()


def _sensor_of(record: ConsumerRecord[bytes | None, bytes | None]) -> str:
    return clean((record.key or b"").decode("utf-8", "replace"))


def _action_id(record: ConsumerRecord[bytes | None, bytes | None]) -> UUID:
    return uuid5(NAMESPACE_OID, f"removed {_sensor_of(record)} {record.timestamp}")
