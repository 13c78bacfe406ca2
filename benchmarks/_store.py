"""A store that keeps nothing: what detection itself costs, with alarms and their JSON but no database."""

from __future__ import annotations

from typing import Any

from controlroom.adapters.postgres.store import Claim, Committed, PartitionStore
from controlroom.core.alarms.model import Alarm
from controlroom.core.alert_handler import AlarmKey, concerned, handle
from controlroom.core.records import Batch


class NothingStored(PartitionStore):
    """Alarms live in memory; events are announced and forgotten."""

    def __init__(self, dsn: str, **settings: Any) -> None:  # noqa: ANN401 - as PartitionStore takes them
        super().__init__(dsn, **settings)
        self.moves = None
        self._alarms: dict[str, dict[AlarmKey, Alarm]] = {}

    async def claim(self, partitions: int = 0) -> Claim:
        """Nobody ever worked on it."""
        return Claim(None, None, 0)

    async def begin(self, offset: int) -> bool:
        """Always the first."""
        return True

    async def commit(self, batch: Batch) -> Committed:
        """Apply the batch to the alarms."""
        if not batch.signals:
            return Committed([], [], {})
        # Only those of the sensors that the batch concerns, as they are loaded from the database.
        sensors, groups = concerned(batch.signals)
        stored = {key: alarm for name in (*sensors, *groups) for key, alarm in self._alarms.get(name, {}).items()}
        handled = handle(batch.signals, stored, self._definitions)
        for key, alarm in handled.alarms.items():
            self._alarms.setdefault(key[0], {})[key] = alarm
        return Committed(handled.events, [0] * len(handled.events), handled.deadlines)
