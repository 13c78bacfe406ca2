"""Records the orders that the screen gives."""

from __future__ import annotations

from collections.abc import Sequence

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

    def rerate(self, sensor_id: str, interval: float) -> None:
        self.orders.append(("rerate", sensor_id, interval))

    def remove(self, sensor_id: str) -> None:
        self.orders.append(("remove", sensor_id))

    def inject(self, sensor_id: str, fault: FaultSpec) -> None:
        self.orders.append(("inject", sensor_id, fault))

    def clear(self, sensor_id: str, fault_id: str | None = None) -> None:
        self.orders.append(("clear", sensor_id, fault_id))


class RecordingAlarmActions:
    """Implements `controlroom.ports.AlarmActions`; `actions` holds what was asked for, in order."""

    def __init__(self) -> None:
        self.actions: list[tuple[object, ...]] = []

    def ack(self, sensor_id: str, kind: str, occurrence_id: str, version: int) -> None:
        self.actions.append(("ack", sensor_id, kind, occurrence_id, version))

    def ack_page(self, seen: Sequence[tuple[str, str, str, int]]) -> None:
        self.actions.append(("ack_page", *seen))

    def shelve(self, sensor_id: str, kind: str, seconds: float, reason: str, *, one_shot: bool = False) -> None:
        self.actions.append(("shelve", sensor_id, kind, seconds, reason, one_shot))

    def unshelve(self, sensor_id: str, kind: str) -> None:
        self.actions.append(("unshelve", sensor_id, kind))

    def out_of_service(self, sensor_id: str, kind: str, reason: str) -> None:
        self.actions.append(("out_of_service", sensor_id, kind, reason))

    def return_to_service(self, sensor_id: str, kind: str) -> None:
        self.actions.append(("return_to_service", sensor_id, kind))

    def reset(self, sensor_id: str, kind: str) -> None:
        self.actions.append(("reset", sensor_id, kind))

    def comment(self, sensor_id: str, kind: str, text: str) -> None:
        self.actions.append(("comment", sensor_id, kind, text))

    def mark_false(self, sensor_id: str, kind: str, reason: str = "") -> None:
        self.actions.append(("mark_false", sensor_id, kind, reason))


class RecordingLearning:
    """Implements `controlroom.ports.LearningControl`; `orders` holds what was ordered, in order."""

    def __init__(self) -> None:
        self.orders: list[tuple[object, ...]] = []

    def freeze(self, sensors: Sequence[str], reason: str = "") -> None:
        self.orders.append(("freeze", *sensors, reason))

    def thaw(self, sensors: Sequence[str], reason: str = "") -> None:
        self.orders.append(("thaw", *sensors, reason))

    def reset(self, sensors: Sequence[str], reason: str) -> None:
        self.orders.append(("reset", *sensors, reason))

    def accept(self, sensors: Sequence[str], reason: str = "") -> None:
        self.orders.append(("accept", *sensors, reason))

    def maintenance(self, sensors: Sequence[str], start: float, end: float, reason: str) -> None:
        self.orders.append(("maintenance", *sensors, start, end, reason))


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


class RecordingTrends:
    """Implements `controlroom.ports.TrendLibrary`; `orders` holds what was asked for, in order."""

    def __init__(self) -> None:
        self.orders: list[tuple[object, ...]] = []

    def save(self, name: str, trend: str, *, replace: bool = False) -> None:
        self.orders.append(("save", name, trend, replace))

    def remove(self, name: str) -> None:
        self.orders.append(("remove", name))
