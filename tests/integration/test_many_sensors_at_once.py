"""Many new sensors at once: a checkpoint is written in parts, in one transaction."""

from __future__ import annotations

import pytest

from controlroom.adapters.fsck.audit import AuditOptions, audit
from controlroom.adapters.postgres import store
from tests.integration.test_detection import Place, place, publish, query, reading, rollups_agree, work

__all__ = ["place"]

SENSORS, PARTITIONS, AT_ONCE = 90, 3, 7


async def test_a_checkpoint_is_written_in_parts(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ROWS_AT_ONCE", AT_ONCE)
    names = [f"temp-{number:03d}" for number in range(SENSORS)]
    await publish(place, [(name.encode(), reading(name, number, 25.0)) for number in (1, 2) for name in names])
    assert await work(place) == []
    assert await query(place, "SELECT count(*) FROM readings") == [(2 * SENSORS,)]
    assert await rollups_agree(place)
    states = await query(place, "SELECT sensor_id FROM detector_state WHERE state <> '' AND sensor_id LIKE 'temp-%'")
    assert sorted(name for (name,) in states) == names
    # Each partition's states were written by one transaction, of more than one statement.
    written = await query(place, "SELECT part, count(*), count(DISTINCT xmin::text) FROM detector_state GROUP BY part")
    assert all(count > AT_ONCE and transactions == 1 for _, count, transactions in written), written
    assert len(written) == PARTITIONS
    found = await audit(place.kafka, place.dsn, place.options(), AuditOptions(every_reading=True, alarms=True))
    assert (found.lost, found.twice, found.alarms_wrong, found.states_wrong) == (0, 0, 0, 0), found
