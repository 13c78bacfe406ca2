"""JDK 25's ahead-of-time cache: classes loaded, linked and profiled once, mapped by every later start of a broker.

One broker of the first start is the trainee: it records what it loads and writes the cache when it is stopped. A cache
that is missing, damaged or made by another runtime never breaks a start: Java says so in its log and does without.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from controlroom.local import java
from controlroom.local.jars import JarStore
from controlroom.local.stamps import Stamp, sha256
from controlroom.local.state import write_atomically

#: Ends a trainee's output file, until its name says that it is complete.
_UNFINISHED = ".new"


@dataclass(frozen=True)
class ClassCache:
    """The cache for one set of jars and one Java runtime, shared by all plants of this user."""

    file: Path

    @classmethod
    def of(cls, cache: Path, jars: JarStore) -> ClassCache:
        """The cache that belongs to these jars and the installed runtime."""
        return cls(cache / f"{jars.key}-java-{java.version()}.aot")

    def use(self) -> list[str]:
        """Java flags that map the cache; none when there is no cache, or none that is whole.

        Java itself checks the header only and would map a cache that was damaged further on.
        """
        return [f"-XX:AOTCache={self.file}", *_QUIET] if self._is_whole() else []

    def train(self, owner: str) -> list[str]:
        """Java flags that make a broker record the cache and write it when it ends.

        Args:
            owner: tells apart trainees of different plants that run at the same time.
        """
        return [f"-XX:AOTCacheOutput={self._output(owner)}", *_QUIET]

    def adopt(self, owner: str) -> bool:
        """Put what the ended trainee wrote in its place; returns whether there was anything."""
        output = self._output(owner)
        if not output.is_file():
            return False
        write_atomically(self._stamp_file, msgspec.json.encode(Stamp.of(output)))
        output.replace(self.file)
        for leftover in self.file.parent.glob(f"{self.file.name}.*{_UNFINISHED}*"):  # of trainees that were killed
            leftover.unlink(missing_ok=True)
        return True

    def _is_whole(self) -> bool:
        """Whether the cache is as it was written; removes one that is not, so that it is recorded anew."""
        try:
            stamp = msgspec.json.decode(self._stamp_file.read_bytes(), type=Stamp)
            whole = stamp.agrees(self.file) or sha256(self.file) == stamp.sha256
        except (OSError, msgspec.DecodeError):
            whole = False
        if not whole:
            self.file.unlink(missing_ok=True)
        return whole

    @property
    def _stamp_file(self) -> Path:
        return self.file.with_name(f"{self.file.name}.json")

    def _output(self, owner: str) -> Path:
        return self.file.with_name(f"{self.file.name}.{owner}{_UNFINISHED}")


_QUIET = ["-Xlog:aot*=off", "-Xlog:cds*=off"]
