"""Makes the pictures of the documentation: `python -m tests.ui.pictures`. They show the fake plant of the tests."""

from __future__ import annotations

import asyncio
import random
import re
from datetime import timedelta
from pathlib import Path

from controlroom.ui.app import ControlRoomApp
from controlroom.ui.options import UiOptions
from tests.fakes.clock import START, FrozenClock
from tests.fakes.commands import (
    RecordingAlarmActions,
    RecordingCommands,
    RecordingDrills,
    RecordingLearning,
    RecordingTrends,
)
from tests.fakes.history import FakeHistory
from tests.fakes.plant import make_plant, reading, with_a_burst
from tests.ui.screen_text import settle

DOCS = Path(__file__).parents[2] / "docs"
PICTURES: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = {
    "overview": ((120, 40), ()),
    "overview-80x24": ((80, 24), ()),
    "tree": ((120, 30), ("T", "enter", "enter", "enter", "w")),
    "alarms": ((120, 30), ("2",)),
    "alarm": ((120, 30), ("2", "h")),
    "why": ((80, 24), ("2", "h", "y")),
    "suppressed": ((120, 30), ("2", "S")),
    "measures": ((120, 34), ("2", "m")),
    "shelve": ((80, 24), ("2", "s")),
    "cluster": ((120, 38), ("3",)),
    "simulator": ((120, 30), ("4",)),
    "sensor": ((120, 34), ("enter",)),
    "trends": ((120, 34), (*["space"] * 4, "v", *["left"] * 20)),
    "machine": ((120, 34), ("d",)),
    "inject": ((80, 24), ("i", "right")),
    "help-search": ((80, 24), ("question_mark", *"silence")),
    "alarm-groups": ((120, 30), ("2", "t", "t", "t")),
    "tour": ((80, 24), ("greater_than_sign",)),
}


async def picture(name: str, size: tuple[int, int], keys: tuple[str, ...]) -> None:
    clock = FrozenClock(START - timedelta(seconds=10))
    state = make_plant(START)
    if name == "alarm-groups":
        with_a_burst(state, START)
    # Ten seconds of readings, so that the header has a rate to show; the values stay what they are.
    options = UiOptions(
        clock=clock,
        refresh_rate=1e-6,
        alarms=RecordingAlarmActions(),
        learning=RecordingLearning(),
        history=FakeHistory(state, clock),
        drills=RecordingDrills(),
        trends=RecordingTrends(),
        tour=name == "tour",
    )
    app = ControlRoomApp(state, RecordingCommands(), options)
    rng = random.Random(1)
    running = [view for view in state.sensors.values() if view.state == "running" and view.last_value is not None]
    async with app.run_test(size=size) as pilot:
        for _ in range(10):
            await settle(pilot)
            clock.move(1)
            for view in rng.sample(running, 4):
                if view.severity == 0:
                    value = reading(view.sensor_id, view.sensor_type, view.location, view.last_value, clock.at)
                    state.apply_reading(value, seen_at=clock.at.timestamp(), simulated=True)
        await pilot.press(*keys)
        await settle(pilot)
        svg = app.export_screenshot(title="controlroom")
    # Fonts from elsewhere are not fetched by who reads documentation; what is there will do.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace(
        "font-family: Fira Code, monospace", "font-family: 'Fira Code', 'DejaVu Sans Mono', Menlo, monospace"
    )
    (DOCS / f"{name}.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", "utf-8")


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    for name, (size, keys) in PICTURES.items():
        asyncio.run(picture(name, size, keys))


if __name__ == "__main__":
    main()
