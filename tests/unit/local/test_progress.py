from __future__ import annotations

import threading
import time

import pytest

from controlroom.local.progress import Cancelled, Reporter, Step, silent


def test_a_step_is_told_at_its_begin_when_it_changes_and_at_its_end() -> None:
    told: list[Step] = []
    with Reporter(told.append).step("files", "fetching") as tell:
        tell("fetching 1/2")
        tell.conclude("fetched")
    assert [(step.text, step.done) for step in told] == [
        ("fetching", False),
        ("fetching 1/2", False),
        ("fetched", True),
    ]
    assert all(step.name == "files" and step.seconds >= 0 for step in told)


def test_a_step_that_fails_is_not_told_as_done() -> None:
    told: list[Step] = []
    with pytest.raises(RuntimeError), Reporter(told.append).step("files", "fetching"):
        raise RuntimeError
    assert not any(step.done for step in told)


def test_giving_up_ends_a_pause_at_once() -> None:
    cancel = threading.Event()
    threading.Timer(0.05, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        Reporter(silent, cancel).pause(30)
    assert time.monotonic() - began < 5


def test_a_failure_within_calls_off_the_rest() -> None:
    reporter = Reporter(silent)
    reporter.abort()
    with pytest.raises(Cancelled):
        reporter.check()


def test_a_pause_that_nobody_cuts_short_ends_by_itself() -> None:
    Reporter(silent).pause(0.01)
