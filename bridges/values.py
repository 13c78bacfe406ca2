"""What a source hands over: packets, each with the drafts of readings that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from controlroom.wire import Location


class Sensor(NamedTuple):
    """What is known of a sensor besides its values."""

    sensor_id: str
    sensor_type: str
    location: Location
    unit: str
    #: limits in `unit`; a warning above the critical limit means that low values are the bad ones
    warning: float | None
    critical: float | None


class Draft(NamedTuple):
    """A reading that has no number yet."""

    sensor: Sensor
    #: the source's time of the value; where it tells none, when it came
    at: datetime
    #: in the sensor's unit
    value: float
    #: 0 (not to be trusted) to 1
    quality: float
    #: the sensor's own number of it; 0: the bridge numbers it
    number: int = 0
    #: the part of the source that it comes from, such as an edge node, which may be lost by itself; empty: none
    part: str = ""


class Current(NamedTuple):
    """What holds one value at a time, and tells it again with every new connection."""

    #: what it is called, within its source
    tag: str
    #: two of its values in a row that have the same are one value
    mark: bytes
    #: whether it may be the value before, told again; if not, this is only remembered
    look_up: bool


class Packet(NamedTuple):
    """What one message of a source held. Packets are confirmed in the order in which they came."""

    source: Receiver
    #: which message it was, for the source alone
    token: object
    #: a message that is sent again has the same; None: it cannot be recognised
    fingerprint: bytes | None
    #: whether it is to be looked up among those that came before: it is not a new one if it is there
    look_up: bool
    drafts: Sequence[Draft]
    #: compared with the last one of the same tag alone, however long ago that was; None: it is no such thing
    current: Current | None = None


class Memory(Protocol):
    """Where a source leaves a few words for its next process."""

    def recall(self) -> list[str]:
        """What was remembered last."""
        ...

    def remember(self, words: list[str]) -> None:
        """Remember these, and nothing else; never waits."""
        ...


class Receiver(Protocol):
    """The side of a source that hears what became of its packets; called from another thread."""

    @property
    def name(self) -> str:
        """The source's name in the bridge's file."""
        ...

    @property
    def numbered(self) -> bool:
        """Whether readings are numbered by the bridge: not where several bridges share a sensor's messages."""
        ...

    def confirm(self, tokens: Sequence[object], readings: int, repeated: int) -> None:
        """These packets are stored: they held so many readings, and so many of them had come before."""
        ...
