"""What the screen costs: CPU and bytes to the terminal per tick, by sensors, beside Textual's own Sparkline widgets.

Every sensor gets a reading before every tick, so each tick redraws whatever is visible. The terminal is a sink that
counts bytes; CPU is that of the process between the tick and the moment when nothing is left to draw. The readings
themselves are stored outside of what is measured: in the program that is another thread's work.

`ratio_to_widgets_1000` is our CPU with 1,000 sensors divided by that of 1,000 Sparkline widgets: smaller is better.
`ratio_10000_to_1000` is that with ten times the sensors off the screen: 1 when what is not seen costs nothing.

Then the overview as a tree beside the flat list, in one run: 20 sensors a machine, each reading every five seconds, two
ticks a second. `tree_ratio_quiet_N` is the CPU of the tree's tick divided by the flat list's while only values change;
`tree_ratio_alarms_N` the same while ten alarms are raised and ten return between any two ticks, as a mean, for both are
sorted once a second. `tree_open_ms_N` is the CPU of opening a node and drawing it, the dearest of a section, its zones
and their machines; `tree_first_ms_N` that of looking at all sensors, when the tree is first asked for.

Last the screens with curves, each with a reading of every sensor before each tick: one sensor's chart, a trend of eight
sensors over the same hour of 3,600 readings each, and the page of a machine with these eight. `trend_ratio_to_sensor`
and `machine_ratio_to_sensor` are their CPU divided by that of the one chart; eight charts would cost 8.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

_SIZES = (10, 100, 1_000, 10_000)
_TREES = (1_000, 10_000, 100_000)
#: turns of the tree and the flat list
_ROUNDS = 5
_WIDGETS = 1_000
_HISTORY = 60
_START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
#: between ticks: longer than Textual's frame at 60 a second, so that a tick's drawing never spills into the next
_PAUSE_S = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long, and how large a terminal."""
    parser.add_argument("--ticks", type=int, default=20, help="ticks that are measured, per size and kind")
    parser.add_argument("--size", default="80x24", metavar="WxH", help="of the terminal")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, print a table, return the figures."""
    os.environ.update(TEXTUAL_FPS="60", TEXTUAL_ANIMATIONS="none", TEXTUAL_COLOR_SYSTEM="truecolor")
    width, _, height = args.size.partition("x")
    size = (int(width), int(height))
    rows = {str(count): asyncio.run(_ours(count, size, args.ticks)) for count in _SIZES}
    rows["1000, a tenth"] = asyncio.run(_ours(1_000, size, args.ticks, every=10))
    widgets = asyncio.run(_widgets(_WIDGETS, size, args.ticks))
    print(f"{'sensors':>16} {'CPU ms/tick':>12} {'bytes/tick':>11}")
    for name, (cpu, sent) in [*rows.items(), (f"{_WIDGETS} Sparklines", widgets)]:
        print(f"{name:>16} {cpu:>12.2f} {sent:>11.0f}")
    figures: dict[str, Any] = {"size": args.size, "ticks": args.ticks}
    for name, (cpu, sent) in rows.items():
        key = name.replace(", a ", "_")
        figures[f"cpu_ms_{key}"], figures[f"bytes_{key}"] = round(cpu, 3), round(sent)
    figures[f"widgets_cpu_ms_{_WIDGETS}"], figures[f"widgets_bytes_{_WIDGETS}"] = (
        round(widgets[0], 3),
        round(widgets[1]),
    )
    figures["ratio_10000_to_1000"] = round(rows["10000"][0] / rows["1000"][0], 3)
    figures["ratio_to_widgets_1000"] = round(rows["1000"][0] / widgets[0], 4)
    names = ("flat quiet", "tree quiet", "flat alarms", "tree alarms", "open", "first")
    print(f"{'CPU ms: sensors':>16} {' '.join(f'{name:>11}' for name in names)}")
    for count in _TREES:
        costs = asyncio.run(_tree(count, size, args.ticks))
        print(f"{count:>16} {' '.join(f'{costs[name]:>11.2f}' for name in names)}")
        figures |= {f"tree_{name.replace(' ', '_')}_ms_{count}": round(costs[name], 3) for name in names}
        figures[f"tree_ratio_quiet_{count}"] = round(costs["tree quiet"] / costs["flat quiet"], 3)
        figures[f"tree_ratio_alarms_{count}"] = round(costs["tree alarms"] / costs["flat alarms"], 3)
    curves = asyncio.run(_curves(size, args.ticks))
    print(f"{'CPU ms/tick':>16} {' '.join(f'{name:>11}' for name in curves)}")
    print(f"{'':>16} {' '.join(f'{cpu:>11.2f}' for cpu, _ in curves.values())}")
    for name, (cpu, sent) in curves.items():
        figures[f"{name}_cpu_ms"], figures[f"{name}_bytes"] = round(cpu, 3), round(sent)
    for name in ("trend", "machine"):
        figures[f"{name}_ratio_to_sensor"] = round(curves[name][0] / curves["sensor"][0], 3)
    return figures


async def _curves(size: tuple[int, int], ticks: int) -> dict[str, tuple[float, float]]:
    """CPU milliseconds and bytes per tick of a sensor's screen, a trend of eight sensors, and their machine's page."""
    from benchmarks._curve_plant import SENSORS, CurvePlant
    from controlroom.ui.app import ControlRoomApp
    from controlroom.ui.options import UiOptions

    found: dict[str, tuple[float, float]] = {}
    for name, keys in (("sensor", ("enter",)), ("trend", ("v",)), ("machine", ("d",))):
        plant = CurvePlant()
        app = ControlRoomApp(
            plant.state, _NoCommands(), UiOptions(clock=plant, refresh_rate=1e-6, history=plant.history)
        )
        app.driver_class = _sink()
        app.context.trend.show(SENSORS)
        # From 15 minutes to an hour.
        found[name] = await _measure(app, size, ticks, plant.read, app.tick, keys=(*keys, "right_square_bracket"))
    return found


async def _ours(count: int, size: tuple[int, int], ticks: int, *, every: int = 1) -> tuple[float, float]:
    """CPU milliseconds and bytes per tick of the overview with `count` sensors, one in `every` of which reads."""
    from controlroom.core.plant_state import PlantState
    from controlroom.ui.app import ControlRoomApp
    from controlroom.ui.options import UiOptions
    from controlroom.wire import SENSOR_TYPES, Location, Metadata, Reading

    state, clock, kind = PlantState(), _Clock(), SENSOR_TYPES["temperature"]
    place, meta = Location("production", "machine-001", "zone-a"), Metadata(0, kind.warning, kind.critical)

    def read(tick: int) -> None:
        at = _START + timedelta(seconds=tick)
        clock.at = at
        for number in range(tick % every, count, every):
            value = kind.base + (number * 7 + tick * 13) % 17 / 4
            reading = Reading(at, f"temp-sensor-{number:05d}", kind.name, place, value, kind.unit, metadata=meta)
            state.apply_reading(reading, seen_at=at.timestamp(), simulated=True)

    for tick in range(_HISTORY * every):
        read(tick)
    # Its own timer would tick while we do not look: it is set so slow that it never does.
    app = ControlRoomApp(state, _NoCommands(), UiOptions(clock=clock, refresh_rate=1e-6))
    app.driver_class = _sink()
    return await _measure(app, size, ticks, lambda tick: read(_HISTORY * every + tick), app.tick)


async def _tree(count: int, size: tuple[int, int], ticks: int) -> dict[str, float]:
    """CPU milliseconds of the flat list and of the tree."""
    from benchmarks._tree_plant import TreePlant
    from controlroom.core.hierarchy.nodes import Node
    from controlroom.ui.app import ControlRoomApp
    from controlroom.ui.options import UiOptions
    from controlroom.ui.screens.overview import OverviewScreen

    plant = TreePlant(count)
    app = ControlRoomApp(plant.state, _NoCommands(), UiOptions(clock=plant, refresh_rate=1e-6))
    app.driver_class = _sink()

    async def cost(act: Callable[[], object]) -> float:
        before = time.process_time()
        act()
        await asyncio.sleep(_PAUSE_S)
        return (time.process_time() - before) * 1000

    spent: dict[str, list[float]] = {
        f"{shape} {what}": [] for what in ("quiet", "alarms") for shape in ("flat", "tree")
    }
    numbers = itertools.count()

    async def tick(shape: str) -> None:
        for what in ("quiet", "alarms"):
            for number in range(ticks // _ROUNDS + 2):
                plant.read(next(numbers))
                if what == "alarms":
                    plant.disturb()
                took = await cost(app.tick)
                if number >= 2:  # the first two warm the caches
                    spent[f"{shape} {what}"].append(took)

    async with app.run_test(headless=False, size=size) as pilot:
        await pilot.pause(1.0)
        screen = app.screen
        assert isinstance(screen, OverviewScreen)
        costs = {"first": await cost(screen.action_turn_tree)}
        tree = screen.plant_tree
        opened = []
        for _ in range(3):
            nodes = [item for item in tree.listing.rows() if isinstance(item, Node) and not tree.listing.is_open(item)]
            for node in nodes[:5]:
                tree.select(node.key)
                opened.append(await cost(tree.action_open))
        costs["open"] = max(opened)
        # In turn, so that what grows as the run goes on is in both.
        for _ in range(_ROUNDS):
            await tick("tree")
            await cost(screen.action_turn_tree)
            await tick("flat")
            await cost(screen.action_turn_tree)
    for name, values in spent.items():
        costs[name] = statistics.median(values) if name.endswith("quiet") else statistics.mean(values)
    return costs


async def _widgets(count: int, size: tuple[int, int], ticks: int) -> tuple[float, float]:
    """The same of `count` of Textual's own Sparkline widgets."""
    from textual.app import App, ComposeResult
    from textual.containers import VerticalScroll
    from textual.widgets import Sparkline

    class Widgets(App[None]):
        CSS = "Sparkline { height: 1; }"

        def compose(self) -> ComposeResult:
            with VerticalScroll():
                for _ in range(count):
                    yield Sparkline([0.0] * _HISTORY)

    app = Widgets(driver_class=_sink())
    fresh: list[list[float]] = []

    def read(tick: int) -> None:
        fresh[:] = [[25 + (number * 7 + (tick + past) * 13) % 17 / 4 for past in range(40)] for number in range(count)]

    def tick() -> None:
        for sparkline, data in zip(app.query(Sparkline), fresh, strict=True):
            sparkline.data = data

    return await _measure(app, size, ticks, read, tick)


