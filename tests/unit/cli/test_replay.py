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
        self.rows: list[tuple[float | None, ...]] = []
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
        def __init__(self, publisher: Any, topic: str, specs: Any, *, speed: Any, shift: Any) -> None:
            outcome.made = {"topic": topic, "specs": specs, "speed": speed, "shift": shift}
            self.sent = outcome.sent

        async def run(self, rows: Any, stop: Any) -> bool:
            outcome.rows = [row.values for row in rows]
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
    said = "replay: 1 row goes back in time: the rows are sent in the order of time (line 4)\n"
    assert result.stderr == said + "replay: 3 readings of s are on sensor-data\n"
    assert outcome.rows == [(1,), (3,), (2,)]
    assert (outcome.made["speed"], outcome.made["shift"]) == (None, timedelta())
    assert run(file, "--quiet").output == ""


def test_the_sensor_is_as_told(file: Path, outcome: Outcome) -> None:
    run(file, "--unit", "K", "--warning", "5", "--critical", "6", "--zone", "z", "--machine-id", "m")
    (spec,) = outcome.made["specs"]
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
    assert "data.csv: line 5: column value: 'x' is not a number: --skip-bad passes over such rows" in str(
        result.exception
    )
    assert outcome.rows == []


def test_bad_rows_may_be_skipped(file: Path, outcome: Outcome) -> None:
    file.write_text(CSV + "2014-04-01 00:15:00,x\n")
    result = run(file, "--skip-bad")
    assert result.exit_code == 0
    assert "3 readings of s are on sensor-data, 1 bad row was skipped (line 5)" in result.stderr


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


def test_a_german_spreadsheet_is_read_as_it_is(tmp_path: Path, outcome: Outcome) -> None:
    path = tmp_path / "ofen.csv"
    path.write_bytes("\ufeffZeit;Ofen\r\n;°C\r\n05.01.2026 13:00;1.021,5\r\n05.01.2026 13:01;22,5\r\n".encode())
    result = run(path)
    assert result.exit_code == 0, result.output
    assert outcome.rows == [(1021.5,), (22.5,)]
    assert "replay: the second line of the head is read as units: Ofen in °C\n" in result.stderr
    (spec,) = outcome.made["specs"]
    assert (spec.sensor_id, spec.unit) == ("s", "°C")


@pytest.mark.parametrize(
    ("arguments", "sensors"),
    [
        (("--sensor-id", "hall"), ["hall-oven", "hall-mill"]),
        ((), ["oven", "mill"]),
        (("--column", "mill"), ["mill"]),
        (("--column", "mill", "--sensor-id", "mill-7"), ["mill-7"]),
        (("--column", "mill", "--column", "oven"), ["mill", "oven"]),
    ],
)
def test_a_wide_file_becomes_several_sensors(
    tmp_path: Path, outcome: Outcome, arguments: tuple[str, ...], sensors: list[str]
) -> None:
    path = tmp_path / "hall.csv"
    path.write_text("time,oven,mill\n;K,°C\n".replace(";", ",") + "2026-01-05,1,2\n2026-01-06,,3\n")
    usual = ["--brokers", "b:9092", "--sensor-type", "temperature", *arguments]
    result = CliRunner().invoke(replay, [str(path), *usual])
    assert result.exit_code == 0, result.output
    assert [spec.sensor_id for spec in outcome.made["specs"]] == sensors
    assert {spec.sensor_id[-4:]: spec.unit for spec in outcome.made["specs"]}.get("oven", "K") == "K"
    if len(sensors) == 2:
        named = ", ".join(sensors)
        assert result.stderr.endswith(f"replay: 3 readings of 2 sensors ({named}) are on sensor-data\n")
        assert sorted(sum(value is not None for value in row) for row in outcome.rows) == [1, 2]


def test_the_sensor_of_a_single_column_is_named(file: Path, outcome: Outcome) -> None:
    result = CliRunner().invoke(replay, [str(file), "--brokers", "b:9092", "--sensor-type", "temperature"])
    assert result.exit_code == 2
    assert "name the sensor of the readings with --sensor-id" in result.stderr


def test_what_a_file_leaves_open_is_said_by_options(tmp_path: Path, outcome: Outcome) -> None:
    path = tmp_path / "open.csv"
    path.write_bytes("Uhr:Öl\n02/01/2026 13.00:1,234\n03/01/2026 13.00:2,345\n".encode("cp1252"))
    said = ("--encoding", "cp1252", "--delimiter", ":", "--decimal", "comma", "--time-format", "%d/%m/%Y %H.%M",
            "--time-zone", "Europe/Berlin", "--time-column", "Uhr", "--column", "Öl")  # fmt: skip
    result = run(path, *said, "--shift-to-now", "--speed", "10")
    assert result.exit_code == 0, result.output
    assert outcome.rows == [(1.234,), (2.345,)]
    moved = datetime(2026, 1, 2, 12, tzinfo=UTC) + outcome.made["shift"]
    assert abs((moved - datetime.now(UTC)).total_seconds()) < 10


@pytest.mark.parametrize(
    ("option", "value"),
    [("--delimiter", "ab"), ("--decimal", "dot"), ("--encoding", "klingon"), ("--time-format", "%H:%M"),
     ("--time-zone", "Mars/Base"), ("--order", "none")],
)  # fmt: skip
def test_an_option_that_says_nothing_is_a_usage_error(file: Path, outcome: Outcome, option: str, value: str) -> None:
    result = run(file, option, value)
    assert result.exit_code == 2
    assert option in result.stderr
    assert outcome.rows == []


def test_the_order_of_the_file_may_be_kept(file: Path, outcome: Outcome) -> None:
    result = run(file, "--order", "as-is")
    assert "replay: 1 row goes back in time: the rows are sent as they are (line 4)\n" in result.stderr
    assert outcome.rows == [(1,), (2,), (3,)]
