"""`controlroom alarms ack`: one alarm, all that a list showed, or all that wait."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import click

from controlroom.cli.alarm_text import document, line
from controlroom.core.json_line import json_line
from controlroom.errors import ActionRefused, InputError, NotAllowed

if TYPE_CHECKING:
    from controlroom.adapters.postgres.alarm_actions import AlarmActionStore

#: sensor, kind, occurrence, version: an alarm as somebody saw it
Seen = tuple[str, str, str, int]


def seen_on(page: IO[str]) -> list[Seen]:
    """The alarms of a page, JSON lines as `alarms list --json` prints them.

    Raises:
        InputError: a line is none of these; names the line.
    """
    found: list[Seen] = []
    for number, text in enumerate(page, start=1):
        if not text.strip():
            continue
        try:
            shown = json.loads(text)
            found.append((shown["sensor_id"], shown["kind"], shown["occurrence_id"], int(shown.get("version", 0))))
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"line {number} is no alarm", hint="the page is what `controlroom alarms list --json` prints"
            ) from None
    return found


async def waiting(dsn: str, *, sensor: str | None, kind: str | None, severity: str | None) -> list[Seen]:
    """The alarms that wait for an ack now, the oldest first."""
    from controlroom.adapters.postgres.alarm_query import AlarmQueries

    async with AlarmQueries(dsn) as queries:
        found = [
            alarm
            for state in ("UNACK", "RTN-UNACK")
            for alarm in await queries.find(state=state, sensor=sensor, kind=kind, limit=None)
            if severity is None or alarm.peak == severity
        ]
    found.sort(key=lambda alarm: (alarm.raised_at or 0.0, alarm.sensor_id, alarm.kind))
    return [(alarm.sensor_id, alarm.kind, alarm.occurrence_id, alarm.version) for alarm in found]


async def ack_seen(store: AlarmActionStore, seen: Sequence[Seen], comment: str, *, as_json: bool) -> None:
    """Ack each as it was seen, and say so of each as it is done; the others are done although one is refused.

    Raises:
        NotAllowed: this login may not act.
        ActionRefused: one or more were refused; says how many.
    """
    refused = 0
    for sensor, kind, occurrence, version in seen:
        try:
            alarm = await store.ack(sensor, kind, occurrence, version, comment)
        except NotAllowed:
            raise  # none of them is
        except ActionRefused as refusal:
            refused += 1
            click.echo(f"controlroom: {refusal.message}", err=True)
        else:
            click.echo(json_line(document(alarm)) if as_json else line(alarm))
    if refused:
        raise ActionRefused(f"{refused} of {len(seen)} not acked", hint="look at these again")
    if not seen:
        click.echo("controlroom: no alarm waits for an ack", err=True)


def check_choice(
    sensor: str | None, kind: str | None, occurrence: str | None, version: int | None, page: object, *, every: bool
) -> None:
    """Refuse what does not go together.

    Raises:
        InputError: it does not.
    """
    if (occurrence is None) != (version is None):
        raise InputError("--occurrence and --version go together", hint="`alarms list --json` has both")
    if (sensor is not None) + (page is not None) + every != 1:
        raise InputError("ack what?", hint="name SENSOR KIND, or a --page, or --all")
    if sensor is not None and kind is None:
        raise InputError(f"which alarm of {sensor}?", hint="name its kind after the sensor")
    if sensor is None and occurrence is not None:
        raise InputError("--occurrence goes with one SENSOR KIND")
