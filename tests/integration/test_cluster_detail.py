"""What the cluster screen is told, on the real cluster: quorum, disks, groups, drills, and PostgreSQL's figures."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from controlroom.adapters.kafka.cluster_detail import ClusterDetailProbe
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.probe import ClusterProbe
from controlroom.adapters.postgres.probe import DatabaseProbe
from controlroom.config import load_settings
from controlroom.core.health_views import ClusterDetail, GroupView
from controlroom.core.plant_state import ClusterView, PlantState
from controlroom.local import Endpoints, LocalPlant
from controlroom.local.drills import LocalDrills
from tests.conftest import MakeTopic


@pytest.fixture
def kafka(endpoints: Endpoints) -> KafkaConnection:
    return KafkaConnection.of(endpoints.brokers, load_settings())


async def until(condition: Callable[[], object], patience: float = 40.0) -> None:
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.05)


class Watching:
    """Both probes, as the link runs them."""

    def __init__(self, kafka: KafkaConnection) -> None:
        self.cluster: ClusterView | None = None
        self.detail: ClusterDetail | None = None
        self._probe, self._details = ClusterProbe(kafka, ()), ClusterDetailProbe(kafka)
        self._tasks = [asyncio.create_task(self._look()), asyncio.create_task(self._ask())]

    async def _look(self) -> None:
        while True:
            self.cluster = await self._probe.probe(self.detail)
            await asyncio.sleep(2)

    async def _ask(self) -> None:
        while True:
            self.detail = await self._details.probe()
            await asyncio.sleep(1)

    @property
    def leader(self) -> int | None:
        return self.detail.quorum.leader if self.detail is not None and self.detail.quorum is not None else None

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self._probe.close()
        await self._details.close()


async def test_quorum_and_disks_are_told_by_the_brokers_themselves(kafka: KafkaConnection, topics: MakeTopic) -> None:
    topic = await topics("data", partitions=1)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.brokers, acks="all")
    await producer.start()
    await producer.send_and_wait(topic, b"x" * 200_000)
    await producer.stop()
    probe = ClusterDetailProbe(kafka)
    detail = await probe.probe()
    await probe.close()
    assert detail.error == ""
    assert detail.quorum is not None
    assert detail.quorum_answers is True
    assert [voter.node_id for voter in detail.quorum.voters] == [1, 2, 3]
    assert detail.quorum.leader in {1, 2, 3}
    assert detail.quorum.lag_of(detail.quorum.leader) == 0
    assert set(detail.disks) == {1, 2, 3}
    for disk in detail.disks.values():
        assert disk.used >= 200_000
        assert disk.total is not None
        assert disk.free is not None
        assert 0 < disk.free <= disk.total


async def test_a_group_shows_its_members_what_they_were_given_and_its_lag(
    kafka: KafkaConnection, topics: MakeTopic
) -> None:
    topic = await topics("data", partitions=3)
    name = f"group-{topic}"
    probe = ClusterDetailProbe(kafka, first=(name,))

    async def group() -> GroupView | None:
        detail = await probe.probe()
        return next((one for one in detail.groups or () if one.group_id == name), None)

    producer = AIOKafkaProducer(bootstrap_servers=kafka.brokers, acks="all")
    await producer.start()
    for number in range(6):
        await producer.send_and_wait(topic, b"x", partition=number % 3)
    consumers = [
        AIOKafkaConsumer(topic, bootstrap_servers=kafka.brokers, group_id=name, client_id=f"member-{number}",
                         auto_offset_reset="earliest", enable_auto_commit=False)
        for number in range(2)
    ]  # fmt: skip
    try:
        await asyncio.gather(*(consumer.start() for consumer in consumers))
        found = await group()
        async with asyncio.timeout(30):
            while found is None or found.state != "Stable" or len(found.members or ()) != 2:
                await asyncio.sleep(0.2)
                found = await group()
        assert found.members is not None
        assert {member.client for member in found.members} == {"member-0", "member-1"}
        given = sorted(part for member in found.members for _, parts in member.assigned for part in parts)
        assert given == [0, 1, 2]
        assert found.lag is None  # nothing was committed: that is not known to be nothing behind

        for consumer in consumers:
            await consumer.commit(dict.fromkeys(consumer.assignment(), 1))
        found = await group()
        assert found is not None
        assert found.lag == 3
    finally:
        await producer.stop()
        for consumer in consumers:
            await consumer.stop()
        await probe.close()
    gone = ClusterDetailProbe(kafka, first=(name,), leases=(name,))
    detail = await gone.probe()
    await gone.close()
    left = next(one for one in detail.groups or () if one.group_id == name)
    assert (left.state, left.members, left.lag, left.reads) == ("Empty", (), None, False)


async def test_one_broker_killed_two_killed_all_back(kafka: KafkaConnection, plant: LocalPlant) -> None:
    """By the drills of the screen: the leader of the quorum dies first, and another is named."""
    watching, state = Watching(kafka), PlantState()
    drills = LocalDrills(LocalPlant(plant.paths.root), state)

    def online() -> int | None:
        return None if watching.cluster is None else watching.cluster.online

    try:
        await until(lambda: online() == 3 and watching.leader is not None)
        first = watching.leader
        assert first is not None
        drills.kill(first)
        await until(lambda: any(notice.text == f"broker {first} killed" for notice in state.notices))
        await until(lambda: online() == 2, patience=5.0)
        assert watching.cluster is not None
        assert watching.cluster.quorum is True
        await until(lambda: watching.leader not in {None, first})
        assert watching.detail is not None
        assert first not in watching.detail.disks

        second = watching.leader
        assert second is not None
        drills.kill(second)
        await until(lambda: any(notice.text == f"broker {second} killed" for notice in state.notices))
        await until(lambda: online() == 1, patience=5.0)
        assert watching.cluster.quorum is False
        await until(lambda: watching.detail is not None and watching.detail.quorum_answers is not True)

        drills.start(first)
        drills.start(second)
        await until(lambda: online() == 3, patience=60.0)
        await until(lambda: watching.leader is not None, patience=60.0)
        assert watching.cluster.quorum is True
        await until(lambda: sum(notice.text.endswith(" started") for notice in state.notices) == 2, patience=60.0)
        assert not [notice for notice in state.notices if notice.level == "error"]
    finally:
        await watching.close()
        await asyncio.to_thread(plant.start)


async def test_a_drill_that_cannot_be_done_is_told(plant: LocalPlant, endpoints: Endpoints) -> None:
    state = PlantState()
    drills = LocalDrills(LocalPlant(plant.paths.root), state)
    drills.kill(9)
    await until(lambda: any(notice.level == "error" for notice in state.notices))
    assert "there is no broker 9" in state.notices[-1].text


async def test_postgresql_tells_figures_and_what_the_login_may_do(database: str) -> None:
    owner = DatabaseProbe(database, "group", "topic")
    admin = await asyncpg.connect(database)
    name = f"test_eve_{secrets.token_hex(3)}"
    await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'pw' IN ROLE controlroom_viewer")
    viewer = DatabaseProbe(re.sub(r"//[^@]*@", f"//{name}:pw@", database), "group", "topic")
    try:
        first, _ = await owner.probe()
        assert first.figures is not None
        assert first.figures.may_act
        assert first.figures.rows_s is None  # one look makes no rate
        assert (first.figures.size or 0) > 1_000_000
        assert 0 < first.figures.connections < first.figures.max_connections
        await admin.execute("CREATE TABLE filled AS SELECT g FROM generate_series(1, 10000) g")
        second, _ = await owner.probe()
        assert second.figures is not None
        assert second.figures.wal_s is not None
        assert second.figures.wal_s > 10_000

        seen, _ = await viewer.probe()
        assert seen.figures is not None
        assert (seen.figures.user, seen.figures.may_act) == (name, False)
    finally:
        await viewer.close()
        await owner.close()
        await admin.execute(f"DROP ROLE {name}")
        await admin.close()
