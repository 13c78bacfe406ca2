from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from controlroom.cli.replay import replay
from controlroom.errors import InputError, KafkaUnreachable
from kafka_clients.errors import BrokersUnreachable

CSV = "timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:10:00,2\n2014-04-01 00:05:00,3\n"


class Outcome:
    """What replayers are made with, and what becomes of them."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}
        self.rows: list[float] = []
        self.complete = True
        self.error: Exception | None = None
        self.sent = 0


@pytest.fixture(autouse=True)
def outcome(monkeypatch: pytest.MonkeyPatch) -> Outcome:
    outcome = Outcome()

    class Publisher:
        def __init__(self, *_: Any) -> None: ...

        async def start(self, topics: Any) -> None:
            if isinstance(outcome.error, BrokersUnreachable):
                raise outcome.error

        async def stop(self) -> None: ...

    class Replayer:
        def __init__(self, publisher: Any, topic: str, spec: Any, *, speed: Any, shift: Any) -> None:
            outcome.made = {"topic": topic, "spec": spec, "speed": speed, "shift": shift}
            self.sent = outcome.sent

        async def run(self, rows: Any, stop: Any) -> bool:
            outcome.rows = [row.value for row in rows]
            return outcome.complete

    monkeypatch.setattr("simulator.publisher.Publisher", Publisher)
    monkeypatch.setattr("simulator.replay.Replayer", Replayer)
    return outcome


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text(CSV)
    return path


def run(file: Path, *arguments: str) -> Result:
    usual = ["--brokers", "b:9092", "--sensor-id", "s", "--sensor-type", "temperature"]
    return CliRunner().invoke(replay, [str(file), *usual, *arguments])


def test_a_file_is_sent_and_that_is_said(file: Path, outcome: Outcome) -> None:
    result = run(file)
    assert result.exit_code == 0, result.output
    said = "replay: 1 row goes back in time: the rows are sent in the order of time\n"
    assert result.stderr == said + "replay: 3 readings of s are on sensor-data\n"
    assert outcome.rows == [1, 3, 2]
    assert (outcome.made["speed"], outcome.made["shift"]) == (None, timedelta())
    assert run(file, "--quiet").output == ""


def test_the_sensor_is_as_told(file: Path, outcome: Outcome) -> None:
    run(file, "--unit", "K", "--warning", "5", "--critical", "6", "--zone", "z", "--machine-id", "m")
    spec = outcome.made["spec"]
    assert (spec.unit, spec.warning, spec.critical) == ("K", 5, 6)
    assert (spec.location.zone, spec.location.machine_id, spec.location.factory_section) == ("z", "m", "")


@pytest.mark.parametrize(("speed", "anchor"), [("max", timedelta(minutes=10)), ("60", timedelta())])
def test_times_may_be_moved_to_now(file: Path, outcome: Outcome, speed: str, anchor: timedelta) -> None:
    run(file, "--shift-to-now", "--speed", speed)
    moved = datetime(2014, 4, 1, tzinfo=UTC) + anchor + outcome.made["shift"]
    assert abs((moved - datetime.now(UTC)).total_seconds()) < 10


def test_bad_rows_stop_everything_before_anything_is_sent(file: Path, outcome: Outcome) -> None:
    file.write_text(CSV + "2014-04-01 00:15:00,x\n")
    result = run(file)
    assert isinstance(result.exception, InputError)
    assert "data.csv: line 5: 'x' is not a number" in str(result.exception)
    assert outcome.rows == []


def test_bad_rows_may_be_skipped(file: Path, outcome: Outcome) -> None:
    file.write_text(CSV + "2014-04-01 00:15:00,x\n")
    result = run(file, "--skip-bad")
    assert result.exit_code == 0
    assert "3 readings of s are on sensor-data, 1 bad rows were skipped" in result.stderr


def test_an_unknown_type_needs_a_unit(file: Path, outcome: Outcome) -> None:
    result = run(file, "--sensor-type", "cpu")
    assert isinstance(result.exception, InputError)
    assert "--unit" in str(result.exception)
    assert run(file, "--sensor-type", "cpu", "--unit", "%").exit_code == 0


@pytest.mark.parametrize("arguments", [("--sensor-id", "x" * 200), ("--unit", "u", "--warning", "1e300")])
def test_a_sensor_that_cannot_be_is_refused(file: Path, arguments: tuple[str, ...]) -> None:
    assert isinstance(run(file, *arguments).exception, InputError)


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan"])
def test_what_is_no_speed_is_a_usage_error(file: Path, speed: str) -> None:
    assert run(file, "--speed", speed).exit_code == 2


def test_interrupted_it_says_how_many_were_sent(file: Path, outcome: Outcome) -> None:
    outcome.complete, outcome.sent = False, 2
    result = run(file)
    assert result.exit_code == 130
    assert result.stderr.endswith("replay: 2 of 3 readings were sent\n")


def test_without_brokers_it_fails(file: Path, outcome: Outcome) -> None:
    outcome.error = BrokersUnreachable("no Kafka broker answers at b:9092")
    assert isinstance(run(file).exception, KafkaUnreachable)
