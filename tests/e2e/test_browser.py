"""`controlroom serve` in a real Chromium: what is seen, who gets in, and that no process is left."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.e2e.chromium import PROGRAM, browsing
from tests.e2e.conftest import StaffedPlant

PATIENCE_S = 60.0


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.05)


@contextmanager
def serving(staffed: StaffedPlant, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """(the server, the address that it printed)."""
    command = [*staffed.command(attach=False)[:3], "serve", "--dir", str(staffed.directory), "--port=0", *options]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(staffed.directory / "no-config")}
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert server.stderr is not None
    try:
        said = ""
        while "is at http" not in said:
            said = server.stderr.readline()
            assert said, "the server has ended"
        yield server, said.split()[-1]
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


def sessions(server: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(server.pid).children()


@pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium (Debian's package: chromium)")
async def test_the_control_room_in_chromium(staffed: StaffedPlant, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(secrets.token_hex(16))
    token.chmod(0o600)
    with serving(staffed, f"--token-file={token}") as (server, url):
        address, _, query = url.partition("?")
        async with browsing() as browser, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
            await browser.open(url)
            await until(lambda: "temp-sensor-001" in browser.text and "15 sensors" in browser.text)
            assert "READ ONLY" in browser.text
            # The token is in a cookie now, and no longer in the address; nothing came from elsewhere.
            assert await browser.evaluate("location.href") == address
            assert [url for url in browser.requests if not url.startswith(address)] == []
            assert browser.console == []
            await browser.type("3")
            await until(
                lambda: "BROKERS" in browser.text.upper() and "IN SYNC" in browser.text.upper().replace("-", " ")
            )
            await browser.picture(tmp_path / "cluster.png")

            # A second session beside it; whoever has no token, or a page of another server, gets none.
            assert (await client.get(address)).status == 401
            assert (await client.get(f"{address}?{query}")).status == 200  # its cookie is kept
            socket = f"{address}ws?width=80&height=24"
            for origin in (None, "http://evil.example"):
                with pytest.raises(aiohttp.WSServerHandshakeError):
                    await client.ws_connect(socket, headers={"Origin": origin} if origin else {})
            async with client.ws_connect(socket, headers={"Origin": address.rstrip("/")}) as second:
                assert (await second.receive_bytes(timeout=PATIENCE_S)).startswith(b"\x1b[?1049h")
                assert len(sessions(server)) == 2
                # What is no message of a browser ends the session, and nothing else.
                await second.send_str("[]")
                await until(lambda: len(sessions(server)) == 1)

            one = sessions(server)[0]
            await browser.close_page()
            await until(lambda: not one.is_running())

            # The port is taken: one line that says so.
            port = address.rstrip("/").rpartition(":")[2]
            again = [*staffed.command(attach=False)[:3], "serve", "--dir", str(staffed.directory), "--port", port]
            refused = await asyncio.to_thread(subprocess.run, again, capture_output=True, text=True, timeout=60)
            assert refused.returncode != 0
            assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in refused.stderr

            # SIGTERM with a session open: the session ends, then the server.
            async with client.ws_connect(socket, headers={"Origin": address.rstrip("/")}) as third:
                await third.receive_bytes(timeout=PATIENCE_S)
                left = sessions(server)
                server.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(server.wait, 30) == 0
                assert [process for process in left if process.is_running()] == []


async def test_a_session_ends_when_its_server_is_killed(staffed: StaffedPlant) -> None:
    with serving(staffed) as (server, address):
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{address}ws", headers={"Origin": address.rstrip("/")}) as socket,
        ):
            await socket.receive_bytes(timeout=PATIENCE_S)
            left = sessions(server)
            assert len(left) == 1
            server.kill()
            await until(lambda: not left[0].is_running())
