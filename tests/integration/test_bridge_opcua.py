"""`controlroom bridge` with OPC UA servers: asyncua's in a process of its own, and Eclipse Milo's, and real brokers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from asyncua import Client, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID

from benchmarks._opcua_server import URI, OpcuaServer
from controlroom.local import Endpoints
from controlroom.wire import Reading
from tests.bridging import Bridging
from tests.command import run_beside
from tests.conftest import MakeTopic
from tests.integration.test_bridge import command, on_topic
from tests.milo import URI as MILO_URI
from tests.milo import URL as MILO_URL
from tests.milo import milo

HEAD = """
[bridge]
name = "test"
spool = "spool"

[[source]]
name = "line"
type = "opcua"
url = "{url}"
sampling = 0.1
publishing = 0.1
rescan = 1
timeout = 2
{more}
"""
COUNTERS = """
[[source.tag]]
path = "{section}/{machine}/{sensor}"
type = "flow"
"""
LEVEL = f"""
[[source.tag]]
node = "nsu={URI};s=Fixed.level"
id = "level"
type = "level"
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpcuaServer]:
    made = OpcuaServer(tmp_path)
    yield made
    made.stop()


@pytest.fixture
async def bridging(endpoints: Endpoints, topics: MakeTopic, tmp_path: Path) -> AsyncIterator[Bridging]:
    made = Bridging(tmp_path, endpoints.brokers, await topics("data", partitions=3), None)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


async def of(bridging: Bridging, sensor_id: str) -> list[Reading]:
    return sorted(
        (one for one in await on_topic(bridging) if one.sensor_id == sensor_id),
        key=lambda one: one.metadata.reading_count,
    )


def sent(bridging: Bridging) -> int:
    return bridging.status().get("sent", 0)


async def test_units_ranges_and_places_come_from_the_server_and_names_from_its_tree(
    server: OpcuaServer, bridging: Bridging
) -> None:
    server.start()
    bridging.write(HEAD.format(url=server.url, more="") + COUNTERS.replace("type", 'limits = "range"\ntype'))
    bridging.start()
    await bridging.connected()
    assert bridging.source["tags"] == 5
    await bridging.until(lambda: sent(bridging) > 20)
    assert bridging.stop() == 0
    readings = await on_topic(bridging)
    first = next(one for one in readings if one.sensor_id == "Line 1-m-0-s0000")
    assert (first.unit, first.location.machine_id, first.location.factory_section) == ("°C", "m-0", "Line 1")
    assert (first.metadata.critical_threshold, first.quality) == (90.0, 1.0)
    # The time is that of the value, by the server's clock.
    for one in readings:
        assert one.timestamp.timestamp() == pytest.approx(server.began + one.value / server.hz, abs=0.001)


async def test_a_server_that_restarts_with_other_namespaces_and_node_ids_is_found_again_and_nothing_comes_twice(
    server: OpcuaServer, bridging: Bridging
) -> None:
    server.start()
    bridging.write(HEAD.format(url=server.url, more="refresh = 0") + COUNTERS + LEVEL)
    bridging.start()
    await bridging.connected()
    for options in (("--shift",), ("--suffix", "x"), ("--shift", "--suffix", "y")):
        count = sent(bridging)
        await bridging.until(lambda before=count: sent(bridging) > before + 20)
        server.kill()
        await bridging.until(lambda: bridging.source["connected_since"] is None)
        server.start(*options)
        await bridging.connected()
    # And a bridge that restarts.
    bridging.kill()
    bridging.start()
    await bridging.until(lambda: sent(bridging) > 20)
    assert bridging.stop() == 0
    counts = Counter((one.sensor_id, one.value, one.timestamp) for one in await on_topic(bridging))
    assert max(counts.values()) == 1
    readings = await of(bridging, "Line 1-m-0-s0003")
    assert [one.metadata.reading_count for one in readings] == list(range(1, len(readings) + 1))
    values = [one.value for one in readings]
    assert values == sorted(set(values))
    assert {one.sensor_id for one in await on_topic(bridging)} == {"level", *(f"Line 1-m-0-s000{n}" for n in range(5))}


async def test_a_value_that_the_server_tells_again_is_not_a_second_reading(
    server: OpcuaServer, bridging: Bridging
) -> None:
    server.tags = 0
    server.start()
    bridging.write(HEAD.format(url=server.url, more="refresh = 0") + LEVEL)
    bridging.start()
    await bridging.until(lambda: sent(bridging) == 1)
    bridging.kill()
    bridging.start()
    await bridging.until(lambda: bridging.source.get("repeated") == 1)
    # The server forgets the subscription, and says nothing of it.
    server.tell("drop")
    await bridging.until(lambda: "keep-alives have stopped" in bridging.said(), patience=60)
    await bridging.until(lambda: bridging.source.get("repeated") == 2)
    server.tell("uncertain")
    await bridging.until(lambda: sent(bridging) == 1)
    server.tell("bad")
    await bridging.until(lambda: sent(bridging) == 2)
    assert bridging.stop() == 0
    assert [(one.value, one.quality) for one in await of(bridging, "level")] == [(7.5, 1.0), (8.5, 0.5), (8.5, 0.0)]


