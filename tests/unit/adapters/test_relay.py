"""The relay's order and its bound, against an outbox in memory and a topic that can be closed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import pytest
from aiokafka.errors import KafkaConnectionError

from controlroom.adapters.kafka import relay as module
from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.relay import MOST_QUEUED, Relay
from controlroom.adapters.postgres.outbox import Outgoing


class Outbox:
    """Rows by id."""

    def __init__(self) -> None:
        self.rows: dict[int, Outgoing] = {}
        self.most_asked = 0

    def write(self, *ids: int) -> list[Outgoing]:
        made = [Outgoing(i, b"k", b"%d" % i) for i in ids]
        self.rows |= {entry.outbox_id: entry for entry in made}
        return made

    async def mark_sent(self, ids: Sequence[int]) -> set[int]:
        for outbox_id in ids:
            self.rows.pop(outbox_id, None)
        return set(ids)

    async def load(self, known: Collection[int], most: int) -> list[Outgoing]:
        await asyncio.sleep(0)
        return [self.rows[i] for i in sorted(self.rows) if i not in known][:most]


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


class Sent(list[int]):
    open = True


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    taken = Sent()

    async def send(self: Relay, entries: Sequence[Outgoing]) -> None:
        await asyncio.sleep(0)
        if not taken.open:
            raise KafkaConnectionError
        taken.extend(entry.outbox_id for entry in entries)

    monkeypatch.setattr(Relay, "_send", send)
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    return taken


def make(outbox: Outbox) -> Relay:
    return Relay(KafkaConnection("nowhere:1", {}), "alerts", outbox, outbox.load)  # type: ignore[arg-type]


async def drained(relay: Relay) -> None:
    running = asyncio.create_task(relay.run())
    async with asyncio.timeout(10):
        await relay.drained()
    running.cancel()
    await asyncio.wait([running])


async def test_what_is_given_twice_is_sent_once(outbox: Outbox, sent: Sent) -> None:
    relay = make(outbox)
    entries = outbox.write(1, 2, 3)
    relay.send(entries)
    relay.send(entries)
    await drained(relay)
    assert sent == [1, 2, 3]
    assert outbox.rows == {}


async def test_a_flood_waits_in_the_outbox_and_goes_out_in_order(outbox: Outbox, sent: Sent) -> None:
    relay = make(outbox)
    sent.open = False
    running = asyncio.create_task(relay.run())
    for first in range(0, 20 * MOST_QUEUED, 100):
        relay.send(outbox.write(*range(first, first + 100)))
        await asyncio.sleep(0)
        assert len(relay._queue) <= MOST_QUEUED
    sent.open = True
    # What is new while the outbox is being read does not overtake.
    for number in range(20 * MOST_QUEUED, 21 * MOST_QUEUED):
        relay.send(outbox.write(number))
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await relay.drained()
    assert sent == list(range(21 * MOST_QUEUED))
    assert outbox.rows == {}
    assert relay._known == set()
    relay.send(outbox.write(99_999))
    async with asyncio.timeout(10):
        await relay.drained()
    assert sent[-1] == 99_999
    running.cancel()
    await asyncio.wait([running])


async def test_what_a_predecessor_left_is_sent_first(outbox: Outbox, sent: Sent) -> None:
    relay = make(outbox)
    outbox.write(1, 2)
    relay.catch_up()
    relay.send(outbox.write(3))
    await drained(relay)
    assert sent == [1, 2, 3]
