"""The shapes on the screen, in two sets: Unicode, and ASCII for terminals that have nothing else.

Every severity has a shape of its own, so that nothing hangs on colour. No emoji: terminals disagree on their width.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of shapes; each is one cell wide."""

    ascii: bool
    critical: str
    warning: str
    #: an alarm that went back to normal un-acked
    returned: str
    normal: str
    #: what is known to be bad without being an alarm: an offline broker, an unreachable database
    fault: str
    cursor: str
    #: an item that is marked, and one that is marked under the cursor
    mark: str
    cursor_mark: str
    #: a stretch of time in which something acts
    stretch: str
    #: from empty to full
    levels: str
    rule: str
    separator: str
    choice_left: str
    choice_right: str
    arrow: str
    #: a node of the tree that is closed, and one that is open
    closed: str
    opened: str


UNICODE = Glyphs(
    ascii=False,
    critical="■",
    warning="▲",
    returned="◇",
    normal="·",
    fault="✗",
    cursor="▌",
    mark="●",
    cursor_mark="◉",
    stretch="━",
    levels="▁▂▃▄▅▆▇█",
    rule="─",
    separator="│",
    choice_left="‹",
    choice_right="›",
    arrow="→",
    closed="▸",
    opened="▾",
)

ASCII = Glyphs(
    ascii=True,
    critical="#",
    warning="^",
    returned="o",
    normal=".",
    fault="x",
    cursor=">",
    mark="*",
    cursor_mark="@",
    stretch="=",
    levels="_.,-=+*#",
    rule="-",
    separator="|",
    choice_left="<",
    choice_right=">",
    arrow=">",
    closed="+",
    opened="-",
)
