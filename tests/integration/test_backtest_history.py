"""A sensor's history, from the topic and from the database, is the same backtest."""

from __future__ import annotations

import asyncio
import json
import subprocess

from tests.command import run_here
from tests.integration.test_detection import Place, place, publish, query  # noqa: F401 - a fixture among them
from tests.integration.test_learning import readings, until, working


def backtest(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:  # noqa: F811
    environment = {
        "KAFKA_BROKERS": place.endpoints.brokers,
        "CONTROLROOM_DSN": place.dsn,
        "SENSOR_TOPIC": place.settings.sensor_topic,
    }
    return run_here("backtest", *arguments, **environment)


async def test_the_topic_and_the_database_tell_the_same_and_what_the_plant_found(place: Place) -> None:  # noqa: F811
    await publish(place, readings(1, 3000, 25.0))
    await publish(place, [(b"temp-000", b"{"), (b"temp-001", b"{"), *readings(3001, 300, 37.0)])
    async with working(place):
        await until(place, "SELECT count(*) FROM readings", [(3300,)])
    found = {}
    for whence in ("kafka", "postgres"):
        done = await asyncio.to_thread(backtest, place, "--sensor", "temp-000", "--from", whence, "--json")
        assert done.returncode == 0, done.stderr
        found[whence] = json.loads(done.stdout)["series"][0]
        assert (found[whence]["rows"], found[whence]["unreadable"]) == (3301, 1)
    told = [[(alarm["kind"], alarm["row"], alarm["value"]) for alarm in found[whence]["alarms"]] for whence in found]
    assert told[0] == told[1]
    raised = await query(place, "SELECT kind FROM alarm_events WHERE event = 'raised' AND sensor_id = 'temp-000'")
    assert {kind for kind, _, _ in told[0]} == {kind for (kind,) in raised}
    later = await asyncio.to_thread(
        backtest, place, "--sensor", "temp-000", "--since", "2026-03-01T00:50:01Z", "--until", "2026-03-01T00:52:00Z"
    )
    assert later.returncode == 0, later.stderr
    assert " 119 " in later.stdout
    unknown = await asyncio.to_thread(backtest, place, "--sensor", "temp-9")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (4, 1)
    assert "no sensor 'temp-9' is known" in unknown.stderr
