"""The spool: readings on disk from the moment they are taken until Kafka has confirmed them.

A SQLite file in WAL mode, written with a full sync at each commit: what is committed survives a power cut. It also
holds what makes a restart exact:

- `sensors`: the number of each sensor's last reading.
- `under_way`: for each partition the batch that was last handed to Kafka and is not confirmed yet, and the number that
  the brokers know its first record by. After a restart the same records go out as the same batch of the same producer,
  and a broker that has them confirms them without writing them again.
- `accepted`: what was taken of each source lately, to recognise a message that is sent again.
- `current`: what was taken last of each tag that tells its value again with every connection.

Everything is done by one thread; nothing here waits for anything but the disk.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bridges.errors import SpoolError
from bridges.lane import Batch, Confirmed, Lane
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
#: Not in spools that were made before there were sources that need it.
_ADDED = """
CREATE TABLE IF NOT EXISTS current (source TEXT NOT NULL, tag TEXT NOT NULL, mark BLOB NOT NULL,
                                    PRIMARY KEY (source, tag)) WITHOUT ROWID
"""
#: Readings of a lane that are kept in memory too, so that they need not be read again to be sent.
_CACHED = 5_000
#: A batch of Kafka has at most so many records and bytes.
_BATCH_RECORDS = 2_000
_BATCH_BYTES = 200 * 1024
#: What a row takes besides its key and value, bytes; how many readings are dropped at once where a bound is reached.
ROW_BYTES = 40
_DROPPED_AT_ONCE = 1_000


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
        #: counts the producers that this process has been
        self.era = 0
        self.waiting = 0
        self.bytes = 0
        #: when the oldest reading that waits was taken, seconds since 1970, as of the last `bound`
        self.oldest_at: float | None = None
        self.lanes: dict[int, Lane] = {}
        self._numbers: dict[str, int] = {}
        self._windows: dict[str, Window] = {}
        self._current: dict[tuple[str, str], bytes] = {}
        self._next_id = 1
        self._stale = False
        try:
            #: the file; for `spool_repair`
            self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            self._open()
        except sqlite3.Error as error:
            raise SpoolError(f"{path}: {error}") from None
        self.load()

    def _open(self) -> None:
        db = self.db
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        elif version != VERSION:
            raise SpoolError(f"{self.path}: of version {version}; this program reads {VERSION}")
        db.execute(_ADDED)

    def load(self) -> None:
        """Take everything in memory from the file: at the start, and after a commit that failed."""
        db = self.db
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
            self.bytes += size + rows * ROW_BYTES
            self._next_id = max(self._next_id, last + 1)
        for partition, first, last, _ in db.execute("SELECT * FROM under_way"):
            lane = self.lane(partition)
            lane.under_way = (first, last)
            lane.cached = last
        self._windows = {}
        for source, prints in db.execute("SELECT source, prints FROM accepted ORDER BY id"):
            self.window(source).load(prints)

        self._current = {
            (source, tag): mark for source, tag, mark in db.execute("SELECT source, tag, mark FROM current")
        }

    def lane(self, partition: int) -> Lane:
        """The lane of a partition."""
        found = self.lanes.get(partition)
        if found is None:
            found = self.lanes[partition] = Lane(partition)
        return found

    def window(self, source: str) -> Window:
        """What was accepted of a source lately."""
        found = self._windows.get(source)
        if found is None:
            found = self._windows[source] = Window()
        return found

    def number(self, sensor_id: str) -> int:
        """The number of a sensor's last reading; 0: it has none yet."""
        return self._numbers.get(sensor_id, 0)

    def current(self, source: str, tag: str) -> bytes | None:
        """The mark of what was taken last of a tag; None: nothing was."""
        return self._current.get((source, tag))

    def get(self, key: str) -> str | None:
        """A note that was left for the next start."""
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def put(self, key: str, value: str) -> None:
        """Leave a note; inside of a transaction, or as one of its own."""
        self.db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, value))

    # One commit: begin, any of the following in this order, end.

    def begin(self) -> None:
        """Begin a transaction. After an error call `fail`."""
        if self._stale:
            self.load()
            self._stale = False
        self.db.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        """Commit it: from here on it survives whatever happens."""
        self.db.execute("COMMIT")

    def fail(self) -> None:
        """Undo it; what is in memory is taken from the file again before the next one."""
        self._stale = True
        with contextlib.suppress(sqlite3.Error):
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")

    def finish(self, confirmed: Confirmed) -> int:
        """A batch is confirmed by Kafka; how many readings it had, if it was still under way."""
        partition, batch, next_offset = confirmed
        lane = self.lanes[partition]
        if lane.under_way is None or lane.under_way[1] != batch:
            return 0
        if next_offset is not None:
            lane.next_offset = next_offset
            self.db.execute("UPDATE lanes SET next_offset = ? WHERE part = ?", (next_offset, partition))
        first, last = lane.under_way
        (size,) = self.db.execute(
            "SELECT coalesce(sum(length(key) + length(value)), 0) FROM readings WHERE part = ? AND id BETWEEN ? AND ?",
            (partition, first, last),
        ).fetchone()
        done = self.db.execute("DELETE FROM readings WHERE part = ? AND id <= ?", (partition, last)).rowcount
        self.db.execute("DELETE FROM under_way WHERE part = ?", (partition,))
        lane.under_way = None
        self.waiting -= done
        self.bytes -= size + done * ROW_BYTES
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
            self.bytes += len(key) + len(value) + ROW_BYTES
        self.waiting += len(added)
        self.db.executemany("INSERT INTO readings VALUES (?, ?, ?, ?, ?)", added)
        self._numbers.update(numbers)
        self.db.executemany(
            "INSERT INTO sensors VALUES (?, ?) ON CONFLICT DO UPDATE SET number = excluded.number", numbers.items()
        )

    def accept(self, source: str, prints: Sequence[bytes]) -> None:
        """Remember that messages with these fingerprints were taken."""
        window = self.window(source)
        window.add(prints)
        self.db.execute("INSERT INTO accepted (source, prints) VALUES (?, ?)", (source, b"".join(prints)))
        if window.due:
            # As one row, so that the table stays as small as what is remembered.
            self.db.execute("DELETE FROM accepted WHERE source = ?", (source,))
            self.db.execute("INSERT INTO accepted (source, prints) VALUES (?, ?)", (source, window.dump()))
            window.due = False

    def keep(self, marks: dict[tuple[str, str], bytes]) -> None:
        """Remember what was taken last, by source and tag."""
        self._current.update(marks)
        self.db.executemany(
            "INSERT INTO current VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET mark = excluded.mark",
            [(*key, mark) for key, mark in marks.items()],
        )

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
            size += len(key) + len(value) + ROW_BYTES
            if records and size > _BATCH_BYTES:
                break
            lane.cache.popleft()
            records.append((key, value))
            last = number
        lane.under_way = (first, last)
        batch = Batch(partition, lane.sequence, records, last, self.era)
        lane.sequence += len(records)
        self.db.execute("INSERT INTO under_way VALUES (?, ?, ?, ?)", (partition, first, last, batch.sequence))
        self.db.execute(
            "INSERT INTO lanes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET sequence = excluded.sequence",
            (partition, lane.sequence, lane.next_offset),
        )
        return batch

    def under_way(self) -> list[Batch]:
        """The batches whose outcome is not known: to be sent again as they were."""
        found = []
        for partition, first, last, sequence in self.db.execute("SELECT * FROM under_way").fetchall():
            records = self.db.execute(
                "SELECT key, value FROM readings WHERE part = ? AND id BETWEEN ? AND ? ORDER BY id",
                (partition, first, last),
            ).fetchall()
            found.append(Batch(partition, sequence, records, last, self.era))
        return found

    def bound(self) -> int:
        """Drop what is beyond the bounds, the oldest first; how many readings that were.

        It also looks up since when the oldest one waits.
        """
        dropped = 0
        while self.bytes > self.max_bytes and (lane := self._oldest()) is not None:
            dropped += self._drop(lane, _DROPPED_AT_ONCE, float("inf"))
        before = time.time() - self.max_age_s
        for lane in self.lanes.values():
            while (count := self._drop(lane, _DROPPED_AT_ONCE, before)) > 0:
                dropped += count
        self.dropped += dropped
        query = "SELECT at FROM readings WHERE part = ? ORDER BY id LIMIT 1"
        heads = [self.db.execute(query, (partition,)).fetchone() for partition in self.lanes]
        self.oldest_at = min((row[0] for row in heads if row is not None), default=None)
        return dropped

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def _fill(self, lane: Lane) -> None:
        """Read what waits on disk alone, if there is nothing in memory."""
        if lane.cache or lane.cached >= lane.last:
            return
        lane.cache.extend(
            self.db.execute(
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
            self.bytes -= len(key) + len(value) + ROW_BYTES
        self.db.executemany("DELETE FROM readings WHERE part = ? AND id = ?", gone)
        self.waiting -= len(gone)
        return len(gone)
