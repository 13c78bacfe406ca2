"""What keys do to the sensor or alarm under the cursor, for the bottom line: binding id -> words, empty for nothing."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.core.sensor_view import SensorView
from controlroom.ui.alarm_target import AlarmTarget

_OF_SIMULATED = ("sensor.pause", "sensor.rerate", "sensor.inject", "sensor.clear", "sensor.remove")


def sensor_words(views: Sequence[SensorView]) -> dict[str, str]:
    """Of sensors: a real one takes no orders, a paused one is resumed, and only a fault that acts can be cleared.

    >>> view = SensorView("s")
    >>> sorted(sensor_words([view])) == sorted(_OF_SIMULATED)
    True
    >>> view.simulated, view.state = True, "paused"
    >>> sensor_words([view])
    {'sensor.pause': 'Resume', 'sensor.clear': ''}
    """
    simulated = [view for view in views if view.simulated]
    if not simulated:
        return dict.fromkeys(_OF_SIMULATED, "")
    words = {}
    if all(view.state == "paused" for view in simulated):
        words["sensor.pause"] = "Resume"
    if not any(view.faults for view in simulated):
        words["sensor.clear"] = ""
    return words


def alarm_words(targets: Sequence[AlarmTarget]) -> dict[str, str]:
    """Of alarms: what does not wait is not acknowledged, what is shelved is un-shelved, what is latched is reset.

    >>> alarm_words([AlarmTarget("s", "limit", "o", 1, "LATCHED")])
    {'alarm.ack': '', 'alarm.reset': 'Reset the latch'}
    >>> alarm_words([AlarmTarget("s", "limit", "o", 1, "SHELVED")])
    {'alarm.ack': '', 'alarm.shelve': '', 'alarm.unshelve': 'Un-shelve'}
    """
    states = {target.state for target in targets}
    words = {}
    if not any(target.unacked for target in targets):
        words["alarm.ack"] = ""
    if not states - {"SHELVED"}:
        words["alarm.shelve"] = ""
    if "SHELVED" in states:
        words["alarm.unshelve"] = "Un-shelve"
    if "OUT_OF_SERVICE" in states:
        words["alarm.service"] = "Back to service"
    if "LATCHED" in states:
        words["alarm.reset"] = "Reset the latch"
    return words
