"""Alarms on a real mosquitto, from a real PostgreSQL: one retained message for each sensor."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks._mosquitto import Mosquitto
from controlroom.adapters.mqtt_alarms.alarms import MqttAlarms
from controlroom.adapters.mqtt_alarms.look import Seen, look_at
from controlroom.adapters.mqtt_alarms.table import AlarmBroker, MqttAlarmsFile, load_mqtt_alarms
from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.adapters.postgres.duty import Duty
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.alarms.events import Returned, TimePassed
from controlroom.core.records import Signal, Source
from controlroom.errors import ConfigError, Unreachable
from tests.bridging import needs_mosquitto
from tests.command import run_beside
from tests.faults.secure import Certificates
from tests.integration.test_notifications import ring
from tests.integration.test_store import AT, batch, begun, facts

pytestmark = needs_mosquitto


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "mqtt")
    broker.start()
    yield broker
    broker.stop()


def written(path: Path, url: str, **more: str) -> MqttAlarmsFile:
    """The file with one broker."""
    keys = "".join(f"{key} = {value}\n" for key, value in more.items())
    path.write_text(f'[[broker]]\nname = "hall-3"\nurl = "{url}"\n{keys}')
    return load_mqtt_alarms(path)


@asynccontextmanager
async def publishing(dsn: str, file: MqttAlarmsFile) -> AsyncIterator[MqttAlarms]:
    """A worker on duty, as far as this is concerned; nobody is told how it is."""
    alarms = MqttAlarms(file, {"bootstrap_servers": "127.0.0.1:1"}, "bridge-status")
    wake = asyncio.Event()
    duty = asyncio.create_task(Duty(dsn, "w", Definitions(), alarms.turn, wake).run())
    try:
        yield alarms
        assert not duty.done()
    finally:
        duty.cancel()
        await asyncio.wait([duty])
        alarms._told_at = 0.0  # there is nobody to be told
        await alarms.close()


async def seen(broker: AlarmBroker, condition: Callable[[Seen], bool], patience: float = 30.0) -> Seen:
    """What the broker holds, as soon as it is like that."""
    deadline = time.monotonic() + patience
    while True:
        found = await asyncio.to_thread(look_at, broker)
        if condition(found):
            return found
        assert time.monotonic() < deadline, (found.status, found.sensors, found.others)


async def over(dsn: str, sensor: str) -> None:
    """The sensor is normal again."""
    async with begun(dsn) as store:
        first = (await store.claim()).next_offset or 0
        # Its delay passes, too.
        events = (Returned(at=AT + first + 60), TimePassed(at=AT + first + 6000))
        signals = [Signal(facts(sensor), "limit", event, Source("readings", 0, first)) for event in events]
        await store.commit(batch(first, 1, signals=signals, sensors={sensor: facts(sensor)}))


async def acked(dsn: str, sensor: str) -> None:
    store = AlarmActionStore(dsn, Definitions(), who="alice", whence="test")
    await store.ack_now(sensor, "limit")
    await store.close()


async def test_the_life_of_an_alarm_is_seen_on_the_broker(database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    file = written(tmp_path / "alarms.toml", mosquitto.url)
    (broker,) = file.broker
    # Others have retained messages there too, also below the same topics: they stay.
    other = Client(CallbackAPIVersion.VERSION2)
    other.connect("127.0.0.1", mosquitto.port)
    other.loop_start()
    other.publish("controlroom/alarms/hall/press/value", "21.5", qos=1, retain=True).wait_for_publish(10)
    await ring(database, "temp-1")
    await ring(database, "a/b+c")
    async with publishing(database, file) as alarms:
        topic = "controlroom/alarms/hall/press/temp-1"
        found = await seen(broker, lambda seen: len(seen.sensors) == 2 and seen.status == "online")
        assert sorted(found.sensors) == ["controlroom/alarms/hall/press/a%2Fb%2Bc", topic]
        assert found.others == 1
        told = found.sensors[topic]
        assert (told.state, told.severity, told.unit, told.location.zone) == ("UNACK", "critical", "°C", "zone")
        (alarm,) = told.alarms
        assert (alarm.kind, alarm.value, alarm.limit, alarm.message) == ("limit", 41.0, 40.0, "too hot")

        await acked(database, "temp-1")
        told = (await seen(broker, lambda seen: seen.sensors[topic].state == "ACKED")).sensors[topic]
        assert told.alarms[0].acked_by == "alice"
        assert told.alarms[0].acked_at is not None

        await over(database, "temp-1")
        told = (await seen(broker, lambda seen: seen.sensors[topic].state == "NORMAL")).sensors[topic]
        assert told.alarms == ()
        assert told.severity is None

        # It has moved: nothing is left at its old place.
        await move(database, "temp-1", "yard")
        await alarms_all(alarms)
        moved = "controlroom/alarms/yard/press/temp-1"
        await seen(broker, lambda seen: moved in seen.sensors and topic not in seen.sensors)

        report = alarms.report()
        assert report.well
        assert report.sources[0].tags == 2
    assert (await seen(broker, lambda seen: seen.status == "offline")).others == 1
    # Another has moved, and a third rings, while nobody publishes.
    await move(database, "a/b+c", "roof")
    await ring(database, "pump-8")
    async with publishing(database, written(tmp_path / "alarms.toml", mosquitto.url, normal='"clear"')):
        # Who takes over does not know what was there; it finds it on the broker.
        # What is normal is cleared.
        topics = {"controlroom/alarms/roof/press/a%2Fb%2Bc", "controlroom/alarms/hall/press/pump-8"}
        found = await seen(broker, lambda seen: set(seen.sensors) == topics and seen.status == "online")
        assert found.others == 1
        done = await run_beside("notify", "mqtt", "--file", str(tmp_path / "alarms.toml"))
        assert done.returncode == 0, done.stderr
        assert "UNACK          controlroom/alarms/hall/press/pump-8  limit UNACK" in done.stdout
        assert "2 sensors, 2 with alarms; online, 1 retained messages of others" in done.stderr
    done = await run_beside("notify", "mqtt", "--json", "--file", str(tmp_path / "alarms.toml"))
    assert done.returncode == 3
    assert "nobody publishes alarms on hall-3" in done.stderr
    assert {msgspec.json.decode(line)["publisher"] for line in done.stdout.splitlines()} == {"hall-3"}
    other.disconnect()
    other.loop_stop()


async def alarms_all(alarms: MqttAlarms) -> None:
    """Let the next turn read all sensors, as one does once a minute."""
    alarms._all_at = float("-inf")


async def move(dsn: str, sensor: str, section: str) -> None:
    """As a reading does that tells another place."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("UPDATE sensors SET factory_section = $1 WHERE sensor_id = $2", section, sensor)
    finally:
        await connection.close()


