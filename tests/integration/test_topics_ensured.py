"""Making topics on the real cluster."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.describe import describe_topics
from controlroom.adapters.kafka.topics import ensure_topics, topics_drift
from controlroom.config import Settings
from controlroom.errors import ConfigError, KafkaUnreachable
from controlroom.local import Endpoints
from controlroom.wire import TopicNames, TopicSpec, topic_specs


def own_names() -> TopicNames:
    prefix = f"test-{secrets.token_hex(4)}"
    stems = ("data", "alerts", "commands", "status", "bridges")
    return TopicNames(*(f"{prefix}-{stem}" for stem in stems))


async def test_makes_the_plant_s_topics_as_specified_and_then_nothing(endpoints: Endpoints) -> None:
    specs = topic_specs(own_names())
    first = await ensure_topics(endpoints.brokers, specs)
    assert first.created == tuple(sorted(spec.name for spec in specs))
    assert first.drift == ()
    assert (await ensure_topics(endpoints.brokers, specs)).created == ()
    assert await topics_drift(endpoints.brokers, specs) == []
    found = {topic.name: topic for topic in await describe_topics(KafkaConnection.of(endpoints.brokers, Settings()))}
    for spec in specs:
        assert len(found[spec.name].partitions) == spec.partitions
        assert found[spec.name].replication_factor == 3
        assert found[spec.name].leaderless == 0


async def test_looking_for_drift_names_what_is_missing_and_makes_nothing(endpoints: Endpoints) -> None:
    specs = topic_specs(own_names())
    missing = [f"{spec.name} is missing" for spec in specs]
    assert await topics_drift(endpoints.brokers, specs) == missing
    assert await topics_drift(endpoints.brokers, specs) == missing


async def test_several_at_once_make_each_topic_once(endpoints: Endpoints) -> None:
    specs = topic_specs(own_names())
    reports = await asyncio.gather(*(ensure_topics(endpoints.brokers, specs) for _ in range(4)))
    made = [name for report in reports for name in report.created]
    assert sorted(made) == sorted(spec.name for spec in specs)


async def test_tells_drift_and_leaves_it(endpoints: Endpoints) -> None:
    name = f"test-{secrets.token_hex(4)}-drift"
    await ensure_topics(
        endpoints.brokers,
        [TopicSpec(name, 1, {"cleanup.policy": "delete"})],
        replication_factor=1,
        min_insync_replicas=1,
    )
    report = await ensure_topics(endpoints.brokers, [TopicSpec(name, 3, {"cleanup.policy": "compact"})])
    assert report.created == ()
    assert set(report.drift) == {
        f"{name} has 1 partitions, settings say 3",
        f"{name} has replication factor 1, settings say 3",
        f"{name} has cleanup.policy=delete, settings say compact",
        f"{name} has min.insync.replicas=1, settings say 2",
    }


async def test_a_factor_that_the_cluster_has_no_brokers_for_ends_with_the_reason(endpoints: Endpoints) -> None:
    with pytest.raises(KafkaUnreachable, match=r"(?i)replication factor"):
        await ensure_topics(
            endpoints.brokers, [TopicSpec(f"test-{secrets.token_hex(4)}", 1, {})], replication_factor=5, timeout=2
        )


async def test_a_name_that_kafka_refuses_is_said_at_once(endpoints: Endpoints) -> None:
    with pytest.raises(ConfigError, match="refuses topic"):
        await ensure_topics(endpoints.brokers, [TopicSpec("not/a name", 1, {})])


async def test_more_confirmations_than_copies_are_refused_before_anything_is_asked() -> None:
    with pytest.raises(ConfigError, match="min_insync_replicas"):
        await ensure_topics("127.0.0.1:1", [], replication_factor=1, min_insync_replicas=2)


async def test_no_broker_is_one_clear_error() -> None:
    with pytest.raises(KafkaUnreachable, match=r"no Kafka broker answers at 127\.0\.0\.1:1"):
        await ensure_topics("127.0.0.1:1", [TopicSpec("x", 1, {})])
