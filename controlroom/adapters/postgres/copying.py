"""Readings in PostgreSQL's binary COPY format: one C call a row, where a driver looks at every value."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from struct import Struct
from typing import Protocol, runtime_checkable

import asyncpg

from controlroom.core.records import ReadingRow, Rows

COLUMNS = ("topic", "part", "off", "log_ts", "event_ts", "sensor_id", "value", "quality", "seq")


@runtime_checkable
class PackedAlready(Protocol):
    """Rows that the compiled core has packed, each as it came."""

    def rows(self) -> bytes:
        """All of them, without what stands before and after them."""
        ...


_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
#: PostgreSQL counts microseconds from 2000-01-01, in seconds since the epoch
_EPOCH_S = 946_684_800.0


async def copy_readings(connection: asyncpg.Connection, topic: str, part: int, readings: Rows) -> None:
    """COPY rows of one partition into `readings`.

    Raises:
        what the connection raises; TypeError, struct.error: a value that the column cannot hold.
    """
    # A view, and not a file: of each file asyncpg makes a class, in a cycle that holds all of the batch until the
    # collector comes by, which here is hardly ever. As bytes it would be a path.
    source = memoryview(packed(topic, part, readings))
    await connection.copy_to_table(
        "readings",
        source=source,  # type: ignore[arg-type]  # the stubs leave out the buffer protocol, which asyncpg documents
        columns=COLUMNS,
        format="binary",
    )


def packed(topic: str, part: int, readings: Rows) -> bytes:
    """All of them as the input of a binary COPY, packed unless they are already."""
    if isinstance(readings, PackedAlready):
        return b"".join((_HEADER, readings.rows(), _TRAILER))
    return packed_readings(topic, part, readings)


def packed_readings(topic: str, part: int, readings: Iterable[ReadingRow]) -> bytes:
    """The whole input of a binary COPY: each field is its length and its value, in network order.

    >>> data = packed_readings("t", 0, [(5, 946684800.0, 946684801.5, "s-1", 2.0, 1.0, 7)])
    >>> len(data) == 19 + 2 + (4 + 1) + (4 + 4) + 3 * (4 + 8) + (4 + 3) + (4 + 8) + (4 + 4) + (4 + 8) + 2
    True
    """
    name = topic.encode()
    # What is the same in every row: the number of fields, topic, part, and the length of the offset.
    head = Struct(f"!hi{len(name)}siii").pack(len(COLUMNS), len(name), name, 4, part, 8)
    sensors: dict[str, tuple[bytes, Struct]] = {}
    rows = [_HEADER]
    for off, log_s, event_s, sensor_id, value, quality, seq in readings:
        known = sensors.get(sensor_id)
        if known is None:
            text = sensor_id.encode()
            # The sensor with the lengths around it: of the time before it is in the layout, of the value after it here.
            middle = Struct(f"!i{len(text)}si").pack(len(text), text, 8)
            known = sensors[sensor_id] = (middle, _layout(len(head), len(middle)))
        middle, layout = known
        rows.append(
            layout.pack(
                head, off, 8, round((log_s - _EPOCH_S) * 1e6), 8, round((event_s - _EPOCH_S) * 1e6), middle, value,
                4, quality, 8, seq,
            )
        )  # fmt: skip
    rows.append(_TRAILER)
    return b"".join(rows)


@lru_cache(maxsize=1024)
def _layout(head: int, middle: int) -> Struct:
    return Struct(f"!{head}sqiqiq{middle}sdifiq")
