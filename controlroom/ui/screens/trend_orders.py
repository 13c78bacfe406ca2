"""What can be done with a trend that is shown: save it by name, open and remove saved ones, write it to a file."""

from __future__ import annotations

from pathlib import Path

from controlroom.core.archive import Answer
from controlroom.core.trends import SavedTrend, encode_trend
from controlroom.ui.context import Context
from controlroom.ui.render.trend_chart import frames_of
from controlroom.ui.render.trend_curves import TrendPicture
from controlroom.ui.render.trend_export import trend_csv, trend_svg
from controlroom.ui.render.trend_window import TrendWindow
from controlroom.ui.screens.confirm import Confirm
from controlroom.ui.screens.plant_screen import PlantScreen
from controlroom.ui.screens.trend_forms import ExportForm, OpenTrendForm, SaveTrendForm

_KEEP_ACTIONS = frozenset({"save_trend", "remove_trend"})


class TrendOrders(PlantScreen):
    """Acts on `context.trend`, and on what was drawn of it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: as it was drawn last
        self.picture: TrendPicture | None = None
        #: what is to be done with the saved trends when they are there, and those that were there before
        self._opening = ""
        self._saved_before: Answer[tuple[SavedTrend, ...]] | None = None

    @property
    def window(self) -> TrendWindow:
        """What is shown."""
        return self.context.trend

    def tell(self, text: str) -> None:
        """As `say`, from within a tick."""
        self.context.state.notify(text, self.context.options.clock.now(), "warning")

    def _saved(self) -> tuple[SavedTrend, ...] | None:
        answer = self.context.state.archive.saved_trends.get("")
        return None if answer is None else answer.value

    def action_save_trend(self) -> None:
        """Keep it under a name, for all operators."""
        window, library, history = self.window, self.context.options.trends, self.context.options.history
        assert library is not None, "there is no key without it"
        if not window.sensors:
            self.say("there is no curve to be saved")
            return
        if history is not None:
            history.saved_trends()

        def save(name: str | None) -> None:
            if name is None:
                return
            trend, before = encode_trend(window.trend()), window.name
            taken = next((each for each in self._saved() or () if each.name == name), None)

            def keep(answer: bool | None) -> None:  # noqa: FBT001 - the result of a screen is given by position
                if answer:
                    window.name = name
                    library.save(name, trend, replace=taken is not None)
                    self.tick()

            if taken is not None and name != before:
                about = "What it showed is forgotten, for all operators."
                self.app.push_screen(Confirm(self.context, "Replace the trend of this name?", about), keep)
            else:
                keep(True)  # noqa: FBT003 - stands for the question's answer

        self.app.push_screen(SaveTrendForm(self.context, window.name), save)

    def action_open_trend(self) -> None:
        """Open one that was saved."""
        self._opening = "OPEN TREND"
        self._ask_saved()

    def action_remove_trend(self) -> None:
        """Remove one that was saved."""
        self._opening = "REMOVE SAVED TREND"
        self._ask_saved()

    def _ask_saved(self) -> None:
        history = self.context.options.history
        assert history is not None, "there is no key without it"
        self._saved_before = self.context.state.archive.saved_trends.get("")
        history.saved_trends()
        self.tick()

    def look_at_saved(self) -> None:
        """The form, when the database has said what is saved."""
        answer = self.context.state.archive.saved_trends.get("")
        if not self._opening or answer is None or answer is self._saved_before:
            return
        doing, self._opening = self._opening, ""
        if not answer.value or answer.error:
            self.tell(f"the database does not say: {answer.error}" if answer.error else "no trend is saved")
            return

        def chosen(saved: SavedTrend | None) -> None:
            if saved is None:
                return
            if doing == "OPEN TREND":
                self.window.load(saved.name, saved.trend)
                self.tick()
                return

            def remove(yes: bool | None) -> None:  # noqa: FBT001 - the result of a screen is given by position
                if yes and self.context.options.trends is not None:
                    self.context.options.trends.remove(saved.name)

            about = "It is forgotten, for all operators; readings stay."
            self.app.push_screen(Confirm(self.context, "Remove the saved trend?", about), remove)

        self.app.push_screen(OpenTrendForm(self.context, answer.value, doing), chosen)

    def action_export_trend(self) -> None:
        """Write what is on the screen to a file."""
        picture, shared = self.picture, self.window.shared
        if picture is None or not picture.curves:
            self.say("there is no curve to be written")
            return
        units = {key: view.unit for key in self.window.sensors if (view := self.context.state.sensors.get(key))}
        title = self.window.name or "trend"

        def write(wanted: tuple[str, Path] | None) -> None:
            if wanted is None:
                return
            kind, path = wanted
            if kind == "csv":
                text = trend_csv(picture.curves, units)
            else:
                text = trend_svg(picture.curves, frames_of(picture.curves, picture.axis, shared=shared), units, title)
            try:
                with path.open("x", encoding="utf-8", newline="") as file:
                    file.write(text)
            except OSError as error:
                self.say(f"{path}: {error.strerror}")
            else:
                self.context.state.notify(f"written: {path}", self.context.options.clock.now())
                self.tick()

        stamp = f"{self.context.options.clock.now():%Y%m%d-%H%M%S}"
        self.app.push_screen(ExportForm(self.context, Path(f"~/trend-{stamp}")), write)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nobody keeps trends there is no key for it; and none writes files where that may not be."""
        options = self.context.options
        if action in _KEEP_ACTIONS and (options.trends is None or options.history is None):
            return False
        if action == "open_trend" and options.history is None:
            return False
        if action == "export_trend" and options.restricted:
            return False
        return super().check_action(action, parameters)
