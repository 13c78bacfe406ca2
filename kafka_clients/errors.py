"""What can go wrong between a client and the brokers, for a person to read.

::

    ClientError                base
     +-- BrokersUnreachable    no Kafka broker answers
     +-- TopicMissing          a topic that must be there is not
     +-- NotAllowed            the brokers refuse us what we ask for
"""

from __future__ import annotations


class ClientError(Exception):
    """Base of all: a message of one line."""


class BrokersUnreachable(ClientError):
    """No Kafka broker answers."""


class TopicMissing(ClientError):
    """A topic that must be there is not."""


class NotAllowed(ClientError):
    """The brokers refuse us what we ask for: the login, or the use of a topic."""
