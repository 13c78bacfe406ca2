from collections.abc import Iterator, Sequence
from typing import overload

from controlroom.core.records import Record

class Truncated(ValueError): ...

class RecordBlock(Sequence[Record]):
    @staticmethod
    def of(records: Sequence[Record]) -> RecordBlock: ...
    def add(
        self,
        data: bytes,
        start: int,
        end: int,
        base: int,
        first_ms: int,
        append_ms: int | None,
        count: int,
        wanted: int,
    ) -> None: ...
    def newest_by_key(self) -> dict[bytes | None, Record]: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __iter__(self) -> Iterator[Record]: ...
