"""Every error that a user may meet, in one hierarchy.

::

    ControlroomError            exit 1   anything that went wrong and is not below
     +-- ConfigError            exit 4   a setting or a configuration file is wrong
 |    +-- ProgramTooOld              a newer version has migrated the database, or saved detector states
     +-- InputError             exit 4   a file or a value that the user gave is wrong
     +-- Unreachable            exit 3   something that must be there does not answer
     |    +-- KafkaUnreachable
     |    +-- DatabaseUnreachable
     +-- PlantError             exit 5   the local plant could not be brought up or down
     |    +-- PortTaken
     |    +-- NoSpace
     |    +-- FetchFailed                what the plant is made of could not be fetched, or its hash is wrong
     |    +-- NotRunning
     +-- TerminalError          exit 6   this terminal cannot show the control room
     +-- ActionRefused          exit 8   an action was not done: the alarm, or the database, does not allow it
     |    +-- NotAllowed                 nor does the database: its login may look but not act
     +-- DrillFailed            exit 9   a drill was run, and something was not as its file expects
     +-- Fenced                          internal: another worker owns the partition now
     +-- Stalled                exit 7   the watchdog: lag, but no progress

Exit status 2 is click's own (a usage error), 0 is success and also a requested end (SIGTERM, `q`), 130 an interrupted
one-off command. The message is one line for the operator: what is wrong; `hint` says what to do about it.
"""

from __future__ import annotations

from typing import ClassVar


class ControlroomError(Exception):
    """Base of all: a one-line message, and a hint that says what to do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class ConfigError(ControlroomError):
    """A setting or a configuration file is wrong, or the program is older than the database."""

    exit_code = 4


class ProgramTooOld(ConfigError):
    """A newer version of the program has migrated the database, or saved detector states there."""


class InputError(ControlroomError):
    """A file or a value that the user gave is wrong."""

    exit_code = 4


class Unreachable(ControlroomError):
    """Something that must be there does not answer."""

    exit_code = 3


class KafkaUnreachable(Unreachable):
    """No Kafka broker answers."""


class DatabaseUnreachable(Unreachable):
    """PostgreSQL does not answer, or refuses the login."""


class PlantError(ControlroomError):
    """The local plant could not be brought up or down."""

    exit_code = 5


class PortTaken(PlantError):
    """A port that was asked for is used by another program."""


class NoSpace(PlantError):
    """The file system has no room left for the plant."""


class FetchFailed(PlantError):
    """What the plant is made of could not be fetched, or its hash is wrong."""


class NotRunning(PlantError):
    """The command needs a running plant and there is none."""


class TerminalError(ControlroomError):
    """This terminal cannot show the control room."""

    exit_code = 6


class ActionRefused(ControlroomError):
    """An action on an alarm, or a restore, was not done, and why."""

    exit_code = 8


class NotAllowed(ActionRefused):
    """The database's login may look but not act."""


class DrillFailed(ControlroomError):
    """A drill was run to its end, and something was not as its file expects."""

    exit_code = 9


class Fenced(ControlroomError):
    """Another worker has claimed the partition since: whatever this one computed must be dropped."""


class Stalled(ControlroomError):
    """The watchdog's verdict: there is lag and a healthy database, but no progress."""

    exit_code = 7
