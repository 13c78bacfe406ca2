"""A receiver is away for minutes: each notification arrives once its id is known, in order for each occurrence."""

from __future__ import annotations

import asyncio
import os
import re
import time

import pytest

from controlroom.core.alarms.policy import parse_policy
from tests.integration.test_notifications import Webhook, act, on_duty, ring, until, until_rows, webhook
from tests.integration.test_store import query

__all__ = ["webhook"]

pytestmark = [pytest.mark.faults_slow, pytest.mark.timeout(900)]

#: How long the receiver is away: half of it refuses and fails, half of it hangs.
AWAY_S = float(os.environ.get("CONTROLROOM_TEST_AWAY_S", "150"))
SENSORS = 8
ORDER = ["CRITICAL", "ESCALATED", "ACKED"]


async def test_a_receiver_that_is_away_for_minutes_misses_nothing(pg15_dsn: str, webhook: Webhook) -> None:
    url = f"json://127.0.0.1:{webhook.port}/?rto=2"
    text = f'[[receiver]]\nname = "shift"\nurl = "{url}"\nrate_limit = 1000\n[[escalation]]\nwait_s = 20\n'
    text += "[flood]\nstarts_above = 1000\n"
    names = [f"temp-{number}" for number in range(SENSORS)]
    acked = names[: SENSORS // 2]
    async with on_duty(pg15_dsn, parse_policy(text)):
        webhook.mood = "fail"
        began = time.monotonic()
        for name in names:
            await ring(pg15_dsn, name)
        await until(lambda: webhook.tried >= 2)
        for name in acked:
            await act(pg15_dsn, name)
        await asyncio.sleep(AWAY_S / 2)
        webhook.mood = "hang"
        await asyncio.sleep(max(0.0, AWAY_S - (time.monotonic() - began)))
        assert webhook.got == []
        webhook.mood = "ok"
        webhook.release.set()
        # The longest back-off is five minutes.
        raised = "SELECT 1 FROM notifications WHERE topic = 'raised' AND sent_at IS NOT NULL"
        await until_rows(pg15_dsn, raised, SENSORS, 330)
        for name in names[SENSORS // 2 :]:
            await act(pg15_dsn, name)
        told = "SELECT 1 FROM notifications WHERE topic = 'acked' AND sent_at IS NOT NULL"
        await until_rows(pg15_dsn, told, SENSORS, 330)
        await until_rows(pg15_dsn, "SELECT 1 FROM notifications WHERE sent_at IS NULL", 0, 330)
    assert await query(pg15_dsn, "SELECT 1 FROM notifications WHERE given_up") == []
    known: set[str] = set()
    by_sensor: dict[str, list[str]] = {name: [] for name in names}
    for message_id, title in zip(webhook.ids, webhook.titles, strict=True):
        if message_id not in known:  # a receiver drops a repeat by its id
            known.add(message_id)
            word, sensor = re.sub(r" \(reminder \d+\)", "", title).split()[:2]
            by_sensor[sensor].append(word)
    for name, words in by_sensor.items():
        assert words[0] == "CRITICAL"
        assert words[-1] == "ACKED"
        assert (words.count("CRITICAL"), words.count("ACKED")) == (1, 1)
        assert [ORDER.index(word) for word in words] == sorted(ORDER.index(word) for word in words)
        if name in acked:
            assert words == ["CRITICAL", "ACKED"], "what was acked before it escalated never does"
