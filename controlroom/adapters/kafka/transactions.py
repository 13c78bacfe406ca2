"""Which transactions are open on our topics: nothing behind the first record of one is read until it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.transaction_requests import DescribeProducersRequest, ListTransactionsRequest
from controlroom.core.health_views import TransactionView

ANSWER_S = 3.0


async def open_transactions(admin: AIOKafkaAdminClient, topics: Collection[str]) -> tuple[TransactionView, ...] | None:
    """The open transactions on these topics, the oldest first; None: a leader did not tell.

    Args:
        admin: a started client.
        topics: the topics that are looked at; one that does not exist has no transactions.

    Raises:
        KafkaError: the metadata could not be read.
        TimeoutError: likewise.
    """
    led: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    async with asyncio.timeout(ANSWER_S):
        described = await admin.describe_topics()
    for topic in described:
        if topic["topic"] in topics:
            for part in topic["partitions"]:
                led[part["leader"]][topic["topic"]].append(part["partition"])
    led.pop(-1, None)  # where nobody leads, nobody can tell
    answers = await asyncio.gather(*(_ask(admin, DescribeProducersRequest(parts), node) for node, parts in led.items()))
    found = [view for answer in answers if answer is not None for view in _open(answer)]
    if not found:
        return () if all(answer is not None for answer in answers) else None
    names = await _names(admin, led.keys(), {view.producer_id for view in found})
    named = [
        TransactionView(
            view.topic,
            view.partition,
            view.first_offset,
            view.last_at,
            view.producer_id,
            names.get(view.producer_id, ""),
        )
        for view in found
    ]
    return tuple(sorted(named, key=lambda view: (view.last_at, view.topic, view.partition)))


async def look_for_open_transactions(
    kafka: KafkaConnection, topics: Collection[str]
) -> tuple[TransactionView, ...] | None:
    """The same with a connection of its own.

    Raises:
        KafkaUnreachable: no broker answers.
    """
    admin = AIOKafkaAdminClient(**kafka.options)
    try:
        async with asyncio.timeout(2 * ANSWER_S):
            await admin.start()
        return await open_transactions(admin, topics)
    except (KafkaError, TimeoutError, OSError) as error:
        raise kafka.unreachable(error) from None
    finally:
        with contextlib.suppress(KafkaError, TimeoutError, OSError):
            await asyncio.wait_for(admin.close(), ANSWER_S)


def _open(answer: dict[str, Any]) -> list[TransactionView]:
    return [
        TransactionView(
            topic["name"],
            part["partition_index"],
            producer["current_txn_start_offset"],
            producer["last_timestamp"] / 1000,
            producer["producer_id"],
        )
        for topic in answer["topics"]
        for part in topic["partitions"]
        for producer in part["active_producers"]
        if producer["current_txn_start_offset"] >= 0
    ]


async def _names(admin: AIOKafkaAdminClient, nodes: Collection[int], producers: set[int]) -> dict[int, str]:
    """Producer id -> transactional id; any broker may coordinate it."""
    request = ListTransactionsRequest(sorted(producers))
    answers = await asyncio.gather(*(_ask(admin, request, node) for node in nodes))
    return {
        state["producer_id"]: state["transactional_id"]
        for answer in answers
        if answer is not None
        for state in answer["transaction_states"]
    }


async def _ask(admin: AIOKafkaAdminClient, request: object, node: int) -> dict[str, Any] | None:
    with contextlib.suppress(KafkaError, TimeoutError, OSError, ValueError, NotImplementedError):
        async with asyncio.timeout(ANSWER_S):
            answer = await admin._send_request(request, node)  # noqa: SLF001 - aiokafka has no public way to send what it has no struct for
            found: dict[str, Any] = answer.to_object()
            return found
    return None
