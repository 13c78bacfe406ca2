"""What operators do about alarms: each action is one transaction with its audit, done once or not at all.

The alarm's row is locked, the lifecycle decides, and the new state, the journal, the outbox and the audit are written
together. Two operators who act at the same moment wait for each other's lock, and the second is told who was first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import msgspec

from controlroom.adapters.postgres import rows
from controlroom.adapters.postgres.alarm_journal import write_handled
from controlroom.adapters.postgres.alarm_query import kind_meant
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session, transaction
from controlroom.adapters.postgres.typed_text import clean
from controlroom.core.alarms import events
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.lifecycle import step
from controlroom.core.alarms.model import Alarm, decode_alarm, encode_alarm
from controlroom.core.alert_handler import Handled, alarm_event
from controlroom.core.records import SensorFacts, Source, facts_of_group
from controlroom.errors import ActionRefused, ControlroomError, DatabaseUnreachable, NotAllowed

LOCK_ALARM = """
SELECT a.doc, a.topic, a.part, s.sensor_id, s.sensor_type, s.unit, s.factory_section, s.machine_id, s.zone,
       s.warning, s.critical, s.simulated
FROM alarms a LEFT JOIN sensors s USING (sensor_id) WHERE a.sensor_id = $1 AND a.kind = $2 FOR UPDATE OF a"""

#: One clock for all operators: the database's.
CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"

INSERT_AUDIT = """
INSERT INTO audit (action_id, who, whence, action, sensor_id, kind, request, refusal, before, after)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""

READ_AUDIT = "SELECT refusal, after FROM audit WHERE action_id = $1"

#: Makes the action from the wall-clock time at which it is done.
MakeAction = Callable[[float], events.OperatorAction]


@dataclass(frozen=True, slots=True)
class LockedAlarm:
    """An alarm whose row is locked by the transaction under way."""

    alarm: Alarm
    facts: SensorFacts
    source: Source


async def lock_alarm(connection: asyncpg.Connection, sensor_id: str, kind: str) -> LockedAlarm | None:
    """Lock the alarm's row and read it; None if the alarm was never raised."""
    row = await connection.fetchrow(LOCK_ALARM, sensor_id, kind)
    if row is None:
        return None
    facts = rows.facts_of(row) if row["sensor_id"] is not None else facts_of_group(sensor_id)
    return LockedAlarm(decode_alarm(row["doc"]), facts, Source(row["topic"], row["part"], -1))


async def apply_event(
    connection: asyncpg.Connection, locked: LockedAlarm, event: events.AlarmEvent, definitions: Definitions
) -> Alarm:
    """Step a locked alarm and write what comes of it; its partition's owner announces it.

    Raises:
        ActionRefused: the lifecycle refuses the action; nothing is written.
    """
    before, facts = locked.alarm, locked.facts
    outcome = step(before, event, definitions.resolve(facts.sensor_id, facts.sensor_type, before.kind))
    if outcome.refusal is not None:
        raise ActionRefused(f"{facts.sensor_id} {before.kind}: {outcome.refusal.message}")
    if outcome.state is not before:
        handled = Handled(
            alarms={(facts.sensor_id, before.kind): outcome.state},
            events=[alarm_event(transition, facts, locked.source) for transition in outcome.transitions],
            transitions=list(outcome.transitions),
        )
        place = (locked.source.topic, locked.source.partition)
        await write_handled(connection, handled, {facts.sensor_id: locked.source}, place, posted=True)
    return outcome.state


