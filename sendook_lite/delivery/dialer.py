"""Opens a connection to an endpoint, at addresses that were checked before, and nowhere else."""

import asyncio
import errno
import os
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from sendook_lite.delivery import tls
from sendook_lite.delivery.http_connection import HttpConnection
from sendook_lite.domain.endpoint_url import EndpointUrl
from sendook_lite.domain.outcome import AttemptFailed

MAX_ADDRESSES = 4
"""How many addresses of a host are tried in one attempt."""
_HANDSHAKE_SECONDS = 3600.0
"""Never reached: the deadline of the attempt is the one that counts."""
_SHUTDOWN_SECONDS = 1.0
"""How long a TLS connection that is closed waits for the endpoint to agree."""

_PHRASES = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.ENETUNREACH: "the network is unreachable",
    errno.EHOSTUNREACH: "the host is unreachable",
    errno.EMFILE: "this server has no free file descriptors",
    errno.ENFILE: "this server has no free file descriptors",
}


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
        # The address goes in as the host: both loops see that it is one and resolve nothing. A
        # socket of our own would tell TCP's delays from TLS's, but uvloop may close it twice when
        # the endpoint resets it early, and with it another connection under the same number.
        options: dict[str, Any] = {}
        if url.scheme == "https":
            options = {
                "ssl": self._tls_context(),
                "server_hostname": url.host,
                "ssl_handshake_timeout": _HANDSHAKE_SECONDS,
                "ssl_shutdown_timeout": _SHUTDOWN_SECONDS,
            }
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline):
                _, connection = await loop.create_connection(
                    self._make, address, url.port, **options
                )
        except TimeoutError:
            what = "TLS connection" if options else "connection"
            raise AttemptFailed("connect_timeout", f"opening the {what} took too long") from None
        except ssl.SSLError as error:
            raise AttemptFailed("tls_failed", tls.explain(error)) from error
        except OSError as error:
            raise explain_refusal(error) from error
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


def explain_refusal(error: OSError) -> AttemptFailed:
    """Put a failure to connect into a code and a phrase for people."""
    # uvloop raises these without a number when a handshake is cut off.
    if isinstance(error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return AttemptFailed("connection_reset", "the connection was reset while it was opened")
    if error.errno is None:
        return AttemptFailed("connect_refused", "the connection could not be opened")
    phrase = _PHRASES.get(error.errno) or f"no connection: {os.strerror(error.errno).lower()}"
    return AttemptFailed("connect_refused", phrase)
