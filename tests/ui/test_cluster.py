"""The cluster screen: trouble first, what is unknown said so, drills after a question."""

from __future__ import annotations

import dataclasses

import pytest

from controlroom.core.health_views import ClusterDetail, GroupView
from controlroom.core.plant_state import PipelineView, PlantState
from controlroom.ui.widgets.cluster_list import ClusterList
from tests.fakes.commands import RecordingDrills
from tests.fakes.plant import cluster, cluster_detail, make_plant
from tests.ui.screen_text import press, screen_lines, screen_text, settle

SMALL, LARGE = (80, 24), (120, 50)


async def test_trouble_comes_first(app):
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        text = screen_text(app)
        assert "2 of 3 online  quorum led by 2, epoch 7" in text
        assert "▲    3 127.0.0.1:9096       OFFLINE voter          0     0/7        ?        ?" in text
        assert text.index("9096") < text.index("9092")
        assert "PARTITIONS IN TROUBLE  7 of 7" in text
        assert "without 3" in text


async def test_it_says_who_works_and_how_quick(app):
    async with app.run_test(size=LARGE) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        text = screen_text(app)
        assert "DETECTION  lag 11  steady  3.4 readings/s" in text
        assert "commit 8.2 ms, 19 ms  batch 23 ms, 61 ms  alarm 48 ms, 131 ms" in text
        assert "controlroom-plant-1-4711         10.0.4.21       sensor-data 0 1 2" in text
        assert "controlroom-simulators             Stable             1      -" in text
        assert "PostgreSQL 18.4  round trip 0.4 ms" in text
        assert "connections 9 of 100  size 12.4 MB  writes 7.2 rows/s 4.1 kB/s  commits 3.1/s" in text


async def test_the_leader_is_the_quorum_s(app, state, clock):
    detail = cluster_detail(clock.at)
    state.apply_cluster(cluster(clock.at))
    state.apply_cluster_detail(dataclasses.replace(detail, quorum=dataclasses.replace(detail.quorum, leader=3)))
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        lines = screen_lines(app)
        assert [("leader" in line) for line in lines[4:7]] == [False, False, True]
        assert "voter" in lines[4]


async def test_the_quorum_is_lost(app, state, clock):
    state.apply_cluster(cluster(clock.at, offline=(2, 3)))
    state.apply_cluster_detail(ClusterDetail(clock.at.timestamp(), quorum_answers=False))
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert "1 of 3 online  ■ QUORUM LOST" in screen_text(app)
        assert "■ QUORUM LOST" in screen_lines(app)[-3]


async def test_leaderless_partitions_come_before_all(app, state, clock):
    state.apply_cluster(cluster(clock.at, offline=(1, 2, 3)))
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "3", "slash", *"leaderless", "enter")
        assert "■ sensor-data                  2    none" in screen_text(app)
        assert len(app.screen.query_one(ClusterList).keys) == 7


async def test_what_no_broker_told_is_unknown_and_never_zero(make_app, clock):
    state = PlantState()
    state.apply_cluster(cluster(clock.at))
    group = GroupView("controlroom-detect", "", None, None)
    state.apply_cluster_detail(ClusterDetail(clock.at.timestamp(), groups=(group,), group_count=1))
    state.apply_pipeline(PipelineView(clock.at.timestamp(), {}, {"w": (0,)}, trend={0: None}))
    async with make_app(state).run_test(size=LARGE) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        text = screen_text(pilot.app)
        assert "quorum ok, leader ?" in text
        assert "127.0.0.1:9092" in text
        row = next(line for line in screen_lines(pilot.app) if "9092" in line)
        assert row.split()[-2:] == ["?", "?"]
        assert "DETECTION  lag ?" in text
        group_row = next(line for line in screen_lines(pilot.app) if "controlroom-detect" in line)
        assert group_row.split()[1:] == ["?", "?", "?", "broker", "?"]


async def test_a_lag_that_falls_says_when_it_is_caught_up(app, state, clock):
    state.apply_pipeline(
        PipelineView(clock.at.timestamp(), {0: 9000, 1: 4000}, {"w": (0, 1)}, trend={0: -250.0, 1: 90.0})
    )
    async with app.run_test(size=LARGE) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        text = screen_text(app)
        assert "lag 13.0k  falls 160/s, caught up in 1 min 21 s" in text
        assert "falls 250/s  in 36 s" in text
        assert "grows 90/s   not so" in text


async def test_the_cursor_passes_over_headings_and_stays_on_its_row(app, state, clock):
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        rows = app.screen.query_one(ClusterList)
        assert rows.selected == "broker:3"
        await press(pilot, "j", "j", "j")
        assert rows.selected == "part:alerts/0"
        await press(pilot, "k")
        assert rows.selected == "broker:2"
        state.apply_cluster(cluster(clock.at))
        await settle(pilot)
        assert rows.selected == "broker:2"
        await press(pilot, "G")
        assert rows.selected == "part:sensor-status/0"
        await press(pilot, "g")
        assert "BROKERS" in screen_text(app)


@pytest.mark.parametrize(
    ("keys", "question", "done"),
    [
        (("j", "s"), "Stop broker 1?", ("stop", 1)),
        (("j", "K"), "Kill broker 1?", ("kill", 1)),
        (("s",), "Start broker 3?", ("start", 3)),
    ],
)
async def test_a_drill_is_done_after_a_question(make_app, keys, question, done):
    drills = RecordingDrills()
    app = make_app(drills=drills)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "3", *keys)
        assert question in screen_text(app)
        await press(pilot, "enter", "n")
        assert drills.drills == []
        await press(pilot, *keys[-1:], "y")
        assert drills.drills == [done]


async def test_the_question_says_what_it_would_cost(make_app, clock):
    app = make_app(drills=RecordingDrills())
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "3", "j", "s")
        assert "1 of 3 would be left: the quorum is lost" in screen_text(app)
    app = make_app(make_plant(clock.at, broken=False), drills=RecordingDrills())
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "3", "s")
        assert "The other 2 go on" in screen_text(app)


async def test_a_drill_needs_a_broker_under_the_cursor_that_can_be_killed(make_app):
    drills = RecordingDrills()
    app = make_app(drills=drills)
    async with app.run_test(size=SMALL) as pilot:
        await settle(pilot)
        await press(pilot, "3", "K")
        assert "broker 3 is offline already" in screen_text(app)
        await press(pilot, "G", "s")
        assert "put the cursor on a broker first" in screen_text(app)
    assert drills.drills == []


async def test_brokers_elsewhere_and_viewers_have_no_key_for_it(make_app):
    for options in ({}, {"drills": RecordingDrills(), "read_only": True}):
        app = make_app(**options)
        async with app.run_test(size=SMALL) as pilot:
            await settle(pilot)
            await press(pilot, "3", "s")
            assert "Stop" not in screen_text(app)


async def test_notifications_that_wait_or_fail_are_said(app, state):
    state.apply_database(
        dataclasses.replace(
            state.database, notifications_waiting=3, notifications_failing=2, notifications_error="mail: \x1brefused"
        )
    )
    async with app.run_test(size=LARGE) as pilot:
        await settle(pilot)
        await press(pilot, "3")
        assert "▲ notifications 3 waiting, 2 failing  mail: ␛refused" in screen_text(app)
