"""Alarms as lines of text and as documents, for the commands that show them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from controlroom.core import cells
from controlroom.core.alarms.disturbance import kinds_text
from controlroom.core.instants import instant
from controlroom.core.sanitise import sanitise

if TYPE_CHECKING:
    from controlroom.core.alarms.model import Alarm
    from controlroom.wire import AlarmEvent

#: A terminal with fewer columns is told no priority, and no year and no seconds.
NARROW = 110
HEAD = ("STATE", "PRIORITY", "SEVERITY", "SENSOR", "KIND", "SINCE", "DETAIL")


def terminal_width() -> int | None:
    """Columns of the terminal that stdout is; None for a file or a pipe, which takes lines of any length."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(alarms: Sequence[Alarm], width: int | None = None) -> Iterable[str]:
    """A heading and one line an alarm, in columns; a narrow terminal is told less, and what exceeds `width` is cut."""
    rows = [HEAD, *(_cells(alarm) for alarm in alarms)]
    if width is not None and width < NARROW:
        rows = [(row[0], *row[2:5], row[5][5:16] or row[5], row[6]) for row in rows]
        rows[0] = (HEAD[0], *HEAD[2:])
    for text in cells.table(rows):
        yield text if width is None else cells.crop(text, width)


def line(alarm: Alarm) -> str:
    """An alarm on one line."""
    return "  ".join(cell for cell in _cells(alarm) if cell)


def document(alarm: Alarm) -> dict[str, Any]:
    """An alarm as a JSON document: its state as it is kept, with the label that follows from it."""
    import msgspec

    built: dict[str, Any] = msgspec.to_builtins(alarm)
    return {"state": str(alarm.label), **built}


def details(alarm: Alarm) -> Iterable[tuple[str, str]]:
    """Name and value of everything there is to say about an alarm."""
    yield "alarm", f"{alarm.sensor_id} {alarm.kind}"
    yield "state", str(alarm.label)
    yield "condition", str(alarm.condition)
    if alarm.severity is not None:
        yield "severity", f"{alarm.severity} (peak {alarm.peak}), {alarm.priority} priority"
    for seen, kind in zip(alarm.detections, alarm.kinds, strict=False):
        told = f"{kind}: {seen.message}" if alarm.also else seen.message
        yield "detected", f"{told} [{seen.detector}]"
    yield "occurrence", f"{alarm.occurrence_id} version {alarm.version}"
    yield "raised", instant(alarm.raised_at)
    if alarm.recurrences:
        yield "recurred", f"{alarm.recurrences} times"
    if alarm.returned_at is not None:
        yield "returned", instant(alarm.returned_at)
    if alarm.acked_by:
        yield "acked", f"by {alarm.acked_by} at {instant(alarm.acked_at)}"
    if alarm.shelf is not None:
        yield "shelved", f"by {alarm.shelf.who} until {instant(alarm.shelf.until)}: {alarm.shelf.reason}"
    if alarm.out_of_service is not None:
        yield "out of service", f"by {alarm.out_of_service.who}: {alarm.out_of_service.reason}"
    for cause in alarm.by_design:
        yield "suppressed", cause
    for flag in ("latched", "chatter", "standing", "marked_false", "simulated"):
        if getattr(alarm, flag):
            yield flag.replace("_", " "), "yes"
    if alarm.fault_id:
        yield "fault", alarm.fault_id


def told(event: AlarmEvent) -> str:
    """One event on one line."""
    at = event.timestamp.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    ring = "*" if event.annunciated else " "
    who = f" by {event.actor}" if event.actor else ""
    drill = " [simulated]" if event.simulated else ""
    kinds = kinds_text(event.kinds or (event.kind,))
    parts = f"{at} {ring} {cells.pad(event.event + who, 16)} {event.severity or '-':<8} {event.sensor_id} {kinds}"
    return sanitise(f"{parts}: {event.message}{drill}" if event.message else parts + drill, limit=400)


def _cells(alarm: Alarm) -> tuple[str, ...]:
    detail = alarm.detection.message if alarm.detection is not None else ""
    if alarm.acked_by and alarm.live:
        detail = f"acked by {alarm.acked_by}; {detail}"
    if alarm.shelf is not None:
        detail = f"until {instant(alarm.shelf.until)} by {alarm.shelf.who}: {alarm.shelf.reason}"
    return tuple(
        sanitise(cell, limit=120)
        for cell in (
            str(alarm.label),
            str(alarm.priority or ""),
            str(alarm.severity or ""),
            alarm.sensor_id,
            kinds_text(alarm.kinds),
            instant(alarm.raised_at),
            detail,
        )
    )