class AlarmActionStore:
    """One operator's actions. Calls must not overlap.

    Args:
        dsn: the database, with the operator's own login.
        definitions: how alarms behave: longest shelve, re-alarm time.
        who: the operator, for journal and audit.
        whence: the console or host.
        by_any_kind: a kind may be any of those that a live alarm names, as people write them; else it is the alarm's
            own, as a screen knows it.
    """

    def __init__(self, dsn: str, definitions: Definitions, *, who: str, whence: str, by_any_kind: bool = False) -> None:
        self._session = Session(dsn, f"operator {who}")
        self._definitions = definitions
        self._who = clean(who)
        self._whence = clean(whence)
        self._by_any_kind = by_any_kind

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()

    async def ack(self, sensor_id: str, kind: str, occurrence_id: str, version: int, comment: str = "") -> Alarm:
        """Acknowledge the occurrence as it was drawn in `version`."""
        return await self._act(
            sensor_id,
            kind,
            lambda at: events.Ack(
                at=at, **self._author, occurrence_id=occurrence_id, version=version, comment=clean(comment)
            ),
        )

    async def ack_now(self, sensor_id: str, kind: str, comment: str = "") -> Alarm:
        """Acknowledge the alarm as it stands at this moment: for a command that names no occurrence."""
        alarm = await self.read(sensor_id, kind)
        return await self.ack(sensor_id, kind, alarm.occurrence_id, alarm.version, comment)

    async def shelve(self, sensor_id: str, kind: str, seconds: float, reason: str, *, one_shot: bool = False) -> Alarm:
        """Silence it for `seconds`; one-shot: until it returns to normal, if that is earlier."""
        return await self._act(
            sensor_id,
            kind,
            lambda at: events.Shelve(
                at=at, **self._author, until=at + seconds, reason=clean(reason), one_shot=one_shot
            ),
        )

    async def unshelve(self, sensor_id: str, kind: str, reason: str = "") -> Alarm:
        """End a shelve before its time."""
        return await self._act(sensor_id, kind, lambda at: events.Unshelve(at=at, **self._author, reason=clean(reason)))

    async def out_of_service(self, sensor_id: str, kind: str, reason: str) -> Alarm:
        """Take it out of service."""
        return await self._act(
            sensor_id, kind, lambda at: events.OutOfService(at=at, **self._author, reason=clean(reason))
        )

    async def return_to_service(self, sensor_id: str, kind: str, reason: str = "") -> Alarm:
        """Maintenance is over."""
        return await self._act(
            sensor_id, kind, lambda at: events.ReturnToService(at=at, **self._author, reason=clean(reason))
        )

    async def reset(self, sensor_id: str, kind: str) -> Alarm:
        """Reset its latch."""
        return await self._act(sensor_id, kind, lambda at: events.ResetLatch(at=at, **self._author))

    async def comment(self, sensor_id: str, kind: str, text: str) -> Alarm:
        """Add a note to its journal."""
        return await self._act(sensor_id, kind, lambda at: events.Comment(at=at, **self._author, text=clean(text)))

    async def mark_false(self, sensor_id: str, kind: str, reason: str = "") -> Alarm:
        """Call its latest occurrence a false alarm."""
        alarm = await self.read(sensor_id, kind)
        return await self._act(
            sensor_id,
            kind,
            lambda at: events.MarkFalse(at=at, **self._author, occurrence_id=alarm.occurrence_id, reason=clean(reason)),
        )

    async def read(self, sensor_id: str, kind: str) -> Alarm:
        """The alarm as it stands.

        Raises:
            ActionRefused: it was never raised.
            DatabaseUnreachable: the database does not answer.
        """
        try:
            connection = await self._session.connection()
            if self._by_any_kind:
                kind = await kind_meant(connection, sensor_id, kind)
            doc = await connection.fetchval(
                "SELECT doc FROM alarms WHERE sensor_id = $1 AND kind = $2", sensor_id, kind
            )
        except PASSING_ERRORS as error:
            self._session.drop()
            raise _unreachable(error) from None
        if doc is None:
            raise _never_raised(sensor_id, kind)
        return decode_alarm(doc)

    @property
    def _author(self) -> dict[str, str]:
        return {"who": self._who, "whence": self._whence}

    async def _act(self, sensor_id: str, kind: str, make: MakeAction) -> Alarm:
        """Do an action once, also when the connection is lost in the middle of it.

        Raises:
            ActionRefused: it was not done; the message says why.
            DatabaseUnreachable: it is not known whether it was done; the message says so.
        """
        action_id = uuid4()
        try:
            return await self._once(action_id, sensor_id, kind, make)
        except asyncpg.InsufficientPrivilegeError:
            raise await self._not_allowed() from None
        except PASSING_ERRORS:
            self._session.drop()
        # The action's id tells whether the first attempt was committed, so that the second cannot do it twice.
        try:
            return await self._once(action_id, sensor_id, kind, make)
        except PASSING_ERRORS as error:
            self._session.drop()
            raise _unreachable(error) from None

    async def _once(self, action_id: UUID, sensor_id: str, kind: str, make: MakeAction) -> Alarm:
        connection = await self._session.connection()
        refusal: ActionRefused | None = None
        async with transaction(connection):
            if self._by_any_kind:
                kind = await kind_meant(connection, sensor_id, kind)
            locked = await lock_alarm(connection, sensor_id, kind)
            if locked is None:
                raise _never_raised(sensor_id, kind)
            done = await connection.fetchrow(READ_AUDIT, action_id)
            if done is not None:
                if done["refusal"]:
                    raise ActionRefused(done["refusal"])
                return decode_alarm(done["after"])
            action = make(await connection.fetchval(CLOCK))
            after = locked.alarm
            try:
                after = await apply_event(connection, locked, action, self._definitions)
            except ActionRefused as refused:
                refusal = refused
            await connection.execute(
                INSERT_AUDIT,
                action_id,
                self._who,
                self._whence,
                type(action).__name__,
                sensor_id,
                kind,
                msgspec.json.encode(action).decode(),
                refusal.message if refusal is not None else "",
                encode_alarm(locked.alarm).decode(),
                encode_alarm(after).decode(),
            )
        if refusal is not None:
            raise refusal
        return after

    async def _not_allowed(self) -> ControlroomError:
        try:
            connection = await self._session.connection()
            login = await connection.fetchval("SELECT session_user")
        except PASSING_ERRORS as error:
            self._session.drop()
            return _unreachable(error)
        return NotAllowed(
            f"the database login {login} may look but not act", hint="log in as one that has controlroom_operator"
        )


def _never_raised(sensor_id: str, kind: str) -> ActionRefused:
    return ActionRefused(
        f"there is no alarm {kind!r} of {sensor_id!r}", hint="`controlroom alarms list --all` names all there are"
    )


def _unreachable(error: Exception) -> DatabaseUnreachable:
    return DatabaseUnreachable(
        f"the database does not answer ({str(error) or type(error).__name__}); the action may not have been done",
        hint="look at the alarm, and repeat the action if it still stands",
    )
