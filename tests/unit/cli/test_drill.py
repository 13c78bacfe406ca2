"""The library of drills, and what the command says before anything runs."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from controlroom.cli import cli
from controlroom.cli.drill import library
from controlroom.cli.drill_text import document, lines
from controlroom.core.drill_score import Told, Truth, judged, score
from controlroom.drill import check_silence
from controlroom.errors import InputError
from simulator.faults import COMPOSED, FAULTS
from simulator.scenario import load_scenario

DRILLS = Path(__file__).parents[3] / "controlroom" / "drills"
START = datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.mark.parametrize("name", library())
def test_every_drill_that_is_shipped_can_be_run(name: str) -> None:
    check_silence(load_scenario(DRILLS / f"{name}.toml"))


def test_there_is_one_for_each_fault_and_a_shift_with_all_of_them() -> None:
    assert set(FAULTS) | {"machine-failure", "gateway-loss", "shift", "quiet-day", "alarm-flood", "subtle"} == set(
        library()
    )
    shift = load_scenario(DRILLS / "shift.toml")
    assert {fault.fault for fault in shift.faults} == {*FAULTS, *COMPOSED}
    assert load_scenario(DRILLS / "quiet-day.toml").faults == ()


def test_listed_they_say_what_they_are_about() -> None:
    result = CliRunner().invoke(cli, ["drill", "--list"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == library()
    result = CliRunner().invoke(cli, ["drill", "--list", "--json"])
    assert {json.loads(line)["name"] for line in result.output.splitlines()} == set(library())


def test_a_name_that_is_neither_a_file_nor_a_drill_is_refused() -> None:
    result = CliRunner().invoke(cli, ["drill", "no-such"])
    assert isinstance(result.exception, InputError)
    assert "controlroom drill --list" in str(result.exception)


def test_a_drill_in_which_nothing_would_tell_the_time_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "silent.toml"
    file.write_text(
        'title = "x"\nduration = "1h"\nbuilt_in = 3\n[[faults]]\nat = 60\nfault = "dropout"\nsensor = "*"\n'
    )
    with pytest.raises(InputError, match="every sensor of partition 0 falls silent"):
        check_silence(load_scenario(file))


@pytest.mark.parametrize("width", [80, 120])
def test_its_text_fits_the_terminal_and_its_document_is_json(width: int) -> None:
    begin = START.timestamp()
    truths = [
        Truth(f"drift-{n}", "drift", frozenset({f"sensor-{n}"}), frozenset(), begin + 600 * n, begin + 600 * n + 300, 3)
        for n in range(1, 40)
    ]
    events = [
        Told(f"sensor-{n}", ("drift",), "raised", begin + 600 * n + 60.5, "drift", "text " * 30, True, True)
        for n in range(1, 60, 2)
    ]
    result = score(truths, events, sensors=60, seconds=8 * 3600, grace=60)
    result = judged(result, within=0, detected=1.0, false_alarms=None, annunciations=None)
    scenario = SimpleNamespace(name="x", title="A drill", seed=1, duration=8 * 3600.0, start=START)
    outcome = SimpleNamespace(scenario=scenario, score=result, readings=1000, seconds=2.0)
    text = list(lines(outcome, width))
    assert max(map(len, text)) <= width
    assert any(line.startswith("drift-2 ") and "MISSED" in line for line in text)
    assert any(line.startswith("drift-1 ") and "60.5 s" in line and line.rstrip().endswith("drift") for line in text)
    assert any("FAIL  faults detected: at least 100%, found 51%" in line for line in text)
    found = document(outcome, keep=False)
    assert found["passed"] is False
    assert found["detected"] == 20
    assert len(found["faults"]) == len(truths)
    assert found["false_alarms"][0]["sensor_id"] == "sensor-41"
    assert dataclasses.asdict(result.checks[0]) in found["expectations"]
