"""The simulator's errors as the program's own, with what to do about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from controlroom.errors import ControlroomError, InputError, KafkaUnreachable
from kafka_clients.errors import BrokersUnreachable, ClientError, NotAllowed, TopicMissing
from simulator.errors import PlantFileError, ScenarioError, SimulatorError


@contextmanager
def translated() -> Iterator[None]:
    """Raise `ControlroomError`s where the simulator raises its own."""
    try:
        yield
    except BrokersUnreachable as error:
        raise KafkaUnreachable(str(error), hint="check that they run (`controlroom status`), and --brokers") from None
    except NotAllowed as error:
        raise KafkaUnreachable(str(error), hint="check the login and its rights") from None
    except TopicMissing as error:
        raise ControlroomError(str(error), hint="`controlroom setup` makes the topics") from None
    except PlantFileError as error:
        raise InputError(str(error), hint="mend the plant file") from None
    except ScenarioError as error:
        raise InputError(str(error), hint="mend the drill's file") from None
    except (SimulatorError, ClientError) as error:
        raise ControlroomError(str(error)) from None
