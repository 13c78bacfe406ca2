"""`controlroom history`: what it understands, and what it says when it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from controlroom.adapters.postgres.rollup_query import Summary
from controlroom.cli import history as module
from controlroom.errors import InputError

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
FOUND = [
    Summary(AT, 20, 1, 24.0, 26.5, 25.25, 0.5, 25.5),
    Summary(AT + timedelta(hours=1), 0, 3, None, None, None, None, None),
]


@pytest.mark.parametrize(("text", "seconds"), [("90m", 5400), ("24h", 86_400), ("7d", 604_800)])
def test_spans(text: str, seconds: int) -> None:
    assert module._span(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "7", "0h", "-1d", "1w", "7 d"])
def test_no_spans(text: str) -> None:
    with pytest.raises(InputError, match="--last"):
        module._span(text)


def test_a_time_without_a_zone_is_utc() -> None:
    assert module._time("2026-03-01T12:00:00") == module._time("2026-03-01T13:00:00+01:00") == AT
    with pytest.raises(InputError, match="--until"):
        module._time("noon")


def run(monkeypatch: pytest.MonkeyPatch, found: list[Summary], *options: str) -> tuple[list[str], list[object]]:
    asked: list[object] = []

    async def read(dsn: str, *what: object) -> list[Summary]:
        asked.extend(what)
        return found

    monkeypatch.setattr(module, "_read", read)
    arguments = ["temp-1", "--dsn", "postgresql://nowhere/x", "--until", "2026-03-01T14:00:00Z", *options]
    done = CliRunner().invoke(module.history, arguments)
    assert done.exit_code == 0, done.output
    return done.output.splitlines(), asked


def test_a_table_of_the_finest_buckets_that_a_person_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, asked = run(monkeypatch, FOUND, "--last", "7d")
    assert asked[-1] == "rollup_hour"
    assert [line.split() for line in lines[1:]] == [
        ["2026-03-01", "12:00:00", "20", "1", "24", "25.25", "26.5", "0.5", "25.5"],
        ["2026-03-01", "13:00:00", "0", "3", "-", "-", "-", "-", "-"],
    ]
    _, asked = run(monkeypatch, FOUND, "--last", "7d", "--by", "minute")
    assert asked == ["temp-1", AT - timedelta(days=7, hours=-2), AT + timedelta(hours=2), "rollup_minute"]


def test_json_and_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, _ = run(monkeypatch, FOUND, "--json")
    assert lines[1].startswith('{"start":"2026-03-01T13:00:00Z","count":0,"bad":3,"low":null')
    lines, _ = run(monkeypatch, [])
    assert lines == ["no readings of temp-1 in the 24h before 2026-03-01 14:00:00Z"]
