"""Three requests that aiokafka has no structs for: who produces to a partition, and what transactions are open.

Kafka's own definitions: `DescribeProducersRequest.json`, `ListTransactionsRequest.json` and
`DescribeTransactionsRequest.json` in its `clients` module, of which brokers from 3.0 on speak version 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields


class ProducersAnswer(Response):  # type: ignore[misc]  # aiokafka publishes no types
    """The producers of each partition. Times in ms; -1: unknown, or no transaction is open."""

    API_KEY = 61
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition_index", Int32),
                        ("error_code", Int16),
                        ("error_message", CompactString("utf-8")),
                        (
                            "active_producers",
                            CompactArray(
                                ("producer_id", Int64),
                                ("producer_epoch", Int32),
                                ("last_sequence", Int32),
                                ("last_timestamp", Int64),
                                ("coordinator_epoch", Int32),
                                ("current_txn_start_offset", Int64),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class ProducersQuestion(RequestStruct):  # type: ignore[misc]  # aiokafka publishes no types
    """About partitions that one broker leads."""

    FLEXIBLE_VERSION = True
    API_KEY = 61
    API_VERSION = 0
    RESPONSE_TYPE = ProducersAnswer
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")), ("partition_indexes", CompactArray(Int32)), ("tags", TaggedFields)
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeProducersRequest(Request[ProducersQuestion]):  # type: ignore[misc]  # as above
    """Asks the leader of partitions, given by topic, who produces to them."""

    API_KEY = 61

    def __init__(self, partitions: Mapping[str, Sequence[int]]) -> None:
        self._partitions = partitions

    def build(self, request_struct_class: type[ProducersQuestion]) -> ProducersQuestion:
        """The request in the version that was agreed on."""
        nothing: dict[int, bytes] = {}
        topics = [(topic, list(parts), nothing) for topic, parts in self._partitions.items()]
        return request_struct_class(topics, nothing)


class TransactionsAnswer(Response):  # type: ignore[misc]  # aiokafka publishes no types
    """Transactions that one broker coordinates."""

    API_KEY = 66
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("unknown_state_filters", CompactArray(CompactString("utf-8"))),
        (
            "transaction_states",
            CompactArray(
                ("transactional_id", CompactString("utf-8")),
                ("producer_id", Int64),
                ("transaction_state", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class TransactionsQuestion(RequestStruct):  # type: ignore[misc]  # aiokafka publishes no types
    """About the transactions in some states, of some producers."""

    FLEXIBLE_VERSION = True
    API_KEY = 66
    API_VERSION = 0
    RESPONSE_TYPE = TransactionsAnswer
    SCHEMA = Schema(
        ("state_filters", CompactArray(CompactString("utf-8"))),
        ("producer_id_filters", CompactArray(Int64)),
        ("tags", TaggedFields),
    )


class ListTransactionsRequest(Request[TransactionsQuestion]):  # type: ignore[misc]  # as above
    """Asks one broker for the transactions of these producers."""

    API_KEY = 66

    def __init__(self, producers: Sequence[int]) -> None:
        self._producers = producers

    def build(self, request_struct_class: type[TransactionsQuestion]) -> TransactionsQuestion:
        """The request in the version that was agreed on."""
        return request_struct_class([], list(self._producers), {})


class StatesAnswer(Response):  # type: ignore[misc]  # aiokafka publishes no types
    """Transactions by their ids. Times in ms; -1: none has begun."""

    API_KEY = 65
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "transaction_states",
            CompactArray(
                ("error_code", Int16),
                ("transactional_id", CompactString("utf-8")),
                ("transaction_state", CompactString("utf-8")),
                ("transaction_timeout_ms", Int32),
                ("transaction_start_time_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                (
                    "topics",
                    CompactArray(
                        ("topic", CompactString("utf-8")), ("partitions", CompactArray(Int32)), ("tags", TaggedFields)
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class StatesQuestion(RequestStruct):  # type: ignore[misc]  # aiokafka publishes no types
    """About transactions that one broker coordinates."""

    FLEXIBLE_VERSION = True
    API_KEY = 65
    API_VERSION = 0
    RESPONSE_TYPE = StatesAnswer
    SCHEMA = Schema(("transactional_ids", CompactArray(CompactString("utf-8"))), ("tags", TaggedFields))


class DescribeTransactionsRequest(Request[StatesQuestion]):  # type: ignore[misc]  # as above
    """Asks the coordinator of transactions, given by their ids, since when each is open."""

    API_KEY = 65

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids

    def build(self, request_struct_class: type[StatesQuestion]) -> StatesQuestion:
        """The request in the version that was agreed on."""
        return request_struct_class(list(self._ids), {})
