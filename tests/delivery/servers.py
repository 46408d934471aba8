"""Endpoints that behave and endpoints that do not: raw servers on loopback, and certificates."""

import asyncio
import contextlib
import datetime as dt
import functools
import inspect
import ipaddress
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


Test = Callable[..., Coroutine[Any, Any, None]]


def on_both_loops(test: Test) -> Callable[..., None]:
    """Run a test on the standard library's event loop and on uvloop: their transports differ."""

    @functools.wraps(test)
    def run_test(*, loop_runner: Callable[..., None], **arguments: Any) -> None:
        loop_runner(test(**arguments))

    own = inspect.Parameter("loop_runner", inspect.Parameter.KEYWORD_ONLY)
    wanted = inspect.signature(test)
    parameters = [*wanted.parameters.values(), own]
    parameters.sort(key=lambda parameter: parameter.kind)
    run_test.__signature__ = wanted.replace(parameters=parameters)  # type: ignore[attr-defined] # read by pytest
    both = pytest.mark.parametrize("loop_runner", [asyncio.run, uvloop.run], ids=["aio", "uv"])
    marked: Callable[..., None] = both(run_test)
    return marked


@dataclass
class Received:
    """One request as it stood on the wire."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        (value,) = [value for key, value in self.headers if key == name]
        return value


@dataclass
class Server:
    """What a test may know about a server; ``connections`` counts those ever accepted."""

    port: int = 0
    connections: int = 0
    requests: list[Received] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)


Handler = Callable[[Server, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(server: Server, reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    line, *rest = head.removesuffix("\r\n\r\n").split("\r\n")
    headers = [(name, value) for name, _, value in (one.partition(": ") for one in rest)]
    size = int({name.lower(): value for name, value in headers}["content-length"])
    received = Received(line, headers, await reader.readexactly(size))
    server.requests.append(received)
    return received


@contextlib.asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve on a free port of 127.0.0.1; every connection is ``handler``'s until it returns."""
    known = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        known.connections += 1
        try:
            await handler(known, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    if tls is not None:
        tls.sni_callback = lambda _sock, name, _context: known.server_names.append(name)
    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    known.port = listener.sockets[0].getsockname()[1]
    try:
        yield known
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await asyncio.sleep(0)


def answering(*answers: bytes) -> Handler:
    """Answer the requests of every connection in turn, then hold it open."""

    async def handle(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for answer in answers:
            await read_request(server, reader)
            writer.write(answer)
        await reader.read()

    return handle


def always(answer: bytes = OK) -> Handler:
    """Give every request the same answer."""

    async def handle(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await read_request(server, reader)
            writer.write(answer)

    return handle


def then_closing(answer: bytes) -> Handler:
    """Give one answer and end the stream."""

    async def handle(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(server, reader)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return handle


def then_resetting(answer: bytes = b"") -> Handler:
    """Begin an answer, let it arrive, and reset the connection."""

    async def handle(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(server, reader)
        if answer:
            writer.write(answer)
            await asyncio.sleep(0.05)
        reset(writer)

    return handle


def byte_by_byte(answer: bytes, *, close: bool) -> Handler:
    """Give one answer in as many segments as it has bytes."""

    async def handle(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(server, reader)
        for at in range(len(answer)):
            writer.write(answer[at : at + 1])
            await asyncio.sleep(0)
        if close:
            writer.close()
            await writer.wait_closed()
        else:
            await reader.read()

    return handle


def dripping(head: bytes, drop: bytes) -> Handler:
    """Begin an answer and never come to its end."""

    async def handle(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(server, reader)
        writer.write(head)
        while True:
            writer.write(drop)
            await asyncio.sleep(0.01)

    return handle


def flooding(head: bytes, drop: bytes) -> Handler:
    """Begin an answer and send without end, as fast as it is taken."""

    async def handle(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(server, reader)
        writer.write(head)
        while True:
            writer.write(drop)
            await writer.drain()

    return handle


async def silent(
    server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Take everything and never answer."""
    assert server.connections
    assert not writer.is_closing()
    await reader.read()


async def deaf(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset every connection at once."""
    assert server.connections
    assert not reader.at_eof()
    reset(writer)


async def hasty(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer before the body has come, and never read it."""
    assert server.connections
    await reader.readuntil(b"\r\n\r\n")
    cast("asyncio.Transport", writer.transport).pause_reading()
    writer.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig")
    await asyncio.Event().wait()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.contextmanager
def unaccepting() -> Iterator[int]:
    """Yield a port where connecting hangs: the queue of the listening socket is full."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def closed_port() -> int:
    """Return a port that refuses connections."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Authority:
    """Issues certificates and writes them where servers and clients find them."""

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = _build(self._name, self._name, self._key, self._key, ca=True, days=30)
        self.file = str(folder / f"{name.replace(' ', '-')}.pem")
        Path(self.file).write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, *names: str, days: int = 30, self_signed: bool = False) -> ssl.SSLContext:
        """Make a server's context; a negative number of days is an expired certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "endpoint")])
        issuer = subject if self_signed else self._name
        signer = key if self_signed else self._key
        certificate = _build(subject, issuer, key, signer, ca=False, days=days, names=names)
        file = self._folder / "server.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def _build(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
    days: int,
    names: tuple[str, ...] = (),
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    alternatives = [
        x509.DNSName(name) if name[-1].isalpha() else x509.IPAddress(ipaddress.ip_address(name))
        for name in names
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=60))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(signer, hashes.SHA256())
