"""What an operator can do about alarms, for every screen that shows some.

Each action takes what was on the screen when the key was pressed, also when a form is filled in meanwhile. It returns
at once, and the outcome comes as a notice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from controlroom.ports import AlarmActions
from controlroom.ui.alarm_target import AlarmTarget
from controlroom.ui.bindings import ALARM
from controlroom.ui.key_words import alarm_words
from controlroom.ui.screens.confirm import Confirm
from controlroom.ui.screens.node_question import NodeQuestion
from controlroom.ui.screens.shelve import Shelve, ShelveForm
from controlroom.ui.screens.text_form import TextForm

T = TypeVar("T")

_ACTIONS = frozenset(
    {"ack", "ack_page", "shelve", "unshelve", "service", "reset", "comment", "mark_false"},
)


class AlarmHandling(NodeQuestion):
    """Acknowledge, shelve, take out of service, reset, comment, mark as false: by whatever keys a screen has for it."""

    def key_words(self) -> Mapping[str, str]:
        """Of what the keys act on; of a node below which there may be many alarms, as usual."""
        return super().key_words() if self.node_meant() else {**super().key_words(), **alarm_words(self.targets())}

    def targets(self) -> list[AlarmTarget]:
        """What the keys act on: the marked alarms, else the one under the cursor."""
        raise NotImplementedError

    def shelve_targets(self) -> list[AlarmTarget]:
        """Those of them that are to be shelved."""
        return self.targets()

    def unshelve_targets(self) -> list[AlarmTarget]:
        """Those of them whose shelves are to end."""
        return self.targets()

    def page_targets(self) -> list[AlarmTarget]:
        """Every alarm that is on the screen."""
        return self.targets()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nobody takes actions on alarms there is no key for them."""
        if action in _ACTIONS and self.context.options.alarms is None:
            return False
        return super().check_action(action, parameters)

    def action_ack(self) -> None:
        """Acknowledge, as it was drawn: if it has become worse since, that is refused."""
        targets, actions = self.targets(), self._actions
        if len(targets) == 1:
            actions.ack(*targets[0].seen)
        elif waiting := [target.seen for target in targets if target.unacked]:
            actions.ack_page(waiting)
        elif targets:
            self.say("nothing that is marked waits for an acknowledgement")
        self.acted()

    def action_ack_page(self) -> None:
        """Acknowledge what waits on this page, after a question with its count."""
        waiting = [target for target in self.page_targets() if target.unacked]
        if not waiting:
            self.say("nothing on this page waits for an acknowledgement")
            return

        self.ask_to_ack(waiting)

    def ask_to_ack(self, waiting: Sequence[AlarmTarget], of: str = "") -> None:
        """Acknowledge these after a question with the count; `of`: what they are of, as it may be shown."""

        def ack(answer: bool | None) -> None:  # noqa: FBT001 - the result of a screen is given by position
            if answer:
                self._actions.ack_page([target.seen for target in waiting])
                self.acted()

        count = f"{len(waiting)} alarms" if len(waiting) > 1 else "1 alarm"
        critical = sum(target.severity == 2 for target in waiting)
        what = f"Critical: {critical}. What has become worse since you saw it is refused."
        self.app.push_screen(Confirm(self.context, f"Acknowledge {count}{f' of {of}' if of else ''}?", what), ack)

    def action_shelve(self) -> None:
        """Silence for a time, with a reason."""

        def shelve(shelve: Shelve, target: AlarmTarget) -> None:
            self._actions.shelve(target.sensor_id, target.kind, shelve.seconds, shelve.reason, one_shot=shelve.one_shot)

        targets = self.shelve_targets()
        if targets:
            form = ShelveForm(self.context, _named(targets))
            self.app.push_screen(form, self._for_each(targets, shelve, "Shelve"))

    def action_unshelve(self) -> None:
        """End a shelve before its time."""
        self._at_once(
            self.unshelve_targets(),
            lambda target: self._actions.unshelve(target.sensor_id, target.kind),
            "Un-shelve",
        )

    def action_service(self) -> None:
        """Take out of service, with a reason; what is out of service comes back."""
        targets = self.targets()
        out = [target for target in targets if target.state == "OUT_OF_SERVICE"]
        if out:
            self._at_once(
                out,
                lambda target: self._actions.return_to_service(target.sensor_id, target.kind),
                "Return to service",
            )
        elif targets:

            def take_out(reason: str, target: AlarmTarget) -> None:
                self._actions.out_of_service(target.sensor_id, target.kind, reason)

            form = TextForm(
                self.context, "OUT OF SERVICE", _named(targets), "reason", "It stays out until o is pressed."
            )
            self.app.push_screen(form, self._for_each(targets, take_out, "Take out of service"))

    def action_reset(self) -> None:
        """Reset the latch; of a group, of what is latched in it."""
        targets, group = self.targets(), self.node_meant()
        latched = [target for target in targets if target.state == "LATCHED"] if group else targets

        def act() -> None:
            for target in latched:
                self._actions.reset(target.sensor_id, target.kind)
            self.acted()

        if latched:
            self.ask_and_act(f"Reset the latch of {_named(latched)}", "What has returned is held no longer.", act)
        elif group:
            self.say(f"{group}: nothing is latched")

    def action_comment(self) -> None:
        """Add a note to the journal."""

        def comment(text: str, target: AlarmTarget) -> None:
            self._actions.comment(target.sensor_id, target.kind, text)

        targets = self.targets()
        if targets:
            form = TextForm(self.context, "COMMENT", _named(targets), "note", "It stays in the alarm's journal.")
            self.app.push_screen(form, self._for_each(targets, comment, "Comment on"))

    def action_mark_false(self) -> None:
        """Call the latest occurrence a false alarm."""

        def mark(reason: str, target: AlarmTarget) -> None:
            self._actions.mark_false(target.sensor_id, target.kind, reason)

        targets = self.targets()
        if targets:
            about = "It is counted as false; nothing else about the alarm changes."
            form = TextForm(self.context, "FALSE ALARM", _named(targets), "what was it", about, needed=False)
            self.app.push_screen(form, self._for_each(targets, mark, "Mark as false"))

    def acted(self) -> None:
        """An action was asked for: what was marked for it is not marked any more."""

    def _for_each(
        self, targets: Sequence[AlarmTarget], act: Callable[[T, AlarmTarget], None], doing: str
    ) -> Callable[[T | None], None]:
        """What a form ends with is done to each of the targets; first a question, where they are those of a node."""

        def each(result: T) -> None:
            for target in targets:
                act(result, target)
            self.acted()

        critical = sum(target.severity == 2 for target in targets)
        return self.after_question(f"{doing} {_named(targets)}", f"Critical: {critical}.", each)

    def _at_once(self, targets: Sequence[AlarmTarget], act: Callable[[AlarmTarget], None], doing: str) -> None:
        """The same for what needs no form."""

        def each() -> None:
            for target in targets:
                act(target)
            self.acted()

        what = "Those whose conditions hold are annunciated again."
        self.ask_and_act(f"{doing} {_named(targets)}", what, each)

    @property
    def _actions(self) -> AlarmActions:
        actions = self.context.options.alarms
        assert actions is not None, "there is no key without them"
        return actions


class AlarmOrders(AlarmHandling):
    """The same by the keys that alarms have where they are listed."""

    BINDINGS = ALARM


def _named(targets: Sequence[AlarmTarget]) -> str:
    return targets[0].label if len(targets) == 1 else f"{len(targets)} alarms"
