"""Fuzz target: an endpoint's answer, in pieces, as the HTTP client takes it."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from sendook_lite.delivery.http_answer import KEPT_BODY_BYTES, MAX_RETRY_AFTER, Response
from sendook_lite.delivery.http_connection import HttpConnection
from sendook_lite.domain.outcome import AttemptFailed

_FAR = 3600.0


class _Wire(asyncio.Transport):
    """A transport to nobody, which remembers whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: Any) -> None:
        """Send nothing."""

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0


class _Keeper:
    def made(self, connection: HttpConnection) -> None:
        """Keep nothing."""

    def lost(self, connection: HttpConnection) -> None:
        """Keep nothing."""


def corpus() -> Iterator[bytes]:
    """Start from answers of every framing; the first byte says how they are cut into pieces."""
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.0 500 No\r\n\r\nuntil the end",
        b"HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nA: b\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nConnection: close\r\n\r\n1",
        b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 20_000,
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
    ):
        yield b"\x00" + answer
        yield b"\x07" + answer


def one(data: bytes) -> None:
    """Feed an answer: it ends in a bounded response or in a failure with a reason."""
    asyncio.run(_exchange(data[0] if data else 0, data[1:]))


async def _exchange(piece: int, answer: bytes) -> None:
    wire, connection = _Wire(), HttpConnection(_Keeper())
    deadline = asyncio.get_running_loop().time() + _FAR
    connection.connection_made(wire)
    asking = asyncio.ensure_future(connection.exchange(b"", deadline, _FAR))
    await asyncio.sleep(0)
    for start, end in pairwise([*range(0, len(answer), piece or len(answer) or 1), len(answer)]):
        if wire.closed:
            break
        connection.data_received(answer[start:end])
    if not wire.closed:
        connection.eof_received()
    [ended] = await asyncio.gather(asking, return_exceptions=True)
    if isinstance(ended, AttemptFailed):
        assert ended.code in {"bad_response", "connection_reset"}
        assert ended.message
    elif isinstance(ended, BaseException):
        raise ended
    else:
        _check(ended, connection)
    connection.connection_lost(None)


def _check(response: Response, connection: HttpConnection) -> None:
    assert 200 <= response.status <= 999
    assert len(response.body) <= KEPT_BODY_BYTES
    assert len(response.retry_after or "") <= MAX_RETRY_AFTER
    # Bytes that nobody asked for end a connection that was reusable before they came.
    assert response.reusable or not connection.usable
