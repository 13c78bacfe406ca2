"""Edge nodes of Sparkplug B 3.0, as a host application reads them: births, data, deaths, and its own STATE.

A message of QoS 1 is acknowledged when what it holds is on disk (the spool). Data is of QoS 0 by the specification: an
edge node that waits for this host's STATE keeps what it measures meanwhile, and sends it as historical values.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from paho.mqtt.client import Client

from bridges.mapping import SensorTable
from bridges.payload import Refusal, Refused
from bridges.sources.mqtt_loop import MqttLoop
from bridges.sources.mqtt_packets import Publish
from bridges.sources.mqtt_table import no_connection
from bridges.sources.sparkplug_connection import HostConnection
from bridges.sources.sparkplug_node import EdgeNode, Message
from bridges.sources.sparkplug_readings import Readings, room_of
from bridges.sources.sparkplug_table import SparkplugTable
from bridges.sources.status import LostPart, SourceStatus
from bridges.tags import Tags
from bridges.values import Memory, Packet
from controlroom.wire.bridge import DEVICE_KIND, NODE_KIND
from controlroom.wire.sparkplug import (
    NAMESPACE,
    REBIRTH,
    BadPayload,
    DataType,
    Metric,
    decode_payload,
    encode_payload,
)

if TYPE_CHECKING:
    from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger(__name__)

_KINDS = frozenset({"NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"})
_LOOK_S = 0.25
#: An edge node that has not answered so many requests for a birth is called lost.
_UNANSWERED = 3
#: Lost parts that are told one by one.
_MOST_LOST = 200
_CLOSE_S = 5.0


class SparkplugSource:
    """One source. Its callbacks run on the client's thread, `confirm` on the spool's.

    Args:
        table: what the file says of it.
        sensors: what the file says of single sensors.
        bridge: the bridge's name, for the ids of client and host.
        put: takes packets; may wait.
        live: to look only: no STATE is told.
        memory: outlives the process: the edge nodes that an earlier one has met.

    Raises:
        BridgeFileError: a certificate or a password cannot be read.
    """

    #: whether the bridge numbers its readings
    numbered = True

    def __init__(
        self,
        table: SparkplugTable,
        sensors: Mapping[str, SensorTable],
        bridge: str,
        put: Callable[[Packet], None],
        *,
        live: bool = False,
        memory: Memory | None = None,
    ) -> None:
        self.table = table
        self._put = put
        self._memory = memory
        self.status = SourceStatus("sparkplug")
        self._tags = Tags(table.name, table.max_tags)
        self._tags.adopt(table.tag, sensors)
        self.status.refused = self._tags.refusals.counts
        self._readings = Readings(self, self._tags, room_of(bridge, table.name))
        self._nodes: dict[tuple[str, str], EdgeNode] = {}
        # Held while nodes are changed; `put` may wait with it, `confirm` never takes it.
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._connection = HostConnection(table, bridge, live=live)
        self._client = client = self._connection.client
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        self._loop = MqttLoop(client, self._on_publish, self._on_connect_fail)
        self._looking = threading.Thread(target=self._look, name="sparkplug", daemon=True)

    @property
    def name(self) -> str:
        """The source's name."""
        return self.table.name

    def start(self) -> None:
        """Connect, and try until it works."""
        for word in self._memory.recall() if self._memory is not None else ():
            if len(self._nodes) < self.table.max_nodes:
                group, _, node = word.partition("/")
                self._node(group, node)
        self._connection.prepare()
        self._loop.start()
        self._looking.start()

    def adopt(self, table: SparkplugTable, sensors: Mapping[str, SensorTable]) -> None:
        """Go on by another table that has the same connection."""
        with self._lock:
            self.table = table
            self._tags.adopt(table.tag, sensors)
            if self.status.connected_since is not None:
                self._connection.subscribe(self._tags.filters)

    def confirm(self, tokens: Sequence[object], readings: int, repeated: int) -> None:
        """These values are on disk: acknowledge their messages."""
        self.status.readings += readings
        self.status.repeated += repeated
        self._loop.ack([token for token in tokens if isinstance(token, tuple)])

    def stop(self, *, forget: bool = False) -> None:
        """Tell that this host goes offline, and disconnect."""
        self._stopping.set()
        self._connection.end(connected=self.status.connected_since is not None, forget=forget, patience=_CLOSE_S)
        self._loop.stop(_CLOSE_S)
        self._connection.client.release()
        self.status.connected_since = None

    def _on_connect(self, _client: Client, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        if reason.is_failure:
            self._fail(f"the broker refuses us: {reason}")
            return
        with self._lock:
            self._loop.connection += 1
            self.status.reconnects = self._loop.connection - 1
            self.status.error = ""
            self.status.connected_since = time.time()
            log.info("%s: connected to %s", self.name, self.table.url)
            # Births and deaths may have been missed.
            for node in self._nodes.values():
                node.forget_birth("this host was not connected")
            self._connection.connected(self._tags.filters)

    def _on_subscribe(self, _client: Client, _data: object, mid: int, reasons: list[ReasonCode], _more: object) -> None:
        self._connection.subscribed(mid)
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._fail(f"the broker refuses {len(refused)} of {len(reasons)} subscriptions: {refused[0]}")

    def _on_connect_fail(self, error: OSError) -> None:
        self._fail(no_connection(self.table.url, error))

    def _on_disconnect(self, _client: Client, _data: object, _flags: object, reason: ReasonCode, _more: object) -> None:
        was, self.status.connected_since = self.status.connected_since, None
        if not self._stopping.is_set() and was is not None:
            self._fail(f"the connection has ended ({reason})")

    def _fail(self, line: str) -> None:
        if line != self.status.error:
            log.warning("%s: %s; trying on", self.name, line)
        self.status.error = line

    def _on_publish(self, message: Publish) -> None:
        now = datetime.now(UTC)
        token = (self._loop.connection, message.mid) if message.qos else None
        self.status.messages += 1
        try:
            topic = message.topic.decode()
        except UnicodeDecodeError:
            self._tags.refusals.add("", Refused(Refusal.NOT_UTF8, "its topic is not UTF-8"))
            topic = ""
        levels = topic.split("/")
        try:
            if levels[1:2] == ["STATE"]:
                self._connection.hear_state(message.payload)
            elif len(levels) in {4, 5} and levels[2] in _KINDS and (len(levels) == 5) == (levels[2][0] == "D"):
                if message.retain:
                    self.status.retained += 1
                else:
                    self._receive(levels, message.payload, token, now)
                    return
            elif topic and levels[2:3] not in (["NCMD"], ["DCMD"]):
                raise Refused(Refusal.NOT_SPARKPLUG, "no topic of Sparkplug B")
        except Refused as refused:
            self._tags.refusals.add(topic, refused)
        if token is not None:
            self._put(Packet(self, token, None, look_up=False, drafts=()))

    def _receive(self, levels: list[str], raw: bytes, token: object, now: datetime) -> None:
        if len(raw) > self.table.max_payload:
            detail = f"{len(raw)} bytes, at most {self.table.max_payload} are read (max_payload)"
            raise Refused(Refusal.TOO_LARGE, detail)
        try:
            payload = decode_payload(raw)
        except BadPayload as bad:
            raise Refused(Refusal.NOT_SPARKPLUG, str(bad)) from None
        _, group, kind, name, *device = levels
        told = Message(kind, device[0] if device else "", payload, token, now.timestamp())
        with self._lock:
            node = self._node(group, name)
            for due in node.receive(told, time.monotonic()):
                self._take(group, name, node, due, now)
            self._after(group, name, node)
            if kind.endswith(("BIRTH", "DEATH")):
                self._tell_lost()
        if payload.at_ms is not None and kind.endswith("DATA"):
            self.status.skewed(payload.at_ms / 1000 - now.timestamp())

    def _take(self, group: str, name: str, node: EdgeNode, due: Message, now: datetime) -> None:
        """Hand over what a message holds: under the lock, so that a node's order stays."""
        for packet in self._readings.packets(group, name, node, due, now):
            if packet.drafts:
                self.status.last_at = now.timestamp()
            self._put(packet)
        self.status.tags = self._tags.known

    def _node(self, group: str, name: str) -> EdgeNode:
        key = group, name
        if (node := self._nodes.get(key)) is None:
            if len(self._nodes) >= self.table.max_nodes:
                raise Refused(Refusal.TOO_MANY_NODES, f"more than {self.table.max_nodes} edge nodes (max_nodes)")
            node = self._nodes[key] = EdgeNode(self.table.reorder)
            if self._memory is not None:
                self._memory.remember([f"{one}/{other}" for one, other in self._nodes])
        return node

    def _after(self, group: str, name: str, node: EdgeNode) -> None:
        """Count what a node has refused, and ask for its births where they are wanted."""
        for reason, detail in node.refused:
            self._tags.refusals.add(f"{group}/{name}", Refused(reason, detail))
        node.refused.clear()
        clock = time.monotonic()
        if not node.wants_birth or self.status.connected_since is None or not self._connection.online:
            return
        if node.asked_at is not None and clock - node.asked_at < self.table.rebirth_every:
            return
        node.asked_at = clock
        node.asked_first = node.asked_first or clock
        if clock - node.asked_first >= (_UNANSWERED - 0.5) * self.table.rebirth_every:
            node.give_up(time.time(), "the edge node does not answer requests for its birth")
            self._tell_lost()
        log.info("%s: %s/%s is asked for its births: %s", self.name, group, ascii(name), node.wants_birth)
        now = time.time_ns() // 1_000_000
        raw = encode_payload([Metric(REBIRTH, value=True, datatype=DataType.BOOLEAN, at_ms=now)], now)
        self._client.publish(f"{NAMESPACE}/{group}/NCMD/{name}", raw, qos=0)

    def _look(self) -> None:
        """What no message brings: time that has passed."""
        while not self._stopping.wait(_LOOK_S):
            with self._lock:
                clock = time.monotonic()
                for (group, name), node in list(self._nodes.items()):
                    for due in node.expire(clock):
                        self._take(group, name, node, due, datetime.now(UTC))
                    self._after(group, name, node)
                self._tell_lost()

    def _tell_lost(self) -> None:
        now = time.time()
        found: list[LostPart] = []
        for (group, name), node in self._nodes.items():
            for device, state in node.lost(now):
                part = self._readings.part(group, name, device)
                why = state.why or "the device was not born again with its edge node"
                found.append(LostPart(part, DEVICE_KIND if device else NODE_KIND, state.down_since, why))
        before, after = {one.name for one in self.status.lost}, {one.name for one in found[:_MOST_LOST]}
        for one in found[:_MOST_LOST]:
            if one.name not in before:
                log.warning("%s: %s is down: %s", self.name, ascii(one.name), one.why)
        for gone in before - after:
            log.info("%s: %s is back", self.name, ascii(gone))
        # Without this the report of very many would be too large.
        self.status.lost = found[:_MOST_LOST]
