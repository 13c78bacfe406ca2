"""Identities that follow from the readings alone, so that a replay finds the same ones.

RFC 9562 version 5 (name-based) UUIDs; the name is a JSON list, so that no two keys can read alike.
"""

from __future__ import annotations

from uuid import UUID, uuid5

import msgspec

__all__ = ["event_id", "notification_id", "occurrence_id"]

_OCCURRENCES = UUID("6f3c9d0e-3b7a-5d43-9b8e-0c1a52f6d8e1")
_EVENTS = UUID("b4b1a0d2-51c7-5f0c-8a39-7c2a9e1d4f60")
_NOTIFICATIONS = UUID("2d7e86f4-9c15-5b1e-a6d0-e3f2087b5c94")


def _name(*parts: str | int) -> str:
    return msgspec.json.encode(parts).decode()


def occurrence_id(sensor_id: str, kind: str, at: float, ordinal: int) -> str:
    """The occurrence of (sensor, kind) that became active at event time ``at`` (seconds; told apart to 1 µs)."""
    return str(uuid5(_OCCURRENCES, _name(sensor_id, kind, round(at * 1_000_000), ordinal)))


def event_id(sensor_id: str, kind: str, version: int) -> str:
    """The transition that made ``version`` of the alarm (sensor, kind)."""
    return str(uuid5(_EVENTS, _name(sensor_id, kind, version)))


def notification_id(*parts: str | int) -> str:
    """One notification to one receiver, so that a receiver can drop a repeat."""
    return str(uuid5(_NOTIFICATIONS, _name(*parts)))
