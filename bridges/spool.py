"""The spool: readings on disk from the moment they are taken until Kafka has confirmed them.

A SQLite file in WAL mode, written with a full sync at each commit: what is committed survives a power cut. It also
holds what makes a restart exact:

- `sensors`: the number of each sensor's last reading.
- `under_way`: for each partition the batch that was last handed to Kafka and is not confirmed yet, and the number that
  the brokers know its first record by. After a restart the same records go out as the same batch of the same producer,
  and a broker that has them confirms them without writing them again.
- `accepted`: what was taken of each source lately, to recognise a message that is sent again.

Everything is done by one thread; nothing here waits for anything but the disk.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bridges.errors import SpoolError
from bridges.window import Window

VERSION = 1
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sensors (sensor_id TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE readings (part INTEGER NOT NULL, id INTEGER NOT NULL, at REAL NOT NULL, key BLOB NOT NULL,
                       value BLOB NOT NULL, PRIMARY KEY (part, id)) WITHOUT ROWID;
CREATE TABLE lanes (part INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, next_offset INTEGER);
CREATE TABLE under_way (part INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
                        sequence INTEGER NOT NULL);
CREATE TABLE accepted (id INTEGER PRIMARY KEY, source TEXT NOT NULL, prints BLOB NOT NULL);
"""
#: Readings of a lane that are kept in memory too, so that they need not be read again to be sent.
_CACHED = 5_000
#: A batch of Kafka has at most so many records and bytes.
_BATCH_RECORDS = 2_000
_BATCH_BYTES = 200 * 1024
#: What a row takes besides its key and value, bytes, and what is dropped at once where the bound is reached.
_ROW = 40
_DROP_ROWS = 1_000

Row = tuple[int, float, bytes, bytes]


class Batch(NamedTuple):
    """Readings that go to Kafka together: to one partition, in this order, once."""

    partition: int
    #: the brokers' number of its first record
    sequence: int
    #: (key, value)
    records: list[tuple[bytes, bytes]]


@dataclass(slots=True)
class Lane:
    """The readings of one partition, in memory as they are on disk."""

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


