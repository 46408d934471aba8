"""Hands mail to the relay, the server through which ours leaves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final, Literal, Protocol, cast
from urllib.parse import unquote, urlsplit

import structlog

from sendook_lite.domain.errors import Unavailable

STEP_SECONDS: Final = 15.0
"""How long a relay may take for each step of the conversation."""

Security = Literal["smtp", "smtp+starttls", "smtps"]
_PORTS: Final[dict[str, int]] = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}

log = structlog.get_logger(__name__)


class RelayFailed(Unavailable):
    """The relay took the mail for nobody."""

    def __init__(self, message: str) -> None:
        super().__init__("relay_failed", message)


class Relay(Protocol):
    """Takes mail."""

    async def send(
        self, mail: EmailMessage, sender: str, recipients: Sequence[str]
    ) -> dict[str, str]:
        """Hand a mail over; returns the recipients that were refused, and why.

        Raises:
            RelayFailed: it was taken for nobody; trying again may help.
        """
        ...


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where a relay is, how it is talked to, and as whom."""

    security: Security
    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_relay(url: str) -> RelayAddress:
    """Read ``smtp://user:password@host:port``, ``smtp+starttls://…`` or ``smtps://…``.

    User and password are percent-encoded (RFC 3986, section 3.2.1).

    Raises:
        ValueError: saying what is wrong, without the URL, which may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("relay.url must begin with smtp://, smtp+starttls:// or smtps://")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("relay.url has a port that is no number up to 65535") from None
    if not parts.hostname:
        raise ValueError("relay.url names no host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("relay.url has something behind the port; write / in a password as %2F")
    return RelayAddress(
        security=cast("Security", parts.scheme),
        host=parts.hostname,
        port=_PORTS[parts.scheme] if port is None else port,
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


class SmtpRelay:
    """A relay that speaks SMTP; a connection for each mail, for there are few.

    Args:
        address: where it is.
        hostname: what to greet it with; found out by the library, it could cost a DNS look-up.
    """

    def __init__(self, address: RelayAddress, hostname: str) -> None:
        self._address = address
        self._hostname = hostname

    async def send(
        self, mail: EmailMessage, sender: str, recipients: Sequence[str]
    ) -> dict[str, str]:
        """Hand a mail over (see ``Relay``)."""
        # Loaded when the first mail is sent: most servers never send one.
        import aiosmtplib  # noqa: PLC0415

        address = self._address
        client = aiosmtplib.SMTP(
            hostname=address.host,
            port=address.port,
            username=address.username,
            password=address.password,
            local_hostname=self._hostname,
            timeout=STEP_SECONDS,
            use_tls=address.security == "smtps",
            # Never "if it is offered": that is no protection, and fails with certificates of
            # relays on the same machine, which are often made by themselves.
            start_tls=address.security == "smtp+starttls",
        )
        try:
            async with client:
                refused, _ = await client.sendmail(sender, list(recipients), mail.as_bytes())
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise RelayFailed(f"the relay {address.host}:{address.port}: {error}") from error
        return {recipient: f"{code} {text}" for recipient, (code, text) in refused.items()}


class CaptureRelay:
    """Sends nothing; for development."""

    async def send(
        self, mail: EmailMessage, sender: str, recipients: Sequence[str]
    ) -> dict[str, str]:
        """Log what would be sent (see ``Relay``)."""
        log.info(
            "a mail would be sent",
            sender=sender,
            recipients=list(recipients),
            subject=str(mail["Subject"]),
        )
        return {}


def build_relay(url: str, hostname: str) -> Relay | None:
    """Return the relay of the setting ``relay.url``; None when there is none.

    Raises:
        ValueError: as for ``parse_relay``.
    """
    if not url:
        return None
    return CaptureRelay() if url == "capture:" else SmtpRelay(parse_relay(url), hostname)
