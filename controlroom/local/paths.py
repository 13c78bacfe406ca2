"""Where the local plant keeps what: one directory per plant, and a cache that all plants of a user share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PlantPaths:
    """The layout of one plant's directory (version 1, see `controlroom.local.state`)."""

    root: Path

    @property
    def state(self) -> Path:
        """`plant.json`: what runs, on which ports."""
        return self.root / "plant.json"

    @property
    def lock(self) -> Path:
        """Held by whoever starts, stops or cleans the plant."""
        return self.root / ".lock"

    @property
    def password(self) -> Path:
        """The database's password; mode 0600."""
        return self.root / "database.password"

    @property
    def logs(self) -> Path:
        """Logs of all components, bounded in size."""
        return self.root / "logs"

    @property
    def database(self) -> Path:
        """PostgreSQL's data directory."""
        return self.root / "postgres"

    def broker_data(self, broker: int) -> Path:
        """The log directory of broker `broker` (1, 2, 3)."""
        return self.root / "kafka" / f"broker-{broker}"

    def broker_properties(self, broker: int) -> Path:
        """The configuration file of broker `broker`, rewritten at each start."""
        return self.root / "kafka" / f"broker-{broker}.properties"

    @property
    def log4j(self) -> Path:
        """The brokers' logging configuration, rewritten at each start."""
        return self.root / "kafka" / "log4j2.properties"


def cache_dir() -> Path:
    """The directory of fetched files and class caches, shared by all plants of this user.

    `CONTROLROOM_CACHE` overrides the platform's own place for caches.
    """
    override = os.environ.get("CONTROLROOM_CACHE")
    if override:
        return Path(override).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("controlroom", appauthor=False)
