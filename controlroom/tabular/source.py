"""The cells of a table, row by row, from a file of text."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol, TextIO, cast

from controlroom.errors import InputError

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_HEAD_BYTES = 1 << 16


class Source(Protocol):
    """Where the cells come from."""

    #: what a row is counted by, for messages
    counted: ClassVar[str]

    def rows(self, skip: int, places: tuple[int, ...] | None = None) -> Iterator[tuple[int, list[str]]]:
        """The number of a row, from 1, and its cells; the first `skip` rows are left out.

        Only the cells at `places` are needed (None: all); a source that reads by column leaves out the others.

        Raises:
            InputError: it cannot be read; names the row.
        """

    def head(self, count: int) -> list[list[str]]:
        """The first rows."""


@dataclass(frozen=True, slots=True)
class TextSource:
    """A file of text, also through gzip where its name says so.

    Attributes:
        path: where it is.
        name: what messages call it.
        encoding: a name that Python's codecs know.
        delimiter: what stands between the columns.
        lead: how many rows at its begin are none of the table.
    """

    counted: ClassVar[str] = "line"
    path: Path
    name: str
    encoding: str
    delimiter: str
    lead: int = 0

    def rows(self, skip: int, places: tuple[int, ...] | None = None) -> Iterator[tuple[int, list[str]]]:
        """See `Source`; rows without any cell are passed over."""
        skip += self.lead
        try:
            with open_text(self.path, self.encoding) as file:
                reader = csv.reader(file, delimiter=self.delimiter)
                for cells in reader:
                    if not cells:
                        continue
                    if skip:
                        skip -= any(map(str.strip, cells))
                        continue
                    yield reader.line_num, cells
        except csv.Error as error:
            raise InputError(
                f"{self.name}: line {reader.line_num + 1}: {error}", hint="is a quotation mark left open there?"
            ) from None
        except UnicodeError as error:
            raise undecodable(self.path, self.name, self.encoding, error) from None
        except (OSError, EOFError) as error:
            raise InputError(f"{self.name}: {getattr(error, 'strerror', None) or error}") from None

    def head(self, count: int) -> list[list[str]]:
        """See `Source`."""
        return [cells for _, cells in islice(self.rows(0), count) if any(map(str.strip, cells))]


def open_text(path: Path, encoding: str) -> TextIO:
    """A file of text, also through gzip where its name says so."""
    return io.TextIOWrapper(open_bytes(path), encoding, newline="")


def open_bytes(path: Path) -> BinaryIO:
    """A file's bytes, also through gzip where its name says so."""
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def encoding_of_file(path: Path, name: str) -> str:
    """The encoding that a file begins with: UTF-8, or what its byte order mark says.

    Raises:
        InputError: it is UTF-16 without such a mark, or cannot be read.
    """
    try:
        with open_bytes(path) as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, EOFError) as error:
        raise InputError(f"{name}: {getattr(error, 'strerror', None) or error}") from None
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    if b"\0" in head:
        guess = "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
        raise InputError(
            f"{name}: byte {head.index(0) + 1} is zero, and no byte order mark says how the text is encoded",
            hint=f"name the encoding, as --encoding {guess}",
        )
    return "utf-8"


def undecodable(path: Path, name: str, encoding: str, error: UnicodeError) -> InputError:
    """The error that names the byte and its line."""
    known = encoding.removesuffix("-sig")
    hint = (
        f"name the encoding, as --encoding cp1252, or convert the file: iconv -f CP1252 -t UTF-8 {path.name}"
        if known == "utf-8"
        else "--encoding names another"
    )
    if known == "utf-8":
        with open_bytes(path) as file:
            for number, line in enumerate(file, 1):
                try:
                    line.decode()
                except UnicodeDecodeError as wrong:
                    byte = f"byte 0x{line[wrong.start]:02x} (place {wrong.start + 1} of the line)"
                    return InputError(f"{name}: line {number}: {byte} is not UTF-8", hint=hint)
    reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
    return InputError(f"{name}: it is not {known} ({reason})", hint=hint)
