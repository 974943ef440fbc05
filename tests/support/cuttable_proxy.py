"""A TCP proxy that can be cut, or fall silent the way a lost route does: connections stay open and deliver nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class CuttableProxy:
    """`await start()`, then `port`; `cut()` refuses and drops, `silence()` swallows, `mend()` works again."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0
        self.connections = 0

    async def start(self) -> None:
        """Listen on `port` (chosen at the first start)."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Drop all connections and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for pipe in tuple(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    def silence(self) -> None:
        """Nothing flows any more, on no connection; nobody is told."""
        self._flowing.clear()

    async def mend(self) -> None:
        """Let new connections through; those that were silenced stay dead, as after a lost route."""
        silenced = not self._flowing.is_set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        if self._server is None and not silenced:
            await self.start()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        flowing = self._flowing
        back_reader, back_writer = await asyncio.open_connection(*self._target)
        ways = ((reader, back_writer), (back_reader, writer))
        pipes = [asyncio.create_task(self._pump(source, sink, flowing)) for source, sink in ways]
        for pipe in pipes:
            self._pipes.add(pipe)
            pipe.add_done_callback(self._pipes.discard)
        await asyncio.wait(pipes)
        for sink in (writer, back_writer):
            sink.close()
            with suppress(OSError):
                await sink.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
