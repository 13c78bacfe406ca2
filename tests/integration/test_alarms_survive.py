"""kill -9 of every worker while alarms are acked, shelved and escalating: nothing lost, nothing annunciated twice."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from controlroom.adapters.postgres.alarm_actions import AlarmActionStore
from controlroom.core.alarms.definitions import Definitions
from tests.integration.test_detection import (  # `place` is a fixture
    Place,
    detect_process,
    on_alerts,
    place,  # noqa: F401
    query,
    reading,
)
from tests.integration.test_notifications import Webhook, until

ACKED, SHELVED, OUT, ESCALATING, LATER = (f"temp-{number:03d}" for number in range(5))
ALARMS = "[defaults]\noff_delay_s = 3\n"
NOTIFY = """
[[receiver]]
name = "shift"
url = "json://127.0.0.1:{port}/"
kind = "limit"
rate_limit = 1000
[[escalation]]
wait_s = 1
"""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.close()


class Feed:
    """Five sensors that never fall silent, whatever happens to the workers."""

    def __init__(self, place: Place) -> None:  # noqa: F811
        self.place = place
        self.value = 25.0
        self.number = 0

    async def run(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.place.endpoints.brokers, acks="all")
        await producer.start()
        try:
            while True:
                self.number += 1
                for sensor in (ACKED, SHELVED, OUT, ESCALATING, LATER):
                    value = self.value + (self.number % 5) / 20
                    record = reading(sensor, self.number, value)
                    await producer.send(self.place.settings.sensor_topic, key=sensor.encode(), value=record)
                await asyncio.sleep(0.25)
        finally:
            await producer.stop()


async def until_stored(place: Place, sql: str, count: int, seconds: float = 60) -> None:  # noqa: F811
    """Wait for so many rows."""
    async with asyncio.timeout(seconds):
        while len(await query(place, sql)) != count:
            await asyncio.sleep(0.1)


def kill(workers: list[subprocess.Popen[bytes]], number: int) -> None:
    for worker in workers:
        worker.send_signal(number)
    for worker in workers:
        worker.communicate(timeout=30)


async def test_acks_shelves_and_escalations_outlive_every_worker(
    place: Place,  # noqa: F811
    tmp_path: Path,
    webhook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alarms, notify, log = tmp_path / "alarms.toml", tmp_path / "notify.toml", tmp_path / "log"
    alarms.write_text(ALARMS)
    notify.write_text(NOTIFY.format(port=webhook.port))
    monkeypatch.setenv("CONTROLROOM_ALARMS_FILE", str(alarms))
    monkeypatch.setenv("CONTROLROOM_NOTIFY_FILE", str(notify))
    feed = Feed(place)
    feeding = asyncio.create_task(feed.run())
    alice = AlarmActionStore(place.dsn, Definitions(), who="alice", whence="test")
    workers = [detect_process(place, log=log) for _ in range(2)]

    def escalations() -> int:
        return sum("ESCALATED" in title and ESCALATING in title for title in webhook.titles)

    try:
        await until_stored(place, "SELECT 1 FROM watermark WHERE next_offset > 0", len(await used(place)))
        await until(lambda: feed.number >= 20, 30)
        feed.value = 41.0
        await until_stored(place, "SELECT 1 FROM alarms WHERE kind = 'limit' AND state = 'UNACK'", 5)
        await alice.ack_now(ACKED, "limit")
        await alice.shelve(SHELVED, "limit", 2.0, "noisy")
        await alice.out_of_service(OUT, "limit", "repair")
        await until(lambda: escalations() >= 2)

        kill(workers, signal.SIGKILL)
        await alice.ack_now(LATER, "limit")  # nobody but the database is there
        before = escalations()
        workers = [detect_process(place, log=log) for _ in range(2)]
        await until_stored(
            place, f"SELECT 1 FROM alarm_events WHERE sensor_id = '{SHELVED}' AND event = 'unshelved'", 1
        )
        await until(lambda: escalations() > before, 40)
        await until(lambda: any("ACKED" in title and LATER in title for title in webhook.titles), 40)
        await alice.ack_now(ESCALATING, "limit")
        await until(lambda: any("ACKED" in title and ESCALATING in title for title in webhook.titles), 40)
        stopped = escalations()

        feed.value = 25.0
        closed = "SELECT 1 FROM alarm_events WHERE kind = 'limit' AND event = 'closed'"
        await until_stored(place, closed, 3)
        returned = f"SELECT 1 FROM alarms WHERE kind = 'limit' AND sensor_id = '{SHELVED}' AND state = 'RTN-UNACK'"
        await until_stored(place, returned, 1)
        await until_stored(place, "SELECT 1 FROM outbox WHERE posted", 0)
        kill(workers, signal.SIGTERM)
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])
        await alice.close()
        for worker in workers:
            worker.kill()
            worker.communicate()

    states = dict(await query(place, "SELECT sensor_id, state FROM alarms WHERE kind = 'limit'"))  # type: ignore[arg-type]
    assert states == {
        ACKED: "NORMAL", ESCALATING: "NORMAL", LATER: "NORMAL", SHELVED: "RTN-UNACK", OUT: "OUT_OF_SERVICE",
    }  # fmt: skip
    rings = await query(
        place,
        "SELECT sensor_id, count(*) FROM alarm_events WHERE kind = 'limit' AND annunciated GROUP BY 1 ORDER BY 1",
    )
    assert rings == [(sensor, 1) for sensor in (ACKED, SHELVED, OUT, ESCALATING, LATER)]
    gaps = "SELECT sensor_id, kind FROM alarm_events GROUP BY 1, 2 HAVING count(*) <> max(version)"
    assert await query(place, gaps) == []
    assert {event.event_id for event in await on_alerts(place)} == {
        row[0] for row in await query(place, "SELECT event_id FROM alarm_events")
    }
    assert escalations() == stopped
    raised = Counter(
        re.sub("^DRILL ", "", title)
        for _, title in {(i, t) for i, t in zip(webhook.ids, webhook.titles, strict=True) if "CRITICAL" in t}
    )
    assert raised == {f"CRITICAL {sensor} limit": 1 for sensor in (ACKED, SHELVED, OUT, ESCALATING, LATER)}


async def used(place: Place) -> set[int]:  # noqa: F811
    """Partitions that the five sensors' readings are in."""
    from aiokafka.partitioner import DefaultPartitioner

    partitions = [0, 1, 2]
    return {
        DefaultPartitioner()(sensor.encode(), partitions, partitions)
        for sensor in (ACKED, SHELVED, OUT, ESCALATING, LATER)
    }
