"""How far sensors' clocks are off the brokers'."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

#: A clock that is further off than so many seconds is counted.
OFF_S = 60.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of many sensors.

    Attributes:
        ahead, behind: how many are off by more than OFF_S.
        most_ahead, most_behind: the largest differences, seconds; 0 without any.
    """

    ahead: int = 0
    behind: int = 0
    most_ahead: float = 0.0
    most_behind: float = 0.0

    @classmethod
    def of(cls, differences: Iterable[float]) -> Clocks:
        """Of the differences in seconds; positive: ahead.

        >>> Clocks.of([0.2, -7200.0, 600.0, 90.0])
        Clocks(ahead=2, behind=1, most_ahead=600.0, most_behind=7200.0)
        """
        known = list(differences)
        return cls(
            sum(difference > OFF_S for difference in known),
            sum(difference < -OFF_S for difference in known),
            max(0.0, *known) if known else 0.0,
            max(0.0, *(-difference for difference in known)) if known else 0.0,
        )
