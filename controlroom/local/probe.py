"""Ask a broker which brokers it knows: the proof that the cluster is up, with no Kafka client behind it.

One request of the Kafka protocol (Metadata, version 2), because the local plant must not need the adapters' client.
Source: the protocol guide of Apache Kafka 4, "Metadata API".
"""

from __future__ import annotations

import socket
import struct

from controlroom.local.ports import LOOPBACK

_METADATA = 3
_VERSION = 2
_CLIENT = b"controlroom-probe"


def known_brokers(port: int, *, cluster: str | None = None, timeout: float = 1.0) -> frozenset[int]:
    """Ids of the brokers that the broker on `port` of loopback counts as alive.

    Empty when it does not answer, or belongs to another cluster than `cluster`: another plant may have taken the port.
    """
    # no topics: an array of length 0 (null would mean all of them)
    body = struct.pack(f">hhih{len(_CLIENT)}si", _METADATA, _VERSION, 1, len(_CLIENT), _CLIENT, 0)
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            with connection.makefile("rb") as stream:
                (size,) = struct.unpack(">i", stream.read(4))
                answer = stream.read(size)
        ids, theirs = _parsed(answer)
    except (OSError, struct.error):
        return frozenset()
    return ids if cluster in (None, theirs) else frozenset()


def _parsed(answer: bytes) -> tuple[frozenset[int], str]:
    """Ids and cluster of `correlation_id [node_id host port rack] cluster_id`; struct.error: it is something else."""
    _, count = struct.unpack_from(">ii", answer)
    at = 8
    found = set()
    for _ in range(count):
        node, host_length = struct.unpack_from(">ih", answer, at)
        at += 6 + host_length + 4
        (rack_length,) = struct.unpack_from(">h", answer, at)
        at += 2 + max(rack_length, 0)
        found.add(node)
    (length,) = struct.unpack_from(">h", answer, at)
    (name,) = struct.unpack_from(f"{max(length, 0)}s", answer, at + 2)
    return frozenset(found), name.decode("utf-8", "replace")
