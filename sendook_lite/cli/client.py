"""A client of the management API: over TCP with a key, or over the admin socket without one."""

import http.client
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from sendook_lite import __version__
from sendook_lite.cli.connection import connect, describe_refusal
from sendook_lite.cli.failure import TRY_AGAIN, Failed
from sendook_lite.cli.hints import with_hint
from sendook_lite.cli.options import Server
from sendook_lite.cli.places import find_places
from sendook_lite.cli.terminal import printable
from sendook_lite.inbound.listeners import UnixAddress

_SECONDS = 30.0
_PAGE = 500
_TRY_LATER = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered: its status, its headers, and the JSON of its body."""

    status: int
    headers: http.client.HTTPMessage
    document: Any

    @property
    def ok(self) -> bool:
        """Whether it is a yes."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, section 15.3


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, address: UnixAddress) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._address = address

    def connect(self) -> None:
        """Connect to the socket instead of to a host."""
        self.sock = connect(self._address, _SECONDS)


class Client:
    """One connection to a server."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        place: str,
        *,
        prefix: str = "",
        key: str | None = None,
    ) -> None:
        self.place = place
        self._connection = connection
        self._prefix = prefix
        self._headers = {"User-Agent": f"sendook-lite/{__version__}", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Send one request and return the answer, whatever its status.

        Raises:
            Failed: nobody answers, or not in JSON.
        """
        payload = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({} if body is None else {"Content-Type": "application/json"})
        try:
            self._connection.request(method, self._prefix + path, payload, headers)
            response = self._connection.getresponse()
            text = response.read()
        except TimeoutError as error:
            raise Failed(f"{self.place} does not answer for {_SECONDS:g} s", TRY_AGAIN) from error
        except OSError as error:
            raise Failed(describe_refusal(self.place, error), TRY_AGAIN) from error
        except http.client.HTTPException as error:
            raise Failed(f"{self.place} does not speak HTTP as expected") from error
        try:
            return Answer(response.status, response.headers, json.loads(text))
        except ValueError as error:
            raise Failed(
                f"{self.place} answered {response.status}, and not in JSON: is it a Sendook Lite?"
            ) from error

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and return the JSON of the answer.

        Raises:
            Failed: the server said no, with its own words; or it could not be asked.
        """
        return self._accept(self.ask(method, path, body)).document

    def list_all(self, path: str) -> list[Any]:
        """Return a whole list, page after page."""
        found: list[Any] = []
        query: dict[str, Any] = {"limit": _PAGE}
        while True:
            answer = self._accept(self.ask("GET", f"{path}?{urlencode(query)}"))
            found += answer.document
            if 'rel="next"' not in answer.headers.get("Link", "") or not answer.document:
                return found
            query["before"] = answer.document[-1]["id"]

    def _accept(self, answer: Answer) -> Answer:
        if answer.ok:
            return answer
        known = answer.document if isinstance(answer.document, dict) else {}
        message = printable(str(known.get("message") or f"{self.place} answered {answer.status}"))
        message = with_hint(message, known.get("code"))
        for wrong in known.get("errors", []):
            message += printable(f"\n  {wrong.get('path')}: {wrong.get('msg')}", lines=True)
        raise Failed(message, TRY_AGAIN if answer.status in _TRY_LATER else 1)


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
        return _over_tcp(url, key)
    places = find_places(environment, config=server.config, data_dir=server.data_dir)
    if server.key or (key and not os.access(places.admin, os.W_OK)):
        return _over_tcp(f"http://{places.listen}", key)
    admin = UnixAddress(places.admin)
    return Client(_UnixConnection(admin), str(admin))


def _over_tcp(url: str, key: str | None) -> Client:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if not host or parts.scheme not in kinds:
        raise Failed(f"--url {printable(url)}: must be like http://127.0.0.1:8465", 2)
    connection = kinds[parts.scheme](host, port, timeout=_SECONDS)
    return Client(
        connection, f"{parts.scheme}://{parts.netloc}", prefix=parts.path.rstrip("/"), key=key
    )
