"""The web server: a page, textual-serve's scripts, and a websocket for each session."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import textual_serve
from aiohttp import WSMsgType, web

from controlroom.adapters.browser.access import BROWSER_AT, COOKIE, Access, Refused, Request
from controlroom.adapters.browser.session import Session
from controlroom.errors import ConfigError

log = logging.getLogger(__name__)

STATIC = Path(textual_serve.__file__).parent / "static"
#: Nobody types longer messages.
MESSAGE_BYTES = 64 * 1024
HEARTBEAT_S = 15.0
LARGEST = (500, 200)
#: Nothing is loaded from elsewhere, and no other page may put ours in a frame.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>controlroom</title>
<link rel="stylesheet" href="static/css/xterm.css">
<style>
@font-face { font-family: "Roboto Mono"; src: url("static/fonts/RobotoMono-VariableFont_wght.ttf"); }
html, body { margin: 0; height: 100%; background: #101418; color: #d8d8d8; font-family: "Roboto Mono", monospace; }
#terminal { width: 100vw; height: 100vh; overflow: hidden; }
#closed { display: none; position: absolute; inset: 0; padding: 20vh 0; text-align: center; background: #101418e0; }
body.-closed #closed { display: block; }
a { color: #9cf; }
</style>
<script src="static/js/textual.js"></script><script src="focus.js"></script></head>
<body>
<div id="closed">The session has ended. <a href="">Open it again</a></div>
<div id="terminal" class="textual-terminal" data-session-websocket-url="@URL@" data-font-size="@SIZE@"></div>
</body></html>
"""
#: Keys go to the terminal at once, with no click before.
FOCUS = """const look = setInterval(() => {
  const input = document.querySelector(".xterm-helper-textarea");
  if (input && document.body.classList.contains("-first-byte")) { input.focus(); clearInterval(look); }
}, 50);
"""


@dataclass(frozen=True, slots=True)
class SessionCommand:
    """How a session is started.

    Args:
        arguments: the program and its arguments, for a session of this user (empty: nobody has signed in).
        environment: of its process.
    """

    arguments: Callable[[str], Sequence[str]]
    environment: Mapping[str, str]


class BrowserServer:
    """Serves until told to stop.

    Args:
        most: sessions at a time.
    """

    def __init__(self, command: SessionCommand, access: Access, *, most: int) -> None:
        self._command = command
        self._access = access
        self._most = most
        self._sessions: set[Session] = set()
        self._starting = 0

    async def run(self, host: str, port: int, stop: asyncio.Event, ready: Callable[[int], None]) -> None:
        """Serve; `ready` is told the port. All sessions have ended when this returns.

        Raises:
            ConfigError: it cannot listen there.
        """
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/focus.js", self._focus),
                web.get("/ws", self._websocket),
                web.static("/static", STATIC),
            ]
        )
        runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            try:
                await site.start()
            except OSError as error:
                raise ConfigError(
                    f"cannot listen on {host} port {port}: {os.strerror(error.errno) if error.errno else error}",
                    hint="choose another with --port or --host",
                ) from None
            ready(runner.addresses[0][1])
            await stop.wait()
        finally:
            await asyncio.gather(*(session.stop() for session in list(self._sessions)))
            await runner.cleanup()

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            if self._access.check(_of(request)):
                response: web.StreamResponse = web.HTTPFound("./")
                response.set_cookie(
                    COOKIE, self._access.cookie, httponly=True, samesite="Strict",
                    secure=self._access.public_url.startswith("https:"),
                )  # fmt: skip
                response.headers.update(HEADERS)
                return response
            if request.path == "/ws":
                self._access.check_origin(_of(request))
                return await handler(request)
        except Refused as refused:
            return web.Response(status=refused.status, text=f"{refused}\n", headers=HEADERS)
        response = await handler(request)
        response.headers.update(HEADERS)
        return response

    async def _page(self, request: web.Request) -> web.Response:
        url = self._access.public_url or f"http://{request.host}"
        # The browser takes the scheme of the page, by which it came through whatever proxy.
        socket = f"{'wss' if url.startswith('https:') else 'ws'}://{url.partition('://')[2].rstrip('/')}/ws"
        size = _number(request.query.get("fontsize"), 14, 6, 60)
        page = PAGE.replace("@URL@", _attribute(socket)).replace("@SIZE@", str(size))
        return web.Response(text=page, content_type="text/html")

    async def _focus(self, _: web.Request) -> web.Response:
        return web.Response(text=FOCUS, content_type="text/javascript")

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if len(self._sessions) + self._starting >= self._most:
            return web.Response(status=503, text=f"{self._most} sessions are open, and no more are allowed\n")
        self._starting += 1
        try:
            socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_BYTES)
            await socket.prepare(request)
            session = self._session(request, socket)
            self._sessions.add(session)
        finally:
            self._starting -= 1
        try:
            width = _number(request.query.get("width"), 80, 1, LARGEST[0])
            await session.start(width, _number(request.query.get("height"), 24, 1, LARGEST[1]))
            log.info("a session has begun: %d are open", len(self._sessions))
            await _listen(socket, session)
        finally:
            await asyncio.shield(session.stop())
            self._sessions.discard(session)
            log.info("a session has ended: %d are open", len(self._sessions))
        return socket

    def _session(self, request: web.Request, socket: web.WebSocketResponse) -> Session:
        async def close() -> None:
            await socket.close()

        who = self._access.user(_of(request))
        environment = {
            **self._command.environment,
            "TERM": "xterm-256color",
            "TEXTUAL_COLOR_SYSTEM": "truecolor",
            BROWSER_AT: f"a browser at {request.remote or 'an unknown address'}",
        }
        return Session(
            self._command.arguments(who), environment,
            write_bytes=socket.send_bytes, write_str=socket.send_str, close=close,
        )  # fmt: skip


async def _listen(socket: web.WebSocketResponse, session: Session) -> None:
    """Hand on what the browser sends. What is no message of textual-serve's ends the session."""
    async for message in socket:
        if message.type != WSMsgType.TEXT:
            return
        try:
            kind, *rest = json.loads(message.data)
            match kind:
                case "stdin":
                    await session.send_bytes(str(rest[0]).encode("utf-8", "replace"))
                case "resize":
                    width, height = (_number(rest[0][name], 0, 1, most) for name, most in zip(
                        ("width", "height"), LARGEST, strict=True
                    ))  # fmt: skip
                    await session.set_terminal_size(width, height)
                case "ping":
                    await socket.send_json(["pong", rest[0]])
                case "focus":
                    await session.focus()
                case "blur":
                    await session.blur()
        except (ValueError, LookupError, TypeError):
            return


def _of(request: web.Request) -> Request:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(headers, request.cookies, request.query)


def _number(text: object, usual: int, least: int, most: int) -> int:
    try:
        return max(least, min(most, int(str(text))))
    except ValueError:
        return usual


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
