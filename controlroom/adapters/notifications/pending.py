"""The outbox of notifications in PostgreSQL: planned, taken for sending, marked as sent or as failed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import msgspec

from controlroom.adapters.postgres.alarm_actions import CLOCK, LockedAlarm, apply_event, lock_alarm
from controlroom.adapters.postgres.session import transaction
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.dispatch import Message, back_off, dispatch
from controlroom.core.alarms.events import Returned
from controlroom.core.alarms.model import DELIVERY_KIND, AckState, decode_alarm, new_alarm
from controlroom.core.alarms.notify import (
    Flood,
    Planned,
    Topic,
    delivery_failed,
    flood_ended,
    follow_flood,
    follow_up,
    plan,
)
from controlroom.core.alarms.policy import Policy, Receiver
from controlroom.core.alarms.transitions import Transition
from controlroom.core.records import Source, facts_of_group

#: Notices that are planned in one transaction: between two of them the worker's loop does its other work.
MOST_AT_ONCE = 500

INSERT = """
INSERT INTO notifications (id, receiver, topic, occurrence_id, batch, due_at, doc)
SELECT n.id, n.receiver, n.topic, n.occurrence_id, n.batch, n.due_at, n.doc
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::jsonb[], $8::boolean[])
     AS n (id, receiver, topic, occurrence_id, batch, due_at, doc, if_told)
WHERE NOT if_told OR EXISTS (
    SELECT FROM notifications t
    WHERE t.occurrence_id = n.occurrence_id AND t.receiver = n.receiver AND t.message_id <> '')
ON CONFLICT DO NOTHING"""
CANCEL = """
DELETE FROM notifications n
USING unnest($1::text[], $2::text[], $3::boolean[]) AS c (occurrence_id, topic, batched_only)
WHERE n.occurrence_id = c.occurrence_id AND n.topic = c.topic AND (NOT c.batched_only OR n.batch <> '')
   AND n.sent_at IS NULL AND NOT n.given_up"""
DUE = """
SELECT EXISTS (SELECT FROM notifications
               WHERE receiver = $1 AND due_at <= clock_timestamp() AND sent_at IS NULL AND NOT given_up)"""
# An escalation that is still to come holds nothing up, and there may be very many of them.
WAITING = """
SELECT doc, extract(epoch FROM due_at)::float8 AS due_at, message_id FROM notifications
WHERE receiver = $1 AND sent_at IS NULL AND NOT given_up AND (topic <> 'escalated' OR due_at <= clock_timestamp())"""
SENT = """
SELECT extract(epoch FROM max(sent_at))::float8 FROM notifications
WHERE receiver = $1 AND sent_at > clock_timestamp() - make_interval(secs => $2) GROUP BY message_id"""
# In the order in which workers lock them.
ALARMS = """
SELECT a.sensor_id, a.kind, a.doc FROM alarms a JOIN unnest($1::text[], $2::text[]) AS named (sensor_id, kind)
    ON (a.sensor_id, a.kind) = (named.sensor_id, named.kind)
ORDER BY a.sensor_id, a.kind FOR SHARE OF a"""
FAILED = """
UPDATE notifications SET attempts = attempts + 1, last_error = $2,
    due_at = clock_timestamp() + make_interval(secs => $3),
    given_up = created_at < clock_timestamp() - make_interval(secs => $4)
