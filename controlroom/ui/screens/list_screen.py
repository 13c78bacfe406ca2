"""A screen around one list: filter, order, cursor."""

from __future__ import annotations

from textual.app import ComposeResult

from controlroom.ui.bindings import LIST
from controlroom.ui.context import Context
from controlroom.ui.messages import FilterChanged, ItemChosen
from controlroom.ui.render.filtering import Filter
from controlroom.ui.screens.plant_screen import PlantScreen
from controlroom.ui.widgets.filter_bar import FilterBar
from controlroom.ui.widgets.item_view import ItemView

#: items from which a list is not sorted at every change
_MANY = 500
_SORT_EVERY_S = 1.0


class ListScreen(PlantScreen):
    """A subclass yields its list in `body`, and says what is in it in `listed`."""

    BINDINGS = LIST

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.filter = Filter()
        self._listed_version: object = None
        self._listed_at = 0.0

    def below(self) -> ComposeResult:
        """The filter, above the bottom lines."""
        yield FilterBar(self.context)

    def on_mount(self) -> None:
        """The keys go to the list."""
        self.items.focus()

    @property
    def items(self) -> ItemView:
        """The list."""
        return self.query_one(ItemView)

    def listed(self) -> list[str]:
        """The keys of what passes the filter, in order."""
        raise NotImplementedError

    def list_version(self) -> object:
        """Changes when `listed` may."""
        return self.context.state.structure_version

    def update(self) -> None:
        """List anew when something else than a value has changed; redraw what did."""
        version, now = self.list_version(), self.context.now()
        # Sorting many sensors costs more than drawing a screenful; a second is soon enough for a place in a long list.
        due = len(self.items.keys) < _MANY or not 0 <= now - self._listed_at < _SORT_EVERY_S
        if version != self._listed_version and (due or self._listed_version is None):
            self._listed_version, self._listed_at = version, now
            self.items.set_keys(self.listed())
        self.items.tick()

    def relist(self) -> None:
        """The filter or the order has changed."""
        self._listed_version = None
        self.items.filtered = not self.filter.empty
        self.items.refresh()
        self.tick()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def action_back(self) -> None:
        """Filter nothing."""
        bar = self.query_one(FilterBar)
        if bar.is_open:
            bar.close()
            self.items.focus()

    def on_filter_changed(self, event: FilterChanged) -> None:
        """Filter as it is typed."""
        self.filter = Filter(event.text)
        self.relist()

    def on_item_chosen(self, event: ItemChosen) -> None:
        """Enter: the sensor that the item is about."""
        view = self.selected_sensor()
        if view is not None:
            self.show_sensor(view.sensor_id)
