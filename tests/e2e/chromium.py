"""A real Chromium without a window, driven by its DevTools protocol; what its websocket receives is what it shows."""

from __future__ import annotations

import asyncio
import base64
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pyte

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One page. `screen` is the terminal as Chromium was told to draw it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, columns: int = 200, rows: int = 60) -> None:
        self._socket = socket
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._session: str | None = None
        self.console: list[str] = []
        self.requests: list[str] = []
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._task = asyncio.create_task(self._listen())

    @property
    def text(self) -> str:
        """What the terminal shows."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    async def open(self, url: str) -> None:
        """A new page with this address."""
        target = await self.ask("Target.createTarget", url="about:blank")
        attached = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            await self.ask(f"{domain}.enable")
        await self.ask("Page.navigate", url=url)

    async def close_page(self) -> None:
        """Close the page as its user would."""
        await self.ask("Page.close")
        self._session = None

    async def type(self, text: str) -> None:
        """Type characters."""
        for character in text:
            for kind in ("keyDown", "keyUp"):
                given = {"text": character} if kind == "keyDown" else {}
                await self.ask("Input.dispatchKeyEvent", type=kind, key=character, **given)

    async def picture(self, file: Path) -> None:
        """What is drawn, as PNG."""
        answer = await self.ask("Page.captureScreenshot", format="png")
        await asyncio.to_thread(file.write_bytes, base64.b64decode(answer["data"]))

    async def evaluate(self, expression: str) -> Any:
        """The value of a script."""
        return (await self.ask("Runtime.evaluate", expression=expression, returnByValue=True))["result"].get("value")

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Call a method of the protocol."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(message)
        return await asyncio.wait_for(answer, 20)

    async def _listen(self) -> None:
        async for message in self._socket:
            told = message.json()
            waiting = self._answers.pop(told.get("id", 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(told.get("result", {"error": told.get("error")}))
            params = told.get("params", {})
            match told.get("method"):
                case "Network.webSocketFrameReceived" if params["response"]["opcode"] == 2:
                    self._stream.feed(base64.b64decode(params["response"]["payloadData"]))
                case "Network.requestWillBeSent":
                    self.requests.append(params["request"]["url"])
                case "Runtime.exceptionThrown":
                    self.console.append(str(params["exceptionDetails"]))


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Chromium while the block runs."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(prefix="controlroom-chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            PROGRAM, "--headless", "--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader",
            "--no-first-run", "--window-size=1000,640", f"--user-data-dir={profile}", "--remote-debugging-port=0",
            "about:blank", stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            async with asyncio.timeout(60):
                while b"DevTools listening on " not in (line := await process.stderr.readline()):
                    assert line, "Chromium has ended"
            url = line.decode().partition("listening on ")[2].strip()
            drain = asyncio.create_task(_drain(process.stderr))
            async with aiohttp.ClientSession() as client, client.ws_connect(url, max_msg_size=0) as socket:
                browser = Browser(socket)
                yield browser
                browser._task.cancel()
            drain.cancel()
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass
