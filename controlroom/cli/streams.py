"""What the commands print, in a form that the terminal can show."""

from __future__ import annotations

import codecs
import os
import sys
from io import TextIOWrapper
from pathlib import Path

from controlroom.core.terminal import ascii_only

_ERRORS = "controlroom.ascii"


def replace_closed_streams() -> None:
    """Put the null device where stdin, stdout or stderr is closed (`<&-`), as after a start by some service managers.

    Python has no stream there, and what is opened next, a connection or a file, would get its number, and be written to
    by whatever prints.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - until the process ends


def fit_streams() -> None:
    """Make stdout and stderr replace what cannot be shown: on a terminal for ASCII, all but that.

    Files and pipes keep their encoding; a character that it lacks is replaced too, where Python would fail.
    """
    codecs.register_error(_ERRORS, _replacement)
    plain = ascii_only(os.environ)
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, TextIOWrapper):
            continue  # a test's, or none
        if plain and stream.isatty():
            stream.reconfigure(encoding="ascii", errors=_ERRORS)
        elif codecs.lookup(stream.encoding).name != "utf-8":
            stream.reconfigure(errors=_ERRORS)


def _replacement(error: UnicodeError) -> tuple[str, int]:
    from controlroom.core.cells import to_ascii

    if not isinstance(error, UnicodeEncodeError):
        raise error
    return to_ascii(error.object[error.start : error.end]), error.end
