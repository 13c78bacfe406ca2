"""The cluster screen's rows of transactions that hang open: who holds which partition, and since when."""

from __future__ import annotations

from controlroom.core.cells import left, right
from controlroom.core.health_views import ClusterDetail
from controlroom.core.sanitise import sanitise
from controlroom.ui.render.cluster_tables import Row, columns, heading
from controlroom.ui.render.glyphs import Glyphs
from controlroom.ui.render.line import Role
from controlroom.ui.render.numbers import age_text


def transaction_rows(detail: ClusterDetail | None, now: float, width: int, glyphs: Glyphs) -> list[Row]:
    """Transactions that have been open for too long; none, no rows."""
    hanging = [view for view in (detail.transactions or ()) if view.hangs(now)] if detail is not None else []
    if detail is None or not hanging:
        return []
    about = [(f"{len(hanging)}, nothing behind them is read", Role.TITLE_WARN)]
    rows = [
        heading("transactions", "OPEN TRANSACTIONS", about, detail.checked_at, now, width),
        columns(
            "transactions", f"   {left('topic', 24)} {'part':>5} {'from offset':>12} {'open':>6} {'quiet':>6}  producer"
        ),
    ]
    for view in hanging:
        line = [
            (f"{glyphs.warning} ", Role.WARN),
            (left(sanitise(view.topic, limit=64), 24), Role.TEXT),
            (f" {view.partition:>5} {view.first_offset:>12} ", Role.TEXT),
            (right(age_text(now - view.since), 6), Role.WARN),
            (f" {right(age_text(now - view.last_at), 6)}", Role.TEXT),
            (f"  {sanitise(view.producer, limit=64)}", Role.TEXT),
        ]
        rows.append(Row(f"transaction:{view.topic}/{view.partition}/{view.producer_id}", line))
    return rows
