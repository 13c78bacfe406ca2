"""`controlroom simulate` on the real cluster: what is on the wire, commands and answers, killed and taken over."""

from __future__ import annotations

import asyncio
import signal
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from controlroom.local import Endpoints
from controlroom.wire import FaultSpec, SensorSpec, decode_reading
from simulator.faults import FAULTS, new_fault
from simulator.plant import default_plant
from tests.conftest import MakeTopic
from tests.integration.simulated import Plant, plant_of

QUICK = SensorSpec(sensor_id="quick", sensor_type="temperature", interval=0.1)
BUILT_IN = [spec.sensor_id for spec in default_plant().sensors]


@pytest.fixture
async def scene(endpoints: Endpoints, topics: MakeTopic) -> AsyncIterator[Plant]:
    async with plant_of(endpoints, topics) as plant:
        yield plant


async def ended(process: asyncio.subprocess.Process, seconds: float) -> tuple[int, str]:
    async with asyncio.timeout(seconds):
        _, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, err.decode()


async def test_the_built_in_plant_on_the_wire(scene: Plant) -> None:
    async with scene.simulate("--speed", "20") as process:
        await scene.until(lambda: all(len(scene.counts(name)) >= 5 for name in BUILT_IN))
        process.send_signal(signal.SIGTERM)
        code, err = await ended(process, 5)
        assert (code, err.count("\n")) == (0, 1), err
    await scene.until(lambda: all(scene.is_(name, "stopped") for name in BUILT_IN))
    assert set(scene.commands) == set(BUILT_IN)
    assert len(scene.readings()) == len(scene.records)
    for record in scene.records:
        reading = decode_reading(record.value)
        assert record.key == reading.sensor_id.encode()
        assert ("simulated", b"1") in record.headers
        assert reading.alert_level == "normal"
    for name in BUILT_IN:
        counts = scene.counts(name)
        assert counts == list(range(1, len(counts) + 1))
        assert scene.statuses[name][-1].reading_count == counts[-1]
        times = [reading.timestamp for reading in scene.readings(name)]
        assert len({b - a for a, b in pairwise(times)}) == 1


async def test_one_sensor_by_the_names_of_the_environment(scene: Plant) -> None:
    env = {
        "SENSOR_ID": "vibration-7",
        "SENSOR_TYPE": "vibration",
        "SAMPLING_INTERVAL": "0.1",
        "FACTORY_SECTION": "assembly",
        "MACHINE_ID": "press-2",
        "ZONE": "zone-q",
    }
    code, err = await scene.run("simulate", "--readings", "5", **env)
    assert code == 0, err
    await scene.until(lambda: len(scene.records) == 5)
    first = scene.readings()[0]
    location = (first.location.factory_section, first.location.machine_id, first.location.zone)
    assert (first.sensor_id, first.unit, *location) == ("vibration-7", "mm/s", "assembly", "press-2", "zone-q")
    times = [reading.timestamp for reading in scene.readings()]
    assert {b - a for a, b in pairwise(times)} == {timedelta(milliseconds=100)}


async def test_a_seed_makes_it_repeatable(scene: Plant, endpoints: Endpoints, topics: MakeTopic) -> None:
    arguments = ("simulate", "--seed", "7", "--readings", "60", "--speed", "20", "--quiet", "--fresh")
    runs = []
    for _ in range(2):
        before = len(scene.records)
        code, err = await scene.run(*arguments)
        assert (code, err) == (0, "")
        await scene.until(lambda done=before + 60: len(scene.records) == done)
        runs.append(sorted((r.sensor_id, r.timestamp, r.value) for r in scene.readings()[before:]))
    # whole seconds apart or not: the values, sensor by sensor in order of time, are the same
    assert [(name, value) for name, _, value in runs[0]] == [(name, value) for name, _, value in runs[1]]


