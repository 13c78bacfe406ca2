"""Which alarms ring the terminal's bell: each new one of a priority that was chosen, once.

>>> [AlarmBell("medium", 0.0).rings_for(priority) for priority in ("low", "medium", "high", "unheard-of")]
[False, True, True, True]
"""

from __future__ import annotations

from itertools import islice

from controlroom.core.plant_state import PlantState

_PRIORITIES = ("low", "medium", "high")


class AlarmBell:
    """Looks at what was annunciated since it looked last.

    Args:
        priority: the lowest that rings; `off`: none does.
        since: alarms from before do not ring, seconds since the epoch.
    """

    def __init__(self, priority: str, since: float) -> None:
        self._least = _PRIORITIES.index(priority) if priority in _PRIORITIES else None
        self._since = since
        self._state: PlantState | None = None
        self._heard = 0

    def rings_for(self, priority: str) -> bool:
        """Whether an alarm of this priority rings; one that is not known does, unless the bell is off."""
        if self._least is None:
            return False
        return priority not in _PRIORITIES or _PRIORITIES.index(priority) >= self._least

    def look(self, state: PlantState) -> int:
        """How many alarms have come, or come again, that wait for an operator and ring."""
        if self._least is None or (state.feed_version == self._heard and state is self._state):
            return 0
        fresh = state.feed_version - self._heard if state is self._state else state.feed_version
        self._state, self._heard = state, state.feed_version
        events = list(state.feed)
        # Nobody is rung for what has been acknowledged, shelved or is over by now.
        return sum(
            event.annunciated
            and event.timestamp.timestamp() >= self._since
            and self.rings_for(event.priority)
            and (alarm := state.live_alarm(event.sensor_id, event.kind)) is not None
            and alarm.unacked
            and alarm.occurrence_id == event.occurrence_id
            for event in islice(events, max(0, len(events) - fresh), None)
        )
