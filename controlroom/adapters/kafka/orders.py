"""An operator's orders to simulated sensors: the desired state on `sensor-commands`, changed and sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.core.plant_state import PlantState
from controlroom.wire import FaultSpec, SensorCommand, SensorSpec
from controlroom.wire.command import encode_command

SEND_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 2.0


class Orders:
    """Implements `controlroom.ports.OperatorCommands`: every method returns at once, from any thread.

    Args:
        loop: where the producer lives.
        desired: the desired states as they stand on the topic, kept by the feed.
        state: where the outcome is told.
        operator: who gives the orders.
    """

    def __init__(
        self,
        kafka: KafkaConnection,
        topic: str,
        *,
        loop: asyncio.AbstractEventLoop,
        desired: dict[str, SensorCommand],
        state: PlantState,
        operator: str,
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._loop = loop
        self._desired = desired
        self._state = state
        self._operator = operator
        self._producer: AIOKafkaProducer | None = None
        # One order at a time: two changes of one sensor must not both start from the same state.
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, spec: SensorSpec) -> None:
        """Make a simulated sensor."""
        self._order(self._spawn(spec))

    def pause(self, sensor_id: str) -> None:
        """Stop its readings until it is resumed."""
        self._order(self._change(sensor_id, "pausing", lambda _: {"paused": True}))

    def resume(self, sensor_id: str) -> None:
        """Let it go on."""
        self._order(self._change(sensor_id, "resuming", lambda _: {"paused": False}))

    def rerate(self, sensor_id: str, interval: float) -> None:
        """Let it send every `interval` seconds."""
        what = f"every {interval:g} s"

        def changed(was: SensorCommand) -> dict[str, Any]:
            return {"spec": msgspec.structs.replace(was.spec, interval=interval)}

        self._order(self._change(sensor_id, what, changed))

    def remove(self, sensor_id: str) -> None:
        """Take it away."""
        self._order(self._remove(sensor_id))

    def inject(self, sensor_id: str, fault: FaultSpec) -> None:
        """Hurt it in a known way."""
        what = f"injecting {fault.fault}"
        self._order(self._change(sensor_id, what, lambda was: {"faults": (*was.faults, fault)}))

    def clear(self, sensor_id: str, fault_id: str | None = None) -> None:
        """End one fault, or all."""

        def without(was: SensorCommand) -> dict[str, Any]:
            kept = () if fault_id is None else tuple(f for f in was.faults if f.fault_id != fault_id)
            return {"faults": kept}

        self._order(self._change(sensor_id, "clearing faults", without))

    async def close(self) -> None:
        """Let the orders that are under way finish, for a moment, and go."""
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_TIMEOUT_S)
        await self._stop_producer()

    async def _stop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await producer.stop()

    def _order(self, order: Coroutine[Any, Any, None]) -> None:
        async def in_turn() -> None:
            async with self._turn:
                await order

        def start() -> None:
            task = self._loop.create_task(in_turn())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        self._loop.call_soon_threadsafe(start)

    async def _spawn(self, spec: SensorSpec) -> None:
        if spec.sensor_id in self._desired:
            self._tell(f"{spec.sensor_id}: there is a sensor of that name", "error")
            return
        await self._send(spec.sensor_id, self._command(spec), f"{spec.sensor_id}: spawning")

    async def _change(self, sensor_id: str, what: str, change: Callable[[SensorCommand], dict[str, Any]]) -> None:
        was = self._desired.get(sensor_id)
        if was is None:
            self._tell(f"{sensor_id}: not a simulated sensor, so it takes no orders", "error")
            return
        now = msgspec.structs.replace(self._command(was.spec), paused=was.paused, faults=was.faults)
        await self._send(sensor_id, msgspec.structs.replace(now, **change(was)), f"{sensor_id}: {what}")

    async def _remove(self, sensor_id: str) -> None:
        if sensor_id not in self._desired:
            self._tell(f"{sensor_id}: not a simulated sensor, so it cannot be removed", "error")
            return
        await self._send(sensor_id, None, f"{sensor_id}: removing")

    def _command(self, spec: SensorSpec) -> SensorCommand:
        return SensorCommand(command_id=str(uuid4()), spec=spec, issued_by=self._operator, issued_at=datetime.now(UTC))

    async def _send(self, sensor_id: str, command: SensorCommand | None, said: str) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                if self._producer is None:
                    producer = AIOKafkaProducer(**self._kafka.options, acks="all", enable_idempotence=True)
                    await producer.start()
                    self._producer = producer
                value = encode_command(command) if command is not None else None
                await self._producer.send_and_wait(self._topic, key=sensor_id.encode(), value=value)
        except (KafkaError, TimeoutError, OSError) as error:
            await self._stop_producer()
            self._tell(f"{said} failed, nothing was changed: {str(error) or 'no broker answers'}", "error")
            return
        # What was just sent is what the next order starts from, also before the feed has read it back.
        if command is None:
            self._desired.pop(sensor_id, None)
        else:
            self._desired[sensor_id] = command
        self._tell(said, "info")

    def _tell(self, text: str, level: Any) -> None:  # noqa: ANN401 - Notice's own literal
        self._state.notify(text, datetime.now(UTC), level)
