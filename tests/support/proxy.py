"""A TCP proxy in front of a server, to cut its connections or to hold back what clients send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class TcpProxy:
    """Passes bytes on to `target` until it is cut. While it is cut, it refuses connections.

    While it holds, clients receive but what they send is held back. The server gets it when the proxy lets go, or never
    if the proxy is cut.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._clients_are_heard = asyncio.Event()

    def address_of(self, uri: str) -> str:
        """Return the address of the server, `uri`, by way of the proxy. MongoDB's driver does not look for others."""
        by_proxy = uri.replace(f":{self.target_port}/", f":{self.port}/")
        return by_proxy.replace("replicaSet=dondoc", "directConnection=true")

    async def restore(self) -> None:
        """Accept connections again, on the same port as before."""
        self.let_go()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break all connections and refuse new ones."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self) -> None:
        """Hold back what clients send from now on."""
        self._clients_are_heard.clear()

    def let_go(self) -> None:
        """Pass on what was held back, and everything after it."""
        self._clients_are_heard.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        pumps = [
            asyncio.create_task(_pump(reader, there_writer, self._clients_are_heard)),
            asyncio.create_task(_pump(there_reader, writer, _always())),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            there_writer.transport.abort()
            writer.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)


def _always() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            await may_pass.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[TcpProxy]:
    """Run a proxy to a port of this machine."""
    proxy = TcpProxy(port)
    await proxy.restore()
    try:
        yield proxy
    finally:
        await proxy.cut()
