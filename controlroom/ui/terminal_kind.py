"""What a terminal can show, told from the environment: characters beyond ASCII, and colour."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

#: Terminals whose fonts or hardware have no more than ASCII (or lack most of our shapes), whatever the locale says.
_PLAIN = ("dumb", "linux", "vt", "ansi", "cons", "sun", "wy")
_GIVEN = Path("/proc/self/environ")


def given_environment(environ: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """The environment as this process was started with it.

    Python turns a C locale into UTF-8 and writes that into LC_CTYPE (PEP 538). Linux keeps what was there before.
    """
    found = dict(os.environ if environ is None else environ)
    try:
        block = _GIVEN.read_bytes()
    except OSError:
        return found
    given = dict(os.fsdecode(entry).partition("=")[::2] for entry in block.split(b"\0") if b"=" in entry)
    if "LC_CTYPE" not in given and found.get("LC_CTYPE") in {"C.UTF-8", "C.utf8", "UTF-8"}:
        del found["LC_CTYPE"]
    return found


def shows_unicode(environ: Mapping[str, str]) -> bool:
    """Whether the locale is one of UTF-8, and the terminal one that has more than ASCII.

    >>> shows_unicode({"LANG": "de_DE.UTF-8", "TERM": "xterm-256color"}), shows_unicode({"LC_ALL": "C", "LANG": "C.UTF-8"})
    (True, False)
    >>> shows_unicode({"LANG": "C.UTF-8", "TERM": "vt220"}), shows_unicode({"TERM": "xterm"})
    (False, False)
    """  # noqa: E501 - one call a line
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "C")
    codeset = locale.partition("@")[0].rpartition(".")[2].lower().replace("-", "")
    return codeset == "utf8" and not environ.get("TERM", "").startswith(_PLAIN)


def shows_colour(environ: Mapping[str, str]) -> bool:
    """Whether the terminal has colours, by its description; one that is not described is taken to have them.

    Asked once in a process: curses keeps the first terminal that it was told of.
    """
    term = environ.get("TERM", "")
    if not term:
        return True
    try:
        import curses
    except ImportError:  # a Python that was built without it
        return True
    try:
        with Path(os.devnull).open("w") as nowhere:
            curses.setupterm(term, fd=nowhere.fileno())
        return curses.tigetnum("colors") > 2
    except curses.error:
        return True
