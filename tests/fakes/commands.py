"""Records the orders that the screen gives."""

from __future__ import annotations

from controlroom.wire import FaultSpec, SensorSpec


class RecordingCommands:
    """Implements `controlroom.ports.OperatorCommands`; `orders` holds what was ordered, in order."""

    def __init__(self) -> None:
        self.orders: list[tuple[object, ...]] = []

    def spawn(self, spec: SensorSpec) -> None:
        self.orders.append(("spawn", spec))

    def pause(self, sensor_id: str) -> None:
        self.orders.append(("pause", sensor_id))

    def resume(self, sensor_id: str) -> None:
        self.orders.append(("resume", sensor_id))

    def remove(self, sensor_id: str) -> None:
        self.orders.append(("remove", sensor_id))

    def inject(self, sensor_id: str, fault: FaultSpec) -> None:
        self.orders.append(("inject", sensor_id, fault))

    def clear(self, sensor_id: str, fault_id: str | None = None) -> None:
        self.orders.append(("clear", sensor_id, fault_id))


class RecordingAlarmActions:
    """What the screen asks of `controlroom.ports.AlarmActions`; `actions` holds it, in order."""

    def __init__(self) -> None:
        self.actions: list[tuple[object, ...]] = []

    def ack(self, sensor_id: str, kind: str, occurrence_id: str, version: int) -> None:
        self.actions.append(("ack", sensor_id, kind, occurrence_id, version))


class RecordingDrills:
    """Implements `controlroom.ports.BrokerDrills`; `drills` holds what was asked for, in order."""

    def __init__(self) -> None:
        self.drills: list[tuple[str, int]] = []

    def stop(self, broker_id: int) -> None:
        self.drills.append(("stop", broker_id))

    def kill(self, broker_id: int) -> None:
        self.drills.append(("kill", broker_id))

    def start(self, broker_id: int) -> None:
        self.drills.append(("start", broker_id))
