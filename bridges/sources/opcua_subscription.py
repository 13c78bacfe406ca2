"""A subscription: monitored items are made in batches, and it notices when the server has forgotten it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence

from asyncua import Client, ua

from bridges.sources.opcua_items import Item
from bridges.sources.opcua_table import OpcuaTable

#: A server that has nothing to tell says so this often.
_KEEP_ALIVE_S = 5.0
#: So long a server keeps a subscription that nobody asks for its values.
_LIFETIME_S = 120.0
#: Between two requests for a notification, while there is no connection.
_ASK_AGAIN_S = 0.2
#: The server cannot filter this variable so: it is monitored without a filter.
_FILTER_REFUSED = frozenset(
    {
        ua.StatusCodes.BadFilterNotAllowed,
        ua.StatusCodes.BadMonitoredItemFilterUnsupported,
        ua.StatusCodes.BadMonitoredItemFilterInvalid,
        ua.StatusCodes.BadDeadbandFilterInvalid,
    }
)


class Subscription:
    """One subscription of one session.

    Args:
        client: has a session.
        table: intervals, queue and deadband, where an item's own tag says nothing.
        at_once: so many items go into one request.
        heard: takes what the server tells of items; what it takes is acknowledged after it has returned.
        ended: hears why the server has ended the subscription.
        missed: hears of each notification that the server has sent, and has not any more.
    """

    def __init__(
        self,
        client: Client,
        table: OpcuaTable,
        at_once: int,
        heard: Callable[[ua.NotificationMessage, list[tuple[Item, ua.DataValue]]], Awaitable[None]],
        ended: Callable[[str], None],
        missed: Callable[[], None],
    ) -> None:
        self._session = client.uaclient.session
        self._table = table
        self._at_once = at_once
        self._heard = heard
        self._ended = ended
        self._missed = missed
        #: number of the last notification; 0: there was none
        self._sequence = 0
        self._id = 0
        self._items: dict[int, Item] = {}
        self._next_handle = 1
        self._heard_at = time.monotonic()
        self._busy = False
        self._patience_s = 0.0

    @property
    def silent(self) -> bool:
        """Whether the server has said nothing for longer than it may."""
        return not self._busy and time.monotonic() - self._heard_at > self._patience_s

    def resumed(self) -> None:
        """Its session goes on over another connection."""
        self._heard_at = time.monotonic()

    async def open(self) -> None:
        """Make it."""
        parameters = ua.CreateSubscriptionParameters()
        publishing = self._table.publishing
        parameters.RequestedPublishingInterval = publishing * 1000
        parameters.RequestedMaxKeepAliveCount = max(2, math.ceil(_KEEP_ALIVE_S / publishing))
        parameters.RequestedLifetimeCount = max(
            3 * parameters.RequestedMaxKeepAliveCount, math.ceil(_LIFETIME_S / publishing)
        )
        parameters.PublishingEnabled = True
        self._heard_at = time.monotonic()
        result = await self._session.create_subscription(parameters, self._notified)
        self._id = result.SubscriptionId
        keep_alive_s = result.RevisedPublishingInterval * result.RevisedMaxKeepAliveCount / 1000
        self._patience_s = 2 * keep_alive_s + self._table.timeout

    async def add(self, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """Monitor items; those that the server does not take, with its word for it."""
        refused: list[tuple[Item, str]] = []
        for at in range(0, len(items), self._at_once):
            some = items[at : at + self._at_once]
            unfiltered: list[Item] = []
            for item, code in await self._create(some, filtered=True):
                if code in _FILTER_REFUSED:
                    unfiltered.append(item)
                else:
                    refused.append((item, ua.StatusCode(ua.UInt32(code)).name))
            if unfiltered:
                found = await self._create(unfiltered, filtered=False)
                refused += [(item, ua.StatusCode(ua.UInt32(code)).name) for item, code in found]
        return refused

    async def remove(self, items: Sequence[Item]) -> None:
        """Monitor these no more."""
        gone = {item for item in items if item.monitored is not None}
        self._items = {handle: item for handle, item in self._items.items() if item not in gone}
        ids = [ua.UInt32(item.monitored) for item in gone if item.monitored is not None]
        for at in range(0, len(ids), self._at_once):
            parameters = ua.DeleteMonitoredItemsParameters()
            parameters.SubscriptionId = ua.UInt32(self._id)
            parameters.MonitoredItemIds = ids[at : at + self._at_once]
            await self._session.delete_monitored_items(parameters)

    def quiet(self, seconds: float) -> list[Item]:
        """Items that have told a value, and none for so long."""
        before = time.monotonic() - seconds
        return [item for item in self._items.values() if item.mark and item.heard_at <= before]

    async def _create(self, items: Sequence[Item], *, filtered: bool) -> list[tuple[Item, int]]:
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = ua.UInt32(self._id)
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        handles = []
        for item in items:
            # Known before the request: the first values may be there before its answer.
            handle = self._next_handle
            self._next_handle += 1
            handles.append(handle)
            self._items[handle] = item
            parameters.ItemsToCreate.append(self._request(item, handle, filtered=filtered))
        refused: list[tuple[Item, int]] = []
        results = await self._session.create_monitored_items(parameters)
        for item, handle, result in zip(items, handles, results, strict=True):
            if result.StatusCode.is_good():
                item.monitored = int(result.MonitoredItemId)
            else:
                del self._items[handle]
                refused.append((item, int(result.StatusCode.value)))
        return refused

    def _request(self, item: Item, handle: int, *, filtered: bool) -> ua.MonitoredItemCreateRequest:
        table, tag = self._table, item.tag
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor.NodeId = item.node
        request.ItemToMonitor.AttributeId = ua.UInt32(ua.AttributeIds.Value)
        request.MonitoringMode = ua.MonitoringMode.Reporting
        wanted = request.RequestedParameters
        wanted.ClientHandle = ua.UInt32(handle)
        wanted.SamplingInterval = (tag.sampling or table.sampling) * 1000
        wanted.QueueSize = ua.UInt32(tag.queue or table.queue)
        wanted.DiscardOldest = True
        if filtered:
            wanted.Filter = data_change_filter(table, tag.deadband, tag.deadband_percent)
        return request

    async def _notified(self, result: ua.PublishResult) -> None:
        message = result.NotificationMessage
        self._heard_at = time.monotonic()
        if not message.NotificationData:
            return  # a keep-alive; its number is that of the next notification
        number = int(message.SequenceNumber)
        for absent in range(self._sequence + 1, number) if self._sequence else ():
            # Sent over a connection that was lost on the way: the server keeps it until it is acknowledged.
            again = await self._republished(absent)
            if again is None:
                self._missed()
            else:
                await self._take(again)
        self._sequence = number
        await self._take(message)

    async def _republished(self, number: int) -> ua.NotificationMessage | None:
        """Ask for a notification once more; None: the server has it not any more.

        The connection may be lost again meanwhile. The client would acknowledge the notification that showed the gap
        although it was not taken, so this asks until there is an answer.
        """
        until = time.monotonic() + _LIFETIME_S
        while time.monotonic() < until:
            try:
                again = await self._session.republish(self._id, number)
            except ua.UaError:
                return None
            except (OSError, TimeoutError):
                await asyncio.sleep(_ASK_AGAIN_S)
            else:
                # There are servers that answer with an empty notification.
                return again if again.NotificationData else None
        return None

    async def _take(self, message: ua.NotificationMessage) -> None:
        values: list[tuple[Item, ua.DataValue]] = []
        for data in message.NotificationData or []:
            if isinstance(data, ua.DataChangeNotification):
                for one in data.MonitoredItems:
                    item = self._items.get(int(one.ClientHandle))
                    if item is not None:
                        item.heard_at = self._heard_at
                        values.append((item, one.Value))
            elif isinstance(data, ua.StatusChangeNotification):
                self._ended(f"the server has ended the subscription ({data.Status.name})")
        if not values:
            return
        self._busy = True
        try:
            await self._heard(message, values)
        finally:
            self._busy = False
            self._heard_at = time.monotonic()


def data_change_filter(table: OpcuaTable, absolute: float | None, percent: float | None) -> ua.DataChangeFilter:
    """When a new value is reported: with each new source timestamp, or beyond a deadband."""
    if absolute is None and percent is None:
        absolute, percent = table.deadband, table.deadband_percent
    found = ua.DataChangeFilter()
    found.Trigger = ua.DataChangeTrigger.StatusValueTimestamp
    found.DeadbandType = ua.UInt32(ua.DeadbandType.None_)
    if absolute is not None:
        found.DeadbandType, found.DeadbandValue = ua.UInt32(ua.DeadbandType.Absolute), absolute
    elif percent is not None:
        found.DeadbandType, found.DeadbandValue = ua.UInt32(ua.DeadbandType.Percent), percent
    return found
