"""`controlroom serve`: the control room in a browser."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controlroom.cli.config import config_option
from controlroom.cli.options import brokers_option, dir_option, dsn_option, log_format_option, resolve
from controlroom.errors import ConfigError
from controlroom.extras import require

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_TOKEN = 16


@click.command()
@brokers_option
@dsn_option
@dir_option
@config_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; beyond this host with a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any that is free.")
@click.option(
    "--token-file", type=click.Path(dir_okay=False, path_type=Path), help="A file that holds the token, mode 0600."
)
@click.option("--public-url", default="", metavar="URL", help="Where browsers find it, if a proxy stands before it.")
@click.option("--user-header", default="", metavar="NAME", help="The header in which a proxy says who has signed in.")
@click.option("--operate", is_flag=True, help="Sessions may act on alarms and sensors; else they only look.")
@click.option("--operator", "who", metavar="NAME", help="Who acts, for the audit (default: the account).")
@log_format_option
@click.option("--most", type=click.IntRange(1, 500), default=20, show_default=True, help="Sessions at a time.")
def serve(
    brokers: str | None,
    dsn: str | None,
    directory: Path | None,
    config_file: Path | None,
    host: str,
    port: int,
    token_file: Path | None,
    public_url: str,
    user_header: str,
    operate: bool,  # noqa: FBT001 - a flag of the command line
    who: str | None,
    most: int,
    log_format: str | None,
) -> None:
    """Show the control room in browsers, until Ctrl-C or SIGTERM.

    The plant must run; nothing is started. Each browser window is a session with a process of its own, which ends with
    the window. Sessions only look, unless --operate is given. It listens on this host alone; beyond that a token is
    needed. The connection is not encrypted: put a proxy with TLS before it. See docs/browser.md.
    """
    require("textual_serve", "serve", "the server for browsers")
    from controlroom.adapters.browser.access import Access, is_loopback
    from controlroom.adapters.browser.server import BrowserServer, SessionCommand
    from controlroom.headless import stop_on_signals
    from controlroom.logs import log_to_stderr, say

    token = _token(token_file)
    if not token and not is_loopback(host):
        raise ConfigError(
            f"{host} can be reached from other hosts, and there is no token",
            hint="give --token-file, or let a proxy that signs users in connect to 127.0.0.1 (docs/browser.md)",
        )
    if public_url and not public_url.startswith(("http://", "https://")):
        raise ConfigError(f"--public-url: {public_url!r} begins with neither http:// nor https://")
    connections = resolve(brokers, dsn, directory, config_file=config_file, log_format=log_format)
    log_to_stderr(verbose=False, log_format=connections.settings.log_format)
    environment = {
        **os.environ,
        # Not as arguments: every user of the host sees those.
        "KAFKA_BROKERS": connections.brokers,
        "CONTROLROOM_DSN": connections.dsn,
    }

    def arguments(user: str) -> Sequence[str]:
        acts = user or who
        return [
            *(sys.executable, "-m", "controlroom", "console", "--browser"),
            *([] if operate else ["--read-only"]),
            *([f"--operator={acts}"] if acts else []),
            *([f"--config={config_file}"] if config_file else []),
            *([f"--dir={directory}"] if directory else []),
        ]

    def ready(at: int) -> None:
        named = f"[{host}]" if ":" in host else host
        url = public_url.rstrip("/") or f"http://{named}:{at}"
        say(f"the control room is at {url}/{f'?token={token}' if token else ''}")
        say(f"sessions {'may act' if operate else 'only look'}; Ctrl-C ends")

    async def run() -> None:
        stop = asyncio.Event()
        stop_on_signals(asyncio.get_running_loop(), stop)
        server = BrowserServer(
            SessionCommand(arguments, environment), Access(token, public_url, user_header), most=most
        )
        await server.run(host, port, stop, ready)

    asyncio.run(run())


def _token(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        if file.stat().st_mode & 0o077:
            raise ConfigError(f"{file} can be read by others", hint=f"chmod 600 {file}")
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: {error}") from None
    if len(token) < _LEAST_TOKEN or not token.isascii() or not token.isalnum():
        raise ConfigError(
            f"{file}: a token has {_LEAST_TOKEN} letters and digits at the least", hint="openssl rand -hex 24"
        )
    return token
