"""An OPC UA server and the bridge are killed under a load of 1,000 tags; what was on disk is on the topic once."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from benchmarks._opcua_server import OpcuaServer
from controlroom.local import LocalPlant
from tests.bridging import Bridging
from tests.faults.load import rows
from tests.faults.scene import Scene

TAGS = 1_000
FILE = """
[bridge]
name = "test"
spool = "spool"

[[source]]
name = "line"
type = "opcua"
url = "{url}"
refresh = 0
timeout = 5

[[source.tag]]
path = "Line 1/{{machine}}/{{sensor}}"
id = "{{sensor}}"
type = "flow"
"""
#: Between what was told last and what is told first with a new subscription: a publishing interval, and some for a
#: machine that does other work.
SLACK_S = 4.0


pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpcuaServer]:
    made = OpcuaServer(tmp_path, tags=TAGS, hz=1.0)
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def bridging(scene: Scene, server: OpcuaServer, tmp_path: Path) -> AsyncIterator[Bridging]:
    made = Bridging(tmp_path, scene.settings.brokers or "", scene.settings.sensor_topic, None)
    made.write(FILE.format(url=server.url))
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


async def all_there(bridging: Bridging) -> None:
    await bridging.connected()
    before = bridging.source["readings"]
    await bridging.until(lambda: bridging.source.get("tags") == TAGS, patience=60)
    await bridging.until(lambda: bridging.source["readings"] > before + 2 * TAGS, patience=60)


async def nothing_lost_but_in(scene: Scene, server: OpcuaServer, outages: list[tuple[float, float]]) -> None:
    """Each value is stored once, numbered without a gap, in order; what is absent was there in an outage alone."""
    await scene.drain()
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for name, number, value in await rows(scene, "SELECT sensor_id, seq, value::int FROM readings ORDER BY off"):
        found[str(name)].append((int(number), int(value)))  # type: ignore[call-overload]
    assert len(found) == TAGS
    absent = set()
    for name, told in found.items():
        assert [number for number, _ in told] == list(range(1, len(told) + 1)), name
        values = [value for _, value in told]
        assert values == sorted(set(values)), name
        absent |= set(range(values[0], values[-1] + 1)) - set(values)
    for value in absent:
        at = server.began + value / server.hz
        assert any(begin - SLACK_S <= at <= end + SLACK_S for begin, end in outages), (value, at, outages)
    audited = await scene.audited()
    assert not audited.findings, audited.findings


async def test_the_bridge_is_killed_again_and_again(scene: Scene, server: OpcuaServer, bridging: Bridging) -> None:
    scene.start_worker()
    bridging.start()
    await all_there(bridging)
    outages = []
    stored = 0
    for pause in (0.3, 1.2, 0.7):
        await asyncio.sleep(pause)
        stored += bridging.source["readings"]
        bridging.kill()
        begin = time.time()
        bridging.start()
        await all_there(bridging)
        outages.append((begin, bridging.source["connected_since"]))
    await bridging.drained()
    stored += bridging.source["readings"]
    assert bridging.stop() == 0
    await nothing_lost_but_in(scene, server, outages)
    ((count,),) = await rows(scene, "SELECT count(*) FROM readings")
    assert int(count) >= stored  # type: ignore[call-overload]


async def test_the_server_is_killed_again_and_again(scene: Scene, server: OpcuaServer, bridging: Bridging) -> None:
    scene.start_worker()
    bridging.start()
    await all_there(bridging)
    outages = []
    for pause in (0.4, 1.3):
        await asyncio.sleep(pause)
        server.kill()
        begin = time.time()
        await bridging.until(lambda: bridging.source["connected_since"] is None)
        server.start()
        await all_there(bridging)
        outages.append((begin, bridging.source["connected_since"]))
    await bridging.drained()
    assert bridging.stop() == 0
    await nothing_lost_but_in(scene, server, outages)


async def test_all_brokers_of_kafka_are_killed_and_nothing_is_lost(
    scene: Scene, server: OpcuaServer, bridging: Bridging, plant: LocalPlant
) -> None:
    scene.start_worker()
    bridging.start()
    await all_there(bridging)
    try:
        for number in (1, 2, 3):
            await asyncio.to_thread(plant.broker(number).kill)
        await bridging.until(lambda: bridging.status()["buffered"] > 3 * TAGS, patience=60)
    finally:
        await asyncio.to_thread(plant.start)
    scene.revives = True
    await bridging.drained(patience=90)
    assert bridging.stop() == 0
    # The server was never left: no value is absent.
    await nothing_lost_but_in(scene, server, [])
