"""Reads the answer to one request, piece by piece: as much of it as is of use, within bounds.

Framing follows RFC 9112, section 6 (the parser is llhttp); everything an endpoint may send is
bounded.
"""

from http import HTTPStatus
from typing import NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_HEAD_BYTES = 65_536
"""Longest head taken, interim answers included."""
MAX_BODY_BYTES = 16_384
"""Most of a body that is read; what is longer ends the connection, not the attempt."""
KEPT_BODY_BYTES = 4096
"""How much of a body is kept."""
MAX_FRAMING_BYTES = 65_536
"""Room for chunk sizes, extensions and trailers around a body."""
MAX_INTERIM = 8
"""Most 1xx answers taken before the final one."""
MAX_RETRY_AFTER = 100

_ALL_BYTES = MAX_HEAD_BYTES + MAX_BODY_BYTES + MAX_FRAMING_BYTES
# Plain integers: members of an enumeration are looked up anew at every use.
_CONTINUE = int(HTTPStatus.CONTINUE)
_SWITCHING_PROTOCOLS = int(HTTPStatus.SWITCHING_PROTOCOLS)
_OK = int(HTTPStatus.OK)
_BODYLESS = frozenset({int(HTTPStatus.NO_CONTENT), int(HTTPStatus.NOT_MODIFIED)})


class Response(NamedTuple):
    """An answer, as much of it as is of use. ``retry_after`` is the raw header, bounded."""

    status: int
    body: bytes
    retry_after: str | None
    reusable: bool


class HttpAnswer:
    """The answers of one connection, one after the other; each begins with `begin`.

    Attributes:
        fault: why this is no answer; None as long as it may be one.
    """

    __slots__ = (
        "_body",
        "_body_size",
        "_chunked",
        "_complete",
        "_headers_done",
        "_interim",
        "_keep_alive",
        "_length",
        "_parser",
        "_received",
        "_retry_after",
        "_status",
        "_surplus",
        "fault",
    )

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.begin()

    def begin(self) -> None:
        """Forget the last answer."""
        self.fault: str | None = None
        self._received = 0
        self._interim = 0
        self._status = 0
        self._headers_done = False
        self._complete = False
        self._keep_alive = False
        self._surplus = False
        self._length: bytes | None = None
        self._chunked = False
        self._retry_after: bytes | None = None
        self._body = b""
        self._body_size = 0

    @property
    def over(self) -> bool:
        """Whether no more of it is needed: it is complete, or longer than is read."""
        return self._complete or (
            self._headers_done and (self._body_size > MAX_BODY_BYTES or self._received > _ALL_BYTES)
        )

    @property
    def ends_with_connection(self) -> bool:
        """Whether it has no other end than that of the connection (section 6.3)."""
        return self._headers_done and self._length is None and not self._chunked

    @property
    def status(self) -> int | None:
        """Its status; None before the end of its head."""
        return self._status if self._headers_done else None

    def feed(self, data: bytes) -> None:
        """Read a piece, within the bounds."""
        self._received += len(data)
        if self._received > MAX_HEAD_BYTES:
            data = self._bound(data)
        if data:
            self._feed(data)

    def response(self, *, writable: bool) -> Response:
        """Return what was read; ``writable``: the connection could take another request."""
        retry_after = self._retry_after
        return Response(
            self._status,
            self._body,
            None if retry_after is None else retry_after.decode("latin-1"),
            writable
            and self._complete
            and not self._surplus
            and self._keep_alive
            and self._body_size <= MAX_BODY_BYTES,
        )

    # --- callbacks of the parser

    def on_message_begin(self) -> None:
        """Stop at a second answer to the same request."""
        if self._complete:
            self._surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note what frames the answer and what the sender asks for."""
        if self._headers_done:
            return  # trailers, and heads of surplus answers
        match name.lower():
            case b"content-length":
                self._length = value
            case b"transfer-encoding":
                # Anything else than a final "chunked" runs until the connection closes.
                self._chunked = value.lower().rpartition(b",")[2].strip() == b"chunked"
            case b"retry-after":
                self._retry_after = value[:MAX_RETRY_AFTER]

    def on_headers_complete(self) -> None:
        """Judge the head."""
        if self._headers_done:
            return
        status = self._parser.get_status_code()
        framed = self._chunked or self._length not in (None, b"0")
        if status < _OK:
            self._take_interim(status, framed=framed)
            return
        self._status = status
        self._headers_done = True
        # Such answers end here whatever they promise (RFC 9112, section 6.3), but servers that
        # promise a body may send it: it must not be read as the next answer.
        self._surplus = status in _BODYLESS and framed

    def on_body(self, chunk: bytes) -> None:
        """Keep the beginning, count the rest."""
        if self._complete:
            return  # of a surplus answer
        room = KEPT_BODY_BYTES - self._body_size
        if room > 0:
            self._body += chunk[:room]
        self._body_size += len(chunk)

    def on_message_complete(self) -> None:
        """Note the end of a final answer."""
        if self._headers_done and not self._complete:
            self._complete = True
            self._keep_alive = self._parser.should_keep_alive()

    # --- inside

    def _take_interim(self, status: int, *, framed: bool) -> None:
        self._interim += 1
        if status == _SWITCHING_PROTOCOLS:
            self.fault = "the endpoint wants to switch protocols (101)"
        elif status < _CONTINUE or framed:
            self.fault = "the endpoint's answer is not HTTP/1.1"
        elif self._interim > MAX_INTERIM:
            self.fault = f"more than {MAX_INTERIM} interim answers ({status})"
        self._length = self._retry_after = None

    def _bound(self, data: bytes) -> bytes:
        """Return what is to be fed of data that comes after much else."""
        if not self._headers_done:
            data = self._feed_head(data)
        return b"" if self.fault is not None or self.over else data

    def _feed_head(self, data: bytes) -> bytes:
        """Feed what the head has room for and return the rest."""
        fitting = len(data) - (self._received - MAX_HEAD_BYTES)
        self._feed(data[:fitting])
        if not self._headers_done and self.fault is None:
            self.fault = f"the answer's head is longer than {MAX_HEAD_BYTES // 1024} KiB"
        return data[fitting:]

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if self._complete:
                self._surplus = True
            elif self.fault is None:
                self.fault = "the endpoint's answer is not HTTP/1.1"
