"""One LMTP session (RFC 2033): what its commands mean.

- Every reply carries an enhanced status code, and after the final dot there is one per recipient.
- A message is read in whatever pieces arrive, with no limit on its lines; only <CRLF>.<CRLF> ends
  it, so a bare LF or CR smuggles nothing (RFC 5321 section 4.1.1.4).
- Storing belongs to the server: a client that goes away does not stop half of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, Protocol

import structlog

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
from sendook_lite.inbound.lmtp_stream import Gone, LineTooLong, LmtpStream
from sendook_lite.usecases.intake import Intake
from sendook_lite.usecases.prepared_mail import PreparedMail

MAX_RECIPIENTS: Final = 1000
"""Recipients of one mail; RFC 5321 section 4.5.3.1.8 wants room for 100."""

LARGE_MESSAGE: Final = 256 * 1024
"""A message longer than this goes on only with one of the places that all sessions share."""

LONGEST_COMMAND: Final = 4096
"""Bytes of a command; RFC 5321 section 4.5.3.1.4 wants room for 512."""

MAX_UNKNOWN: Final = 5
"""Unknown commands after which a client is sent away: it speaks something else."""

_SIZE_DIGITS: Final = 12
"""More digits than the size of any message has."""

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
    ) -> Sequence[asyncio.Future[Any]]:
        """Store a mail for each recipient; a value or an exception is returned by each, in order.

        Whoever waits no longer may settle or cancel them: it is stored all the same.
        """
        ...


class LmtpSession(LmtpStream):
    """Speaks with one client."""

    def __init__(self, host: Host) -> None:
        super().__init__(host.timeout, LONGEST_COMMAND)
        self._host = host
        self._client: str | None = None
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._unknown = 0
        self._serving: asyncio.Task[None]
        self.in_message = False
        """From DATA to the last of its replies; such a session may finish when the server stops."""

    # --- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start, and count in."""
        super().connection_made(transport)
        self._host.opened(self)
        self._serving = self._loop.create_task(self._serve())

    def connection_lost(self, error: Exception | None) -> None:
        """End, and count out."""
        super().connection_lost(error)
        self._serving.cancel()
        self._host.closed(self)

    def dismiss(self, reply: str) -> None:
        """Say a last word and close; nothing after it is answered."""
        self.say_last(complete(reply) + "\r\n")

    async def _serve(self) -> None:
        try:
            await self._reply(f"220 {self._host.hostname} LMTP Sendook Lite")
            while True:
                try:
                    await self._obey(await self.read_line())
                except LineTooLong:
                    await self._reply("500 Command line too long")
        except Gone:
            self._transport.close()

    async def _obey(self, line: bytes) -> None:
        """Obey one command."""
        word, _, rest = line.rstrip(b"\r\n").partition(b" ")
        command = word.upper().decode("ascii", "replace")
        if not line.rstrip(b"\r\n") or not command.isascii():
            await self._reply("500 Error: bad syntax")
            return
        method = _COMMANDS.get(command)
        if method is None:
            await self._refuse_unknown(command)
            return
        self.listen()
        # Surrogates stand for bytes that are no UTF-8, whatever the client has promised.
        argument = rest.strip().decode("utf-8", "surrogateescape")
        try:
            await method(self, argument)
        except Gone:
            raise
        except Exception:  # noqa: BLE001 - logged here and nowhere else, and answered
            _log.exception("an LMTP command failed")
            await self._reply(TRY_AGAIN)

    async def _refuse_unknown(self, command: str) -> None:
        self._unknown += 1
        if self._unknown < MAX_UNKNOWN:
            await self._reply(f'500 Error: command "{command}" not recognized')
        else:
            self.dismiss("502 5.5.1 Too many unrecognized commands, goodbye.")

    async def _reply(self, *replies: str) -> None:
        """Write one reply, or several, each of one line."""
        await self.write("".join([complete(reply) + "\r\n" for reply in replies]))

    # --- commands

    async def _lhlo(self, name: str) -> None:
        """LHLO (RFC 2033 section 4.1)."""
        if not name:
            await self._reply("501 5.5.4 LHLO needs the name of the client")
            return
        self._forget()
        self._client = name
        offered = (
            self._host.hostname,
            f"SIZE {self._host.max_message_bytes}",
            "8BITMIME",
            "SMTPUTF8",
            "PIPELINING",
        )
        lines = [*(f"250-{each}" for each in offered), "250 ENHANCEDSTATUSCODES"]
        await self.write("".join(f"{line}\r\n" for line in lines))

    async def _not_recognised(self, _: str) -> None:
        await self._reply("500 5.5.1 command not recognised")

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []

    async def _noop(self, _: str) -> None:
        await self._reply("250 2.0.0 ok")

    async def _vrfy(self, _: str) -> None:
        """VRFY: tells nothing (RFC 5321 section 3.5.3)."""
        await self._reply("252 2.5.2 send mail and see")

    async def _rset(self, _: str) -> None:
        self._forget()
        await self._reply("250 2.0.0 forgotten")

    async def _quit(self, _: str) -> None:
        self.dismiss("221 2.0.0 bye")
        raise Gone

    async def _mail(self, argument: str) -> None:
        """MAIL FROM, with SIZE, BODY and SMTPUTF8; others are passed over."""
        if self._client is None:
            await self._reply("503 5.5.1 LHLO first")
            return
        if self._sender is not None:
            await self._reply("503 5.5.1 MAIL was given already")
            return
        path = await self._path(argument, "FROM:", "501 5.1.7")
        if path is None:
            return
        size = path.parameters.get("SIZE", "0")
        if not (size.isascii() and size.isdigit()):
            await self._reply("501 5.5.4 SIZE must be a number")
        elif len(size) > _SIZE_DIGITS or int(size) > self._host.max_message_bytes:
            await self._reply(TOO_LARGE)
        else:
            self._sender = path.address
            await self._reply("250 2.1.0 sender ok")

    async def _rcpt(self, argument: str) -> None:
        """RCPT TO; its parameters are passed over."""
        if self._sender is None:
            await self._reply("503 5.5.1 MAIL first")
            return
        if len(self._recipients) >= MAX_RECIPIENTS:
            await self._reply("452 4.5.3 too many recipients, send the mail again for the others")
            return
        path = await self._path(argument, "TO:", "501 5.1.3")
        if path is None:
            return
        if "@" not in path.address:
            await self._reply("501 5.1.3 the address has no domain")
            return
        try:
            await self._host.intake.judge_recipient(path.address)
        except SendookError as error:
            reply = refusal(error)
            self._host.count(reply)
            _log.info("a recipient was refused", recipient=path.address, reply=reply)
            await self._reply(reply)
            return
        self._recipients.append(path.address)
        await self._reply("250 2.1.5 recipient ok")

    async def _path(self, argument: str, keyword: str, malformed: str) -> Path | None:
        """Read a path; None when it is refused and that has been said."""
        try:
            return read_path(argument, keyword)
        except Invalid as error:
            code = malformed if error.code == "bad_address" else "501 5.5.4"
            await self._reply(f"{code} {error.message}")
            return None

    async def _data(self, _: str) -> None:
        """DATA: one reply for each accepted recipient (RFC 2033 section 4.2)."""
        recipients, sender = self._recipients, self._sender
        if not recipients or sender is None:
            await self._reply("503 5.5.1 no recipient was accepted")
            return
        self.in_message = True
        try:
            await self._reply("354 end with <CR><LF>.<CR><LF>")
            replies = await self._take_message(recipients, sender)
            self._forget()
            for reply in replies:
                self._host.count(reply)
            self.listen()
            await self._reply(*replies)
        finally:
            self.in_message = False
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
                mail = await self._host.intake.prepare(raw, recipients)
                storing = self._host.store(mail, recipients, sender)
                alarm = self._loop.call_later(self._host.timeout, _give_up, storing)
                try:
                    return [_reply(await each) for each in storing]
                finally:
                    alarm.cancel()
        except Gone:
            raise  # nothing is stored
        except Exception:  # noqa: BLE001 - logged once, and the mail server keeps the mail
            _log.exception("a mail was not stored")
            return [TRY_AGAIN] * len(recipients)

    async def _read_message(self, places: AsyncExitStack) -> bytes | None:
        """Read up to the final dot; None for a message that is too long."""
        message = IncomingMessage(self._host.max_message_bytes)
        rest: bytes | None = None
        large = False
        while rest is None:
            self.listen()
            piece = await self.read_piece()
            rest = message.add(piece)
            # Not once the end has come: what follows it must go back before anything else arrives.
            if rest is None and message.size > LARGE_MESSAGE and not large:
                large = True
                self.keep_waiting()
                await places.enter_async_context(self._host.large_messages)
        self.keep_waiting()
        # What follows are the next commands of a client that does not wait (RFC 2920). One that
        # has closed its side already cannot be waiting for more than the replies to this message.
        if rest and not self.ended:
            self.give_back(rest)
        return message.content()


