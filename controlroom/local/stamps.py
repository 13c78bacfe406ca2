"""Tell cheaply that a file is still the one whose hash was right: by its size and modification time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec


class Stamp(msgspec.Struct, frozen=True):
    """What a file looked like from outside when its hash was computed.

    Attributes:
        size: in bytes.
        modified_ns: modification time, in nanoseconds since the epoch.
        sha256: hexadecimal digest of its content.
    """

    size: int
    modified_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Hash a file and note what it looks like; raises OSError when it cannot be read."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, sha256(path))

    def agrees(self, path: Path) -> bool:
        """Whether the file is there and looks as it did."""
        try:
            status = path.stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.modified_ns)


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
