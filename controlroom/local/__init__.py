"""The local plant: three real Kafka brokers and a real PostgreSQL from packages, without Docker, root or Java."""

from __future__ import annotations

from controlroom.local.endpoints import Endpoints, locate
from controlroom.local.plant import LocalPlant
from controlroom.local.progress import Progress, Step
from controlroom.local.status import ComponentStatus, PlantStatus

__all__ = ["ComponentStatus", "Endpoints", "LocalPlant", "PlantStatus", "Progress", "Step", "locate"]
