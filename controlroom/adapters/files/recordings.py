"""Recordings as files: gzip, flushed every second, so that what a kill or a full disk leaves behind can be read."""

from __future__ import annotations

import time
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from controlroom.core.recording import LINE_BYTES, Entry, Header, decode_entry, decode_header, encode_header
from controlroom.errors import ControlroomError, InputError

_GZIP = 31
_LEVEL = 6
_CHUNK = 256 * 1024
#: what waits to be written is bounded: a disk that is slower than the plant ends the recording
MOST_WAITING = 500_000


class RecordingWriter:
    """Lines go in on any thread, `write_out` writes them.

    Args:
        path: the file; it must not be there yet.
        header: the first line.
        most_bytes: the file's size at the most.

    Raises:
        InputError: the file cannot be made.
    """

    def __init__(self, path: Path, header: Header, *, most_bytes: int) -> None:
        try:
            self._file = path.open("xb")
        except FileExistsError:
            raise InputError(f"{path} is there already", hint="name another file") from None
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        path.chmod(0o600)
        self._path = path
        self._most = most_bytes
        self._zip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._waiting: deque[bytes] = deque()
        self.lines = 0
        self.size = 0
        self.add(encode_header(header))

    def add(self, line: bytes) -> None:
        """A line with its end, to be written."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(line)

    @property
    def full(self) -> bool:
        """Whether the file has its size."""
        return self.size >= self._most

    def write_out(self) -> None:
        """Write what waits, so that it can be read even if nothing more is written.

        Raises:
            ControlroomError: the disk does not take it, or not quickly enough.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise ControlroomError(f"{self._path}: the disk is slower than the plant", hint="record on another disk")
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if lines:
            self._put(self._zip.compress(b"".join(lines)) + self._zip.flush(zlib.Z_SYNC_FLUSH))
            self.lines += len(lines)

    def close(self) -> None:
        """Write what waits and end the file."""
        if self._file.closed:
            return
        try:
            self.write_out()
            self._put(self._zip.flush(zlib.Z_FINISH))
        finally:
            self._file.close()

    def _put(self, data: bytes) -> None:
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise ControlroomError(
                f"{self._path}: {error.strerror}", hint="what was recorded until now can be replayed"
            ) from None
        self.size += len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RecordingReader:
    """A recording from its begin on. One that is cut off is read up to its end, then `cut_off` is true.

    Raises:
        InputError: there is no such file, or it is no recording of a schema that we read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.cut_off = False
        self.header = decode_header(next(self._lines(), b""))

    def entries(self) -> Iterator[Entry]:
        """Everything that was seen, in order."""
        lines = self._lines()
        next(lines, None)
        for line in lines:
            try:
                yield decode_entry(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                self.cut_off = True
                return

    def _lines(self) -> Iterator[bytes]:
        """Whole lines; what follows damage, and half a line at the end, is left out."""
        rest = b""
        for block in self._blocks():
            *lines, rest = (rest + block).split(b"\n")
            yield from lines
            if len(rest) > LINE_BYTES:
                break
        if rest:
            self.cut_off = True

    def _blocks(self) -> Iterator[bytes]:
        unzip = zlib.decompressobj(_GZIP)
        try:
            with self._path.open("rb") as file:
                while data := file.read(_CHUNK):
                    while data:
                        # Bounded, whatever the file claims to hold.
                        yield unzip.decompress(data, _CHUNK)
                        data = unzip.unconsumed_tail
        except zlib.error:
            self.cut_off = True
            return
        except OSError as error:
            raise InputError(f"{self._path}: {error.strerror}") from None
        if not unzip.eof:
            self.cut_off = True


def new_header(plant: str, program: str) -> Header:
    """The first line of a recording that begins now."""
    from controlroom.core.recording import SCHEMA

    return Header(controlroom_recording=SCHEMA, started_at=time.time(), plant=plant, program=program)
