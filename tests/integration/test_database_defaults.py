"""Defaults that a database or a login may have, and that decide nothing here."""

from __future__ import annotations

import pytest

from controlroom.adapters.fsck.audit import AuditOptions, audit
from controlroom.adapters.postgres.session import connect
from tests.integration.test_detection import Place, connection, place, publish, series, work

__all__ = ["place"]

DEFAULTS = (
    # Each commit of a busy worker would fail now and then, or each statement.
    "default_transaction_isolation = 'serializable'",
    "statement_timeout = '20ms'",
    "lock_timeout = '20ms'",
    # How values are written in text.
    "datestyle = 'German, DMY'",
    "intervalstyle = 'iso_8601'",
    "timezone = 'Asia/Kathmandu'",
    "bytea_output = 'escape'",
    "standard_conforming_strings = off",
    "extra_float_digits = -3",
)


async def test_a_worker_does_as_ever(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    async with connection(place) as opened:
        for default in DEFAULTS:
            await opened.execute(f"ALTER DATABASE {place.dsn.rpartition('/')[2]} SET {default}")
    await publish(place, series(6, 250))
    events = await work(place)
    assert {event.kind for event in events} == {"limit"}
    session = await connect(place.dsn, name="test")
    try:
        assert await session.fetchval("SHOW transaction_isolation") == "read committed"
        assert await session.fetchval("SELECT count(*) FROM readings, pg_sleep(0.05)") == 6 * 250
    finally:
        await session.close()
    found = await audit(place.kafka, place.dsn, place.options(), AuditOptions(every_reading=True, alarms=True))
    assert (found.lost, found.twice, found.alarms_wrong, found.states_wrong) == (0, 0, 0, 0), found
    assert "stays paused" not in caplog.text
