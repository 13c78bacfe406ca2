"""What `controlroom backtest` found, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from controlroom.core import cells
from controlroom.core.backtest.measure import Measures
from controlroom.core.sanitise import sanitise

if TYPE_CHECKING:
    from controlroom.cli.backtest_run import Job, Result

_MOST_ALARMS = 20
_MOST_SERIES = 60
#: Of less normal time than this a rate says nothing.
_LEAST_DAYS = 0.25


def document(results: Sequence[Result], job: Job) -> dict[str, Any]:
    """Everything, for JSON: each series, and the totals, of each configuration."""
    from controlroom.cli.backtest_run import alarms_of

    found: dict[str, Any] = {}
    for setup in job.setups:
        mine = [result for result in results if result.setup is setup]
        found[setup.name] = {
            "series": [
                {
                    "name": result.outcome.name,
                    "rows": result.outcome.rows,
                    "unreadable": result.outcome.unreadable,
                    "us_per_row": _cost(result),
                    "state_bytes": result.outcome.state_bytes,
                    "alarms": alarms_of(result),
                    **({"measures": result.measures.document()} if result.measures is not None else {}),
                }
                for result in mine
            ],
            "total": _total_document(mine),
        }
    if len(job.setups) == 1:
        return {"config": job.setups[0].name, **found[job.setups[0].name]}
    return {"compare": [setup.name for setup in job.setups], "configs": found}


def table(results: Sequence[Result], job: Job) -> Iterator[str]:
    """Lines for people: a line per series, the total, and of a single series its alarms."""
    width = min(44, cells.widest(sanitise(result.outcome.name) for result in results))
    labelled = any(result.measures is not None for result in results)
    for setup in job.setups:
        mine = [result for result in results if result.setup is setup]
        if len(job.setups) > 1:
            yield f"{setup.name}:"
        if len(mine) > 1:
            yield _head(width, labelled=labelled)
            for result in mine[:_MOST_SERIES]:
                yield _line(result.outcome.name, width, [result], result.measures, labelled=labelled)
            if len(mine) > _MOST_SERIES:
                yield f"... and {len(mine) - _MOST_SERIES} more; --json has all"
        else:
            yield _head(width, labelled=labelled)
        yield _line("all" if len(mine) > 1 else mine[0].outcome.name, width, mine, _total(mine), labelled=labelled)
        yield from _details(mine, _total(mine))
        if len(mine) == 1 and len(job.setups) == 1:
            yield from _alarms(mine[0])
    if len(job.setups) == 2:
        yield from _side_by_side(results, job)


def _head(width: int, *, labelled: bool) -> str:
    scored = f" {'found':>9} {'false':>6} {'a day':>6} {'recall':>6} {'prec.':>6} {'F1':>5} {'delay':>8}"
    return f"{'':{width}} {'rows':>8} {'alarms':>6}" + (scored if labelled else "")


def _line(name: str, width: int, results: Sequence[Result], m: Measures | None, *, labelled: bool) -> str:
    text = sanitise(name)
    while cells.widest([text]) > width:  # the end of a name says more than its begin
        text = f"…{text.removeprefix('…')[1:]}"
    rows = sum(result.outcome.rows for result in results)
    line = f"{cells.left(text, width)} {rows:>8} {sum(result.outcome.alarms for result in results):>6}"
    if not labelled:
        return line
    if m is None:
        return f"{line} {'not labelled':>9}"
    delay = "" if m.delay_s is None else f"{m.delay_s:.0f} s"
    a_day = _figure(m.false_per_day if m.days > _LEAST_DAYS else None)
    return (
        f"{line} {f'{m.found}/{m.events}':>9} {m.false:>6} {a_day:>6} {_figure(m.recall):>6} "
        f"{_figure(m.precision):>6} {_figure(m.f1):>5} {delay:>8}"
    )


def _details(results: Sequence[Result], m: Measures | None) -> Iterator[str]:
    if m is not None and m.nameable:
        for name, (found, events) in sorted(m.by_name.items()):
            yield f"  {sanitise(name) or 'not named':14} found {found} of {events}"
        yield f"  named for what they are: {m.named} of {m.found}"
    if m is not None and any(m.table):
        rows = m.document()["rows"]
        yield (
            f"rows: F1 {rows['f1']:.3f}, false alarms {_figure(rows['false_alarm_percent'])} %, "
            f"missed {_figure(rows['missed_percent'])} %"
        )
    count = sum(result.outcome.rows for result in results)
    cost = sum(result.outcome.cpu_s for result in results) / count * 1e6 if count else 0.0
    state = max(result.outcome.state_bytes for result in results)
    unreadable = sum(result.outcome.unreadable for result in results)
    yield f"{cost:.1f} µs a row, {state} bytes of state" + (f", {unreadable} unreadable" if unreadable else "")


def _alarms(result: Result) -> Iterator[str]:
    for raised in result.outcome.raised[:_MOST_ALARMS]:
        level = "also" if raised.joins else "CRIT" if raised.finding.level > 1 else "WARN"
        yield f"{_moment(raised.t)}  {level}  {raised.finding.kind:10} {sanitise(raised.finding.message)}"
    if len(result.outcome.raised) > _MOST_ALARMS:
        yield f"... and {len(result.outcome.raised) - _MOST_ALARMS} more; --json and --alarms have all"


def _side_by_side(results: Sequence[Result], job: Job) -> Iterator[str]:
    """The two configurations' totals, and where they differ."""
    first, second = ([result for result in results if result.setup is setup] for setup in job.setups)
    left, right = _total_document(first), _total_document(second)
    names = [sanitise(setup.name)[-20:] for setup in job.setups]
    yield ""
    yield f"{'side by side':28} {cells.right(names[0], 20)} {cells.right(names[1], 20)}"
    for key, value in left.items():
        if isinstance(value, (int, float)) or value is None:
            yield f"{key.replace('_', ' '):28} {_figure(value):>20} {_figure(right.get(key)):>20}"
    differing = [
        (a.outcome.name, a.outcome.alarms, b.outcome.alarms)
        for a, b in zip(first, second, strict=True)
        if [(r.row, r.finding.kind) for r in a.outcome.raised] != [(r.row, r.finding.kind) for r in b.outcome.raised]
    ]
    yield f"their alarms differ in {len(differing)} of {len(first)} series"


def _total(results: Sequence[Result]) -> Measures | None:
    total: Measures | None = None
    for result in results:
        if result.measures is not None:
            total = total or Measures()
            total.add(result.measures)
    return total


def _total_document(results: Sequence[Result]) -> dict[str, Any]:
    rows = sum(result.outcome.rows for result in results)
    cost = sum(result.outcome.cpu_s for result in results)
    total = _total(results)
    return {
        "series": len(results),
        "rows": rows,
        "alarms": sum(result.outcome.alarms for result in results),
        "us_per_row": cost / rows * 1e6 if rows else None,
        "state_bytes": max((result.outcome.state_bytes for result in results), default=0),
        **(total.document() if total is not None else {}),
    }


def _cost(result: Result) -> float | None:
    return result.outcome.cpu_s / result.outcome.rows * 1e6 if result.outcome.rows else None


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _moment(t: float) -> str:
    try:
        return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{t:.0f}"
