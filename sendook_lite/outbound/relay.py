"""The relay: the server through which our mail leaves, or what stands in for it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import structlog

from sendook_lite.domain.errors import Unavailable
from sendook_lite.domain.submission import Mailing, Replies, Reply
from sendook_lite.outbound.relay_address import RelayAddress, parse_relay

if TYPE_CHECKING:
    from sendook_lite.outbound.smtp_connection import SmtpConnection

log = structlog.get_logger(__name__)

DeliverHere = Callable[[bytes, str, str], Awaitable[str | None]]
"""Takes raw mail, sender and recipient; returns the id of the message it became in an inbox of
ours, None when the recipient has none. Raises ``Unavailable`` when it cannot be stored now."""


class RelayFailed(Unavailable):
    """The relay took the mail for nobody."""

    def __init__(self, message: str) -> None:
        super().__init__("relay_failed", message)


class Relay(Protocol):
    """Takes mail."""

    async def submit(self, mailing: Mailing) -> Replies:
        """Hand a mail over; returns what was said about each recipient.

        Raises:
            Unavailable: the relay cannot be spoken to at all.
        """
        ...

    async def hang_up(self) -> None:
        """Close the connections that nobody uses now."""
        ...


class SmtpRelay:
    """A relay that speaks SMTP; connections are used again while there is mail to send.

    Args:
        address: where it is.
        hostname: what to greet it with; found out by the library, it could cost a DNS look-up.
    """

    def __init__(self, address: RelayAddress, hostname: str) -> None:
        self._address = address
        self._hostname = hostname
        self._idle: list[SmtpConnection] = []

    async def submit(self, mailing: Mailing) -> Replies:
        """Hand a mail over (see ``Relay``)."""
        # Loaded when the first mail is sent: most servers never send one.
        from sendook_lite.outbound.smtp_connection import (  # noqa: PLC0415
            RelayAway,
            SmtpConnection,
        )

        while self._idle:
            try:
                return await self._use(self._idle.pop(), mailing)
            except RelayAway:
                continue  # it has closed the connection meanwhile, before it took anything
        connection = await SmtpConnection.open(self._address, self._hostname)
        return await self._use(connection, mailing)

    async def hang_up(self) -> None:
        """Close the connections that nobody uses now."""
        while self._idle:
            await self._idle.pop().close()

    async def _use(self, connection: "SmtpConnection", mailing: Mailing) -> Replies:
        try:
            replies = await connection.submit(mailing)
        except BaseException:
            connection.abort()
            raise
        if connection.usable:
            self._idle.append(connection)
        return replies


class CaptureRelay:
    """Lets nothing leave; for development. Inboxes here get what is sent to them."""

    def __init__(self, deliver: DeliverHere | None = None) -> None:
        self._deliver = deliver

    async def submit(self, mailing: Mailing) -> Replies:
        """Keep a mail here (see ``Relay``)."""
        replies = {}
        for recipient in mailing.recipients:
            arrived = None
            if self._deliver is not None:
                arrived = await self._deliver(mailing.raw, mailing.sender, recipient)
            text = f"2.0.0 captured, delivered here as {arrived}" if arrived else "2.0.0 captured"
            replies[recipient] = Reply(250, text)
        # Not the sender: its signature is what makes a report believed.
        log.info("a mail was captured", recipients=list(mailing.recipients))
        return replies

    async def hang_up(self) -> None:
        """Do nothing: there is no connection."""


def build_relay(url: str, hostname: str, deliver: DeliverHere | None = None) -> Relay | None:
    """Return the relay of the setting ``relay.url``; None when there is none.

    Raises:
        ValueError: as for ``parse_relay``.
    """
    if not url:
        return None
    if url == "capture:":
        return CaptureRelay(deliver)
    return SmtpRelay(parse_relay(url), hostname)


async def hand_over(relay: Relay, mailing: Mailing) -> dict[str, str]:
    """Send one mail that nobody will try again; returns who was refused, and why.

    Raises:
        RelayFailed: it was taken for nobody; trying again may help.
    """
    try:
        replies = await relay.submit(mailing)
    except Unavailable as error:
        raise RelayFailed(error.message) from error
    finally:
        await relay.hang_up()
    refused = {recipient: str(reply) for recipient, reply in replies.items() if not reply.taken}
    if len(refused) == len(mailing.recipients):
        raise RelayFailed(f"the relay took it for nobody: {'; '.join(set(refused.values()))}")
    return refused
