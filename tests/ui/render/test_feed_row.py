"""One row of the alert feed: what happened, in words that fit."""

from __future__ import annotations

import pytest

from controlroom.ui.render.feed_row import feed_row
from controlroom.ui.render.glyphs import UNICODE
from tests.fakes.clock import START
from tests.fakes.plant import event


def text(what: str, state: str, *, waiting: bool = False) -> str:
    row = feed_row(
        event("temp-1", "dropout", START, state=state, what=what), START.timestamp() + 5, 100, UNICODE, waiting=waiting
    )
    return "".join(part for part, _ in row)


@pytest.mark.parametrize(
    ("what", "state", "said"),
    [
        ("raised", "UNACK", "▲ WARN"),
        ("returned", "RTN-UNACK", "◇ RTN"),
        ("closed", "NORMAL", "· over"),
        ("pending", "NORMAL", "· wait"),
        ("pending-ended", "NORMAL", "· over"),
    ],
)
def test_the_mark_says_where_the_alarm_is(what: str, state: str, said: str) -> None:
    assert said in text(what, state)
