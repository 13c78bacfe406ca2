"""List what an OPC UA server has, and write it as a bridge's file."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from asyncua import ua
from pydantic import ValidationError

from bridges.errors import BridgeError, BridgeFileError
from bridges.file import load_bridge
from bridges.payload import Refused, number_of
from bridges.sources.opcua_client import check_files, close, connect, reason
from bridges.sources.opcua_nodes import AddressSpace, Variable
from bridges.sources.opcua_table import OpcuaTable

#: As much of a value is shown.
_SHOWN = 30


class Listed(NamedTuple):
    """A variable of a server."""

    names: tuple[str, ...]
    #: with the URI of its namespace
    node: str
    data_type: str
    value: object
    unit: str
    low: float | None
    high: float | None

    @property
    def is_number(self) -> bool:
        """Whether its value can be a reading's."""
        try:
            number_of(self.value)
        except Refused:
            return False
        return True


async def listed(table: OpcuaTable, start: str | None) -> list[Listed]:
    """The variables of a server below a node, or below Objects.

    Raises:
        BridgeError: the server cannot be used, or there is no such node.
    """
    check_files(table)
    try:
        client = await connect(table, "controlroom bridge browse")
    except Exception as error:  # noqa: BLE001 - the client's are of many kinds
        raise BridgeError(reason(error, table)) from None
    try:
        return await _listed(AddressSpace(client), start)
    except (ua.UaError, OSError, TimeoutError) as error:
        raise BridgeError(reason(error, table)) from None
    finally:
        await close(client)


async def _listed(space: AddressSpace, start: str | None) -> list[Listed]:
    await space.look()
    node = space.node_id(start) if start is not None else None
    if start is not None and (node is None or (await space.browse_names([node]))[0] is None):
        raise BridgeError(f"the server has no node {start}")
    found: list[Variable] = [variable async for variable in space.variables(node)]
    nodes = [variable.node for variable in found]
    values, types = await space.read(nodes), await space.types(nodes)
    told = await space.engineering(nodes)
    return [
        Listed(
            variable.names, space.text_of(variable.node), kind, data.Value.Value if data.Value is not None else None,
            more.unit, more.low, more.high,
        )
        for variable, data, kind, more in zip(found, values, types, told, strict=True)
    ]  # fmt: skip


def server_table(server: str, user: str | None, password_env: str | None) -> OpcuaTable:
    """How to reach a server that is named by its URL, or by a bridge's file with a source of this kind.

    Raises:
        BridgeFileError: it is neither.
    """
    if server.startswith("opc.tcp:"):
        given = {"user": user, "password_env": password_env}
        keys = {key: value for key, value in given.items() if value is not None}
        tag = {"path": "{sensor}"}
        try:
            return OpcuaTable.model_validate({"type": "opcua", "name": "server", "url": server, "tag": [tag], **keys})
        except ValidationError as error:
            message = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise BridgeFileError(f"{server}: {message.removeprefix('Value error, ')}") from None
    for table in load_bridge(Path(server)).source:
        if isinstance(table, OpcuaTable):
            return table
    raise BridgeFileError(f"{server}: it has no source of type opcua")


def browse(table: OpcuaTable, start: str | None) -> list[Listed]:
    """`listed`, for who has no loop."""
    return asyncio.run(listed(table, start))


def tree(variables: Sequence[Listed]) -> Iterator[str]:
    """The variables as a tree; each with node id, data type, value and unit."""
    before: tuple[str, ...] = ()
    for one in sorted(variables):
        folders = one.names[:-1]
        for depth, name in enumerate(folders):
            if folders[: depth + 1] != before[: depth + 1]:
                yield f"{'  ' * depth}{name}"
        before = one.names
        value = " ".join(str(one.value).split())
        value = value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"
        span = f"  [{one.low:g} to {one.high:g}]" if one.low is not None and one.high is not None else ""
        head = f"{'  ' * len(folders)}{one.names[-1]}"
        yield f"{head}  {one.node}  {one.data_type}  {value}{f' {one.unit}' if one.unit else ''}{span}"


def write_file(path: Path, table: OpcuaTable, variables: Sequence[Listed]) -> int:
    """Write a bridge's file with the variables that are numbers; how many.

    Raises:
        BridgeFileError: it is there already, or cannot be written.
    """
    numbers = sorted(one for one in variables if one.is_number)
    lines = ["[bridge]", 'name = "opcua"', "", "[[source]]", *_connection(table)]
    ids: set[str] = set()
    for one in numbers:
        whole = re.sub(r"\s+", "_", "-".join(one.names))[:120]
        name, count = whole, 2
        while name in ids:
            name, count = f"{whole}-{count}", count + 1
        ids.add(name)
        span = f", {one.low:g} to {one.high:g}" if one.low is not None and one.high is not None else ""
        lines += [
            "",
            f"# {_plain('/'.join(one.names))}: {one.data_type}{f', {_plain(one.unit)}' if one.unit else ''}{span}",
            "[[source.tag]]",
            f"node = {_text(one.node)}",
            f"id = {_text(_closed(name))}",
            f"type = {_text(_closed(one.names[-1])[:128])}",
        ]
        if len(one.names) > 1:
            lines.append(f"machine = {_text(_closed(one.names[-2]))}")
        if len(one.names) > 2:
            lines.append(f"section = {_text(_closed(one.names[-3]))}")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write("\n".join([*lines, ""]))
    except FileExistsError:
        raise BridgeFileError(f"{path} is there already; nothing was written") from None
    except OSError as error:
        raise BridgeFileError(f"{path}: {error.strerror or error}") from None
    return len(numbers)


def _connection(table: OpcuaTable) -> Iterator[str]:
    """The keys of the source that differ from their defaults."""
    for key, value in table.model_dump(exclude={"tag"}, exclude_defaults=True).items():
        if isinstance(value, list):
            yield f"{key} = [{', '.join(_text(str(Path(one).resolve())) for one in value)}]"
        elif isinstance(value, Path):
            yield f"{key} = {_text(str(value.resolve()))}"
        else:
            yield f"{key} = {_text(value) if isinstance(value, str) else value}"


def _text(text: str) -> str:
    """A TOML string: JSON's escapes are TOML's too, except for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)


def _closed(text: str) -> str:
    """A template without holes: braces would be names."""
    return text.replace("{", "(").replace("}", ")")
