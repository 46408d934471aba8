"""One HTTP/1.1 connection to an endpoint: a request's bytes out, one bounded answer in.

Half of the work of a delivery happens here, so there is no task, no stream, no queue and no
future: the transport's callbacks feed what reads the answer, and its end calls whoever asked.
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol, cast

from sendook_lite.delivery import tls
from sendook_lite.delivery.http_answer import HttpAnswer, Response
from sendook_lite.domain.outcome import AttemptFailed, ErrorCode

USUAL_BYTES: Final = 1024
"""Longest answer that is remembered by its bytes."""

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
        "_answer",
        "_deadline",
        "_ended",
        "_keeper",
        "_loop",
        "_patience",
        "_transport",
        "_usual",
        "answered",
    )

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._ended: Ended | None = None
        self._answer = HttpAnswer()
        self._usual: tuple[bytes, Response] = b"", Response(0, b"", None, reusable=False)
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0
        self.answered = False
        """Whether any byte of an answer to the last request has come."""

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
        self.answered = False
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
        if self._ended is not None:
            self._tell(AttemptFailed("connection_reset", "the connection was closed"))
        if self._transport is not None:
            self._transport.abort()

    # --- callbacks of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready for requests."""
        # A cast, since uvloop's transports are not of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        self._keeper.made(self)

    def data_received(self, data: bytes) -> None:
        """Read the answer."""
        if self._ended is None:
            self.abort()  # nobody asked: no later answer on this connection could be trusted
            return
        if data == self._usual[0] and not self.answered and self._writable:
            # Bytes that were a whole answer before are one again. Most endpoints say the same to
            # whatever they take, but for the second in their Date.
            self.answered = True
            self._tell(self._usual[1])
            return
        answer, begins = self._answer, not self.answered
        if begins:
            answer.begin()
            self.answered = True
        answer.feed(data)
        if answer.fault is not None:
            self._fail("bad_response", answer.fault)
        elif answer.over:
            response = self._finish()
            if begins and response.reusable and len(data) <= USUAL_BYTES:
                self._usual = data, response

    def eof_received(self) -> None:
        """Take the end of the stream, which ends a body that has no other end (section 6.3)."""
        if self.answered and self._answer.ends_with_connection:
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

    # --- inside

    @property
    def _writable(self) -> bool:
        """Whether the last request is out and another may follow."""
        transport = self._transport
        return (
            transport is not None
            and not transport.is_closing()
            # An answer before the end of the request: the rest would be read as the next one.
            and transport.get_write_buffer_size() == 0
        )

    def _finish(self) -> Response:
        response = self._answer.response(writable=self._writable)
        self._tell(response)
        if not response.reusable:
            self.abort()
        return response

    def _tell(self, ending: Response | AttemptFailed) -> None:
        """Say how the exchange ended, if anybody still waits.

        Not at once: uvloop gives up the interpreter after every callback of a transport. What
        follows all answers that came together is done in one go.
        """
        if self._ended is not None:
            self._loop.call_soon(self._ended, ending)
            self._ended = None

    def _fail(self, code: ErrorCode, message: str) -> None:
        if self._ended is not None:
            self._tell(AttemptFailed(code, message))
            self.abort()

    def _expire(self) -> None:
        status = self._answer.status if self.answered else None
        phrase = "no answer" if status is None else f"answered {status}, but the answer did not end"
        phrase += f" within {self._patience:g} s"
        self._fail("response_timeout", phrase)


def _settle(waiter: asyncio.Future[Response], ending: Response | AttemptFailed) -> None:
    if waiter.done():
        return  # given up
    if isinstance(ending, AttemptFailed):
        waiter.set_exception(ending)
    else:
        waiter.set_result(ending)