async def test_alert_mix_on_the_wire(scene: Plant) -> None:
    code, err = await scene.run("simulate", "--alert-mix", "15,5", "--readings", "4000", "--speed", "2000")
    assert code == 0, err
    await scene.until(lambda: len(scene.records) == 4000)
    levels = Counter(reading.alert_level for reading in scene.readings())
    assert levels["warning"] / 4000 == pytest.approx(0.15, abs=0.025)
    assert levels["critical"] / 4000 == pytest.approx(0.05, abs=0.015)


async def test_a_plant_file_and_its_error(scene: Plant, tmp_path: Path) -> None:
    plant = tmp_path / "plant.toml"
    plant.write_text('[[sensors]]\ncount = 2\ntype = "energy"\nprefix = "oven"\ninterval = [0.1, 0.2]\n')
    code, err = await scene.run("simulate", "--plant", str(plant), "--readings", "9")
    assert code == 0, err
    await scene.until(lambda: len(scene.records) == 9)
    assert set(scene.commands) == {"oven-001", "oven-002"}
    plant.write_text('[[sensors]]\ncount = 2\ntype = "energy"\ninterval = -1\n')
    code, err = await scene.run("simulate", "--plant", str(plant))
    assert code == 4
    assert err.startswith("controlroom: plant.toml: sensors[0].interval: must be greater than or equal to 0.01")
    assert err.count("\n") == 1


async def test_commands_are_obeyed_and_answered(scene: Plant) -> None:
    async with scene.simulate("--count", "0"):
        spawned = await scene.order(QUICK)
        await scene.until(lambda: len(scene.counts("quick")) >= 5)
        status = scene.statuses["quick"][0]
        assert (status.state, status.command_id, status.spec) == ("running", spawned.command_id, QUICK)

        await scene.order(QUICK, paused=True)
        await scene.until(lambda: scene.is_("quick", "paused"))
        paused_at = scene.statuses["quick"][-1].reading_count
        await scene.order(QUICK)
        await scene.until(lambda: len(scene.counts("quick")) >= paused_at + 5)

        now = scene.readings("quick")[-1].timestamp
        spike = new_fault(FAULTS["offset"], fault_id="off-1", start=now, interval=0.1, duration=2.0)
        await scene.order(QUICK, faults=(spike,))
        await scene.until(lambda: scene.status("quick").faults == (spike,))
        await scene.until(lambda: scene.status("quick").faults == ())
        await scene.until(lambda: scene.readings("quick")[-1].timestamp > now + timedelta(seconds=3))

        refused = await scene.order(SensorSpec(sensor_id="quick", sensor_type="flux"))
        await scene.until(lambda: any(each.state == "refused" for each in scene.statuses["quick"]))
        answer = next(each for each in scene.statuses["quick"] if each.state == "refused")
        assert answer.command_id == refused.command_id
        assert answer.reason.startswith("unknown sensor type 'flux'")

        await scene.write("broken", b'{"command_id": ')
        await scene.until(lambda: scene.is_("broken", "refused"))
        assert scene.status("broken").reason.startswith("malformed: ")

        before = len(scene.counts("quick"))
        await scene.until(lambda: len(scene.counts("quick")) > before + 5)
        await scene.write("quick", None)
        await scene.until(lambda: scene.is_("quick", "removed"))
        final = scene.status("quick").reading_count

        await scene.order(QUICK)
        await scene.until(lambda: len(scene.counts("quick")) >= final + 5)
    counts = scene.counts("quick")
    assert counts == list(range(1, len(counts) + 1))
    struck = [each for each in scene.records if ("fault-id", b"off-1") in each.headers]
    assert len(struck) == pytest.approx(20, abs=3)
    assert statistics.fmean(decode_reading(each.value).value for each in struck) > 30


