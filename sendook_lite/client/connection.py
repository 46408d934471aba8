"""One blocking connection to a server, over TCP, TLS or a Unix socket; no retries here."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sendook_lite import __version__
from sendook_lite.client.address import ServerAddress
from sendook_lite.client.errors import Unreachable
from sendook_lite.client.request import JSON_TYPE, Answer, Request

USER_AGENT: Final = f"sendook-lite/{__version__}"


def own_headers(key: str | None) -> dict[str, str]:
    """Return what every request says of its sender."""
    headers = {"User-Agent": USER_AGENT, "Accept": JSON_TYPE}
    return headers | ({"Authorization": f"Bearer {key}"} if key else {})


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of to a host."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self.timeout)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            raise
        self.sock = sock


class Connection:
    """A connection that is opened when it is needed, and again after it was lost.

    Not for several threads at once. ``timeout`` (seconds) is for each step: to connect, to send, to
    wait for more of an answer.
    """

    def __init__(
        self,
        address: ServerAddress,
        key: str | None = None,
        timeout: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.address = address
        self.timeout = timeout
        self._tls = tls
        self._headers = own_headers(key)
        self._kept: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def send(self, request: Request[Any]) -> Answer:
        """Send one request and return the answer, whatever its status.

        Raises:
            Unreachable: with what happened as its cause.
        """
        self._kept = self._kept or self._dial(self.timeout)
        try:
            response = self._ask(self._kept, request)
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._unreachable(error, self.timeout) from error
        return Answer(response.status, _headers_of(response), body)

    @contextmanager
    def open(
        self, request: Request[Any], silence: float
    ) -> Iterator[tuple[Answer | None, http.client.HTTPResponse]]:
        """Lend an answer that is read piece by piece, on a connection of its own.

        Args:
            request: what is asked for.
            silence: seconds, each read waits at most so long.

        Yields:
            None and the response; or, when the server said no, its whole answer first.

        Raises:
            Unreachable: with what happened as its cause; not for what happens to the lent response.
        """
        connection = self._dial(silence)
        try:
            try:
                response = self._ask(connection, request)
                answer = Answer(response.status, _headers_of(response), b"")
                no = None if answer.ok else Answer(answer.status, answer.headers, response.read())
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error, silence) from error
            with response:
                yield no, response
        finally:
            connection.close()

    def _ask(
        self, connection: http.client.HTTPConnection, request: Request[Any]
    ) -> http.client.HTTPResponse:
        payload = request.payload
        typed = {} if payload is None else {"Content-Type": JSON_TYPE}
        headers = {**self._headers, **typed, **request.headers}
        connection.request(request.method, self.address.prefix + request.target, payload, headers)
        return connection.getresponse()

    def _dial(self, timeout: float) -> http.client.HTTPConnection:
        at = self.address
        if at.socket is not None:
            return _UnixConnection(at.socket, timeout)
        if at.encrypted:
            return http.client.HTTPSConnection(at.host, at.port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(at.host, at.port, timeout=timeout)

    def _unreachable(self, error: Exception, seconds: float) -> Unreachable:
        if isinstance(error, TimeoutError):
            return Unreachable(f"{self.address} does not answer for {seconds:g} s")
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            return Unreachable(f"{self.address} cannot be reached: {reason}")
        return Unreachable(f"{self.address} does not speak HTTP as expected")


def _headers_of(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
