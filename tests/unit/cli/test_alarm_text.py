"""Alarms as lines of text."""

from __future__ import annotations

from rich.cells import cell_len

from controlroom.cli.alarm_text import table
from controlroom.core.alarms.definitions import Definition
from controlroom.core.alarms.events import Detected
from controlroom.core.alarms.lifecycle import step
from controlroom.core.alarms.model import Alarm, Severity, new_alarm


def alarm(sensor: str) -> Alarm:
    fired = Detected(
        at=1_770_000_000.0, severity=Severity.CRITICAL, message="41.5 °C is above the critical limit of 40 °C"
    )
    return step(new_alarm(sensor, "limit"), fired, Definition()).state


def test_a_file_is_told_everything():
    head, row = table([alarm("temp-sensor-001")])
    assert head.split() == ["STATE", "PRIORITY", "SEVERITY", "SENSOR", "KIND", "SINCE", "DETAIL"]
    assert row.endswith("2026-02-02 02:40:00  41.5 °C is above the critical limit of 40 °C")


def test_a_terminal_of_80_columns_keeps_what_matters():
    head, row = table([alarm("temp-sensor-001")], 80)
    assert head.split() == ["STATE", "SEVERITY", "SENSOR", "KIND", "SINCE", "DETAIL"]
    assert len(row) == 80
    assert "02-02 02:40  41.5 °C is above the" in row
    assert row.endswith("…")


def test_names_from_the_network_stay_on_their_line():
    _, row = table([alarm("temp\x1b[2J\nx")], 120)
    assert "\x1b" not in row
    assert "\n" not in row


def test_wide_names_keep_the_columns_in_line():
    lines = list(table([alarm("温度センサー-炉-1"), alarm("temp-1"), alarm("e\u0301tuve")]))
    starts = {cell_len(line[: line.index(" limit")]) if " limit" in line else line.index(" KIND") for line in lines}
    assert len(starts) == 1, lines


def test_a_narrow_terminal_is_filled_by_cells():
    for line in table([alarm("温度センサー-炉-1" * 8)], 60):
        assert cell_len(line) <= 60
