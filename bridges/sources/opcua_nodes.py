"""Find nodes in a server's address space, and what it tells of them: as few requests as its limits allow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple, TypeVar

from asyncua import Client, ua

from bridges.topics import TopicTemplate

T = TypeVar("T")

#: Nodes in one request, where the server names no limit, or a higher one.
_AT_ONCE = 500
#: A template with `#` goes so deep, and a walk sees so many nodes at most: address spaces may have loops.
_DEEPEST = 32
_MOST_NODES = 1_000_000
_OBJECTS = ua.NodeId(ua.ObjectIds.ObjectsFolder)
_SERVER = ua.NodeId(ua.ObjectIds.Server)
_HAS_PROPERTY = ua.NodeId(ua.ObjectIds.HasProperty)
_HIERARCHICAL = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
_LIMITS = {
    "browse": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "read": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "monitor": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
}


class Variable(NamedTuple):
    """A variable, and the browse names on the way to it from where the search began."""

    node: ua.NodeId
    names: tuple[str, ...]

    @property
    def path(self) -> str:
        """The names as one text; a slash within a name is written %2F."""
        return path_of(self.names)


class Engineering(NamedTuple):
    """What a server tells of a variable besides its values."""

    unit: str = ""
    #: the range of values in normal operation (EURange), else that of the instrument
    low: float | None = None
    high: float | None = None


def path_of(names: Sequence[str]) -> str:
    """Browse names as a path.

    >>> path_of(["Line 1", "a/b"])
    'Line 1/a%2Fb'
    """
    return "/".join(name.replace("/", "%2F") for name in names)


class AddressSpace:
    """The address space of a connected server."""

    def __init__(self, client: Client) -> None:
        self._session = client.uaclient.session
        self._namespaces: list[str] = []
        self._at_once = dict.fromkeys(_LIMITS, _AT_ONCE)

    async def look(self) -> None:
        """Read its namespaces and limits: at the start, and whenever they may have changed."""
        wanted = [ua.NodeId(ua.ObjectIds.Server_NamespaceArray), *(ua.NodeId(one) for one in _LIMITS.values())]
        namespaces, *limits = await self._session.read_attributes(wanted, ua.AttributeIds.Value)
        self._namespaces = list(_content(namespaces) or [])
        for name, limit in zip(_LIMITS, limits, strict=True):
            found = _content(limit)
            if isinstance(found, int) and found > 0:
                self._at_once[name] = min(found, _AT_ONCE)

    @property
    def monitored_at_once(self) -> int:
        """So many monitored items go into one request."""
        return self._at_once["monitor"]

    def node_id(self, text: str) -> ua.NodeId | None:
        """The node id that a text means; None: the server has no such namespace."""
        if not text.startswith("nsu="):
            return ua.NodeId.from_string(text)
        uri, _, rest = text.removeprefix("nsu=").partition(";")
        if uri not in self._namespaces:
            return None
        return ua.NodeId.from_string(f"ns={self._namespaces.index(uri)};{rest}")

    def text_of(self, node: ua.NodeId) -> str:
        """A node id with the URI of its namespace, which stays when indexes change."""
        plain = str(ua.NodeId(node.Identifier, 0, node.NodeIdType).to_string())
        index = int(node.NamespaceIndex)
        if index == 0:
            return plain
        return f"nsu={self._namespaces[index]};{plain}" if index < len(self._namespaces) else f"ns={index};{plain}"

    async def browse_names(self, nodes: Sequence[ua.NodeId]) -> list[str | None]:
        """The browse name of each; None: it is not there."""
        found = await self._read(nodes, ua.AttributeIds.BrowseName)
        return [name.Name if isinstance(name := _content(one), ua.QualifiedName) else None for one in found]

    async def read(self, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """The value of each."""
        return await self._read(nodes, ua.AttributeIds.Value)

    async def types(self, nodes: Sequence[ua.NodeId]) -> list[str]:
        """The data type of each, as a name of the specification or as a node id."""
        found = [_content(one) for one in await self._read(nodes, ua.AttributeIds.DataType)]
        return [_type_name(one) if isinstance(one, ua.NodeId) else "" for one in found]

    async def variables(
        self, start: ua.NodeId | None = None, template: TopicTemplate | None = None
    ) -> AsyncIterator[Variable]:
        """All variables below a node (else below Objects), or those alone whose path fits a template."""
        levels = template.text.split("/") if template is not None else ["#"]
        seen: set[ua.NodeId] = {start or _OBJECTS}
        level = [Variable(start or _OBJECTS, ())]
        for depth in range(_DEEPEST if levels[-1] == "#" else len(levels)):
            wanted = levels[min(depth, len(levels) - 1)]
            plain = None if wanted == "#" or wanted == "+" or wanted.startswith("{") else wanted
            below: list[Variable] = []
            for parent, references in await self._children(level):
                for reference in references:
                    node, name = reference.NodeId, str(reference.BrowseName.Name)
                    local = ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)
                    if local in seen or local == _SERVER or reference.ReferenceTypeId == _HAS_PROPERTY:
                        continue
                    if plain is not None and path_of([name]) != plain:
                        continue
                    found = Variable(local, (*parent.names, name))
                    if len(seen) >= _MOST_NODES:
                        return
                    # A node that two ways lead to is one variable, by the first.
                    seen.add(local)
                    below.append(found)
                    if reference.NodeClass == ua.NodeClass.Variable and (
                        template is None or template.match(found.path) is not None
                    ):
                        yield found
            if not below:
                return
            level = below

    async def engineering(self, nodes: Sequence[ua.NodeId]) -> list[Engineering]:
        """Unit and range of each variable, as far as the server tells them."""
        owners: list[tuple[int, str]] = []
        properties: list[ua.NodeId] = []
        found = await self._browse(nodes, _HAS_PROPERTY, ua.NodeClass.Variable)
        for index, references in enumerate(found):
            for reference in references:
                name = str(reference.BrowseName.Name)
                if name in {"EngineeringUnits", "EURange", "InstrumentRange"}:
                    node = reference.NodeId
                    owners.append((index, name))
                    properties.append(ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType))
        told: list[dict[str, Any]] = [{} for _ in nodes]
        for (index, name), one in zip(owners, await self.read(properties), strict=True):
            told[index][name] = _content(one)
        return [_engineering(one) for one in told]

    async def _children(self, parents: Sequence[Variable]) -> list[tuple[Variable, list[ua.ReferenceDescription]]]:
        found = await self._browse(
            [parent.node for parent in parents], _HIERARCHICAL, ua.NodeClass.Object | ua.NodeClass.Variable
        )
        return list(zip(parents, found, strict=True))

    async def _browse(
        self, nodes: Sequence[ua.NodeId], kind: ua.NodeId, classes: int
    ) -> list[list[ua.ReferenceDescription]]:
        """What each node refers to; a node that is not there refers to nothing."""
        found: list[list[ua.ReferenceDescription]] = []
        for some in _parts(nodes, self._at_once["browse"]):
            parameters = ua.BrowseParameters()
            parameters.RequestedMaxReferencesPerNode = 0
            for node in some:
                one = ua.BrowseDescription()
                one.NodeId, one.ReferenceTypeId, one.NodeClassMask = node, kind, int(classes)
                one.BrowseDirection, one.IncludeSubtypes = ua.BrowseDirection.Forward, True
                one.ResultMask = ua.BrowseResultMask.All
                parameters.NodesToBrowse.append(one)
            for result in await self._session.browse(parameters):
                references = list(result.References or [])
                while result.ContinuationPoint:
                    more = ua.BrowseNextParameters()
                    more.ContinuationPoints = [result.ContinuationPoint]
                    (result,) = await self._session.browse_next(more)  # noqa: PLW2901 - the same node's, continued
                    references += result.References or []
                found.append(references)
        return found

    async def _read(self, nodes: Sequence[ua.NodeId], attribute: ua.AttributeIds) -> list[ua.DataValue]:
        found: list[ua.DataValue] = []
        for some in _parts(nodes, self._at_once["read"]):
            found += await self._session.read_attributes(list(some), attribute)
        return found


def _parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


def _content(data: ua.DataValue) -> Any:  # noqa: ANN401 - whatever the server holds
    return data.Value.Value if data.Value is not None and (data.StatusCode or ua.StatusCode()).is_good() else None


def _type_name(node: ua.NodeId) -> str:
    if node.NamespaceIndex == 0 and isinstance(node.Identifier, int):
        return str(ua.ObjectIdNames.get(node.Identifier, node.to_string()))
    return str(node.to_string())


def _engineering(told: dict[str, Any]) -> Engineering:
    units = told.get("EngineeringUnits")
    unit = ""
    if isinstance(units, ua.EUInformation) and units.DisplayName is not None:
        unit = (units.DisplayName.Text or "").replace("\x00", "")[:32]
    span = told.get("EURange")
    if not isinstance(span, ua.Range):
        span = told.get("InstrumentRange")
    if not isinstance(span, ua.Range) or not -1e15 <= span.Low < span.High <= 1e15:
        return Engineering(unit)
    return Engineering(unit, float(span.Low), float(span.High))
