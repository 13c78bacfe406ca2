"""A topic whose brokers compress, whatever its producers send."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from controlroom.adapters.kafka.tail import tail
from tests.integration.test_detection import STORED, Place, place, publish, query, series, work

__all__ = ["place"]


async def test_it_is_read(place: Place) -> None:
    # Of the codecs the one that brokers keep from clients which ask in an old form.
    admin = AIOKafkaAdminClient(bootstrap_servers=place.endpoints.brokers)
    await admin.start()
    try:
        settings = {"compression.type": "zstd", "message.timestamp.type": "LogAppendTime"}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, place.settings.sensor_topic, settings)])
    finally:
        await admin.close()
    await publish(place, series(2, 50))
    await work(place)
    assert len(await query(place, STORED)) == 2 * 50
    shown = [record async for record in tail(
        place.kafka, place.settings.sensor_topic, from_beginning=True, until_idle=1.0
    )]  # fmt: skip
    assert len(shown) == 2 * 50
