"""The client of the commands: finds the server, and says what went wrong as commands do."""

import http.client
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from sendook_lite.cli.connection import describe_refusal
from sendook_lite.cli.failure import TRY_AGAIN, Failed
from sendook_lite.cli.hints import with_hint
from sendook_lite.cli.options import Server
from sendook_lite.cli.places import find_places
from sendook_lite.cli.terminal import printable
from sendook_lite.client.address import read_address
from sendook_lite.client.connection import Connection
from sendook_lite.client.errors import Unreachable
from sendook_lite.client.paging import Pages
from sendook_lite.client.request import Answer, Listing, Request

_SECONDS = 30.0
_TRY_LATER = frozenset({429, 503})


class Client:
    """One connection to a server; nothing is asked twice, for a user can."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.place = str(connection.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send one request and return the answer, whatever its status; it is in JSON.

        Raises:
            Failed: nobody answers, or not in JSON.
        """
        try:
            answer = self._connection.send(Request(method, path, body=body))
        except Unreachable as error:
            raise self._explain(error) from error
        try:
            _ = answer.document
        except ValueError as error:
            raise self._stranger(answer) from error
        return answer

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the JSON of the answer.

        Raises:
            Failed: the server said no, with its own words; or it could not be asked.
        """
        return self._accept(self.ask(method, path, body)).document

    def list_all(
        self, path: str, query: Mapping[str, str] | None = None, limit: int | None = None
    ) -> list[Any]:
        """Return a list, page after page; at most ``limit`` items."""
        first: Request[list[Any]] = Request("GET", path, query or {})
        pages = Pages(Listing(first, limit))
        found: list[Any] = []
        while pages.request is not None:
            found += pages.take(self._accept(self.ask("GET", pages.request.target)))
        return found

    @contextmanager
    def open(
        self, path: str, headers: Mapping[str, str], seconds: float
    ) -> Iterator[http.client.HTTPResponse]:
        """GET a path and lend the answer; each read of it waits at most so many seconds.

        Raises:
            Failed: the server said no, with its own words; or it could not be asked.
        """
        request: Request[Any] = Request("GET", path, headers={"Accept": "*/*", **headers})
        try:
            with self._connection.open(request, seconds) as (no, response):
                if no is not None:
                    raise self._refused(no)
                yield response
        except Unreachable as error:
            raise self._explain(error, TRY_AGAIN) from error

    def _accept(self, answer: Answer) -> Answer:
        if not answer.ok:
            raise self._refused(answer)
        return answer

    def _refused(self, answer: Answer) -> Failed:
        error = answer.refusal()
        known = isinstance(error.document.get("message"), str)
        message = error.message if known else f"{self.place} answered {answer.status}"
        message = with_hint(printable(message), error.code)
        for wrong in error.fields:
            message += printable(f"\n  {wrong.path}: {wrong.message}", lines=True)
        return Failed(message, TRY_AGAIN if answer.status in _TRY_LATER else 1)

    def _stranger(self, answer: Answer) -> Failed:
        return Failed(
            f"{self.place} answered {answer.status}, and not in JSON: is it a Sendook Lite?"
        )

    def _explain(self, error: Unreachable, otherwise: int = 1) -> Failed:
        cause = error.__cause__
        if isinstance(cause, OSError) and not isinstance(cause, TimeoutError):
            return Failed(describe_refusal(self.place, cause), TRY_AGAIN)
        return Failed(error.message, TRY_AGAIN if isinstance(cause, TimeoutError) else otherwise)


def open_client(environment: Mapping[str, str], server: Server) -> Client:
    """Find the server: at the URL given, else behind its admin socket, else where it listens.

    A key that is given with ``--key`` is used, and so leads past the admin socket.

    Raises:
        Failed: the URL is none.
        BadSettings: the settings cannot be read.
    """
    url = server.url or environment.get("SENDOOK_URL")
    key = server.key or environment.get("SENDOOK_API_KEY")
    if url:
        return _at(url, key)
    places = find_places(environment, config=server.config, data_dir=server.data_dir)
    if server.key or (key and not os.access(places.admin, os.W_OK)):
        return _at(f"http://{places.listen}", key)
    return _at(f"unix:{places.admin}")


def _at(url: str, key: str | None = None) -> Client:
    try:
        address = read_address(url)
    except ValueError as error:
        raise Failed(f"--url {printable(url)}: {error}", 2) from None
    return Client(Connection(address, key, _SECONDS))
