"""The forms of a trend: add curves by a filter, save by name, open what is saved, export to a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from controlroom.core.sanitise import sanitise
from controlroom.core.sensor_view import SensorView
from controlroom.core.trends import LONGEST_NAME, SavedTrend
from controlroom.ui.context import Context
from controlroom.ui.entry import BadEntry
from controlroom.ui.render.filtering import Filter
from controlroom.ui.render.line import Line, Role
from controlroom.ui.render.numbers import date_text
from controlroom.ui.screens.form_screen import FormScreen
from controlroom.ui.widgets.choice import Choice
from controlroom.ui.widgets.form_field import FormField
from controlroom.ui.widgets.text_entry import TextEntry

#: sensors that pass the filter, of which the names are shown
_NAMED = 8
FORMATS = ("csv", "svg")


class AddCurvesForm(FormScreen[list[str]]):
    """Ends with the ids of the sensors that pass the filter.

    Args:
        context: what every widget works with.
        shown: the sensors that are shown already.
        room: how many more there is room for.
    """

    def __init__(self, context: Context, shown: Sequence[str], room: int) -> None:
        super().__init__(context)
        self._shown = frozenset(shown)
        self._room = room
        self._filter = TextEntry(id="trend-filter")

    def title_line(self) -> Line:
        """What it does."""
        return [(" ADD CURVES ", Role.TITLE_STRONG), (f" room for {self._room}", Role.TITLE)]

    def make_fields(self) -> Iterable[FormField]:
        """The filter, as the overview has it."""
        yield FormField(self.context, "filter", self._filter, check=self._passing, wide=True)

    def about(self) -> list[Line]:
        """The first that pass."""
        text = self._filter.value.strip()
        found = self._found(text) if text else []
        names: list[Line] = [[(f"  {view.label}", Role.TEXT)] for view in found[:_NAMED]]
        more = len(found) - _NAMED
        head = f"{len(found)} sensors pass" if text else "part of an id, of a type or of a place; ! inverts"
        return [[(head, Role.DIM)], *names, *([[(f"  and {more} more", Role.DIM)]] if more > 0 else [])]

    def result(self) -> list[str]:
        """Their ids."""
        return self._passing(self._filter.value)

    def _passing(self, text: str) -> list[str]:
        if not text.strip():
            raise BadEntry("type a filter")
        found = self._found(text.strip())
        if not found:
            raise BadEntry("none passes")
        if len(found) > self._room:
            raise BadEntry("too many")
        return [view.sensor_id for view in found]

    def _found(self, text: str) -> list[SensorView]:
        chosen = Filter(text)
        every = list(self.context.state.sensors.values())
        found = [view for view in every if view.sensor_id not in self._shown and chosen.passes_sensor(view)]
        # An id that is typed out is meant, also where others contain it.
        exact = [view for view in found if text in {view.sensor_id, view.label}]
        return exact or sorted(found, key=lambda view: view.label)


class SaveTrendForm(FormScreen[str]):
    """Ends with the name.

    Args:
        context: what every widget works with.
        name: under which it was opened, or saved before.
    """

    def __init__(self, context: Context, name: str) -> None:
        super().__init__(context)
        self._entry = TextEntry(name, id="trend-name")

    def title_line(self) -> Line:
        """What it does."""
        return [(" SAVE TREND ", Role.TITLE_STRONG), (" for all operators", Role.TITLE)]

    def make_fields(self) -> Iterable[FormField]:
        """The name."""
        yield FormField(self.context, "name", self._entry, check=_name, wide=True)

    def about(self) -> list[Line]:
        """What is kept."""
        return [[("Curves, span, scale and overlay are kept, not the readings.", Role.DIM)]]

    def result(self) -> str:
        """The name."""
        return _name(self._entry.value)


class OpenTrendForm(FormScreen[SavedTrend]):
    """Ends with the trend that was chosen.

    Args:
        context: what every widget works with.
        saved: what there is, at least one.
        doing: what will be done with it.
    """

    def __init__(self, context: Context, saved: Sequence[SavedTrend], doing: str) -> None:
        super().__init__(context)
        self._saved = saved
        self._doing = doing
        self._choice = Choice(context, [sanitise(each.name, limit=LONGEST_NAME) for each in saved], id="trend-saved")

    def title_line(self) -> Line:
        """What it does."""
        return [(f" {self._doing} ", Role.TITLE_STRONG), (f" {len(self._saved)} are saved", Role.TITLE)]

    def make_fields(self) -> Iterable[FormField]:
        """The names."""
        yield FormField(self.context, "trend", self._choice, wide=True)

    def about(self) -> list[Line]:
        """What is in it, and who saved it."""
        chosen = self.result()
        lines: list[Line] = [[(f"by {sanitise(chosen.saved_by, limit=32)}, {date_text(chosen.saved_at)}", Role.DIM)]]
        return [*lines, *([(f"  {sanitise(sensor, limit=64)}", Role.TEXT)] for sensor in chosen.trend.sensors)]

    def result(self) -> SavedTrend:
        """The chosen one."""
        return self._saved[self._choice.index]


class ExportForm(FormScreen[tuple[str, Path]]):
    """Ends with the format and the file's path.

    Args:
        context: what every widget works with.
        stem: what the file is called without its ending, if the operator does not say else.
    """

    def __init__(self, context: Context, stem: Path) -> None:
        super().__init__(context)
        self._stem = stem
        self._format = Choice(context, FORMATS, id="export-format")
        self._path = TextEntry(f"{stem}.{FORMATS[0]}", id="export-path")

    def title_line(self) -> Line:
        """What it does."""
        return [(" EXPORT TREND ", Role.TITLE_STRONG), (" what is on the screen", Role.TITLE)]

    def make_fields(self) -> Iterable[FormField]:
        """Format and path."""
        yield FormField(self.context, "format", self._format)
        yield FormField(self.context, "file", self._path, check=_new_file, wide=True)

    def about(self) -> list[Line]:
        """What the formats are."""
        about = {"csv": "Each point with its time, sensor and unit.", "svg": "The picture, for a report."}
        return [[(about[self._format.value], Role.DIM)]]

    def chosen(self, choice: Choice) -> None:
        """The path's ending follows the format."""
        path = self._path.value
        for ending in FORMATS:
            path = path.removesuffix(f".{ending}")
        self._path.value = f"{path}.{choice.value}"

    def result(self) -> tuple[str, Path]:
        """Format and path."""
        return self._format.value, _new_file(self._path.value)


def _name(text: str) -> str:
    name = text.strip()
    if not name:
        raise BadEntry("a name is needed")
    if len(name) > LONGEST_NAME:
        raise BadEntry("too long")
    return name


def _new_file(text: str) -> Path:
    path = Path(text.strip()).expanduser()
    if not text.strip() or path.is_dir():
        raise BadEntry("no file")
    if path.exists():
        raise BadEntry("it is there")
    if not path.parent.is_dir():
        raise BadEntry("no such place")
    return path
