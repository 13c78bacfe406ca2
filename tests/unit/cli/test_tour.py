"""`controlroom tour` injects a fault: it is for the local plant, on a terminal."""

from __future__ import annotations

from tests.command import run_here


def test_it_is_refused_on_another_plant_and_without_a_terminal(tmp_path):
    elsewhere = run_here(
        "tour", "--dir", str(tmp_path), KAFKA_BROKERS="kafka-1:9092", CONTROLROOM_DSN="postgresql://x/y"
    )
    assert elsewhere.returncode == 4
    assert "the tour injects a fault, so it is for the local plant alone" in elsewhere.stderr
    assert "no terminal to show the tour on" in run_here("tour", "--dir", str(tmp_path)).stderr
