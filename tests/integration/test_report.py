"""`controlroom report` over a journal in a real PostgreSQL: figures, text, JSON and page."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.adapters.postgres.alarm_query import AlarmQueries
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.events import Detected
from controlroom.core.alarms.model import Severity
from controlroom.core.records import Signal, Source
from tests.command import run_beside
from tests.integration.test_store import AT, batch, begun, facts, query

SENSORS = 15


@pytest.fixture
async def dsn(database: str) -> str:
    """Fifteen alarms in one moment, one of them acked; one of a sensor whose name is HTML."""
    names = ["<b>temp</b>", *(f"temp-{number}" for number in range(1, SENSORS))]
    signals = [
        Signal(
            facts(name), "limit", Detected(at=AT, severity=Severity.WARNING, message="high"), Source("readings", 0, 0)
        )
        for name in names
    ]
    async with begun(database) as store:
        await store.commit(batch(0, 1, signals=signals, sensors={name: facts(name) for name in names}))
    operator = AlarmActionStore(database, Definitions(), who="alice", whence="test")
    await operator.ack_now("temp-1", "limit")
    await operator.close()
    return database


async def run(dsn: str, *arguments: str, columns: str = "100") -> subprocess.CompletedProcess[str]:
    return await run_beside(*arguments, CONTROLROOM_DSN=dsn, COLUMNS=columns)


async def test_the_figures_are_those_of_the_journal(dsn: str) -> None:
    result = await run(dsn, "report", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    (rings,) = await query(dsn, "SELECT count(*) AS n FROM alarm_events WHERE annunciated")
    assert report["annunciations"] == rings["n"] == SENSORS
    measures = {measure["key"]: measure for measure in report["measures"]}
    assert measures["peaks"]["detail"] == f"most in one: {SENSORS}"
    assert len(report["floods"]) == 1
    assert report["responses"] == 1
    assert 0 <= report["response_median_s"] < 60
    assert len(report["windows"]) == 144
    alone = json.loads((await run(dsn, "alarms", "report", "--json", "--operators", "2")).stdout)
    assert alone["floods"] == []


async def test_text_and_page(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    result = await run(dsn, "report", "--html", str(path), columns="120")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[1] == f"Annunciated: {SENSORS}"
    assert any(line.startswith("annunciated alarms per 10 min") and "about 1" in line for line in lines)
    assert "┤" in result.stdout
    assert "most frequent:" in lines
    assert max(map(len, lines)) <= 130
    page = path.read_text("utf-8")
    assert "<b>temp" not in page
    assert "&lt;b&gt;temp" in page
    assert page.count("<svg") == 4
    assert "<title>Alarms, " in page
    assert "<script" not in page
    assert "http" not in page, "it needs nothing from elsewhere"


async def test_an_empty_journal_and_a_wrong_period(database: str) -> None:
    result = await run(database, "report")
    assert (result.returncode, result.stdout.splitlines()[1]) == (0, "Annunciated: 0")
    wrong = await run(database, "report", "--from", "2026-02-01", "--to", "2026-01-01")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (4, 1)
    assert "from 2026-02-01 00:00:00 to 2026-01-01 00:00:00" in wrong.stderr
    unclear = await run(database, "report", "--from", "last tuesday")
    assert unclear.returncode == 2
    assert "'last tuesday' is no time" in unclear.stderr
    assert (await run(database, "report", "--from", "8h", "--to", "now")).returncode == 0


async def test_the_operators_are_a_setting(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLROOM_OPERATORS", "3")
    report = json.loads((await run(dsn, "report", "--json")).stdout)
    assert report["operators"] == 3


async def test_at_80_columns_nothing_is_wider(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = await run(dsn, "report", columns="80")
    assert result.returncode == 0, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "    target: about 1; at most 2 manageable" in result.stdout.splitlines()


async def test_what_stood_before_the_period_is_known_and_what_was_over_is_not_read(dsn: str) -> None:
    async with AlarmQueries(dsn) as queries:
        later = datetime.now(UTC) + timedelta(hours=1)
        standing = [record async for record in queries.journal(later, later + timedelta(hours=1))]
        assert {record.sensor_id for record in standing} >= {"<b>temp</b>", "temp-1"}
        everything = [record async for record in queries.journal(later - timedelta(days=1), later)]
        assert len(everything) == len(await query(dsn, "SELECT 1 FROM alarm_events"))
        assert everything == sorted(everything, key=lambda record: record.at)
