"""Brokers with TLS and SCRAM: detection works over them, and what is refused is said in one line, in no hot loop."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.topics import ensure_topics
from controlroom.config import load_settings
from controlroom.errors import ConfigError
from controlroom.wire import TopicSpec
from tests.faults.scene import reading, value_of
from tests.faults.secure import PASSWORD, USER, SecureBroker, forbid_transactions, secure_broker

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the command openssl")


@pytest.fixture(scope="module")
def broker() -> Iterator[SecureBroker]:
    with tempfile.TemporaryDirectory(prefix="controlroom-secure-") as directory, secure_broker(Path(directory)) as it:
        yield it


def environment(broker: SecureBroker, brokers: str, protocol: str, dsn: str, **more: str) -> dict[str, str]:
    return {
        "KAFKA_BROKERS": brokers,
        "CONTROLROOM_DSN": dsn,
        "CONTROLROOM_SECURITY_PROTOCOL": protocol,
        "CONTROLROOM_SSL_CAFILE": str(broker.certificates.authority),
        **more,
    }


def scram(password: str = PASSWORD) -> dict[str, str]:
    return {"CONTROLROOM_SASL_USERNAME": USER, "CONTROLROOM_SASL_PASSWORD": password}


def detect(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "controlroom", "detect", *options],
        env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 3, done.stderr
    assert last.startswith("controlroom: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in last
    # A few tries, each a line or two: nothing that was tried as fast as it could be.
    assert len(done.stderr.splitlines()) < 20


@pytest.mark.parametrize("listener", ["mutual", "scram"])
async def test_readings_are_detected_over_tls(
    broker: SecureBroker, listener: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = str(broker.certificates.pair("worker"))
    over, protocol, more = {
        "mutual": (broker.mutual, "SSL", {"CONTROLROOM_SSL_CERTFILE": worker}),
        "scram": (broker.scram, "SASL_SSL", scram()),
    }[listener]
    topic = f"over-{listener}"
    variables = environment(
        broker, over, protocol, database, SENSOR_TOPIC=topic, CONTROLROOM_ALERTS_TOPIC=f"{topic}-alerts", **more
    )
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    connection = KafkaConnection.of(over, load_settings())
    specs = [TopicSpec(name, 1, {}) for name in (topic, f"{topic}-alerts", f"{topic}.dlt")]
    await ensure_topics(over, specs, replication_factor=1, min_insync_replicas=1, client=connection.options)
    async with AIOKafkaProducer(**connection.options, acks="all") as producer:
        for number in range(1, 201):
            value = reading("temp-000", number, value_of(0, number))
            await producer.send(topic, key=b"temp-000", value=value)
    done = await asyncio.to_thread(detect, variables, "--until-idle", "1")
    assert done.returncode == 0, done.stderr
    assert '"readings": 200' in done.stderr
    assert '"kind":"limit"' in done.stdout


def test_an_expired_certificate_is_named(broker: SecureBroker, database: str) -> None:
    done = detect(environment(broker, broker.expired, "SASL_SSL", database, **scram()))
    refused(done, "certificate of the broker", "expired")


def test_a_certificate_of_an_unknown_authority_is_named(broker: SecureBroker, database: str) -> None:
    variables = environment(broker, broker.scram, "SASL_SSL", database, **scram())
    del variables["CONTROLROOM_SSL_CAFILE"]
    refused(detect(variables), "certificate of the broker", "ssl_cafile")


def test_a_wrong_password_is_named_and_not_shown(broker: SecureBroker, database: str) -> None:
    done = detect(environment(broker, broker.scram, "SASL_SSL", database, **scram("wrong-horse")))
    refused(done, f"refuses the login of {USER}", "sasl_password")
    assert "wrong-horse" not in done.stderr


def test_a_broker_that_wants_our_certificate_says_so(broker: SecureBroker, database: str) -> None:
    refused(detect(environment(broker, broker.mutual, "SSL", database)), "ssl_certfile")


def test_the_wrong_protocol_is_named(broker: SecureBroker, database: str) -> None:
    done = detect({**environment(broker, broker.scram, "SASL_PLAINTEXT", database), **scram()})
    assert done.returncode == 3, done.stderr
    assert "security_protocol" in done.stderr.strip().splitlines()[-1]


def test_a_key_that_cannot_be_read_is_an_error_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("nothing of the kind")
    settings = load_settings(security_protocol="SSL", ssl_certfile=tmp_path / "broken.pem")
    with pytest.raises(ConfigError, match=r"ssl_certfile: .*broken\.pem"):
        KafkaConnection.of("127.0.0.1:9", settings)


def verified(variables: dict[str, str]) -> str:
    command = [sys.executable, "-m", "controlroom", "verify"]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=90, check=False
    )
    return next(line for line in done.stdout.splitlines() if "read back" in line or "record" in line)


async def test_a_login_that_may_not_write_transactions_is_verified_all_the_same(
    broker: SecureBroker, database: str
) -> None:
    variables = environment(
        broker, broker.scram, "SASL_SSL", database, **scram(),
        CONTROLROOM_REPLICATION_FACTOR="1", CONTROLROOM_MIN_INSYNC_REPLICAS="1",
    )  # fmt: skip
    before = await asyncio.to_thread(verified, variables)
    assert before.startswith("ok")
    assert "transactions" not in before
    await forbid_transactions(broker)
    after = await asyncio.to_thread(verified, variables)
    assert after.startswith("ok")
    assert "this login may not write transactions" in after
