"""Streaming anomaly detectors. They know floats and times; they import nothing of `controlroom`."""

from compiled import prefer

prefer(__name__, __path__)

from detectors.bank import SensorBank
from detectors.finding import Finding
from detectors.machine import MachineBank
from detectors.profile import Profile, profiles_from_toml
from detectors.stream import Scored, score_stream

__all__ = ["Finding", "MachineBank", "Profile", "Scored", "SensorBank", "profiles_from_toml", "score_stream"]