def _give_up(storing: Sequence[asyncio.Future[Any]]) -> None:
    """Wait no longer for what is not stored yet; the mail server keeps the mail."""
    late = [each for each in storing if not each.done()]
    if late:
        _log.error("a mail was not stored in time", recipients=len(late))
    for each in late:
        each.set_result(TimeoutError())


def _reply(outcome: Any) -> str:
    if isinstance(outcome, SendookError):
        return refusal(outcome)
    if isinstance(outcome, BaseException):
        return TRY_AGAIN
    return acceptance(outcome)


_COMMANDS: Final[dict[str, Callable[[LmtpSession, str], Awaitable[None]]]] = {
    "LHLO": LmtpSession._lhlo,  # noqa: SLF001 - all of these are the table of the class above
    "MAIL": LmtpSession._mail,  # noqa: SLF001
    "RCPT": LmtpSession._rcpt,  # noqa: SLF001
    "DATA": LmtpSession._data,  # noqa: SLF001
    "RSET": LmtpSession._rset,  # noqa: SLF001
    "NOOP": LmtpSession._noop,  # noqa: SLF001
    "VRFY": LmtpSession._vrfy,  # noqa: SLF001
    "QUIT": LmtpSession._quit,  # noqa: SLF001
    # HELO and EHLO must fail in LMTP (RFC 2033 section 4.1); the others are not offered here.
    **dict.fromkeys(
        ("HELO", "EHLO", "AUTH", "STARTTLS", "EXPN", "HELP"),
        LmtpSession._not_recognised,  # noqa: SLF001
    ),
}
