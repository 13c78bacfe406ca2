"""The spool: what was committed is there after any end, in order, once; and its bounds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridges.errors import SpoolError
from bridges.lane import Confirmed
from bridges.spool import Spool
from bridges.spool_repair import keep_only, move, restart_numbers
from bridges.window import MOST

BIG = 10**9


_open: list[Spool] = []


def opened(path: Path, *, max_bytes: int = BIG, max_age_s: float = 1e9) -> Spool:
    """The spool as the next process finds it: what was not committed before is lost."""
    close_all()
    _open.append(Spool(path / "spool.db", max_bytes, max_age_s))
    return _open[-1]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


def close_all() -> None:
    while _open:
        _open.pop().close()


def store(spool: Spool, partition: int, *values: int, key: bytes = b"k") -> None:
    spool.begin()
    spool.store([(partition, key, str(value).encode()) for value in values], {})
    spool.end()


def send(spool: Spool, partition: int):
    spool.begin()
    batch = spool.send(partition)
    spool.end()
    return batch


def finish(spool: Spool, partition: int, next_offset: int | None = None) -> int:
    under_way = spool.lanes[partition].under_way
    spool.begin()
    count = spool.finish(Confirmed(partition, under_way[1] if under_way else 0, next_offset))
    spool.end()
    return count


def values(batch) -> list[int]:
    return [int(value) for _, value in batch.records]


def test_readings_go_out_in_order_one_batch_at_a_time(tmp_path):
    spool = opened(tmp_path)
    store(spool, 0, 1, 2, 3)
    store(spool, 1, 10)
    first = send(spool, 0)
    assert (first.sequence, values(first)) == (0, [1, 2, 3])
    store(spool, 0, 4)
    assert send(spool, 0) is None
    assert finish(spool, 0, 103) == 3
    second = send(spool, 0)
    assert (second.sequence, values(second)) == (3, [4])
    assert values(send(spool, 1)) == [10]
    finish(spool, 0)
    finish(spool, 1)
    assert (spool.waiting, spool.bytes, spool.lanes[0].next_offset) == (0, 0, 103)


def test_after_a_kill_the_batch_under_way_is_the_same_batch(tmp_path):
    spool = opened(tmp_path)
    store(spool, 0, *range(10))
    before = send(spool, 0)
    store(spool, 0, 10, 11)
    # It is killed before this is committed.
    spool.begin()
    spool.store([(0, b"k", b"99")], {"s": 7})
    again = opened(tmp_path)
    assert again.under_way() == [before]
    assert send(again, 0) is None
    assert (again.waiting, again.number("s")) == (12, 0)
    finish(again, 0)
    after = send(again, 0)
    assert (after.sequence, values(after)) == (10, [10, 11])
    store(again, 0, 12)
    finish(again, 0)
    assert values(send(opened(tmp_path), 0)) == [12]


def test_numbers_survive_and_go_on(tmp_path):
    spool = opened(tmp_path)
    spool.begin()
    spool.store([], {"a": 3, "b": 1})
    spool.end()
    spool.begin()
    spool.store([], {"a": 4})
    spool.end()
    again = opened(tmp_path)
    assert (again.number("a"), again.number("b"), again.number("c")) == (4, 1, 0)


def test_what_no_longer_fits_in_memory_is_read_from_disk_in_order(tmp_path):
    spool = opened(tmp_path)
    for start in range(0, 12_000, 1000):
        store(spool, 0, *range(start, start + 1000))
    seen = []
    while (batch := send(spool, 0)) is not None:
        seen += values(batch)
        finish(spool, 0)
        if len(seen) == 4000:
            store(spool, 0, 12_000)
    assert seen == list(range(12_001))


def test_a_batch_is_no_larger_than_kafka_takes(tmp_path):
    spool = opened(tmp_path)
    spool.begin()
    spool.store([(0, b"k", b"x" * 60_000) for _ in range(10)], {})
    spool.end()
    assert len(send(spool, 0).records) == 3


def test_at_the_bound_the_oldest_go_over_all_partitions_and_never_what_is_under_way(tmp_path):
    spool = opened(tmp_path, max_bytes=200_000)
    store(spool, 0, *range(1000, 1100))
    send(spool, 0)
    for start in range(0, 6000, 1000):
        store(spool, 1 + start // 1000 % 2, *range(start, start + 1000))
    assert spool.bytes > 200_000
    spool.begin()
    dropped = spool.bound()
    spool.end()
    assert dropped == spool.dropped == 2000
    assert spool.bytes <= 200_000
    before = (spool.waiting, spool.bytes)
    again = opened(tmp_path, max_bytes=200_000)
    assert (again.waiting, again.bytes) == before
    assert len(again.under_way()[0].records) == 100
    assert values(send(again, 1))[0] == 2000
    assert values(send(again, 2))[0] == 3000


def test_what_is_older_than_allowed_goes(tmp_path, monkeypatch):
    spool = opened(tmp_path, max_age_s=100)
    now = 1_000_000.0
    monkeypatch.setattr("bridges.spool.time.time", lambda: now)
    store(spool, 0, 1, 2)
    now += 90
    store(spool, 0, 3)
    now += 20
    spool.begin()
    assert spool.bound() == 2
    spool.end()
    assert spool.oldest_at == now - 20
    assert values(send(spool, 0)) == [3]


def test_a_commit_that_fails_leaves_nothing_behind(tmp_path):
    spool = opened(tmp_path)
    store(spool, 0, 1)
    spool.db.execute("PRAGMA max_page_count = 20")
    spool.begin()
    with pytest.raises(sqlite3.OperationalError, match="full"):
        spool.store([(0, b"k", b"x" * 1000) for _ in range(1000)], {"a": 1})
    spool.fail()
    spool.db.execute("PRAGMA max_page_count = 100000")
    store(spool, 0, 2)
    assert (spool.waiting, spool.number("a")) == (2, 0)
    assert values(send(spool, 0)) == [1, 2]


def test_another_producer_counts_from_zero_what_is_under_way_first(tmp_path):
    spool = opened(tmp_path)
    store(spool, 0, 1, 2, 3)
    send(spool, 0)
    finish(spool, 0)
    store(spool, 0, 4, 5, 6)
    send(spool, 0)
    spool.begin()
    keep_only(spool, spool.under_way()[0], [(b"k", b"5"), (b"k", b"6")])
    restart_numbers(spool)
    spool.end()
    for _ in range(2):
        (batch,) = spool.under_way()
        assert (batch.sequence, values(batch)) == (0, [5, 6])
        assert spool.waiting == 2
        spool = opened(tmp_path)
    assert finish(spool, 0) == 2
    store(spool, 0, 7)
    assert send(spool, 0).sequence == 2


def test_of_a_batch_that_arrived_as_a_whole_nothing_is_left(tmp_path):
    spool = opened(tmp_path)
    store(spool, 0, 1, 2)
    send(spool, 0)
    spool.begin()
    keep_only(spool, spool.under_way()[0], [])
    spool.end()
    assert (spool.under_way(), spool.waiting, spool.bytes) == ([], 0, 0)
    assert finish(spool, 0) == 0
    store(spool, 0, 3)
    assert values(send(spool, 0)) == [3]


def test_for_another_topic_all_that_waits_goes_to_its_partitions(tmp_path):
    spool = opened(tmp_path)
    store(spool, 0, 1, key=b"a")
    send(spool, 0)
    store(spool, 1, 2, key=b"b")
    store(spool, 0, 3, key=b"a")
    spool.begin()
    move(spool, lambda key: 5 if key == b"a" else 6)
    spool.end()
    assert values(send(spool, 5)) == [1, 3]
    assert values(send(spool, 6)) == [2]
    assert spool.waiting == 3


def test_what_was_accepted_is_remembered_within_bounds(tmp_path):
    spool = opened(tmp_path)
    prints = [number.to_bytes(12, "big") for number in range(175_000)]
    for start in range(0, 175_000, 5_000):
        spool.begin()
        spool.accept("line", prints[start : start + 5_000])
        spool.end()
    for _ in range(2):
        window = spool.window("line")
        assert len(window) == MOST == 70_000
        assert window.has(prints[-1])
        assert window.has(prints[105_000])
        assert not window.has(prints[104_999])
        spool = opened(tmp_path)
    size = spool.db.execute("SELECT sum(length(prints)) FROM accepted").fetchone()[0]
    assert size <= 2 * MOST * 12


def test_a_file_that_is_no_spool_of_ours_is_refused(tmp_path):
    (tmp_path / "spool.db").write_text("not a database, but long enough to be looked at" * 100)
    with pytest.raises(SpoolError, match="not a database"):
        opened(tmp_path)
    (tmp_path / "spool.db").unlink()
    opened(tmp_path).db.execute("PRAGMA user_version = 9")
    close_all()
    with pytest.raises(SpoolError, match="of version 9"):
        opened(tmp_path)


def test_a_confirmation_that_comes_late_is_not_taken_for_that_of_the_next_batch(tmp_path):
    spool = opened(tmp_path)
    store(spool, 0, 1)
    first = send(spool, 0)
    finish(spool, 0)
    store(spool, 0, 2)
    send(spool, 0)
    spool.begin()
    assert spool.finish(Confirmed(0, first.last, None)) == 0
    keep_only(spool, first, [])
    spool.end()
    assert [values(batch) for batch in spool.under_way()] == [[2]]
