"""How the terminal program behaves: everything that is not the plant itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from controlroom.core.plant_state import PlantState
from controlroom.core.terminal import ascii_only, has_colour
from controlroom.ports import (
    AlarmActions,
    BrokerDrills,
    Clock,
    History,
    LearningControl,
    SessionReplay,
    ShiftLog,
    TrendLibrary,
)

#: the smallest terminal that shows everything: columns, lines
LEAST_SIZE = (80, 24)
#: frames a second at the most; a plant is watched, not played
_FRAMES = "10"
#: looks at the plant a second, at the most; what did not change costs nothing
LOCAL_RATE = 5.0
#: over SSH a screenful of changes takes longer to send than to draw
SSH_RATE = 2.0


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class UiOptions:
    """How the terminal program behaves."""

    #: what plant this is, for the header: "local plant", or the brokers' address
    banner: str = "local plant"
    clock: Clock = field(default_factory=SystemClock)
    #: looks at the plant a second
    refresh_rate: float = LOCAL_RATE
    #: shapes of ASCII alone
    ascii: bool = False
    #: whether the terminal has colours
    colour: bool = True
    #: a viewer: no key that changes anything
    read_only: bool = False
    #: for who is logged in by a forced command of SSH: no files, no links, no way to a shell
    restricted: bool = False
    #: shown in a browser: there is no terminal, but pipes to a server
    browser: bool = False
    mouse: bool = True
    #: the lowest priority of the alarms that ring the terminal's bell; off: none does
    bell: str = "off"
    theme: str | None = None
    #: binding id -> keys, as Textual's `App.set_keymap` takes them
    keymap: Mapping[str, str] = field(default_factory=dict)
    #: the wall mode: seconds until a page is turned; None: somebody sits here
    wall: float | None = None
    #: begins with the guided tour, which injects a fault: for a local plant
    tour: bool = False
    #: opens with the detail of this sensor
    sensor_id: str | None = None
    #: who gives the orders; stands in the faults that are injected
    operator: str = ""
    #: takes the operator's actions on alarms; None: none can be taken here, and there is no key for them
    alarms: AlarmActions | None = None
    #: takes what the operator tells the detectors; None: nobody does here, and there is no key for it
    learning: LearningControl | None = None
    #: takes the operator's questions to the database; None: only what is in memory is shown
    history: History | None = None
    #: takes notes of the shift and hands it over; None: there is no key for it
    shift: ShiftLog | None = None
    #: keeps trends by name for all operators; None: nobody does here, and there is no key for it
    trends: TrendLibrary | None = None
    #: stops, kills and starts brokers; None: these are not of a local plant, and there is no key for it
    drills: BrokerDrills | None = None
    #: a recording is shown, not a plant: gives the keys to play it, and takes away every other that does something
    replay: SessionReplay | None = None
    #: where the state is now; None: it is the one that the program was started with
    current_state: Callable[[], PlantState] | None = None
    #: called once when the operator quits, before the screen is given back
    on_quit: Callable[[], None] = lambda: None
    #: whether the process was asked to end (SIGTERM, SIGHUP): looked at with every tick
    stopping: Callable[[], bool] = lambda: False


def options_for(environ: Mapping[str, str], **given: object) -> UiOptions:
    """The options for a terminal that is described by its environment; what is `given` (and not None) wins.

    Over SSH (`SSH_CONNECTION`) the screen is drawn less often and the mouse is left to the terminal.
    """
    remote = bool(environ.get("SSH_CONNECTION"))
    defaults: dict[str, object] = {
        "ascii": ascii_only(environ),
        "colour": has_colour(environ.get("TERM", "")),
        "refresh_rate": SSH_RATE if remote else LOCAL_RATE,
        "mouse": not remote,
    }
    return UiOptions(**{**defaults, **{key: value for key, value in given.items() if value is not None}})  # type: ignore[arg-type]  # the caller's names are UiOptions' own


def before_textual() -> None:
    """Textual reads its own settings from the environment once, when it is imported: this comes before."""
    os.environ.setdefault("TEXTUAL_FPS", _FRAMES)
