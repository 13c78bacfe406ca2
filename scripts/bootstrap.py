"""Make .venv from a lock: everything hashed and pinned, the project itself installed in place.

    python3 scripts/bootstrap.py LOCK STAMP

Only Python and its venv module are needed, so this file uses the standard library alone and runs on whatever `python3`
is (it says so when that is too old). The stamp is written last: what was interrupted is done again.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)


def main(lock: Path, stamp: Path) -> int:
    """Make or refresh .venv; returns the exit code."""
    if sys.version_info < OLDEST:
        return fail(f"Python {sys.version.split()[0]} is too old, 3.11 or newer is needed")
    if not usable():
        try:
            import ensurepip  # noqa: F401 - Debian and Ubuntu ship the venv module without what it needs
            import venv  # noqa: F401
        except ImportError:
            version = "{}.{}".format(*sys.version_info)
            return fail(
                f"Python's venv module is incomplete; on Debian or Ubuntu: apt-get install python{version}-venv"
            )
        say(f"making .venv with Python {sys.version.split()[0]}")
        if subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False).returncode:
            return fail("could not make .venv")
    total = len(re.findall(r"^[\w.-]+==", lock.read_text("utf-8"), re.MULTILINE))
    started = time.monotonic()
    if install(["--require-hashes", "-r", str(lock)], total):
        return fail(f"could not install what {lock.name} pins; is there a network?")
    if install(["--no-deps", "--no-build-isolation", "--editable", str(ROOT)], 0):
        return fail("could not install controlroom itself")
    stamp.write_bytes(lock.read_bytes())
    say(f"installed {lock.name} in {time.monotonic() - started:.0f} s")
    return 0


def usable() -> bool:
    """Whether .venv is there, its Python still runs, is new enough and has pip."""
    code = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    try:
        return subprocess.run([PYTHON, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def install(arguments: list[str], total: int) -> int:
    """`pip install`, shown as one line that counts the packages; its own words only when it fails."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *arguments]
    shown = sys.stderr.isatty() and total
    words = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        assert pip.stdout is not None
        done = 0
        for line in pip.stdout:
            words.append(line)
            if match := re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line):
                done += 1
                if shown:
                    print(f"\r\033[Kfetching {done}/{total} {match[1]}", end="", file=sys.stderr, flush=True)
            elif line.startswith("Installing collected packages") and shown:
                print(f"\r\033[Kinstalling {done} packages", end="", file=sys.stderr, flush=True)
    if shown:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    if pip.returncode:
        sys.stderr.writelines(words[-20:])
    return pip.returncode


def say(text: str) -> None:
    """A line of progress."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


def fail(text: str) -> int:
    """Say what is wrong; the exit code for it."""
    say(text)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
