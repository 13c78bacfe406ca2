"""From a variable's data values to packets with one draft each."""

from __future__ import annotations

from datetime import datetime

from asyncua import ua

from bridges.payload import Refusal, Refused, in_range
from bridges.sources.opcua_items import Item
from bridges.sources.opcua_values import GONE, measured
from bridges.tags import Refusals
from bridges.values import Current, Draft, Packet, Receiver


class Readings:
    """Makes packets, and remembers what it needs of the values before.

    Args:
        source: whose packets they are.
        refusals: counts what cannot be taken.
    """

    def __init__(self, source: Receiver, refusals: Refusals) -> None:
        self._source = source
        self._refusals = refusals
        #: last value of each sensor, which a bad status without a value is about
        self._last: dict[str, float] = {}

    def told(self, item: Item, data: ua.DataValue, now: datetime, stale_s: float = 0.0) -> Packet | None:
        """A value that came with a notification; None: it cannot be taken, and is counted.

        Args:
            item: whose it is.
            data: what came.
            now: the server's time.
            stale_s: the first value of a subscription may be of any age; one that is older than this is told as of now,
                when it is still the variable's value. 0: it keeps its time.
        """
        first, item.first = item.first, False
        self._look(item, data)
        name, target = item.sensor_id, item.target
        try:
            said = measured(data, name)
            item.mark = said.mark
            if said.overflow:
                lost = Refused(Refusal.OVERFLOW, "the server's queue was full, older values are lost (queue, sampling)")
                self._refusals.add(item.label, lost)
            value = said.value
            if value is None:
                value = self._last.get(name)
                if value is None:
                    raise Refused(Refusal.NO_VALUE, "a bad status without a value, and there was none before")
            else:
                value = self._last[name] = in_range(value * target.scale + target.offset)
        except Refused as refused:
            self._refusals.add(item.label, refused)
            return None
        item.at = said.at or now
        if first and stale_s and (now - item.at).total_seconds() > stale_s:
            item.at = now
        draft = Draft(target.sensor, item.at, value, said.quality)
        # Without a time the same value may be a new one, except with a new subscription.
        current = Current(name, said.mark, look_up=first or said.at is not None)
        return Packet(self._source, token=None, fingerprint=None, look_up=False, drafts=[draft], current=current)

    def unchanged(self, item: Item, data: ua.DataValue, at: datetime) -> Packet | None:
        """A value that was read because none came, with the server's time of that.

        None: it has changed, and comes with a notification.
        """
        try:
            said = measured(data, item.sensor_id)
        except Refused:
            return None
        self._look(item, data)
        if said.mark != item.mark or said.value is None:
            return None
        value = self._last.get(item.sensor_id)
        if value is None or (item.at is not None and at <= item.at):
            return None
        item.at = at
        draft = Draft(item.target.sensor, at, value, said.quality)
        return Packet(self._source, token=None, fingerprint=None, look_up=False, drafts=[draft])

    @staticmethod
    def _look(item: Item, data: ua.DataValue) -> None:
        """Whether its node is there still."""
        if data.StatusCode is not None and data.StatusCode.value in GONE:
            item.gone = True
