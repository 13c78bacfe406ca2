"""Transactions that hang open, as rows of the cluster screen."""

from __future__ import annotations

from controlroom.core.health_views import HANGS_AFTER_S, ClusterDetail, TransactionView
from controlroom.ui.render.glyphs import ASCII, UNICODE
from controlroom.ui.render.line import plain, width_of
from controlroom.ui.render.transaction_rows import transaction_rows

NOW = 10_000.0


def view(**fields: object) -> TransactionView:
    facts = {
        "topic": "sensor-data", "partition": 2, "producer_id": 77, "transactional_id": "line-3",
        "first_offset": 1234, "since": NOW - 120, "last_at": NOW - 5,
    }  # fmt: skip
    return TransactionView(**{**facts, **fields})


def rows(*views: TransactionView, width: int = 80, glyphs=UNICODE) -> list[str]:
    detail = ClusterDetail(NOW, transactions=views)
    return [plain(row.line) for row in transaction_rows(detail, NOW, width, glyphs)]


def test_it_names_where_since_when_and_who():
    _, columns, row = rows(view())
    for name, value in (
        ("topic", "sensor-data"),
        ("part", "2"),
        ("from offset", "1234"),
        ("open", "2m"),
        ("quiet", "5s"),
    ):
        assert name in columns
        assert value in row
    assert row.rstrip().endswith("line-3")
    # Each figure ends below the end of its column's name; the list puts the cursor's cell before a row.
    assert 1 + row.index("1234") + 4 == columns.index("from offset") + len("from offset")


def test_one_without_a_name_is_told_by_its_number():
    assert rows(view(transactional_id=""))[-1].rstrip().endswith("producer 77")


def test_what_does_not_hang_and_what_is_not_known_have_no_rows():
    assert rows(view(since=NOW - HANGS_AFTER_S + 1)) == []
    assert transaction_rows(None, NOW, 80, UNICODE) == []
    assert transaction_rows(ClusterDetail(NOW), NOW, 80, UNICODE) == []


def test_hostile_names_are_literal_and_ascii_is_ascii():
    line = rows(view(topic="[red]\x1b[31mtopic", transactional_id="a\x1b]52;c;x\x07b"))[-1]
    assert "\x1b" not in line
    assert "[red]" in line
    assert all(text.isascii() for text in rows(view(), glyphs=ASCII))


def test_the_heading_is_as_wide_as_the_screen():
    detail = ClusterDetail(NOW, transactions=(view(), view(partition=0)))
    heading = transaction_rows(detail, NOW, 80, UNICODE)[0]
    assert width_of(heading.line) == 80
    assert "2, nothing behind them is read" in plain(heading.line)
