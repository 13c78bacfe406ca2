"""Columns by cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from controlroom.core.cells import left, right, table, to_ascii

TEXTS = st.text("aé°温度センサー-炉1…■", max_size=30)


@given(TEXTS, st.integers(0, 20))
def test_a_column_has_its_width_whatever_is_in_it(text: str, width: int) -> None:
    assert cell_len(left(text, width)) == cell_len(right(text, width)) == width


@given(st.lists(st.tuples(TEXTS, st.just("|")), min_size=1, max_size=6))
def test_columns_of_a_table_begin_at_the_same_cell(rows: list[tuple[str, str]]) -> None:
    assert len({cell_len(line) for line in table(rows)}) == 1


@given(TEXTS)
def test_ascii_keeps_the_width(text: str) -> None:
    assert to_ascii(text).isascii()
    assert cell_len(to_ascii(text)) == cell_len(text)
