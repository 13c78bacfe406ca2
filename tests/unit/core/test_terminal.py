"""What a terminal can show, as its environment was given to the program."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from controlroom.core.terminal import has_colour, locale_of

ASK = (
    "import json, os; from controlroom.core.terminal import locale_of, ascii_only as a;"
    "print(json.dumps([locale_of(os.environ), a(os.environ)]))"
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["", True]),
        ({"LANG": "C"}, ["C", True]),
        ({"LC_ALL": "POSIX", "LANG": "C.UTF-8"}, ["POSIX", True]),
        ({"LC_CTYPE": "C.UTF-8"}, ["C.UTF-8", False]),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, ["C.UTF-8", False]),
        # A locale that is not installed here: what the user has at the other end of SSH counts.
        ({"LANG": "xx_XX.UTF-8"}, ["xx_XX.UTF-8", False]),
        ({"LANG": "C.UTF-8"}, ["C.UTF-8", False]),
        ({"LC_ALL": "de_DE.ISO-8859-1", "LANG": "C.UTF-8"}, ["de_DE.ISO-8859-1", True]),
    ],
)
def test_the_locale_is_read_as_given_although_python_changes_it(given: dict[str, str], expected: list[object]) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONUTF8"))}
    run = subprocess.run(
        [sys.executable, "-c", ASK], env={**bare, "TERM": "xterm", **given}, capture_output=True, check=True
    )
    assert json.loads(run.stdout) == expected


def test_an_empty_lc_all_says_nothing() -> None:
    assert locale_of({"LC_ALL": "", "LC_CTYPE": "", "LANG": "de_DE.UTF-8"}, utf8_mode=False) == "de_DE.UTF-8"


@pytest.mark.parametrize(("term", "colours"), [("vt220", False), ("xterm-mono", False), ("no-such-terminal", True)])
def test_colours_by_type(term: str, colours: bool) -> None:
    assert has_colour(term) is colours
