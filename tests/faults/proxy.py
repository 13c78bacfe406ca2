"""A proxy before PostgreSQL that loses the reply to one commit: what a crash between commit and reply looks like."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

#: CommandComplete with its tag, as the server sends it after a commit that holds.
COMMITTED = b"COMMIT\x00"


@dataclass
class Proxy:
    """Passes everything on, except the reply to the commit that `lose_after` counts down to."""

    dsn: str
    #: commits whose replies are passed on before one is lost; None: all of them
    lose_after: int | None = None
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        up_reader, up_writer = await asyncio.open_connection(host, port)
        ways = [asyncio.create_task(self._up(reader, up_writer)), asyncio.create_task(self._down(up_reader, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        for end in (writer, up_writer):
            end.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if COMMITTED in data and self.lose_after is not None:
                if self.lose_after == 0:
                    self.lose_after = None
                    self.lost.set()
                    return
                self.lose_after -= 1
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[Proxy]:
    """`proxy.dsn` leads to the database of `dsn` through the proxy."""
    found = re.search(r"@([^:/]+):(\d+)/", dsn)
    assert found is not None
    host, port = found[1], int(found[2])
    proxy = Proxy(dsn)
    server = await asyncio.start_server(lambda r, w: proxy.serve(r, w, host, port), "127.0.0.1", 0)
    proxy.dsn = dsn.replace(f"@{host}:{port}/", f"@127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    try:
        yield proxy
    finally:
        server.close()