async def test_every_fault_on_the_wire_by_its_property(scene: Plant) -> None:
    """Each fault on a sensor of its own, an hour of its time, ten minutes of them with the fault."""
    start = default_start()
    after = start + timedelta(minutes=10)
    strong = {"duplicate": 1.0, "order": 1.0, "corrupt": 1.0, "late": 30.0, "offset": 30.0}
    for name, kind in FAULTS.items():
        seconds = 3.0 if name == "spike" else 600.0
        spec = SensorSpec(sensor_id=name, sensor_type="temperature", interval=1.0)
        fault = FaultSpec(
            fault_id=f"{name}-1", fault=name, start=after, duration=seconds, magnitude=strong.get(name, kind.magnitude)
        )
        await scene.order(spec, faults=(fault,))
    arguments = ("--count", "0", "--anomalies", "0", "--start", start.strftime("%Y-%m-%dT%H:%M:%S"))
    code, err = await scene.run("simulate", *arguments, "--speed", "200", "--duration", "1800")
    assert code == 0, err
    sent = {name: [each for each in scene.records if each.key == name.encode()] for name in FAULTS}
    await scene.until(lambda: len(scene.records) >= 14 * 1800 - 600 + 600)
    sent = {name: [each for each in scene.records if each.key == name.encode()] for name in FAULTS}
    marked = {name: [e for e in sent[name] if ("fault-id", f"{name}-1".encode()) in e.headers] for name in FAULTS}
    assert {name: len(found) for name, found in marked.items()} == {
        "spike": 3, "drift": pytest.approx(600, abs=1), "offset": 600, "gain": 600, "stuck": 600, "noise": 600,
        "oscillation": 600, "rail": 600, "dropout": 0, "late": 600, "duplicate": 1200, "order": 300, "skew": 600,
        "corrupt": 600,
    }  # fmt: skip
    inside = {name: [decode_reading(e.value) for e in found] for name, found in marked.items() if name != "corrupt"}
    outside = {
        name: [decode_reading(e.value).value for e in sent[name] if e not in marked[name]]
        for name in ("noise", "stuck")
    }
    values = {name: [reading.value for reading in found] for name, found in inside.items()}
    assert min(values["spike"]) > 40
    assert values["drift"][-1] - values["drift"][0] == pytest.approx(10 * 10 * 15 / 40, abs=3)
    assert statistics.fmean(values["offset"]) == pytest.approx(25 + 30 * 15 / 40, abs=4)
    assert statistics.fmean(values["gain"]) == pytest.approx(25 * 1.4, abs=5)
    assert statistics.pvariance(values["stuck"]) == 0
    assert statistics.pvariance(outside["stuck"]) > 0
    assert statistics.pstdev(values["noise"]) > 3 * statistics.pstdev(outside["noise"])
    assert set(values["rail"]) == {200.0}
    assert Counter(reading.alert_level for reading in inside["oscillation"]).keys() == {"normal", "warning"}
    counts = scene.counts("dropout")
    assert [b - a for a, b in pairwise(counts) if b - a != 1] == [601]
    assert not [r for r in scene.readings("dropout") if after <= r.timestamp < after + timedelta(minutes=10)]
    assert set(Counter(r.metadata.reading_count for r in inside["duplicate"]).values()) == {2}
    counts = scene.counts("order")
    assert sum(b < a for a, b in pairwise(counts)) == 300
    late = scene.readings("late")
    assert any(b.timestamp < a.timestamp for a, b in pairwise(late))
    skewed = scene.readings("skew")
    assert max(b.timestamp - a.timestamp for a, b in pairwise(skewed)) == timedelta(seconds=301)
    assert len(sent["corrupt"]) - len(scene.readings("corrupt")) == 600


def default_start():
    from datetime import UTC, datetime

    return datetime(2026, 9, 21, 8, 0, tzinfo=UTC)


async def test_killed_and_restarted_it_resumes_the_same_sensors_in_the_same_state(scene: Plant) -> None:
    paused = SensorSpec(sensor_id="paused", sensor_type="energy", interval=0.1)
    removed = BUILT_IN[0]
    async with scene.simulate("--interval", "0.1") as process:
        await scene.until(lambda: all(scene.is_(name, "running") for name in BUILT_IN))
        await scene.order(paused, paused=True)
        await scene.order(QUICK)
        await scene.write(removed, None)
        await scene.until(lambda: scene.is_("paused", "paused") and scene.is_(removed, "removed"))
        await scene.until(lambda: len(scene.counts("quick")) >= 10)
        process.kill()
        await process.wait()
    before = dict(Counter(reading.sensor_id for reading in scene.readings()))
    async with scene.simulate("--interval", "0.1") as process:
        running = [*BUILT_IN[1:], "quick"]
        await scene.until(lambda: all(len(scene.counts(name)) >= before[name] + 10 for name in running))
        await scene.until(lambda: scene.status("paused").owner != scene.statuses["paused"][0].owner)
        process.terminate()
        _, err = await ended(process, 5)
    assert "--fresh" in err
    assert removed in err
    assert scene.is_("paused", "stopped")
    assert scene.counts("paused") == []
    assert len(scene.counts(removed)) == before.get(removed, 0)
    for name in running:
        counts = scene.counts(name)
        assert counts == list(range(1, len(counts) + 1)), name


