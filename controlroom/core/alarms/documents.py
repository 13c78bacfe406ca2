"""TOML text into validated settings, with errors that name the file and the key."""

from __future__ import annotations

import tomllib
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from controlroom.errors import ConfigError

__all__ = ["validated"]

_M = TypeVar("_M", bound=BaseModel)


def validated(model: type[_M], text: str, source: str) -> _M:
    """``text`` as a ``model``; ``source`` names the file. Raises ConfigError in one line that names the key."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not valid TOML: {error}", hint="correct the file at that line") from None
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{source}: {_first(error)}", hint="correct or remove the key") from None


def _first(error: ValidationError) -> str:
    """The first finding: ``alarm[2].on_delay_s: Input should be ...``; entries count from 1, as people do."""
    finding = error.errors(include_url=False)[0]
    path = ""
    for part in finding["loc"]:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if path else part
    more = error.error_count() - 1
    return f"{path}: {finding['msg'].removeprefix('Value error, ')}" + (f" (and {more} more)" if more else "")
