"""What a control room sees, as lines: recorded while it happens, applied to a state again later.

A recording is JSON lines. The first is the header with the version of the schema, every other one thing that was seen:
a reading, a status, an alarm, a probe's view, a notice, with the time at which it was seen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from controlroom.core.bridges import BridgesView
from controlroom.core.fault_view import FaultView
from controlroom.core.health_views import ClusterDetail
from controlroom.core.plant_state import ClusterView, DatabaseView, Notice, PipelineView, PlantState
from controlroom.errors import InputError
from controlroom.wire import AlarmEvent, Reading, SensorStatus

#: raised when lines of old recordings could no longer be read; new kinds of lines do not raise it
SCHEMA = 1
#: no honest line is longer
LINE_BYTES = 4 * 1024 * 1024

Kind = Literal["reading", "status", "alarm", "cluster", "detail", "database", "pipeline", "bridges", "faults", "notice"]
_BODIES: dict[str, Any] = {
    "reading": Reading,
    "status": SensorStatus | None,
    "alarm": AlarmEvent,
    "cluster": ClusterView,
    "detail": ClusterDetail,
    "database": DatabaseView,
    "pipeline": PipelineView,
    "bridges": BridgesView,
    "faults": tuple[FaultView, ...],
    "notice": Notice,
}


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line.

    Attributes:
        controlroom_recording: version of the schema.
        started_at: seconds since the epoch.
        plant: what plant was seen.
        program: version of the program that recorded.
    """

    controlroom_recording: int
    started_at: float
    plant: str
    program: str


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Any other line.

    Attributes:
        at: when it was seen, seconds since the epoch.
        kind: what it is.
        body: the thing itself.
        seen_at: of a reading: when it was received.
        sim: of a reading: whether it comes from a simulated sensor.
        live: of a reading: whether it came in while the plant was followed; else it was read back.
        key: of a status: the sensor.
    """

    at: float
    kind: str
    body: msgspec.Raw
    seen_at: float = 0.0
    sim: bool = False
    live: bool = True
    key: str = ""


_encoder = msgspec.json.Encoder()
_entries = msgspec.json.Decoder(Entry)
_decoders = {kind: msgspec.json.Decoder(body) for kind, body in _BODIES.items()}


def encode_header(header: Header) -> bytes:
    """The first line, with its end."""
    return _encoder.encode(header) + b"\n"


def decode_header(line: bytes) -> Header:
    """The first line.

    Raises:
        InputError: it is not that of a recording, or of one that this version cannot read.
    """
    try:
        found = msgspec.json.decode(line)
        version = found["controlroom_recording"]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise InputError("this is not a recording", hint="`controlroom record FILE` makes one") from None
    if version != SCHEMA:
        raise InputError(
            f"the recording has schema {str(version)[:20]}, this version reads {SCHEMA}",
            hint="use the version of controlroom that recorded it",
        )
    try:
        return msgspec.convert(found, Header)
    except msgspec.ValidationError as error:
        raise InputError(f"the recording's first line is damaged ({error})") from None


def decode_entry(line: bytes) -> Entry:
    """A line after the first.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _entries.decode(line)


def apply(entry: Entry, state: PlantState) -> None:
    """Let the state see it as it was seen. A kind that is not known is passed over: a newer version may record more.

    Raises:
        msgspec.DecodeError: its body is not what its kind says.
    """
    decoder = _decoders.get(entry.kind)
    if decoder is None:
        return
    body = decoder.decode(entry.body)
    match body:
        case Reading():
            state.apply_reading(body, seen_at=entry.seen_at, simulated=entry.sim, live=entry.live)
        case AlarmEvent():
            state.apply_alarm(body)
        case ClusterView():
            state.apply_cluster(body)
        case ClusterDetail():
            state.apply_cluster_detail(body)
        case DatabaseView():
            state.apply_database(body)
        case PipelineView():
            state.apply_pipeline(body)
        case BridgesView():
            state.apply_bridges(body)
        case tuple():
            state.apply_faults(body)
        case Notice():
            state.notify(body.text, datetime.fromtimestamp(body.at, UTC), body.level)
        case _:
            state.apply_status(body, entry.key)


class RecordedState(PlantState):
    """A state that tells of everything it is given.

    Args:
        write: hears each line, on the thread that writes the state.
        now: seconds since the epoch.
    """

    def __init__(self, write: Callable[[bytes], None], now: Callable[[], float]) -> None:
        super().__init__()
        self._write = write
        self._now = now

    def _record(
        self, kind: Kind, body: object, *, seen_at: float = 0.0, sim: bool = False, live: bool = True, key: str = ""
    ) -> None:
        raw = msgspec.Raw(_encoder.encode(body))
        entry = Entry(at=self._now(), kind=kind, body=raw, seen_at=seen_at, sim=sim, live=live, key=key)
        self._write(_encoder.encode(entry) + b"\n")

    def apply_reading(self, reading: Reading, *, seen_at: float, simulated: bool, live: bool = True) -> None:
        """Record it and take it."""
        self._record("reading", reading, seen_at=seen_at, sim=simulated, live=live)
        super().apply_reading(reading, seen_at=seen_at, simulated=simulated, live=live)

    def apply_status(self, status: SensorStatus | None, sensor_id: str) -> None:
        """Record it and take it."""
        self._record("status", status, key=sensor_id)
        super().apply_status(status, sensor_id)

    def apply_alarm(self, event: AlarmEvent) -> None:
        """Record it and take it."""
        self._record("alarm", event)
        super().apply_alarm(event)

    def apply_cluster(self, view: ClusterView) -> None:
        """Record it and take it."""
        self._record("cluster", view)
        super().apply_cluster(view)

    def apply_cluster_detail(self, view: ClusterDetail) -> None:
        """Record it and take it."""
        self._record("detail", view)
        super().apply_cluster_detail(view)

    def apply_database(self, view: DatabaseView) -> None:
        """Record it and take it."""
        self._record("database", view)
        super().apply_database(view)

    def apply_pipeline(self, view: PipelineView) -> None:
        """Record it and take it."""
        self._record("pipeline", view)
        super().apply_pipeline(view)

    def apply_bridges(self, view: BridgesView) -> None:
        """Record it and take it."""
        self._record("bridges", view)
        super().apply_bridges(view)

    def apply_faults(self, faults: tuple[FaultView, ...]) -> None:
        """Record it and take it."""
        self._record("faults", faults)
        super().apply_faults(faults)

    def notify(self, text: str, at: datetime, level: Literal["info", "warning", "error"] = "info") -> None:
        """Record it and take it."""
        self._record("notice", Notice(at.timestamp(), text, level))
        super().notify(text, at, level)
