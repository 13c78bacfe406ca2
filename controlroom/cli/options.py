"""Options that many commands share, and how they become settings and endpoints."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from controlroom.errors import ConfigError, NotRunning

if TYPE_CHECKING:
    from controlroom.config import Settings

F = TypeVar("F", bound=Callable[..., Any])

# Environment variables are read by controlroom.config alone, so that there is one order of precedence.
dir_option: Callable[[F], F] = click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the local plant keeps its state (default: the user's data directory).",
)
brokers_option: Callable[[F], F] = click.option(
    "--brokers", metavar="HOST:PORT,...", help="Kafka brokers (default: the local plant's)."
)
dsn_option: Callable[[F], F] = click.option(
    "--dsn", metavar="URL", help="PostgreSQL, postgresql://user:password@host/database (default: the local plant's)."
)


def _choose_format(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """At once, so that a wrong setting is told in that form, too."""
    if value is not None:
        from controlroom.logs import choose_format

        choose_format("json" if value == "json" else "text")
    return value


log_format_option: Callable[[F], F] = click.option(
    "--log-format", type=click.Choice(["text", "json"]), callback=_choose_format, is_eager=True,
    help="How to log on stderr: lines for people (default), or one JSON document a line.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Connections:
    """Where Kafka and PostgreSQL are, and all other settings."""

    brokers: str
    dsn: str
    settings: Settings


def settings_for(directory: Path | None, **overrides: object) -> Settings:
    """The settings, with `--dir` and other options on top."""
    from controlroom.config import load_settings

    return load_settings(dir=directory, **overrides)


def resolve_brokers(brokers: str | None, directory: Path | None) -> tuple[str, Settings]:
    """The brokers that were given, or the local plant's.

    Raises:
        NotRunning: none were given and no local plant runs.
    """
    from controlroom.local import locate

    settings = settings_for(directory, brokers=brokers)
    if settings.brokers:
        return settings.brokers, settings
    endpoints = locate(settings.dir)
    if endpoints is None:
        raise NotRunning(
            f"no plant runs in {settings.dir}", hint="start one with `controlroom up`, or name brokers with --brokers"
        )
    return endpoints.brokers, settings


def resolve_dsn(dsn: str | None, directory: Path | None, **overrides: object) -> tuple[str, Settings]:
    """The database that was given, or the local plant's.

    Raises:
        NotRunning: none was given and no local plant runs.
    """
    from controlroom.local import locate

    settings = settings_for(directory, dsn=dsn, **overrides)
    if settings.dsn:
        return settings.dsn.get_secret_value(), settings
    endpoints = locate(settings.dir)
    if endpoints is None:
        raise NotRunning(
            f"no plant runs in {settings.dir}", hint="start one with `controlroom up`, or name a database with --dsn"
        )
    return endpoints.dsn, settings


def resolve(brokers: str | None, dsn: str | None, directory: Path | None, **overrides: object) -> Connections:
    """The brokers and the database that were given, or the local plant's.

    Raises:
        ConfigError: only one of the two was given.
        NotRunning: none was given and no local plant runs.
    """
    from controlroom.local import locate

    settings = settings_for(directory, brokers=brokers, dsn=dsn, **overrides)
    if settings.brokers and settings.dsn:
        return Connections(settings.brokers, settings.dsn.get_secret_value(), settings)
    if settings.brokers or settings.dsn:
        given, missing = ("brokers", "--dsn") if settings.brokers else ("a database", "--brokers")
        raise ConfigError(f"{given} given, but no {missing}", hint="give both, or neither for the local plant")
    endpoints = locate(settings.dir)
    if endpoints is None:
        raise NotRunning(
            f"no plant runs in {settings.dir}",
            hint="start one with `controlroom up`, or give --brokers and --dsn",
        )
    return Connections(endpoints.brokers, endpoints.dsn, settings)


def hush_clients() -> None:
    """Keep the Kafka client's own log off the terminal: a one-off command says what went wrong in one line, once."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
