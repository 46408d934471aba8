"""Opens a connection to an endpoint, at addresses that were checked before, and nowhere else."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable, Sequence

from sendook_lite.delivery import tls
from sendook_lite.delivery.http_connection import HttpConnection
from sendook_lite.domain.endpoint_url import EndpointUrl
from sendook_lite.domain.outcome import AttemptFailed

MAX_ADDRESSES = 4
"""How many addresses of a host are tried in one attempt."""
_SHUTDOWN_SECONDS = 1.0

_PHRASES = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.ENETUNREACH: "the network is unreachable",
    errno.EHOSTUNREACH: "the host is unreachable",
    errno.EMFILE: "this server has no free file descriptors",
    errno.ENFILE: "this server has no free file descriptors",
}
_RESET = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})


class Dialer:
    """Opens connections.

    Args:
        make: makes the protocol of a new connection.
        ca_file: trusted roots instead of the system's, or None.
    """

    def __init__(self, make: Callable[[], HttpConnection], ca_file: str | None) -> None:
        self._make = make
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None

    async def dial(
        self, url: EndpointUrl, addresses: Sequence[str], deadline: float
    ) -> HttpConnection:
        """Connect to the first address that takes the connection.

        Each address gets its share of what is left of the time, so that a dead first one leaves
        enough for the second and for the request.

        Args:
            url: what to speak (``scheme``), on which port, and whose certificate to expect.
            addresses: checked ones, in order of preference.
            deadline: on the loop's clock.

        Raises:
            AttemptFailed: ``connect_refused``, ``connect_timeout``, ``connection_reset`` or
                ``tls_failed``, of the last address tried. A handshake that hangs is a
                ``connect_timeout``: the certificate was never seen, so TLS is not to blame.
        """
        tried = addresses[:MAX_ADDRESSES]
        for waiting, address in zip(range(len(tried) - 1, 0, -1), tried, strict=False):
            now = asyncio.get_running_loop().time()
            share = (deadline - now) / (waiting + 1)
            try:
                return await self._open(url, address, now + share)
            except AttemptFailed:
                continue
        return await self._open(url, tried[-1], deadline)

    async def _open(self, url: EndpointUrl, address: str, deadline: float) -> HttpConnection:
        context = self._tls_context() if url.scheme == "https" else None
        stage = "connection"
        try:
            async with asyncio.timeout_at(deadline):
                sock = await _connect(address, url.port)
                stage = "connection" if context is None else "TLS handshake"
                return await self._take_over(sock, context, url.host)
        except TimeoutError:
            raise AttemptFailed("connect_timeout", f"the {stage} took too long") from None
        except ssl.SSLError as error:
            raise AttemptFailed("tls_failed", tls.explain(error)) from error
        except ssl.CertificateError as error:
            raise AttemptFailed("tls_failed", "the certificate is for another host name") from error
        except OSError as error:
            raise _refusal(error, stage) from error

    async def _take_over(
        self, sock: socket.socket, context: ssl.SSLContext | None, host: str
    ) -> HttpConnection:
        loop = asyncio.get_running_loop()
        try:
            if context is None:
                _, connection = await loop.create_connection(self._make, sock=sock)
            else:
                _, connection = await loop.create_connection(
                    self._make,
                    sock=sock,
                    ssl=context,
                    server_hostname=host,
                    ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
                )
        except BaseException:
            sock.close()
            raise
        return connection

    def _tls_context(self) -> ssl.SSLContext:
        """Load the context at its first use: reading the roots takes time and memory."""
        if self._context is None:
            try:
                self._context = tls.load_context(self._ca_file)
            except OSError as error:
                raise AttemptFailed(
                    "tls_failed", "this server cannot read its file of trusted certificates"
                ) from error
        return self._context


async def _connect(address: str, port: int) -> socket.socket:
    """Open a TCP connection by hand, so that a failure is known to be TCP's and not TLS's."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def _refusal(error: OSError, stage: str) -> AttemptFailed:
    if error.errno in _RESET or isinstance(error, ConnectionResetError):
        return AttemptFailed("connection_reset", f"the connection was reset during the {stage}")
    number = error.errno or 0
    phrase = _PHRASES.get(number) or f"no connection: {os.strerror(number).lower()}"
    return AttemptFailed("connect_refused", phrase)
