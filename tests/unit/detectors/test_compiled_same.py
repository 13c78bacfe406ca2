"""Compiled and interpreted detectors give the same findings, scores and states, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiled import state
from detectors import Profile, SensorBank
from tests.unit.detectors.feed import ACTIONS, SHAPES, outcome

ROOT = Path(__file__).resolve().parents[3]
OTHER = "0" if state().used else "1"

PROFILES = st.fixed_dictionaries({
    "interval": st.sampled_from((None, 1.0, 60.0)),
    "warning_high": st.sampled_from((None, 30.0)),
    "range_high": st.sampled_from((None, 1e4)),
    "range_low": st.sampled_from((None, 0.0)),
    "rate_limit": st.sampled_from((None, 5.0)),
    "warm_up": st.sampled_from((10, 300)),
    "signal": st.sampled_from((None, None, "smooth", "noisy")),
})  # fmt: skip
PARTS = st.fixed_dictionaries({
    "shape": st.sampled_from(SHAPES),
    "count": st.integers(1, 800),
    "level": st.sampled_from((0.0, 20.0, -3.5, 1e6)),
    "size": st.sampled_from((0.2, 5.0, 1e-6, 0.0)),
    "pace": st.sampled_from((0.5, 1.0, 7.0, 60.0, 300.0)),
    "jitter": st.booleans(),
    "faults": st.booleans(),
    "load": st.booleans(),
    "action": st.sampled_from((None, None, *ACTIONS)),
})  # fmt: skip


@pytest.fixture(scope="module")
def other():
    """A process that runs the other way than this one."""
    if not state().used:
        ask = subprocess.run(
            [sys.executable, "-c", "import detectors"], cwd=ROOT, capture_output=True, check=False,
            env={**os.environ, "CONTROLROOM_COMPILED": "1"},
        )  # fmt: skip
        if ask.returncode:
            pytest.skip("nothing is compiled here")
    environment = {**os.environ, "CONTROLROOM_COMPILED": OTHER, "PYTHONPATH": str(ROOT)}
    program = [sys.executable, str(ROOT / "tests" / "unit" / "detectors" / "feed.py")]
    with subprocess.Popen(
        program, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def ask_other(case):
            process.stdin.write(json.dumps(case) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["compiled"] is not state().used
            return answer["said"]

        yield ask_other
        process.stdin.close()


@settings(max_examples=15, deadline=None)
@given(
    profile=PROFILES, parts=st.lists(PARTS, min_size=1, max_size=5), seed=st.integers(0, 2**32),
    start=st.sampled_from((0.0, 1.7e9)),
)  # fmt: skip
def test_any_signal_is_judged_the_same(other, profile, parts, seed, start):
    case = {"profile": profile, "parts": parts, "seed": seed, "start": start}
    assert outcome(case) == other(case)


@pytest.mark.parametrize("pace", [1.0, 300.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_signal_that_is_known_and_then_changes_is_judged_the_same(other, shape, pace):
    part = {"shape": shape, "count": 400, "level": 20.0, "size": 0.3, "pace": pace, "jitter": True}
    parts = [{**part, "faults": i > 0, "load": i % 2 == 0, "action": action} for i, action in enumerate(ACTIONS)]
    parts = [{**part, "count": 3000, "faults": False, "load": True, "action": None}, *parts]
    parts[4:4] = [{**parts[1], "level": 30.0, "action": None}, {**parts[1], "size": 3.0, "action": None}]
    case = {"profile": {"interval": pace, "unit": "°C"}, "parts": parts, "seed": 7, "start": 1.7e9}
    said = outcome(case)
    assert any(line.startswith("Finding(") for line in said)
    assert said == other(case)


def goes_on(now: object, saved: object) -> bool:
    """Whether a state has all that was saved; fields that were added since stand at the end of their array."""
    if not isinstance(saved, list):
        return now == saved
    return isinstance(now, list) and all(map(goes_on, now, saved)) and len(now) >= len(saved)


def test_a_state_that_was_saved_before_detectors_were_compiled_goes_on(other):
    saved = (Path(__file__).parent / "data" / "state_v4.bin").read_bytes()
    profile = {"interval": 1.0, "warning_high": 24.0}
    bank = SensorBank.load(Profile(**profile), saved)
    fields, again = (msgspec.msgpack.decode(data[1:]) for data in (saved, bank.dump()))
    assert sorted(again[8][0]) == ["level", "limit", "spike"]
    assert goes_on(again, fields)
    part = {"shape": "noise", "count": 2000, "level": 20.0, "size": 0.3, "pace": 1.0, "jitter": False}
    parts = [{**part, "faults": faults, "load": True, "action": None} for faults in (False, True)]
    case = {"profile": profile, "parts": parts, "seed": 1, "start": 9000.0, "seq": 9000, "state": saved.hex()}
    assert outcome(case) == other(case)


def test_the_cheap_bank_is_the_same(other):
    part = {"shape": "noise", "count": 600, "level": 20.0, "size": 0.3, "pace": 1.0, "jitter": True, "load": True}
    parts = [{**part, "faults": True, "action": action} for action in (None, "pause", "tick", "reject")]
    case = {"profile": {"warning_high": 20.5}, "parts": parts, "seed": 1, "start": 0.0, "cheap": True}
    assert outcome(case) == other(case)
