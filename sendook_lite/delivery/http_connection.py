"""One HTTP/1.1 connection to an endpoint: a request's bytes out, one bounded answer in.

Half of the work of a delivery happens here, so there is no task, no stream, no queue and no future:
the transport's callbacks feed the parser (llhttp), and the end of the exchange calls whoever asked.
Framing follows RFC 9112, section 6, and everything an endpoint may send is bounded.
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import NamedTuple, Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from sendook_lite.delivery import tls
from sendook_lite.domain.outcome import AttemptFailed, ErrorCode

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


Ended = Callable[[Response | AttemptFailed], None]
"""Is told the answer to a request, or why there is none."""


class Keeper(Protocol):
    """Who is told when a connection comes and goes."""

    def made(self, connection: "HttpConnection") -> None:
        """Take note of a connection that is ready for requests."""
        ...

    def lost(self, connection: "HttpConnection") -> None:
        """Take note that it is gone; called once."""
        ...


class HttpConnection(asyncio.Protocol):
    """A connection that carries one exchange at a time."""

    __slots__ = (
        "_alarm",
        "_alarm_at",
        "_body",
        "_body_size",
        "_chunked",
        "_complete",
        "_deadline",
        "_ended",
        "_fault",
        "_headers_done",
        "_interim",
        "_keep_alive",
        "_keeper",
        "_length",
        "_loop",
        "_parser",
        "_patience",
        "_received",
        "_retry_after",
        "_status",
        "_surplus",
        "_transport",
        "answered",
    )

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._ended: Ended | None = None
        self._parser = HttpResponseParser(self)
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self._begin()

    def _begin(self) -> None:
        self.answered = False
        """Whether any byte of an answer to the last request has come."""
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
        self._fault: str | None = None

    @property
    def usable(self) -> bool:
        """Whether another request may be written."""
        transport = self._transport
        return transport is not None and self._ended is None and not transport.is_closing()

    async def exchange(self, data: bytes, deadline: float, patience: float) -> Response:
        """Write a request and wait for its answer; arguments and errors are those of `request`."""
        waiter: asyncio.Future[Response] = self._loop.create_future()
        self.request(data, deadline, patience, partial(_settle, waiter))
        try:
            return await waiter
        except asyncio.CancelledError:
            self.abort()
            raise

    def request(self, data: bytes, deadline: float, patience: float, ended: Ended) -> None:
        """Write a request now.

        After an error, and after an answer that is not ``reusable``, the connection is closed.

        Args:
            data: the whole request.
            deadline: on the loop's clock.
            patience: seconds of the whole attempt, for the phrase when the deadline passes.
            ended: called once, by the loop; it may write the next request. Where there is no answer
                it is told ``response_timeout``, ``connection_reset``, ``bad_response`` or
                ``tls_failed`` (TLS 1.3 servers refuse clients after the handshake).

        Raises:
            AttemptFailed: ``connection_reset``, when the connection is not ``usable``.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise AttemptFailed("connection_reset", "the connection was closed")
        self._begin()
        self._ended = ended
        self._deadline, self._patience = deadline, patience
        if self._alarm is None or self._alarm_at > deadline:
            self._set_alarm(deadline)
        transport.write(data)

    def _set_alarm(self, at: float) -> None:
        """Have the deadline looked at.

        An alarm that is set stays set when its exchange has ended, and is put off when it goes off
        before the deadline of a later one: setting one for every exchange costs more than signing.
        """
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = self._loop.call_at(at, self._judge_deadline), at

    def _judge_deadline(self) -> None:
        self._alarm = None
        if self._ended is None:
            return
        if self._loop.time() < self._deadline:
            self._set_alarm(self._deadline)
        else:
            self._expire()

    def close(self) -> None:
        """Close an idle connection in good order."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what is unsent is dropped, and an exchange under way fails."""
        self._fail("connection_reset", "the connection was closed")
        if self._transport is not None:
            self._transport.abort()

    # --- callbacks of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready for requests."""
        # A cast, since uvloop's transports are not of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        self._keeper.made(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, within the bounds."""
        if self._ended is None:
            self.abort()  # nobody asked: no later answer on this connection could be trusted
            return
        self.answered = True
        self._received += len(data)
        if self._received > MAX_HEAD_BYTES:
            data = self._bound(data)
        if data:
            self._feed(data)
        if self._fault is not None:
            self._fail("bad_response", self._fault)
        elif self._complete or self._overlong:
            self._finish()

    def eof_received(self) -> None:
        """Take the end of the stream, which ends a body that has no other end (section 6.3)."""
        if self._headers_done and self._length is None and not self._chunked:
            self._finish()
        elif self.answered:
            self._fail("connection_reset", "the connection was closed in the middle of the answer")
        else:
            self._fail("connection_reset", "the connection was closed without an answer")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the keeper, and whoever waits for an answer."""
        self._transport = None
        if self._alarm is not None:
            self._alarm.cancel()
        self._keeper.lost(self)
        if isinstance(exc, ssl.SSLError):
            self._fail("tls_failed", tls.explain(exc))
        elif self.answered:
            self._fail("connection_reset", "the connection was reset in the middle of the answer")
        else:
            self._fail("connection_reset", "the connection was reset without an answer")

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
            self._fault = "the endpoint wants to switch protocols (101)"
        elif status < _CONTINUE or framed:
            self._fault = "the endpoint's answer is not HTTP/1.1"
        elif self._interim > MAX_INTERIM:
            self._fault = f"more than {MAX_INTERIM} interim answers ({status})"
        self._length = self._retry_after = None

    def _bound(self, data: bytes) -> bytes:
        """Return what is to be fed of data that comes after much else."""
        if not self._headers_done:
            data = self._feed_head(data)
        ended = self._fault is not None or self._complete or self._overlong
        return b"" if ended else data

    def _feed_head(self, data: bytes) -> bytes:
        """Feed what the head has room for and return the rest."""
        fitting = len(data) - (self._received - MAX_HEAD_BYTES)
        self._feed(data[:fitting])
        if not self._headers_done and self._fault is None:
            self._fault = f"the answer's head is longer than {MAX_HEAD_BYTES // 1024} KiB"
        return data[fitting:]

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            if self._complete:
                self._surplus = True
            elif self._fault is None:
                self._fault = "the endpoint's answer is not HTTP/1.1"

    @property
    def _overlong(self) -> bool:
        """Whether more has come of an answer than is read of it."""
        return self._headers_done and (
            self._body_size > MAX_BODY_BYTES or self._received > _ALL_BYTES
        )

    def _finish(self) -> None:
        ended = self._ended
        if ended is None:
            return
        transport = self._transport
        reusable = (
            self._complete
            and not self._surplus
            and transport is not None
            and not transport.is_closing()
            and self._keep_alive
            and self._body_size <= MAX_BODY_BYTES
            # An answer before the end of the request: the rest would be read as the next one.
            and transport.get_write_buffer_size() == 0
        )
        retry_after = self._retry_after
        response = Response(
            self._status,
            self._body,
            None if retry_after is None else retry_after.decode("latin-1"),
            reusable,
        )
        self._ended = None
        if not reusable:
            self.abort()
        # Not from here: uvloop gives up the interpreter after every callback of a transport. What
        # follows all answers that came together is done in one go.
        self._loop.call_soon(ended, response)

    def _fail(self, code: ErrorCode, message: str) -> None:
        ended, self._ended = self._ended, None
        if ended is None:
            return
        if self._transport is not None:
            self._transport.abort()
        self._loop.call_soon(ended, AttemptFailed(code, message))

    def _expire(self) -> None:
        if self._headers_done:
            phrase = f"answered {self._status}, but the answer did not end"
        else:
            phrase = "no answer"
        phrase += f" within {self._patience:g} s"
        self._fail("response_timeout", phrase)


def _settle(waiter: asyncio.Future[Response], ending: Response | AttemptFailed) -> None:
    if waiter.done():
        return  # given up
    if isinstance(ending, AttemptFailed):
        waiter.set_exception(ending)
    else:
        waiter.set_result(ending)
