"""One connection to the relay, over which one mail after another is handed over (RFC 5321)."""

from typing import Final, Self

import aiosmtplib

from sendook_lite.domain.errors import Unavailable
from sendook_lite.domain.header_writing import normalise_domain
from sendook_lite.domain.submission import Mailing, Reply
from sendook_lite.outbound.relay_address import RelayAddress
from sendook_lite.outbound.relay_errors import BROKEN, explain, one_line, reply_of

STEP_SECONDS: Final = 15.0
"""How long a relay may take to connect, greet and log us in, each."""

COMMAND_SECONDS: Final = 60.0
"""How long it may take for each command of a mail; it may ask others about an address meanwhile."""

DATA_SECONDS: Final = 600.0
"""How long it may take to read a mail and say that it has it (RFC 5321 section 4.5.3.2.6).

Who gives up sooner sends the mail twice: filters that are asked before the reply take minutes."""

GOODBYE_SECONDS: Final = 2.0
"""How long it may take to say goodbye; whoever hangs then must not keep the next mail waiting."""

_TOO_MANY_RECIPIENTS: Final = 552
"""An old way to say 452 (RFC 5321 section 4.5.3.1.10)."""

_CLOSING: Final = 421
_PRINTABLE: Final = range(0x21, 0x7F)
_QUOTED_IN_XTEXT: Final = frozenset("+=\\")


class RelayAway(Unavailable):
    """The relay cannot be spoken to at all; nothing was said about any recipient."""

    def __init__(self, message: str) -> None:
        super().__init__("relay_away", message)


