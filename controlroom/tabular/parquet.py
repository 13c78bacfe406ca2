"""Tables that are Parquet files: read by pyarrow, and from there on as any other table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from controlroom.errors import InputError
from controlroom.extras import require

if TYPE_CHECKING:
    import pyarrow

_BATCH_ROWS = 1 << 14


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """The rows of a Parquet file as text: the first names the columns, an empty cell is a null.

    Times are ISO 8601 to the microsecond, UTC where they name a zone; numbers lose nothing.
    """

    counted: ClassVar[str] = "row"
    path: Path
    name: str

    def rows(self, skip: int, places: tuple[int, ...] | None = None) -> Iterator[tuple[int, list[str]]]:
        """See `controlroom.tabular.source.Source`."""
        file = self._open()
        names = file.schema_arrow.names
        if skip:
            skip -= 1
        else:
            yield 1, list(names)
        wanted = [place for place in range(len(names)) if places is None or place in places]
        yield from self._data(file, names, wanted)

    def head(self, count: int) -> list[list[str]]:
        """See `controlroom.tabular.source.Source`."""
        file = self._open()
        names = file.schema_arrow.names
        head = [list(names)]
        for _, cells in self._data(file, names, list(range(len(names))), batch_rows=count):
            if len(head) == count:
                break
            head.append(cells)
        return head

    def _open(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        require("pyarrow", "parquet", f"{self.name}: what reads Parquet files", error=InputError)
        import pyarrow
        from pyarrow import parquet

        try:
            return parquet.ParquetFile(self.path)
        except (OSError, pyarrow.ArrowException) as error:
            raise InputError(f"{self.name}: it cannot be read as Parquet ({_first_line(error)})") from None

    def _data(
        self,
        file: Any,  # noqa: ANN401 - pyarrow has no types
        names: list[str],
        places: list[int],
        batch_rows: int = _BATCH_ROWS,
    ) -> Iterator[tuple[int, list[str]]]:
        import pyarrow

        number = 0
        empty = [""] * len(names)
        try:
            for batch in file.iter_batches(batch_size=batch_rows, columns=[names[place] for place in places]):
                columns = [_texts(column) for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    row = empty.copy()
                    for place, cell in zip(places, cells, strict=True):
                        row[place] = cell
                    yield number, row
        except (OSError, pyarrow.ArrowException) as error:
            raise InputError(f"{self.name}: after row {number}: {_first_line(error)}") from None


def _texts(column: pyarrow.Array) -> list[str]:
    import pyarrow
    from pyarrow import compute, types

    kind = column.type
    if types.is_timestamp(kind):
        column = column.cast(pyarrow.timestamp("us", kind.tz and "UTC"), safe=False)
    elif types.is_dictionary(kind):
        column = column.dictionary_decode()
    elif types.is_boolean(kind):
        column = column.cast(pyarrow.int8())
    try:
        texts = column.cast(pyarrow.string())
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):
        return [""] * len(column)  # what has no text, as a list or a picture, is neither a time nor a number
    return list(compute.fill_null(texts, "").to_pylist())


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
