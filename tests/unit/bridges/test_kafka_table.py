"""`[[source]]` with `type = "kafka"`: what is good, and what is said of what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridges.errors import BridgeFileError
from bridges.file import BridgeFile, load_bridge
from bridges.sources.kafka_table import KafkaTable
from bridges.sources.kinds import make_source

GOOD = """\
[bridge]
name = "hall-3"

[[source]]
name = "erp"
type = "kafka"
brokers = "kafka-1:9092, [::1]:9093"

[[source.tag]]
topic = "plant.{section}.{machine}"
key = "{sensor}"
id = "{machine}-{sensor}-{header:line}-{field:unit.no}"
payload = "json"
"""


def load(path: Path, text: str) -> BridgeFile:
    (path / "bridge.toml").write_text(text)
    return load_bridge(path / "bridge.toml")


def table(path: Path, text: str) -> KafkaTable:
    found = load(path, text).source[0]
    assert isinstance(found, KafkaTable)
    return found


def test_a_short_file_is_enough(tmp_path: Path) -> None:
    found = table(tmp_path, GOOD)
    assert (found.start, found.read_committed, found.shared) == ("latest", True, False)
    assert found.group_of("hall-3") == "controlroom-hall-3-erp"
    assert found.options("hall-3") == {
        "bootstrap_servers": "kafka-1:9092, [::1]:9093",
        "client_id": "controlroom-hall-3-erp",
        "security_protocol": "PLAINTEXT",
        "request_timeout_ms": 10_000,
    }


def test_security(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERP", "hush")
    found = table(
        tmp_path, GOOD.replace("[[source.tag]]", 'tls = true\nuser = "me"\npassword_env = "ERP"\n[[source.tag]]')
    )
    options = found.options("b")
    assert (options["security_protocol"], options["sasl_mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("me", "hush")
    assert options["ssl_context"].check_hostname
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('brokers = "kafka-1:9092, [::1]:9093"', "", "line 4: source[1].brokers: is missing"),
        ("kafka-1:9092", "kafka-1", "line 7: source[1].brokers: 'kafka-1' is not host:port"),
        ("kafka-1:9092", "kafka-1:99999", "line 7: source[1].brokers: 'kafka-1:99999' is not host:port"),
        ('type = "kafka"', 'type = "kafka"\nurl = "x"', "line 7: source[1].url: there is no such key"),
        ('type = "kafka"', 'type = "kafka"\nca_file = "x"', "line 4: source[1]: ca_file, cert_file and key_file need"),
        ('type = "kafka"', 'type = "kafka"\nuser = "x"', "line 4: source[1]: a user needs password_env or"),
        ('type = "kafka"', 'type = "kafka"\nsasl = "PLAIN"', "line 4: source[1]: sasl and a password need a user"),
        ('type = "kafka"', 'type = "kafka"\nshared = true', "line 4: source[1]: shared needs a group"),
        ('type = "kafka"', 'type = "kafka"\nstart = "now"', "line 7: source[1].start: must be 'latest' or 'earliest'"),
        ("{section}", "a/b", "line 10: source[1].tag[1].topic: 'plant.a/b.{machine}' has a character that no Kafka"),
        ("{section}", "{section}{zone}", "line 10: source[1].tag[1].topic: 'plant.{section}{zone}.{machine}': nothing"),
        ('key = "{sensor}"', 'key = "{machine}:{sensor}"', "line 9: source[1].tag[1]: key: 'machine' is a name in the"),
        ("{field:unit.no}", "{field:unit..no}", "line 9: source[1].tag[1]: id: path 'unit..no' is wrong at"),
        ("{field:unit.no}", "{unit}", "line 9: source[1].tag[1]: id: there is no {unit}; there are: {section},"),
        ('payload = "json"', "", 'line 9: source[1].tag[1]: id: {field:unit.no} is for payload = "json"'),
        ('key = "{sensor}"', "", "line 9: source[1].tag[1]: type is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_line_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(BridgeFileError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert said in str(caught.value)


def test_a_password_that_is_not_there_is_said(tmp_path: Path) -> None:
    found = table(tmp_path, GOOD.replace("[[source.tag]]", 'user = "me"\npassword_env = "NOT_THERE"\n[[source.tag]]'))
    with pytest.raises(BridgeFileError, match="there is no environment variable NOT_THERE"):
        make_source(found, {}, "b", lambda _: None)


def test_another_connection_takes_another_source_and_other_tags_do_not(tmp_path: Path) -> None:
    found = table(tmp_path, GOOD)
    assert found.same_connection(table(tmp_path, GOOD.replace("{section}", "{zone}")))
    assert not found.same_connection(table(tmp_path, GOOD.replace("9092", "9094")))
