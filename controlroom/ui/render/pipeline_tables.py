"""The cluster screen's rows about detection and PostgreSQL."""

from __future__ import annotations

from controlroom.core.cells import left, right
from controlroom.core.health_views import WorkerFigures
from controlroom.core.lag_trend import catch_up_s
from controlroom.core.plant_state import DatabaseView, PipelineView
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.cluster_tables import Row, columns, heading, note
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import UNKNOWN, bytes_text, count_text, duration_text, span_text
from controlroom.ui.render.sparkline import sparkline

#: a lag that changes by less than this many records a second is steady
STEADY = 1.0
#: fewer records than this behind are a batch on its way, whatever the trend
_ON_ITS_WAY = 100
_SPARK = 20
#: connections left, as a share of what there is, that are worth a warning
_CONNECTIONS_LOW = 0.1


def pipeline_rows(pipeline: PipelineView | None, now: float, width: int, glyphs: Glyphs) -> list[Row]:
    """The detection group: how far behind, where that goes, who works and how quick."""
    checked = pipeline.checked_at if pipeline is not None else None
    if pipeline is None:
        about: Line = [("lag ", Role.TITLE_DIM), (UNKNOWN, Role.TITLE)]
        return [heading("detection", "DETECTION", about, checked, now, width)]
    about = [("lag ", Role.TITLE_DIM), (count_text(pipeline.total_lag), Role.TITLE)]
    whole = _whole_trend(pipeline)
    if pipeline.total_lag:
        said, role = trend_text(pipeline.total_lag, whole)
        about.append((f"  {said}", Role.TITLE_WARN if role is Role.WARN else Role.TITLE_DIM))
        about.append((catch_up_phrase(pipeline.total_lag, whole), Role.TITLE_DIM))
    through = pipeline.throughput if pipeline.throughput is not None else pipeline.rate
    about.append((f"  {_rate(through)} readings/s", Role.TITLE_DIM))
    rows = [heading("detection", "DETECTION", about, checked, now, width)]
    if pipeline.error:
        rows.append(note("detection", [(f" {glyphs.fault} ", Role.WARN), (sanitise(pipeline.error), Role.TEXT)]))
    if pipeline.worker is not None:
        rows.append(note("worker", _worker_line(pipeline.worker, glyphs)))
    if not pipeline.workers and not pipeline.error:
        rows.append(note("nobody", [(f" {glyphs.warning} no worker: nothing is being detected", Role.WARN)]))
    owners = {part: name for name, parts in pipeline.workers.items() for part in parts}
    known = sorted(owners.keys() | pipeline.lag.keys())
    if known:
        names = f"   {'part':>4} {'lag':>6}  {left('last minute', _SPARK)} {left('trend', 12)} {left('caught up', 12)}"
        rows.append(columns("detection", f"{names} worker"))
    rows += [Row(f"lag:{part}", _partition_line(part, pipeline, owners.get(part), glyphs)) for part in known]
    return rows


def trend_text(lag: int | None, slope: float | None) -> tuple[str, Role]:
    """Where a lag is going, in a word.

    >>> [trend_text(5000, slope)[0] for slope in (None, 0.2, -80.0, 250.0)]
    ['?', 'steady', 'falls 80/s', 'grows 250/s']
    """
    if lag is None or slope is None:
        return UNKNOWN, Role.STALE
    if abs(slope) < STEADY or (lag < _ON_ITS_WAY and slope > 0):
        return "steady", Role.DIM
    if slope < 0:
        return f"falls {count_text(-slope)}/s", Role.TEXT
    return f"grows {count_text(slope)}/s", Role.WARN


def caught_up_text(lag: int | None, slope: float | None) -> tuple[str, Role]:
    """When nothing will be behind any more.

    >>> [caught_up_text(*args)[0] for args in ((0, None), (600, -20.0), (600, None), (600, 5.0), (40, 0.0))]
    ['now', 'in 30 s', '?', 'not so', 'now']
    """
    if lag is None:
        return UNKNOWN, Role.STALE
    if lag < _ON_ITS_WAY:
        return "now", Role.DIM
    if slope is None:
        return UNKNOWN, Role.STALE
    seconds = catch_up_s(lag, slope) if slope <= -STEADY else None
    return ("not so", Role.WARN) if seconds is None else (f"in {span_text(seconds)}", Role.TEXT)


def catch_up_phrase(lag: int, slope: float | None) -> str:
    """The same for the heading; nothing when there is nothing to say.

    >>> catch_up_phrase(600, -20.0), catch_up_phrase(600, 0.0)
    (', caught up in 30 s', '')
    """
    text, _ = caught_up_text(lag, slope)
    return f", caught up {text}" if text.startswith("in ") else ""


def _whole_trend(pipeline: PipelineView) -> float | None:
    slopes = list(pipeline.trend.values())
    known = [slope for slope in slopes if slope is not None]
    return sum(known) if known and len(known) == len(slopes) else None


