"""The worker that publishes alarms on MQTT, the MQTT broker, and all brokers of Kafka are killed: at the end the
retained message of every sensor says what `controlroom alarms` says."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks._mosquitto import Mosquitto
from controlroom.adapters.mqtt_alarms.look import look_at
from controlroom.adapters.mqtt_alarms.table import AlarmBroker, load_mqtt_alarms
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.core.alarms.definitions import Definitions
from controlroom.errors import ActionRefused, Unreachable
from controlroom.local import LocalPlant
from tests.bridging import needs_mosquitto
from tests.command import run_beside
from tests.faults.scene import Scene

pytestmark = [
    needs_mosquitto,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

#: What has the alarm when the MQTT broker is away.
OURS = "source:alarms-to-mqtt/hall-3"
#: sensor -> kind -> state
States = dict[str, dict[str, str]]


class Site:
    """Workers that publish alarms on a mosquitto."""

    def __init__(self, scene: Scene, mosquitto: Mosquitto, broker: AlarmBroker) -> None:
        self.scene = scene
        self.mosquitto = mosquitto
        self.broker = broker

    async def alarms(self) -> States:
        """What `controlroom alarms` says."""
        found: States = {}
        for more in ((), ("--state", "BY_DESIGN")):
            done = await run_beside(
                "alarms", "list", "--json", "--limit", "10000", *more, CONTROLROOM_DSN=self.scene.dsn
            )
            assert done.returncode == 0, done.stderr
            for line in done.stdout.splitlines():
                alarm = json.loads(line)
                found.setdefault(alarm["sensor_id"], {})[alarm["kind"]] = alarm["state"]
        return found

    async def published(self) -> tuple[str, States]:
        """`online` or `offline`, and what the broker holds of sensors with alarms."""
        try:
            seen = await asyncio.to_thread(look_at, self.broker)
        except Unreachable:
            return "", {}
        states = {told.sensor_id: {alarm.kind: alarm.state for alarm in told.alarms} for told in seen.sensors.values()}
        assert len(states) == len(seen.sensors), "two topics for one sensor"
        assert seen.others == 0
        return seen.status, {sensor: alarms for sensor, alarms in states.items() if alarms}

    async def agree(self, *, patience: float = 60.0) -> States:
        """Until both say the same, online."""
        deadline = time.monotonic() + patience
        while True:
            self.scene.require_alive()
            before, (status, told), after = await self.alarms(), await self.published(), await self.alarms()
            if before == told == after and status == "online":
                return told
            assert time.monotonic() < deadline, (status, told, after, self.scene.log.read_text()[-3000:])

    async def act(self, count: int) -> int:
        """Acknowledge, shelve or un-shelve so many alarms, as operators do; how many it was."""
        store = AlarmActionStore(self.scene.dsn, Definitions(), who="alice", whence="test")
        done = 0
        for sensor, kinds in sorted((await self.alarms()).items()):
            for kind, state in kinds.items():
                if done == count:
                    break
                try:
                    if state == "SHELVED":
                        await store.unshelve(sensor, kind)
                    elif state in {"UNACK", "RTN-UNACK"} and not done % 2:
                        await store.ack_now(sensor, kind)
                    else:
                        await store.shelve(sensor, kind, 3600, "test")
                except ActionRefused:
                    continue  # it has changed meanwhile
                done += 1
        await store.close()
        return done


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "mqtt")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
async def site(scene: Scene, mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    file = tmp_path / "mqtt-alarms.toml"
    file.write_text(f'[[broker]]\nname = "hall-3"\nurl = "{mosquitto.url}"\n')
    monkeypatch.setenv("CONTROLROOM_MQTT_ALARMS_FILE", str(file))
    (broker,) = load_mqtt_alarms(file).broker
    return Site(scene, mosquitto, broker)


async def test_what_is_published_is_what_stands_whoever_was_killed(site: Site, plant: LocalPlant) -> None:
    scene = site.scene
    scene.start_worker()
    await scene.publish(125)
    await scene.until_committed(scene.sent)
    first = await site.agree()
    assert first, "there are alarms"

    # The worker is killed while alarms come and go, and operators act: its last will says that it is gone.
    stop = asyncio.Event()
    feeding = asyncio.create_task(scene.feed(stop, turns=5))
    await site.act(4)
    killed = scene.workers.pop()
    killed.kill()
    killed.wait()
    assert (await site.published())[0] == "offline"
    await site.act(3)
    scene.start_worker()
    scene.start_worker()
    await site.act(2)

    # So is the MQTT broker, and what it kept is lost with it.
    site.mosquitto.kill()
    shutil.rmtree(site.mosquitto.directory)
    await site.act(2)
    stop.set()
    await feeding
    # That is an alarm, too. It is published when the broker is back.
    async with asyncio.timeout(60):
        while OURS not in await site.alarms():
            await asyncio.sleep(0.5)
    site.mosquitto.start()
    second = await site.agree()
    assert second != first
    assert OURS in second

    # The worker that publishes stands still, and another takes its place; what the first one knew comes to nothing.
    stopped = await holder(scene)
    os.kill(stopped, signal.SIGSTOP)
    assert await site.act(3)
    await until_other(scene, stopped)
    await site.agree()
    os.kill(stopped, signal.SIGCONT)
    await site.act(2)
    await site.agree()

    # Without any broker of Kafka operators act on, and what they do is published.
    try:
        for number in (1, 2, 3):
            await asyncio.to_thread(plant.broker(number).kill)
        assert await site.act(3)
        await site.agree()
    finally:
        await asyncio.to_thread(plant.start)
    scene.revives = True
    await scene.publish(40)
    await scene.until_committed(scene.sent, patience=90)
    await site.agree()


async def holder(scene: Scene) -> int:
    """The process of the worker on duty."""
    sql = ("SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory' "
           " AND granted AND application_name LIKE '%duty' AND datname = current_database()")  # fmt: skip
    name = str(await scene.value(sql))
    return int(name.removesuffix(" duty").rpartition("-")[2]) if name != "None" else 0


async def until_other(scene: Scene, before: int) -> None:
    async with asyncio.timeout(60):
        while await holder(scene) in {0, before}:
            await asyncio.sleep(0.2)
