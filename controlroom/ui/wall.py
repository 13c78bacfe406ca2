"""The wall mode: no cursor, and pages that turn by themselves, for a screen that nobody sits at."""

from __future__ import annotations

from dataclasses import dataclass

#: the screens that are shown in turn
MODES = ("overview", "alarms", "cluster")
#: pages of one screen at the most: the worst stand first
MOST_PAGES = 5
#: what can be done all the same
ACTIONS = frozenset({"leave", "show_mode"})


def next_mode(mode: str) -> str:
    """The screen after this one.

    >>> next_mode("alarms"), next_mode("cluster"), next_mode("simulator")
    ('cluster', 'overview', 'overview')
    """
    place = MODES.index(mode) + 1 if mode in MODES else 0
    return MODES[place % len(MODES)]


@dataclass(frozen=True, slots=True)
class Page:
    """Where a list stands: lines in all, lines that fit, and the first one that is shown.

    >>> Page(50, 20, 0).next_top, Page(50, 20, 20).next_top, Page(50, 20, 30).next_top
    (20, 30, None)
    >>> Page(50, 20, 20).said
    'page 2 of 3'
    >>> Page(500, 20, 80).next_top is None, Page(10, 20, 0).said
    (True, 'page 1 of 1')
    """

    lines: int
    fit: int
    top: int

    @property
    def count(self) -> int:
        """How many pages are shown."""
        return min(MOST_PAGES, max(1, -(-self.lines // max(1, self.fit))))

    @property
    def number(self) -> int:
        """Which one is shown, from 1."""
        return min(self.count, -(-self.top // max(1, self.fit)) + 1)

    @property
    def next_top(self) -> int | None:
        """The first line of the next page; None: this is the last one."""
        if self.number >= self.count or self.top + self.fit >= self.lines:
            return None
        return min(self.top + self.fit, self.lines - self.fit)

    @property
    def said(self) -> str:
        """For the status line."""
        return f"page {self.number} of {self.count}"
