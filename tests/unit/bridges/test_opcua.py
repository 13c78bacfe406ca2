"""OPC UA: the table, and what values, states and properties of a server become."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from cryptography import x509

from bridges.errors import BridgeFileError
from bridges.file import load_bridge
from bridges.mapping import SensorTable, Tag
from bridges.opcua_browse import Listed, tree, write_file
from bridges.payload import Refused
from bridges.sources import kinds
from bridges.sources.opcua_client import check_trust
from bridges.sources.opcua_items import Item, completed
from bridges.sources.opcua_nodes import Engineering
from bridges.sources.opcua_readings import Readings
from bridges.sources.opcua_subscription import data_change_filter
from bridges.sources.opcua_table import OpcuaTable, OpcuaTag, server_url
from bridges.sources.opcua_values import measured
from bridges.tags import Refusals
from tests.faults.secure import Certificates

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AT = datetime(2026, 5, 1, 11, tzinfo=UTC)
GOOD = """\
[bridge]
name = "hall-3"

[[source]]
name = "line"
type = "opcua"
url = "opc.tcp://plc"

[[source.tag]]
path = "Line 1/{machine}/{sensor}"
"""


def load(path, text):
    (path / "bridge.toml").write_text(text)
    return load_bridge(path / "bridge.toml")


def table(**keys) -> OpcuaTable:
    return OpcuaTable.model_validate(
        {"type": "opcua", "name": "line", "url": "opc.tcp://plc", "tag": [{"path": "{sensor}"}], **keys}
    )


def item(**keys) -> Item:
    tag = OpcuaTag.model_validate({"node": "ns=2;s=a", "id": "a", "type": "flow", **keys})
    target = Tag(tag.mapping()).target({"sensor": "a"}, {})
    assert target is not None
    return Item(ua.NodeId("a", 2), "ns=2;s=a", tag, target)


def value(raw, code=0, at=AT, server=None) -> ua.DataValue:
    return ua.DataValue(ua.Variant(raw), ua.StatusCode(code), SourceTimestamp=at, ServerTimestamp=server)


def test_a_short_table_is_enough(tmp_path):
    source = load(tmp_path, GOOD).source[0]
    assert (source.url, source.sampling, source.queue, source.refresh_s) == ("opc.tcp://plc:4840", 1.0, 60, 3.0)
    assert server_url("opc.tcp://[::1]/a") == "opc.tcp://[::1]:4840/a"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("opc.tcp://plc", "http://plc", "line 7: source[1].url: must be opc.tcp://host:port"),
        ("opc.tcp://plc", "opc.tcp://a:b@plc", "line 7: source[1].url: a user is given by user and"),
        ('type = "opcua"', 'type = "opcua"\nsampling = 0', "line 7: source[1].sampling: must be greater than 0"),
        ('type = "opcua"', 'type = "opcua"\nsamplng = 1', "line 7: source[1].samplng: there is no such key"),
        ('type = "opcua"', 'type = "opcua"\ncert_file = "x"', "line 4: source[1]: cert_file needs security"),
        ('type = "opcua"', 'type = "opcua"\nsecurity = "Basic256Sha256"', "source[1]: security = 'Basic256Sha256' n"),
        (
            'type = "opcua"',
            'type = "opcua"\nsecurity = "Basic256Sha256"\ncert_file = "c"\nkey_file = "k"',
            "source[1]: trust is missing",
        ),
        ('type = "opcua"', 'type = "opcua"\nuser_cert_file = "c"', "source[1]: user_cert_file and user_key_file are"),
        ('type = "opcua"', 'type = "opcua"\ndeadband = 1\ndeadband_percent = 1', "source[1]: give deadband or"),
        ('path = "Line 1/{machine}/{sensor}"', 'node = "ns=x;s=a"', "line 10: source[1].tag[1].node: must be a node"),
        ('path = "Line 1/{machine}/{sensor}"', 'id = "x"', "line 9: source[1].tag[1]: give node (a variable), path"),
        ("{sensor}", "{sens", "line 9: source[1].tag[1]: path 'Line 1/{machine}/{sens'"),
        ("{sensor}", "x", "line 9: source[1].tag[1]: type is missing: give it, or name a level of the path"),
        ('{sensor}"', '{sensor}"\nid = "{zone}"', "line 9: source[1].tag[1]: id: there is no {zone} in the path"),
        ('type = "opcua"', 'type = "opc"', "line 6: source[1].type"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_line_and_key(tmp_path, old, new, said):
    assert old in GOOD
    with pytest.raises(BridgeFileError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_the_extra_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(kinds, "find_spec", lambda name: None if name == "asyncua" else find_spec(name))
    with pytest.raises(BridgeFileError, match=r"OPC UA is not installed: pip install 'controlroom\[opcua\]'"):
        kinds.make_source(table(), {}, "b", lambda _: None)


def test_a_certificate_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "c.pem").write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    keys = {"security": "Basic256Sha256", "cert_file": tmp_path / "c.pem", "key_file": tmp_path / "no", "trust": "any"}
    with pytest.raises(BridgeFileError, match=r"source 'line', cert_file: .*c\.pem: "):
        kinds.make_source(table(**keys), {}, "b", lambda _: None)


def test_a_server_is_trusted_by_its_own_certificate_or_its_authority_s(tmp_path):
    certificates = Certificates(tmp_path)

    def read(name):
        return x509.load_pem_x509_certificate((tmp_path / name).read_bytes())

    authority, server, worker, old = (read(name) for name in ("ca.pem", "server.crt", "worker.crt", "expired.crt"))
    assert certificates.authority.name == "ca.pem"
    now = datetime.now(UTC)
    check_trust(server, [server], now)
    check_trust(server, [worker, authority], now)
    for shown, trusted, code in (
        (server, [worker], ua.StatusCodes.BadCertificateUntrusted),
        (server, [], ua.StatusCodes.BadCertificateUntrusted),
        (old, [old, authority], ua.StatusCodes.BadCertificateTimeInvalid),
    ):
        with pytest.raises(ServiceError) as caught:
            check_trust(shown, trusted, now)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (value(21.5), (21.5, AT, 1.0)),
        (value(21.5, ua.StatusCodes.UncertainSensorNotAccurate), (21.5, AT, 0.5)),
        (value(21.5, ua.StatusCodes.BadSensorFailure), (21.5, AT, 0.0)),
        (value(None, ua.StatusCodes.BadCommunicationError), (None, AT, 0.0)),
        (value(float("nan"), ua.StatusCodes.BadSensorFailure), (None, AT, 0.0)),
        (value(True), (1.0, AT, 1.0)),
        (value("7"), (7.0, AT, 1.0)),
        (value(7, at=None, server=NOW), (7.0, NOW, 1.0)),
        (value(7, at=datetime(1601, 1, 1, tzinfo=UTC)), (7.0, None, 1.0)),
    ],
)
def test_value_time_and_quality(data, expected):
    assert measured(data, "a")[:3] == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (value(None), "no-value"),
        (value(float("inf")), "not-finite"),
        (value([1.0, 2.0]), "not-a-number"),
        (value("on"), "not-a-number"),
        (value(1e300), "out-of-range"),
    ],
)
def test_what_is_no_number_is_refused(data, reason):
    with pytest.raises(Refused) as caught:
        measured(data, "a")
    assert caught.value.reason == reason


def test_the_server_s_full_queue_is_seen():
    assert measured(value(1.0, 0x480), "a").overflow
    assert not measured(value(1.0, 0x400), "a").overflow
    # A value after an overflow is told again without the mark, and is the same.
    assert measured(value(1.0, 0x480), "a").mark == measured(value(1.0), "a").mark
    assert measured(value(1.0), "a").mark != measured(value(1.0, at=NOW), "a").mark


def test_a_bad_state_without_a_value_is_about_the_last_one():
    refusals = Refusals("line")
    readings, one = Readings(object(), refusals), item(scale=2.0)
    assert readings.told(one, value(None, ua.StatusCodes.BadSensorFailure), NOW) is None
    assert refusals.counts == {"no-value": 1}
    packet = readings.told(one, value(4.0), NOW)
    assert packet is not None
    assert packet.drafts[0][1:5] == (AT, 8.0, 1.0, 0)
    packet = readings.told(one, value(None, ua.StatusCodes.BadSensorFailure, at=NOW), NOW)
    assert packet is not None
    assert packet.drafts[0][1:5] == (NOW, 8.0, 0.0, 0)


def test_a_value_without_a_time_is_the_same_with_a_new_subscription_alone():
    readings, one = Readings(object(), Refusals("line")), item()
    packets = [readings.told(one, value(4.0, at=None), NOW) for _ in range(2)]
    assert [packet.current.look_up for packet in packets] == [True, False]
    assert packets[0].drafts[0].at == NOW


def test_the_first_value_of_a_subscription_is_of_now_if_it_is_old():
    readings, one = Readings(object(), Refusals("line")), item()
    packets = [readings.told(one, value(4.0), NOW, 3.0) for _ in range(2)]
    assert [packet.drafts[0].at for packet in packets] == [NOW, AT]
    # It is recognised by its own time.
    assert packets[0].current.mark == packets[1].current.mark
    assert readings.told(item(), value(4.0), NOW, 4_000.0).drafts[0].at == AT


def test_what_was_read_because_nothing_came_is_a_reading_if_it_has_not_changed():
    readings, one = Readings(object(), Refusals("line")), item(offset=1.0)
    assert readings.told(one, value(4.0), NOW) is not None
    packet = readings.unchanged(one, value(4.0), NOW)
    assert packet is not None
    assert (packet.drafts[0].at, packet.drafts[0].value, packet.current) == (NOW, 5.0, None)
    # Nothing goes back in time, and what has changed comes with a notification.
    assert readings.unchanged(one, value(4.0), AT) is None
    assert readings.unchanged(one, value(4.5), datetime(2026, 5, 1, 13, tzinfo=UTC)) is None
    assert readings.unchanged(one, value([1]), datetime(2026, 5, 1, 13, tzinfo=UTC)) is None


def test_unit_and_range_of_the_server_count_where_the_file_says_nothing():
    told = Engineering("°C", -10.0, 90.0)
    plain, own, scaled = item().target, item(unit="K", critical=5.0).target, item(scale=-2.0).target
    assert completed(plain, told, limits=False).sensor[3:] == ("°C", None, None)
    assert completed(plain, told, limits=True).sensor[3:] == ("°C", None, 90.0)
    assert completed(own, told, limits=True).sensor[3:] == ("K", None, 5.0)
    assert completed(scaled, told, limits=True).sensor[3:] == ("", None, 20.0)
    assert completed(plain, Engineering(), limits=True).sensor[3:] == ("", None, None)


def test_a_deadband_of_the_tag_wins_over_its_source_s():
    whole = table(deadband=0.5)
    assert data_change_filter(whole, None, None).DeadbandValue == 0.5
    percent = data_change_filter(whole, None, 2.0)
    assert (percent.DeadbandType, percent.DeadbandValue) == (ua.DeadbandType.Percent, 2.0)
    assert data_change_filter(table(), None, None).DeadbandType == ua.DeadbandType.None_


def test_what_was_browsed_is_a_tree_and_a_file(tmp_path):
    found = [
        Listed(("Line", "m-1", "temp {x}"), 'nsu=urn:a;s="t"', "Double", 21.5, "°C", 0.0, 90.0),
        Listed(("Line", "m-1", "label"), "nsu=urn:a;s=l", "String", "as it is", "", None, None),
        Listed(("Line", "m-1", "temp  {x}"), "nsu=urn:a;s=u", "Int16", 3, "", None, None),
    ]
    assert list(tree(found)) == [
        "Line",
        "  m-1",
        "    label  nsu=urn:a;s=l  String  as it is",
        "    temp  {x}  nsu=urn:a;s=u  Int16  3",
        '    temp {x}  nsu=urn:a;s="t"  Double  21.5 °C  [0 to 90]',
    ]
    path = tmp_path / "new.toml"
    assert write_file(path, table(user="me", password_env="P"), found) == 2
    source = load_bridge(path).source[0]
    assert (source.user, source.password_env, source.url) == ("me", "P", "opc.tcp://plc:4840")
    assert [(tag.node, tag.id, tag.machine) for tag in source.tag] == [
        ("nsu=urn:a;s=u", "Line-m-1-temp_(x)", "m-1"),
        ('nsu=urn:a;s="t"', "Line-m-1-temp_(x)-2", "m-1"),
    ]
    with pytest.raises(BridgeFileError, match="is there already"):
        write_file(path, table(), found)


def test_a_sensor_s_own_table_counts():
    tag = OpcuaTag.model_validate({"path": "{machine}/{sensor}"})
    target = Tag(tag.mapping()).target({"machine": "m", "sensor": "t"}, {"m-t": SensorTable(unit="bar")})
    assert target is not None
    assert target.sensor.unit == "bar"
