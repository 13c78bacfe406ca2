"""Two requests that aiokafka has no structs for: who leads the quorum, and how much room the logs take.

Kafka's own definitions: `DescribeQuorumRequest.json` and `DescribeLogDirsRequest.json` in its `clients` module. One
version of each is here, which brokers from 3.3 on speak.
"""

from __future__ import annotations

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

#: where the controllers keep what they agree on
METADATA_TOPIC = "__cluster_metadata"

_REPLICA = (
    ("replica_id", Int32),
    ("log_end_offset", Int64),
    ("last_fetch_timestamp", Int64),
    ("last_caught_up_timestamp", Int64),
    ("tags", TaggedFields),
)


class QuorumAnswer(Response):  # type: ignore[misc]  # aiokafka publishes no types
    """Who leads, since which epoch, and how far each replica of the metadata is. Times in ms; -1: unknown."""

    API_KEY = 55
    API_VERSION = 1
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("topic_name", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition_index", Int32),
                        ("error_code", Int16),
                        ("leader_id", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("current_voters", CompactArray(*_REPLICA)),
                        ("observers", CompactArray(*_REPLICA)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class QuorumQuestion(RequestStruct):  # type: ignore[misc]  # aiokafka publishes no types
    """About one partition of one topic."""

    FLEXIBLE_VERSION = True
    API_KEY = 55
    API_VERSION = 1
    RESPONSE_TYPE = QuorumAnswer
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_name", CompactString("utf-8")),
                ("partitions", CompactArray(("partition_index", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeQuorumRequest(Request[QuorumQuestion]):  # type: ignore[misc]  # as above
    """Asks for the quorum of the cluster's metadata; any broker passes it on to the active controller."""

    API_KEY = 55

    def build(self, request_struct_class: type[QuorumQuestion]) -> QuorumQuestion:
        """The request in the version that was agreed on."""
        nothing: dict[int, bytes] = {}
        return request_struct_class([(METADATA_TOPIC, [(0, nothing)], nothing)], nothing)


class LogDirsAnswer(Response):  # type: ignore[misc]  # aiokafka publishes no types
    """Each directory of one broker: what is in it, how large its volume is. Sizes are bytes; -1: unknown."""

    API_KEY = 35
    API_VERSION = 4
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "results",
            CompactArray(
                ("error_code", Int16),
                ("log_dir", CompactString("utf-8")),
                (
                    "topics",
                    CompactArray(
                        ("name", CompactString("utf-8")),
                        (
                            "partitions",
                            CompactArray(
                                ("partition_index", Int32),
                                ("partition_size", Int64),
                                ("offset_lag", Int64),
                                ("is_future_key", Boolean),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("tags", TaggedFields),
                    ),
                ),
                ("total_bytes", Int64),
                ("usable_bytes", Int64),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class LogDirsQuestion(RequestStruct):  # type: ignore[misc]  # aiokafka publishes no types
    """About all partitions when `topics` is None."""

    FLEXIBLE_VERSION = True
    API_KEY = 35
    API_VERSION = 4
    RESPONSE_TYPE = LogDirsAnswer
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")), ("partitions", CompactArray(Int32)), ("tags", TaggedFields)
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeLogDirsRequest(Request[LogDirsQuestion]):  # type: ignore[misc]  # as above
    """Asks one broker for its log directories."""

    API_KEY = 35

    def build(self, request_struct_class: type[LogDirsQuestion]) -> LogDirsQuestion:
        """The request in the version that was agreed on."""
        return request_struct_class(None, {})
