"""How often the screen is drawn: as often as was chosen, and less often while the terminal is slow to take it.

What is drawn waits in a short queue until the terminal takes it. A terminal that takes nothing (Ctrl-S, a dead link)
would fill the queue, and the next write would hold the screen's loop for ever. So nothing is drawn while something
waits, the pause doubles each time, and shrinks again with every drawing that goes through.

>>> rate = FrameRate()
>>> [rate.due(waiting, float(second)) for second, waiting in enumerate([0, 1, 1, 0, 0, 0, 0])]
[True, False, False, True, True, True, True]
"""

from __future__ import annotations

#: seconds between two drawings at the most: what a terminal that has become quick again waits for
LONGEST_S = 4.0
_FIRST_S = 0.5


class FrameRate:
    """Decides at each tick whether to draw."""

    def __init__(self) -> None:
        self._pause = 0.0
        self._not_before = 0.0

    @property
    def slow(self) -> bool:
        """Whether the terminal was slow to take what was drawn last."""
        return self._pause > 0

    def due(self, waiting: int, now: float) -> bool:
        """Whether to draw now.

        Args:
            waiting: pieces of output that the terminal has not taken yet.
            now: seconds of a clock that never goes back.
        """
        if waiting:
            self._pause = min(LONGEST_S, max(_FIRST_S, self._pause * 2))
            self._not_before = now + self._pause
            return False
        if now < self._not_before:
            return False
        self._pause = self._pause / 2 if self._pause > _FIRST_S else 0.0
        self._not_before = now + self._pause
        return True