def _partition_line(part: int, pipeline: PipelineView, owner: str | None, glyphs: Glyphs) -> Line:
    lag, slope = pipeline.lag.get(part), pipeline.trend.get(part)
    history = pipeline.history.get(part, ())[-_SPARK:]
    spark = sparkline(history, _SPARK, scale=(0, max(_ON_ITS_WAY, *history)), glyphs=glyphs)[0] if history else None
    trend, trend_role = trend_text(lag, slope)
    caught, caught_role = caught_up_text(lag, slope)
    return [
        ("  ", Role.TEXT),
        (f"{part:>4} ", Role.TEXT),
        (right(count_text(lag), 6), Role.STALE if lag is None else Role.TEXT),
        ("  ", Role.TEXT),
        *(spark or [(left(UNKNOWN, _SPARK), Role.STALE)]),
        (f" {left(trend, 12)} ", trend_role),
        (left(caught, 12), caught_role),
        (" ", Role.TEXT),
        (sanitise(owner) if owner else "nobody", Role.TEXT if owner else Role.WARN),
    ]


def _worker_line(worker: WorkerFigures, glyphs: Glyphs) -> Line:
    if worker.waiting:
        return [(f" {glyphs.warning} commits wait: ", Role.WARN), (sanitise(worker.waiting), Role.TEXT)]
    line: Line = [("   median, 95%", Role.DIM)]
    for name, middle, high in (
        ("commit", worker.commit_p50, worker.commit_p95),
        ("batch", worker.waited_p50, worker.waited_p95),
        ("alarm", worker.alarm_p50, worker.alarm_p95),
    ):
        role = Role.STALE if middle is None else Role.TEXT
        line += [(f"  {name} ", Role.DIM), (duration_text(middle), role)]
        if middle is not None:
            line.append((f", {duration_text(high)}", Role.DIM))
    return line


def database_rows(database: DatabaseView | None, now: float, width: int, glyphs: Glyphs) -> list[Row]:
    """PostgreSQL: whether it answers, how much it holds, how much is written, who we are to it."""
    if database is None:
        return [heading("database", "DATABASE", [], None, now, width)]
    if not database.reachable:
        why = sanitise(database.error) or "does not answer"
        down: Line = [(f"{glyphs.critical} DOWN", Role.TITLE_CRIT)]
        return [
            heading("database", "DATABASE", down, database.checked_at, now, width),
            note("database", [(f" {glyphs.critical} ", Role.CRIT), (why, Role.TEXT)]),
        ]
    latency = None if database.latency_ms is None else database.latency_ms / 1000
    about: Line = [
        (f"PostgreSQL {sanitise(database.version, limit=20) or UNKNOWN}", Role.TITLE),
        (f"  round trip {duration_text(latency)}", Role.TITLE_DIM),
    ]
    rows = [heading("database", "DATABASE", about, database.checked_at, now, width)]
    if database.read_only:
        said = "it is read-only, as a standby is: nothing can be stored"
        rows.append(note("read-only", [(f" {glyphs.critical} ", Role.CRIT), (said, Role.TEXT)]))
    rows += _notification_rows(database, glyphs)
    figures = database.figures
    if figures is None:
        return rows
    left_over = figures.max_connections - figures.connections
    few = left_over < figures.max_connections * _CONNECTIONS_LOW
    rows.append(
        Row(
            "database",
            [
                ("  connections ", Role.DIM),
                (f"{figures.connections} of {figures.max_connections}", Role.WARN if few else Role.TEXT),
                ("  size ", Role.DIM),
                _known(bytes_text(figures.size)),
                ("  writes ", Role.DIM),
                _known(_rate(figures.rows_s)),
                (" rows/s ", Role.DIM),
                _known(bytes_text(figures.wal_s)),
                ("/s  commits ", Role.DIM),
                _known(_rate(figures.commits_s)),
                ("/s", Role.DIM),
            ],
        )
    )
    allowed = "may act on alarms" if figures.may_act else "may look, not act"
    rows.append(
        note("login", [("   login ", Role.DIM), (sanitise(figures.user), Role.TEXT), (f"  {allowed}", Role.DIM)])
    )
    return rows


def _notification_rows(database: DatabaseView, glyphs: Glyphs) -> list[Row]:
    """Who is told of alarms is told by way of the database: what waits there, and what fails."""
    waiting, failing = database.notifications_waiting, database.notifications_failing
    if not waiting and not failing:
        return []
    line: Line = [("   notifications ", Role.DIM), (f"{count_text(waiting)} waiting", Role.TEXT)]
    if failing:
        line[0] = (f" {glyphs.warning} notifications ", Role.WARN)
        line += [
            (f", {count_text(failing)} failing  ", Role.WARN),
            (sanitise(database.notifications_error, limit=200), Role.TEXT),
        ]
    return [note("notifications", line)]


def _known(text: str) -> tuple[str, Role]:
    return text, Role.STALE if text == UNKNOWN else Role.TEXT


def _rate(rate: float | None) -> str:
    return UNKNOWN if rate is None else count_text(rate) if rate >= 10 else f"{rate:.1f}"
