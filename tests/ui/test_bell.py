"""The terminal's bell: off unless it is asked for, once for each new alarm of the priority that was chosen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.plant import event
from tests.ui.screen_text import settle


@pytest.mark.parametrize(("bell", "rings"), [("off", []), ("medium", [1, 0, 1, 0, 0, 1]), ("high", [0, 0, 1, 0, 0, 1])])
async def test_it_rings_once_for_what_is_new_and_waits(make_app, state, clock, monkeypatch, bell, rings):
    app, heard = make_app(bell=bell), []
    monkeypatch.setattr(app, "bell", lambda: heard.append(1))

    async with app.run_test() as pilot:
        await settle(pilot)
        # What stood already when the control room was opened does not ring.
        assert heard == []
        counted = []

        async def comes(*events):
            clock.move(1)
            for each in events:
                state.apply_alarm(each)
            before = len(heard)
            await settle(pilot)
            await settle(pilot)
            counted.append(len(heard) - before)

        at = clock.now() + timedelta(seconds=1)
        await comes(event("temp-sensor-001", "noise", at))
        await comes(event("temp-sensor-001", "noise", at, what="acked", state="ACKED", version=2, actor="jo"))
        # Several at once ring once.
        await comes(*(event(f"temp-sensor-00{number}", "rail", at, severity="critical") for number in (1, 6)))
        # Acknowledged before anybody could be rung; and silent as a consequence of something else.
        await comes(
            event("press-sensor-010", "rail", at, severity="critical"),
            event("press-sensor-010", "rail", at, what="acked", state="ACKED", version=2, severity="critical"),
        )
        await comes(event("vib-sensor-002", "dropout", at, what="suppressed", state="BY_DESIGN", severity="critical"))
        await comes(event("temp-sensor-001", "noise", at, version=3, severity="critical"))
    assert counted == (rings or [0] * 6)
