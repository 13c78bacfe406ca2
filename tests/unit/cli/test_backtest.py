"""`controlroom backtest` as its user calls it, on files of the kinds that are around."""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from controlroom.cli.backtest import backtest
from controlroom.errors import ConfigError, InputError

START = datetime(2026, 5, 1)  # noqa: DTZ001 - as files have it


def call(*arguments: object) -> Result:
    return CliRunner().invoke(backtest, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = random.Random(1)
    directory = tmp_path / "data"
    for name in ("hall/press.csv", "mill.csv"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = ["timestamp,value"]
        for i in range(2000):
            x = 20 + rng.gauss(0, 0.3) + (15 if 1500 <= i < 1504 else 0)
            rows.append(f"{START + timedelta(minutes=5 * i)},{x:.3f}")
        path.write_text("\n".join(rows) + "\n")
    labels = [[str(START + timedelta(minutes=5 * 1495)), str(START + timedelta(minutes=5 * 1510))]]
    (directory / "labels.json").write_text(json.dumps({"hall/press.csv": labels, "mill.csv": labels}))
    (directory / "notes.csv").write_text("who,what\nolga,oil\n")
    return directory


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_scores_are_written_at_the_same_relative_paths(data: Path, tmp_path: Path) -> None:
    done = call(data, "--out", tmp_path / "out", "--labels", data / "labels.json")
    assert done.exit_code == 0
    assert "notes.csv is left out" in done.stderr
    for name in ("hall/press.csv", "mill.csv"):
        given, written = rows_of(data / name), rows_of(tmp_path / "out" / name)
        assert list(written[0]) == ["timestamp", "value", "anomaly_score"]
        assert [row["timestamp"] for row in written] == [row["timestamp"] for row in given]
        assert [float(row["value"]) for row in written] == [float(row["value"]) for row in given]
        scores = [float(row["anomaly_score"]) for row in written]
        assert all(0.0 <= score <= 1.0 for score in scores)
        assert max(scores[1500:1504]) >= 0.5
    assert "2/2" in done.stdout
    # A second run comes to the same, to the last digit.
    first = (tmp_path / "out" / "mill.csv").read_bytes()
    call(data, "--out", tmp_path / "again", "-q")
    assert (tmp_path / "again" / "mill.csv").read_bytes() == first


def test_json_has_everything_and_nothing_else_is_on_stdout(data: Path) -> None:
    done = call(data / "mill.csv", "--labels", data / "labels.json", "--json")
    document = json.loads(done.stdout)
    (series,) = document["series"]
    assert (document["config"], series["name"], series["rows"]) == ("default", "mill.csv", 2000)
    assert {"anomaly"} == {alarm["kind"] for alarm in series["alarms"] if 1500 <= alarm["row"] < 1504}
    assert document["total"]["event_recall"] == 1.0
    assert series["state_bytes"] < 4096


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_machine_gets_a_prediction_per_row(tmp_path: Path, separator: str) -> None:
    rng = random.Random(2)
    path = tmp_path / "machines" / "pump.csv"
    path.parent.mkdir()
    lines = [separator.join(("datetime", "flow", "pressure", "anomaly", "changepoint"))]
    for i in range(900):
        wrong = i >= 700
        cells = (START + timedelta(seconds=i), rng.gauss(30, 1) - 12 * wrong, rng.gauss(5, 0.1), float(wrong), 0.0)
        lines.append(separator.join(map(str, cells)))
    path.write_text("\n".join(lines))
    done = call(path.parent, "--prediction", "--learn", 400, "--out", tmp_path / "out", "--labels", "anomaly")
    assert done.exit_code == 0
    written = rows_of(tmp_path / "out" / "pump.csv")
    assert len(written) == 900
    assert sum(int(row["prediction"]) for row in written[:700]) < 20
    assert sum(int(row["prediction"]) for row in written[700:]) > 190
    assert float(re.search(r"rows: F1 ([\d.]+)", done.stdout)[1]) >= 0.9
    # The labels are never a channel, whether they are asked for or not.
    assert call(path, "--prediction", "--json").stdout.count("anomaly ") == 0


def test_messages_are_watched_as_they_arrived(tmp_path: Path) -> None:
    directory = tmp_path / "dump"
    directory.mkdir()
    rng = random.Random(3)
    with gzip.open(directory / "energy-0.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("arrival_s", "seq", "ts_s", "payload"))
        for i in range(90_000):
            payload = "err:-1" if i == 88_000 else f"{100 + rng.gauss(0, 1):.3f}"
            writer.writerow((f"{i + 0.1:.3f}", i, i, payload))
            if i == 89_000:
                writer.writerow((f"{i + 0.2:.3f}", i, i, payload))
    events = [
        {"sensor": "energy-0", "kind": "energy", "fault": fault, "severity": 1.0, "start": start, "end": start + 60.0}
        for fault, start in (("corrupt", 88_000.0), ("duplicate", 89_000.0))
    ]
    truth = {"sensors": ["energy-0"], "events": events, "limits": {"energy": [0, 500]}}
    (directory / "events.json").write_text(json.dumps(truth))
    alarms = tmp_path / "alarms.json"
    done = call(directory, "--labels", directory / "events.json", "--alarms", alarms)
    assert "2/2" in done.stdout
    assert "named for what they are: 2 of 2" in done.stdout
    kinds = [(alarm["sensor"], alarm["kind"]) for alarm in json.loads(alarms.read_text()) if alarm["t"] > 86_400]
    assert kinds == [("energy-0", "corrupt"), ("energy-0", "duplicate")]


def test_two_configurations_side_by_side(data: Path, tmp_path: Path) -> None:
    settings = tmp_path / "strict.toml"
    settings.write_text("[press]\nwarning_high = 20.5\n")
    done = call(
        data / "mill.csv", "--compare", f"default,{settings}", "--type", "press", "--labels", data / "labels.json"
    )
    assert "side by side" in done.stdout
    assert "their alarms differ in 1 of 1 series" in done.stdout
    document = json.loads(call(data / "mill.csv", "--compare", "default,cheap", "--json").stdout)
    assert document["compare"] == ["default", "cheap"]
    assert all(document["configs"][name]["total"]["us_per_row"] > 0.0 for name in ("cheap", "default"))


def test_a_picture_shows_value_score_and_alarms(data: Path) -> None:
    done = call(data / "mill.csv", "--picture", "--labels", data / "labels.json")
    assert "score   ! alarm   = labelled" in done.stdout
    assert "!" in done.stdout.partition("score")[2]
    assert max(len(line) for line in done.stdout.splitlines()) <= 160


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it is empty"),
        ("time_of_day,value\n1,2\n", "no column holds times: name it with --time-column"),
        ("timestamp,a,b\n2026-05-01,x,y\n", "which column holds the values"),
        ("timestamp,value\nyesterday,2\n", "line 2: column timestamp: 'yesterday' is not a time: .*--time-format"),
    ],
)
def test_a_file_that_is_wrong_is_told_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        call(path)


def test_what_is_not_a_number_is_a_row_without_a_value(tmp_path: Path) -> None:
    path = tmp_path / "holes.csv"
    path.write_text("timestamp,value\n" + "".join(f"{i},{'' if i == 5 else i % 3}\n" for i in range(10)))
    assert call(path, "--out", tmp_path / "out").exit_code == 0
    assert [row["value"] for row in rows_of(tmp_path / "out" / "holes.csv")][5] == ""


def test_usage_is_told(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name files or directories, or a sensor"):
        call()
    with pytest.raises(InputError, match="name two configurations"):
        call(data / "mill.csv", "--compare", "default")
    with pytest.raises(InputError, match="needs more than 60 rows"):
        call(data / "mill.csv", "--prediction", "--learn", 5)
    with pytest.raises(InputError, match=r"'01/02/2026' may be 2026-02-01 or 2026-01-02: as 2026-05-01T06:00:00Z"):
        call("--sensor", "a", "--since", "01/02/2026")
    with pytest.raises(InputError, match="there is no file of labels"):
        call(data / "mill.csv", "--labels", "nowhere.json")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[press]\nwarm_up = 0\n")
    with pytest.raises(ConfigError, match=r"wrong.toml: \[press\]"):
        call(data / "mill.csv", "--detectors-file", wrong)


@pytest.mark.parametrize("order", ["descending", "shuffled"])
def test_rows_in_another_order_are_taken_in_the_order_of_time_and_that_is_said(
    data: Path, tmp_path: Path, order: str
) -> None:
    header, *rows = (data / "mill.csv").read_text().splitlines()
    if order == "descending":
        rows.reverse()
    else:
        random.Random(2).shuffle(rows)
    other = tmp_path / "mill.csv"
    other.write_text("\n".join([header, *rows]) + "\n")
    sorted_one, done = call(data / "mill.csv", "--json"), call(other, "--json")
    assert "rows go back in time: the rows are taken in the order of time" in done.stderr
    assert "back in time" not in sorted_one.stderr
    assert json.loads(done.stdout)["series"][0]["alarms"] == json.loads(sorted_one.stdout)["series"][0]["alarms"]


def test_thousands_are_read_and_what_may_be_either_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "mill.csv"

    def write(text: str) -> None:
        rows = "".join(f"{START + timedelta(minutes=i)};{text}\n" for i in range(50))
        path.write_text("timestamp;value\n" + rows)

    write("1.234,5")
    document = json.loads(call(path, "--json").stdout)
    assert document["series"][0]["unreadable"] == 0
    write("1,234")
    with pytest.raises(InputError, match="say which with --decimal"):
        call(path)
    assert json.loads(call(path, "--json", "--decimal", "comma").stdout)["series"][0]["unreadable"] == 0


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """Two sensors, one of which is read every other time, as a German spreadsheet has it."""
    rng = random.Random(1)
    rows = ["Zeit;Presse 1;Mühle/2;Notiz"]
    for i in range(2000):
        at = START + timedelta(minutes=5 * i)
        press = 20 + rng.gauss(0, 0.3) + (15 if 1500 <= i < 1504 else 0)
        mill = "" if i % 2 else f"{rng.gauss(5, 0.1):.2f}".replace(".", ",")
        rows.append(f"{at:%d.%m.%Y %H:%M};{f'{press:.2f}'.replace('.', ',')};{mill};")
    path = tmp_path / "halle.csv"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    return path


def test_a_wide_file_is_several_series(wide: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    begins, ends = (START + timedelta(minutes=5 * n) for n in (1495, 1510))
    labels.write_text(f"series;start;end\nhalle/Presse 1;{begins:%d.%m.%Y %H:%M};{ends:%d.%m.%Y %H:%M}\n")
    done = call(wide, "--out", tmp_path / "out", "--labels", labels, "--json")
    assert done.exit_code == 0
    press, mill = json.loads(done.stdout)["series"]
    assert (press["name"], press["rows"], press["unreadable"]) == ("halle/Presse 1.csv", 2000, 0)
    assert (mill["name"], mill["rows"], mill["unreadable"]) == ("halle/Mühle_2.csv", 1000, 0)
    assert press["measures"]["found"] == 1
    written = rows_of(tmp_path / "out" / "halle" / "Presse 1.csv")
    assert written[0]["timestamp"] == "01.05.2026 00:00"
    assert len(rows_of(tmp_path / "out" / "halle" / "Mühle_2.csv")) == 1000


def test_columns_of_a_wide_file_are_chosen(wide: Path) -> None:
    (series,) = json.loads(call(wide, "--json", "--column", "Mühle/2").stdout)["series"]
    assert (series["name"], series["rows"]) == ("halle.csv", 1000)
    both = json.loads(call(wide, "--json", "--column", "Mühle/2", "--column", "Presse 1").stdout)["series"]
    assert [series["rows"] for series in both] == [1000, 2000]


def test_a_machine_is_read_from_any_dialect_too(wide: Path, tmp_path: Path) -> None:
    done = call(wide, "--prediction", "--column", "Presse 1", "--column", "Mühle/2", "--out", tmp_path / "out", "-q")
    assert done.exit_code == 0
    assert len(rows_of(tmp_path / "out" / "halle.csv")) == 2000


def test_the_order_of_a_file_may_be_kept(data: Path, tmp_path: Path) -> None:
    header, *rows = (data / "mill.csv").read_text().splitlines()
    path = tmp_path / "mill.csv"
    path.write_text("\n".join([header, *reversed(rows)]) + "\n")
    done = call(path, "--order", "as-is", "--out", tmp_path / "out")
    assert "1,999 rows go back in time: the rows are taken as they are (the first: line 3)" in done.stderr
    assert [row["timestamp"] for row in rows_of(tmp_path / "out" / "mill.csv")] == [
        row.split(",")[0] for row in rows[::-1]
    ]


def test_what_a_file_leaves_open_is_asked_for_and_said(tmp_path: Path) -> None:
    path = tmp_path / "mill.csv"
    path.write_text("when,what\n" + "".join(f"01/02/2026 {n // 60:02}:{n % 60:02},1\n" for n in range(100)))
    with pytest.raises(InputError, match="column when: '01/02/2026 00:00' may be 2026-02-01 or 2026-01-02: say"):
        call(path)
    said = ("--time-format", "%m/%d/%Y %H:%M", "--time-zone", "America/New_York", "--alarms", tmp_path / "alarms.json")
    document = json.loads(call(path, "--json", *said).stdout)
    assert document["series"][0]["rows"] == 100


def test_parquet_is_watched_as_csv_is(data: Path, tmp_path: Path) -> None:
    from pyarrow import csv as arrow
    from pyarrow import parquet

    parquet.write_table(arrow.read_csv(data / "mill.csv"), tmp_path / "mill.parquet")
    from_csv, done = call(data / "mill.csv", "--json"), call(tmp_path / "mill.parquet", "--json", "--out", tmp_path)
    assert json.loads(done.stdout)["series"][0]["alarms"] == json.loads(from_csv.stdout)["series"][0]["alarms"]
    assert len(rows_of(tmp_path / "mill.csv")) == 2000


def test_labels_in_a_column_are_read_by_the_sign_of_the_others(tmp_path: Path) -> None:
    path = tmp_path / "mill.csv"
    rows = "".join(
        f"{START + timedelta(minutes=i):%d.%m.%Y %H:%M};{i % 7};{'1,0' if i >= 990 else '0,0'}\n" for i in range(1000)
    )
    path.write_text(f"Zeit;Wert;fault\n{rows}")
    document = json.loads(call(path, "--json", "--labels", "fault").stdout)
    assert document["series"][0]["measures"]["events"] == 1


def test_units_in_a_second_line_are_those_of_the_alarms(tmp_path: Path) -> None:
    path = tmp_path / "ofen.csv"
    lines = ["Zeit;Ofen 1;Ofen 2", ";°C;bar"]
    for second in range(3600):
        lines.append(f"05.01.2026 13:{second // 60:02d}:{second % 60:02d};1.020,{second % 7};7,{second % 5}")
    lines.append("05.01.2026 14:00:00;2.500,0;7,5")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    done = call(path, "--json", "--column", "Ofen 1")
    assert done.exit_code == 0
    assert "Ofen 1 in °C" in done.stderr
    (series,) = json.loads(done.stdout)["series"]
    (alarm,) = series["alarms"]
    assert alarm["kind"] == "spike"
    assert "2500 °C" in alarm["message"]