async def test_when_the_owner_is_killed_another_takes_over_and_no_number_is_used_twice(scene: Plant) -> None:
    async with scene.simulate("--interval", "0.1") as one:
        await scene.until(lambda: len(scene.owners()) == 1 and len(scene.readings()) > 100)
        async with scene.simulate("--interval", "0.1") as two:
            by_pid = {f"-{process.pid}-": process for process in (one, two)}
            await scene.until(lambda: len(scene.readings()) > 300)
            first = await settled_owner(scene)
            owner = next(process for mark, process in by_pid.items() if mark in first)
            owner.kill()
            killed = time.monotonic()
            await owner.wait()
            before = dict(Counter(reading.sensor_id for reading in scene.readings()))
            await scene.until(lambda: scene.owners() - {first} != set(), 25)
            await scene.until(lambda: all(len(scene.counts(name)) > before[name] + 5 for name in BUILT_IN))
            assert time.monotonic() - killed < 20
    for name in BUILT_IN:
        counts = scene.counts(name)
        assert counts == list(range(1, len(counts) + 1)), name


async def test_one_that_stood_still_for_too_long_does_not_speak_again_for_what_it_lost(scene: Plant) -> None:
    async with scene.simulate("--interval", "0.1") as one, scene.simulate("--interval", "0.1") as two:
        await scene.until(lambda: len(scene.readings()) > 300)
        first = await settled_owner(scene)
        owner = one if f"-{one.pid}-" in first else two
        owner.send_signal(signal.SIGSTOP)
        await scene.until(lambda: scene.owners() - {first} != set(), 30)
        seen = len(scene.readings())
        await scene.until(lambda: len(scene.readings()) > seen + 200)
        owner.send_signal(signal.SIGCONT)
        seen = len(scene.readings())
        await scene.until(lambda: len(scene.readings()) > seen + 1500, 60)
    for name in BUILT_IN:
        counts = scene.counts(name)
        assert counts == list(range(1, len(counts) + 1)), name


async def test_asked_to_end_it_hands_over_without_a_gap(scene: Plant) -> None:
    async with scene.simulate("--interval", "0.1") as one, scene.simulate("--interval", "0.1") as two:
        await scene.until(lambda: len(scene.readings()) > 300)
        first = await settled_owner(scene)
        owner = one if f"-{one.pid}-" in first else two
        owner.terminate()
        assert (await ended(owner, 5))[0] == 0
        seen = len(scene.readings())
        await scene.until(lambda: len(scene.readings()) > seen + 300, 15)
    for name in BUILT_IN:
        counts = scene.counts(name)
        assert counts == list(range(1, len(counts) + 1)), name


async def settled_owner(scene: Plant) -> str:
    """Who runs all sensors, once the group has settled after somebody joined."""
    seen = len(scene.statuses[BUILT_IN[0]])
    await scene.until(lambda: len(scene.statuses[BUILT_IN[0]]) > seen and len(scene.owners()) == 1)
    (owner,) = scene.owners()
    return owner


async def test_without_its_topics_it_says_how_to_make_them(scene: Plant) -> None:
    code, err = await scene.run("simulate", SENSOR_TOPIC="no-such-topic")
    assert (code, err.count("\n")) == (1, 1)
    assert "there is no topic 'no-such-topic'" in err
    assert "controlroom setup" in err
