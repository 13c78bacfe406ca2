"""Where the readings of simulated sensors go when they do not go to `sensor-data`: as a device would send them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from controlroom.wire import SensorSpec
from simulator.sensor import Send


class Outlet(Protocol):
    """Takes readings. Commands, statuses and the sharing out of sensors stay with Kafka."""

    #: whether readings may go out: not when another simulator may have the sensors
    may_send: Callable[[], bool]

    @property
    def delivered(self) -> int:
        """Readings that were confirmed."""
        ...

    @property
    def waiting(self) -> int:
        """Readings that are not confirmed yet."""
        ...

    @property
    def dropped(self) -> int:
        """Readings that were given up."""
        ...

    async def start(self) -> None:
        """Connect.

        Raises:
            OutletUnreachable: the other side does not answer.
        """
        ...

    def sender(self, spec: SensorSpec) -> Send:
        """What a sensor sends its readings with."""
        ...

    async def room(self, most: int) -> None:
        """Wait until no more than so many readings wait, for some seconds at the most."""
        ...

    async def stop(self, patience: float) -> None:
        """Wait so many seconds at the most for what waits, and close."""
        ...
