"""What operators tell the detectors: asked for in one transaction with its audit, handed to the partition's owner.

The audit's row is the order, so there is none without an author, and none is ever changed. `learning_applied` says
which were carried out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import msgspec

from controlroom.adapters.postgres.poller import Poller
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session, transaction
from controlroom.adapters.postgres.typed_text import clean, like
from controlroom.core.archive import LearningFacts
from controlroom.core.learning import LearningAction, LearningOrder, facts_of
from controlroom.errors import ActionRefused, DatabaseUnreachable, NotAllowed
from detectors import Profile, SensorBank
from detectors.bank import VERSION

CHANNEL = "controlroom_learning"

_ACTIONS = ", ".join(f"'{action}'" for action in LearningAction)

INSERT_APPLIED = """
INSERT INTO learning_applied (grp, topic, part, order_id, off)
SELECT $1, $2, $3, * FROM unnest($4::bigint[], $5::bigint[])"""

#: Of sensors whose detectors' state is in a partition that is ours: so a sensor's order finds its owner. What was
#: carried out before the sensor moved here came with its state.
LOAD_PENDING = f"""
SELECT s.part, a.id, a.sensor_id, a.action, a.kind, a.request, a.after -> 'detection' AS detection,
       a.after -> 'also' AS also
FROM audit a JOIN detector_state s ON s.sensor_id = a.sensor_id AND s.grp = $1 AND s.topic = $2 AND s.part = ANY($3)
WHERE a.refusal = '' AND a.action IN ({_ACTIONS}) AND NOT EXISTS (
    SELECT FROM learning_applied l WHERE l.grp = $1 AND l.topic = $2 AND l.order_id = a.id)
ORDER BY a.id"""  # noqa: S608 - the names are ours

LOAD_APPLIED = """
SELECT l.off, a.id, a.sensor_id, a.action, a.kind, a.request, a.after -> 'detection' AS detection,
       a.after -> 'also' AS also
FROM learning_applied l JOIN audit a ON a.id = l.order_id
WHERE l.grp = $1 AND l.topic = $2 AND l.part = $3 ORDER BY l.off, a.id"""

KNOWN = """
SELECT sensor_id AS name FROM sensors WHERE sensor_id = ANY($1)
UNION SELECT 'machine:' || machine_id FROM machine_state WHERE 'machine:' || machine_id = ANY($1)"""

INSERT_ORDER = """
INSERT INTO audit (action_id, who, whence, action, sensor_id, kind, request, refusal)
VALUES ($1, $2, $3, $4, $5, '', $6, '')"""

LIST = f"""
SELECT a.id, a.at, a.who, a.sensor_id, a.action, a.kind, a.request, l.part, l.off, l.at AS applied_at
FROM audit a LEFT JOIN learning_applied l ON l.order_id = a.id AND l.grp = $1
WHERE a.refusal = '' AND a.action IN ({_ACTIONS}) AND ($2::text IS NULL OR a.sensor_id LIKE $2)
ORDER BY a.id DESC LIMIT $3"""  # noqa: S608

#: Those that count for a group, of one sensor, oldest first.
OF_SENSOR = f"""
SELECT a.id, a.at, a.who, a.sensor_id, a.action, a.kind, a.request, NULL AS detection, NULL AS also,
       l.off IS NOT NULL AS done
