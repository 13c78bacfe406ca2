"""The score of a drill, as a document and as text with a timeline by plotext."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING, Any

from controlroom.core import cells
from controlroom.core.sanitise import sanitise

if TYPE_CHECKING:
    from controlroom.core.drill_score import Detection, Score
    from controlroom.drill import Outcome

#: Faults of one kind are summed up when there are more of them than that.
_MOST_ROWS = 30
_MOST_FALSE = 12
_NAME, _SENSORS = 22, 18


def document(outcome: Outcome, *, keep: bool) -> dict[str, Any]:
    """The whole result, for JSON."""
    scenario, result = outcome.scenario, outcome.score
    found: dict[str, Any] = {
        "drill": scenario.name,
        "title": scenario.title,
        "passed": result.passed,
        "seed": scenario.seed,
        "start": scenario.start,
        "duration_s": scenario.duration,
        "sensors": result.sensors,
        "sensor_days": round(result.sensor_days, 6),
        "readings": outcome.readings,
        "seconds": outcome.seconds,
        "detected": result.detected,
        "faults": [_with_times(dataclasses.asdict(fault), "start", "end") for fault in result.faults],
        "false_alarms": [_with_times(dataclasses.asdict(alarm), "at") for alarm in result.false_alarms],
        "false_alarms_per_sensor_day": round(result.false_alarms_per_sensor_day, 6),
        "annunciations": result.annunciations,
        "expectations": [dataclasses.asdict(check) for check in result.checks],
    }
    if keep:
        found["kept"] = {"topics": outcome.topics, "dsn": outcome.dsn}
    return found


def _with_times(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return row | {name: datetime.fromtimestamp(row[name], UTC) for name in names}


def lines(outcome: Outcome, width: int) -> Iterator[str]:
    """The result for a terminal of `width` columns."""
    scenario, result = outcome.scenario, outcome.score
    hours = scenario.duration / 3600
    yield f"{scenario.title}: {result.sensors} sensors, {hours:g} h, {outcome.readings:,} readings"
    yield f"  watched in {outcome.seconds:.1f} s, {scenario.duration / outcome.seconds:,.0f} times as fast as the clock"
    if result.faults:
        yield ""
        yield from _table(result, width)
        yield ""
        yield from timeline(outcome, width)
    yield ""
    rate = result.false_alarms_per_sensor_day
    yield f"{result.annunciations} alarms rang"
    yield f"false alarms: {len(result.false_alarms)} in {result.sensor_days:.2f} sensor-days, {rate:.3g} per sensor-day"
    for alarm in result.false_alarms[:_MOST_FALSE]:
        at = alarm.at - scenario.start.timestamp()
        yield sanitise(f"  {_clock(at)}  {alarm.sensor_id} {alarm.kind}: {alarm.message}", limit=width)
    if len(result.false_alarms) > _MOST_FALSE:
        kinds = Counter(alarm.kind for alarm in result.false_alarms)
        yield f"  ... by kind: {', '.join(f'{kind} {count}' for kind, count in kinds.most_common())}"
    if result.checks:
        yield ""
    for check in result.checks:
        verdict = "pass" if check.passed else "FAIL"
        yield sanitise(f"{verdict}  {check.what}: {check.expected}, found {check.found}", limit=240)


def _table(result: Score, width: int) -> Iterator[str]:
    yield f"{'FAULT':<{_NAME}} {'SENSORS':<{_SENSORS}} {'DELAY':>9} {'READINGS':>8}  ALARM (BY)"
    shown = result.faults[:_MOST_ROWS]
    for fault in shown:
        yield cells.crop(sanitise(_row(fault), limit=400), width).rstrip()
    if len(result.faults) > len(shown):
        rest = result.faults[len(shown) :]
        yield f"... and {len(rest)} more, {sum(fault.detected for fault in rest)} of them detected"
    yield f"{result.detected} of {len(result.faults)} detected"


def _row(fault: Detection) -> str:
    who = fault.sensors[0] if len(fault.sensors) == 1 else f"{len(fault.sensors)} sensors"
    name = f"{cells.left(sanitise(fault.fault_id), _NAME)} {cells.left(sanitise(who), _SENSORS)}"
    if not fault.detected or fault.delay_s is None:
        told = f"  only {', '.join(fault.kinds)}" if fault.kinds else ""
        return f"{name} {'MISSED':>9} {'':8}{told}"
    late = "LATE " if fault.failure else ""
    by = f"{fault.kind} ({fault.detector})" if fault.detector not in ("", fault.kind) else fault.kind
    return f"{name} {f'{fault.delay_s:.1f} s':>9} {fault.delay_samples or 0:>8}  {late}{by}"


def timeline(outcome: Outcome, width: int) -> list[str]:
    """Faults as lines over the drill's time, an x where each was detected, and false alarms on the last line."""
    import plotext

    scenario, result = outcome.scenario, outcome.score
    begin = scenario.start.timestamp()
    faults = result.faults[:_MOST_ROWS]
    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)  # noqa: FBT003 - plotext's signature
    figure.theme("colorless")
    figure.plot_size(width, len(faults) + 5)
    rows = len(faults)
    for place, fault in enumerate(faults):
        y = rows - place
        times = [(fault.start - begin) / 3600, (fault.end - begin) / 3600]
        _draw(figure, times, [y, y], "-", joined=True)
        if fault.delay_s is not None:
            _draw(figure, [(fault.start + fault.delay_s - begin) / 3600], [y], "x")
    if result.false_alarms:
        times = [(alarm.at - begin) / 3600 for alarm in result.false_alarms]
        _draw(figure, times, [0] * len(times), "!")
    labels = ["false alarms", *(fault.fault_id[:18] for fault in reversed(faults))]
    figure.ruler("y").ticks(list(range(rows + 1)), labels)
    figure.ruler("y").lim(0, rows)
    figure.ruler("x").lim(0, scenario.duration / 3600)
    figure.title("hours; - fault, x detected, ! false alarm")
    with redirect_stderr(StringIO()), redirect_stdout(StringIO()):
        drawn = figure.build().string()
    return [row.rstrip() for row in plotext.uncolorize(drawn).strip("\n").split("\n")]


def _draw(figure: Any, xs: list[float], ys: list[int], shape: str, *, joined: bool = False) -> None:  # noqa: ANN401 - plotext has no types
    import plotext

    signal = figure.signal(xs, ys, marker=plotext.marker(shape))
    if joined:
        signal.lines(True)  # noqa: FBT003 - plotext's signature
    figure.draw(signal)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
