"""One Kafka broker of the local plant: its configuration, its data directory, its process."""

from __future__ import annotations

import re
import secrets
import shutil
import signal
import subprocess
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

import psutil

from controlroom.errors import PlantError
from controlroom.local import java, process
from controlroom.local.jars import JarStore
from controlroom.local.paths import PlantPaths
from controlroom.local.ports import LOOPBACK
from controlroom.local.progress import Reporter
from controlroom.local.state import BrokerState, ProcessId, write_atomically

_BROKER = "kafka.Kafka"
_FORMATTER = "kafka.tools.StorageTool"
_FORMAT_TIMEOUT = 120.0
#: What the tool writes: whose directory it is, and the features that the cluster begins with.
_META, _BOOTSTRAP = "meta.properties", "bootstrap.checkpoint"

#: What a small plant on one machine needs otherwise than Kafka's defaults for a data centre.
_SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "num.partitions": "3",
    "offsets.topic.replication.factor": "3",
    "offsets.topic.num.partitions": "6",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "transaction.state.log.num.partitions": "3",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    "share.coordinator.state.topic.num.partitions": "3",
    "group.initial.rebalance.delay.ms": "0",
    # A broker that was killed or stopped is not let back in before its session has timed out (9 s by default), and its
    # partitions have no leader as long; on loopback a heartbeat is late only when the machine stalls.
    "broker.session.timeout.ms": "5000",
    "broker.heartbeat.interval.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    # its default of 128 MB does not fit the heap
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.segment.bytes": "67108864",
    "log.index.size.max.bytes": "1048576",
    "log.retention.hours": "168",
    "log.retention.bytes": "1073741824",
}

_LOG4J = """\
# Written by controlroom at each start.
appender.file.type = RollingRandomAccessFile
appender.file.name = file
appender.file.fileName = ${{sys:controlroom.log}}
appender.file.filePattern = ${{sys:controlroom.log}}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yyyy-MM-dd HH:mm:ss.SSS}} %p %c{{1}}: %m%n
appender.file.policies.type = SizeBasedTriggeringPolicy
appender.file.policies.size = {size}MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 2
# every setting, several times in each start
logger.config.name = org.apache.kafka.common.config
logger.config.level = WARN
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = file
"""


def new_cluster_id() -> str:
    """A random id of 16 bytes in URL-safe base64, as Kafka makes them.

    Never one that begins with `-`: StorageTool takes that for an option (1 in 64).
    """
    while True:
        text = urlsafe_b64encode(secrets.token_bytes(16)).decode("ascii").rstrip("=")
        if not text.startswith("-"):
            return text


