"""The readings of one partition that wait for Kafka, in memory as they are on disk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

#: id, when it was taken (seconds since 1970), key, value
Row = tuple[int, float, bytes, bytes]


class Batch(NamedTuple):
    """Readings that go to Kafka together: to one partition, in this order, once."""

    partition: int
    #: the brokers' number of its first record
    sequence: int
    #: (key, value)
    records: list[tuple[bytes, bytes]]
    #: the id of its last reading: by it the batch is known
    last: int
    #: counts producers: a batch of an earlier one is not sent under the numbers that it had
    era: int


class Confirmed(NamedTuple):
    """Kafka has this batch, and its partition goes on at `next_offset`, if that is known."""

    partition: int
    last: int
    next_offset: int | None


@dataclass(slots=True)
class Lane:
    """Those of one partition."""

    partition: int
    #: the next record's number, for the brokers
    sequence: int = 0
    #: where the partition may hold records of ours that we do not know of; None: nothing was ever confirmed
    next_offset: int | None = None
    #: ids of the batch that is under way
    under_way: tuple[int, int] | None = None
    #: of the last reading that is stored, and of the last that is, or was, in `cache`
    last: int = 0
    cached: int = 0
    #: readings that wait, without the batch under way
    cache: deque[Row] = field(default_factory=deque)

    @property
    def waits(self) -> bool:
        """Whether readings wait to be sent."""
        return bool(self.cache) or self.cached < self.last
