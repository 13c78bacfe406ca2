"""Drills from the control room: a broker of the local plant is stopped, killed or started while the screen goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from controlroom.core.plant_state import PlantState
from controlroom.errors import ControlroomError
from controlroom.local.plant import LocalPlant


class LocalDrills:
    """Implements `controlroom.ports.BrokerDrills`, one drill after the other, each on a thread of its own.

    Args:
        plant: the plant, as an object of the drills' own: what is stopped and started here still belongs to who
            started it first.
        state: where the outcome is told.
    """

    def __init__(self, plant: LocalPlant, state: PlantState) -> None:
        self._plant = plant
        self._state = state
        self._turn = threading.Lock()

    def stop(self, broker_id: int) -> None:
        """End a broker in good order."""
        self._do("stopping", "stopped", broker_id, lambda: self._plant.broker(broker_id).stop())

    def kill(self, broker_id: int) -> None:
        """End a broker as a crash would."""
        self._do("killing", "killed", broker_id, lambda: self._plant.broker(broker_id).kill())

    def start(self, broker_id: int) -> None:
        """Start a broker that does not run."""
        self._do("starting", "started", broker_id, lambda: self._plant.broker(broker_id).start())

    def _do(self, doing: str, done: str, broker_id: int, work: Callable[[], None]) -> None:
        def run() -> None:
            with self._turn:
                self._state.notify(f"{doing} broker {broker_id}", datetime.now(UTC))
                try:
                    work()
                except (ControlroomError, OSError) as error:
                    self._state.notify(f"broker {broker_id}: {error}", datetime.now(UTC), "error")
                else:
                    self._state.notify(f"broker {broker_id} {done}", datetime.now(UTC))

        # A daemon: whoever quits meanwhile waits for the plant's lock, not for this thread.
        threading.Thread(target=run, name=f"drill-{broker_id}", daemon=True).start()
