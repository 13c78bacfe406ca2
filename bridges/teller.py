"""A bridge tells the plant how it is: one small record a second on the topic `bridge-status`.

It has a connection of its own, and only its newest report waits: whatever becomes of it, readings are sent as before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from controlroom.wire import BridgeReport
from controlroom.wire.bridge import encode_bridge_report
from kafka_clients.closing import close_producer
from kafka_clients.errors import ClientError
from kafka_clients.partitions import partitions_of

log = logging.getLogger(__name__)

_RETRY_S = 2.0
#: A broker that has not confirmed a report by then is asked anew, with a newer one.
_ANSWER_S = 5.0
_LAST_WORD_S = 3.0
_NO_PATIENCE_S = 0.1


class Teller:
    """Tells what it is given; the last report wins.

    Args:
        options: arguments for aiokafka's clients: bootstrap servers, security.
        topic: where to tell.
    """

    def __init__(self, options: Mapping[str, Any], topic: str) -> None:
        self._options = dict(options)
        self._topic = topic
        self._newest: BridgeReport | None = None
        self._wake = asyncio.Event()
        #: nothing waits
        self._told = asyncio.Event()
        self._said = False

    def tell(self, report: BridgeReport) -> None:
        """Tell this, soon; what was to be told before it is not told any more."""
        self._newest = report
        self._told.clear()
        self._wake.set()

    async def run(self) -> None:
        """Tell until cancelled; what hinders it is logged once, and tried again."""
        while True:
            try:
                await self._connected()
            except (ClientError, KafkaError, TimeoutError, OSError) as error:
                if not self._said:
                    self._said = True
                    log.warning(
                        "the control room is not told how this bridge is: %s", str(error) or type(error).__name__
                    )
            await asyncio.sleep(_RETRY_S)

    async def end(self, running: asyncio.Task[None]) -> None:
        """Tell the last report if that can be done at once, and end `run`."""
        waiting = asyncio.create_task(self._told.wait())
        await asyncio.wait({waiting, running}, timeout=_LAST_WORD_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (waiting, running):
            task.cancel()
        await asyncio.gather(waiting, running, return_exceptions=True)

    async def _connected(self) -> None:
        producer = AIOKafkaProducer(**self._options, acks="all", linger_ms=0)
        try:
            async with asyncio.timeout(_ANSWER_S):
                await producer.start()
                # aiokafka would wait for a topic that is not there until it comes.
                await partitions_of(producer, [self._topic], str(self._options["bootstrap_servers"]))
            while True:
                await self._wake.wait()
                self._wake.clear()
                report = self._newest
                assert report is not None
                async with asyncio.timeout(_ANSWER_S):
                    await producer.send_and_wait(self._topic, encode_bridge_report(report), key=report.name.encode())
                if self._said:
                    log.info("the control room is told how this bridge is")
                    self._said = False
                if self._newest is report:
                    self._told.set()
        finally:
            # Of a report that nobody has confirmed there is no need to wait for.
            with contextlib.suppress(KafkaError):
                await close_producer(producer, _NO_PATIENCE_S)
