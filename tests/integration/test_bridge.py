"""`controlroom bridge` with a real mosquitto and real brokers: values through to PostgreSQL, and what it says."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks._mosquitto import Mosquitto
from controlroom.local import Endpoints
from tests.bridging import Bridging, needs_mosquitto, on_topic
from tests.command import run_here
from tests.conftest import MakeTopic
from tests.faults.load import rows
from tests.faults.scene import Scene
from tests.faults.secure import Certificates

pytestmark = needs_mosquitto

TAGS = """
[bridge]
name = "test"
spool = "spool"

[[source]]
name = "line"
type = "mqtt"
url = "{url}"
{more}
[[source.tag]]
topic = "plant/{{machine}}/{{sensor}}"
"""


@pytest.fixture
async def scene(endpoints: Endpoints, database: str, tmp_path: Path) -> AsyncIterator[Scene]:
    made = await Scene.make(endpoints.brokers, database, tmp_path)
    yield made
    made.close()


@pytest.fixture
async def bridging(endpoints: Endpoints, topics: MakeTopic, tmp_path: Path) -> AsyncIterator[Bridging]:
    mosquitto = Mosquitto(tmp_path / "mqtt")
    mosquitto.start()
    made = Bridging(tmp_path, endpoints.brokers, await topics("data", partitions=3), mosquitto)
    made.write(TAGS.format(url=mosquitto.url, more=""))
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()
    made.mosquitto.stop()


class Publisher:
    """A client that publishes and waits for the confirmation."""

    def __init__(self, port: int) -> None:
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def send(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)


def command(bridging: Bridging, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here("bridge", *arguments)


def in_a_process(bridging: Bridging, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same, for what opens clients of MQTT: they leave the closing of their sockets to the end of the process."""
    return subprocess.run(
        [sys.executable, "-m", "controlroom", "bridge", *arguments], capture_output=True, text=True, timeout=60
    )


async def test_a_type_that_nobody_knows_goes_through_to_postgresql_and_raises_its_alarm(
    scene: Scene, tmp_path: Path
) -> None:
    mosquitto = Mosquitto(tmp_path / "mqtt")
    mosquitto.start()
    bridging = Bridging(tmp_path, scene.settings.brokers or "", scene.settings.sensor_topic, mosquitto)
    limits = 'type = "flow"\nunit = "m³/h"\nzone = "z-1"\nwarning = 80\ncritical = 90\n'
    bridging.write(TAGS.format(url=mosquitto.url, more="") + limits)
    try:
        scene.start_worker()
        bridging.start()
        await bridging.connected()
        with Publisher(mosquitto.port) as publisher:
            for value in (50, 51, 95, 52):
                publisher.send("plant/m-7/outlet", str(value))
        await bridging.until(lambda: bridging.status().get("sent") == 4)
        assert bridging.stop() == 0
        await scene.drain()
    finally:
        if bridging.process is not None and bridging.process.poll() is None:
            bridging.kill()
        mosquitto.stop()
    stored = await rows(scene, "SELECT sensor_id, value, seq, quality FROM readings ORDER BY off")
    assert stored == [("m-7-outlet", value, number, 1.0) for number, value in enumerate((50, 51, 95, 52), 1)]
    (sensor,) = await rows(scene, "SELECT sensor_type, unit, machine_id, zone FROM sensors")
    assert sensor == ("flow", "m³/h", "m-7", "z-1")
    alarms = await rows(scene, "SELECT severity, kind FROM alarm_events WHERE event = 'raised'")
    assert ("critical", "limit") in alarms


async def test_what_is_hostile_is_counted_and_the_rest_goes_on(bridging: Bridging) -> None:
    with Publisher(bridging.mosquitto.port) as publisher:
        for index in range(500):
            publisher.client.publish(f"plant/old/{index}", "1", qos=1, retain=True)
        publisher.send("plant/old/last", "1", retain=True)
        bridging.start()
        await bridging.connected()
        await bridging.until(lambda: bridging.source["retained"] == 501)
        publisher.send("plant/m-7/temp", b"1" * 10_000_000)
        for payload in (b"NaN", b"\xff\xfe\x00", b"", b"{", b"1e400", b"21,5"):
            publisher.send("plant/m-7/temp", payload)
        publisher.send("plant/m-7/" + "s" * 200, "1")
        publisher.send("plant/m-7/temp", "21.5")
    await bridging.until(lambda: bridging.status().get("sent") == 1)
    source = bridging.source
    # An empty payload is how MQTT clears a retained value; it is no number either.
    assert source["refused"] == {"too-large": 1, "not-finite": 2, "not-utf8": 1, "not-a-number": 3, "bad-name": 1}
    assert (source["messages"], source["readings"]) == (501 + 9, 1)
    assert [reading.value for reading in await on_topic(bridging)] == [21.5]
    # One line for each reason.
    said = [line for line in bridging.said().splitlines() if " refused: " in line]
    assert len(said) == 5
    assert bridging.stop() == 0


