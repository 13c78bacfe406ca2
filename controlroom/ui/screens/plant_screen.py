"""What every screen of the control room has: header, cluster line, status line, keys."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from controlroom.core.sensor_view import SensorView
from controlroom.ui.bindings import MUTATING
from controlroom.ui.context import Context
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.status_line import sensor_line
from controlroom.ui.wall import ACTIONS
from controlroom.ui.widgets.cluster_bar import ClusterBar
from controlroom.ui.widgets.item_view import ItemView
from controlroom.ui.widgets.key_bar import KeyBar
from controlroom.ui.widgets.plant_header import PlantHeader
from controlroom.ui.widgets.status_bar import StatusBar
from controlroom.ui.widgets.tour_panel import TourPanel


class PlantScreen(Screen[None]):
    """A screen about the plant. `tick` brings it up to date; the app calls it a few times a second."""

    class SensorWanted(Message):
        """The operator wants to see one sensor."""

        def __init__(self, sensor_id: str) -> None:
            super().__init__()
            self.sensor_id = sensor_id

    class TrendWanted(Message):
        """The operator wants to see `context.trend`."""

    #: as in the tabs
    TAB = ""
    #: ids of the bindings that the bottom line names before the others: not all have room there
    KEYS_FIRST: tuple[str, ...] = ()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self._composed = False

    def compose(self) -> ComposeResult:
        """Header, the screen's own body, then the lines at the bottom."""
        yield PlantHeader(self.context, self.TAB)
        yield from self.body()
        yield from self.below()
        yield TourPanel(self.context)
        yield ClusterBar(self.context)
        yield StatusBar(self.context)
        yield KeyBar(self.context)

    def body(self) -> ComposeResult:
        """The widgets between the header and the bottom lines."""
        raise NotImplementedError

    def below(self) -> ComposeResult:
        """What stands between the body and the bottom lines."""
        return iter(())

    def update(self) -> None:
        """Bring the body up to date."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Every widget is there now."""
        self._composed = True
        self.call_after_refresh(self.tick)

    def on_screen_resume(self) -> None:
        """Do not show a moment of the past."""
        self.tick()

    def on_resize(self) -> None:
        """Lines that depend on the width are made anew."""
        self.call_after_refresh(self.tick)

    def tick(self) -> None:
        """Show the plant as it is now."""
        # A timer may still fire while Textual takes the widgets apart at the end.
        if not (self._composed and self.app.is_running and self.children):
            return
        self.query_one(PlantHeader).tick()
        self.update()
        self.query_one(TourPanel).tick()
        self.query_one(ClusterBar).tick()
        self.query_one(StatusBar).tick(self.status() if self.context.options.wall is None else self._wall_line())
        self.query_one(KeyBar).tick(self.key_words())

    def status(self) -> Line:
        """What the status line says when there is no notice."""
        return sensor_line(self.selected_sensor(), self.context.now())

    def turn_page(self) -> bool:
        """Show the next page, on a wall; whether there was one. After the last one the first is shown."""
        lists = self.query(ItemView)
        if not lists:
            return False
        items = lists.first()
        top = items.page_shown.next_top
        items.scroll_to(y=top or 0, animate=False)
        return top is not None

    def _wall_line(self) -> Line:
        seconds, items = self.context.options.wall, self.query(ItemView)
        page = f", {items.first().page_shown.said}" if items else ""
        return [(" WALL ", Role.TITLE_STRONG), (f" {self.TAB}{page}, turned every {seconds:g} s", Role.DIM)]

    def say(self, text: str) -> None:
        """Tell the operator something, in the status line."""
        self.context.state.notify(text, self.context.options.clock.now(), "warning")
        self.tick()

    def selected_sensor(self) -> SensorView | None:
        """The sensor that the keys act on."""
        return None

    def key_words(self) -> Mapping[str, str]:
        """What keys do to the thing under the cursor, by the ids of their bindings, where that is not as usual.

        Empty: nothing, so the bottom line does not name the key. What it names rarely, it names if it is here.
        """
        return {}

    def show_sensor(self, sensor_id: str) -> None:
        """Go to one sensor."""
        self.post_message(self.SensorWanted(sensor_id))

    def restyle(self) -> None:
        """The theme has changed."""
        for widget in self.query(Widget):
            if isinstance(widget, ItemView):
                widget.restyle()
            else:
                widget.refresh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A viewer sees no key that changes anything."""
        if self.context.options.wall is not None and action not in ACTIONS:
            return False
        return not (self.context.viewer and action in MUTATING)