async def test_an_unchanged_value_is_read_and_told_as_of_now(server: OpcuaServer, bridging: Bridging) -> None:
    server.tags = 0
    server.start()
    bridging.write(HEAD.format(url=server.url, more="refresh = 0.5") + LEVEL)
    bridging.start()
    await bridging.until(lambda: sent(bridging) >= 4)
    assert bridging.stop() == 0
    readings = await of(bridging, "level")
    assert {one.value for one in readings} == {7.5}
    times = [one.timestamp for one in readings]
    assert times == sorted(set(times))
    assert 0.4 < (times[3] - times[2]).total_seconds() < 3


async def test_what_is_not_there_is_one_line_and_is_taken_when_it_comes(
    server: OpcuaServer, bridging: Bridging
) -> None:
    server.start()
    late = LEVEL.replace("level", "late")
    other = LEVEL.replace(URI, "http://example.org/none").replace('"level"', '"none"', 1)
    label = LEVEL.replace("Fixed.level", "Fixed.label").replace('id = "level"', 'id = "label"')
    bridging.write(HEAD.format(url=server.url, more="refresh = 0") + COUNTERS + LEVEL + late + other + label)
    bridging.start()
    await bridging.connected()
    assert bridging.source["tags"] == 7
    assert bridging.source["refused"]["no-node"] == 2
    assert "not on the server" in bridging.source["error"]
    assert "and 1 more" in bridging.source["error"]
    shown = command(bridging, "status", str(bridging.file))
    assert shown.returncode == 0
    assert "no-node 2" in shown.stdout
    await bridging.until(lambda: bridging.source["refused"].get("not-a-number") == 1)
    server.tell("late")
    await bridging.until(lambda: bridging.source["tags"] == 8)
    # A variable that is deleted is missing, and comes back with another download.
    server.tell("delete")
    await bridging.until(lambda: bridging.source["tags"] == 7)
    assert bridging.source["refused"]["no-node"] == 3
    server.tell("add")
    await bridging.until(lambda: bridging.source["tags"] == 8)
    await bridging.until(lambda: sent(bridging) > 50)
    # Searched for every second, counted once each, and said once a minute.
    assert bridging.source["refused"]["no-node"] == 3
    assert bridging.said().count("no-node") == 1
    assert bridging.stop() == 0
    assert [one.value for one in await of(bridging, "late")] == [1.25]
    values = [(one.value, one.quality) for one in await of(bridging, "level")]
    assert values in ([(7.5, 1.0), (9.5, 1.0)], [(7.5, 1.0), (7.5, 0.0), (9.5, 1.0)])


async def test_a_server_that_hangs_is_left_and_found_again(server: OpcuaServer, bridging: Bridging) -> None:
    server.start()
    bridging.write(HEAD.format(url=server.url, more="refresh = 0") + COUNTERS)
    bridging.start()
    await bridging.until(lambda: sent(bridging) > 10)
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        await bridging.until(lambda: bridging.source["connected_since"] is None)
    finally:
        server.process.send_signal(signal.SIGCONT)
    await bridging.connected()
    count = sent(bridging)
    await bridging.until(lambda: sent(bridging) > count + 20)
    assert bridging.stop() == 0
    values = [one.value for one in await of(bridging, "Line 1-m-0-s0001")]
    assert values == sorted(set(values))


