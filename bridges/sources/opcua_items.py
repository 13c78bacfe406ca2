"""From the tags of the file to the variables of a server: what is to be monitored, and what each becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from asyncua import ua

from bridges.mapping import SensorTable, Tag, Target
from bridges.payload import Refusal, Refused
from bridges.sources.opcua_nodes import AddressSpace, Engineering, path_of
from bridges.sources.opcua_table import OpcuaTable, OpcuaTag
from bridges.topics import TopicTemplate


@dataclass(slots=True, eq=False)
class Item:
    """A variable that is a sensor."""

    node: ua.NodeId
    #: what messages call it: its node id as the file has it, or its path
    label: str
    tag: OpcuaTag
    target: Target
    #: its next value is the first of this subscription: the server tells it whether it is new or not
    first: bool = True
    #: the server has said that the node is not there any more
    gone: bool = False
    #: of its last value, and when that came (monotonic)
    mark: bytes = b""
    heard_at: float = 0.0
    #: the time of its last reading
    at: datetime | None = None
    #: the server's number of the monitored item
    monitored: int | None = None

    @property
    def sensor_id(self) -> str:
        """The sensor that it is."""
        return self.target.sensor.sensor_id


@dataclass(slots=True)
class Found:
    """What a search came to."""

    #: by sensor id
    items: dict[str, Item] = field(default_factory=dict)
    #: what could not be taken: its label, and why
    refused: list[tuple[str, Refused]] = field(default_factory=list)


async def find_items(space: AddressSpace, table: OpcuaTable, sensors: Mapping[str, SensorTable]) -> Found:
    """Look for what the file names. A node that is not there is refused as `no-node`; the rest goes on."""
    found = Found()
    owners: dict[str, str] = {}
    for tag, node, label, names in await _candidates(space, table, found):
        try:
            target = Tag(tag.mapping()).target(names, sensors)
            if target is None:
                continue
            name = target.sensor.sensor_id
            if name in owners:
                raise Refused(Refusal.ID_TAKEN, f"sensor id {name!r} is that of {owners[name]!r}; give it another id")
            if len(found.items) >= table.max_tags:
                raise Refused(Refusal.TOO_MANY_TAGS, f"more than {table.max_tags} variables (max_tags)")
        except Refused as refused:
            found.refused.append((label, refused))
            continue
        owners[name] = label
        found.items[name] = Item(node, label, tag, target)
    asked = [item for item in found.items.values() if _wants(item)]
    for item, told in zip(asked, await space.engineering([item.node for item in asked]), strict=True):
        item.target = completed(item.target, told, limits=item.tag.limits == "range")
    return found


def completed(target: Target, told: Engineering, *, limits: bool) -> Target:
    """A target with what the server tells, where the file says nothing.

    A value that the file scales has another unit than the server's. With `limits` the upper end of the range is the
    critical limit.
    """
    sensor = target.sensor
    if not sensor.unit and (target.scale, target.offset) == (1.0, 0.0):
        sensor = sensor._replace(unit=told.unit)
    if limits and sensor.warning is None and sensor.critical is None and told.low is not None and told.high is not None:
        ends = [end * target.scale + target.offset for end in (told.low, told.high)]
        sensor = sensor._replace(critical=max(ends))
    return target._replace(sensor=sensor)


def _wants(item: Item) -> bool:
    return not item.target.sensor.unit or item.tag.limits == "range"


_Candidate = tuple[OpcuaTag, ua.NodeId, str, dict[str, str]]


async def _candidates(space: AddressSpace, table: OpcuaTable, found: Found) -> Sequence[_Candidate]:
    """Every variable that a tag names, with the names for its templates, in the order of the file."""
    starts = {tag.node: space.node_id(tag.node) for tag in table.tag if tag.node is not None}
    known = [node for node in starts.values() if node is not None]
    names = dict(zip(known, await space.browse_names(known), strict=True))
    candidates: list[_Candidate] = []
    for tag in table.tag:
        start = starts[tag.node] if tag.node is not None else None
        if tag.node is not None and (start is None or names[start] is None):
            why = "the server has no such namespace" if start is None else "the server has no such node"
            found.refused.append((tag.node, Refused(Refusal.NO_NODE, why)))
            continue
        if tag.path is None:
            assert start is not None
            candidates.append((tag, start, tag.node or "", {"sensor": path_of([names[start] or ""])}))
            continue
        template = TopicTemplate(tag.path)
        before = len(candidates)
        async for variable in space.variables(start, template):
            matched = template.match(variable.path)
            assert matched is not None
            candidates.append((tag, variable.node, variable.path, matched))
        if len(candidates) == before:
            found.refused.append((tag.path, Refused(Refusal.NO_NODE, "no variable has such a path")))
    return candidates
