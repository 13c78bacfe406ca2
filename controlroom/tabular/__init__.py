"""Tables of recorded readings as people have them: CSV in any dialect, Parquet. One reader for all who read them.

It stands below the core, the adapters and the commands, and imports nothing of ours but `controlroom.errors` and
`controlroom.extras`.
"""

from __future__ import annotations

from controlroom.tabular.form import DECIMAL_SIGNS, Form, Undecided
from controlroom.tabular.selection import Selection
from controlroom.tabular.sorting import Row
from controlroom.tabular.summary import Summary
from controlroom.tabular.table import SUFFIXES, Table, is_table
from controlroom.tabular.times import parse_time

__all__ = [
    "DECIMAL_SIGNS", "SUFFIXES", "Form", "Row", "Selection", "Summary", "Table", "Undecided", "is_table", "parse_time",
]  # fmt: skip
