"""A real SMTP server on a thread of its own that keeps the mail it is sent, and plays a part."""

import asyncio
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Kept:
    """A mail as it came, with its envelope."""

    sender: str
    recipients: list[str]
    mail: EmailMessage
    user: str | None = None
    tls: bool = False
    raw: bytes = b""
    options: tuple[str, ...] = ()
    """Of MAIL, then of each RCPT that was accepted."""
    connection: int = 0


class _Reporting(SMTP):
    """Offers what is asked for, and takes the options of delivery reports (RFC 3461)."""

    box: "Mailbox"
    options: list[str]
    number: int

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 - named by the library
        self.options = []
        await super().smtp_EHLO(hostname)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - named by the library
        self.options = []
        await super().smtp_MAIL(self._note(arg, r" (?:RET|ENVID|SIZE|SMTPUTF8|BODY)(?:=\S+)?"))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - named by the library
        await super().smtp_RCPT(self._note(arg, r" (?:NOTIFY|ORCPT)=\S+"))

    def _note(self, arg: str | None, pattern: str) -> str:
        """Take down options; those that aiosmtpd does not know are kept from it."""
        given = arg or ""
        self.options += [each.strip() for each in re.findall(pattern, given)]
        return re.sub(r" (?:RET|ENVID|NOTIFY|ORCPT)=\S+", "", given)


@dataclass
class Mailbox:
    """Takes mail for everybody but ``refused``; with a login when there is a password.

    ``script`` holds replies to come: to ``MAIL``, to ``DATA`` (the mail itself), or to an address,
    the first one first; when they are used up, all is well. ``drop`` as a reply closes the
    connection without one.
    """

    refused: tuple[str, ...] = ()
    script: dict[str, list[str]] = field(default_factory=dict)
    dsn: bool = False
    smtputf8: bool = False
    max_bytes: int = 33_554_432
    connections: int = 0
    before_reply: Callable[[], None] | None = None
    """Called, on a thread, when a mail was taken and before that is said."""
    login: tuple[str, str] | None = None
    starttls: ssl.SSLContext | None = None
    tls: ssl.SSLContext | None = None
    greeting: str = ""
    kept: list[Kept] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._user: str | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(30)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> asyncio.Server:
        return await self._loop.create_server(self._protocol, "127.0.0.1", 0, ssl=self.tls)

    async def _end(self) -> None:
        self._server.close()
        await self._server.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _protocol(self) -> SMTP:
        options: dict[str, Any] = {
            "enable_SMTPUTF8": self.smtputf8, "data_size_limit": self.max_bytes,
        }  # fmt: skip
        if self.login is not None:
            options |= {"authenticator": self._authenticate, "auth_require_tls": False}
        if self.starttls is not None:
            options |= {"tls_context": self.starttls, "require_starttls": True}
        server = _Reporting(self, hostname="mailbox.example", loop=self._loop, **options)
        self.connections += 1
        server.box, server.options, server.number = self, [], self.connections
        return server

    def _next(self, what: str, server: SMTP) -> str | None:
        """Return the reply that comes next, None when there is none to be played."""
        waiting = self.script.get(what)
        if not waiting:
            return None
        reply = waiting.pop(0)
        if reply == "drop":
            assert server.transport is not None
            server.transport.abort()
            raise asyncio.CancelledError
        return reply

    async def handle_EHLO(  # noqa: N802 - named by the library
        self,
        _server: SMTP,
        session: Session,
        _envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]] if self.dsn else responses

    async def handle_MAIL(  # noqa: N802 - named by the library
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self._next("MAIL", server)
        if reply is not None:
            return reply
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self._user = given.login.decode()
        return AuthResult(
            success=(self._user, given.password.decode()) == self.login, handled=False
        )

    async def handle_RCPT(  # noqa: N802 - named by the library
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        if address in self.refused:
            return "550 5.1.1 nobody of that name"
        reply = self._next(address, server)
        if reply is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - named by the library
        self, server: _Reporting, session: Session, envelope: Envelope
    ) -> str:
        reply = self._next("DATA", server)
        if reply is not None and reply != "drop after":
            return reply
        mail = message_from_bytes(cast("bytes", envelope.content), policy=default)
        tls = session.ssl is not None
        self.kept.append(
            Kept(
                str(envelope.mail_from),
                list(envelope.rcpt_tos),
                mail,
                self._user,
                tls or self.tls is not None,
                cast("bytes", envelope.original_content),
                tuple(server.options),
                server.number,
            )
        )
        self.greeting = str(session.host_name)
        if self.before_reply is not None:
            await asyncio.to_thread(self.before_reply)
        if reply == "drop after":
            assert server.transport is not None
            server.transport.abort()
            raise asyncio.CancelledError
        return "250 2.0.0 queued"
