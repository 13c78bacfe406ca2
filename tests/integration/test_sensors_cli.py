"""`controlroom sensors`: every order waited for, refusals with the simulator's reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from controlroom.local import Endpoints
from tests.conftest import MakeTopic
from tests.integration.simulated import CONTROLROOM, Plant, plant_of


@pytest.fixture
async def scene(endpoints: Endpoints, topics: MakeTopic) -> AsyncIterator[Plant]:
    async with plant_of(endpoints, topics) as plant:
        yield plant


async def sensors(scene: Plant, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *CONTROLROOM, "sensors", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=scene.env,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def documents(scene: Plant, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = await sensors(scene, *arguments, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


async def test_all_that_keys_do_is_done_from_the_shell_and_answered(scene: Plant) -> None:
    async with scene.simulate("--count", "0"):
        (status,) = await documents(
            scene, "spawn", "press-7", "--type", "temperature", "--interval", "0.2", "--zone", "hall-a",
            "--machine-id", "press",
        )  # fmt: skip
        assert (status["state"], status["spec"]["location"]["zone"]) == ("running", "hall-a")
        await documents(scene, "spawn", "press-8", "--type", "vibration", "--zone", "hall-a", "--machine-id", "press")
        code, _, err = await sensors(scene, "spawn", "press-7", "--type", "energy")
        assert (code, err.startswith("controlroom: there is a sensor 'press-7'")) == (8, True)

        assert [each["state"] for each in await documents(scene, "pause", "press-*")] == ["paused", "paused"]
        assert [each["state"] for each in await documents(scene, "resume", "press-7", "press-8")] == ["running"] * 2
        (status,) = await documents(scene, "rerate", "press-8", "--every", "0.5")
        assert status["spec"]["interval"] == 0.5

        (status,) = await documents(scene, "inject", "stuck", "press-7", "--until-cleared")
        (fault,) = status["faults"]
        assert (fault["fault"], fault["duration"], fault["by"] != "") == ("stuck", None, True)
        injected = await documents(scene, "inject", "gateway-outage", "--zone", "hall-a", "--for", "10m")
        assert {each["sensor_id"] for each in injected} == {"press-7", "press-8"}
        code, out, err = await sensors(scene, "list", "--faulty")
        assert code == 0, err
        assert [line.split()[0] for line in out.splitlines()[1:]] == ["press-7", "press-8"]
        assert fault["fault_id"] in out

        (status,) = await documents(scene, "clear", "--fault", fault["fault_id"])
        assert [each["fault"] for each in status["faults"]] == ["dropout"]
        assert [each["faults"] for each in await documents(scene, "clear", "press-*")] == [[], []]
        code, _, err = await sensors(scene, "clear", "press-*")
        assert (code, "there is no fault to clear" in err) == (8, True)

        (status,) = await documents(scene, "remove", "press-8")
        assert status["state"] == "removed"
        assert [each["sensor_id"] for each in await documents(scene, "list")] == ["press-7"]


async def test_what_a_simulator_refuses_is_told_with_its_reason(scene: Plant) -> None:
    async with scene.simulate("--count", "0"):
        code, out, err = await sensors(scene, "spawn", "odd", "--type", "flux")
        assert (code, out) == (8, "")
        assert err == (
            "controlroom: refused: odd: unknown sensor type 'flux'; "
            "known: temperature, vibration, energy, humidity, pressure\n"
        )
        await documents(scene, "spawn", "even", "--type", "temperature")
        code, _, err = await sensors(scene, "inject", "gain", "even", "--magnitude", "1000")
        assert (code, "magnitude 1000 is not within 0.01 to 100" in err) == (8, True)
        code, _, err = await sensors(scene, "pause", "nobody")
        assert (code, "there is no simulated sensor 'nobody'" in err) == (8, True)
        # Not through the command, which looks first: the simulator itself answers.
        await scene.write("nobody", None)
        await scene.until(lambda: scene.is_("nobody", "refused"))
        assert scene.status("nobody").reason == "there is no sensor of this name"


async def test_without_a_simulator_it_says_so_and_the_order_stands(scene: Plant) -> None:
    code, _, err = await sensors(scene, "spawn", "later", "--type", "energy")
    assert code == 3
    assert "no simulator has answered for later" in err
    async with scene.simulate("--count", "0"):
        await scene.until(lambda: scene.is_("later", "running"))


async def test_watch_tells_changes_as_they_come(scene: Plant) -> None:
    async with scene.simulate("--count", "0"):
        watching = asyncio.create_task(sensors(scene, "watch", "w*", "-n", "2", "--json"))
        await documents(scene, "spawn", "other", "--type", "energy")
        # It may begin to look only after the first change, so changes go on until it has seen two.
        while not watching.done():
            await documents(scene, "inject" if "w" in scene.statuses else "spawn", *_next(scene))
        code, out, err = await watching
        assert code == 0, err
        assert {json.loads(line)["sensor_id"] for line in out.splitlines()} == {"w"}


def _next(scene: Plant) -> tuple[str, ...]:
    return ("spike", "w") if "w" in scene.statuses else ("w", "--type", "energy")