@dataclass(frozen=True)
class BrokerProcess:
    """One broker of a plant, by its node id (1, 2, 3)."""

    paths: PlantPaths
    jars: JarStore
    id: int

    @property
    def name(self) -> str:
        """As it is called in progress, status and log files."""
        return f"broker-{self.id}"

    @property
    def log(self) -> Path:
        """What the broker logs."""
        return self.paths.logs / f"{self.name}.log"

    @property
    def marker(self) -> process.Marker:
        """What tells this broker's process."""
        return process.Marker("java", str(self.paths.broker_properties(self.id)), task=_BROKER)

    def configure(self, brokers: list[BrokerState]) -> None:
        """Write the broker's properties for this start; ports may have changed since the last one."""
        mine = next(broker for broker in brokers if broker.id == self.id)
        client, controller = f"{LOOPBACK}:{mine.port}", f"{LOOPBACK}:{mine.controller_port}"
        settings = _SETTINGS | {
            "node.id": str(self.id),
            "listeners": f"PLAINTEXT://{client},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{client}",
            "controller.quorum.voters": ",".join(f"{b.id}@{LOOPBACK}:{b.controller_port}" for b in brokers),
            "log.dirs": _escaped(self.paths.broker_data(self.id)),
        }
        lines = "".join(f"{key}={value}\n" for key, value in settings.items())
        write_atomically(
            self.paths.broker_properties(self.id), f"# Written by controlroom at each start.\n{lines}".encode()
        )

    def formatted(self) -> bool:
        """Whether the data directory belongs to a cluster already."""
        return (self.paths.broker_data(self.id) / _META).is_file()

    def format(self, cluster_id: str, reporter: Reporter, extra_flags: list[str]) -> None:
        """Format the data directory with Kafka's StorageTool.

        Raises:
            PlantError: the tool failed; the message carries its last line.
        """
        command = [
            *(str(java.executable()), *java.flags(heap="96m"), *extra_flags, "-cp", self.jars.class_path),
            "-Dlog4j2.level=OFF",
            _FORMATTER,
            *("format", "--cluster-id", cluster_id, "--config", str(self.paths.broker_properties(self.id))),
            "--ignore-formatted",
        ]
        self._clear_half_formatted()
        output = self.paths.logs / f"{self.name}.format"
        with output.open("wb") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=java.environment(),
            )
            try:
                deadline = time.monotonic() + _FORMAT_TIMEOUT
                while child.poll() is None and time.monotonic() < deadline:
                    reporter.pause(0.02)
            finally:
                if child.poll() is None:
                    child.kill()
                    child.wait()
        if child.returncode != 0:
            raise PlantError(f"{self.name} could not be formatted ({process.last_line(output)})", hint=f"see {output}")
        output.unlink()

    def format_like(self, other: BrokerProcess) -> bool:
        """Format the data directory as the tool has just formatted another broker's, without a second run of it.

        A directory says which node it belongs to and has an id of its own; the rest is the cluster's.

        Returns:
            False, with nothing done, if the tool has written more than is known here.
        """
        source, target = self.paths.broker_data(other.id), self.paths.broker_data(self.id)
        found = {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()}
        meta = found.pop(_META, b"").decode("latin-1")
        own, changes = re.subn(rf"(?m)^node\.id={other.id}$", f"node.id={self.id}", meta)
        own, more = re.subn(r"(?m)^directory\.id=.*$", f"directory.id={new_cluster_id()}", own)
        if found.keys() != {_BOOTSTRAP} or (changes, more) != (1, 1):
            return False
        self._clear_half_formatted()
        target.mkdir(parents=True)
        write_atomically(target / _BOOTSTRAP, found[_BOOTSTRAP])
        write_atomically(target / _META, own.encode("latin-1"))  # last: it says that the directory is formatted
        return True

    def _clear_half_formatted(self) -> None:
        """Remove what a formatting left whose starter was killed, and the formatter itself should it still run."""
        orphan = process.search(process.Marker("java", str(self.paths.broker_properties(self.id)), task=_FORMATTER))
        if orphan is not None:
            process.send(orphan, signal.SIGKILL)
            orphan.wait(10)
        shutil.rmtree(self.paths.broker_data(self.id), ignore_errors=True)

    def start(self, heap: str, extra_flags: list[str]) -> ProcessId:
        """Start the process; it listens some seconds later."""
        write_atomically(self.paths.log4j, _LOG4J.format(size=5).encode())
        return process.start(
            [
                str(java.executable()),
                *java.flags(heap=heap),
                *extra_flags,
                f"-XX:ErrorFile={self.paths.logs / self.name}-crash-%p.log",
                f"-Dlog4j2.configurationFile={self.paths.log4j}",
                "-Dlog4j2.disableJmx=true",
                "-Dlog4j.shutdownHookEnabled=false",  # or it would end before the broker does, and hide how that went
                f"-Dcontrolroom.log={self.log}",
                *("-cp", self.jars.class_path),
                *(_BROKER, str(self.paths.broker_properties(self.id))),
            ],
            self.paths.logs / f"{self.name}.out",
            environment=java.environment(),
        )

    def find(self, identity: ProcessId | None) -> psutil.Process | None:
        """The running process of this broker, or None."""
        return process.find(identity, self.marker)

    def why_it_ended(self) -> str:
        """The last error that the broker wrote, for the operator's one line."""
        said = process.last_line(self.log, _is_cause) or process.last_line(self.log, lambda line: " ERROR " in line)
        return said or process.last_line(
            self.paths.logs / f"{self.name}.out", lambda line: not line.lstrip().startswith(("WARNING:", "at "))
        )

    @staticmethod
    def ask_to_stop(running: psutil.Process) -> None:
        """Ask for a controlled shutdown: leadership moves to other brokers first."""
        process.send(running, signal.SIGTERM)


def _is_cause(line: str) -> bool:
    """Whether a line of a log begins a stack trace: `java.lang.RuntimeException: what went wrong`."""
    return re.match(r"(Caused by: )?[\w.$]+(Exception|Error): ", line) is not None


def _escaped(path: Path) -> str:
    r"""A path as a value of a Java properties file, which is Latin-1 and takes UTF-16 units as `\uXXXX`."""
    units = str(path).replace("\\", "\\\\").encode("utf-16-be")
    codes = [units[at] << 8 | units[at + 1] for at in range(0, len(units), 2)]
    return "".join(chr(code) if 0x20 <= code < 0x7F else f"\\u{code:04x}" for code in codes)