class SmtpConnection:
    """Speaks with the relay; made by `open`."""

    def __init__(self, client: aiosmtplib.SMTP, address: RelayAddress) -> None:
        self._client = client
        self._address = address

    @classmethod
    async def open(cls, address: RelayAddress, hostname: str) -> Self:
        """Connect, secure and log in as the address says.

        Raises:
            RelayAway: that failed.
        """
        client = aiosmtplib.SMTP(
            hostname=address.host,
            port=address.port,
            username=address.username,
            password=address.password,
            local_hostname=hostname,
            timeout=STEP_SECONDS,
            use_tls=address.security == "smtps",
            # Never "if it is offered": that is no protection, and fails with certificates of
            # relays on the same machine, which are often made by themselves.
            start_tls=address.security == "smtp+starttls",
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
        except BROKEN as error:
            client.close()
            raise RelayAway(explain(error, address, STEP_SECONDS)) from error
        except BaseException:
            client.close()
            raise
        return cls(client, address)

    @property
    def usable(self) -> bool:
        """Whether another mail can be handed over."""
        return self._client.is_connected

    async def submit(self, mailing: Mailing) -> dict[str, Reply]:
        """Hand a mail over; returns what was said about each recipient.

        Raises:
            RelayAway: the connection ended before the relay said anything: nothing was sent.
        """
        replies = self._foresee(mailing)
        recipients = [each for each in mailing.recipients if each not in replies]
        if not recipients:
            return replies
        try:
            await self._client.mail(
                _path(mailing.sender),
                options=self._mail_options(mailing),
                encoding="utf-8",
                timeout=COMMAND_SECONDS,
            )
        except BROKEN as error:
            reply = reply_of(error, self._address, COMMAND_SECONDS)
            if reply.code in (0, _CLOSING):
                self.abort()
                raise RelayAway(explain(error, self._address, COMMAND_SECONDS)) from error
            await self._reset()
            return replies | dict.fromkeys(recipients, reply)
        try:
            said = await self._name(recipients, mailing)
            accepted = [each for each, reply in said.items() if reply.taken]
            if accepted:
                said |= dict.fromkeys(accepted, await self._send(mailing.raw))
            elif self.usable:
                await self._reset()
        except BROKEN as error:
            self.abort()
            said = dict.fromkeys(recipients, reply_of(error, self._address, COMMAND_SECONDS))
        return replies | said

    async def close(self) -> None:
        """Say goodbye and close."""
        try:
            if self.usable:
                await self._client.quit(timeout=GOODBYE_SECONDS)
        except BROKEN:
            pass
        finally:
            self._client.close()

    def abort(self) -> None:
        """Close without a word."""
        self._client.close()

    # --- the steps

    def _foresee(self, mailing: Mailing) -> dict[str, Reply]:
        """Say what the relay would say of what it told us it does not take."""
        offered = self._client.esmtp_extensions.get("size", "")
        limit = int(offered) if offered.isascii() and offered.isdigit() else 0
        if limit and len(mailing.raw) > limit:
            text = f"5.3.4 the mail has {len(mailing.raw)} bytes, the relay takes {limit}"
            return dict.fromkeys(mailing.recipients, Reply(552, text))
        if self._client.supports_extension("smtputf8"):
            return {}
        text = "5.6.7 the relay does not take addresses beyond ASCII (SMTPUTF8)"
        if not mailing.header_is_ascii:
            return dict.fromkeys(mailing.recipients, Reply(553, text))
        beyond = [each for each in mailing.recipients if not _path(each).isascii()]
        return dict.fromkeys(beyond, Reply(553, text))

    def _mail_options(self, mailing: Mailing) -> list[str]:
        offers = self._client.supports_extension
        options = [f"SIZE={len(mailing.raw)}"] if offers("size") else []
        ascii_only = all(_path(each).isascii() for each in (mailing.sender, *mailing.recipients))
        if not (mailing.header_is_ascii and ascii_only) and offers("smtputf8"):
            options += ["SMTPUTF8", "BODY=8BITMIME"] if offers("8bitmime") else ["SMTPUTF8"]
        if mailing.envelope_id is not None and offers("dsn"):
            options += ["RET=HDRS", f"ENVID={xtext(mailing.envelope_id)}"]
        return options

    async def _name(self, recipients: list[str], mailing: Mailing) -> dict[str, Reply]:
        """Name the recipients; returns the reply to each."""
        replies: dict[str, Reply] = {}
        wants_reports = mailing.envelope_id is not None and self._client.supports_extension("dsn")
        for recipient in recipients:
            options = _report_options(recipient) if wants_reports else []
            try:
                response = await self._client.rcpt(
                    _path(recipient), options=options, encoding="utf-8", timeout=COMMAND_SECONDS
                )
                reply = Reply(response.code, one_line(response.message))
            except aiosmtplib.SMTPRecipientRefused as error:
                code = 452 if error.code == _TOO_MANY_RECIPIENTS else error.code
                reply = Reply(code, one_line(error.message))
            replies[recipient] = reply
        return replies

    async def _send(self, raw: bytes) -> Reply:
        """Send the mail itself to those who were accepted; returns the reply for all of them."""
        try:
            response = await self._client.data(raw, timeout=DATA_SECONDS)
        except aiosmtplib.SMTPDataError as error:
            return Reply(error.code, one_line(error.message))
        except BROKEN as error:
            self.abort()
            return reply_of(error, self._address, DATA_SECONDS)
        return Reply(response.code, one_line(response.message))

    async def _reset(self) -> None:
        """Make the connection ready for the next mail, or close it."""
        try:
            await self._client.rset(timeout=STEP_SECONDS)
        except BROKEN:
            self.abort()


def _path(address: str) -> str:
    return normalise_domain(address)


def _report_options(recipient: str) -> list[str]:
    """Ask for reports about a recipient (RFC 3461, section 4; RFC 6533, section 3)."""
    kind = "rfc822" if recipient.isascii() else "utf-8"
    return ["NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT={kind};{xtext(recipient)}"]


def xtext(text: str) -> str:
    """Encode what is no plain character (RFC 3461 section 4; RFC 6533 section 3 beyond ASCII)."""
    return "".join(
        char
        if ord(char) in _PRINTABLE and char not in _QUOTED_IN_XTEXT
        else f"+{ord(char):02X}"
        if char.isascii()
        else f"\\x{{{ord(char):02X}}}"
        for char in text
    )
