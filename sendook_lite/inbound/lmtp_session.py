"""One LMTP session (RFC 2033): aiosmtpd reads the commands, what they mean is said here.

What differs from aiosmtpd and why:
- every reply carries an enhanced status code, and after the final dot there is one per recipient;
- a message is read in whatever pieces arrive, with no limit on its lines; only <CRLF>.<CRLF> ends
  it, so a bare LF or CR smuggles nothing (RFC 5321 section 4.1.1.4);
- storing belongs to the server: a client that goes away does not stop half of it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, Protocol

import structlog
from aiosmtpd.lmtp import LMTP

from sendook_lite.domain.errors import Invalid, SendookError
from sendook_lite.inbound.lmtp_message import IncomingMessage
from sendook_lite.inbound.lmtp_path import Path, read_path
from sendook_lite.inbound.lmtp_replies import (
    TOO_LARGE,
    TRY_AGAIN,
    acceptance,
    complete,
    refusal,
)
from sendook_lite.usecases.intake import Intake, PreparedMail

MAX_RECIPIENTS: Final = 1000
"""Recipients of one mail; RFC 5321 section 4.5.3.1.8 wants room for 100."""

LARGE_MESSAGE: Final = 256 * 1024
"""A message longer than this goes on only with one of the places that all sessions share."""

_ALL: Final = 2**31
"""More than the reader can ever hold: everything that is there."""

_log = structlog.get_logger(__name__)


class Host(Protocol):
    """What a session needs of the server it belongs to."""

    intake: Intake
    max_message_bytes: int
    hostname: str
    timeout: float
    large_messages: asyncio.Semaphore
    stopping: bool

    def opened(self, session: "LmtpSession") -> None:
        """Count a session in."""
        ...

    def closed(self, session: "LmtpSession") -> None:
        """Count a session out."""
        ...

    def count(self, reply: str) -> None:
        """Count a recipient by the reply that was its last."""
        ...

    def store(
        self, mail: PreparedMail, recipients: Sequence[str], sender: str
    ) -> asyncio.Future[list[Any]]:
        """Store a mail for each recipient; a value or an exception each, in order."""
        ...


class LmtpSession(LMTP):
    """Speaks with one client."""

    line_length_limit = 65_536
    """Only commands are read by lines; also half of what is buffered while nobody reads."""

    command_size_limit = 4096

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            handler=None,
            data_size_limit=host.max_message_bytes,
            enable_SMTPUTF8=True,
            hostname=host.hostname,
            ident="LMTP Sendook Lite",
            timeout=host.timeout,
            loop=loop,
        )
        self._host = host
        self._client: str | None = None
        self._sender: str | None = None
        self._recipients: list[str] = []
        self.in_message = False
        """From DATA to the last of its replies; such a session may finish when the server stops."""

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start, and count in."""
        super().connection_made(transport)
        self._host.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        """End, and count out."""
        super().connection_lost(error)
        self._host.closed(self)

    def eof_received(self) -> bool | None:
        """Serve what was sent before the client closed its side.

        aiosmtpd would stop at once, and with it a message that came in whole.
        """
        return asyncio.StreamReaderProtocol.eof_received(self)

    def dismiss(self, reply: str) -> None:
        """Say a last word and close; nothing after it is answered."""
        if self.transport is not None and not self.transport.is_closing():
            self._writer.write(complete(reply).encode("ascii") + b"\r\n")
            self.transport.close()

    def abort(self) -> None:
        """Close now."""
        if self.transport is not None:
            self._writer.transport.abort()

    async def push(self, status: str | bytes) -> None:
        """Write a reply of one line."""
        text = status if isinstance(status, str) else status.decode("ascii", "replace")
        await self._write([complete(text)])

    async def _write(self, replies: Sequence[str]) -> None:
        """Write a reply; ends the session when nobody is there to read it.

        That also keeps commands that were sent along behind QUIT from being obeyed.
        """
        if self.transport is None or self.transport.is_closing():
            raise asyncio.CancelledError
        self._writer.write(("\r\n".join(replies) + "\r\n").encode("ascii"))
        try:
            await self._writer.drain()
        except ConnectionError:
            self._writer.close()
            raise asyncio.CancelledError from None

    async def handle_exception(self, error: Exception) -> str:
        """Answer what nobody expected; it is logged here and nowhere else."""
        if isinstance(error, EOFError):
            self._writer.close()
        else:
            _log.error("lmtp_command_failed", exc_info=error)
        return TRY_AGAIN

    def _timeout_cb(self) -> None:
        self.dismiss(f"421 4.4.2 nothing heard for {self._host.timeout:g} s, closing")
        if self._writer.transport.get_write_buffer_size():
            self.abort()  # it does not read either: closing would wait for it for ever

    def _stop_clock(self) -> None:
        """Stop counting the silence of the client while it is we who keep it waiting."""
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()

    # --- commands

    async def smtp_LHLO(self, arg: str | None) -> None:  # noqa: N802 - found by its name
        """LHLO (RFC 2033 section 4.1)."""
        if not arg:
            await self.push("501 5.5.4 LHLO needs the name of the client")
            return
        self._forget()
        self._client = arg
        names = (
            self._host.hostname,
            f"SIZE {self._host.max_message_bytes}",
            "8BITMIME",
            "SMTPUTF8",
            "PIPELINING",
        )
        await self._write([*(f"250-{name}" for name in names), "250 ENHANCEDSTATUSCODES"])

    async def _not_recognised(self, arg: str | None) -> None:  # noqa: ARG002 - as it is called
        await self.push("500 5.5.1 command not recognised")

    # HELO and EHLO must fail in LMTP (RFC 2033 section 4.1); the others are not offered here.
    smtp_HELO = smtp_EHLO = _not_recognised  # noqa: N815 - found by their names
    smtp_AUTH = smtp_STARTTLS = _not_recognised  # noqa: N815 - found by their names
    smtp_EXPN = smtp_HELP = _not_recognised  # noqa: N815 - found by their names

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []

    async def smtp_NOOP(self, arg: str | None) -> None:  # noqa: ARG002, N802 - found by its name
        """NOOP."""
        await self.push("250 2.0.0 ok")

    async def smtp_VRFY(self, arg: str | None) -> None:  # noqa: ARG002, N802 - found by its name
        """VRFY: tells nothing (RFC 5321 section 3.5.3)."""
        await self.push("252 2.5.2 send mail and see")

    async def smtp_RSET(self, arg: str | None) -> None:  # noqa: ARG002, N802 - found by its name
        """RSET."""
        self._forget()
        await self.push("250 2.0.0 forgotten")

    async def smtp_QUIT(self, arg: str | None) -> None:  # noqa: ARG002, N802 - found by its name
        """QUIT."""
        self.dismiss("221 2.0.0 bye")

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - found by its name
        """MAIL FROM, with SIZE, BODY and SMTPUTF8; others are passed over."""
        if self._client is None:
            await self.push("503 5.5.1 LHLO first")
            return
        if self._sender is not None:
            await self.push("503 5.5.1 MAIL was given already")
            return
        path = await self._path(arg, "FROM:", "501 5.1.7")
        if path is None:
            return
        size = path.parameters.get("SIZE", "0")
        if not (size.isascii() and size.isdigit()):
            await self.push("501 5.5.4 SIZE must be a number")
        elif len(size) > len(str(_ALL)) or int(size) > self._host.max_message_bytes:
            await self.push(TOO_LARGE)
        else:
            self._sender = path.address
            await self.push("250 2.1.0 sender ok")

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - found by its name
        """RCPT TO; its parameters are passed over."""
        if self._sender is None:
            await self.push("503 5.5.1 MAIL first")
            return
        if len(self._recipients) >= MAX_RECIPIENTS:
            await self.push("452 4.5.3 too many recipients, send the mail again for the others")
            return
        path = await self._path(arg, "TO:", "501 5.1.3")
        if path is None:
            return
        if "@" not in path.address:
            await self.push("501 5.1.3 the address has no domain")
            return
        try:
            await self._host.intake.judge_recipient(path.address)
        except SendookError as error:
            reply = refusal(error)
            self._host.count(reply)
            await self.push(reply)
            return
        self._recipients.append(path.address)
        await self.push("250 2.1.5 recipient ok")

    async def _path(self, arg: str | None, keyword: str, malformed: str) -> Path | None:
        """Read a path; None when it is refused and that has been said."""
        try:
            return read_path(arg, keyword)
        except Invalid as error:
            code = malformed if error.code == "bad_address" else "501 5.5.4"
            await self.push(f"{code} {error.message}")
            return None

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: ARG002, N802 - found by its name
        """DATA: one reply for each accepted recipient (RFC 2033 section 4.2)."""
        recipients, sender = self._recipients, self._sender
        if not recipients or sender is None:
            await self.push("503 5.5.1 no recipient was accepted")
            return
        self.in_message = True
        try:
            await self.push("354 end with <CR><LF>.<CR><LF>")
            replies = await self._take_message(recipients, sender)
            self._forget()
            for reply in replies:
                self._host.count(reply)
            await self._write([complete(reply) for reply in replies])
        finally:
            self.in_message = False
        self._reset_timeout()
        if self._host.stopping:
            self.dismiss("421 4.3.2 shutting down")

    # --- the message

    async def _take_message(self, recipients: Sequence[str], sender: str) -> list[str]:
        """Read a message and store it; returns the reply for each recipient."""
        try:
            async with AsyncExitStack() as places:
                raw = await self._read_message(places)
                if raw is None:
                    return [TOO_LARGE] * len(recipients)
                mail = await self._host.intake.prepare(raw)
                async with asyncio.timeout(self._host.timeout):
                    outcomes = await asyncio.shield(self._host.store(mail, recipients, sender))
        except Exception:  # noqa: BLE001 - logged once, and the mail server keeps the mail
            _log.exception("mail_not_stored")
            return [TRY_AGAIN] * len(recipients)
        return [_reply(outcome) for outcome in outcomes]

    async def _read_message(self, places: AsyncExitStack) -> bytes | None:
        """Read up to the final dot; None for a message that is too long."""
        message = IncomingMessage(self._host.max_message_bytes)
        rest: bytes | None = None
        large = False
        while rest is None:
            self._reset_timeout()
            piece = await self._reader.read(_ALL)
            if not piece:
                self._writer.close()  # the client went away: nothing is stored
                raise asyncio.CancelledError
            rest = message.add(piece)
            # Not once the end has come: what follows it must go back before anything else arrives.
            if rest is None and message.size > LARGE_MESSAGE and not large:
                large = True
                self._stop_clock()
                await places.enter_async_context(self._host.large_messages)
        self._stop_clock()
        # What follows are the next commands of a client that does not wait (RFC 2920). One that
        # has closed its side already cannot be waiting for more than the replies to this message.
        if rest and not self._reader.at_eof():
            self._reader.feed_data(rest)
        return message.content()


def _reply(outcome: Any) -> str:
    if isinstance(outcome, SendookError):
        return refusal(outcome)
    if isinstance(outcome, BaseException):
        return TRY_AGAIN
    return acceptance(outcome)
