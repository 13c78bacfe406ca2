"""The score of a drill: what is put down to which fault, how late, and what nothing explains."""

from __future__ import annotations

from controlroom.core.drill_score import Score, Told, Truth, judged, score


def truth(fault_id: str = "drift-1", *, sensor: str = "s", start: float = 100, end: float = 200, **rest) -> Truth:
    return Truth(fault_id, "drift", frozenset({sensor}), frozenset({"zone:z"}), start, end, 4.0, **rest)


def told(at: float, *, sensor: str = "s", kind: str = "drift", event: str = "raised", **rest) -> Told:
    return Told(sensor, (kind,), event, at, "detector", "text", **({"annunciated": True, "own": True} | rest))


def scored(truths: list[Truth], events: list[Told]) -> Score:
    return score(truths, events, sensors=10, seconds=43_200, grace=60)


def test_the_first_alarm_in_the_fault_s_window_is_its_detection() -> None:
    result = scored([truth()], [told(130, kind="level"), told(109.5), told(50)])
    (fault,) = result.faults
    assert (fault.detected, fault.delay_s, fault.delay_samples, fault.kind) == (True, 9.5, 3, "drift")
    assert fault.kinds == ("drift", "level")
    assert [alarm.at for alarm in result.false_alarms] == [50]


def test_a_delay_in_readings_counts_the_first_one() -> None:
    for at, samples in ((100, 1), (103.9, 1), (104, 2), (108, 3)):
        assert scored([truth()], [told(at)]).faults[0].delay_samples == samples


def test_after_the_grace_an_alarm_is_a_false_one() -> None:
    assert scored([truth()], [told(260)]).false_alarms == ()
    late = scored([truth()], [told(261)])
    assert (late.detected, len(late.false_alarms)) == (0, 1)


def test_an_alarm_about_the_return_to_normal_is_explained_but_detects_nothing() -> None:
    result = scored([truth()], [told(204, kind="level")])
    assert (result.detected, result.faults[0].kinds, result.false_alarms) == (0, ("level",), ())
    # What was missing is seen when something arrives again.
    assert scored([truth()], [told(204, kind="dropout")]).detected == 1


def test_a_zone_rings_for_its_sensors_and_a_child_is_no_false_alarm() -> None:
    events = [told(120, sensor="zone:z", kind="group-silent"), told(119, sensor="other", own=False, annunciated=False)]
    result = scored([truth()], events)
    assert (result.faults[0].alarm, result.false_alarms, result.annunciations) == ("zone:z", (), 1)


def test_an_alarm_of_another_sensor_detects_nothing() -> None:
    result = scored([truth()], [told(120, sensor="t")])
    assert (result.detected, len(result.false_alarms)) == (0, 1)


def test_what_is_not_a_sign_to_an_operator_detects_nothing() -> None:
    assert scored([truth()], [told(120, event="pending"), told(121, event="clearing")]).detected == 0


def test_a_fault_must_be_named_for_what_it_is_if_that_is_asked() -> None:
    wanted = truth(kinds=frozenset({"drift"}), within=20.0)
    assert scored([wanted], [told(105, kind="spike")]).faults[0].failure == "not detected as drift"
    assert scored([wanted], [told(105, kind="spike"), told(110)]).faults[0].failure == ""
    assert scored([wanted], [told(130)]).faults[0].failure == "after 30 s, not within 20 s"


def test_rates_are_per_sensor_and_day() -> None:
    result = scored([], [told(1), told(2)])
    assert (result.sensor_days, result.false_alarms_per_sensor_day) == (5.0, 0.4)


def test_expectations_are_judged_one_by_one() -> None:
    result = scored([truth(), truth("drift-2", sensor="t", within=5.0)], [told(101)])
    found = judged(result, within=1, detected=0.5, false_alarms=0.0, annunciations=(2, 3))
    assert [(check.what, check.passed) for check in found.checks] == [
        ("faults detected in time", False),
        ("faults detected", True),
        ("false alarms per sensor-day", True),
        ("alarms that ring", False),
    ]
    assert not found.passed
    assert judged(result, within=0, detected=None, false_alarms=None, annunciations=None).passed
