"""What can go wrong in the simulator, for a person to read; what concerns the brokers is in `kafka_clients.errors`.

::

    SimulatorError             base
     +-- PlantFileError        a plant file is wrong; names the line's key
     +-- ScenarioError         the file of a drill is wrong; names the key
     +-- OutletError           where readings are to go is wrong
     +-- OutletUnreachable     where readings are to go nobody answers
"""

from __future__ import annotations


class SimulatorError(Exception):
    """Base of all: a message of one line."""


class PlantFileError(SimulatorError):
    """A plant file is wrong; the message names the key."""


class ScenarioError(SimulatorError):
    """The file of a drill is wrong; the message names the key."""


class OutletError(SimulatorError):
    """An address or a template of topics is wrong."""


class OutletUnreachable(SimulatorError):
    """Where readings are to go nobody answers."""
