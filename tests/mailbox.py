"""A real SMTP server on a thread of its own that keeps the mail it is sent."""

import asyncio
import ssl
import threading
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


@dataclass
class Mailbox:
    """Takes mail for everybody but ``refused``; with a login when there is a password."""

    refused: tuple[str, ...] = ()
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
        options: dict[str, Any] = {}
        if self.login is not None:
            options = {"authenticator": self._authenticate, "auth_require_tls": False}
        if self.starttls is not None:
            options |= {"tls_context": self.starttls, "require_starttls": True}
        return SMTP(self, hostname="mailbox.example", loop=self._loop, **options)

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        self._user = given.login.decode()
        return AuthResult(
            success=(self._user, given.password.decode()) == self.login, handled=False
        )

    async def handle_RCPT(  # noqa: N802 - named by the library
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        if address in self.refused:
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - named by the library
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        mail = message_from_bytes(cast("bytes", envelope.content), policy=default)
        tls = session.ssl is not None
        self.kept.append(
            Kept(
                str(envelope.mail_from),
                list(envelope.rcpt_tos),
                mail,
                self._user,
                tls or self.tls is not None,
            )
        )
        self.greeting = str(session.host_name)
        return "250 OK"
