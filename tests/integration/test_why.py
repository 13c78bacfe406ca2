"""Why an alarm was raised, asked of a real PostgreSQL: through indexes, in bounded pieces; and what is not there."""

from __future__ import annotations

import json

import asyncpg
import pytest

from controlroom.adapters.console.history import BackgroundHistory
from controlroom.adapters.postgres import why_query
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.core.alarms.common_cause import GROUP_KIND
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.events import Detected, Returned, TimePassed
from controlroom.core.alarms.model import Severity
from controlroom.core.plant_state import PlantState
from controlroom.core.records import Batch, Signal, Source, facts_of_group
from controlroom.core.rollups import Bucket, BucketKey
from controlroom.core.why.model import Why
from tests.integration.test_alarms_cli import run
from tests.integration.test_console_history import history_on, until
from tests.integration.test_store import AT, batch, begun, facts

SENSOR = "temp-1"
READINGS, SHIFTED = 9_000, 200
#: seconds before AT at which the earlier occurrences of the alarm began, and how long they stood
EARLIER = ((4_000.0, 300.0), (3_000.0, 60.0), (2_000.0, 60.0))
BEGAN = AT - SHIFTED + 5.0


@pytest.fixture(params=["18", "15"])
def dsn(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("database" if request.param == "18" else "pg15_dsn")


def value_at(index: int) -> float:
    """Noise about 20, and 5 more in the last 200 seconds."""
    return 20.0 + (index * 7919 % 101) / 101 + (5.0 if index >= READINGS - SHIFTED else 0.0)


def level(at: float, value: float = 25.5, severity: Severity = Severity.WARNING) -> Detected:
    return Detected(
        at=at, severity=severity, value=value, expected=20.5, limit=21.5, score=value - 20.5, detector="step",
        message=f"stepped from 20.5 to {value}",
    )  # fmt: skip


def event(offset: int, *events: Detected | Returned | TimePassed) -> Batch:
    signals = [Signal(facts(), "level", one, Source("readings", 0, offset)) for one in events]
    return Batch(offset, offset + 1, records=1, signals=signals)


@pytest.fixture
async def plant(dsn: str) -> str:
    """A sensor with 2.5 hours of readings, three earlier occurrences of its level alarm, and one that stands."""
    rollups: dict[BucketKey, Bucket] = {}
    rows = []
    for index in range(READINGS):
        at = AT - READINGS + 1 + index
        rollups.setdefault((SENSOR, int(at // 60) * 60), Bucket()).add(at, value_at(index), 1.0)
        rows.append((index, AT, at, SENSOR, value_at(index), 1.0, index + 1))
    kept = batch(0, READINGS, rollups=rollups, sensors={SENSOR: facts()})
    kept.readings[:] = rows
    actions = AlarmActionStore(dsn, Definitions(), who="jon", whence="here")
    async with begun(dsn) as store:
        await store.commit(kept)
        for number, (ago, length) in enumerate(EARLIER):
            end = AT - ago + length
            offset = READINGS + number
            await store.commit(event(offset, level(AT - ago), Returned(at=end), TimePassed(at=end + 31.0)))
            if not number:
                await actions.mark_false(SENSOR, "level", "a truck went by")
            await actions.ack_now(SENSOR, "level")
        await store.commit(event(READINGS + len(EARLIER), level(BEGAN)))
    await actions.close()
    return dsn


async def ask(history: BackgroundHistory, state: PlantState, sensor: str = SENSOR, kind: str = "level") -> Why:
    history.why(sensor, kind)
    await until(lambda: state.archive.why.get((sensor, kind)))
    answer = state.archive.why.get((sensor, kind))
    assert answer is not None
    assert not answer.error
    assert answer.value is not None
    return answer.value


async def test_the_curve_the_evidence_and_what_was_before(plant: str) -> None:
    async with history_on(plant) as (history, state):
        why = await ask(history, state)
    one = why.occurrence
    assert one is not None
    assert (one.began, one.ended, one.detector, one.value) == (BEGAN, None, "step", 25.5)
    assert why.start <= BEGAN - 120.0
    assert why.end == AT
    assert (why.unit, why.limits) == ("°C", (("warning", 35.0), ("critical", 40.0)))
    assert why.learned == sum(AT - READINGS + 1 + index < why.start for index in range(READINGS))
    # The curve leaves what the detectors expected when the value shifts, and not before.
    curve = why.curve
    points = list(zip(curve.times, curve.values, curve.lows, curve.highs, strict=True))
    assert (why.band, why.band_origin) == ("expected mean", "computed again")
    assert all(low < 20.5 < high for at, value, low, high in points)
    assert all(value > high for at, value, low, high in points if at > AT - SHIFTED + 60)
    # Its own detector rang first and is the first of the lines; computed again it passes its limit at the shift.
    assert why.first == ("level", BEGAN)
    own = why.evidence[0]
    assert (own.kind, own.rang_at) == ("level", BEGAN)
    assert own.highest > 1.0
    assert own.over_at == pytest.approx(AT - SHIFTED, abs=10.0)
    assert all(multiple < 1.0 for at, multiple in own.points if at < AT - SHIFTED)
    assert {"spike", "noise", "limit", "dropout"} <= {evidence.kind for evidence in why.evidence}
    assert why.notes == ()


async def test_earlier_occurrences_the_nearest_first_and_how_often_it_was_false(plant: str) -> None:
    async with history_on(plant) as (history, state):
        past = (await ask(history, state)).past
    assert (past.count, past.marked_false, past.since, past.cut) == (3, 1, AT - 4_000.0, False)
    told = [(one.began, one.length, one.acked_by, one.false_by, one.words) for one in past.similar]
    # All are alike: the newest first.
    assert told == [
        (AT - 2_000.0, 60.0, "jon", "", ()),
        (AT - 3_000.0, 60.0, "jon", "", ()),
        (AT - 4_000.0, 300.0, "jon", "jon", ("jon: a truck went by",)),
    ]
    # The farthest value of that time, out of the roll-ups: the noise's.
    assert all(one.peak == pytest.approx(21.0, abs=0.05) for one in past.similar)
    assert past.waits  # no worker has learned from it


async def test_what_is_not_there_is_said(plant: str) -> None:
    await execute(plant, "DELETE FROM readings WHERE event_ts < to_timestamp($1)", AT - 230.0)
    async with history_on(plant) as (history, state):
        few = await ask(history, state)
        assert few.learned == 0
        assert any("too few for the detectors to learn from" in note for note in few.notes)
        assert (few.band, few.band_origin) == ("usual range", "98 % of 35 before")
        await execute(plant, "DELETE FROM readings")
        state.archive.why.fail((SENSOR, "level"), "", 0.0)
        before = state.archive.why.get((SENSOR, "level"))
        history.why(SENSOR, "level")
        await until(lambda: state.archive.why.get((SENSOR, "level")) is not before)
        answer = state.archive.why.get((SENSOR, "level"))
    assert answer is not None
    assert answer.value is not None
    assert answer.value.notes == ("the readings of that time are not stored (any more)",)
    assert (answer.value.curve.times, answer.value.evidence, answer.value.past.count) == ((), (), 3)


async def test_a_sample_of_the_readings_is_said_to_be_one(plant: str) -> None:
    await execute(plant, "DELETE FROM readings WHERE seq % 3 <> 0")
    async with history_on(plant) as (history, state):
        why = await ask(history, state)
    assert why.notes[0].startswith("not every reading is stored")


async def test_a_group_has_no_curve_and_an_alarm_that_never_was_is_said_so(plant: str) -> None:
    group = facts_of_group("zone:zone-a")
    signal = Signal(group, GROUP_KIND, level(BEGAN), Source("readings", 0, READINGS + 4))
    async with begun(plant) as store:
        claim = await store.claim()
        first = claim.next_offset or 0
        await store.commit(Batch(first, first + 1, records=1, signals=[signal]))
    async with history_on(plant) as (history, state):
        why = await ask(history, state, "zone:zone-a", GROUP_KIND)
        history.why("nobody", "level")
        await until(lambda: state.archive.why.get(("nobody", "level")))
        never = state.archive.why.get(("nobody", "level"))
    assert why.notes == ("it is of a group and not of one sensor: there is no curve",)
    assert never is not None
    assert never.error == "it was never raised"


async def test_a_database_that_is_away_is_one_line() -> None:
    async with history_on("postgresql://nobody@127.0.0.1:1/nothing") as (history, state):
        history.why(SENSOR, "level")
        await until(lambda: state.archive.why.get((SENSOR, "level")))
        answer = state.archive.why.get((SENSOR, "level"))
    assert answer is not None
    assert answer.value is None
    assert "not reachable" in answer.error
    assert "\n" not in answer.error


async def test_asks_go_through_indexes(plant: str) -> None:
    await execute(
        plant,
        "INSERT INTO readings SELECT 'readings', 0, 100000 + i, to_timestamp($1 - i), to_timestamp($1 - i), "
        "'other-' || i % 50, 1.0, 1.0, i FROM generate_series(1, 50000) i",
        AT,
    )
    await execute(
        plant,
        "INSERT INTO alarm_events SELECT 'e' || i, 'o' || i, 1, to_timestamp($1 - i), 'other-' || i % 50, 'level', "
        "'raised', 'warning', 'UNACK', true, '{}' FROM generate_series(1, 20000) i",
        AT,
    )
    await execute(plant, "ANALYZE readings")
    await execute(plant, "ANALYZE alarm_events")
    asked = (
        (why_query.OF_KIND, (SENSOR, "level", ["raised"], 10_000, 2_000), "alarm_events"),
        (why_query.RAISED, (SENSOR, AT - 60, AT, 200), "alarm_events"),
        (why_query.BEFORE, (SENSOR, AT - 300, 1_000), "readings"),
        (why_query.INSIDE, (SENSOR, AT - 300, AT, 8_000), "readings"),
    )
    connection = await asyncpg.connect(plant)
    try:
        for sql, arguments, table in asked:
            plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *arguments))
            assert f"Seq Scan on {table}" not in plan, plan
            assert "Limit" in plan, plan
    finally:
        await connection.close()


async def test_the_command_says_it_in_words_and_as_a_document(plant: str) -> None:
    told = await run(plant, "show", SENSOR, "level", "--why")
    assert told.returncode == 0, told.stderr
    for words in ("raised", "expected mean", "level", "1st", "BEFORE 3 times since", "1 of 4 marked false"):
        assert words in told.stdout
    assert "FALSE by jon: a truck went by; acked by jon" in told.stdout
    why = json.loads((await run(plant, "show", SENSOR, "level", "--why", "--json")).stdout)["why"]
    assert why["first"] == ["level", BEGAN]
    assert why["evidence"][0]["kind"] == "level"
    assert why["past"]["count"] == 3
    assert len(why["curve"]["times"]) == len(why["curve"]["highs"]) > 100
    plain = await run(plant, "show", SENSOR, "level")
    assert "BEFORE" not in plain.stdout


async def execute(dsn: str, sql: str, *arguments: object) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql, *arguments)
    finally:
        await connection.close()
