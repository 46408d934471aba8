"""Requests and answers as values: what an operation means, apart from how it is sent."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from sendook_lite.client.errors import Refused, Unreachable, refusal

T = TypeVar("T")

Method = str
JSON_TYPE: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server answered; the names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is a yes."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, section 15.3

    @property
    def document(self) -> Any:
        """The JSON of the body.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)

    def refusal(self) -> Refused:
        """Return the error that this answer stands for."""
        try:
            document = self.document
        except ValueError:
            document = None
        return refusal(self.status, document, _seconds(self.headers.get("retry-after")))


def _document(answer: Answer) -> Any:
    return answer.document


def _bytes(answer: Answer) -> bytes:
    return answer.body


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One request, and how its answer is read.

    Attributes:
        path: under the address of the server, escaped.
        query: behind the question mark.
        body: JSON, or None for none.
        headers: beyond those of every request.
    """

    method: Method
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[Answer], T] = _document

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    @property
    def payload(self) -> bytes | None:
        """The bytes of the body."""
        return None if self.body is None else json.dumps(self.body).encode()

    def with_headers(self, **headers: str) -> "Request[T]":
        """Return the same request with more headers; ``_`` in a name is ``-``."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **more})


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list, asked for page by page; ``limit`` items at most (None: all)."""

    first: Request[list[T]]
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Following(Generic[T]):
    """Server-Sent Events without an end; ``after`` is the event to begin behind."""

    request: Request[T]
    after: str | None = None


def read(reader: Callable[[Answer], T], answer: Answer) -> T:
    """Read an answer that is a yes.

    Raises:
        Unreachable: it is not what this server answers.
    """
    try:
        return reader(answer)
    except ValueError:
        raise Unreachable("The answer is not in JSON: is it a Sendook Lite?") from None


def path_of(*parts: str) -> str:
    """Join the parts of a path under /v1; an id is one part, whatever it holds."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def get(*parts: str, **query: Any) -> Request[Any]:
    """Ask for JSON; names of the query become camelCase, and what is None is left out."""
    return Request("GET", path_of(*parts), _query(query))


def download(*parts: str) -> Request[bytes]:
    """Ask for bytes as they are."""
    return Request("GET", path_of(*parts), headers={"Accept": "*/*"}, read=_bytes)


def post(*parts: str, **fields: Any) -> Request[Any]:
    """Have something done; fields become camelCase, and what is None is left out."""
    return Request("POST", path_of(*parts), body=_present(fields))


def patch(*parts: str, **fields: Any) -> Request[Any]:
    """Change what is named; None removes it."""
    return Request("PATCH", path_of(*parts), body={_camel(name): v for name, v in fields.items()})


def delete(*parts: str) -> Request[Any]:
    """Remove something."""
    return Request("DELETE", path_of(*parts))


def next_page(request: Request[T], answer: Answer) -> Request[T] | None:
    """Return what asks for the page after this one (RFC 8288); None: it was the last.

    Only the query of the link is used: a proxy may have changed what the server believes its own
    address to be.
    """
    target, _, relation = answer.headers.get("link", "").partition(">")
    if 'rel="next"' not in relation:
        return None
    query = dict(parse_qsl(urlsplit(target.lstrip(" <")).query))
    return replace(request, query=query)


def _query(given: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else _joined(value)
        for name, value in _present(given).items()
    }


def _joined(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(cast("list[str]", value))
    return str(value)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {_camel(name): value for name, value in fields.items() if value is not None}


def _camel(name: str) -> str:
    first, *others = name.rstrip("_").split("_")
    return first + "".join(other.capitalize() for other in others)


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After in seconds; dates are not written by this server."""
    return float(text) if text is not None and text.isascii() and text.isdecimal() else None
