"""PostgreSQL's own client programs, `pg_dump` and `pg_restore`: where they are, and how they are run.

They are found in the directories that the caller names, in PATH, and where distributions keep one for each version.
The password never is an argument, which everybody on the host could read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from controlroom.errors import ControlroomError, InputError

_VERSIONED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
#: How often a program that runs is looked at, to tell how far it is.
LOOK_S = 1.0
#: What a program that is told to end is given before it is killed.
END_S = 5.0


@dataclass(frozen=True, slots=True)
class ClientPrograms:
    """A directory with `pg_dump` and `pg_restore`, and their major version."""

    directory: Path
    major: int

    async def run(
        self, program: str, *arguments: str, dsn: str | None = None, progress: Callable[[], None] = lambda: None
    ) -> str:
        """Run one of them to its end, and return what it wrote to stdout.

        Args:
            program: `pg_dump` or `pg_restore`.
            arguments: besides those that say where the database is.
            dsn: the database; None: it needs none.
            progress: called every second while it runs.

        Raises:
            ControlroomError: it failed; the message carries its first error.
        """
        code, out, err = await self.attempt(program, *arguments, dsn=dsn, progress=progress)
        if code:
            raise ControlroomError(f"{program} failed: {first_error(err) or f'status {code}'}")
        return out

    async def attempt(
        self, program: str, *arguments: str, dsn: str | None = None, progress: Callable[[], None] = lambda: None
    ) -> tuple[int, str, str]:
        """As `run`, for one whose failure is no end: (exit status, stdout, stderr)."""
        environment = dict(os.environ, LC_ALL="C")
        words = [str(self.directory / program), *arguments]
        if dsn is not None:
            # Seen in pg_stat_activity as ours, should it go on although whoever started it was killed.
            environment["PGAPPNAME"] = f"controlroom {program}"
            address, password = without_password(dsn)
            words += ["--no-password", f"--dbname={address}"]
            if password is not None:
                environment["PGPASSWORD"] = password
        async with _running(words, environment) as process:
            ended = asyncio.create_task(process.communicate())
            while not (await asyncio.wait([ended], timeout=LOOK_S))[0]:
                progress()
            out, err = ended.result()
        return process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


@contextlib.asynccontextmanager
async def _running(words: Sequence[str], environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that does not outlive the block, however that ends."""
    process = await asyncio.create_subprocess_exec(
        *words, env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def find_programs(server_major: int, directories: Iterable[Path] = ()) -> ClientPrograms:
    """The client programs that suit a server: of its version, or else of the oldest newer one.

    Args:
        server_major: the server's major version; an older `pg_dump` refuses it.
        directories: where to look first.

    Raises:
        InputError: there are none, or only older ones.
    """
    found: dict[int, Path] = {}
    for place in _places(directories):
        major = await _major(place / "pg_dump")
        if major is not None:
            found.setdefault(major, place)
    fitting = [major for major in found if major >= server_major]
    if not fitting:
        there = f"only those of version {max(found)} are" if found else "they are not"
        raise InputError(
            f"pg_dump and pg_restore of PostgreSQL {server_major} or newer are needed, and {there} installed",
            hint=f"install PostgreSQL's client programs (Debian, Ubuntu: postgresql-client-{server_major})",
        )
    return ClientPrograms(found[min(fitting)], min(fitting))


def _places(directories: Iterable[Path]) -> list[Path]:
    on_path = shutil.which("pg_dump")
    places = [*directories, *([Path(on_path).parent] if on_path else [])]
    for pattern in _VERSIONED:
        places += Path("/").glob(pattern.lstrip("/"))
    return [place for place in places if (place / "pg_dump").is_file() and (place / "pg_restore").is_file()]


async def _major(program: Path) -> int | None:
    try:
        async with _running([str(program), "--version"], dict(os.environ, LC_ALL="C")) as process:
            out, _ = await process.communicate()
    except OSError:
        return None
    match = re.search(rb"\d+", out)
    return int(match.group()) if match and process.returncode == 0 else None


def without_password(dsn: str) -> tuple[str, str | None]:
    """A database's URL without its password, and the password.

    >>> without_password("postgresql://alice:s%40fe@db/plant?sslmode=require")
    ('postgresql://alice@db/plant?sslmode=require', 's@fe')
    >>> without_password("postgresql://db/plant?user=alice&password=safe")
    ('postgresql://db/plant?user=alice', 'safe')
    >>> without_password("postgresql://alice@db/plant")
    ('postgresql://alice@db/plant', None)
    """
    parts = urlsplit(dsn)
    login, at, place = parts.netloc.rpartition("@")
    user, colon, secret = login.partition(":")
    password = unquote(secret) if colon else None
    options = []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "password":
            password = value
        else:
            options.append((name, value))
    query = urlencode(options, quote_via=quote, safe="/:,")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{place}", query=query)), password


def first_error(stderr: str) -> str:
    r"""The first error that a client program wrote, else its last line.

    >>> first_error("pg_restore: warning: x\npg_restore: error: could not do it: ERROR:  no\nDETAIL: y\n")
    'could not do it: ERROR:  no'
    """
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    for line in lines:
        if ": error: " in line or ": fatal: " in line:
            return re.split(r": (?:error|fatal): ", line, maxsplit=1)[1]
    return lines[-1] if lines else ""
