"""What keys do to a node of the tree: to all its sensors and alarms, after a question with the count."""

from __future__ import annotations

from collections.abc import Sequence

from controlroom.core.alarm_view import SUPPRESSED, AlarmView
from controlroom.core.cells import crop
from controlroom.core.hierarchy.nodes import Item, Node
from controlroom.ui.alarm_target import AlarmTarget
from controlroom.ui.bindings import TREE_ALARM
from controlroom.ui.screens.alarm_orders import AlarmHandling
from controlroom.ui.screens.learning_orders import LearningOrders

#: keys for alarms that the flat list has not got
_ACTIONS = frozenset({"ack", "shelve", "unshelve", "service"})
#: cells of a node's name in a question
_NAME = 32


class TreeOrders(LearningOrders, AlarmHandling):
    """Acknowledge, shelve, out of service: of a node or sensor; the orders to sensors go to all sensors of a node."""

    BINDINGS = TREE_ALARM

    def meant_items(self) -> Sequence[Item]:
        """The marked nodes and sensors, else the one under the cursor; nothing where there is no tree."""
        raise NotImplementedError

    def meant_alarms(self) -> list[AlarmView]:
        """Their alarms that are not closed, as they were drawn."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys for alarms are the tree's."""
        if action in _ACTIONS and not self.meant_items():
            return False
        return super().check_action(action, parameters)

    def node_meant(self) -> str:
        """The node by its name; several items by their number."""
        items = self.meant_items()
        if not any(isinstance(item, Node) for item in items):
            return ""
        return crop(items[0].label, _NAME) if len(items) == 1 else f"the {len(items)} marked"

    def targets(self) -> list[AlarmTarget]:
        """All alarms that are meant, also those that are suppressed."""
        return [AlarmTarget.of(alarm, alarm.state, alarm.severity) for alarm in self.meant_alarms()]

    def action_ack(self) -> None:
        """Acknowledge what waits, as it was drawn; of a node after a question."""
        waiting = [target for target in self.targets() if target.unacked]
        node = self.node_meant()
        if not waiting:
            self._nothing("waits for an acknowledgement")
        elif node:
            self.ask_to_ack(waiting, of=node)
        else:
            super().action_ack()

    def action_shelve(self) -> None:
        """Silence for a time what is not silent."""
        if all(target.state in SUPPRESSED for target in self.targets()):
            self._nothing("can be shelved")
        else:
            super().action_shelve()

    def action_unshelve(self) -> None:
        """End the shelves."""
        if any(target.state == "SHELVED" for target in self.targets()):
            super().action_unshelve()
        else:
            self._nothing("is shelved")

    def action_service(self) -> None:
        """Take out of service; what is out of service comes back."""
        if self.targets():
            super().action_service()
        else:
            self._nothing("stands that could be taken out of service")

    def shelve_targets(self) -> list[AlarmTarget]:
        """What is not silent."""
        return [target for target in self.targets() if target.state not in SUPPRESSED]

    def unshelve_targets(self) -> list[AlarmTarget]:
        """What is shelved."""
        return [target for target in self.targets() if target.state == "SHELVED"]

    def acted(self) -> None:
        """The marks have done their work."""
        self.ordered()

    def _nothing(self, what: str) -> None:
        items = self.meant_items()
        name = crop(items[0].label, _NAME) if len(items) == 1 else f"the {len(items)} marked"
        self.say(f"{name}: no alarm {what}")
