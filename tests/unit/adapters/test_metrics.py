"""Metrics and health over real sockets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from controlroom.adapters.kafka.partition import Commit, Progress
from controlroom.adapters.metrics import Metrics, serving
from controlroom.core.clocks import Clocks
from controlroom.errors import ConfigError
from tests.fakes.bridges import bridges
from tests.fakes.clock import START
from tests.fakes.plant import event


class Worker:
    """What metrics read of a worker."""

    def __init__(self) -> None:
        self.by_partition = {2: Progress(committed=7, rejected=1, fenced=3)}
        self.partitions = (2,)
        self.lag = {2: 5}
        self.clocks = {2: Clocks.of([700.0, -90.0, -100.0, 3.0])}
        self.joined = True
        self.progress = Progress()
        self.bridges = bridges(START).bridges


async def get(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split(b" ")[1]), body.decode()


async def test_what_a_worker_did_is_told_in_prometheus_words() -> None:
    metrics, worker = Metrics(), Worker()
    metrics.watch(worker)  # type: ignore[arg-type]
    metrics.committed(Commit(2, 100, 2, 0.004, 0.015, {"unknown-version": 2}, {"duplicate-keys": 1}))
    async with serving(metrics, 0, "127.0.0.1") as port:
        status, text = await get(port, "/metrics")
    assert status == 200
    lines = text.splitlines()
    for line in (
        'controlroom_committed_total{partition="2"} 7.0',
        'controlroom_fenced_total{partition="2"} 3.0',
        'controlroom_lag_records{partition="2"} 5.0',
        'controlroom_batch_records_bucket{le="100.0"} 1.0',
        'controlroom_sensors_clock_off{partition="2",side="ahead"} 1.0',
        'controlroom_sensors_clock_off{partition="2",side="behind"} 2.0',
        'controlroom_clock_off_seconds{partition="2",side="ahead"} 700.0',
        "controlroom_commit_seconds_count 1.0",
        'controlroom_rejects_total{reason="unknown-version"} 2.0',
        'controlroom_bridge_up{bridge="hall-3"} 1.0',
        'controlroom_bridge_up{bridge="packaging"} 0.0',
        'controlroom_bridge_stopped{bridge="trial"} 1.0',
        'controlroom_bridge_waiting_readings{bridge="hall-3"} 1204.0',
        'controlroom_bridge_source_up{bridge="hall-3",source="paint-shop"} 0.0',
        'controlroom_bridge_source_up{bridge="hall-3",source="line"} 1.0',
        'controlroom_bridge_source_up{bridge="packaging",source="line"} 0.0',
        'controlroom_sensors_with_surplus_total{surplus="duplicate-keys"} 1.0',
    ):
        assert line in lines


async def test_an_alarm_is_timed_from_the_sensors_own_time() -> None:
    metrics = Metrics()
    now = datetime.now(UTC)
    metrics.announced([event("temp-1", "limit", now), event("temp-1", "limit", now, what="returned", version=2)])
    assert metrics.registry.get_sample_value("controlroom_alarm_latency_seconds_count") == 1.0


async def test_health_and_readiness() -> None:
    metrics, worker = Metrics(), Worker()
    async with serving(metrics, 0, "127.0.0.1") as port:
        assert await get(port, "/healthz") == (200, "ok\n")
        assert (await get(port, "/readyz"))[0] == 503
        metrics.watch(worker)  # type: ignore[arg-type]
        assert (await get(port, "/readyz"))[0] == 200
        worker.progress.waiting = "PostgreSQL does not answer"
        assert await get(port, "/readyz") == (503, "waiting: PostgreSQL does not answer\n")
        worker.progress.waiting, worker.joined = "", False
        assert (await get(port, "/readyz"))[0] == 503
        assert (await get(port, "/etc/passwd"))[0] == 404
        assert (await get(port, "/metrics", "POST"))[0] == 405


async def test_a_port_that_is_taken_is_one_line_for_the_user() -> None:
    async with serving(Metrics(), 0, "127.0.0.1") as port:
        with pytest.raises(ConfigError, match=str(port)):
            async with serving(Metrics(), port, "127.0.0.1"):
                pass
