"""One edge node as its host application follows it: births, deaths, aliases, and the order of its messages.

It does no I/O and reads no clock. Messages go in as they came; those that are due come out, in the node's order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from bridges.payload import Refusal
from controlroom.wire.sparkplug import (
    BIRTH_DEATH,
    HIGH_PROPERTIES,
    LOW_PROPERTIES,
    UNIT_PROPERTIES,
    Metric,
    Payload,
    Value,
    is_number,
)

#: A message that is so far ahead is waited for; one that is farther is of the past.
_AHEAD = 128
#: After a node's birth its devices have so long for theirs; then they count as lost, seconds.
DEVICES_S = 10.0
#: A clock that is farther from ours is wrong, seconds.
_CLOCK_S = 3600.0


class Message(NamedTuple):
    """One message of an edge node or of a device of it."""

    #: NBIRTH, NDATA, NDEATH, DBIRTH, DDATA, DDEATH
    kind: str
    #: empty: the node itself
    device: str
    payload: Payload
    #: what the broker is told when it is on disk
    token: object
    #: the bridge's time when it came, seconds since 1970
    at: float


@dataclass(slots=True)
class Definition:
    """A metric as its birth has told it."""

    device: str
    name: str
    datatype: int
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    #: the property Quality; None: it was never told
    quality: Value | None = None

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return is_number(self.datatype)


@dataclass(slots=True)
class Device:
    """A device, or the node itself."""

    alive: bool = False
    #: since when it is not, seconds since 1970
    down_since: float = 0.0
    why: str = ""
    metrics: dict[str, Definition] = field(default_factory=dict)


class EdgeNode:
    """One edge node.

    Args:
        reorder_s: how long a missing message is waited for.
    """

    def __init__(self, reorder_s: float) -> None:
        self._reorder_s = reorder_s
        self.devices: dict[str, Device] = {"": Device()}
        self._aliases: dict[int, Definition] = {}
        self._next: int | None = None
        self._bd_seq: int | None = None
        self._held: dict[int, Message] = {}
        self._held_since = 0.0
        self._born_at = 0.0
        #: why its births are wanted anew; empty: they are not
        self.wants_birth = ""
        #: when they were asked for last, and first since the last birth, monotonic seconds
        self.asked_at: float | None = None
        self.asked_first: float | None = None
        #: what was refused since it was last looked at
        self.refused: list[tuple[Refusal, str]] = []

    @property
    def alive(self) -> bool:
        """Whether its birth was seen, and no death since."""
        return self.devices[""].alive

    @property
    def born(self) -> bool:
        """Whether what its birth has told counts: nothing was missed since."""
        return self.alive and self._next is not None

    def forget_birth(self, why: str) -> None:
        """Messages may have been missed, births too: what is known counts no more until it is born again."""
        self._aliases.clear()
        self._held.clear()
        self._next = self._bd_seq = None
        self.wants_birth = why
        self.asked_first = None
        for device in self.devices.values():
            device.metrics.clear()

    def receive(self, message: Message, clock: float) -> list[Message]:
        """A message has come, at `clock` (monotonic seconds): those that are due now, in order."""
        kind, seq = message.kind, message.payload.seq
        if kind == "NDEATH":
            self._die(message)
            return [message]
        if kind == "NBIRTH":
            if seq is None:
                self._refuse(Refusal.GAP, "an NBIRTH without seq")
            self._held.clear()
            self._next = ((seq or 0) + 1) % 256
            self._bear(message)
            return [message]
        if self._next is None or not self.alive:
            self._refuse(Refusal.BEFORE_BIRTH, f"{kind} before the birth of its node")
            self._want("its birth was not seen")
            return [message]
        if seq == self._next:
            return list(self._in_order(message))
        if seq is None or not 0 <= seq <= 255 or (seq - self._next) % 256 >= _AHEAD:
            # It is of the past: one that came again, or a node that counts in another way.
            self._refuse(Refusal.GAP, f"{kind} has seq {seq}, where {self._next} is next")
            self._want(f"seq {seq} came where {self._next} was next")
            return [message]
        if not self._held:
            self._held_since = clock
        self._held[seq] = message
        return []

    def expire(self, clock: float) -> list[Message]:
        """Messages that have waited long enough for one that is missing."""
        if not self._held or clock - self._held_since < self._reorder_s or self._next is None:
            return []
        start = self._next
        first = min(self._held, key=lambda seq: (seq - start) % 256)
        missing = (first - start) % 256
        self._refuse(Refusal.GAP, f"{missing} messages are missing, from seq {start} on")
        self._want(f"{missing} messages are missing, from seq {start} on")
        due = list(self._in_order(self._held.pop(first)))
        self._held_since = clock
        return due

    def definition(self, device: str, metric: Metric) -> Definition | None:
        """Which metric a value is of; None: no birth has told it, so a birth is wanted."""
        found = None
        if metric.alias is not None:
            found = self._aliases.get(metric.alias)
            if found is not None and found.device != device:
                found = None
        elif device in self.devices:
            found = self.devices[device].metrics.get(metric.name)
        if found is None:
            what = f"alias {metric.alias}" if metric.alias is not None else ascii(metric.name[:60])
            self._refuse(Refusal.UNKNOWN_ALIAS, f"{what} is in no birth")
            self._want(f"{what} is in no birth")
        return found

    def lost(self, now: float) -> list[tuple[str, Device]]:
        """The node, or else the devices of it that are not there, by name."""
        node = self.devices[""]
        if not node.alive:
            return [("", node)] if node.down_since else []
        return [
            (name, device)
            for name, device in self.devices.items()
            if not device.alive and device.down_since and (device.why or now - self._born_at >= DEVICES_S)
        ]

    def give_up(self, at: float, why: str) -> None:
        """It does not answer."""
        node = self.devices[""]
        node.alive, node.why = False, why
        node.down_since = node.down_since or at

    def _in_order(self, message: Message) -> Iterator[Message]:
        """This one and those that follow it; each is taken in before the next one is."""
        following: Message | None = message
        while following is not None:
            seq = following.payload.seq
            assert seq is not None
            self._next = (seq + 1) % 256
            if following.kind == "DBIRTH":
                self._bear(following)
            elif following.kind == "DDEATH":
                self._lose(following)
            yield following
            following = self._held.pop(self._next, None)

    def _bear(self, message: Message) -> None:
        device = self.devices.setdefault(message.device, Device())
        if not message.device:
            self._aliases.clear()
            self._born_at = message.at
            self._bd_seq = _bd_seq(message.payload)
            self.wants_birth, self.asked_first = "", None
            for name, other in self.devices.items():
                if name:
                    # Until their own births they are not there; those that follow at once are never told as lost.
                    other.alive, other.why, other.down_since = False, "", other.down_since or message.at
                    other.metrics.clear()
        else:
            self._aliases = {key: one for key, one in self._aliases.items() if one.device != message.device}
        device.alive, device.down_since, device.why = True, 0.0, ""
        device.metrics = {}
        for metric in message.payload.metrics:
            if not metric.name:
                continue
            made = Definition(message.device, metric.name, metric.datatype)
            update(made, metric)
            device.metrics[metric.name] = made
            if metric.alias is not None:
                if metric.alias in self._aliases:
                    self._refuse(Refusal.UNKNOWN_ALIAS, f"alias {metric.alias} is given twice: the last one counts")
                self._aliases[metric.alias] = made

    def _die(self, message: Message) -> None:
        number = _bd_seq(message.payload)
        if self.alive and self._bd_seq is not None and number != self._bd_seq:
            self._refuse(Refusal.OLD_DEATH, f"NDEATH with bdSeq {number}, where {self._bd_seq} was born")
            return
        node = self.devices[""]
        if node.alive or not node.down_since:
            node.down_since = message.at
        node.alive, node.why = False, "the edge node died (NDEATH)"
        self.wants_birth, self.asked_first = "", None
        self._held.clear()
        self._next = None

    def _lose(self, message: Message) -> None:
        device = self.devices.setdefault(message.device, Device())
        device.alive, device.why = False, "the device died (DDEATH)"
        # Since when, the edge node knows better than we, unless its clock is wrong.
        told = (message.payload.at_ms or 0) / 1000
        device.down_since = told if abs(told - message.at) < _CLOCK_S else message.at

    def _want(self, why: str) -> None:
        self.wants_birth = self.wants_birth or why

    def _refuse(self, reason: Refusal, detail: str) -> None:
        self.refused.append((reason, detail))


def update(definition: Definition, metric: Metric) -> None:
    """Take over what a message says of a metric besides its value."""
    found = metric.properties
    if not found:
        return
    for name in UNIT_PROPERTIES:
        if isinstance(unit := found.get(name), str):
            definition.unit = unit
            break
    definition.low = _number(found, LOW_PROPERTIES, definition.low)
    definition.high = _number(found, HIGH_PROPERTIES, definition.high)
    definition.quality = found.get("Quality", definition.quality)


def _number(found: object, names: tuple[str, ...], default: float | None) -> float | None:
    assert isinstance(found, dict)
    for name in names:
        value = found.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and -1e15 <= value <= 1e15:
            return float(value)
    return default


def _bd_seq(payload: Payload) -> int | None:
    for metric in payload.metrics:
        if metric.name == BIRTH_DEATH and isinstance(metric.value, int):
            return metric.value
    return None
