"""The application: wiring alone. Screens show the plant, `Context` carries what they work with."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.command import CommandPalette
from textual.driver import Driver
from textual.events import Resize
from textual.screen import Screen

from controlroom.core.plant_state import PlantState
from controlroom.core.sensor_view import SensorView
from controlroom.ports import OperatorCommands
from controlroom.ui.alarm_bell import AlarmBell
from controlroom.ui.bindings import APP, REPLAY, TOUR
from controlroom.ui.context import Context
from controlroom.ui.frame_rate import FrameRate
from controlroom.ui.key_index import Place, keys_elsewhere
from controlroom.ui.keys_in_turn import KeysInTurn
from controlroom.ui.options import LEAST_SIZE, UiOptions
from controlroom.ui.palette import Palette
from controlroom.ui.palette_commands import KeyCommands, SensorCommands
from controlroom.ui.render.help import KeyEntry
from controlroom.ui.restrictions import Restrictions
from controlroom.ui.screens.alarm import AlarmScreen
from controlroom.ui.screens.alarms import AlarmsScreen
from controlroom.ui.screens.cluster import ClusterScreen
from controlroom.ui.screens.handover import HandoverScreen
from controlroom.ui.screens.help import Help
from controlroom.ui.screens.inject import same_fault
from controlroom.ui.screens.machine import MachineScreen
from controlroom.ui.screens.overview import OverviewScreen
from controlroom.ui.screens.plant_screen import PlantScreen
from controlroom.ui.screens.sensor import SensorScreen
from controlroom.ui.screens.simulator import SimulatorScreen
from controlroom.ui.screens.too_small import TooSmall
from controlroom.ui.screens.trends import TrendScreen
from controlroom.ui.terminal_driver import driver_for
from controlroom.ui.theme import DEFAULT, THEMES
from controlroom.ui.tour import FAULT, MAGNITUDE, Tour
from controlroom.ui.wall import ACTIONS, next_mode
from controlroom.wire import FaultSpec

_MODES: dict[str, type[PlantScreen]] = {
    "overview": OverviewScreen,
    "alarms": AlarmsScreen,
    "cluster": ClusterScreen,
    "simulator": SimulatorScreen,
}
#: in this order, of what can be done on several of them
_PLACES = (
    Place(AlarmsScreen, "Alarms", "alarms"),
    Place(OverviewScreen, "Overview", "overview"),
    Place(SimulatorScreen, "Simulator", "simulator"),
    Place(ClusterScreen, "Cluster", "cluster"),
    Place(SensorScreen, "a sensor (Enter)"),
    Place(AlarmScreen, "an alarm (2, h)"),
    Place(MachineScreen, "a machine (d)"),
    Place(TrendScreen, "a trend (v)"),
    Place(HandoverScreen, "the shift (2, H)"),
)
_RATES = (0.5, 1.0, 2.0, 5.0, 10.0)


class ControlRoomApp(KeysInTurn, Restrictions):
    """The control room.

    Args:
        state: the plant as the link's thread writes it; it is read a few times a second.
        commands: where orders go.
        options: how the program behaves.
    """

    CSS_PATH = Path(__file__).parent / "styles" / "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*APP, *REPLAY, *TOUR]
    # Without Textual's own provider: what it would find, `KeyCommands` does, always in the same order.
    COMMANDS = {KeyCommands, SensorCommands}  # noqa: RUF012 - Textual declares it so
    TITLE = "controlroom"
    # Ours is among the bindings, where it can be given another key.
    COMMAND_PALETTE_BINDING = "f20"
    HORIZONTAL_BREAKPOINTS = [(0, "-small"), (100, "-narrow"), (190, "-wide")]  # noqa: RUF012 - Textual declares it per instance
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012 - as above

    def __init__(self, state: PlantState, commands: OperatorCommands, options: UiOptions) -> None:
        super().__init__(driver_class=_driver_for(options))
        for theme in THEMES:
            self.register_theme(theme)
        self.restricted = options.restricted
        self.theme = options.theme or DEFAULT
        for name in set(self.available_themes) - {theme.name for theme in THEMES}:
            self.unregister_theme(name)
        self.context = Context(state, commands, options, self._palette(options))
        if options.tour:
            self.context.tour = Tour(commands, self._fault_of_tour, options.keymap)
        self.animation_level = "none"
        self._rate = options.refresh_rate
        self._viewer = options.read_only or options.wall is not None or options.replay is not None
        self._frame_rate = FrameRate()
        self._bell = AlarmBell(options.bell, self.context.now())

    def _palette(self, options: UiOptions) -> Palette:
        colour = options.colour and not self.no_color
        return Palette(self.current_theme.variables, ascii_only=options.ascii, colour=colour)

    def on_mount(self) -> None:
        """Make the screens and begin to look at the plant."""
        options = self.context.options
        for name, screen in _MODES.items():
            self.add_mode(name, partial(screen, self.context))
        self.set_class(options.ascii, "-ascii")
        self.set_class(not options.colour, "-colourless")
        self.set_keymap(dict(options.keymap))
        self.theme_changed_signal.subscribe(self, lambda _: self._restyle())
        self.app_resume_signal.subscribe(self, lambda _: self._paint_all())
        self.switch_mode("overview")
        if options.sensor_id is not None:
            self.push_screen(SensorScreen(self.context, options.sensor_id))
        self._timer = self.set_interval(1 / self._rate, self.tick)
        if options.wall is not None:
            self.set_interval(options.wall, self.turn_page)

    def on_plant_screen_sensor_wanted(self, wanted: PlantScreen.SensorWanted) -> None:
        """Show one sensor, over the screen that it was chosen on."""
        self.push_screen(SensorScreen(self.context, wanted.sensor_id))

    def on_plant_screen_trend_wanted(self, wanted: PlantScreen.TrendWanted) -> None:
        """Show the trend; if it is below another screen already, go back to it."""
        if any(isinstance(screen, TrendScreen) for screen in self.screen_stack):
            while not isinstance(self.screen, TrendScreen):
                self.pop_screen()
        else:
            self.push_screen(TrendScreen(self.context))

    def tick(self) -> None:
        """Bring the screens up to date: a few times a second, by a timer."""
        if self.context.options.stopping():
            self.action_leave()
            return
        if not self._frame_rate.due(self._waiting(), time.monotonic()):
            return
        if self.context.options.current_state is not None:
            self.context.state = self.context.options.current_state()
        self._look_at_role()
        if self._bell.look(self.context.state):
            self.bell()
        if self.context.tour is not None:
            self.context.tour.tick(self.context.state, self.context.now(), type(self.screen).__name__)
        # A screen below a form is seen through it, so it goes on; what is covered costs nothing.
        for screen in reversed(self.screen_stack):
            if isinstance(screen, PlantScreen):
                screen.tick()
            if not screen.is_modal:
                break

    def turn_page(self) -> None:
        """On a wall: the next page of the list, or the next screen."""
        screen = self.screen
        if isinstance(screen, PlantScreen) and not screen.turn_page():
            self.action_show_mode(next_mode(self.current_mode))
        self.tick()

    def _waiting(self) -> int:
        """Pieces of output that the terminal has not taken yet."""
        # Textual has no public way to ask; should it change, the terminal is taken for a quick one.
        queue = getattr(getattr(self._driver, "_writer_thread", None), "_queue", None)
        return queue.qsize() if queue is not None else 0

    def _look_at_role(self) -> None:
        """Keys that change anything go when the database says that its login may not act, and come when it may."""
        viewer, database = self.context.viewer, self.context.state.database
        if viewer is self._viewer:
            return
        self._viewer = viewer
        self.screen.refresh_bindings()
        if viewer and database is not None and database.figures is not None and not database.figures.may_act:
            said = f"the database login {database.figures.user} may look, not act: keys that change anything are gone"
            self.context.state.notify(said, self.context.options.clock.now(), "warning")

    def _paint_all(self) -> None:
        """After a suspension (SIGTSTP, `fg`) the terminal is empty: what has not changed must be sent again, too."""
        for screen in self.screen_stack:
            screen.refresh(layout=True)

    def _restyle(self) -> None:
        self.context.palette = self._palette(self.context.options)
        for screen in self.screen_stack:
            if isinstance(screen, PlantScreen):
                screen.restyle()

    def on_resize(self, event: Resize) -> None:
        """Say so when the terminal becomes smaller than what is supported, as long as it is."""
        small = event.size.width < LEAST_SIZE[0] or event.size.height < LEAST_SIZE[1]
        shown = isinstance(self.screen, TooSmall)
        if small and not shown:
            self.push_screen(TooSmall())
        elif shown and not small:
            self.pop_screen()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Of Textual's own commands only the choice of a theme; the keys' actions are found by `KeyCommands`."""
        yield SystemCommand("Theme", "Dark, light, high contrast", self.action_change_theme)

    def action_show_mode(self, name: str) -> None:
        """Show one of the numbered screens."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.switch_mode(name)

    def action_command_palette(self) -> None:
        """Commands and sensors, found by typing."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(placeholder="a command, or a sensor", id="--command-palette"))

    def action_help(self) -> None:
        """The keys as they are bound now."""
        self.push_screen(
            Help(self.context, list(self.screen.active_bindings.values()), self.keys_elsewhere(self.screen))
        )

    def keys_elsewhere(self, here: Screen[object]) -> list[KeyEntry]:
        """The keys of all screens but this one."""
        return keys_elsewhere(self, self.context, _PLACES, type(here))

    def action_leave(self) -> None:
        """Quit."""
        if self.context.tour is not None:
            self.context.tour.leave()
        self.context.options.on_quit()
        self.exit(0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A plant cannot be paused or played again: only a recording can. There is not always a tour."""
        if self.context.options.wall is not None and action not in ACTIONS:
            return False
        if action == "tour":
            return self.context.tour is not None and not self.context.tour.ended
        return action != "replay" or self.context.options.replay is not None

    def action_replay(self, what: str, *arguments: float) -> None:
        """Pause, step, seek, faster, slower: of a recording."""
        replay = self.context.options.replay
        if replay is not None:
            {"toggle": replay.toggle, "step": replay.step, "faster": replay.faster, "slower": replay.slower}.get(
                what, lambda: replay.seek(*arguments)
            )()
            self.tick()

    def action_tour(self, what: str) -> None:
        """Go on, back, or leave the guided tour."""
        tour = self.context.tour
        if tour is not None:
            {"next": tour.next, "back": tour.back, "leave": tour.leave}[what]()
            if tour.ended:
                self.context.state.notify("the tour has ended", self.context.options.clock.now())
            self.tick()
            self.screen.refresh_bindings()

    def _fault_of_tour(self, view: SensorView, now: float) -> FaultSpec:
        by = self.context.options.operator
        some = FaultSpec(fault_id="-", fault=FAULT, start=datetime.now(UTC), magnitude=MAGNITUDE, by=by)
        return same_fault(some, view, now)

    def action_faster(self) -> None:
        """Look at the plant more often."""
        self._set_rate(min((rate for rate in _RATES if rate > self._rate), default=_RATES[-1]))

    def action_slower(self) -> None:
        """Look at the plant less often."""
        self._set_rate(max((rate for rate in _RATES if rate < self._rate), default=_RATES[0]))

    def _set_rate(self, rate: float) -> None:
        self._rate = rate
        self._timer.stop()
        self._timer = self.set_interval(1 / rate, self.tick)
        clock = self.context.options.clock
        self.context.state.notify(f"drawing at most {rate:g} times a second", clock.now())


def _driver_for(options: UiOptions) -> type[Driver]:
    if options.browser:
        from controlroom.ui.browser_driver import BrowserDriver

        return BrowserDriver
    return driver_for(ascii_only=options.ascii, colour=options.colour)
