"""What was seen is kept, and seen again; what is cut off is played up to there; what cannot be read is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from controlroom.adapters.files.recordings import RecordingReader, RecordingWriter, new_header
from controlroom.adapters.files.session_player import SessionPlayer
from controlroom.core.fault_view import FaultView
from controlroom.core.plant_state import PlantState
from controlroom.core.recording import SCHEMA, RecordedState
from controlroom.errors import InputError
from controlroom.wire import SensorStatus
from tests.fakes.clock import START
from tests.fakes.plant import cluster, cluster_detail, event, make_plant, reading, sensor_id, spec

T0 = START.timestamp()


def fill(state: PlantState, at: Callable[[float], datetime]) -> None:
    """Ten seconds of a plant's life, told as the link tells it."""
    seen = make_plant(START)
    state.apply_cluster(cluster(START))
    state.apply_cluster_detail(cluster_detail(START))
    assert seen.database is not None
    assert seen.pipeline is not None
    state.apply_database(seen.database)
    state.apply_pipeline(seen.pipeline)
    for number in (1, 2):
        state.apply_status(
            SensorStatus(sensor_id=sensor_id(number), state="running", timestamp=START, spec=spec(number)),
            sensor_id(number),
        )
    state.apply_faults((FaultView("f-1", (sensor_id(1),), "mira", T0),))
    for second in range(10):
        now = at(second)
        kind, place = "temperature", spec(1).location
        state.apply_reading(
            reading(sensor_id(1), kind, place, 25.0 + second, now, second + 1), seen_at=now.timestamp(), simulated=True
        )
        if second == 5:
            state.apply_alarm(event(sensor_id(1), "limit", now, severity="critical", value=30.0))
    state.notify("the end is near", at(9), "warning")
    state.apply_status(None, sensor_id(2))


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, PlantState]:
    path, clock = tmp_path / "session.gz", [T0]

    def at(second: float) -> datetime:
        clock[0] = T0 + second
        return datetime.fromtimestamp(clock[0], START.tzinfo)

    header = msgspec.structs.replace(new_header("a plant", "1"), started_at=T0)
    with RecordingWriter(path, header, most_bytes=10**9) as writer:
        state = RecordedState(writer.add, lambda: clock[0])
        fill(state, at)
    return path, state


class Time:
    """A monotonic clock that stands until it is moved."""

    at = 100.0

    def __call__(self) -> float:
        return self.at


def player(path: Path, **options: float) -> tuple[SessionPlayer, Time]:
    clock = Time()
    return SessionPlayer(RecordingReader(path), monotonic=clock, **options), clock  # type: ignore[arg-type]


def run(playing: SessionPlayer, clock: Time, seconds: float) -> None:
    clock.at += seconds
    playing.advance()


def snapshot(state: PlantState) -> object:
    return (
        {name: (view.history.values(600), view.state, dict(view.alarms)) for name, view in state.sensors.items()},
        state.cluster,
        state.cluster_detail,
        state.database,
        state.pipeline,
        list(state.feed),
        [(notice.text, notice.level) for notice in state.notices],
        state.live_readings,
        state.faults,
    )


def test_what_is_played_to_its_end_is_what_was_seen(recorded: tuple[Path, PlantState]) -> None:
    path, seen = recorded
    playing, clock = player(path)
    run(playing, clock, 60.0)
    assert playing.ended
    assert not playing.cut_off
    fresh = PlantState()
    fresh.__dict__.update(playing.state.__dict__)
    assert repr(snapshot(fresh)) == repr(snapshot(seen))
    assert [part.key if hasattr(part, "key") else part for part in playing.state.sensors] == [sensor_id(1)]


def test_everything_that_a_state_can_be_given_is_recorded() -> None:
    given = {name for name in vars(PlantState) if name.startswith("apply_")} | {"notify"}
    assert given <= vars(RecordedState).keys()