async def test_a_changed_file_moves_what_is_published(database: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    path = tmp_path / "alarms.toml"
    file = written(path, mosquitto.url, topic='"a/{sensor}"')
    await ring(database, "temp-1")
    async with publishing(database, file) as alarms:
        await seen(file.broker[0], lambda seen: set(seen.sensors) == {"a/temp-1"})
        changed = written(path, mosquitto.url, topic='"b/{zone}/{sensor}"', version='"3.1.1"')
        alarms.adopt(changed)
        await seen(changed.broker[0], lambda seen: set(seen.sensors) == {"b/zone/temp-1"} and seen.status == "online")
        await seen(file.broker[0], lambda seen: not seen.sensors)
        # A broker that is no longer named is left as if nothing had ever been published.
        alarms.adopt(MqttAlarmsFile())
        await seen(changed.broker[0], lambda seen: not seen.sensors and seen.status == "offline")


# paho leaves the socket of a handshake that has failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_tls_a_password_and_a_certificate(database: str, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    passwords = tmp_path / "passwords"
    add = ["mosquitto_passwd", "-b", "-c", str(passwords), "me", "hush"]
    await asyncio.to_thread(subprocess.run, add, check=True, capture_output=True)
    secure = Mosquitto(
        tmp_path / "secure",
        (
            "allow_anonymous false",
            f"password_file {passwords}",
            f"cafile {tmp_path}/ca.pem",
            f"certfile {tmp_path}/server.crt",
            f"keyfile {tmp_path}/server.key",
            "require_certificate true",
        ),
    )
    secure.start()
    path, url = tmp_path / "alarms.toml", f"mqtts://127.0.0.1:{secure.port}"
    login = {"user": '"me"', "password_file": '"secret"'}
    own = {"ca_file": f'"{certificates.authority.name}"', "cert_file": '"worker.crt"', "key_file": '"worker.key"'}
    with pytest.raises(ConfigError, match="secret"):
        written(path, url, **login, **own)
    (tmp_path / "secret").write_text("wrong\n")
    (tmp_path / "secret").chmod(0o600)
    await ring(database, "temp-1")
    try:
        async with publishing(database, written(path, url, **login)) as alarms:
            await until_error(alarms, "certificate is not accepted")
            refused = written(path, url, **login, **own)
            alarms.adopt(refused)
            await until_error(alarms, "the broker refuses us: Not authorized")
            assert not alarms.report().well
            with pytest.raises(Unreachable, match="Not authorized"):
                look_at(refused.broker[0])
            (tmp_path / "secret").write_text("hush\n")
            good = written(path, url, **login, **own, status_topic='"plant/alarms"')
            alarms.adopt(good)
            await seen(good.broker[0], lambda seen: len(seen.sensors) == 1 and seen.status == "online")
    finally:
        secure.stop()


async def until_error(alarms: MqttAlarms, text: str) -> None:
    async with asyncio.timeout(30):
        while text not in alarms.report().sources[0].error:
            await asyncio.sleep(0.05)
