"""Brokers killed under running simulators: nothing is lost, nothing comes twice, and an end is an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from controlroom.local import Endpoints, LocalPlant
from controlroom.wire import TopicNames
from simulator.plant import default_plant
from tests.conftest import MakeTopic
from tests.integration.simulated import Plant

BUILT_IN = [spec.sensor_id for spec in default_plant().sensors]
BROKERS = (1, 2, 3)


@pytest.fixture
async def scene(plant: LocalPlant, endpoints: Endpoints, topics: MakeTopic) -> AsyncIterator[Plant]:
    names = TopicNames(
        data=await topics("data", partitions=3),
        commands=await topics("commands", config={"cleanup.policy": "compact"}),
        status=await topics("status", config={"cleanup.policy": "compact"}),
    )
    scene = Plant(endpoints.brokers, names)
    await scene.start()
    yield scene
    await asyncio.to_thread(plant.start)
    await scene.stop()


def assert_complete(scene: Plant) -> None:
    for name in BUILT_IN:
        counts = scene.counts(name)
        assert counts == list(range(1, len(counts) + 1)), name


async def test_a_broker_dies_and_readings_go_on(scene: Plant, plant: LocalPlant) -> None:
    async with scene.simulate("--interval", "0.1") as process:
        await scene.until(lambda: len(scene.readings()) > 300)
        for number in BROKERS[:2]:
            await asyncio.to_thread(plant.broker(number).kill)
            seen = len(scene.readings())
            await scene.until(lambda seen=seen: len(scene.readings()) > seen + 1500, 60)
            await asyncio.to_thread(plant.broker(number).start)
            await scene.until(lambda seen=seen: len(scene.readings()) > seen + 2500, 60)
        assert process.returncode is None
    assert_complete(scene)


async def test_all_brokers_die_and_what_was_measured_meanwhile_comes_when_they_are_back(
    scene: Plant, plant: LocalPlant
) -> None:
    async with scene.simulate("--interval", "0.1") as process:
        await scene.until(lambda: len(scene.readings()) > 300)
        for number in BROKERS:
            await asyncio.to_thread(plant.broker(number).kill)
        assert process.stderr is not None
        async with asyncio.timeout(30):
            line = (await process.stderr.readline()).decode()
        assert "records wait" in line
        seen = len(scene.readings())
        await asyncio.to_thread(plant.start)
        await scene.until(lambda: len(scene.readings()) > seen + 3000, 90)
        assert process.returncode is None
    assert_complete(scene)


async def test_asked_to_end_while_no_broker_is_there_it_ends(scene: Plant, plant: LocalPlant) -> None:
    async with scene.simulate("--interval", "0.1") as process:
        await scene.until(lambda: len(scene.readings()) > 300)
        for number in BROKERS:
            await asyncio.to_thread(plant.broker(number).kill)
        process.terminate()
        asked = time.monotonic()
        async with asyncio.timeout(10):
            _, err = await process.communicate()
        assert time.monotonic() - asked < 5
    assert process.returncode == 0, err.decode()
    assert "Traceback" not in err.decode()
