"""What a rejected record carries to the dead letters: Kafka Connect's header names, so that its tools read them."""

from __future__ import annotations


def dead_letter_headers(
    topic: str, partition: int, offset: int, reason: str, detail: str, size: int
) -> tuple[tuple[str, bytes], ...]:
    """Headers of a dead letter; `size` is the true size of its value in bytes, which may be cut short.

    >>> dict(dead_letter_headers("sensor-data", 2, 41, "malformed", "JSON", 7))["__connect.errors.exception.message"]
    b'malformed: JSON'
    """
    return tuple(
        (name, text.encode("utf-8", "replace"))
        for name, text in (
            ("__connect.errors.topic", topic),
            ("__connect.errors.partition", str(partition)),
            ("__connect.errors.offset", str(offset)),
            ("__connect.errors.stage", "VALUE_CONVERTER"),
            ("__connect.errors.exception.class.name", "controlroom.wire.BadMessage"),
            ("__connect.errors.exception.message", f"{reason}: {detail}"),
            ("controlroom.reason", reason),
            ("controlroom.size", str(size)),
        )
    )
