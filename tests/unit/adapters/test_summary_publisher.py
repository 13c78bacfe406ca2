"""Since when there have been readings that a worker has not read."""

from __future__ import annotations

import pytest

from controlroom.adapters.kafka.summary_publisher import _Ends


def test_how_far_a_worker_is_behind_is_told_by_what_it_knew_when() -> None:
    ends = _Ends()
    assert ends.behind_s(0, 50.0) == 0.0
    for at, end in ((100.0, 10), (100.5, 10), (101.0, 20), (102.0, 30)):
        ends.seen(at, end)
    # Up to offset 10 everything had been read when the end was still there, at 100.5; and so on.
    assert ends.behind_s(10, 103.0) == pytest.approx(2.5)
    assert ends.behind_s(25, 103.0) == pytest.approx(2.0)
    # All that is known is read, and the leader has answered lately; later it has not.
    assert ends.behind_s(30, 102.6) == 0.0
    assert ends.behind_s(30, 107.0) == pytest.approx(5.0)
    # What was never known to be read does not become younger.
    ends.seen(107.5, 40)
    assert ends.behind_s(30, 108.0) == pytest.approx(6.0)
