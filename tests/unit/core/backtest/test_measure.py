"""Events, not points: what counts as found, what as false, and what is forgiven."""

from __future__ import annotations

import json

import pytest

from controlroom.core.backtest.labels import Labels, Window, from_marks, labels_from_rows, parse_labels
from controlroom.core.backtest.measure import Measures, measure
from controlroom.core.backtest.series import Outcome, Raised
from detectors.finding import Finding


def outcome(*alarms: tuple[float, str], rows: int = 2000, step: float = 60.0) -> Outcome:
    found = Outcome("press")
    for row in range(rows):
        found.times.append(row * step)
        found.values.append(0.0)
        found.scores.append(0.9 if 500 <= row < 505 else 0.1)
        found.predictions.append(500 <= row < 505)
    for t, kind in alarms:
        found.raised.append(Raised(t, int(t // step), Finding(kind, 1, t, 1.0, None, None, 1.0, kind, "")))
    return found


def test_found_late_missed_and_false() -> None:
    windows = [Window(30_000, 31_000, 31_000, name="spike"), Window(50_000, 51_000, 51_000, name="drift")]
    found = outcome((30_120, "spike"), (80_000, "spike"), (80_200, "spike"), (90_000, "spike"))
    m = measure(found, windows, learn_rows=10)
    assert (m.found, m.events, m.named, m.false) == (1, 2, 1, 2)
    assert (m.delays_s, m.delays_rows) == ([120.0], [2])
    assert m.by_name == {"spike": [1, 1], "drift": [0, 1]}
    assert (m.recall, m.precision) == (0.5, pytest.approx(1 / 3))


def test_an_alarm_while_learning_is_neither_found_nor_false() -> None:
    m = measure(outcome((600, "level"), (31_000, "level")), [Window(500, 700, 700)], learn_rows=100)
    assert (m.events, m.found, m.false) == (0, 0, 1)


def test_recovery_is_forgiven_and_is_no_normal_time() -> None:
    m = measure(outcome((32_000, "level")), [Window(30_000, 31_000, 31_900 + 600, before=5)], learn_rows=0)
    assert (m.found, m.false) == (0, 0)
    assert m.days == pytest.approx((1999 * 60 - 2505) / 86_400)


def test_a_threshold_takes_the_place_of_the_alarms() -> None:
    m = measure(outcome((90_000, "spike")), [Window(30_000, 30_300, 30_300)], learn_rows=0, threshold=0.5)
    assert (m.found, m.false, m.delays_rows) == (1, 0, [0])


def test_rows_are_counted_where_the_series_carries_its_labels() -> None:
    found = outcome()
    found.marks = bytearray([1 if 502 <= row < 510 else 0 for row in range(2000)])
    m = measure(found, from_marks(found.times, found.marks), learn_rows=400)
    assert m.table == [3, 2, 5, 1590]
    total = Measures()
    for _ in range(2):
        total.add(m)
    assert total.document()["rows"]["f1"] == pytest.approx(2 * 6 / (12 + 4 + 10))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"a.csv": [["1"]]}', "a.csv: a list of"),
        ('{"a.csv": [["2", "1"]]}', "ends before it starts"),
        ('{"events": [{"start": 1}], "sensors": ["a"]}', "events are not readable"),
    ],
)
def test_labels_that_are_wrong_are_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_labels(text, float)


def test_the_benchs_events_are_its_own_definition() -> None:
    event = {"sensor": "energy-0", "kind": "energy", "fault": "late", "severity": 30.0, "start": 90_000, "end": 90_300}
    labels = parse_labels(
        json.dumps({"sensors": ["energy-0"], "events": [event], "limits": {"energy": [0, 500]}}), float
    )
    assert labels.of("energy-0.csv.gz") == [Window(90_000.0, 90_330.0, 91_200.0, 5.0, "late")]
    assert (labels.ranges, labels.learn_s) == ({"energy": (0.0, 500.0)}, 86_400.0)
    assert Labels().of("any") is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["file", "start"]], "columns series,start,end"),
        ([], "columns series,start,end"),
        ([["series", "start", "end"], ["a", "x", "2"]], "line 2"),
        ([["series", "start", "end"], ["a", "1"]], "line 2"),
    ],
)
def test_rows_of_labels_that_are_wrong_are_refused_with_the_line(rows: list[list[str]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        labels_from_rows(enumerate(rows, 1), float)
