"""What widgets tell their screens."""

from __future__ import annotations

from textual.message import Message


class ItemChosen(Message):
    """The operator pressed Enter on an item.

    Args:
        key: of the item, as its list has it: a sensor's id, an alarm's occurrence.
    """

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


class FilterChanged(Message):
    """The operator typed in the filter.

    Args:
        text: the filter as it stands.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Folded(Message):
    """The operator opened or closed a node of the tree."""
