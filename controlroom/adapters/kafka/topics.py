"""Make the plant's topics, and tell where what is there differs from what should be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from controlroom.adapters.kafka.connection import REQUEST_TIMEOUT_MS, KafkaConnection
from controlroom.errors import ConfigError, KafkaUnreachable
from controlroom.wire import TopicSpec

_RETRY = 0.2
_CLOSE_TIMEOUT = 5.0


@dataclass(frozen=True)
class TopicsReport:
    """What `ensure_topics` found.

    Attributes:
        created: names of the topics that it made.
        drift: one line for each way in which a topic is not as its specification says; it is left as it is.
    """

    created: tuple[str, ...]
    drift: tuple[str, ...]


async def ensure_topics(
    brokers: str,
    specs: Sequence[TopicSpec],
    *,
    replication_factor: int = 3,
    min_insync_replicas: int = 2,
    client: Mapping[str, Any] | None = None,
    timeout: float = 60.0,  # noqa: ASYNC109 - a bound on the retries, with an error of its own
) -> TopicsReport:
    """Make the topics that are missing, wait until each has its leaders, and compare the others.

    Safe when several programs do it at once. A cluster that is coming up refuses a replication factor that it has not
    the brokers for yet, so refusals are retried.

    Args:
        brokers: bootstrap servers, `host:port` separated by commas.
        specs: the topics as they should be.
        replication_factor: copies of each partition.
        min_insync_replicas: copies that must confirm a write with acks=all.
        client: options of the Kafka client (security); they may repeat `brokers`.
        timeout: seconds until it is given up.

    Raises:
        KafkaUnreachable: no broker answers, or the cluster does not make the topics in time.
        ConfigError: the cluster will never make them so.
    """
    if min_insync_replicas > replication_factor:
        raise ConfigError(
            f"min_insync_replicas is {min_insync_replicas}, but there are only {replication_factor} replicas",
            hint="lower it, or raise replication_factor",
        )
    async with _admin(brokers, client) as admin:
        work = _Topics(admin, specs, replication_factor, min_insync_replicas)
        try:
            async with asyncio.timeout(timeout):
                while not await work.complete():  # noqa: ASYNC110 - the cluster signals nobody
                    await asyncio.sleep(_RETRY)
                return TopicsReport(tuple(sorted(work.created)), tuple(await work.drift()))
        except TimeoutError as error:
            raise KafkaUnreachable(
                f"the cluster at {brokers} did not make its topics within {timeout:.0f} s",
                hint=work.obstacle or "see `controlroom health`",
            ) from error


async def topics_drift(
    brokers: str,
    specs: Sequence[TopicSpec],
    *,
    replication_factor: int = 3,
    min_insync_replicas: int = 2,
    client: Mapping[str, Any] | None = None,
) -> list[str]:
    """One line for each way in which the topics are not as specified, and for each that is missing; changes nothing.

    Raises:
        KafkaUnreachable: no broker answers.
    """
    async with _admin(brokers, client) as admin:
        work = _Topics(admin, specs, replication_factor, min_insync_replicas)
        await work.describe()
        return await work.drift()


async def await_in_sync(
    brokers: str,
    specs: Sequence[TopicSpec],
    *,
    patience: float = 10.0,
    client: Mapping[str, Any] | None = None,
) -> bool:
    """Wait until every replica of the topics is in sync, as it is not for a moment after brokers came up.

    Returns:
        Whether that came about within `patience` seconds.

    Raises:
        KafkaUnreachable: no broker answers.
    """
    async with _admin(brokers, client) as admin:
        deadline = asyncio.get_running_loop().time() + patience
        names = [spec.name for spec in specs]
        while True:
            parts = [part for topic in await admin.describe_topics(names) for part in topic["partitions"]]
            if all(len(part["isr"]) >= len(part["replicas"]) for part in parts):
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(_RETRY)


async def delete_topics(brokers: str, names: Sequence[str], *, client: Mapping[str, Any] | None = None) -> None:
    """Delete topics; one that is not there is no matter.

    Raises:
        KafkaUnreachable: no broker answers.
    """
    async with _admin(brokers, client) as admin:
        await admin.delete_topics(list(names))


@asynccontextmanager
async def _admin(brokers: str, client: Mapping[str, Any] | None) -> AsyncIterator[AIOKafkaAdminClient]:
    options = {"bootstrap_servers": brokers, "request_timeout_ms": REQUEST_TIMEOUT_MS, **(client or {})}
    admin = AIOKafkaAdminClient(**options)
    try:
        await admin.start()
        yield admin
    except KafkaError as error:
        raise await KafkaConnection(brokers, options).why_unreachable(error) from error
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await admin.close()


class _Topics:
    """The work on one set of topics."""

    def __init__(
        self,
        admin: AIOKafkaAdminClient,
        specs: Sequence[TopicSpec],
        replication_factor: int,
        min_insync_replicas: int,
    ) -> None:
        self._admin = admin
        self._specs = specs
        self._configs = {spec.name: {"min.insync.replicas": str(min_insync_replicas), **spec.config} for spec in specs}
        self._replication_factor = replication_factor
        self._described: dict[str, Any] = {}
        self.created: set[str] = set()
        self.obstacle = ""

    async def describe(self) -> list[TopicSpec]:
        """Look at what is there; returns what is missing."""
        found = await self._admin.describe_topics([spec.name for spec in self._specs])
        self._described = {topic["topic"]: topic for topic in found if topic["error_code"] == 0}
        return [spec for spec in self._specs if spec.name not in self._described]

    async def complete(self) -> bool:
        """Do what can be done now; returns whether every topic is there with a leader for each partition."""
        missing = await self.describe()
        if missing:
            await self._create(missing)
            return False
        leaderless = [
            name
            for name, topic in self._described.items()
            if any(partition["leader"] < 0 for partition in topic["partitions"])
        ]
        self.obstacle = f"no leader yet: {', '.join(leaderless)}" if leaderless else ""
        return not leaderless

    async def _create(self, missing: Sequence[TopicSpec]) -> None:
        requests = [
            NewTopic(spec.name, spec.partitions, self._replication_factor, topic_configs=dict(self._configs[spec.name]))
            for spec in missing
        ]
        try:
            response = await self._admin.create_topics(requests)
        except (KafkaError, TimeoutError) as error:  # the outcome is unknown: the next look tells
            self.obstacle = str(error)
            return
        for name, code, *words in response.topic_errors:
            kind = for_code(code)
            if code == 0:
                self.created.add(name)
            elif kind is TopicAlreadyExistsError:
                continue
            elif kind.retriable or kind is InvalidReplicationFactorError:
                self.obstacle = words[0] if words and words[0] else kind.__name__
            else:
                raise ConfigError(
                    f"Kafka refuses topic {name} ({words[0] if words and words[0] else kind.__name__})",
                    hint="correct the topic's name or settings",
                )

    async def drift(self) -> list[str]:
        """How the topics that are there differ from what they should be, one line each."""
        lines = []
        configs = await self._read_configs()
        for spec in self._specs:
            if spec.name not in self._described:
                lines.append(f"{spec.name} is missing")
                continue
            partitions = self._described[spec.name]["partitions"]
            if len(partitions) != spec.partitions:
                lines.append(f"{spec.name} has {len(partitions)} partitions, settings say {spec.partitions}")
            factor = min(len(partition["replicas"]) for partition in partitions)
            if factor != self._replication_factor:
                lines.append(f"{spec.name} has replication factor {factor}, settings say {self._replication_factor}")
            for key, value in self._configs[spec.name].items():
                actual = configs[spec.name].get(key)
                if actual is not None and actual != value:
                    lines.append(f"{spec.name} has {key}={actual}, settings say {value}")
        return lines

    async def _read_configs(self) -> dict[str, dict[str, str]]:
        asked = [
            ConfigResource(ConfigResourceType.TOPIC, spec.name, dict.fromkeys(self._configs[spec.name]))
            for spec in self._specs
            if spec.name in self._described
        ]
        found: dict[str, dict[str, str]] = {spec.name: {} for spec in self._specs}
        for response in await self._admin.describe_configs(asked):
            for _, _, _, name, entries in response.resources:
                found[name] = {entry[0]: entry[1] for entry in entries}
        return found
