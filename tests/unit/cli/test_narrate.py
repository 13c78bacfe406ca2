from __future__ import annotations

import io
import json

import pytest

from controlroom.cli.narrate import Narrator
from controlroom.local import Step
from controlroom.logs import choose_format, format_kept


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def steps() -> list[Step]:
    return [
        Step("a", "formatting", done=False, seconds=0.0),
        Step("b", "creating the database", done=False, seconds=0.0),
        Step("a", "formatted", done=True, seconds=1.25),
        Step("b", "created", done=True, seconds=2.0),
    ]


def test_elsewhere_than_on_a_terminal_there_are_plain_lines() -> None:
    out = io.StringIO()
    narrator = Narrator(out)
    for step in steps():
        narrator(step)
    assert out.getvalue() == "  formatting\n  creating the database\n  formatted (1.2 s)\n  created (2.0 s)\n"


def test_many_small_changes_are_not_a_line_each() -> None:
    out = io.StringIO()
    narrator = Narrator(out)
    for number in range(46):
        narrator(Step("files", f"fetching {number}/46", done=False, seconds=0.0))
    assert out.getvalue() == "  fetching 0/46\n"


def test_on_a_terminal_one_line_shows_what_is_under_way() -> None:
    out = Terminal()
    narrator = Narrator(out)
    for step in steps():
        narrator(step)
    lines = out.getvalue().split("\n")
    assert lines[0].endswith("formatting; creating the database\r\x1b[K  formatted (1.2 s)")
    assert lines[1].endswith("\r\x1b[K  created (2.0 s)")
    assert lines[2] == "\r\x1b[K"


def test_the_line_that_changes_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    out = Terminal()
    Narrator(out)(Step("a", "x" * 100, done=False, seconds=0.0))
    assert len(out.getvalue().removeprefix("\r\x1b[K")) < 20


def test_as_json_each_step_is_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    with format_kept():
        choose_format("json")
        narrator = Narrator()
        narrator(Step("a", "starting \x1b[2J", done=False, seconds=0.0))
        narrator(Step("a", "started", done=True, seconds=1.25))
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [document["message"] for document in told] == ["starting \x1b[2J", "started (1.2 s)"]
