"""Trends on a real PostgreSQL: what is looked up for them, and how they are kept by name for all operators."""

from __future__ import annotations

import asyncio

import pytest

from controlroom.adapters.console.trend_library import TrendLibrary
from controlroom.adapters.postgres import trend_query
from controlroom.adapters.postgres.trend_store import TrendStore
from controlroom.core.plant_state import PlantState
from controlroom.core.trends import AlarmJump, Trend, TrendQuestion, encode_trend
from controlroom.errors import ActionRefused, NotAllowed
from tests.integration.test_alarm_actions import login
from tests.integration.test_console_history import READINGS, SENSOR, TIMES, VALUES, history_on, keep_readings, until
from tests.integration.test_store import AT, query

__all__ = ["login"]

TREND = encode_trend(Trend((SENSOR, "[/x]"), 3600.0, shared=True))


@pytest.fixture(params=["18", "15"])
def dsn(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("database" if request.param == "18" else "pg15_dsn")


async def test_a_trend_is_told_by_the_finest_that_is_stored(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await keep_readings(dsn)
    await query(
        dsn,
        "INSERT INTO faults (fault_id, sensor_id, fault, machine_id, zone, injected_by, command_id, asked_at,"
        f" starts_at) VALUES ('f1', '{SENSOR}', 'drift', '', '', 'ada', 'c1', now(), to_timestamp({AT - 60}))",
    )
    end = AT + 60.0
    async with history_on(dsn) as (history, state):

        async def ask(span: float, sensors: tuple[str, ...] = (SENSOR, "nobody")):
            question = TrendQuestion(sensors, span, end)
            before = state.archive.trends.get(question)
            history.trend(sensors, span, end, end)
            await until(lambda: state.archive.trends.get(question) is not before)
            answer = state.archive.trends.get(question)
            assert answer is not None
            assert answer.value is not None, answer.error
            return answer.value

        raw = await ask(900.0)
        assert list(raw.curves[SENSOR].values) == [v for t, v in zip(TIMES, VALUES, strict=True) if t >= end - 900]
        assert raw.curves["nobody"].times == ()
        assert [(event.sensor_id, event.event) for event in raw.events] == [(SENSOR, "raised")]
        assert [(fault.fault_id, fault.sensors) for fault in raw.faults] == [("f1", (SENSOR,))]
        minutes = (await ask(21_600.0)).curves[SENSOR]
        assert (minutes.width, len(minutes.times)) == (60.0, len({at // 60 for at in TIMES}))
        hours = await ask(30 * 86_400.0)
        assert hours.curves[SENSOR].width == 3600.0
        assert hours.first == min(at // 3600 * 3600 for at in TIMES)
        # Very many readings, or readings that are not kept any more: the next coarser.
        monkeypatch.setattr(trend_query, "MOST_READINGS", 50)
        assert (await ask(900.0)).curves[SENSOR].width == 60.0
        monkeypatch.setattr(trend_query, "MOST_READINGS", READINGS)
        await query(dsn, "DELETE FROM readings")
        assert (await ask(900.0)).curves[SENSOR].width == 60.0
        await query(dsn, "DELETE FROM rollup_minute")
        assert (await ask(900.0)).curves[SENSOR].width == 3600.0

        raised = raw.events[0].timestamp.timestamp()
        for at, step, found in ((AT - 900, 1, raised), (raised, 1, None), (raised + 1, -1, raised)):
            jump = AlarmJump((SENSOR,), raw.events[0].severity, at, step)
            history.alarm_jump(jump.sensors, jump.severity, jump.at, jump.step)
            await until(lambda jump=jump: state.archive.alarm_jumps.get(jump))
            answer = state.archive.alarm_jumps.get(jump)
            assert answer is not None
            assert (answer.value, answer.error) == (found, "")


async def test_saved_by_one_operator_and_opened_by_another(dsn: str) -> None:
    ada, bob = TrendStore(dsn, who="ada"), TrendStore(dsn, who="bob")
    try:
        await ada.save("line 1", TREND)
        with pytest.raises(ActionRefused, match="already"):
            await bob.save("line 1", TREND)
        async with history_on(dsn) as (history, state):
            history.saved_trends()
            await until(lambda: state.archive.saved_trends.get(""))
            answer = state.archive.saved_trends.get("")
            assert answer is not None
            assert answer.value is not None
            (saved,) = answer.value
            assert (saved.name, saved.saved_by, saved.trend) == ("line 1", "ada", Trend((SENSOR, "[/x]"), 3600.0, True))
        await bob.save("line 1", TREND, replace=True)
        assert [row["saved_by"] for row in await query(dsn, "SELECT saved_by FROM trends")] == ["bob"]
        # What a newer version has saved in another form is left out, and stays.
        await query(dsn, "INSERT INTO trends (name, doc, saved_by) VALUES ('new', '{\"grid\": 4}', 'eve')")
        async with history_on(dsn) as (history, state):
            history.saved_trends()
            await until(lambda: state.archive.saved_trends.get(""))
            answer = state.archive.saved_trends.get("")
            assert answer is not None
            assert [each.name for each in answer.value or ()] == ["line 1"]
        await bob.remove("line 1")
        with pytest.raises(ActionRefused, match="no trend"):
            await ada.remove("line 1")
    finally:
        await ada.close()
        await bob.close()


async def test_an_operator_may_save_a_viewer_may_not_and_both_are_told(dsn: str, login) -> None:
    mira, eve = TrendStore(await login("operator"), who="mira"), TrendStore(await login("viewer"), who="eve")
    state = PlantState()
    library = TrendLibrary(mira, loop=asyncio.get_running_loop(), state=state)
    try:
        library.save("line 1", TREND)
        await until(lambda: state.notices)
        assert "trend line 1 saved" in state.notices[-1].text
        with pytest.raises(NotAllowed, match="may open trends but not save"):
            await eve.save("line 2", TREND)
    finally:
        await library.close()
        await eve.close()
