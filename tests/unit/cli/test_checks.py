"""A cluster that cannot be read is not called well."""

from __future__ import annotations

import pytest

from controlroom.adapters.kafka.probe import ClusterProbe
from controlroom.cli import checks
from controlroom.cli.checks import Check
from controlroom.cli.options import Connections
from controlroom.config import load_settings
from controlroom.core.plant_state import BrokerView, ClusterView, PartitionView

PARTITIONS = (PartitionView("sensor-data", 0, 1, (1, 2), (1, 2)),)
ERROR = "KafkaConnectionError"


def view(*, error: str = "", down: int | None = None) -> ClusterView:
    brokers = tuple(BrokerView(number, "", number != down, 0, 0, 0) for number in (1, 2, 3))
    return ClusterView(0.0, reachable=True, brokers=brokers, partitions=() if error else PARTITIONS, error=error)


async def checked(monkeypatch: pytest.MonkeyPatch, *views: ClusterView) -> dict[str, Check]:
    answers = list(views)

    async def probe(self: ClusterProbe, detail: object = None) -> ClusterView:
        return answers.pop(0)

    monkeypatch.setattr(ClusterProbe, "probe", probe)
    found = await checks._cluster(Connections("127.0.0.1:1", "postgresql://127.0.0.1/x", load_settings()))
    assert answers == []
    return {check.name: check for check in found}


async def test_what_cannot_be_read_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await checked(monkeypatch, view(error=ERROR), view(error=ERROR))
    assert not found["replication"].ok
    assert ERROR in found["replication"].detail


async def test_a_second_broker_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await checked(monkeypatch, view(error=ERROR), view())
    assert all(check.ok for check in found.values())


async def test_a_broker_without_replicas_is_missed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await checked(monkeypatch, view(down=3))
    assert (found["brokers"].ok, found["brokers"].detail) == (False, "1, 2 up; down: 3")
