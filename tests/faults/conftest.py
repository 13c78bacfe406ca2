"""Scenes for the fault suite; every one ends with its workers gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controlroom.local import Endpoints
from tests.faults.scene import Scene


@pytest.fixture
async def scene(endpoints: Endpoints, database: str, tmp_path: Path) -> AsyncIterator[Scene]:
    made = await Scene.make(endpoints.brokers, database, tmp_path)
    yield made
    made.close()
