"""What an operator can tell the detectors of the sensors that a screen has selected.

Each returns at once; that it was carried out, or why not, comes as a notice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from controlroom.ports import LearningControl
from controlroom.ui.bindings import LEARNING
from controlroom.ui.screens.confirm import Confirm
from controlroom.ui.screens.learning_forms import Freeze, FreezeForm, Maintenance, MaintenanceForm
from controlroom.ui.screens.sensor_orders import SensorOrders, named
from controlroom.ui.screens.text_form import TextForm

T = TypeVar("T")

_ACTIONS = frozenset({"freeze_learning", "maintain", "reset_learning", "accept_level"})


class LearningOrders(SensorOrders):
    """Freeze and thaw, a window of maintenance, forget, accept: of simulated sensors and of real ones."""

    BINDINGS = LEARNING

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nobody tells the detectors anything there is no key for it."""
        if action in _ACTIONS and self.context.options.learning is None:
            return False
        return super().check_action(action, parameters)

    def action_freeze_learning(self) -> None:
        """Stop learning; what is frozen or in maintenance is offered to go on."""
        control, sensors, what = self._meant()
        if not sensors:
            return

        def freeze(freeze: Freeze) -> None:
            (control.freeze if freeze.frozen else control.thaw)(sensors, freeze.reason)

        stopped = all(self._is_stopped(sensor) for sensor in sensors)
        form = FreezeForm(self.context, what, stopped=stopped)
        self.app.push_screen(form, self._then(freeze, "Change the learning of", what))

    def action_maintain(self) -> None:
        """Learn nothing for a time."""
        control, sensors, what = self._meant()
        if not sensors:
            return

        def maintain(window: Maintenance) -> None:
            control.maintenance(sensors, window.start, window.end, window.reason)

        form = MaintenanceForm(self.context, what)
        self.app.push_screen(form, self._then(maintain, "A maintenance window for", what))

    def action_reset_learning(self) -> None:
        """Forget what was learned: with a reason, and after a question, for it cannot be had back."""
        control, sensors, what = self._meant()
        if not sensors:
            return

        def ask(reason: str) -> None:
            def reset(answer: bool) -> None:  # noqa: FBT001 - the result of a screen is given by position
                if answer:
                    control.reset(sensors, reason)

            consequence = "It cannot be had back. A day of readings teaches it anew."
            self.app.push_screen(Confirm(self.context, f"Forget what {what} taught?", consequence), self._then(reset))

        about = "For another instrument: all that was learned is forgotten."
        self.app.push_screen(TextForm(self.context, "RESET LEARNING", what, "reason", about), self._then(ask))

    def action_accept_level(self) -> None:
        """What is held is normal from now on."""
        control, sensors, what = self._meant()
        if not sensors:
            return

        def accept(reason: str) -> None:
            control.accept(sensors, reason)

        about = "What is held is normal from now on, and its alarm returns."
        form = TextForm(self.context, "ACCEPT LEVEL", what, "reason", about, needed=False)
        self.app.push_screen(form, self._then(accept, "Accept the level of", what))

    def _meant(self) -> tuple[LearningControl, list[str], str]:
        """Who takes it; what it is about, as it stands when the key is pressed."""
        control, views = self.context.options.learning, self.meant_sensors()
        assert control is not None, "there is no key without it"
        return control, [view.sensor_id for view in views], named(views) if views else ""

    def _is_stopped(self, sensor_id: str) -> bool:
        answer = self.context.state.archive.learning.get(sensor_id)
        return answer is not None and answer.value is not None and answer.value.stopped(self.context.now())

    def _then(self, act: Callable[[T], None], doing: str = "", what: str = "") -> Callable[[T | None], None]:
        """What a form ends with is done; first `doing` is asked about, where the sensors are those of a node."""

        def carry_out(result: T) -> None:
            act(result)
            self.ordered()

        if doing:
            return self.after_question(f"{doing} {what}", "Alarms are raised all the same.", carry_out)
        return lambda result: carry_out(result) if result is not None else None
