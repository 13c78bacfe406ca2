"""What was really wrong with recorded readings, and when: labels of several makes, as windows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: An alarm so long after the begin of a short fault still counts as finding it, and so long after its end is forgiven:
#: those of the fault bench.
BENCH_GRACE_S = 60.0
BENCH_RECOVERY_S = 900.0
BENCH_BEFORE_S = 5.0
DAY_S = 86_400.0


class Window(NamedTuple):
    """One fault: an alarm in [start, end] finds it; one in [start - before, forgiven] is no false alarm."""

    start: float
    end: float
    forgiven: float
    before: float = 0.0
    #: the kind of fault, as an alarm would name it; empty: not told
    name: str = ""


@dataclass(slots=True)
class Labels:
    """Windows by series.

    Attributes:
        windows: by the series' name.
        ranges: what instruments can say, by type of sensor, where the labels' file tells it: (low, high).
        learn_s: alarms in so many seconds from the first reading are not scored.
    """

    windows: dict[str, list[Window]] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    learn_s: float = 0.0

    def of(self, name: str) -> list[Window] | None:
        """The windows of a series, also where its name has one of several endings; None: it is not labelled."""
        stem = name.removesuffix(".gz").removesuffix(".csv").removesuffix(".tsv").removesuffix(".parquet")
        for known in (name, stem, f"{stem}.csv"):
            if known in self.windows:
                return self.windows[known]
            # One file was named, the labels name its directory too.
            longer = [other for other in self.windows if other.endswith(f"/{known}")]
            if len(longer) == 1:
                return self.windows[longer[0]]
        return None


def parse_labels(text: str, parse_time: Callable[[str], float]) -> Labels:
    """Labels from the text of a file of JSON.

    JSON ``{"series": [["first time", "last time"], ...]}``; or the fault bench's ``{"events": [...], "limits": ...}``.

    Raises:
        ValueError: it is none of these; says where.

    >>> found = parse_labels('{"a.csv": [["10", "20"]]}', float)
    >>> found.of("a.csv")
    [Window(start=10.0, end=20.0, forgiven=20.0, before=0.0, name='')]
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    if isinstance(document.get("events"), list):
        return _from_bench(document)
    labels = Labels()
    for name, spans in document.items():
        try:
            labels.windows[name] = [_window(parse_time(str(start)), parse_time(str(end))) for start, end in spans]
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: a list of [start, end] is wanted ({error})") from None
    return labels


def labels_from_rows(rows: Iterable[tuple[int, Sequence[str]]], parse_time: Callable[[str], float]) -> Labels:
    """Labels from a table's lines and cells: the columns ``series,start,end``, and ``name`` if there is one.

    Raises:
        ValueError: the columns are others, or a time is none; says where.

    >>> rows = [(1, ["series", "start", "end", "name"]), (2, ["press", "1", "2", "spike"])]
    >>> labels_from_rows(rows, float).of("press.csv")[0].name
    'spike'
    """
    labels = Labels()
    names: list[str] = []
    for line, cells in rows:
        if not names:
            names = [cell.strip() for cell in cells]
            if not {"series", "start", "end"} <= set(names):
                break
            continue
        row = dict(zip(names, cells, strict=False))
        try:
            window = _window(parse_time(row.get("start", "")), parse_time(row.get("end", "")))
        except ValueError as error:
            raise ValueError(f"line {line}: {error}") from None
        labels.windows.setdefault(row["series"], []).append(window._replace(name=row.get("name", "")))
    if not {"series", "start", "end"} <= set(names):
        raise ValueError("labels are JSON {series: [[start, end], ...]} or CSV with the columns series,start,end")
    return labels


def from_marks(times: Sequence[float], marks: Sequence[int]) -> list[Window]:
    """Windows from a 0/1 for each row.

    >>> [(w.start, w.end) for w in from_marks([0.0, 1.0, 2.0, 3.0, 4.0], [0, 1, 1, 0, 1])]
    [(1.0, 2.0), (4.0, 4.0)]
    """
    windows = []
    start: float | None = None
    for i, mark in enumerate(marks):
        if mark and start is None:
            start = times[i]
        if start is not None and (not mark or i == len(marks) - 1):
            end = times[i] if mark else times[i - 1]
            windows.append(_window(start, end))
            start = None
    return windows


def _window(start: float, end: float) -> Window:
    if end < start:
        raise ValueError("a window ends before it starts")
    return Window(start, end, end)


def _from_bench(document: Mapping[str, Any]) -> Labels:
    """The fault bench's events: the first day is for learning, by its definition."""
    try:
        labels = Labels({name: [] for name in document["sensors"]}, learn_s=DAY_S)
        for event in document["events"]:
            start, end = float(event["start"]), float(event["end"])
            late = float(event["severity"]) if event["fault"] == "late" else 0.0
            labels.windows[event["sensor"]].append(
                Window(
                    start,
                    max(end, start + BENCH_GRACE_S) + late,
                    end + BENCH_RECOVERY_S,
                    BENCH_BEFORE_S,
                    str(event["fault"]),
                )
            )
        labels.ranges = {kind: (float(low), float(high)) for kind, (low, high) in document.get("limits", {}).items()}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the events are not readable ({error!r})") from None
    return labels
