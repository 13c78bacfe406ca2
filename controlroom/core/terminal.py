"""What a terminal can show, by the environment that describes it: UTF-8 or ASCII alone, colours or none."""

from __future__ import annotations

import sys
from collections.abc import Mapping

#: their fonts lack the sparklines' blocks and the marks, whatever the locale says
_ASCII_TERMINALS = ("linux", "vt52", "vt100", "vt102", "vt220", "vt320", "vt420", "cons25", "dumb", "unknown")
#: for systems without a terminfo database
_COLOURLESS = ("vt", "dumb", "unknown")
#: what Python itself sets LC_CTYPE to, when the locale that it was given is C (PEP 538)
_COERCED = {"C.UTF-8", "C.utf8", "UTF-8"}


def locale_of(environ: Mapping[str, str], *, utf8_mode: bool | None = None) -> str:
    """The locale for characters as the user has set it; empty: none is set, which means C.

    Python replaces the locale C by `LC_CTYPE=C.UTF-8` and turns its UTF-8 mode on (PEP 538, PEP 540). An LC_CTYPE that
    the user has set so does not turn that mode on, so the two can be told apart.

    Args:
        environ: the environment.
        utf8_mode: whether Python is in its UTF-8 mode; None: look.

    >>> locale_of({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, utf8_mode=True)
    'C'
    >>> locale_of({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, utf8_mode=False)
    'C.UTF-8'
    """
    mode = bool(sys.flags.utf8_mode) if utf8_mode is None else utf8_mode
    coerced = mode and "PYTHONUTF8" not in environ and environ.get("LC_CTYPE") in _COERCED
    kind = "" if coerced else environ.get("LC_CTYPE", "")
    return environ.get("LC_ALL", "") or kind or environ.get("LANG", "")


def has_utf8(environ: Mapping[str, str], *, utf8_mode: bool | None = None) -> bool:
    """Whether the user's locale is one of UTF-8.

    >>> has_utf8({"LANG": "de_DE.UTF-8"}), has_utf8({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}), has_utf8({})
    (True, False, False)
    """
    return "utf8" in locale_of(environ, utf8_mode=utf8_mode).lower().replace("-", "")


def ascii_only(environ: Mapping[str, str], *, utf8_mode: bool | None = None) -> bool:
    """Whether this terminal should be sent nothing but ASCII: by its locale, or by its type.

    `CONTROLROOM_GLYPHS`, which is `ascii` or `unicode`, says otherwise.

    >>> ascii_only({"LANG": "C.UTF-8", "TERM": "linux"}), ascii_only({"LANG": "C.UTF-8", "TERM": "screen"})
    (True, False)
    >>> ascii_only({"LANG": "C", "CONTROLROOM_GLYPHS": "unicode"})
    False
    """
    glyphs = environ.get("CONTROLROOM_GLYPHS", "").lower()
    if glyphs in {"ascii", "unicode"}:
        return glyphs == "ascii"
    if not has_utf8(environ, utf8_mode=utf8_mode):
        return True
    return environ.get("TERM", "").partition("-")[0] in _ASCII_TERMINALS


def has_colour(term: str) -> bool:
    """Whether a terminal of this type has colours, by terminfo; one that terminfo does not know is taken to have them.

    >>> has_colour("xterm-256color"), has_colour("vt100"), has_colour("xterm-mono")
    (True, False, False)
    """
    if term.endswith(("-mono", "-m")) or term.startswith(_COLOURLESS):
        return False
    try:
        import curses
    except ImportError:
        return True
    try:
        curses.setupterm(term, 1)
        return curses.tigetnum("colors") > 0
    except curses.error:
        return True
