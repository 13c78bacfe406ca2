"""The same readings give the same alarms, however they are cut; a sine riding on a limit rings once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.core.alarms import events
from controlroom.core.alarms.definitions import Definition, Definitions
from controlroom.core.alarms.lifecycle import step
from controlroom.core.alarms.model import Severity, decode_alarm, encode_alarm, new_alarm
from controlroom.core.alarms.transitions import Transition
from detectors.limits import Limits

DEFAULT = Definitions().resolve("temp-1", "temperature", "limit")


def findings(readings: Iterable[tuple[float, float]]):
    """Per reading its event time and what the limit detector says, with its own deadband, when the level changes."""
    limits = Limits.of(35.0, 40.0, None, None, None)
    level = 0
    for at, value in readings:
        new = limits.update(value)
        event: events.Detected | events.Returned | None = None
        if new != level:
            event = (
                events.Detected(at=at, severity=Severity.of_level(new), value=value) if new else events.Returned(at=at)
            )
        level = new
        yield at, event


def run(definition: Definition, readings: Sequence[tuple[float, float]], cuts: Sequence[bool]) -> list[Transition]:
    """Readings through the lifecycle; at a cut the batch ends: time is told and the state is stored and loaded."""
    alarm = new_alarm("temp-1", "limit")
    journal: list[Transition] = []
    for (at, event), cut in zip(findings(readings), cuts, strict=True):
        for happening in ([event] if event is not None else []) + ([events.TimePassed(at=at)] if cut else []):
            outcome = step(alarm, happening, definition)
            journal.extend(outcome.transitions)
            alarm = outcome.state
        if cut:
            alarm = decode_alarm(encode_alarm(alarm))
    journal.extend(step(alarm, events.TimePassed(at=readings[-1][0]), definition).transitions)
    return journal


@settings(deadline=None)  # a busy machine is no failure
@given(
    data=st.data(),
    values=st.lists(st.floats(min_value=25, max_value=45), min_size=2, max_size=60),
    gaps=st.lists(st.sampled_from([0.0, 1.0, 3.0, 10.0, 31.0]), min_size=60, max_size=60),
    on_delay=st.sampled_from([0.0, 4.0, 10.0]),
    off_delay=st.sampled_from([0.0, 10.0, 30.0]),
)
def test_transitions_do_not_depend_on_how_readings_are_cut_into_batches(data, values, gaps, on_delay, off_delay):
    definition = Definition(on_delay_s=on_delay, off_delay_s=off_delay, stale_s=100)
    at, readings = 1000.0, []
    for value, gap in zip(values, gaps, strict=False):
        at += gap
        readings.append((at, value))
    cuts = data.draw(st.lists(st.booleans(), min_size=len(readings), max_size=len(readings)))
    one_batch = run(definition, readings, [False] * len(readings))
    assert run(definition, readings, cuts) == one_batch
    assert run(definition, readings, [True] * len(readings)) == one_batch


@pytest.mark.parametrize("period", [12.0, 47.0, 600.0])
@pytest.mark.parametrize("amplitude", [0.3, 2.0, 4.5])
def test_a_sine_riding_on_a_limit_rings_once(period, amplitude):
    readings = [(t, 35.0 + amplitude * math.sin(2 * math.pi * t / period)) for t in range(0, 14_400, 3)]
    journal = run(DEFAULT, readings, [True] * len(readings))
    assert [t.kind for t in journal if t.annunciated] == ["raised"]
    assert len({t.occurrence_id for t in journal}) == 1


def test_a_sine_that_was_acked_stays_one_occurrence_while_it_rides():
    readings = [(float(t), 35.0 + 2.0 * math.sin(2 * math.pi * t / 47.0)) for t in range(0, 3_600, 3)]
    alarm = new_alarm("temp-1", "limit")
    rings = 0
    for at, event in findings(readings):
        outcome = step(alarm, event or events.TimePassed(at=at), DEFAULT)
        rings += sum(t.annunciated for t in outcome.transitions)
        alarm = outcome.state
        if at == 900:
            ack = events.Ack(at=at, who="ann", occurrence_id=alarm.occurrence_id, version=alarm.version)
            alarm = step(alarm, ack, DEFAULT).state
    assert rings == 1
    assert alarm.acked_by == "ann"
    assert alarm.recurrences > 50
