"""Alarms and what happened to them, written by whoever changes them in a transaction that holds the alarms' locks."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg
import msgspec

from controlroom.adapters.postgres import rows
from controlroom.core.alarms.notify import concerns
from controlroom.core.alert_handler import Handled
from controlroom.core.records import Source

#: Told to who listens that entries were posted; the payload is `topic/partition`.
POSTED_CHANNEL = "controlroom_posted"

#: (outbox id, key, payload)
OutboxEntry = tuple[int, str, bytes]


async def write_handled(
    connection: asyncpg.Connection,
    handled: Handled,
    places: Mapping[str, Source],
    partition: tuple[str, int],
    *,
    posted: bool = False,
) -> list[int]:
    """Write the new states, the journal, what receivers may have to be told, and the outbox.

    Args:
        connection: in the transaction that locked the alarms.
        handled: what has changed.
        places: by sensor, which partition its readings are in.
        partition: whose owner announces the events: topic and number.
        posted: we are not that owner, so it must look for them; it is told at the commit.

    Returns:
        The outbox ids of the events, in their order.
    """
    if handled.alarms:
        await connection.execute(rows.UPSERT_ALARMS, *rows.alarm_columns(handled.alarms.values(), places))
    if not handled.events:
        return []
    await connection.execute(rows.INSERT_EVENTS, *rows.event_columns(handled.events))
    notices = [msgspec.json.encode(transition).decode() for transition in handled.transitions if concerns(transition)]
    if notices:
        await connection.execute(rows.INSERT_NOTICES, notices)
    outbox = await connection.fetch(rows.INSERT_OUTBOX, *partition, posted, *rows.outbox_columns(handled.events))
    if posted:
        topic, number = partition
        await connection.execute("SELECT pg_notify($1, $2)", POSTED_CHANNEL, f"{topic}/{number}")
    return [row["id"] for row in outbox]
