"""LMTP: the door through which the mail server on this machine hands over mail (RFC 2033)."""

import asyncio
import socket
from collections import Counter
from collections.abc import Sequence
from typing import Final, cast

import structlog

from sendook_lite.domain.errors import SendookError
from sendook_lite.inbound.lmtp_session import LmtpSession
from sendook_lite.inbound.serving import serve
from sendook_lite.usecases.intake import Became, Intake
from sendook_lite.usecases.prepared_mail import PreparedMail

MAX_SESSIONS: Final = 200
LARGE_MESSAGES: Final = 4
"""Messages above 256 KiB that are read and stored at a time; the others wait.

Memory is bounded by sessions times 256 KiB and four times the longest message with what is made
of it, not by sessions times the longest message, which would be 5 GB."""

TIMEOUT: Final = 300.0
"""Seconds of silence after which a client is dismissed (RFC 5321 section 4.5.3.2)."""

_MEANINGS: Final = {"2": "accepted", "5": "refused"}

_log = structlog.get_logger(__name__)


class LmtpServer:
    """Accepts sessions, stores what they bring, and ends them together.

    Args:
        intake: takes the mail.
        max_message_bytes: of one message, dots that were added for the way not counted.
        hostname: the name in the greeting.
        timeout: seconds of silence after which a client is dismissed; also how long storing may
            take until a client is told to try again.
        max_sessions: how many clients at a time; others are told to come later.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        max_message_bytes: int,
        hostname: str,
        timeout: float = TIMEOUT,
        max_sessions: int = MAX_SESSIONS,
    ) -> None:
        self.intake = intake
        self.max_message_bytes = max_message_bytes
        self.hostname = hostname
        self.timeout = timeout
        self.large_messages = asyncio.Semaphore(LARGE_MESSAGES)
        self.stopping = False
        self.told: Counter[str] = Counter()
        """Recipients since the start, by what was said of them: accepted, deferred or refused."""
        self.sessions_begun = 0
        self._max_sessions = max_sessions
        self._sessions: set[LmtpSession] = set()
        self._storing = 0
        self._all_stored = asyncio.Event()
        self._all_stored.set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._server: asyncio.Server | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serve on a listening socket, Unix or TCP; it is closed by `stop`."""
        self._server = await serve(self._greet, sock)

    async def stop(self, grace: float) -> None:
        """Accept nothing more, let messages that have begun be stored, dismiss the others.

        Args:
            grace: seconds until sessions inside a message are dismissed as well.
        """
        self.stopping = True
        if self._server is not None:
            self._server.close()
        for session in tuple(self._sessions):
            if not session.in_message:
                session.dismiss("421 4.3.2 shutting down")
        try:
            async with asyncio.timeout(grace):
                await self._empty.wait()
        except TimeoutError:
            for session in tuple(self._sessions):
                session.dismiss("421 4.3.2 shutting down")
                session.abort()
            await self._empty.wait()
        await self._all_stored.wait()

    def store(
        self, mail: PreparedMail, recipients: Sequence[str], sender: str
    ) -> Sequence[asyncio.Future[Became]]:
        """Store a mail for each recipient; a value or an exception is returned by each, in order.

        They are handed to the writer together and so share a commit. What is committed is
        announced even when the client has gone away.
        """
        return [self._store(mail, recipient, sender) for recipient in recipients]

    def _store(self, mail: PreparedMail, recipient: str, sender: str) -> asyncio.Future[Became]:
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Became] = loop.create_future()

        def tell(became: Became) -> None:
            self._storing -= 1
            if not self._storing:
                self._all_stored.set()
            if not outcome.done():
                outcome.set_result(became)
            loop.call_soon(_note, became, recipient, len(mail.raw))  # behind the reply

        self._storing += 1
        self._all_stored.clear()
        try:
            self.intake.submit(tell, mail, recipient, sender)
        except Exception as error:  # noqa: BLE001 - logged once, and the mail server keeps it
            tell(error)
        return outcome

    def opened(self, session: LmtpSession) -> None:
        """Count a session in."""
        self.sessions_begun += 1
        self._sessions.add(session)
        self._empty.clear()

    @property
    def sessions(self) -> int:
        """How many sessions there are now."""
        return len(self._sessions)

    def count(self, reply: str) -> None:
        """Count a recipient by the reply that was its last (RFC 5321 section 4.2.1)."""
        self.told[_MEANINGS.get(reply[:1], "deferred")] += 1

    def closed(self, session: LmtpSession) -> None:
        """Count a session out."""
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()

    def _greet(self) -> asyncio.BaseProtocol:
        if len(self._sessions) >= self._max_sessions:
            return _Refusal()
        return LmtpSession(self)


def _note(became: Became, recipient: str, size: int) -> None:
    """Write to the log what became of a mail; never what is in it."""
    if isinstance(became, SendookError):
        _log.warning("a mail was not taken", recipient=recipient, reason=became.message)
    elif isinstance(became, BaseException):  # the mail server keeps it
        _log.error("a mail was not stored", recipient=recipient, exc_info=became)
    elif became.report:
        _log.info("a report was read", message=became.message_id, event_id=became.event_id)
    else:
        _log.info(
            "a mail came again and is kept once" if became.duplicate else "a mail was taken",
            message=became.message_id,
            event_id=became.event_id,
            recipient=recipient,
            bytes=size,
        )


class _Refusal(asyncio.Protocol):
    """Turns a client away."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)
        stream.write(b"421 4.3.2 too many connections, try again later\r\n")
        stream.close()
