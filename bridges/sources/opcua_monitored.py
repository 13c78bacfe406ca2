"""What a source monitors of a server, brought up to what the file names and the server has."""

from __future__ import annotations

from collections.abc import Mapping

from bridges.mapping import SensorTable
from bridges.payload import Refusal, Refused
from bridges.sources.opcua_items import Item, find_items
from bridges.sources.opcua_nodes import AddressSpace
from bridges.sources.opcua_subscription import Subscription
from bridges.sources.opcua_table import OpcuaTable
from bridges.sources.status import SourceStatus
from bridges.tags import Refusals


class Monitored:
    """The variables that are monitored.

    Args:
        status: hears how many they are, and what is missing.
        refusals: counts what cannot be taken, each once until it has been there.
    """

    def __init__(self, status: SourceStatus, refusals: Refusals) -> None:
        self._status = status
        self._refusals = refusals
        self._items: dict[str, Item] = {}
        #: the server was asked to monitor more or less, and has not answered: what it has done of it is not known
        self.uncertain = False
        #: what the last search refused
        self._told: set[tuple[str, str]] = set()

    def forget(self) -> None:
        """The subscription is another one, and has nothing yet."""
        self._items, self.uncertain = {}, False

    async def clear(self, subscription: Subscription) -> None:
        """Monitor nothing any more: every tag may have changed."""
        await subscription.remove(list(self._items.values()))
        self._items, self._told, self.uncertain = {}, set(), False

    async def search(
        self, space: AddressSpace, subscription: Subscription, table: OpcuaTable, sensors: Mapping[str, SensorTable]
    ) -> None:
        """Find what the file names, and monitor what is new; what is not there is said, and looked for again."""
        found = await find_items(space, table, sensors)
        refused = found.refused
        labels = {label for label, _ in refused}
        for name, item in self._items.items():
            if name not in found.items:
                item.gone = True
                if item.label not in labels:
                    refused.append((item.label, Refused(Refusal.NO_NODE, "it is not there any more")))
        new: list[Item] = []
        old: list[Item] = []
        for name, item in found.items.items():
            known = self._items.get(name)
            if known is None or known.gone or known.node != item.node:
                new.append(item)
                if known is not None:
                    old.append(known)
        self.uncertain = bool(new)
        await subscription.remove(old)
        for item in new:
            self._items[item.sensor_id] = item
        for item, word in await subscription.add(new):
            del self._items[item.sensor_id]
            refused.append((item.label, Refused(Refusal.NO_NODE, f"the server does not monitor it ({word})")))
        self.uncertain = False
        told: set[tuple[str, str]] = set()
        for label, one in refused:
            key = (label, one.reason.value)
            told.add(key)
            if key not in self._told:
                self._refusals.add(label, one)
        self._told = told
        self._status.tags = sum(not item.gone for item in self._items.values())
        absent = [label for label, one in refused if one.reason is Refusal.NO_NODE]
        self._status.error = ""
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            self._status.error = f"not on the server, looked for again every {table.rescan:g} s: {absent[0]}{more}"