WHERE id = ANY($1::text[]) AND sent_at IS NULL RETURNING given_up"""


class PendingNotifications:
    """All that is written of notifications; used by the worker on duty alone, on the connection that proves it.

    Args:
        policy: who is told.
        definitions: how the alarm of a failed delivery behaves.
        topic: of the readings: the owner of its partition 0 announces that alarm.
    """

    def __init__(self, policy: Policy, definitions: Definitions, topic: str) -> None:
        self._policy = policy
        self._definitions = definitions
        self._topic = topic

    def adopt(self, policy: Policy) -> None:
        """Others are told from now on; what was planned before stays planned."""
        self._policy = policy

    async def plan(self, connection: asyncpg.Connection) -> int:
        """Plan what the alarms' transactions have left to plan. Returns how many transitions it was."""
        async with transaction(connection):
            notices = await connection.fetch("SELECT id, doc FROM alarm_notices ORDER BY id LIMIT $1", MOST_AT_ONCE)
            now = await connection.fetchval(CLOCK)
            stored = await connection.fetchval("SELECT doc FROM alarm_flood")
            before = flood = msgspec.json.decode(stored, type=Flood) if stored else Flood()
            cancels: list[tuple[str, str, bool]] = []
            rows: dict[str, Planned] = {}
            of_occurrence: dict[str, list[str]] = {}
            for notice in notices:
                transition = msgspec.json.decode(notice["doc"], type=Transition)
                flood = follow_flood(flood, now, self._policy.flood, annunciations=int(transition.annunciated))
                planned = plan(transition, now, self._policy, flood)
                for cancel in planned.cancels:
                    cancels += ((cancel.occurrence_id, str(topic), cancel.batched_only) for topic in cancel.topics)
                    for key in of_occurrence.get(cancel.occurrence_id, ()):
                        if key in rows and cancel.covers(rows[key]):
                            del rows[key]
                for row in planned.rows:
                    rows.setdefault(row.id, row)
                    of_occurrence.setdefault(row.occurrence_id, []).append(row.id)
            if cancels:
                await connection.execute(CANCEL, *map(list, zip(*sorted(set(cancels)), strict=True)))
            await self._insert(connection, list(rows.values()))
            after = follow_flood(flood, now, self._policy.flood)
            if flood.since is not None and after.since is None:
                await self._insert(connection, flood_ended(flood, now, self._policy))
            if after != before:
                await connection.execute(
                    "INSERT INTO alarm_flood (doc) VALUES ($1) ON CONFLICT (one) DO UPDATE SET doc = excluded.doc",
                    msgspec.json.encode(after).decode(),
                )
            if notices:
                done = [notice["id"] for notice in notices]
                await connection.execute("DELETE FROM alarm_notices WHERE id = ANY($1::bigint[])", done)
        return len(notices)

    async def take(self, connection: asyncpg.Connection, receiver: Receiver) -> tuple[Message, ...]:
        """The messages to send to `receiver` now. They are marked as taken: a repeat will be the same messages."""
        async with transaction(connection):
            if not await connection.fetchval(DUE, receiver.name):
                return ()
            rows = [_waiting(row) for row in await connection.fetch(WAITING, receiver.name)]
            now = await connection.fetchval(CLOCK)
            sent = [row[0] for row in await connection.fetch(SENT, receiver.name, receiver.rate_window_s)]
            rows = await self._still_called_for(connection, rows, now)
            found = dispatch(rows, sent, now, receiver)
            known = {row.id: row for row in rows}
            for message in found.messages:
                await connection.execute(
                    "UPDATE notifications SET message_id = $1 WHERE id = ANY($2::text[])",
                    message.id,
                    list(message.rows),
                )
                fresh = [known[i] for i in message.rows if not known[i].message_id]
                next_ones = [step for row in fresh if (step := follow_up(row, now, self._policy)) is not None]
                await self._insert(connection, next_ones)
        return found.messages

    async def sent(self, connection: asyncpg.Connection, receiver: Receiver, message: Message) -> None:
        """The receiver has taken it."""
        async with transaction(connection):
            await connection.execute(
                "UPDATE notifications SET sent_at = clock_timestamp(), last_error = '' WHERE id = ANY($1::text[])",
                list(message.rows),
            )
            locked = await lock_alarm(connection, f"receiver:{receiver.name}", DELIVERY_KIND)
            if locked is not None and locked.alarm.active:
                over = Returned(at=await connection.fetchval(CLOCK))
                await apply_event(connection, locked, over, self._definitions)

    async def failed(self, connection: asyncpg.Connection, receiver: Receiver, message: Message, error: str) -> None:
        """It was not taken: later again, and after a day or so never again, which is an alarm itself."""
        async with transaction(connection):
            attempts = await connection.fetchval(
                "SELECT max(attempts) FROM notifications WHERE id = ANY($1::text[])", list(message.rows)
            )
            wait = back_off(attempts or 0, random.random())  # noqa: S311 - jitter, not cryptography
            marked = await connection.fetch(FAILED, list(message.rows), error, wait, self._policy.give_up_s)
            if any(row["given_up"] for row in marked):
                now = await connection.fetchval(CLOCK)
                name, event = delivery_failed(receiver.name, now, error)
                locked = await lock_alarm(connection, name, DELIVERY_KIND)
                if locked is None:
                    alarm = new_alarm(name, DELIVERY_KIND)
                    locked = LockedAlarm(alarm, facts_of_group(name), Source(self._topic, 0, -1))
                await apply_event(connection, locked, event, self._definitions)

    async def _still_called_for(
        self, connection: asyncpg.Connection, rows: Sequence[Planned], now: float
    ) -> list[Planned]:
        """The rows without the escalations that are due and not called for any more: an ack may be on its way here."""
        asked = [row for row in rows if row.topic is Topic.ESCALATED and row.due_at <= now and not row.message_id]
        if not asked:
            return list(rows)
        named = sorted({(row.sensor_id, row.alarm_kind) for row in asked})
        stored = await connection.fetch(ALARMS, [sensor for sensor, _ in named], [kind for _, kind in named])
        alarms = {(row["sensor_id"], row["kind"]): decode_alarm(row["doc"]) for row in stored}
        needless: set[str] = set()
        for row in asked:
            alarm = alarms.get((row.sensor_id, row.alarm_kind))
            stands = (
                alarm is not None
                and alarm.occurrence_id == row.occurrence_id
                and alarm.ack is AckState.UNACK
                and not alarm.suppressed
            )
            if not stands:
                needless.add(row.id)
        if needless:
            await connection.execute("DELETE FROM notifications WHERE id = ANY($1::text[])", sorted(needless))
        return [row for row in rows if row.id not in needless]

    async def _insert(self, connection: asyncpg.Connection, rows: Sequence[Planned]) -> None:
        table = [
            (
                row.id,
                row.receiver,
                str(row.topic),
                row.occurrence_id,
                row.batch,
                datetime.fromtimestamp(row.due_at, UTC),
                msgspec.json.encode(row).decode(),
                row.if_told,
            )
            for row in rows
        ]
        if table:
            await connection.execute(INSERT, *map(list, zip(*table, strict=True)))


def _waiting(row: asyncpg.Record) -> Planned:
    planned = msgspec.json.decode(row["doc"], type=Planned)
    return msgspec.structs.replace(planned, due_at=row["due_at"], message_id=row["message_id"])