FROM audit a LEFT JOIN learning_applied l ON l.order_id = a.id AND l.grp = $1
WHERE a.refusal = '' AND a.action IN ({_ACTIONS}) AND a.sensor_id = $2
ORDER BY a.id"""  # noqa: S608

STATE = """
SELECT state FROM detector_state WHERE grp = $1 AND topic = $2 AND sensor_id = $3 ORDER BY state = '' LIMIT 1"""

#: A limit that is raised by less is not worth a word.
LEAST_RAISED = 1.02

APPLIED = "SELECT count(*) FROM learning_applied WHERE grp = $1 AND order_id = ANY($2)"


class Ordered(NamedTuple):
    """An order and what became of it; `off` None: no worker of the group has carried it out yet."""

    id: int
    at: datetime
    who: str
    sensor_id: str
    action: LearningAction
    kind: str
    request: Mapping[str, Any]
    part: int | None
    off: int | None
    applied_at: datetime | None


class LearningOrders(Poller):
    """The worker's side: looks for orders of the partitions that are ours, every second and when it is told.

    Args:
        partitions: tells which these are now.
        hand_over: takes a partition's orders, also again while they are not carried out.
    """

    def __init__(
        self,
        dsn: str,
        owner: str,
        group: str,
        topic: str,
        partitions: Callable[[], Sequence[int]],
        hand_over: Callable[[int, Sequence[LearningOrder]], None],
    ) -> None:
        super().__init__(dsn, f"{owner} learning", CHANNEL)
        self._key = (group, topic)
        self._partitions = partitions
        self._hand_over = hand_over

    async def look(self, connection: asyncpg.Connection) -> None:
        """Hand over what is there for our partitions."""
        by_partition: dict[int, list[LearningOrder]] = {}
        for row in await connection.fetch(LOAD_PENDING, *self._key, list(self._partitions())):
            by_partition.setdefault(row["part"], []).append(order_of(row))
        for part, orders in by_partition.items():
            self._hand_over(part, orders)


class LearningStore:
    """The operator's side. Use as an asynchronous context manager.

    Args:
        dsn: the database, with the operator's own login.
        who, whence: the operator and the console or host, for the audit.
    """

    def __init__(self, dsn: str, *, who: str, whence: str) -> None:
        self._session = Session(dsn, f"operator {who}")
        self._author = (clean(who), clean(whence))

    async def __aenter__(self) -> LearningStore:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connection back."""
        await self._session.close()

    async def order(
        self,
        sensors: Sequence[str],
        action: LearningAction,
        *,
        reason: str = "",
        start: float | None = None,
        end: float | None = None,
    ) -> list[int]:
        """Order it of all these sensors, or of none.

        Args:
            sensors: their ids.
            action: what is ordered.
            reason: for the audit.
            start: of a maintenance window, seconds since the epoch; for going on, from when (by default now).
            end: of a maintenance window.

        Returns:
            The orders' ids.

        Raises:
            ActionRefused: one of the sensors is not known.
            NotAllowed: the database's login may look but not act.
            DatabaseUnreachable: it is not known whether it was ordered.
        """
        if action is LearningAction.THAW and start is None:
            start = time.time()
        request = {"reason": clean(reason)} | ({} if start is None else {"start": start, "end": end})
        document = msgspec.json.encode(request).decode()
        try:
            connection = await self._session.connection()
            async with transaction(connection):
                known = {row["name"] for row in await connection.fetch(KNOWN, sensors)}
                machines = [sensor for sensor in sensors if sensor.startswith("machine:")]
                if machines and action not in (LearningAction.RESET, LearningAction.ACCEPT):
                    raise ActionRefused(f"{machines[0]}: a machine can be accepted or reset", hint="name its sensors")
                missing = [sensor for sensor in sensors if sensor not in known]
                if missing:
                    raise ActionRefused(f"no sensor {missing[0]!r} is known", hint="it has not sent a reading yet")
                asked = [uuid4() for _ in sensors]
                for action_id, sensor in zip(asked, sensors, strict=True):
                    await connection.execute(INSERT_ORDER, action_id, *self._author, str(action), sensor, document)
                rows = await connection.fetch("SELECT id FROM audit WHERE action_id = ANY($1) ORDER BY id", asked)
                await connection.execute("SELECT pg_notify($1, '')", CHANNEL)
        except asyncpg.InsufficientPrivilegeError:
            raise NotAllowed(
                "the database login may look but not act", hint="log in as one that has controlroom_operator"
            ) from None
        except PASSING_ERRORS as error:
            self._session.drop()
            raise DatabaseUnreachable(
                f"the database does not answer ({str(error) or type(error).__name__}); it may not have been ordered",
                hint="`controlroom learning list` tells",
            ) from None
        return [row["id"] for row in rows]

    async def applied(self, group: str, orders: Sequence[int]) -> int:
        """How many of these orders workers of the group have carried out.

        Raises:
            one of PASSING_ERRORS: it is not known.
        """
        try:
            connection = await self._session.connection()
            return int(await connection.fetchval(APPLIED, group, list(orders)))
        except PASSING_ERRORS:
            self._session.drop()
            raise

    async def list(self, group: str, sensor: str | None = None, limit: int = 100) -> list[Ordered]:
        """The latest orders; `sensor` is a pattern with `*` and `?`."""
        connection = await self._session.connection()
        return [
            Ordered(
                row["id"], row["at"], row["who"], row["sensor_id"], LearningAction(row["action"]), row["kind"],
                msgspec.json.decode(row["request"]), row["part"], row["off"], row["applied_at"],
            )
            for row in await connection.fetch(LIST, group, like(sensor), limit)
        ]  # fmt: skip


async def read_facts(connection: asyncpg.Connection, group: str, topic: str, sensor_id: str) -> LearningFacts:
    """What operators have told the detectors of a sensor, as its group's workers have carried it out.

    And how they judge it: the kind of its signal, and whose limits are raised, as of the last checkpoint.
    """
    rows = await connection.fetch(OF_SENSOR, group, sensor_id)
    facts = facts_of((order_of(row), row["at"].timestamp(), row["who"], row["done"]) for row in rows)
    state = await connection.fetchval(STATE, group, topic, sensor_id)
    if not state or state[:1] != bytes([VERSION]):
        return facts
    bank = SensorBank.load(Profile(), state)
    raised = tuple((kind, factor) for kind, factor in bank.raised_limits.items() if factor >= LEAST_RAISED)
    return replace(facts, signal=bank.signal, raised_limits=raised)


def order_of(row: asyncpg.Record) -> LearningOrder:
    """A row of the audit as an order."""
    request = msgspec.json.decode(row["request"])
    seen = [msgspec.json.decode(row["detection"])] if row["detection"] is not None else []
    if row["also"] is not None:
        seen += msgspec.json.decode(row["also"])
    return LearningOrder(
        row["id"],
        row["sensor_id"],
        LearningAction(row["action"]),
        row["kind"],
        float(request.get("start") or 0.0),
        float(request.get("end") or 0.0),
        tuple(seen),
    )
