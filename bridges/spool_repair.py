"""Changes of a spool after the brokers have told something unexpected: each inside of a transaction of the spool's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridges.lane import Batch
from bridges.spool import ROW_BYTES, Spool


def restart_numbers(spool: Spool) -> None:
    """A new producer: the brokers count its records from 0, those of the batches under way first."""
    spool.era += 1
    spool.db.execute("UPDATE lanes SET sequence = 0")
    for lane in spool.lanes.values():
        lane.sequence = 0
        if lane.under_way is not None:
            first, last = lane.under_way
            (count,) = spool.db.execute(
                "SELECT count(*) FROM readings WHERE part = ? AND id BETWEEN ? AND ?", (lane.partition, first, last)
            ).fetchone()
            lane.sequence = count
            spool.db.execute("UPDATE under_way SET sequence = 0 WHERE part = ?", (lane.partition,))
            spool.db.execute("UPDATE lanes SET sequence = ? WHERE part = ?", (count, lane.partition))


def keep_only(spool: Spool, batch: Batch, keys_and_values: Sequence[tuple[bytes, bytes]]) -> None:
    """Of this batch only these are still to be sent, if it is under way yet; the others arrived."""
    partition = batch.partition
    lane = spool.lanes[partition]
    if lane.under_way is None or lane.under_way[1] != batch.last:
        return
    first, last = lane.under_way
    left = list(keys_and_values)
    for number, key, value in spool.db.execute(
        "SELECT id, key, value FROM readings WHERE part = ? AND id BETWEEN ? AND ? ORDER BY id",
        (partition, first, last),
    ).fetchall():
        if left and left[0] == (key, value):
            left.pop(0)
            continue
        spool.db.execute("DELETE FROM readings WHERE part = ? AND id = ?", (partition, number))
        spool.waiting -= 1
        spool.bytes -= len(key) + len(value) + ROW_BYTES
    if not keys_and_values:
        spool.db.execute("DELETE FROM under_way WHERE part = ?", (partition,))
        lane.under_way = None


def move(spool: Spool, partition_of: Callable[[bytes], int]) -> None:
    """Another topic, or another cluster: what waits goes to the partitions that its keys have there."""
    spool.db.create_function("partition_of", 1, partition_of, deterministic=True)
    spool.db.execute("UPDATE readings SET part = partition_of(key)")
    spool.db.execute("DELETE FROM under_way")
    spool.db.execute("DELETE FROM lanes")
    spool.load()
