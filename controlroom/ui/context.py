"""What every screen and widget works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from controlroom.core.plant_state import PlantState
from controlroom.ports import OperatorCommands
from controlroom.ui.options import UiOptions
from controlroom.ui.palette import Palette
from controlroom.ui.render.glyphs import ASCII, UNICODE, Glyphs
from controlroom.ui.render.header import RateMeter
from controlroom.ui.render.trend_window import TrendWindow
from controlroom.ui.tour import Tour


@dataclass(slots=True)
class Context:
    """The plant as it was last seen, the way to give orders, and how things look."""

    state: PlantState
    commands: OperatorCommands
    options: UiOptions
    #: changes with the theme
    palette: Palette
    #: readings a second, the same on every screen
    meter: RateMeter = field(default_factory=RateMeter)
    #: the trend that was shown last
    trend: TrendWindow = field(default_factory=TrendWindow)
    #: the guided tour; None: there is none
    tour: Tour | None = None

    @property
    def glyphs(self) -> Glyphs:
        """The shapes that this terminal can show."""
        return ASCII if self.options.ascii else UNICODE

    @property
    def viewer(self) -> bool:
        """Whether who sits here may only look: it was asked for, or the database's login may not act."""
        if self.options.read_only or self.options.wall is not None or self.options.replay is not None:
            return True
        database = self.state.database
        return database is not None and database.figures is not None and not database.figures.may_act

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.options.clock.now().timestamp()
