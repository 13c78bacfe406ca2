"""What an operator looks up, from a screen: asked for on any thread, read in turn on the link's loop."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Hashable
from datetime import UTC, datetime
from typing import TypeVar

import asyncpg

from controlroom.adapters.postgres.alarm_query import AlarmQueries
from controlroom.adapters.postgres.learning import read_facts
from controlroom.adapters.postgres.series_query import read_series
from controlroom.adapters.postgres.session import PASSING_ERRORS, Session
from controlroom.adapters.postgres.trend_query import read_jump, read_trend
from controlroom.adapters.postgres.trend_store import list_trends
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.floods import WINDOW_S
from controlroom.core.alarms.measures import Measurement, Report
from controlroom.core.alarms.model import Alarm, Label
from controlroom.core.archive import AlarmRecord, Answers, LearningFacts, Series
from controlroom.core.plant_state import PlantState
from controlroom.core.profiles import Profiles, profiles_of
from controlroom.core.trends import AlarmJump, SavedTrend, TrendData, TrendQuestion
from controlroom.core.why.model import Why
from controlroom.errors import ControlroomError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

#: Of one alarm's journal.
MOST_EVENTS = 200
#: Alarms of one sort of suppression that are listed.
MOST_SUPPRESSED = 2_000
#: The measures are of this long, or as long as there is a journal.
MEASURED_S = 86_400.0
STOP_TIMEOUT_S = 2.0

#: What is told in place of an answer.
_ANSWERS: tuple[type[Exception], ...] = (ControlroomError, *PASSING_ERRORS)


class BackgroundHistory:
    """Implements `controlroom.ports.History`: every method returns at once; the answer is put into `state.archive`.

    A question that is asked again before it was answered is answered once.

    Args:
        dsn: the database, with the operator's own login.
        definitions: what an operator should know of each alarm.
        loop: where the connections live.
        state: where the answers go.
        profiles: how the detectors of each type of sensor are set.
        group: of the workers whose detectors are asked about.
    """

    def __init__(
        self,
        dsn: str,
        definitions: Definitions,
        *,
        loop: asyncio.AbstractEventLoop,
        state: PlantState,
        profiles: Profiles | None = None,
        group: str = "",
        topic: str = "",
    ) -> None:
        self._queries = AlarmQueries(dsn)
        self._session = Session(dsn, "history")
        self._definitions = definitions
        self._profile_for = profiles_of(definitions, profiles)
        self._group = group
        self._topic = topic
        self._loop = loop
        self._state = state
        self._turn = asyncio.Lock()
        self._asked: dict[Hashable, asyncio.Task[None]] = {}

    def series(self, sensor_id: str, seconds: float, end: float) -> None:
        """What the sensor did in the `seconds` before `end`."""

        async def read(connection: asyncpg.Connection) -> Series:
            return await read_series(connection, sensor_id, end - seconds, end, self._profile_for)

        self._ask(self._state.archive.series, (sensor_id, seconds), self._on_session(read))

    def alarm(self, sensor_id: str, kind: str) -> None:
        """One alarm with its journal, its guidance and its children."""

        async def read() -> AlarmRecord:
            queries = self._queries
            alarm = await self._one(sensor_id, kind)
            definition = self._definitions.resolve(sensor_id, await queries.sensor_type(sensor_id), kind)
            journal = await queries.journal_of(sensor_id, kind, MOST_EVENTS)
            children = await queries.children(alarm.occurrence_id) if alarm.occurrence_id else ()
            return AlarmRecord(
                alarm,
                definition,
                tuple((recorded.timestamp(), event) for recorded, event in journal),
                tuple(children),
            )

        self._ask(self._state.archive.alarms, (sensor_id, kind), read)

    def why(self, sensor_id: str, kind: str) -> None:
        """Why it was raised: the curve about it, each detector's evidence, earlier occurrences."""

        async def read() -> Why:
            alarm = await self._one(sensor_id, kind)
            return await self._queries.why(alarm, self._profile_for, group=self._group, topic=self._topic)

        self._ask(self._state.archive.why, (sensor_id, kind), read)

    def suppressed(self) -> None:
        """Every alarm that is shelved, out of service or suppressed by design."""

        async def read() -> tuple[Alarm, ...]:
            found: list[Alarm] = []
            for label in (Label.SHELVED, Label.OUT_OF_SERVICE, Label.BY_DESIGN):
                found += await self._queries.find(everything=True, state=str(label), limit=MOST_SUPPRESSED)
            return tuple(found)

        self._ask(self._state.archive.suppressed, "", read)

    def measures(self) -> None:
        """How good the alarms of the last day are; the last of its 10-minute windows ends now."""

        async def read() -> Report:
            first = await self._queries.first_event()
            now = time.time()
            span = MEASURED_S if first is None else min(MEASURED_S, now - first.timestamp())
            start = now - max(1, math.ceil(span / WINDOW_S)) * WINDOW_S
            measurement = Measurement(start)
            async for record in self._queries.journal(
                datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(now, UTC)
            ):
                measurement.add(record)
            return measurement.report(now)

        self._ask(self._state.archive.measures, "", read)

    def learning(self, sensor_id: str) -> None:
        """What operators have told the sensor's detectors."""

        async def read(connection: asyncpg.Connection) -> LearningFacts:
            return await read_facts(connection, self._group, self._topic, sensor_id)

        self._ask(self._state.archive.learning, sensor_id, self._on_session(read))

    def trend(self, sensors: tuple[str, ...], span: float, end: float | None, until: float) -> None:
        """What a trend shows of the `span` seconds before `until`."""
        question = TrendQuestion(sensors, span, end)

        async def read(connection: asyncpg.Connection) -> TrendData:
            return await read_trend(connection, sensors, until - span, until)

        self._ask(self._state.archive.trends, question, self._on_session(read))

    def alarm_jump(self, sensors: tuple[str, ...], severity: str, at: float, step: int) -> None:
        """When the next alarm, or the one before, was raised."""
        jump = AlarmJump(sensors, severity, at, step)

        async def read(connection: asyncpg.Connection) -> float | None:
            return await read_jump(connection, jump)

        self._ask(self._state.archive.alarm_jumps, jump, self._on_session(read))

    def saved_trends(self) -> None:
        """All trends that are saved by name."""

        async def read(connection: asyncpg.Connection) -> tuple[SavedTrend, ...]:
            return await list_trends(connection)

        self._ask(self._state.archive.saved_trends, "", self._on_session(read))

    async def close(self) -> None:
        """Give the connections back; who asked is not there any more."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S)
        await self._session.close()
        await self._queries.close()

    async def _one(self, sensor_id: str, kind: str) -> Alarm:
        alarm = await self._queries.one(sensor_id, kind)
        if alarm is None:
            raise ControlroomError("it was never raised", hint="")
        return alarm

    def _on_session(self, read: Callable[[asyncpg.Connection], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
        """Read on our own connection, which is thrown away when that fails."""

        async def on_session() -> T:
            try:
                return await read(await self._session.connection())
            except BaseException:
                self._session.drop()
                raise

        return on_session

    def _ask(self, answers: Answers[K, T], key: K, read: Callable[[], Awaitable[T]]) -> None:
        async def in_turn() -> None:
            async with self._turn:
                try:
                    answers.put(key, await read(), time.time())
                except _ANSWERS as error:
                    said = error.message if isinstance(error, ControlroomError) else str(error)
                    answers.fail(key, said or type(error).__name__, time.time())

        def start() -> None:
            question = (id(answers), key)
            if question not in self._asked:
                task = self._asked[question] = self._loop.create_task(in_turn())
                task.add_done_callback(lambda _: self._asked.pop(question, None))

        # After the link has ended there is no loop any more, and nobody who would look.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(start)
