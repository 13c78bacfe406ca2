"""The brokers' jars: pinned by name, size and SHA-256 in `jars.json`, fetched once into the user's cache.

A jar is used only after its hash agreed with the manifest. The full hash is computed when it is fetched and by
`verify`; before each start its size and modification time are compared with the stamp that was written then.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from importlib import resources
from pathlib import Path

import msgspec
from filelock import FileLock

from controlroom.errors import FetchFailed
from controlroom.extras import require
from controlroom.local.progress import Reporter
from controlroom.local.stamps import Stamp, sha256
from controlroom.local.state import write_atomically

_PARALLEL = 4
_TRIES = 3
_LOCK_POLL = 0.1


class Jar(msgspec.Struct, frozen=True):
    """One pinned file.

    Attributes:
        coordinate: Maven's `group:artifact:version`.
        size: in bytes.
        sha256: hexadecimal digest.
    """

    coordinate: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """File name, `artifact-version.jar`."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


class Manifest(msgspec.Struct, frozen=True):
    """`jars.json`: Kafka's version, and all jars in the order of the class path."""

    kafka: str
    jars: tuple[Jar, ...]


def manifest_bytes() -> bytes:
    """The committed manifest as it is on disk; its digest is part of the cache's key."""
    return resources.files("controlroom.local").joinpath("jars.json").read_bytes()


class JarStore:
    """The fetched jars of one manifest, in a directory of the cache that is complete or absent."""

    def __init__(self, cache: Path, manifest: bytes | None = None) -> None:
        raw = manifest_bytes() if manifest is None else manifest
        self.manifest = msgspec.json.decode(raw, type=Manifest)
        self.key = f"kafka-{self.manifest.kafka}-{hashlib.sha256(raw).hexdigest()[:12]}"
        self._cache = cache
        self.directory = cache / self.key

    @cached_property
    def class_path(self) -> str:
        """All jars in the manifest's order, joined for `java -cp`; the order is part of the class cache's identity."""
        return ":".join(str(self.directory / jar.name) for jar in self.manifest.jars)

    def ensure(self, reporter: Reporter) -> bool:
        """Make sure that every jar is there and unchanged, fetching what is not.

        Returns:
            Whether anything had to be fetched.

        Raises:
            FetchFailed: no network, or a file whose hash is not the pinned one.
        """
        if not self._suspects():
            return False
        self._cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._cache / f".{self.key}.lock")
        while not _try_acquire(lock):
            reporter.pause(_LOCK_POLL)
        try:
            wanted = [jar for jar in self._suspects() if not self._rehash(jar)]
            if wanted:
                self._fetch(wanted, reporter)
            return bool(wanted)
        finally:
            lock.release()

    def verify(self) -> list[str]:
        """Hash every jar; returns one line for each that is missing or wrong (empty when all is well)."""
        problems = []
        for jar in self.manifest.jars:
            path = self.directory / jar.name
            if not path.is_file():
                problems.append(f"{jar.name}: missing")
            elif sha256(path) != jar.sha256:
                problems.append(f"{jar.name}: wrong hash")
        return problems

    def _suspects(self) -> list[Jar]:
        """Jars that do not look as they did when their hash was last right."""
        stamps = self._stamps()
        return [
            jar
            for jar in self.manifest.jars
            if not (stamp := stamps.get(jar.name))
            or stamp.sha256 != jar.sha256
            or not stamp.agrees(self.directory / jar.name)
        ]

    def _rehash(self, jar: Jar) -> bool:
        """Whether a suspect is right all the same (copied, touched); then its stamp is renewed."""
        path = self.directory / jar.name
        if not path.is_file() or sha256(path) != jar.sha256:
            return False
        self._stamp([jar])
        return True

    def _fetch(self, wanted: list[Jar], reporter: Reporter) -> None:
        total = sum(jar.size for jar in wanted)
        with (
            reporter.step("files", f"fetching {len(wanted)} files, {_megabytes(total)}") as tell,
            tempfile.TemporaryDirectory(dir=self._cache, prefix=f".{self.key}.") as scratch,
        ):
            download = _Downloader(Path(scratch), reporter.check)
            counter = _Counter(len(wanted), tell)

            def one(jar: Jar) -> None:
                reporter.check()
                counter.begin(jar)
                fetched = download(jar)
                if sha256(fetched) != jar.sha256:
                    raise FetchFailed(
                        f"{jar.name} has not the pinned hash, so it is not used",
                        hint="try again; should it stay, a proxy or a mirror alters files",
                    )
                self.directory.mkdir(parents=True, exist_ok=True)
                fetched.replace(self.directory / jar.name)

            with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="fetch") as pool:
                futures = [pool.submit(one, jar) for jar in wanted]
                try:
                    for future in futures:
                        future.result()
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
            self._stamp(wanted)
            tell.conclude(f"fetched {len(wanted)} files, {_megabytes(total)}")

    def _stamps(self) -> dict[str, Stamp]:
        try:
            return msgspec.json.decode((self.directory / "stamps.json").read_bytes(), type=dict[str, Stamp])
        except (OSError, msgspec.DecodeError):
            return {}

    def _stamp(self, jars: list[Jar]) -> None:
        stamps = self._stamps() | {jar.name: Stamp.of(self.directory / jar.name) for jar in jars}
        write_atomically(self.directory / "stamps.json", msgspec.json.encode(stamps))


class _Counter:
    """Words the progress of several downloads at once."""

    def __init__(self, total: int, tell: Callable[[str], None]) -> None:
        self._total = total
        self._tell = tell
        self._begun = 0
        self._lock = threading.Lock()

    def begin(self, jar: Jar) -> None:
        with self._lock:
            self._begun += 1
            self._tell(f"fetching {self._begun}/{self._total} {jar.name} {_megabytes(jar.size)}")


class _Downloader:
    """Fetches one jar with jgo, Maven's client in Python, into a scratch repository."""

    def __init__(self, scratch: Path, check: Callable[[], None]) -> None:
        """Fetch into `scratch`; `check` is called with every few kilobytes, and raises to give up."""
        require("jgo", "local", "the brokers' files are not in the cache, and what fetches them", error=FetchFailed)
        from jgo.maven import MavenContext, PythonResolver

        self._scratch = scratch

        @contextmanager
        def watch(_name: str, _total: int) -> Iterator[Callable[[int], None]]:
            yield lambda _count: check()

        resolver = PythonResolver(progress_callback=watch)
        self._context = MavenContext(resolver=resolver, repo_cache=scratch, timeout=30)

    def __call__(self, jar: Jar) -> Path:
        import requests

        group, artifact, version = jar.coordinate.split(":")
        wanted = self._context.project(group, artifact).at_version(version).artifact()
        failure: Exception | None = None
        for _ in range(_TRIES):
            shutil.rmtree(self._scratch / wanted.component.path_prefix, ignore_errors=True)  # left by a failed try
            try:
                return Path(wanted.resolve())
            except requests.ConnectionError as error:
                failure = error
            except (requests.RequestException, RuntimeError, OSError) as error:
                failure = error
                break
        raise FetchFailed(
            f"{jar.name} could not be fetched ({_reason(failure)})",
            hint="the first start needs the network once; later ones do not",
        ) from failure


def _reason(error: Exception | None) -> str:
    """The innermost cause in a few words: requests nests four exceptions in one message."""
    import requests

    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return type(error).__name__


def _try_acquire(lock: FileLock) -> bool:
    from filelock import Timeout

    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
