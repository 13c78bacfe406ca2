"""What the database keeps of sensors that move between partitions, on the plant's PostgreSQL and on 15."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from controlroom.adapters.postgres.moves import MovesAsked, SensorMoves
from controlroom.adapters.postgres.store import PartitionStore
from controlroom.core.alarms.definitions import Definitions
from controlroom.core.moving import Departure
from tests.integration.test_store import AT, batch, dsn, facts, query, raised

__all__ = ["dsn"]


@asynccontextmanager
async def partition(dsn: str, number: int) -> AsyncIterator[tuple[PartitionStore, SensorMoves]]:
    store = PartitionStore(
        dsn, group="g", topic="readings", partition=number, owner=f"owner-{number}", definitions=Definitions()
    )
    try:
        await store.claim()
        await store.begin(0)
        assert store.moves is not None
        yield store, store.moves
    finally:
        await store.close()


async def asked(dsn: str, *parts: int) -> dict[int, list[str]]:
    """What the owner of these partitions is asked to give up."""
    found: dict[int, list[str]] = {}

    def note(part: int, sensors: object) -> None:
        found[part] = sorted(sensors)  # type: ignore[call-overload]

    looker = MovesAsked(dsn, "owner", "g", "readings", lambda: parts, note)
    await looker.look(await looker._session.connection())
    await looker._session.close()
    return found


async def test_state_and_alarms_go_to_the_partition_that_asked(dsn: str) -> None:
    async with partition(dsn, 0) as (old, _), partition(dsn, 1) as (_, moves):
        full = batch(0, 3, states={"temp-1": b"old", "temp-2": b"stays"}, sensors={"temp-1": facts()})
        full.signals = [raised(2)]
        ids = (await old.commit(full)).outbox_ids
        assert await moves.where_they_are(["temp-1", "temp-2", "never"]) == {"temp-1": 0, "temp-2": 0}
        await moves.ask_for([("temp-1", 0, 5)])
        assert await asked(dsn, 0, 1) == {}, "it is not worked off up to there yet"
        await old.commit(batch(3, 2))
        assert await asked(dsn, 0, 1) == {0: ["temp-1"]}
        assert await asked(dsn, 1) == {}
        assert (await moves.arrived(["temp-1"])).states == {}
        leaving = batch(5, 1, states={"temp-2": b"stays"}, departures=[Departure("temp-1", 5, AT + 5, b"new")])
        await old.commit(leaving)
        assert await asked(dsn, 0, 1) == {}
        assert (await moves.arrived(["temp-1"])).states == {}, "what was said of its alarms is not announced yet"
        await query(dsn, "DELETE FROM outbox WHERE id = ANY($1)", ids)
        arrived = await moves.arrived(["temp-1", "temp-2"])
        assert (arrived.states, list(arrived.facts)) == ({"temp-1": b"new"}, ["temp-1"])
    async with partition(dsn, 0) as (old, _), partition(dsn, 1) as (new, _):
        claim = await new.claim()
        assert (claim.states, claim.standing) == ({"temp-1": b"new"}, {("temp-1", "limit")})
        claim = await old.claim()
        assert (claim.states, claim.standing) == ({"temp-2": b"stays"}, frozenset())
        assert claim.departed == {"temp-1": AT + 5}


async def test_of_two_partitions_that_ask_the_later_one_is_given_it(dsn: str) -> None:
    async with partition(dsn, 0) as (old, _), partition(dsn, 1) as (_, one), partition(dsn, 2) as (_, two):
        await old.commit(batch(0, 3, states={"temp-1": b"state"}))
        await one.ask_for([("temp-1", 0, 1)])
        await two.ask_for([("temp-1", 0, 2)])
        await one.withdraw(["temp-1"])
        assert await asked(dsn, 0) == {0: ["temp-1"]}
        await old.commit(batch(3, 1, states={}, departures=[Departure("temp-1", 3, AT, None)]))
        assert (await one.arrived(["temp-1"])).states == {}
        assert (await two.arrived(["temp-1"])).states == {"temp-1": b"state"}, "as it was saved last"


async def test_what_is_asked_for_no_longer_is_not_given(dsn: str) -> None:
    async with partition(dsn, 0) as (old, _), partition(dsn, 1) as (_, moves):
        await old.commit(batch(0, 3, states={"temp-1": b"state"}))
        await moves.ask_for([("temp-1", 0, 0)])
        await moves.withdraw(["temp-1"])
        assert await asked(dsn, 0) == {}


async def test_a_sensor_is_taken_from_a_partition_that_is_no_more(dsn: str) -> None:
    async with partition(dsn, 7) as (old, _), partition(dsn, 1) as (_, moves):
        await old.commit(batch(0, 3, states={"temp-1": b"state"}))
        await moves.ask_for([("temp-1", 7, 0)])
        await moves.take(["temp-1"], 7)
        assert (await moves.arrived(["temp-1"])).states == {"temp-1": b"state"}
        assert await moves.where_they_are(["temp-1"]) == {"temp-1": 1}


async def test_a_topic_that_grew_is_noticed(dsn: str) -> None:
    async with partition(dsn, 0) as (store, moves):
        assert not (await store.claim(1)).topic_grew
        assert (await store.claim(2)).topic_grew, "nobody works on the second one yet"
        await query(dsn, "UPDATE watermark SET begun_at = now() - interval '1 hour'")
        async with partition(dsn, 1) as (other, others):
            assert (await store.claim(2)).topic_grew, "the second one was begun a moment ago"
            assert await others.has_run(), "so it is read from its first record"
            assert not await moves.has_run()
            await query(dsn, "UPDATE watermark SET begun_at = now() - interval '1 hour'")
            assert not (await other.claim(2)).topic_grew


async def test_a_claim_tells_whether_partitions_were_added_lately(dsn: str) -> None:
    begun = "UPDATE watermark SET begun_at = now() - make_interval(secs => $1) WHERE part = $2"
    async with partition(dsn, 0) as (store, _), partition(dsn, 1):
        found = []
        # Seconds ago at which the two partitions were begun with: also in a group that is younger than a minute itself.
        for ages in ((0.0, 0.0), (7200.0, 3600.0), (7200.0, 30.0), (20.0, 10.0), (20.0, 18.0)):
            for part, age in enumerate(ages):
                await query(dsn, begun, age, part)
            found.append((await store.claim(2)).topic_grew)
        assert found == [False, False, True, True, False]
        assert (await store.claim(3)).topic_grew, "the third is not known yet"
