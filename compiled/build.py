"""`python -m compiled.build`: compile what has changed. Without a C compiler it says so in one line, and does not fail.

Cython translates each module to C, the C compiler that Python itself was built with (or `CC`) makes a library of it.
Both run for several modules at a time. The compiler must keep to IEEE 754 and Python's order of operations, so that
compiled detectors give the same scores bit for bit: no fast-math, no contraction into fused multiply-add.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from compiled.modules import CYTHON, LIB, MODULES, ROOT, STAMP, SUFFIX, fingerprint, library, source
from compiled.state import VARIABLE
from compiled.typed import translated

FLAGS = ("-O2", "-g0", "-fwrapv", "-ffp-contract=off", "-fno-fast-math", "-fPIC", "-w")
DIRECTIVES = ("language_level=3", "annotation_typing=False", "embedsignature=False")


class Failed(Exception):
    """A module could not be compiled; the message is what the tool said."""


def main() -> int:
    """Build; returns the exit code."""
    if os.environ.get(VARIABLE) == "0" or not MODULES:
        return 0
    LIB.mkdir(exist_ok=True)
    with (LIB / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _main()


def _main() -> int:
    if _read(STAMP) == fingerprint():
        return 0
    lacking = _lacking()
    if lacking:
        say(f"{lacking}, so the detectors run interpreted, which is slower")
        return int(os.environ.get(VARIABLE) == "1")
    started = time.monotonic()
    try:
        count = build()
    except KeyboardInterrupt:
        say("stopped; until the next build all runs interpreted")
        return 130
    except Failed as failed:
        print(failed, file=sys.stderr)
        say("could not compile, so the detectors run interpreted, which is slower")
        return int(os.environ.get(VARIABLE) == "1")
    say(f"compiled {count} modules in {time.monotonic() - started:.0f} s")
    return 0


def build() -> int:
    """Compile the modules that have changed, several at a time; how many there were.

    Raises:
        Failed: one could not be compiled. No compiled module is used until a build succeeds.
    """
    # While libraries are replaced they do not fit each other.
    STAMP.unlink(missing_ok=True)
    wanted = fingerprint()
    changed = [module for module in MODULES if not (library(module).exists() and _read(_key(module)) == _hash(module))]
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="build-", dir=LIB) as name:
        scratch = Path(name)
        _declare(scratch)
        pool = ThreadPoolExecutor(workers)
        try:
            _show("translating to C")
            # Cython starts slowly, so each of a few processes takes its share of all.
            list(
                pool.map(
                    lambda some: _translate(some, scratch), filter(None, (changed[i::workers] for i in range(workers)))
                )
            )
            for done, module in enumerate(pool.map(lambda module: _compile(module, scratch), changed), 1):
                _show(f"compiling {done}/{len(changed)} {module}")
        finally:
            pool.shutdown(cancel_futures=True)
            _show("")
    _drop_others()
    partial = STAMP.with_suffix(".partial")
    partial.write_text(wanted, "ascii")
    partial.replace(STAMP)
    return len(changed)


def _show(text: str) -> None:
    """How far the build is, on one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _declare(scratch: Path) -> None:
    """Packages as Cython sees them: `__init__.py`, and the declarations of all modules."""
    for module in MODULES:
        path = scratch / source(module).relative_to(ROOT)
        path.parent.mkdir(parents=True, exist_ok=True)
        for parent in path.relative_to(scratch).parents[:-1]:
            (scratch / parent / "__init__.py").touch()
        path.with_suffix(".pxd").write_text(translated(module).declarations, "utf-8")


def _translate(modules: list[str], scratch: Path) -> None:
    """Write the C files of some modules, each beside the text that it is made from."""
    names = []
    for module in modules:
        # In directories as those of the sources: Cython takes a module's name and what it imports from there.
        py = scratch / source(module).relative_to(ROOT)
        py.write_text(translated(module).text, "utf-8")
        names.append(str(py))
    options = [word for directive in DIRECTIVES for word in ("-X", directive)]
    _run(", ".join(modules), [sys.executable, "-m", "cython", "-3", *options, *names], scratch)


def _compile(module: str, scratch: Path) -> str:
    key = _hash(module)
    c = (scratch / source(module).relative_to(ROOT)).with_suffix(".c")
    made = c.with_name(library(module).name)
    _run(module, [*compiler(), str(c), "-o", str(made)], scratch)
    library(module).parent.mkdir(parents=True, exist_ok=True)
    made.replace(library(module))
    _key(module).write_text(key, "ascii")
    return module


def compiler() -> list[str]:
    """The command that makes a library of a C file, but for the names of both."""
    config = sysconfig.get_config_vars()
    link = shlex.split(str(config["LDSHARED"]))[1:]
    include = f"-I{sysconfig.get_path('include')}"
    words = (
        *shlex.split(os.environ.get("CC") or str(config["CC"])),
        *link,
        *shlex.split(os.environ.get("ARCHFLAGS", "")),
    )
    return [*words, include, *FLAGS]


def _lacking() -> str:
    """What a build needs and is not there, as the begin of a sentence."""
    name = compiler()[0]
    if shutil.which(name) is None:
        return f"there is no C compiler ({name})"
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return "Python's C headers are not installed"
    try:
        version = importlib.metadata.version("cython")
    except importlib.metadata.PackageNotFoundError:
        return "Cython is not installed"
    return "" if version == CYTHON else f"Cython is {version}, {CYTHON} is wanted"


def _run(what: str, command: list[str], cwd: Path) -> None:
    result = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode:
        raise Failed(f"{what}: {result.stdout.strip() or f'{command[0]} ended with {result.returncode}'}")


def _hash(module: str) -> str:
    """What a compiled module depends on: its text, and the types of it and of all that it uses."""
    found = hashlib.blake2b(repr((CYTHON, compiler(), DIRECTIVES)).encode(), digest_size=16)
    found.update(translated(module).text.encode())
    used, todo = set(), [module]
    while todo:
        if (other := todo.pop()) in MODULES and other not in used:
            used.add(other)
            todo += re.findall(r"^from (\S+) cimport", translated(other).declarations, re.MULTILINE)
    for other in sorted(used):
        found.update(translated(other).declarations.encode())
    return found.hexdigest()


def _key(module: str) -> Path:
    return library(module).with_suffix(".key")


def _drop_others() -> None:
    """Remove libraries of modules that are compiled no more."""
    kept = {library(module) for module in MODULES}
    for path in LIB.rglob(f"*{SUFFIX}"):
        if path not in kept:
            path.unlink()


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None


def say(text: str) -> None:
    """A line of progress."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
