"""The thread that writes the spool: what is stored is confirmed, in order, and a message that comes again is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridges import spool_writer as module
from bridges.lane import Batch
from bridges.spool import Spool
from bridges.spool_writer import SpoolWriter, reading_of
from bridges.values import Current, Draft, Packet, Sensor
from bridges.window import fingerprint
from controlroom.wire import Location, decode_reading

AT = datetime(2026, 5, 1, tzinfo=UTC)


class Source:
    """Hears what is confirmed."""

    name = "line"

    def __init__(self, *, numbered: bool = True) -> None:
        self.numbered = numbered
        self.confirmed: list[object] = []
        self.readings = self.repeated = 0

    def confirm(self, tokens, readings, repeated) -> None:
        self.confirmed += tokens
        self.readings += readings
        self.repeated += repeated


def draft(name: str = "s", value: float = 1.0, number: int = 0) -> Draft:
    return Draft(Sensor(name, "flow", Location(), "m³/h", 80.0, 90.0), AT, value, 1.0, number)


class Scene:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.batches: list[Batch] = []
        self.open()

    def reopen(self) -> None:
        self.writer.stop()
        self.spool.close()
        self.open()

    def open(self) -> None:
        self.spool = Spool(self.path / "spool.db", 10**9, 1e9)
        self.writer = SpoolWriter(self.spool, "hall", lambda key: len(key) % 2)
        self.writer.start()

    def until(self, condition) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def readings(self):
        return [decode_reading(value) for batch in self.batches for _, value in batch.records]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.writer.stop()
    made.spool.close()


def test_packets_are_confirmed_in_order_once_they_are_on_disk(scene):
    source = Source()
    for token in range(100):
        scene.writer.put(Packet(source, token, None, False, [draft()] if token % 2 else []))
    scene.until(lambda: len(source.confirmed) == 100)
    assert source.confirmed == list(range(100))
    assert (source.readings, scene.writer.stored) == (50, 50)
    assert not scene.batches
    scene.reopen()
    assert scene.spool.waiting == 50


def test_readings_are_numbered_for_each_sensor_over_a_restart(scene):
    source = Source()
    for name in ("a", "bb", "a"):
        scene.writer.put(Packet(source, 0, None, False, [draft(name)]))
    scene.until(lambda: source.readings == 3)
    scene.reopen()
    scene.writer.put(Packet(source, 0, None, False, [draft("a"), draft("own", number=77)]))
    scene.until(lambda: source.readings == 5)
    scene.writer.let_send(lambda key: len(key) % 2, scene.batches.extend)
    scene.until(lambda: len(scene.readings()) == 5)
    assert {one.source for one in scene.readings()} == {"hall/line"}
    numbers = [(one.sensor_id, one.metadata.reading_count) for one in scene.readings()]
    assert sorted(numbers) == [("a", 1), ("a", 2), ("a", 3), ("bb", 1), ("own", 77)]


def test_readings_of_a_shared_subscription_have_no_number(scene):
    source = Source(numbered=False)
    scene.writer.let_send(lambda _: 0, scene.batches.extend)
    scene.writer.put(Packet(source, 0, None, False, [draft()]))
    scene.until(lambda: scene.batches)
    assert [one.metadata.reading_count for one in scene.readings()] == [0]


def test_a_message_that_comes_again_is_confirmed_and_not_taken_also_after_a_restart(scene):
    source = Source()
    mark = fingerprint(7, "t", b"1")
    scene.writer.put(Packet(source, "first", mark, False, [draft()]))
    scene.until(lambda: source.readings == 1)
    scene.reopen()
    scene.writer.put(Packet(source, "again", mark, True, [draft()]))
    # Not marked as one that may be sent again: the broker has given the packet id to a new message.
    scene.writer.put(Packet(source, "new", mark, False, [draft()]))
    scene.until(lambda: len(source.confirmed) == 3)
    assert source.confirmed == ["first", "again", "new"]
    assert (source.readings, source.repeated) == (2, 1)


def test_two_alike_in_one_commit_are_one(scene):
    source = Source()
    mark = fingerprint(0, "t", b'{"v": 1, "t": 5}')
    scene.writer.do(lambda _: time.sleep(0.1))
    scene.writer.put(Packet(source, 1, mark, True, [draft()]))
    scene.writer.put(Packet(source, 2, mark, True, [draft()]))
    scene.until(lambda: len(source.confirmed) == 2)
    assert (source.readings, source.repeated) == (1, 1)


def test_a_value_that_is_told_again_is_compared_with_the_last_one_of_its_tag_however_long_ago(scene):
    source = Source()

    def put(tag: str, mark: bytes, *, look_up: bool = True) -> None:
        scene.writer.put(Packet(source, None, None, False, [draft()], Current(tag, mark, look_up)))

    put("a", b"1")
    for number in range(100):
        put("b", str(number).encode())
    put("a", b"1")
    scene.until(lambda: source.readings + source.repeated == 102)
    assert source.repeated == 1
    scene.reopen()
    put("a", b"1")
    put("a", b"2")
    put("a", b"2")
    put("a", b"2", look_up=False)
    # Back to an earlier one is a change.
    put("a", b"1")
    scene.until(lambda: source.readings + source.repeated == 107)
    assert source.repeated == 3


def test_a_spool_of_before_such_values_is_taken_over(tmp_path):
    spool = Spool(tmp_path / "spool.db", 10**9, 1e9)
    spool.db.execute("DROP TABLE current")
    spool.close()
    spool = Spool(tmp_path / "spool.db", 10**9, 1e9)
    assert spool.current("line", "a") is None
    spool.close()


def test_while_the_disk_is_full_nothing_is_confirmed_and_then_all_of_it(scene, monkeypatch, caplog):
    monkeypatch.setattr(module, "_RETRY_S", 0.01)
    source = Source()
    scene.writer.do(lambda spool: spool.db.execute("PRAGMA max_page_count = 20")).result(5)
    for token in range(2000):
        scene.writer.put(Packet(source, token, None, False, [draft()]))
    scene.until(lambda: scene.writer.failure)
    assert "full" in scene.writer.failure
    confirmed = len(source.confirmed)
    assert confirmed < 2000
    scene.spool.db.execute("PRAGMA max_page_count = 100000")
    scene.until(lambda: len(source.confirmed) == 2000)
    assert source.confirmed == list(range(2000))
    assert scene.writer.failure == ""
    said = [record.getMessage() for record in caplog.records]
    assert len(said) <= 4
    assert "cannot be written (database or disk is full): values wait at their sources" in said[0]


@pytest.mark.parametrize(("bound", "value"), [("max_bytes", 100_000), ("max_age_s", 0.1)])
def test_what_is_dropped_at_a_bound_is_said_once(scene, caplog, bound, value):
    source = Source()
    setattr(scene.spool, bound, value)
    for token in range(3000):
        scene.writer.put(Packet(source, token, None, False, [draft()]))
    scene.until(lambda: scene.spool.dropped > 0)
    for token in range(3000):
        scene.writer.put(Packet(source, token, None, False, [draft()]))
    before = scene.spool.dropped
    scene.until(lambda: scene.spool.dropped > before)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "its oldest readings are dropped until Kafka is back" in caplog.text
    assert scene.writer.dropped_at == pytest.approx(time.time(), abs=20)


def test_a_source_that_is_faster_than_the_disk_waits(scene, monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 10)
    scene.writer.do(lambda _: time.sleep(0.3))
    source = Source()
    began = time.monotonic()
    for token in range(30):
        scene.writer.put(Packet(source, token, None, False, [draft()]))
    assert time.monotonic() - began > 0.1
    scene.until(lambda: len(source.confirmed) == 30)


@pytest.mark.parametrize(
    ("value", "warning", "critical", "level"),
    [
        (50, 80, 90, "normal"), (80, 80, 90, "warning"), (90, 80, 90, "critical"),
        (10, 20, 5, "warning"), (5, 20, 5, "critical"), (30, 20, 5, "normal"),
        (95, None, 90, "critical"), (85, 80, None, "warning"), (1e9, None, None, "normal"),
    ],
)  # fmt: skip
def test_the_level_follows_from_the_limits(value, warning, critical, level):
    sensor = Sensor("s", "flow", Location(), "", warning, critical)
    assert reading_of(Draft(sensor, AT, value, 1.0), 1, "hall/line").alert_level == level
