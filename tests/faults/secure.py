"""One real broker with TLS and SCRAM listeners, and the certificates for it: what the local plant has no use for."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from controlroom.local import java, probe
from controlroom.local.jars import JarStore
from controlroom.local.kafka import BrokerProcess, new_cluster_id
from controlroom.local.paths import PlantPaths, cache_dir
from controlroom.local.ports import free_ports
from controlroom.local.state import BrokerState

USER, PASSWORD = "press-hall", "correct-horse"


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, and what it has signed."""

    directory: Path

    def __post_init__(self) -> None:
        self._openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=plant-authority",
        )  # fmt: skip
        self._sign("server", days=2)
        self._sign("expired", days=-1)
        self._sign("worker", days=2)

    @property
    def authority(self) -> Path:
        return self.directory / "ca.pem"

    def pair(self, name: str) -> Path:
        """Key and certificate in one file."""
        return self.directory / f"{name}.pem"

    def _sign(self, name: str, *, days: int) -> None:
        self._openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}",
        )  # fmt: skip
        (self.directory / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", str(days), "-extfile", "names", "-out", f"{name}.crt",
        )  # fmt: skip
        key, certificate = self.directory / f"{name}.key", self.directory / f"{name}.crt"
        self.pair(name).write_bytes(key.read_bytes() + certificate.read_bytes())

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)


@dataclass(frozen=True)
class SecureBroker:
    """Addresses by listener, and what opens them."""

    #: TLS, and a client must have a certificate of the authority's
    mutual: str
    #: TLS with SCRAM
    scram: str
    #: TLS with SCRAM and a certificate that was good until yesterday
    expired: str
    #: without TLS or a login: who comes here may do everything, as the plant's own tools do
    plain: str
    certificates: Certificates


async def forbid_transactions(broker: SecureBroker) -> None:
    """A rule of the brokers: the user may not use any transactional id."""
    transactional_id, literal, every, deny = 5, 3, 2, 2
    rule = (transactional_id, "*", literal, f"User:{USER}", "*", every, deny)
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.plain)
    await admin.start()
    try:
        [node] = [node.nodeId for node in admin._client.cluster.brokers()]
        answer = await admin._client.send(node, CreateAclsRequest(*rule))
        assert [error for error, _ in answer.creation_responses] == [0], answer
    finally:
        await admin.close()


@contextmanager
def secure_broker(directory: Path) -> Iterator[SecureBroker]:
    """The broker while the block runs."""
    certificates = Certificates(directory)
    paths = PlantPaths(directory)
    for path in (paths.logs, paths.root / "kafka"):
        path.mkdir(parents=True, exist_ok=True)
    broker = BrokerProcess(paths, JarStore(cache_dir()), 1)
    plain, controller, mutual, scram, expired = free_ports(5)
    broker.configure([BrokerState(id=1, port=plain, controller_port=controller)])
    ports = {"PLAINTEXT": plain, "MUTUAL": mutual, "SCRAM": scram, "EXPIRED": expired}
    listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    settings = {
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": (
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,MUTUAL:SSL,SCRAM:SASL_SSL,EXPIRED:SASL_SSL"
        ),
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.mutual.ssl.truststore.type": "PEM",
        "listener.name.mutual.ssl.truststore.location": str(certificates.authority),
        # Whatever no rule forbids is allowed.
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "allow.everyone.if.no.acl.found": "true",
        **dict.fromkeys(("min.insync.replicas", "offsets.topic.replication.factor"), "1"),
        **dict.fromkeys(("transaction.state.log.replication.factor", "transaction.state.log.min.isr"), "1"),
    }
    for name, pair in (("mutual", "server"), ("scram", "server"), ("expired", "expired")):
        settings[f"listener.name.{name}.ssl.keystore.type"] = "PEM"
        settings[f"listener.name.{name}.ssl.keystore.location"] = str(certificates.pair(pair))
    for name in ("scram", "expired"):
        settings[f"listener.name.{name}.scram-sha-512.sasl.jaas.config"] = (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        )
    # Of a key that is there twice, Java takes the last one.
    with paths.broker_properties(1).open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())
    subprocess.run(
        [
            *(str(java.executable()), *java.flags(heap="96m"), "-cp", broker.jars.class_path, "-Dlog4j2.level=OFF"),
            *("kafka.tools.StorageTool", "format", "--cluster-id", new_cluster_id()),
            *("--config", str(paths.broker_properties(1))),
            *("--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"),
        ],
        env=java.environment(),
        check=True,
        capture_output=True,
    )
    identity = broker.start("128m", [])
    try:
        deadline = time.monotonic() + 60
        while not probe.known_brokers(plain):
            if broker.find(identity) is None or time.monotonic() > deadline:
                raise RuntimeError(broker.why_it_ended())
            time.sleep(0.1)
        yield SecureBroker(
            f"127.0.0.1:{mutual}", f"127.0.0.1:{scram}", f"127.0.0.1:{expired}", f"127.0.0.1:{plain}", certificates,
        )  # fmt: skip
    finally:
        running = broker.find(identity)
        if running is not None:
            running.kill()
            psutil.wait_procs([running], 10)