async def test_changes_of_the_file_count_while_it_runs_and_wrong_ones_do_not(bridging: Bridging) -> None:
    text = bridging.file.read_text()
    bridging.start()
    await bridging.connected()
    with Publisher(bridging.mosquitto.port) as publisher:
        publisher.send("plant/m-7/temp", "1")
        publisher.send("other/a", "0")
        await asyncio.sleep(2.5)  # the first look is over: from now on each change is told
        # Another unit, one sensor by name, and another subscription.
        changed = text + 'unit = "K"\n[[source.tag]]\ntopic = "other/{sensor}"\n[sensor."b"]\nzone = "named"\n'
        bridging.file.write_text(changed)
        await bridging.until(lambda: "count from now on" in bridging.said())
        publisher.send("plant/m-7/temp", "2")
        publisher.send("other/b", "3")
        bridging.file.write_text(text.replace("topic =", "topc ="))
        await bridging.until(lambda: "stay as they were" in bridging.said())
        assert "line 12: source[1].tag[1].topc: there is no such key" in bridging.said()
        publisher.send("plant/m-7/temp", "4")
        publisher.send("other/b", "5")
        # A second source, and the first one's connection is another.
        second = (
            f'[[source]]\nname = "two"\ntype = "mqtt"\nurl = "{bridging.mosquitto.url}"\n'
            '[[source.tag]]\ntopic = "second/{sensor}"\n[sensor.'
        )
        second = changed.replace("[sensor.", second)
        bridging.file.write_text(second.replace('name = "line"', 'name = "line"\nkeepalive = 20'))
        await bridging.until(lambda: len(bridging.status()["sources"]) == 2)
        await bridging.until(lambda: all(one["connected_since"] for one in bridging.status()["sources"]))
        publisher.send("second/c", "6")
        publisher.send("plant/m-7/temp", "7")
        await bridging.until(lambda: bridging.status()["sent"] == 7)
        # A source that is taken out is heard no more.
        bridging.file.write_text(changed)
        await bridging.until(lambda: len(bridging.status()["sources"]) == 1)
        publisher.send("second/c", "8")
        publisher.send("other/b", "9")
        await bridging.until(lambda: bridging.status()["sent"] == 8)
    found = {(one.sensor_id, one.value): one for one in await on_topic(bridging)}
    assert sorted(one.value for one in found.values()) == [1, 2, 3, 4, 5, 6, 7, 9]
    assert (found["m-7-temp", 1.0].unit, found["m-7-temp", 2.0].unit) == ("", "K")
    assert found["b", 3.0].location.zone == "named"
    assert [found["m-7-temp", float(value)].metadata.reading_count for value in (1, 2, 4, 7)] == [1, 2, 3, 4]
    assert bridging.stop() == 0


