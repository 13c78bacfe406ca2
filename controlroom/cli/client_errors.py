"""Errors of the shared Kafka clients as the program's own, with what to do about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from controlroom.errors import ControlroomError, KafkaUnreachable
from kafka_clients.errors import BrokersUnreachable, ClientError, NotAllowed, TopicMissing


@contextmanager
def clients_translated() -> Iterator[None]:
    """Raise `ControlroomError`s where the clients that simulator and bridges share raise their own."""
    try:
        yield
    except BrokersUnreachable as error:
        raise KafkaUnreachable(str(error), hint="check that they run (`controlroom status`), and --brokers") from None
    except NotAllowed as error:
        raise KafkaUnreachable(str(error), hint="check the login and its rights") from None
    except TopicMissing as error:
        raise ControlroomError(str(error), hint="`controlroom setup` makes the topics") from None
    except ClientError as error:
        raise ControlroomError(str(error)) from None
