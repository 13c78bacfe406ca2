"""What an operator looks up, on a real PostgreSQL: asked without waiting, answered into the state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from statistics import fmean, stdev

import pytest

from controlroom.adapters.console.history import BackgroundHistory
from controlroom.adapters.postgres import series_query
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.core.alarms.definitions import Definitions, parse_definitions
from controlroom.core.archive import Answer, Series
from controlroom.core.plant_state import PlantState
from controlroom.core.rollups import Bucket, BucketKey
from tests.integration.test_store import AT, batch, begun, facts, raised

SENSOR = "temp-1"
EVERY_S = 10.0
READINGS = 1_000
#: the values of the readings, oldest first; the last one is of AT
VALUES = [20.0 + (index * 37 % 100) / 50 for index in range(READINGS)]
TIMES = [AT - (READINGS - 1 - index) * EVERY_S for index in range(READINGS)]
DEFINITIONS = parse_definitions('[[alarm]]\nkind = "limit"\ncause = "cooling water lost"\naction = "open valve V-12"')


@pytest.fixture(params=["18", "15"])
def dsn(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("database" if request.param == "18" else "pg15_dsn")


@asynccontextmanager
async def history_on(
    dsn: str, definitions: Definitions = DEFINITIONS
) -> AsyncIterator[tuple[BackgroundHistory, PlantState]]:
    state = PlantState()
    history = BackgroundHistory(dsn, definitions, loop=asyncio.get_running_loop(), state=state)
    try:
        yield history, state
    finally:
        await history.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def keep_readings(dsn: str) -> None:
    rollups: dict[BucketKey, Bucket] = {}
    for at, value in zip(TIMES, VALUES, strict=True):
        rollups.setdefault((SENSOR, int(at // 60) * 60), Bucket()).add(at, value, 1.0)
    rows = [(i, AT, at, SENSOR, value, 1.0, i + 1) for i, (at, value) in enumerate(zip(TIMES, VALUES, strict=True))]
    kept = batch(0, READINGS, rollups=rollups, sensors={SENSOR: facts()}, signals=[raised(1)])
    kept.readings[:] = rows
    async with begun(dsn) as store:
        await store.commit(kept)


async def ask(history: BackgroundHistory, state: PlantState, seconds: float) -> Series:
    before = state.archive.series.get((SENSOR, seconds))
    history.series(SENSOR, seconds, AT + 1)
    await until(lambda: state.archive.series.get((SENSOR, seconds)) is not before)
    answer = state.archive.series.get((SENSOR, seconds))
    assert answer is not None
    assert not answer.error
    assert answer.value is not None
    return answer.value


async def test_a_short_span_is_told_by_readings_with_a_score_for_each(dsn: str) -> None:
    await keep_readings(dsn)
    async with history_on(dsn) as (history, state):
        series = await ask(history, state, 900.0)
        again = await ask(history, state, 900.0)
    inside = [value for at, value in zip(TIMES, VALUES, strict=True) if at >= AT + 1 - 900]
    assert series.resolution == "raw"
    assert list(series.values) == inside
    assert series.statistics is not None
    assert (series.statistics.count, series.statistics.low, series.statistics.high) == (90, min(inside), max(inside))
    assert series.statistics.mean == pytest.approx(fmean(inside))
    assert series.statistics.deviation == pytest.approx(stdev(inside))
    assert [at for at, _ in series.scores] == list(series.times)
    assert all(0.0 <= score <= 1.0 for _, score in series.scores)
    assert again == series
    # The alarm that was raised in it.
    assert [(event.kind, event.event) for event in series.events] == []  # it is of a second after AT
    assert series.end == AT + 1


@pytest.mark.parametrize(("seconds", "resolution", "width"), [(21_600.0, "minute", 60), (604_800.0, "hour", 3600)])
async def test_a_long_span_is_told_by_roll_ups_with_the_statistics_of_every_reading(
    dsn: str, seconds: float, resolution: str, width: int
) -> None:
    await keep_readings(dsn)
    async with history_on(dsn) as (history, state):
        series = await ask(history, state, seconds)
    assert series.resolution == resolution
    assert len(series.times) == len({at // width for at in TIMES})
    assert all(low <= mean <= high for low, mean, high in zip(series.lows, series.values, series.highs, strict=True))
    assert series.statistics is not None
    assert series.statistics.count == READINGS
    assert series.statistics.mean == pytest.approx(fmean(VALUES))
    assert series.statistics.deviation == pytest.approx(stdev(VALUES))
    assert series.statistics.last == VALUES[-1]
    assert series.scores == ()


async def test_a_sensor_with_very_many_readings_is_told_by_minutes(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await keep_readings(dsn)
    monkeypatch.setattr(series_query, "MOST_READINGS", 89)
    async with history_on(dsn) as (history, state):
        assert (await ask(history, state, 900.0)).resolution == "minute"


async def test_a_sensor_of_which_nothing_is_kept(dsn: str) -> None:
    async with history_on(dsn) as (history, state):
        series = await ask(history, state, 900.0)
    assert (series.times, series.statistics, series.events) == ((), None, ())


async def test_one_alarm_with_its_guidance_and_who_did_what(dsn: str) -> None:
    async with begun(dsn) as store:
        committed = await store.commit(batch(0, 3, signals=[raised(1)], sensors={SENSOR: facts()}))
    occurrence, version = committed.events[-1].occurrence_id, committed.events[-1].version
    actions = AlarmActionStore(dsn, Definitions(), who="ada", whence="here")
    async with history_on(dsn) as (history, state):
        try:
            await actions.ack(SENSOR, "limit", occurrence, version, "on my way")
            history.alarm(SENSOR, "limit")
            await until(lambda: state.archive.alarms.get((SENSOR, "limit")))
            answer = state.archive.alarms.get((SENSOR, "limit"))
            assert answer is not None
            record = answer.value
            assert record is not None
            assert (record.alarm.acked_by, record.definition.cause) == ("ada", "cooling water lost")
            assert [(event.event, event.actor) for _, event in record.journal] == [("acked", "ada"), ("raised", "")]

            await actions.shelve(SENSOR, "limit", 600.0, "noisy")
            history.suppressed()
            await until(lambda: state.archive.suppressed.get(""))
            kept = state.archive.suppressed.get("")
            assert kept is not None
            assert kept.value is not None
            assert [(alarm.sensor_id, alarm.shelf and alarm.shelf.reason) for alarm in kept.value] == [
                (SENSOR, "noisy")
            ]

            history.measures()
            await until(lambda: state.archive.measures.get(""))
            measures = state.archive.measures.get("")
            assert measures is not None
            assert measures.value is not None
            assert (measures.value.annunciations, measures.value.windows[-1]) == (1, 1)
        finally:
            await actions.close()


async def test_an_alarm_that_never_was_is_said_so(dsn: str) -> None:
    async with history_on(dsn) as (history, state):
        history.alarm("nobody", "limit")
        await until(lambda: state.archive.alarms.get(("nobody", "limit")))
        assert state.archive.alarms.get(("nobody", "limit")) == Answer(
            state.archive.alarms.get(("nobody", "limit")).at,  # type: ignore[union-attr]
            None,
            "it was never raised",
        )


async def test_a_question_that_is_asked_twice_is_answered_once(dsn: str) -> None:
    async with history_on(dsn) as (history, state):
        for _ in range(5):
            history.suppressed()
        await until(lambda: state.archive.suppressed.get(""))
        first = state.archive.suppressed.get("")
        await asyncio.sleep(0)
        assert state.archive.suppressed.get("") is first


async def test_a_database_that_is_away_is_an_answer_and_what_was_known_stays() -> None:
    async with history_on("postgresql://nobody@127.0.0.1:1/nothing") as (history, state):
        state.archive.suppressed.put("", (), 5.0)
        history.suppressed()
        await until(lambda: (answer := state.archive.suppressed.get("")) and answer.error)
        answer = state.archive.suppressed.get("")
        assert answer is not None
        assert (answer.value, answer.at) == ((), 5.0)
