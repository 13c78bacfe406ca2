"""Alarm definitions that change while a worker runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controlroom.adapters.files.definitions_file import follow, load_definitions
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.events import Detected, Returned, TimePassed
from controlroom.core.alarms.lifecycle import step
from controlroom.core.alarms.model import Condition, Severity, new_alarm
from controlroom.errors import ConfigError


@asynccontextmanager
async def followed(path: Path, definitions: Definitions) -> AsyncIterator[None]:
    task = asyncio.create_task(follow(path, definitions, look_s=0.01))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def off_delay(definitions: Definitions) -> float:
    return definitions.resolve("temp-1", "temperature", "limit").off_delay_s


async def test_a_change_counts_at_once_and_alarms_keep_their_state(tmp_path: Path) -> None:
    path = tmp_path / "alarms.toml"
    path.write_text("[defaults]\noff_delay_s = 5\n")
    definitions = load_definitions(path)
    first = definitions.resolve("temp-1", "temperature", "limit")
    alarm = step(new_alarm("temp-1", "limit"), Detected(at=0.0, severity=Severity.WARNING), first).state
    clearing = step(alarm, Returned(at=10.0), first).state
    async with followed(path, definitions):
        path.write_text("[defaults]\noff_delay_s = 500\n")
        await until(lambda: off_delay(definitions) == 500)
    after = step(clearing, TimePassed(at=15.0), definitions.resolve("temp-1", "temperature", "limit")).state
    assert (after.condition, after.occurrence_id) == (Condition.NORMAL, alarm.occurrence_id)


async def test_a_wrong_or_missing_file_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "alarms.toml"
    path.write_text("[defaults]\noff_delay_s = 5\n")
    definitions = load_definitions(path)
    async with followed(path, definitions):
        path.write_text("[defaults]\noff_delay_s = 'long'\n")
        await until(lambda: "stay as they were" in caplog.text)
        assert off_delay(definitions) == 5
        path.unlink()
        path.write_text("[defaults]\noff_delay_s = 7\n")
        await until(lambda: off_delay(definitions) == 7)


def test_a_file_that_is_not_there_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"alarms\.toml"):
        load_definitions(tmp_path / "alarms.toml")
    assert off_delay(load_definitions(None)) == 30
