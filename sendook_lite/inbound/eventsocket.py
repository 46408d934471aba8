"""The event socket: a door for anything local that knows what became of a mail, or has one.

One JSON object per line in, one JSON line out per line in, in order, each after its commit. An
empty line is a line and is answered with an error, so that answers can be counted.
"""

import asyncio
import socket
from collections import Counter
from typing import Final

from sendook_lite.inbound.event_connection import EventConnection
from sendook_lite.inbound.event_limits import Limits
from sendook_lite.inbound.serving import serve
from sendook_lite.usecases.event_lines import EventLines

DEFAULT_LIMITS: Final = Limits()


class EventSocketServer:
    """Accepts connections and ends them together."""

    def __init__(self, lines: EventLines, limits: Limits = DEFAULT_LIMITS) -> None:
        self.lines = lines
        self.limits = limits
        self.large_lines = asyncio.Semaphore(limits.large_lines)
        self.told: Counter[str] = Counter()
        """Lines since the start, by what was said of them: accepted, deferred or refused."""
        self._connections: set[EventConnection] = set()
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def start(self, sock: socket.socket) -> None:
        """Serve on a listening socket, Unix or TCP; it is closed by `stop`."""
        self._server = await serve(lambda: EventConnection(self), sock)

    async def stop(self, grace: float) -> None:
        """Accept nothing more, answer the lines that came in whole, close.

        Args:
            grace: seconds until connections whose answers are still due are cut.
        """
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.finish()
        try:
            async with asyncio.timeout(grace):
                await self._empty.wait()
        except TimeoutError:
            for connection in tuple(self._connections):
                connection.abort()
            await self._empty.wait()

    @property
    def connections(self) -> int:
        """How many connections there are now."""
        return len(self._connections)

    def opened(self, connection: EventConnection) -> bool:
        """Count a connection in; False when there are too many."""
        if len(self._connections) >= self.limits.connections:
            return False
        self._connections.add(connection)
        self._empty.clear()
        return True

    def closed(self, connection: EventConnection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