async def test_tls_password_certificate_and_last_will(bridging: Bridging, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    passwords = tmp_path / "passwords"
    add = ["mosquitto_passwd", "-b", "-c", str(passwords), "me", "hush"]
    await asyncio.to_thread(subprocess.run, add, check=True, capture_output=True)
    bridging.mosquitto.stop()
    settings = (
        "allow_anonymous false",
        f"password_file {passwords}",
        f"cafile {tmp_path}/ca.pem",
        f"certfile {tmp_path}/server.crt",
        f"keyfile {tmp_path}/server.key",
        "require_certificate true",
    )
    secure = bridging.mosquitto = Mosquitto(tmp_path / "secure", settings)
    secure.start()
    (tmp_path / "secret").write_text("wrong\n")
    (tmp_path / "secret").chmod(0o600)
    tls = 'user = "me"\npassword_file = "secret"\nstatus_topic = "bridges/test"\n'
    url = f"mqtts://127.0.0.1:{secure.port}"
    bridging.write(TAGS.format(url=url, more=tls))
    bridging.start()
    await bridging.until(lambda: "certificate is not accepted" in bridging.source.get("error", ""))
    assert bridging.stop() == 0
    tls += f'ca_file = "{certificates.authority.name}"\ncert_file = "worker.crt"\nkey_file = "worker.key"\n'
    bridging.write(TAGS.format(url=url, more=tls))
    bridging.start()
    await bridging.until(lambda: "the broker refuses us: Not authorized" in bridging.source.get("error", ""))
    assert bridging.stop() == 0
    (tmp_path / "secret").write_text("hush\n")
    bridging.start()
    await bridging.connected()
    watcher = Client(CallbackAPIVersion.VERSION2)
    watcher.username_pw_set("me", "hush")
    watcher.tls_set(str(certificates.authority), str(tmp_path / "worker.crt"), str(tmp_path / "worker.key"))
    heard: list[bytes] = []
    watcher.on_message = lambda _client, _data, message: heard.append(bytes(message.payload))
    watcher.connect("127.0.0.1", secure.port)
    watcher.subscribe("bridges/test", qos=1)
    watcher.loop_start()
    try:
        await bridging.until(lambda: heard == [b"online"])
        watcher.publish("plant/m-7/temp", "1", qos=1).wait_for_publish(10)
        await bridging.until(lambda: bridging.status().get("sent") == 1)
        bridging.kill()
        await bridging.until(lambda: heard == [b"online", b"offline"])
        bridging.start()
        await bridging.until(lambda: heard[-1] == b"online")
        assert bridging.stop() == 0
        await bridging.until(lambda: heard[-1] == b"offline")
    finally:
        watcher.disconnect()
        watcher.loop_stop()
    assert "hush" not in bridging.said()


async def test_a_source_that_is_not_there_yet_is_tried_until_it_is(bridging: Bridging) -> None:
    bridging.mosquitto.stop()
    bridging.start()
    await bridging.until(lambda: "does not answer (Connection refused)" in bridging.source.get("error", ""))
    assert command(bridging, "status", str(bridging.file)).returncode == 3
    await asyncio.sleep(3)
    assert bridging.said().count("does not answer") == 1
    bridging.mosquitto.start()
    await bridging.connected()
    assert bridging.source["error"] == ""
    # What is published while the bridge is away waits for it with the broker.
    bridging.stop()
    with Publisher(bridging.mosquitto.port) as publisher:
        publisher.send("plant/m-7/temp", "1")
    bridging.start()
    await bridging.until(lambda: bridging.status().get("sent") == 1)
    assert bridging.stop() == 0


async def test_a_topic_that_was_taken_out_while_the_bridge_was_down_is_no_longer_subscribed_to(
    bridging: Bridging,
) -> None:
    text = bridging.file.read_text()
    bridging.write(text + '[[source.tag]]\ntopic = "gone/{sensor}"\n')
    bridging.start()
    with Publisher(bridging.mosquitto.port) as publisher:
        await bridging.connected()
        publisher.send("gone/a", "1")
        await bridging.until(lambda: bridging.status()["sent"] == 1)
        assert bridging.stop() == 0
        bridging.write(text)
        bridging.start()
        await bridging.connected()
        publisher.send("plant/m-7/temp", "1")
        await bridging.until(lambda: bridging.status()["sent"] == 1)
        publisher.send("gone/a", "2")
        publisher.send("plant/m-7/temp", "2")
        await bridging.until(lambda: bridging.status()["sent"] == 2)
    assert (bridging.source["messages"], bridging.source["refused"]) == (2, {})
    assert bridging.stop() == 0


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_status_metrics_and_the_spool_s_lock(bridging: Bridging, version: str) -> None:
    assert "has never run here" in command(bridging, "status", str(bridging.file)).stderr
    bridging.write(TAGS.format(url=bridging.mosquitto.url, more=f'version = "{version}"\n'))
    port = bridging.mosquitto.port + 1
    bridging.start("--metrics-port", str(port))
    await bridging.connected()
    with Publisher(bridging.mosquitto.port) as publisher:
        publisher.send("plant/m-7/temp", "1")
        publisher.send("plant/m-7/temp", "x")
    await bridging.until(lambda: bridging.source["messages"] == 2)
    await bridging.until(lambda: bridging.status()["sent"] == 1)
    shown = command(bridging, "status", str(bridging.file))
    assert shown.returncode == 0, shown.stderr
    assert "bridge    test runs since " in shown.stdout
    assert f"1 readings sent to {bridging.topic}" in shown.stdout
    assert "line: refused: not-a-number 1" in shown.stdout
    as_json = json.loads(command(bridging, "status", "--json", str(bridging.file)).stdout)
    assert (as_json["running"], as_json["sources"][0]["readings"]) == (True, 1)
    metrics = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics")
    assert "controlroom_bridge_sent_total 1.0" in metrics
    assert 'controlroom_bridge_source_connected{source="line"} 1.0' in metrics
    assert 'controlroom_bridge_source_refused_total{reason="not-a-number",source="line"} 1.0' in metrics
    assert await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/readyz") == "ok\n"
    second = in_a_process(bridging, str(bridging.file), "--brokers", bridging.brokers)
    assert second.returncode == 1
    assert "another bridge uses the spool" in second.stderr
    assert bridging.stop() == 0
    ended = command(bridging, "status", str(bridging.file))
    assert ended.returncode == 3
    assert "does not run; last seen" in ended.stdout


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
        return text


async def test_check_says_whether_the_file_is_right_and_shows_readings_without_sending(bridging: Bridging) -> None:
    good = command(bridging, "check", str(bridging.file))
    assert (good.returncode, good.stdout.split("; ")[1]) == (0, "1 sources, 1 tags, 0 sensors by name\n"), good.stderr
    live = asyncio.create_task(
        asyncio.to_thread(in_a_process, bridging, "check", "--live", "--seconds", "4", str(bridging.file))
    )
    with Publisher(bridging.mosquitto.port) as publisher:
        publisher.send("plant/m-8/temp", "5", retain=True)
        until = time.monotonic() + 3
        value = 0
        while time.monotonic() < until:
            value += 1
            publisher.send("plant/m-7/temp", str(value))
            publisher.send("plant/m-7/door", "open")
            await asyncio.sleep(0.05)
    shown = await live
    assert shown.returncode == 0, shown.stderr
    readings: list[dict[str, Any]] = [json.loads(line) for line in shown.stdout.splitlines() if line.startswith("{")]
    assert sorted(one["sensor_id"] for one in readings) == ["m-7-temp", "m-7-temp", "m-8-temp"]
    assert "refused: not-a-number " in shown.stdout
    assert await on_topic(bridging) == []
    assert not (bridging.directory / "spool").exists()
    bridging.file.write_text(bridging.file.read_text().replace("mqtt://127.0.0.1", "mqtt://127.0.0.1:1#"))
    wrong = command(bridging, "check", str(bridging.file))
    assert wrong.returncode == 4
    assert "line 9: source[1].url: must be mqtt://host:port" in wrong.stderr
    bridging.write(TAGS.format(url="mqtt://127.0.0.1:1", more=""))
    away = in_a_process(bridging, "check", "--live", "--seconds", "1", str(bridging.file))
    assert away.returncode == 3
    assert "source 'line': mqtt://127.0.0.1:1 does not answer" in away.stderr


async def test_two_bridges_share_a_subscription(bridging: Bridging, tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    other = Bridging(tmp_path / "two", bridging.brokers, bridging.topic, bridging.mosquitto)
    for index, one in enumerate((bridging, other)):
        text = TAGS.format(url=bridging.mosquitto.url, more='share = "hall"\n')
        one.write(text.replace('name = "test"', f'name = "t{index}"'))
        one.start()
    try:
        for one in (bridging, other):
            await one.connected()
        with Publisher(bridging.mosquitto.port) as publisher:
            for value in range(200):
                publisher.send("plant/m-7/temp", str(value))
        await bridging.until(lambda: bridging.status()["sent"] + other.status()["sent"] == 200)
        assert bridging.status()["sent"] > 20
        assert other.status()["sent"] > 20
        found = await on_topic(bridging)
        assert sorted(one.value for one in found) == list(range(200))
        assert {one.metadata.reading_count for one in found} == {0}
    finally:
        assert other.stop() == 0
    assert bridging.stop() == 0
