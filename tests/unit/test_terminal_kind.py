"""What a terminal can show, told from the environment as it was given."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os
from controlroom.ui.terminal_kind import given_environment, shows_colour, shows_unicode
print(shows_unicode(given_environment(os.environ)), shows_colour(os.environ))
"""


def shown(**environ: str) -> tuple[str, str]:
    """Whether a fresh process that is started with this environment shows Unicode, and colour."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**kept, **environ}, capture_output=True, text=True, check=True
    )
    unicode, colour = done.stdout.split()
    return unicode, colour


@pytest.mark.parametrize(
    ("environ", "unicode", "colour"),
    [
        ({"TERM": "xterm-256color", "LANG": "en_GB.UTF-8"}, "True", "True"),
        ({"TERM": "xterm", "LC_CTYPE": "C.UTF-8"}, "True", "True"),
        ({"TERM": "xterm", "LANG": "de_DE.utf8@euro"}, "True", "True"),
        # Python makes UTF-8 of these by itself; what was given counts.
        ({"TERM": "xterm"}, "False", "True"),
        ({"TERM": "xterm", "LANG": "C"}, "False", "True"),
        ({"TERM": "xterm", "LC_ALL": "POSIX"}, "False", "True"),
        ({"TERM": "xterm", "LC_ALL": "C", "LANG": "en_GB.UTF-8"}, "False", "True"),
        ({"TERM": "xterm", "LANG": "de_DE.ISO-8859-1"}, "False", "True"),
        ({"TERM": "xterm-mono", "LANG": "C.UTF-8"}, "True", "False"),
        ({"TERM": "vt100", "LANG": "C.UTF-8"}, "False", "False"),
        ({"TERM": "vt220", "LANG": "C.UTF-8"}, "False", "False"),
        ({"TERM": "linux", "LANG": "C.UTF-8"}, "False", "True"),
        ({"TERM": "dumb", "LANG": "C.UTF-8"}, "False", "False"),
        ({"TERM": "screen", "LANG": "C.UTF-8"}, "True", "True"),
    ],
)
def test_characters_and_colour(environ: dict[str, str], unicode: str, colour: str) -> None:
    assert shown(**environ) == (unicode, colour)
