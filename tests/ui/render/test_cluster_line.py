from __future__ import annotations

from dataclasses import replace

import pytest

from controlroom.core.bridges import BridgesView, BridgeView
from controlroom.core.plant_state import ClusterView, DatabaseView, PipelineView
from controlroom.ui.render.cluster_line import cluster_line
from controlroom.ui.render.glyphs import UNICODE
from controlroom.ui.render.line import Role, plain
from tests.fakes.bridges import bridge, source
from tests.fakes.clock import START
from tests.fakes.plant import cluster

NOW = START.timestamp()
DATABASE = DatabaseView(NOW, reachable=True, version="18.4", latency_ms=0.4)
PIPELINE = PipelineView(NOW, {0: 5, 1: 7}, {"w1": (0, 1)})


def said(clusters=None, database=None, pipeline=None, now: float = NOW) -> str:
    return plain(cluster_line(clusters, database, pipeline, now, UNICODE)).strip()


def test_partitions_that_nobody_reads_are_said() -> None:
    added = PipelineView(NOW, {0: 5, 1: 7, 2: 40}, {"w1": (0, 1)}, unclaimed=(2,))
    assert "1 partition unread, lag 52" in said(cluster(START), DATABASE, added)


def test_all_well():
    assert said(cluster(START), DATABASE, PIPELINE) == "brokers 3/3  ISR ok  lag 12  workers 1  db ok 0.4 ms"


def test_nothing_known():
    assert said() == "brokers ?  ISR ?  lag ?  workers ?  db ?"


@pytest.mark.parametrize(
    ("offline", "expected"),
    [
        ((2,), "▲ brokers 2/3  ▲ 7 under-replicated"),
        ((1, 2), "▲ brokers 1/3  ■ QUORUM LOST"),
    ],
)
def test_brokers_down(offline, expected):
    assert said(cluster(START, offline=offline)).startswith(expected)


def test_leaderless_is_said_before_under_replicated():
    view = replace(cluster(START, offline=(1, 2, 3)), quorum=True)
    assert "■ 7 leaderless" in said(view)


def test_no_broker_answers():
    view = ClusterView(NOW - 30, reachable=False, error="timed out")
    text = said(view, DATABASE, PipelineView(NOW, error="no brokers"))
    assert text.startswith("■ NO BROKER ANSWERS none 30s ago  ISR ?  lag ?  workers ?")


def test_old_knowledge_is_said_with_its_age():
    text = said(cluster(START), DATABASE, PIPELINE, now=NOW + 65)
    assert text == "brokers 3/3 1m ago  ISR ok  lag 12 1m ago  workers 1  db ok 0.4 ms 1m ago"


def test_no_worker_and_much_lag_are_abnormal():
    line = cluster_line(cluster(START), DATABASE, PipelineView(NOW, {0: 123_456}, {}), NOW, UNICODE)
    assert ("lag 123k", Role.WARN) in line
    assert ("no worker", Role.WARN) in line


def test_the_database_is_down():
    assert "■ DATABASE DOWN" in said(cluster(START), DatabaseView(NOW, reachable=False), PIPELINE)


def test_bridges_are_said_where_there_are_any() -> None:
    def of(*views: BridgeView) -> str:
        line = cluster_line(cluster(START), DATABASE, PIPELINE, NOW, UNICODE, BridgesView(NOW, views))
        return plain(line).strip()

    well, down = bridge("a", NOW), bridge("b", NOW, sources=(source("line", NOW, connected_since=None),))
    assert of() == "brokers 3/3  ISR ok  lag 12  workers 1  db ok 0.4 ms"
    assert "workers 1  bridges 1  db ok" in of(BridgeView(well, "runs"), BridgeView(down, "stopped"))
    assert "■ 1 source down" in of(BridgeView(well, "runs"), BridgeView(down, "runs"))
    assert "■ 2 bridges lost" in of(BridgeView(well, "lost"), BridgeView(down, "lost"))
    assert "▲ 1 bridge amiss" in of(BridgeView(bridge("c", NOW, kafka_since=None), "runs"))
