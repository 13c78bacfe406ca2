"""Every setting with its value and where that came from, for `controlroom config show`. Secrets are not shown."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import AliasChoices, BaseModel, SecretStr
from pydantic.fields import FieldInfo

from controlroom.config import Settings, config_path, load_settings

_PREFIX = "CONTROLROOM_"
HIDDEN = "********"


@dataclass(frozen=True, slots=True)
class Explained:
    """One setting."""

    name: str
    #: as it may be shown; None: unset
    value: Any
    #: `command line`, the environment variable's name, the file's path, or `default`
    source: str


def explained_settings(config_file: Path | None = None, **overrides: object) -> list[Explained]:
    """Every setting as it is in force, in the order in which they are declared.

    Args:
        config_file: another configuration file than the user's.
        overrides: what the command line says; None says nothing.

    Raises:
        ConfigError: a value is wrong; names the setting.
    """
    settings = load_settings(config_file=config_file, **overrides)
    path = used_config_path(settings)
    file = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    environ = {name.upper(): value for name, value in os.environ.items()}
    given = {name for name, value in {"config_file": config_file, **overrides}.items() if value is not None}
    found: list[Explained] = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            inner = file.get(name, {})
            found += _section(name, value, inner if isinstance(inner, dict) else {}, environ, path)
            continue
        source = "command line" if name in given else _source(_names(name, field), name, environ, file, path)
        found.append(Explained(name, shown(value), source))
    return found


def used_config_path(settings: Settings) -> Path:
    """The file that was read, or would be if it were there."""
    return settings.config_file.expanduser() if settings.config_file is not None else config_path()


def shown(value: object) -> object:
    """A value as it may be shown: a password, also one in an address, is not.

    >>> shown(SecretStr("postgresql://me:secret@host:5432/db"))
    'postgresql://me:********@host:5432/db'
    >>> shown(SecretStr("secret")), shown(Path("/srv")), shown(None), shown(3)
    ('********', '/srv', None, 3)
    """
    if isinstance(value, SecretStr):
        return _without_password(value.get_secret_value())
    return str(value) if isinstance(value, Path) else value


def _without_password(text: str) -> str:
    parts = urlsplit(text)
    # A password may also stand among the parameters: an address with any of these is hidden as a whole.
    if not parts.scheme or not parts.netloc or "password" in parts.query.lower():
        return HIDDEN
    who, at, where = parts.netloc.rpartition("@")
    user, colon, _ = who.partition(":")
    return urlunsplit(parts._replace(netloc=f"{user}{colon and f':{HIDDEN}'}{at}{where}"))


def _names(name: str, field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    choices = [choice for choice in alias.choices if isinstance(choice, str)] if isinstance(alias, AliasChoices) else []
    return [*(choice for choice in choices if choice.isupper()), *([] if choices else [f"{_PREFIX}{name.upper()}"])]


def _source(variables: list[str], name: str, environ: Mapping[str, str], file: Mapping[str, Any], path: Path) -> str:
    for variable in variables:
        if variable in environ:
            return variable
    return str(path) if name in file or any(variable in file for variable in variables) else "default"


def _section(
    name: str, section: BaseModel, file: Mapping[str, Any], environ: Mapping[str, str], path: Path
) -> Iterator[Explained]:
    for inner in type(section).model_fields:
        source = _source([f"{_PREFIX}{name.upper()}__{inner.upper()}"], inner, environ, file, path)
        yield Explained(f"{name}.{inner}", shown(getattr(section, inner)), source)