class Wire:
    """Passes bytes on between a bridge and a server, until it is cut."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()  # whoever comes meanwhile asks again and again, as TCP does
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers |= {writer, up_writer}
        ways = [asyncio.create_task(self._pass(reader, up_writer)), asyncio.create_task(self._pass(up_reader, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        for end in (writer, up_writer):
            end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                if not self._whole.is_set():
                    return  # what was under way is lost
                writer.write(data)
                await writer.drain()

    async def cut(self, seconds: float) -> None:
        """Neither side hears of the other for so long."""
        self._whole.clear()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        await asyncio.sleep(seconds)
        self._whole.set()


async def test_a_connection_that_is_cut_for_seconds_loses_nothing(server: OpcuaServer, bridging: Bridging) -> None:
    server.start()
    wire = Wire(server.port)
    listener = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    url = f"opc.tcp://127.0.0.1:{listener.sockets[0].getsockname()[1]}/line"
    # A busy machine is to be waited for: a session that cannot be gone on with would be another test.
    head = HEAD.replace("timeout = 2", "timeout = 10")
    bridging.write(head.format(url=url, more="refresh = 0.3\nqueue = 100") + COUNTERS + LEVEL)
    bridging.start()
    try:
        await bridging.until(lambda: sent(bridging) > 20)
        for number, seconds in enumerate((0.5, 3.0, 1.0), 1):
            await wire.cut(seconds)
            await bridging.until(lambda count=number: bridging.source["reconnects"] == count)
            # Not cut again before what was lost has been asked for: this server forgets it once it has answered.
            before = bridging.source["readings"]
            await bridging.until(lambda count=before: bridging.source["readings"] > count + 30)
        assert bridging.source["refused"] == {}
        assert "forgotten our session" not in bridging.said()
        assert bridging.stop() == 0
    finally:
        listener.close()
    for number in range(5):
        # A machine that is busy may have had one read again meanwhile.
        values = [one.value for one in await of(bridging, f"Line 1-m-0-s{number:04d}")]
        assert sorted(set(values)) == [values[0] + index for index in range(len(set(values)))], bridging.said()
        assert values == sorted(values)


async def test_changes_of_the_tags_count_without_a_new_connection(server: OpcuaServer, bridging: Bridging) -> None:
    server.start()
    bridging.write(HEAD.format(url=server.url, more="refresh = 0") + LEVEL)
    bridging.start()
    await bridging.until(lambda: sent(bridging) == 1)
    since = bridging.source["connected_since"]
    await asyncio.sleep(2.5)  # the first look at the file is over
    bridging.write(
        HEAD.format(url=server.url, more="refresh = 0") + LEVEL + COUNTERS + '[sensor."level"]\nignore = true\n'
    )
    await bridging.until(lambda: bridging.source["tags"] == 5)
    await bridging.until(lambda: sent(bridging) > 20)
    assert bridging.source["connected_since"] == since
    assert bridging.stop() == 0
    assert len(await of(bridging, "level")) == 1


async def test_encryption_certificates_and_user(server: OpcuaServer, bridging: Bridging, tmp_path: Path) -> None:
    for name, uri in (("ours", "urn:example:bridge"), ("other", "urn:example:other")):
        await setup_self_signed_certificate(
            tmp_path / f"{name}.key", tmp_path / f"{name}.der", uri, "127.0.0.1",
            [ExtendedKeyUsageOID.CLIENT_AUTH], {},
        )  # fmt: skip
    server.start("--secure", str(tmp_path))
    more = (
        'security = "Basic256Sha256"\ncert_file = "ours.der"\nkey_file = "ours.key"\ntrust = ["{trust}"]\n'
        'user = "me"\npassword_file = "secret"\n'
    )
    (tmp_path / "secret").write_text("hush\n")
    (tmp_path / "secret").chmod(0o600)
    bridging.write(HEAD.format(url=server.url, more=more.format(trust="other.der")) + LEVEL)
    bridging.start()
    await bridging.until(lambda: "its certificate is not accepted" in bridging.source.get("error", ""))
    assert bridging.stop() == 0
    (tmp_path / "secret").write_text("wrong\n")
    bridging.write(HEAD.format(url=server.url, more=more.format(trust="server.der")) + LEVEL)
    bridging.start()
    await bridging.until(lambda: "the server refuses us: Bad" in bridging.source.get("error", ""))
    assert bridging.stop() == 0
    (tmp_path / "secret").write_text("hush\n")
    bridging.start()
    await bridging.until(lambda: sent(bridging) >= 1)
    assert bridging.stop() == 0
    # Without encryption it has no endpoint.
    bridging.write(HEAD.format(url=server.url, more="") + LEVEL)
    bridging.start()
    offered = "the server does not offer None; it offers Basic256Sha256 SignAndEncrypt"
    await bridging.until(lambda: bridging.source.get("error") == offered)
    assert bridging.stop() == 0
    assert "hush" not in bridging.said()


async def test_browse_writes_a_file_that_check_and_run_take(server: OpcuaServer, bridging: Bridging) -> None:
    server.start()
    shown = command(bridging, "browse", server.url, "--write", str(bridging.file))
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == "Fixed"
    assert lines[3:5] == ["Line 1", "  m-0"]
    assert f"  level  nsu={URI};s=Fixed.level  Double  7.5" in lines
    assert any(line.endswith("°C  [-1 to 90]") for line in lines)
    before = bridging.file.read_text()
    again = command(bridging, "browse", server.url, "--write", str(bridging.file))
    assert again.returncode != 0
    assert "is there already" in again.stderr
    assert bridging.file.read_text() == before
    live = command(bridging, "check", "--live", "--seconds", "3", str(bridging.file))
    assert live.returncode == 0, live.stderr
    assert '"sensor_id":"Fixed-level"' in live.stdout
    assert "of 6 topics" in live.stdout
    server.kill()
    gone = command(bridging, "check", "--live", "--seconds", "3", str(bridging.file))
    assert gone.returncode == 3
    assert "does not answer" in gone.stderr


async def test_another_server_eclipse_milo_restarts_and_keeps_its_own_trust(bridging: Bridging, tmp_path: Path) -> None:
    directory = tmp_path / "milo"
    directory.mkdir()
    await setup_self_signed_certificate(
        tmp_path / "ours.key", tmp_path / "ours.der", "urn:example:bridge", "127.0.0.1",
        [ExtendedKeyUsageOID.CLIENT_AUTH], {},
    )  # fmt: skip
    tags = f"""
