r"""A TOML file as a pydantic model; what is wrong is said with its line and its key.

>>> text = '''[bridge]
... name = "hall-3"
...
... [[source]]
... type = "mqtt"
... [[source]]
... type = "mqtt"
... port = "many"
... '''
>>> line_of(text, ("source", 1, "port")), line_of(text, ("source", 1, "url")), line_of(text, ("bridge", "nam"))
(8, 6, 1)
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError, ValidationInfo

from bridges.errors import BridgeFileError

M = TypeVar("M", bound=BaseModel)


def _beside(path: Path, info: ValidationInfo) -> Path:
    beside: Path = (info.context or {}).get("beside", Path())
    return beside / path.expanduser()


#: A path in a file; one that is not absolute begins in the file's directory.
PathBeside = Annotated[Path, AfterValidator(_beside)]

_HEADING = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"^\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PART = re.compile(r"[\w-]+|\"[^\"]*\"|'[^']*'")
#: A file of more is not one that a person wrote.
MAX_BYTES = 16 * 1024 * 1024


def read_toml(model: type[M], path: Path) -> M:
    """The file as a `model`.

    Raises:
        BridgeFileError: it cannot be read or is wrong; one line that names file, line and key.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BridgeFileError(f"{path}: larger than {MAX_BYTES // 1024**2} MiB")
        text = path.read_text("utf-8")
    except OSError as error:
        raise BridgeFileError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BridgeFileError(f"{path}: not UTF-8 (byte {error.start})") from None
    return parse_toml(model, text, str(path), path.parent)


def parse_toml(model: type[M], text: str, name: str, beside: Path | None = None) -> M:
    """TOML text as a `model`; `name` is the file's, for errors, and `beside` its directory.

    Raises:
        BridgeFileError: it is wrong.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BridgeFileError(f"{name}: not TOML: {error}") from None
    try:
        return model.model_validate(content, context={"beside": beside or Path()})
    except ValidationError as error:
        raise BridgeFileError(f"{name}, {_first_of(error, content, text)}") from None


def _first_of(error: ValidationError, content: object, text: str) -> str:
    """The first thing that is wrong: `line 8: source[2].port: must be ...`; entries count from 1."""
    found = error.errors(include_url=False, include_input=False)
    # A key that is misspelt is two findings: the right one is missing, and this one is what to correct.
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    place: list[str | int] = []
    for part in first["loc"]:
        if isinstance(content, dict) and isinstance(part, str) and (part in content or first["type"] == "missing"):
            content = content.get(part)
        elif isinstance(content, list) and isinstance(part, int) and part < len(content):
            content = content[part]
        else:
            continue  # pydantic's own, such as the tag of a union
        place.append(part)
    if first["type"].startswith("union_tag_"):
        place.append("type")
    key = ""
    for part in place:
        key += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if key else part
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if first["type"] == "extra_forbidden":
        message = "there is no such key"
    elif first["type"] in {"missing", "union_tag_not_found"}:
        message = "is missing"
    elif first["type"] == "union_tag_invalid":
        message = f"must be one of {first['ctx']['expected_tags']}"
    others = error.error_count() - 1
    more = f" (and {others} more)" if others else ""
    return f"line {line_of(text, place)}: {key}: {message[:1].lower()}{message[1:]}{more}"


def line_of(text: str, place: Sequence[str | int]) -> int:
    """The line of a key, or of the last table on the way to it, from 1."""
    want = tuple(place)
    table: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    best, depth = 1, 0
    for number, line in enumerate(text.splitlines(), 1):
        heading, key = _HEADING.match(line), _KEY.match(line)
        if heading is not None:
            table = _table(heading[1] == "[[", _parts(heading[2]), counts)
            here = table
        elif key is not None:
            here = (*table, *_parts(key[1]))
        else:
            continue
        if len(here) > depth and want[: len(here)] == here:
            best, depth = number, len(here)
    return best


def _table(array: bool, names: list[str], counts: dict[tuple[str | int, ...], int]) -> tuple[str | int, ...]:  # noqa: FBT001
    """Where a heading is: the last entry of each array on the way, a new one of its own if it is an array."""
    path: tuple[str | int, ...] = ()
    for index, name in enumerate(names):
        path = (*path, name)
        if array and index == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]
