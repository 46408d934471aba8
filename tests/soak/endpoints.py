"""Real endpoints on sockets of their own: one that does as it should, all others do not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.delivery.servers import (
    OK,
    Handler,
    Server,
    always,
    closed_port,
    deaf,
    flooding,
    read_request,
    serving,
    silent,
    then_closing,
    unaccepting,
)

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"


async def slow(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer well, but late."""
    while True:
        await read_request(server, reader)
        await asyncio.sleep(6)
        writer.write(OK)


async def drip(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin an answer, and send a byte of it every second."""
    await read_request(server, reader)
    writer.write(HEAD)
    while not writer.is_closing():
        await asyncio.sleep(1)
        writer.write(b"x")


BROKEN: dict[str, Handler] = {
    "answers late": slow,
    "answers 503": always(b"HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n"),
    "asks for a pause": always(b"HTTP/1.1 429 x\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n"),
    "is gone": always(b"HTTP/1.1 410 x\r\ncontent-length: 0\r\n\r\n"),
    "redirects": always(b"HTTP/1.1 302 x\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n"),
    "speaks no HTTP": then_closing(b"220 mail.example ESMTP\r\n"),
    "ends in the middle": then_closing(HEAD + b"x"),
    "hangs": silent,
    "resets": deaf,
    "drips": drip,
    "floods": flooding(HEAD, b"x" * 65_536),
}


@dataclass
class Endpoints:
    """Where they are, and how often the good one was asked."""

    well: str = ""
    broken: dict[str, str] = field(default_factory=dict)
    pulse: str = ""
    """Where the heartbeat goes."""
    arrived: int = 0
    beats: int = 0
    _servers: list[Server] = field(default_factory=list)

    async def _answer_well(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await read_request(server, reader)
            self.arrived += 1
            writer.write(OK)

    async def _feel_pulse(
        self, _server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.beats += 1
        writer.write(OK)
        await reader.read()

    def forget(self) -> None:
        """Drop what the servers remember, for it would grow."""
        for server in self._servers:
            server.requests.clear()


@contextlib.asynccontextmanager
async def endpoints() -> AsyncIterator[Endpoints]:
    """Serve all of them."""
    known = Endpoints()
    async with contextlib.AsyncExitStack() as stack:

        async def serve(handler: Handler) -> str:
            server = await stack.enter_async_context(serving(handler))
            known._servers.append(server)
            return f"127.0.0.1:{server.port}"

        known.well = f"http://{await serve(known._answer_well)}/"
        known.pulse = f"http://{await serve(known._feel_pulse)}/"
        for name, handler in BROKEN.items():
            known.broken[name] = f"http://{await serve(handler)}/"
        known.broken["hangs in TLS"] = f"https://{await serve(silent)}/"
        known.broken["hangs while connecting"] = (
            f"http://127.0.0.1:{stack.enter_context(unaccepting())}/"
        )
        known.broken["refuses connections"] = f"http://127.0.0.1:{closed_port()}/"
        yield known
