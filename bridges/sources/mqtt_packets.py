r"""The one packet of MQTT that comes thousands of times a second: a message, PUBLISH.

>>> raw = b"\x32\x0a\x00\x03a/b\x00\x0721."
>>> publish_at(raw, 0, v5=False)
(Publish(topic=b'a/b', payload=b'21.', qos=1, mid=7, retain=False, dup=False), 12)
>>> publish_at(raw[:9], 0, v5=False)
(None, 12)
>>> publish_at(b"\xd0\x00", 0, v5=False)
(None, 0)
"""

from __future__ import annotations

from typing import NamedTuple

_PUBLISH = 0x30


class MalformedPacket(ValueError):
    """What came is no MQTT, or nothing that was asked for."""


class Publish(NamedTuple):
    """A message as it came."""

    #: UTF-8, if the publisher keeps to the protocol
    topic: bytes
    payload: bytes
    #: 0 or 1
    qos: int
    #: the packet's id; 0 with QoS 0
    mid: int
    retain: bool
    dup: bool


def publish_at(data: bytearray | bytes, at: int, *, v5: bool) -> tuple[Publish | None, int]:
    """The message that begins at `at`, and where it ends.

    Without a message: where it will end at the earliest, or `at` itself where another packet begins.

    Raises:
        MalformedPacket: it cannot be one.
    """
    have = len(data)
    if at >= have:
        return None, at + 1
    head = data[at]
    if head & 0xF0 != _PUBLISH:
        return None, at
    try:
        size, start = _number(data, at + 1)
    except IndexError:
        return None, have + 1
    end = start + size
    if end > have:
        return None, end
    qos = head >> 1 & 3
    mid = 0
    try:
        body = name_end = start + 2 + (data[start] << 8 | data[start + 1])
        if qos:
            mid = data[body] << 8 | data[body + 1]
            body += 2
        if v5:
            # Nothing is read of a message's properties; topics have no alias, since we have not allowed any.
            size, body = _number(data, body)
            body += size
    except IndexError:
        raise MalformedPacket("a message ends too early") from None
    if body > end or qos > 1:
        raise MalformedPacket("a message ends too early" if body > end else "QoS 2 was not asked for")
    topic = bytes(data[start + 2 : name_end])
    return Publish(topic, bytes(data[body:end]), qos, mid, bool(head & 1), bool(head & 8)), end


def pubacks(mids: list[int]) -> bytes:
    r"""The acknowledgements of these messages, one after the other.

    >>> pubacks([7, 256])
    b'@\x02\x00\x07@\x02\x01\x00'
    """
    return b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids])


def _number(data: bytearray | bytes, at: int) -> tuple[int, int]:
    """A number of one to four bytes, and where it ends; IndexError: it has not come yet."""
    first = data[at]
    if first < 128:
        return first, at + 1
    number, shift = first & 127, 7
    while True:
        at += 1
        byte = data[at]
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at + 1
        shift += 7
        if shift > 21:
            raise MalformedPacket("a length has more than four bytes")
