"""The guided tour, above the bottom lines of whatever screen is open."""

from __future__ import annotations

from controlroom.ui.context import Context
from controlroom.ui.render.tour_lines import TEXT_LINES, tour_lines
from controlroom.ui.tour import STEPS
from controlroom.ui.widgets.line_view import LineView


class TourPanel(LineView):
    """Takes no room where there is no tour."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, height=TEXT_LINES + 1, ground="panel", id="tour")
        self.display = False

    def tick(self) -> None:
        """Show the step."""
        tour = self.context.tour
        shown = tour is not None and not tour.ended
        if self.display is not shown:
            self.display = shown
        if tour is not None and shown:
            step = STEPS[tour.place]
            keys = {
                "next": tour.key("tour.next", ">"),
                "back": tour.key("tour.back", "<"),
                "leave": tour.key("tour.leave", "Q"),
            }
            self.show(*tour_lines(step.title, tour.place + 1, len(STEPS), step.text(tour), keys, self.size.width))
