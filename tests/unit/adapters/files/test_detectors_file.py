"""The settings of detectors change while a worker runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from controlroom.adapters.files.detectors_file import follow_profiles, load_profiles


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_change_counts_at_once_and_a_wrong_file_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    path = tmp_path / "detectors.toml"
    path.write_text("[press]\nwarning_high = 5.0\n")
    profiles = load_profiles(path)
    changes: list[int] = []
    task = asyncio.create_task(follow_profiles(path, profiles, look_s=0.01, on_change=lambda: changes.append(1)))
    try:
        await until(lambda: "count from now on" in caplog.text)
        assert changes == [], "it says what it said"
        before = profiles.of_type("press")
        path.write_text("[press]\nwarning_high = 6.5\n")
        await until(lambda: profiles.of_type("press").warning_high == 6.5)
        assert (before.warning_high, len(changes)) == (5.0, 1)
        path.write_text("[press]\nwarnin = 6.0\n")
        await until(lambda: "the settings of detectors stay as they were" in caplog.text)
        assert "[press] warnin: there is no such key" in caplog.text
        assert profiles.of_type("press").warning_high == 6.5
        path.unlink()
        path.write_text("[press]\nwarning_high = 7.25\n")
        await until(lambda: profiles.of_type("press").warning_high == 7.25)
        assert len(changes) == 2
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])