def test_pause_step_seek_and_speed(recorded: tuple[Path, PlantState]) -> None:
    playing, clock = player(recorded[0])
    run(playing, clock, 3.5)
    assert playing.state.live_readings == 4
    assert playing.now().timestamp() == pytest.approx(T0 + 3.5)

    playing.toggle()
    run(playing, clock, 100.0)
    assert playing.state.live_readings == 4
    playing.step()
    run(playing, clock, 0.0)
    assert (playing.state.live_readings, playing.paused) == (5, True)

    playing.seek(-2.0)
    run(playing, clock, 0.0)
    assert playing.state.live_readings == 3
    assert playing.position_s == pytest.approx(2.0)
    playing.seek(4.0)
    run(playing, clock, 0.0)
    assert playing.state.live_readings == 7
    assert playing.state.sensors[sensor_id(1)].severity == 2
    playing.seek(-1000.0)
    run(playing, clock, 0.0)
    assert playing.state.live_readings == 1
    assert sensor_id(2) in playing.state.sensors

    playing.toggle()
    playing.faster()
    playing.faster()
    run(playing, clock, 1.0)
    assert (playing.speed, playing.state.live_readings) == (4.0, 5)
    playing.slower()
    assert playing.speed == 2.0


def test_it_can_begin_in_the_middle(recorded: tuple[Path, PlantState]) -> None:
    playing, clock = player(recorded[0], begin_s=6.0)
    run(playing, clock, 0.0)
    assert playing.state.live_readings == 7


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_what_is_cut_off_is_played_up_to_there(tmp_path: Path, share: float) -> None:
    path, clock = tmp_path / "cut.gz", [T0]

    def at(second: float) -> datetime:
        clock[0] = T0 + second
        return datetime.fromtimestamp(clock[0], START.tzinfo)

    header = msgspec.structs.replace(new_header("a plant", "1"), started_at=T0)
    writer = RecordingWriter(path, header, most_bytes=10**9)

    def add(line: bytes) -> None:
        writer.add(line)
        writer.write_out()  # as once a second

    fill(RecordedState(add, lambda: clock[0]), at)
    whole = path.read_bytes()
    writer.close()
    path.write_bytes(whole[: int(len(whole) * share)])
    playing, clock_ = player(path)
    run(playing, clock_, 60.0)
    assert playing.ended
    assert playing.cut_off
    assert playing.state.cluster is not None
    assert (playing.state.live_readings or 0) < 10 or share == 0.99


def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "newer.gz"
    header = {"controlroom_recording": SCHEMA + 1, "started_at": 0, "plant": "", "program": "9"}
    path.write_bytes(gzip.compress(json.dumps(header).encode() + b"\n"))
    with pytest.raises(InputError, match=f"schema {SCHEMA + 1}, this version reads {SCHEMA}.*recorded it"):
        RecordingReader(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"timestamp,value\n",
        gzip.compress(b"[1, 2]\n", mtime=0),
        gzip.compress(b'{"a": 1}\n', mtime=0),
        gzip.compress(b"", mtime=0),
    ],
)
def test_another_file_is_no_recording(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a recording"):
        RecordingReader(path)


def test_an_unknown_kind_is_passed_over_and_damage_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "odd.gz"
    header = {"controlroom_recording": SCHEMA, "started_at": T0, "plant": "", "program": "2"}
    lines = [
        json.dumps(header),
        json.dumps({"at": T0, "kind": "hologram", "body": {"x": 1}}),
        json.dumps({"at": T0, "kind": "notice", "body": {"at": T0, "text": "here\u001b[31m", "level": "info"}}),
        '{"at": ',
        json.dumps({"at": T0, "kind": "notice", "body": {"at": T0, "text": "never", "level": "info"}}),
    ]
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
    playing, clock = player(path)
    run(playing, clock, 1.0)
    assert [notice.text for notice in playing.state.notices] == ["here␛[31m"]
    assert playing.cut_off


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "session.gz"
    path.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        RecordingWriter(path, new_header("", ""), most_bytes=1)
    assert path.read_text() == "mine"


def test_a_recording_is_for_its_owner_s_eyes_and_knows_when_it_is_full(tmp_path: Path) -> None:
    path = tmp_path / "session.gz"
    with RecordingWriter(path, new_header("", ""), most_bytes=300) as writer:
        writer.write_out()
        assert not writer.full
        for number in range(200):
            writer.add(json.dumps({"number": number * 7919}).encode() + b"\n")
        writer.write_out()
        assert writer.full
    assert path.stat().st_mode & 0o777 == 0o600
