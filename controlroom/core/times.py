"""Which event times are believed."""

from __future__ import annotations

from datetime import UTC, datetime

#: An event time this far ahead of the broker's, or before 2000, is not believed: a wrong clock, or a wrong unit.
MAX_AHEAD_S = 366 * 86_400.0
EARLIEST_S = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
