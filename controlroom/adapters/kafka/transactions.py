"""Which transactions are open on our topics: nothing behind the first record of one is read until it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from controlroom.adapters.kafka.connection import KafkaConnection
from controlroom.adapters.kafka.transaction_requests import (
    DescribeProducersRequest,
    DescribeTransactionsRequest,
    ListTransactionsRequest,
)
from controlroom.core.health_views import TransactionView

ANSWER_S = 3.0


async def open_transactions(admin: AIOKafkaAdminClient, topics: Collection[str]) -> tuple[TransactionView, ...] | None:
    """The open transactions on these topics, the oldest first; None: a leader did not tell, or there is none.

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
    leaderless = led.pop(-1, None) is not None
    answers = await asyncio.gather(*(_ask(admin, DescribeProducersRequest(parts), node) for node, parts in led.items()))
    told = [answer for answer in answers if answer is not None]
    found = [view for answer in told for view in _open(answer)]
    if not found:
        # What a leader refuses to tell, as one that leads no more does, is not known.
        complete = not leaderless and len(told) == len(answers) and not any(map(_refused, told))
        return () if complete else None
    known = await _begun(admin, led.keys(), {view.producer_id for view in found})
    named = [
        replace(view, transactional_id=known[view.producer_id][0], since=known[view.producer_id][1] or view.last_at)
        if view.producer_id in known
        else view
        for view in found
    ]
    return tuple(sorted(named, key=lambda view: (view.since, view.topic, view.partition)))


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
            async with asyncio.timeout(ANSWER_S):
                await admin.close()


def _refused(answer: dict[str, Any]) -> bool:
    return any(part["error_code"] for topic in answer["topics"] for part in topic["partitions"])


def _open(answer: dict[str, Any]) -> list[TransactionView]:
    return [
        TransactionView(
            topic["name"],
            part["partition_index"],
            producer["current_txn_start_offset"],
            since=producer["last_timestamp"] / 1000,
            last_at=producer["last_timestamp"] / 1000,
            producer_id=producer["producer_id"],
        )
        for topic in answer["topics"]
        for part in topic["partitions"]
        for producer in part["active_producers"]
        if producer["current_txn_start_offset"] >= 0
    ]


async def _begun(
    admin: AIOKafkaAdminClient, nodes: Collection[int], producers: set[int]
) -> dict[int, tuple[str, float | None]]:
    """Producer id -> (transactional id, when its transaction began); any broker may coordinate it."""

    async def of(node: int) -> dict[int, tuple[str, float | None]]:
        listed = await _ask(admin, ListTransactionsRequest(sorted(producers)), node)
        ids = {
            state["producer_id"]: state["transactional_id"] for state in (listed or {}).get("transaction_states", ())
        }
        if not ids:
            return {}
        states = await _ask(admin, DescribeTransactionsRequest(sorted(ids.values())), node)
        begun = {
            state["transactional_id"]: state["transaction_start_time_ms"] / 1000
            for state in (states or {}).get("transaction_states", ())
            if not state["error_code"] and state["transaction_start_time_ms"] > 0
        }
        return {producer: (name, begun.get(name)) for producer, name in ids.items()}

    return {producer: known for found in await asyncio.gather(*map(of, nodes)) for producer, known in found.items()}


async def _ask(admin: AIOKafkaAdminClient, request: object, node: int) -> dict[str, Any] | None:
    with contextlib.suppress(KafkaError, TimeoutError, OSError, ValueError, NotImplementedError):
        async with asyncio.timeout(ANSWER_S):
            answer = await admin._send_request(request, node)  # noqa: SLF001 - aiokafka has no public way to send what it has no struct for
            found: dict[str, Any] = answer.to_object()
            return found
    return None
