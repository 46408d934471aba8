"""One connection against every kind of answer, whole and byte by byte, on both event loops."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator

import pytest

from sendook_lite.delivery.http_answer import HttpAnswer, Response
from sendook_lite.delivery.http_connection import HttpConnection
from sendook_lite.domain.outcome import AttemptFailed
from tests.delivery.servers import (
    OK,
    Handler,
    Server,
    always,
    answering,
    byte_by_byte,
    deaf,
    dripping,
    flooding,
    hasty,
    on_both_loops,
    read_request,
    serving,
    silent,
    then_closing,
    then_resetting,
)

REQUEST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"


class Count:
    """Counts connections that came and went."""

    def __init__(self) -> None:
        self.open = 0
        self.gone = asyncio.Event()

    def made(self, connection: HttpConnection) -> None:
        assert connection.usable
        self.open += 1

    def lost(self, connection: HttpConnection) -> None:
        assert not connection.usable
        self.open -= 1
        self.gone.set()


@contextlib.asynccontextmanager
async def connected(handler: Handler) -> AsyncIterator[tuple[Server, HttpConnection, Count]]:
    count = Count()
    async with serving(handler) as server:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: HttpConnection(count), "127.0.0.1", server.port
        )
        yield server, connection, count
        connection.close()
        await count.gone.wait()
        assert count.open == 0


async def ask(connection: HttpConnection, seconds: float = 5.0, data: bytes = REQUEST) -> Response:
    deadline = asyncio.get_running_loop().time() + seconds
    return await connection.exchange(data, deadline, seconds)


async def failure(connection: HttpConnection, seconds: float = 5.0) -> tuple[str, str]:
    with pytest.raises(AttemptFailed) as caught:
        await ask(connection, seconds)
    assert not connection.usable
    return caught.value.code, caught.value.message


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks,))
    return b"transfer-encoding: chunked\r\n\r\n" + body + b"0\r\n" + trailer + b"\r\n"


def sized(body: bytes, more: bytes = b"") -> bytes:
    return b"content-length: %d\r\n%b\r\n%b" % (len(body), more, body)


V11, V10 = b"HTTP/1.1 ", b"HTTP/1.0 "
INTERIM = V11 + b"100 Continue\r\n\r\n"
ZIPPED = gzip.compress(b"x" * 1000, mtime=0)

# name: (bytes on the wire, status, body, reusable)
COMPLETE: dict[str, tuple[bytes, int, bytes, bool]] = {
    "content-length": (V11 + b"200 OK\r\n" + sized(b"fine"), 200, b"fine", True),
    "empty body": (V11 + b"200 OK\r\n" + sized(b""), 200, b"", True),
    "no reason phrase": (V11 + b"200\r\n" + sized(b"ok"), 200, b"ok", True),
    "upper-case names": (V11 + b"200 OK\r\nCONTENT-LENGTH: 2\r\n\r\nok", 200, b"ok", True),
    "chunked": (V11 + b"200 OK\r\n" + chunked(b"one", b"two"), 200, b"onetwo", True),
    "chunked, no chunks": (V11 + b"202 Accepted\r\n" + chunked(), 202, b"", True),
    "chunked, trailer": (
        V11 + b"200 OK\r\n" + chunked(b"a", trailer=b"retry-after: 9\r\n"),
        *(200, b"a", True),
    ),
    "chunk extension": (
        V11 + b"200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\n\r\n",
        *(200, b"ok", True),
    ),
    "connection: close": (
        V11 + b"200 OK\r\n" + sized(b"ok", b"connection: close\r\n"),
        *(200, b"ok", False),
    ),
    "HTTP/1.0": (V10 + b"200 OK\r\n" + sized(b"ok"), 200, b"ok", False),
    "HTTP/1.0 keep-alive": (
        V10 + b"200 OK\r\n" + sized(b"ok", b"connection: keep-alive\r\n"),
        *(200, b"ok", True),
    ),
    "204": (V11 + b"204 No Content\r\n\r\n", 204, b"", True),
    "204 with an empty length": (V11 + b"204 No Content\r\n" + sized(b""), 204, b"", True),
    "204 with a body": (V11 + b"204 No Content\r\n" + sized(b"HTTP/"), 204, b"", False),
    "204 chunked": (V11 + b"204 No Content\r\n" + chunked(), 204, b"", False),
    "304": (V11 + b"304 Not Modified\r\n\r\n", 304, b"", True),
    "304 with the length of what it is not": (
        V11 + b"304 Not Modified\r\ncontent-length: 900\r\n\r\n",
        *(304, b"", False),
    ),
    "100 first": (INTERIM + OK, 200, b"ok", True),
    "103 with headers first": (
        V11 + b"103 Early Hints\r\nlink: </a>\r\nretry-after: 1\r\n\r\n" + OK,
        *(200, b"ok", True),
    ),
    "eight interim answers": (INTERIM * 8 + OK, 200, b"ok", True),
    "an error with a body": (V11 + b"503 Busy\r\n" + sized(b"later"), 503, b"later", True),
    "a redirect": (V11 + b"302 Found\r\nlocation: /\r\n" + sized(b""), 302, b"", True),
    "an unknown status": (V11 + b"599 What\r\n" + sized(b""), 599, b"", True),
    "an upgrade that was not asked for": (
        V11 + b"200 OK\r\nconnection: upgrade\r\nupgrade: h2c\r\n" + sized(b"ok"),
        *(200, b"ok", True),
    ),
    "compressed": (
        V11 + b"200 OK\r\ncontent-encoding: gzip\r\n" + sized(ZIPPED),
        *(200, ZIPPED, True),
    ),
    "empty lines first": (b"\r\n\r\n" + OK, 200, b"ok", True),
    "a second answer": (OK + OK, 200, b"ok", False),
    "garbage after the answer": (OK + b"garbage", 200, b"ok", False),
    "bytes after connection: close": (
        V11 + b"200 OK\r\n" + sized(b"ok", b"connection: close\r\n") + b"more",
        *(200, b"ok", False),
    ),
    "exactly what is kept": (
        V11 + b"200 OK\r\n" + sized(b"k" * 4096),
        *(200, b"k" * 4096, True),
    ),
    "one byte more than is kept": (
        V11 + b"200 OK\r\n" + sized(b"k" * 4096 + b"!"),
        *(200, b"k" * 4096, True),
    ),
}
# The end of the stream is the end of the body.
UNTIL_CLOSE: dict[str, tuple[bytes, int, bytes]] = {
    "no length": (V11 + b"200 OK\r\n\r\nall of it", 200, b"all of it"),
    "no length, no body": (V11 + b"200 OK\r\n\r\n", 200, b""),
    "HTTP/1.0": (V10 + b"500 Oh\r\n\r\nsorry", 500, b"sorry"),
    "a coding that is not chunked": (
        V11 + b"200 OK\r\ntransfer-encoding: xchunked\r\n\r\nok",
        *(200, b"ok"),
    ),
}
GARBAGE: dict[str, bytes] = {
    "no HTTP": b"220 mail.example.com ESMTP\r\n",
    "HTML": b"<html><body>hello</body></html>\r\n\r\n",
    "TLS alert": bytes.fromhex("15030300020228"),
    "HTTP/2 settings": bytes.fromhex("000012040000000000000300000064"),
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2 in words": b"HTTP/2 200 OK\r\n\r\n",
    "zeros": bytes(64),
    "a status of two digits": V11 + b"20 OK\r\n\r\n",
    "a status of four digits": V11 + b"2000 OK\r\n\r\n",
    "status 099": V11 + b"099 What\r\n\r\n",
    "a header without a colon": V11 + b"200 OK\r\nnonsense\r\n\r\n",
    "NUL in a header": V11 + b"200 OK\r\na: \x00\r\n\r\n",
    "a folded header": V11 + b"200 OK\r\na: b\r\n c\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "two lengths": V11 + b"200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
    "a negative length": V11 + b"200 OK\r\ncontent-length: -2\r\n\r\nok",
    "a length beyond 64 bits": V11 + b"200 OK\r\ncontent-length: " + b"9" * 30 + b"\r\n\r\nok",
    "length and chunks": V11 + b"200 OK\r\ncontent-length: 2\r\n" + chunked(b"ok"),
    "a chunk size that is no number": (
        V11 + b"200 OK\r\ntransfer-encoding: chunked\r\n\r\nxx\r\nok\r\n"
    ),
    "a chunk that is longer than it says": (
        V11 + b"200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n"
    ),
    "switching protocols": (
        V11 + b"101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"
    ),
    "101 alone": V11 + b"101 Switching Protocols\r\n\r\n" + OK,
    "an interim answer with a body": V11 + b"100 Continue\r\n" + sized(b"hello") + OK,
    "nine interim answers": INTERIM * 9 + OK,
}


@pytest.mark.parametrize("name", COMPLETE)
@on_both_loops
async def test_a_whole_answer_is_read(name: str) -> None:
    wire, status, body, reusable = COMPLETE[name]
    async with connected(answering(wire)) as (_, connection, _):
        response = await ask(connection)
        assert (response.status, response.body, response.reusable) == (status, body, reusable)
        assert connection.usable is reusable


@pytest.mark.parametrize("name", COMPLETE)
@on_both_loops
async def test_the_same_answer_is_read_byte_by_byte(name: str) -> None:
    wire, status, body, reusable = COMPLETE[name]
    async with connected(byte_by_byte(wire, close=False)) as (_, connection, count):
        response = await ask(connection)
        assert (response.status, response.body) == (status, body)
        if reusable:
            assert response.reusable
        else:  # at once, or when the rest arrives
            await asyncio.wait_for(count.gone.wait(), 5)


@pytest.mark.parametrize("name", UNTIL_CLOSE)
@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytes"])
@on_both_loops
async def test_without_a_length_the_end_of_the_stream_ends_the_body(
    name: str, *, split: bool
) -> None:
    wire, status, body = UNTIL_CLOSE[name]
    handler = byte_by_byte(wire, close=True) if split else then_closing(wire)
    async with connected(handler) as (_, connection, _):
        assert await ask(connection) == Response(status, body, None, reusable=False)


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytes"])
@on_both_loops
async def test_what_is_not_http_is_a_bad_response(name: str, *, split: bool) -> None:
    wire = GARBAGE[name]
    handler = byte_by_byte(wire, close=False) if split else answering(wire)
    async with connected(handler) as (_, connection, _):
        code, _ = await failure(connection)
        assert code == "bad_response"


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (V11 + b"200 OK\r\n", b"a: " + b"b" * 1000 + b"\r\n"),
        (V11 + b"200 OK\r\nendless: ", b"b" * 1000),
        (V11 + b"200 OK\r\n", b"n" * 1000),
        (V11 + b"200 ", b"reason" * 100),
        (b"", b"\r\n" * 500),
    ],
    ids=["headers", "value", "name", "reason", "empty lines"],
)
@on_both_loops
async def test_an_endless_head_is_a_bad_response(head: bytes, drop: bytes) -> None:
    async with connected(flooding(head, drop)) as (_, connection, _):
        assert await failure(connection) == (
            "bad_response",
            "the answer's head is longer than 64 KiB",
        )


@pytest.mark.parametrize("size", [65_536, 65_536 + 1])
@on_both_loops
async def test_the_bound_of_the_head_is_exact(size: int) -> None:
    frame = V11 + b"200 OK\r\ncontent-length: 5000\r\na: %b\r\n\r\n"
    wire = frame % (b"x" * (size - len(frame) + 2)) + b"y" * 5000
    async with connected(answering(wire)) as (_, connection, _):
        if size == 65_536:
            assert (await ask(connection)).body == b"y" * 4096
        else:
            assert (await failure(connection))[0] == "bad_response"


@pytest.mark.parametrize(
    "wire",
    [
        sized(b"z" * (16_384 + 1)),
        b"content-length: 999999999999\r\n\r\n" + b"z" * 40_000,
        chunked(b"z" * 10_000, b"z" * 10_000),
        b"\r\n" + b"z" * 300_000,
    ],
    ids=["one byte too long", "a terabyte", "chunked", "no length"],
)
@pytest.mark.parametrize("status", [200, 500])
@on_both_loops
async def test_a_longer_answer_counts_and_ends_the_connection(wire: bytes, status: int) -> None:
    async with connected(answering(V11 + b"%d X\r\n" % status + wire)) as (_, connection, _):
        expected = Response(status, b"z" * 4096, None, reusable=False)
        assert await ask(connection) == expected
        assert not connection.usable


@pytest.mark.parametrize(
    "drop",
    [b"1;" + b"e" * 1000 + b"\r\nz\r\n", b"0\r\n" + b"t: t\r\n" * 30_000],
    ids=["chunk extensions", "trailers"],
)
@on_both_loops
async def test_framing_without_end_counts_as_a_longer_answer(drop: bytes) -> None:
    head = V11 + b"200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with connected(flooding(head, drop)) as (_, connection, _):
        response = await ask(connection)
        assert (response.status, response.reusable) == (200, False)


@on_both_loops
async def test_many_requests_share_a_connection() -> None:
    async with connected(always()) as (server, connection, _):
        for _ in range(5):
            assert await ask(connection) == Response(200, b"ok", None, reusable=True)
        assert server.connections == 1
        assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("raw", "given"),
    [(b"120", "120"), (b"Wed, 21 Oct 2026 07:28:00 GMT",) * 2, (b"\xff9", "\xff9")],
)
@on_both_loops
async def test_retry_after_is_handed_on_as_it_came(raw: bytes, given: str | bytes) -> None:
    wire = V11 + b"429 Slow\r\nRetry-After: " + raw + b"\r\n" + sized(b"")
    expected = given if isinstance(given, str) else given.decode()
    async with connected(answering(wire)) as (_, connection, _):
        assert (await ask(connection)).retry_after == expected


@on_both_loops
async def test_retry_after_is_bounded() -> None:
    wire = V11 + b"429 Slow\r\nretry-after: " + b"9" * 5000 + b"\r\n" + sized(b"")
    async with connected(answering(wire)) as (_, connection, _):
        assert (await ask(connection)).retry_after == "9" * 100


@on_both_loops
async def test_an_answer_of_the_last_exchange_is_forgotten() -> None:
    first = V11 + b"503 Busy\r\nretry-after: 7\r\n" + chunked(b"later")
    async with connected(answering(first, V11 + b"200 OK\r\n" + sized(b""))) as (_, connection, _):
        assert await ask(connection) == Response(503, b"later", "7", reusable=True)
        assert await ask(connection) == Response(200, b"", None, reusable=True)


@on_both_loops
async def test_bytes_that_nobody_asked_for_end_the_connection() -> None:
    async def speak_first(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert server.connections
        writer.write(OK)
        await reader.read()

    async with connected(speak_first) as (_, connection, count):
        await asyncio.wait_for(count.gone.wait(), 5)
        assert (await failure(connection))[0] == "connection_reset"


@pytest.mark.parametrize(
    ("handler", "phrase"),
    [
        (deaf, "without an answer"),
        (then_resetting(), "without an answer"),
        (then_closing(b""), "without an answer"),
        (then_resetting(b"HTTP/1.1 2"), "in the middle of the answer"),
        (then_closing(b"HTTP/1.1 200 OK\r\n"), "in the middle of the answer"),
        (then_resetting(V11 + b"200 OK\r\ncontent-length: 5\r\n\r\nok"), "in the middle"),
        (then_closing(V11 + b"200 OK\r\ncontent-length: 5\r\n\r\nok"), "in the middle"),
        (then_closing(V11 + b"200 OK\r\n" + chunked(b"ok")[:-2]), "in the middle"),
        (then_resetting(V11 + b"200 OK\r\n\r\nok"), "in the middle"),
    ],
)
@on_both_loops
async def test_a_connection_that_ends_too_early_is_a_reset(handler: Handler, phrase: str) -> None:
    async with connected(handler) as (_, connection, _):
        code, message = await failure(connection)
        assert code == "connection_reset"
        assert phrase in message


@pytest.mark.parametrize(
    ("handler", "phrase"),
    [
        (silent, "no answer within 0.15 s"),
        (dripping(V11 + b"200 OK\r\n", b"a: b\r\n"), "no answer within 0.15 s"),
        (
            dripping(V11 + b"200 OK\r\n\r\n", b"z"),
            "answered 200, but the answer did not end within 0.15 s",
        ),
        (dripping(V11 + b"200 OK\r\ncontent-length: 9999\r\n\r\n", b"z"), "answered 200, but"),
        (dripping(V11 + b"200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nz\r\n"), "but"),
    ],
)
@on_both_loops
async def test_the_deadline_holds_until_the_last_byte(handler: Handler, phrase: str) -> None:
    async with connected(handler) as (_, connection, _):
        code, message = await failure(connection, 0.15)
        assert code == "response_timeout"
        assert phrase in message


@on_both_loops
async def test_interim_answers_that_drip_end_long_before_the_deadline() -> None:
    async with connected(dripping(b"", INTERIM)) as (_, connection, _):
        code, message = await failure(connection, 30)
        assert code == "bad_response"
        assert "more than 8 interim answers (100)" in message


@on_both_loops
async def test_an_early_answer_counts_and_the_rest_of_the_request_is_dropped() -> None:
    body = b"b" * 8_000_000
    data = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    async with connected(hasty) as (_, connection, _):
        assert await ask(connection, data=data) == Response(413, b"big", None, reusable=False)


@on_both_loops
async def test_bytes_that_were_an_answer_are_one_again_and_others_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    busy = b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n"
    last = OK.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
    fed: list[bytes] = []
    feed = HttpAnswer.feed

    def note(answer: HttpAnswer, data: bytes) -> None:
        fed.append(data)
        feed(answer, data)

    monkeypatch.setattr(HttpAnswer, "feed", note)
    async with connected(answering(OK, OK, OK, busy, busy, OK, last)) as (_, connection, _):
        answers = [await ask(connection) for _ in range(7)]
    ok = Response(200, b"ok", None, reusable=True)
    held = Response(503, b"", "7", reusable=True)
    assert answers == [ok, ok, ok, held, held, ok, ok._replace(reusable=False)]
    assert fed == [OK, busy, OK, last]


@on_both_loops
async def test_an_answer_that_was_given_before_is_not_trusted_with_another_behind_it() -> None:
    async with connected(answering(OK, OK + OK)) as (_, connection, _):
        assert (await ask(connection)).reusable
        assert await ask(connection) == Response(200, b"ok", None, reusable=False)


@on_both_loops
async def test_an_answer_that_was_given_before_may_come_too_early() -> None:
    async def hasty_then(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(server, reader)
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(OK)
        await asyncio.Event().wait()

    body = b"b" * 8_000_000
    data = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    async with connected(hasty_then) as (_, connection, _):
        assert (await ask(connection)).reusable
        assert await ask(connection, data=data) == Response(200, b"ok", None, reusable=False)


@on_both_loops
async def test_a_server_that_ends_its_side_after_the_answer_is_not_used_again() -> None:
    async def half_close(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(server, reader)
        writer.write(OK)
        writer.write_eof()
        await reader.read()

    async with connected(half_close) as (_, connection, count):
        assert (await ask(connection)).body == b"ok"
        await asyncio.wait_for(count.gone.wait(), 5)
        assert not connection.usable


@on_both_loops
async def test_a_cancelled_exchange_closes_its_connection() -> None:
    async with connected(silent) as (_, connection, count):
        task = asyncio.create_task(ask(connection))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(count.gone.wait(), 5)
