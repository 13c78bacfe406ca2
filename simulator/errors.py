"""What can go wrong in the simulator, for a person to read.

::

    SimulatorError             base
     +-- BrokersUnreachable    no Kafka broker answers
     +-- TopicMissing          a topic that must be there is not
     +-- NotAllowed            the brokers refuse us what we ask for
     +-- PlantFileError        a plant file is wrong; names the line's key
     +-- ScenarioError         the file of a drill is wrong; names the key
"""

from __future__ import annotations


class SimulatorError(Exception):
    """Base of all: a message of one line."""


class BrokersUnreachable(SimulatorError):
    """No Kafka broker answers."""


class TopicMissing(SimulatorError):
    """A topic that must be there is not."""


class NotAllowed(SimulatorError):
    """The brokers refuse us what we ask for: the login, or the use of a topic."""


class PlantFileError(SimulatorError):
    """A plant file is wrong; the message names the key."""


class ScenarioError(SimulatorError):
    """The file of a drill is wrong; the message names the key."""
