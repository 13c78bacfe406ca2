"""Files of tables: which encoding and which delimiter they have."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from controlroom.errors import InputError
from controlroom.tabular.form import Form
from controlroom.tabular.layout import find_layout
from controlroom.tabular.source import Source, TextSource, encoding_of_file, open_text, undecodable

#: What may stand between columns, if the user does not say so; where two fit, the first.
_DELIMITERS = ";\t|,"
#: Rows that are looked at to find out how a table is written.
HEAD_ROWS = 200
_TOLD = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
#: Characters of a line that are looked at: a file without ends of lines is no table.
_LONGEST_LINE = 1 << 20


def open_source(path: Path, name: str, form: Form) -> Source:
    """The cells of a file; the first rows are looked at, if the user does not say how it is written.

    Raises:
        InputError: it cannot be read.
    """
    if path.name.lower().endswith(".parquet"):
        from controlroom.tabular.parquet import ParquetSource

        return ParquetSource(path, name)
    encoding = form.encoding or encoding_of_file(path, name)
    lines = _lines(path, name, encoding, HEAD_ROWS)
    # Spreadsheets write the delimiter into a first line of its own.
    told = _TOLD.fullmatch(lines[0]) if lines else None
    if told is not None:
        return TextSource(path, name, encoding, form.delimiter or told[1], lead=1)
    return TextSource(path, name, encoding, form.delimiter or _delimiter(lines, form, name))


def read_text(path: Path, name: str, form: Form) -> str:
    """The whole text of a file.

    Raises:
        InputError: it cannot be read.
    """
    return "".join(_lines(path, name, form.encoding or encoding_of_file(path, name), None))


def _lines(path: Path, name: str, encoding: str, most: int | None) -> list[str]:
    try:
        with open_text(path, encoding) as file:
            return list(islice(iter(lambda: file.readline(_LONGEST_LINE), ""), most))
    except UnicodeError as error:
        raise undecodable(path, name, encoding, error) from None
    except (OSError, EOFError) as error:
        raise InputError(f"{name}: {getattr(error, 'strerror', None) or error}") from None


def _delimiter(lines: Sequence[str], form: Form, name: str) -> str:
    """The delimiter with which times and numbers are found, in rows of equal length that hold little else."""
    best, found = (False, False, 0.0, 0, 0), ","
    for delimiter in _DELIMITERS:
        if not any(delimiter in line for line in lines):
            continue
        try:
            rows = [cells for cells in csv.reader(lines, delimiter=delimiter) if any(map(str.strip, cells))]
            layout = find_layout(rows, form, name)
        except (csv.Error, InputError):
            continue
        widths = [len(cells) for cells in rows]
        alike = max(widths.count(width) for width in set(widths) if width > 1) / len(widths) if max(widths) > 1 else 0.0
        others = len(layout.columns) - len(layout.times) - len(layout.measured)
        score = (
            bool(layout.times), bool(layout.measured), round(alike, 1), -others, lines[0].count(delimiter)
        )  # fmt: skip
        if score > best:
            best, found = score, delimiter
    return found