async def _measure(
    app: App[Any],
    size: tuple[int, int],
    ticks: int,
    read: Callable[[int], None],
    tick: Callable[[], None],
    keys: tuple[str, ...] = (),
) -> tuple[float, float]:
    cpu: list[float] = []
    sent: list[int] = []
    async with app.run_test(headless=False, size=size) as pilot:
        await pilot.pause(1.0)
        for key in keys:
            tick()
            await pilot.press(key)
            await pilot.pause()
        driver: Any = app._driver  # noqa: SLF001 - Textual has no public way to the driver
        for number in range(ticks + 2):
            read(number)
            bytes_before, cpu_before = driver.sent, time.process_time()
            tick()
            await asyncio.sleep(_PAUSE_S)
            if number >= 2:  # the first two warm the caches
                cpu.append((time.process_time() - cpu_before) * 1000)
                sent.append(driver.sent - bytes_before)
    return statistics.median(cpu), statistics.median(sent)


class _Clock:
    at = _START

    def now(self) -> datetime:
        return self.at


class _NoCommands:
    def spawn(self, spec: object) -> None: ...
    def pause(self, sensor_id: str) -> None: ...
    def resume(self, sensor_id: str) -> None: ...
    def remove(self, sensor_id: str) -> None: ...
    def rerate(self, sensor_id: str, interval: float) -> None: ...
    def inject(self, sensor_id: str, fault: object) -> None: ...
    def clear(self, sensor_id: str, fault_id: str | None = None) -> None: ...


def _sink() -> type[Any]:
    """A driver that sends nowhere and counts; made here, because Textual is imported after its settings are set."""
    from textual.drivers.headless_driver import HeadlessDriver

    class Sink(HeadlessDriver):
        sent = 0

        @property
        def is_headless(self) -> bool:
            return False

        def write(self, data: str) -> None:
            self.sent += len(data.encode())

    return Sink