[[source.tag]]
node = "nsu={MILO_URI};s=HelloWorld"
path = "Dynamic/{{sensor}}"
id = "dynamic-{{sensor}}"
[[source.tag]]
node = "nsu={MILO_URI};s=HelloWorld/ScalarTypes/Double"
id = "double"
type = "flow"
[[source.tag]]
node = "nsu={MILO_URI};s=HelloWorld/DataAccess/AnalogValue"
id = "analog"
type = "level"
limits = "range"
deadband_percent = 10
[[source.tag]]
path = "HelloWorld/ScalarTypes/{{sensor}}"
"""
    wire = Wire(12686)
    listener = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    url = MILO_URL.replace("12686", str(listener.sockets[0].getsockname()[1]))
    plain = HEAD.replace("timeout = 2", "timeout = 10").format(url=url, more="refresh = 0\nqueue = 100")
    with milo(directory) as server:
        shown = await run_beside("bridge", "browse", MILO_URL)
        assert f"    Double  nsu={MILO_URI};s=HelloWorld/ScalarTypes/Double  Double  3.14" in shown.stdout.splitlines()
        bridging.write(plain + tags)
        bridging.start()
        await bridging.connected()
        async with Client(MILO_URL) as client:
            index = await client.get_namespace_index(MILO_URI)
            node = client.get_node(f"ns={index};s=HelloWorld/ScalarTypes/Double")
            for value in (1.5, 2.5, 3.5):
                await node.write_value(ua.DataValue(ua.Variant(value, ua.VariantType.Double)))
                await asyncio.sleep(0.5)  # longer than it samples
        await bridging.until(lambda: sent(bridging) > 30)
        # What it is told while the wire is cut comes when it is whole again.
        async with Client(MILO_URL) as client:
            node = client.get_node(f"ns={index};s=HelloWorld/ScalarTypes/Double")
            cut = asyncio.create_task(wire.cut(2.0))
            for value in (4.5, 5.5):
                await asyncio.sleep(0.5)
                await node.write_value(ua.DataValue(ua.Variant(value, ua.VariantType.Double)))
            await cut
        await bridging.until(lambda: bridging.source["reconnects"] == 1)
        await bridging.connected()
        assert "forgotten our session" not in bridging.said()
        count = sent(bridging)
        await bridging.until(lambda: sent(bridging) > count + 20)
        server.kill()
        await bridging.until(lambda: bridging.source["connected_since"] is None)
        server.start()
        await bridging.connected()
        # Started anew it has the values that it begins with, with a time of their own.
        count = sent(bridging)
        await bridging.until(lambda: sent(bridging) > count + 30)
        assert bridging.stop() == 0
        listener.close()
        found = await on_topic(bridging)
        assert [one.value for one in await of(bridging, "double")] == [3.14, 1.5, 2.5, 3.5, 4.5, 5.5, 3.14]
        (analog, *_) = await of(bridging, "analog")
        assert (analog.metadata.critical_threshold, analog.value) == (100.0, 3.14)
        assert len([one for one in found if one.sensor_id == "dynamic-Int32"]) > 10
        assert {one.value for one in found if one.sensor_id == "dynamic-Boolean"} <= {0.0, 1.0}
        # Two samples may have the same millisecond, but not the same random value too.
        assert max(Counter((one.sensor_id, one.timestamp, one.value) for one in found).values()) == 1
        # Encrypted: the server trusts us, and we trust anybody.
        (directory / "server/security/pki/trusted/certs/ours.der").write_bytes((tmp_path / "ours.der").read_bytes())
        more = 'security = "Basic256Sha256"\ncert_file = "ours.der"\nkey_file = "ours.key"\ntrust = "any"\n'
        bridging.write(HEAD.format(url=MILO_URL, more=more) + tags)
        bridging.start()
        await bridging.until(lambda: bridging.source.get("connected_since") is not None)
        await bridging.until(lambda: sent(bridging) > 10)
        assert bridging.stop() == 0
