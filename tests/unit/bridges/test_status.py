"""What a bridge's report is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridges.errors import SpoolError
from bridges.status import NAME, Downtimes, read_report, short, write_report
from controlroom.wire.bridge import decode_bridge_report, encode_bridge_report
from tests.fakes.bridges import bridge, source

NOW = 1e9


def test_a_source_is_down_since_it_was_first_found_so() -> None:
    downtimes = Downtimes()
    assert downtimes.of("line", connected=True) is None
    since = downtimes.of("line", connected=False)
    assert since is not None
    assert downtimes.of("line", connected=False) == since
    assert downtimes.of("other", connected=False) != 0.0
    assert downtimes.of("line", connected=True) is None
    again = downtimes.of("line", connected=False)
    assert again is not None
    assert again >= since


def test_what_was_written_is_read_and_what_is_no_report_is_refused(tmp_path: Path) -> None:
    assert read_report(tmp_path) is None
    report = bridge("hall-3", NOW, dropped=3, dropped_at=NOW - 1)
    write_report(tmp_path, report)
    assert read_report(tmp_path) == report
    (tmp_path / NAME).write_text("{")
    with pytest.raises(SpoolError, match="malformed"):
        read_report(tmp_path)


@pytest.mark.parametrize("error", ["x" * 10_000, "a\0b", "\ud800", "ß" * 600, "\x1b[2J"])
def test_whatever_a_source_says_of_its_error_can_be_told(error: str) -> None:
    report = bridge("hall-3", NOW, sources=(source("line", NOW, error=short(error), connected_since=None),))
    assert decode_bridge_report(encode_bridge_report(report)) == report
