"""Clients that send exactly the bytes they are told to."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

PATIENCE = 20


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something has come true that no event tells of."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.001)


class Client:
    """A stream over a Unix socket (a path) or TCP (a port)."""

    def __init__(self, where: Path | int) -> None:
        self._where = where

    async def __aenter__(self) -> Self:
        if isinstance(self._where, int):
            opened = asyncio.open_connection("127.0.0.1", self._where)
        else:
            opened = asyncio.open_unix_connection(self._where)
        self.reader, self.writer = await opened
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def vanish(self) -> None:
        """Reset a TCP connection, as for a program that was killed: it is noticed at once."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def line(self) -> str:
        async with asyncio.timeout(PATIENCE):
            return (await self.reader.readline()).decode()

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        data = b""
        async with asyncio.timeout(PATIENCE):
            try:
                while piece := await self.reader.read(65_536):
                    data += piece
            except ConnectionResetError:
                pass
        return data


class LmtpClient(Client):
    """Speaks LMTP by hand."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.greeting = await self.line()
        return self

    async def reply(self) -> str:
        """One reply, of several lines maybe, without its last CRLF."""
        lines = [await self.line()]
        while lines[-1][3:4] == "-":
            lines.append(await self.line())
        return "".join(lines).removesuffix("\r\n")

    async def command(self, line: str) -> str:
        self.send(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return await self.reply()

    async def begin(self, *recipients: str, sender: str = "x@y.example") -> list[str]:
        """LHLO, MAIL and RCPT; returns the replies to RCPT."""
        assert (await self.command("LHLO client")).startswith("250-")
        assert await self.command(f"MAIL FROM:<{sender}>") == "250 2.1.0 sender ok"
        return [await self.command(f"RCPT TO:<{recipient}>") for recipient in recipients]

    async def data(self, message: bytes, replies: int = 1) -> list[str]:
        """DATA with a message whose dots are stuffed; returns so many replies."""
        assert (await self.command("DATA")).startswith("354 ")
        stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
        self.send(stuffed + b".\r\n")
        return [await self.reply() for _ in range(replies)]


class LineClient(Client):
    """Speaks with the event socket."""

    def tell(self, *lines: dict[str, Any]) -> None:
        self.send(b"".join(json.dumps(line).encode() + b"\n" for line in lines))

    async def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(await self.line())
        return answer

    async def ask(self, line: dict[str, Any]) -> dict[str, Any]:
        self.tell(line)
        return await self.answer()

    async def answers(self, count: int) -> list[dict[str, Any]]:
        return [await self.answer() for _ in range(count)]
