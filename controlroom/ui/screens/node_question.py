"""A question, with the count, before a key acts on all that lies below a node of the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from controlroom.ui.screens.confirm import Confirm
from controlroom.ui.screens.plant_screen import PlantScreen

T = TypeVar("T")


class NodeQuestion(PlantScreen):
    """For every screen whose keys can act on many things that are not on the screen."""

    def node_meant(self) -> str:
        """The node, or how many items, that the keys act on, by name; empty: only on what is listed itself."""
        return ""

    def after_question(self, question: str, consequence: str, act: Callable[[T], None]) -> Callable[[T | None], None]:
        """What takes the result of a form and acts; first it asks, if a node is meant when the key is pressed.

        Args:
            question: what is done to how many: `Shelve 12 alarms`.
            consequence: what will happen, one line.
            act: takes the form's result; not called when the form was left.
        """
        node = self.node_meant()

        def done(result: T | None) -> None:
            if result is None:
                return

            def answered(answer: bool | None) -> None:  # noqa: FBT001 - the result of a screen is given by position
                if answer:
                    act(result)

            if node:
                self.app.push_screen(Confirm(self.context, f"{question} of {node}?", consequence), answered)
            else:
                act(result)

        return done

    def ask_and_act(self, question: str, consequence: str, act: Callable[[], None]) -> None:
        """The same for keys without a form."""
        self.after_question(question, consequence, lambda _: act())(True)  # noqa: FBT003 - stands for a form's result