class Spool:
    """One bridge's spool.

    Args:
        path: the file; it is made if it is not there.
        max_bytes: readings of at most so many bytes are kept; beyond it the oldest are dropped.
        max_age_s: readings older than this are dropped.

    Raises:
        SpoolError: it cannot be opened, or is of another version.
    """

    def __init__(self, path: Path, max_bytes: int, max_age_s: float) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.max_age_s = max_age_s
        #: readings that were given up because the bounds were reached, since the start
        self.dropped = 0
        self.waiting = 0
        self.bytes = 0
        #: when the oldest reading that waits was taken, seconds since 1970, as of the last `bound`
        self.oldest_at: float | None = None
        self.lanes: dict[int, Lane] = {}
        self._numbers: dict[str, int] = {}
        self._windows: dict[str, Window] = {}
        self._next_id = 1
        self._stale = False
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._open()
        except sqlite3.Error as error:
            raise SpoolError(f"{path}: {error}") from None
        self.load()

    def _open(self) -> None:
        db = self._db
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        elif version != VERSION:
            raise SpoolError(f"{self.path}: of version {version}; this program reads {VERSION}")

    def load(self) -> None:
        """Take everything in memory from the file: at the start, and after a commit that failed."""
        db = self._db
        self._numbers = dict(db.execute("SELECT sensor_id, number FROM sensors"))
        self.lanes = {}
        for partition, sequence, next_offset in db.execute("SELECT part, sequence, next_offset FROM lanes"):
            lane = self.lane(partition)
            lane.sequence, lane.next_offset = sequence, next_offset
        self.waiting = self.bytes = 0
        self._next_id = 1 + (db.execute("SELECT max(last) FROM under_way").fetchone()[0] or 0)
        for partition, last, rows, size in db.execute(
            "SELECT part, max(id), count(*), sum(length(key) + length(value)) FROM readings GROUP BY part"
        ):
            self.lane(partition).last = last
            self.waiting += rows
            self.bytes += size + rows * _ROW
            self._next_id = max(self._next_id, last + 1)
        for partition, first, last, _ in db.execute("SELECT * FROM under_way"):
            lane = self.lane(partition)
            lane.under_way = (first, last)
            lane.cached = last
        self._windows = {}
        for source, prints in db.execute("SELECT source, prints FROM accepted ORDER BY id"):
            self.window(source).load(prints)

    def lane(self, partition: int) -> Lane:
        """The lane of a partition."""
        return self.lanes.setdefault(partition, Lane(partition))

    def window(self, source: str) -> Window:
        """What was accepted of a source lately."""
        found = self._windows.get(source)
        if found is None:
            found = self._windows[source] = Window()
        return found

    def number(self, sensor_id: str) -> int:
        """The number of a sensor's last reading; 0: it has none yet."""
        return self._numbers.get(sensor_id, 0)

    def get(self, key: str) -> str | None:
        """A note that was left for the next start."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def put(self, key: str, value: str) -> None:
        """Leave a note; inside of a transaction, or as one of its own."""
        self._db.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, value)
        )

    # One commit: begin, any of the following in this order, end.

    def begin(self) -> None:
        """Begin a transaction. After an error call `fail`."""
        if self._stale:
            self.load()
            self._stale = False
        self._db.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        """Commit it: from here on it survives whatever happens."""
        self._db.execute("COMMIT")

    def fail(self) -> None:
        """Undo it; what is in memory is taken from the file again before the next one."""
        self._stale = True
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def finish(self, partition: int, next_offset: int | None) -> int:
        """The batch under way is confirmed by Kafka, which goes on at `next_offset`; how many readings it had."""
        lane = self.lanes[partition]
        if lane.under_way is None:
            return 0
        if next_offset is not None:
            lane.next_offset = next_offset
            self._db.execute("UPDATE lanes SET next_offset = ? WHERE part = ?", (next_offset, partition))
        first, last = lane.under_way
        (size,) = self._db.execute(
            "SELECT coalesce(sum(length(key) + length(value)), 0) FROM readings WHERE part = ? AND id BETWEEN ? AND ?",
            (partition, first, last),
        ).fetchone()
        done = self._db.execute("DELETE FROM readings WHERE part = ? AND id <= ?", (partition, last)).rowcount
        self._db.execute("DELETE FROM under_way WHERE part = ?", (partition,))
        lane.under_way = None
        self.waiting -= done
        self.bytes -= size + done * _ROW
        return done

    def store(self, rows: Iterable[tuple[int, bytes, bytes]], numbers: dict[str, int]) -> None:
        """Add readings (partition, key, value) in order, and the numbers that their sensors have come to."""
        now = time.time()
        added: list[tuple[int, int, float, bytes, bytes]] = []
        for partition, key, value in rows:
            lane = self.lane(partition)
            number = self._next_id
            self._next_id += 1
            added.append((partition, number, now, key, value))
            if lane.cached == lane.last and len(lane.cache) < _CACHED:
                lane.cache.append((number, now, key, value))
                lane.cached = number
            lane.last = number
            self.bytes += len(key) + len(value) + _ROW
        self.waiting += len(added)
        self._db.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?)", added)
        self._numbers.update(numbers)
        self._db.executemany(
            "INSERT INTO sensors VALUES (?, ?) ON CONFLICT DO UPDATE SET number = excluded.number", numbers.items()
        )

    def accept(self, source: str, prints: Sequence[bytes]) -> None:
        """Remember that messages with these fingerprints were taken."""
        window = self.window(source)
        window.add(prints)
        self._db.execute("INSERT INTO accepted (source, prints) VALUES (?, ?)", (source, b"".join(prints)))
        if window.due:
            # As one row, so that the table stays as small as what is remembered.
            self._db.execute("DELETE FROM accepted WHERE source = ?", (source,))
            self._db.execute("INSERT INTO accepted (source, prints) VALUES (?, ?)", (source, window.dump()))
            window.due = False

    def send(self, partition: int) -> Batch | None:
        """The next batch of a partition; None: nothing waits, or one is under way."""
        lane = self.lanes[partition]
        self._fill(lane)
        if lane.under_way is not None or not lane.cache:
            return None
        records: list[tuple[bytes, bytes]] = []
        size = 0
        first = last = lane.cache[0][0]
        while lane.cache and len(records) < _BATCH_RECORDS:
            number, _, key, value = lane.cache[0]
            size += len(key) + len(value) + _ROW
            if records and size > _BATCH_BYTES:
                break
            lane.cache.popleft()
            records.append((key, value))
            last = number
        lane.under_way = (first, last)
        batch = Batch(partition, lane.sequence, records)
        lane.sequence += len(records)
        self._db.execute("INSERT INTO under_way VALUES (?, ?, ?, ?)", (partition, first, last, batch.sequence))
        self._db.execute(
            "INSERT INTO lanes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET sequence = excluded.sequence",
            (partition, lane.sequence, lane.next_offset),
        )
        return batch

    def under_way(self) -> list[Batch]:
        """The batches whose outcome is not known: to be sent again as they were."""
        found = []
        for partition, first, last, sequence in self._db.execute("SELECT * FROM under_way").fetchall():
            records = self._db.execute(
                "SELECT key, value FROM readings WHERE part = ? AND id BETWEEN ? AND ? ORDER BY id",
                (partition, first, last),
            ).fetchall()
            found.append(Batch(partition, sequence, records))
        return found

    def restart_numbers(self) -> None:
        """A new producer: the brokers count its records from 0, those of the batches under way first."""
        self._db.execute("UPDATE lanes SET sequence = 0")
        for lane in self.lanes.values():
            lane.sequence = 0
            if lane.under_way is not None:
                first, last = lane.under_way
                (count,) = self._db.execute(
                    "SELECT count(*) FROM readings WHERE part = ? AND id BETWEEN ? AND ?", (lane.partition, first, last)
                ).fetchone()
                lane.sequence = count
                self._db.execute("UPDATE under_way SET sequence = 0 WHERE part = ?", (lane.partition,))
                self._db.execute("UPDATE lanes SET sequence = ? WHERE part = ?", (count, lane.partition))

    def keep_only(self, partition: int, keys_and_values: Sequence[tuple[bytes, bytes]]) -> None:
        """Of the batch under way only these are still to be sent; the others arrived."""
        lane = self.lanes[partition]
        if lane.under_way is None:
            return
        first, last = lane.under_way
        left = list(keys_and_values)
        for number, key, value in self._db.execute(
            "SELECT id, key, value FROM readings WHERE part = ? AND id BETWEEN ? AND ? ORDER BY id",
            (partition, first, last),
        ).fetchall():
            if left and left[0] == (key, value):
                left.pop(0)
                continue
            self._db.execute("DELETE FROM readings WHERE part = ? AND id = ?", (partition, number))
            self.waiting -= 1
            self.bytes -= len(key) + len(value) + _ROW
        if not keys_and_values:
            self._db.execute("DELETE FROM under_way WHERE part = ?", (partition,))
            lane.under_way = None

    def move(self, partition_of: Callable[[bytes], int]) -> None:
        """Another topic, or another cluster: what waits goes to the partitions that its keys have there."""
        rows = self._db.execute("SELECT id, at, key, value FROM readings ORDER BY id").fetchall()
        for table in ("readings", "under_way", "lanes"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
        self._db.executemany(
            "INSERT INTO readings VALUES (?, ?, ?, ?, ?)",
            [(partition_of(key), number, at, key, value) for number, at, key, value in rows],
        )
        self.load()

    def bound(self) -> int:
        """Drop what is beyond the bounds, the oldest first; how many readings that were.

        It also looks up since when the oldest one waits.
        """
        dropped = 0
        while self.bytes > self.max_bytes and (lane := self._oldest()) is not None:
            dropped += self._drop(lane, _DROP_ROWS, float("inf"))
        before = time.time() - self.max_age_s
        for lane in self.lanes.values():
            while (count := self._drop(lane, _DROP_ROWS, before)) > 0:
                dropped += count
        self.dropped += dropped
        query = "SELECT at FROM readings WHERE part = ? ORDER BY id LIMIT 1"
        heads = [self._db.execute(query, (partition,)).fetchone() for partition in self.lanes]
        self.oldest_at = min((row[0] for row in heads if row is not None), default=None)
        return dropped

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _fill(self, lane: Lane) -> None:
        """Read what waits on disk alone, if there is nothing in memory."""
        if lane.cache or lane.cached >= lane.last:
            return
        lane.cache.extend(
            self._db.execute(
                "SELECT id, at, key, value FROM readings WHERE part = ? AND id > ? ORDER BY id LIMIT ?",
                (lane.partition, lane.cached, _CACHED),
            )
        )
        lane.cached = lane.cache[-1][0] if lane.cache else lane.last

    def _oldest(self) -> Lane | None:
        """The lane whose first waiting reading is the oldest."""
        heads = []
        for lane in self.lanes.values():
            self._fill(lane)
            if lane.cache:
                heads.append((lane.cache[0][0], lane.partition))
        return self.lanes[min(heads)[1]] if heads else None

    def _drop(self, lane: Lane, most: int, before: float) -> int:
        """Drop waiting readings of a lane that were taken before a time."""
        self._fill(lane)
        gone: list[tuple[int, int]] = []
        while lane.cache and len(gone) < most and lane.cache[0][1] < before:
            number, _, key, value = lane.cache.popleft()
            gone.append((lane.partition, number))
            self.bytes -= len(key) + len(value) + _ROW
        self._db.executemany("DELETE FROM readings WHERE part = ? AND id = ?", gone)
        self.waiting -= len(gone)
        return len(gone)
