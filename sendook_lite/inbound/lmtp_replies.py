"""The table from our errors to LMTP replies, each with its enhanced status code (RFC 3463)."""

import re
from typing import Final

from sendook_lite.domain.errors import SendookError, TooLarge
from sendook_lite.usecases.intake import DomainNotServed, Stored, UnknownRecipient

TRY_AGAIN: Final = "451 4.3.0 cannot store mail now, try again later"
TOO_LARGE: Final = "552 5.3.4 the message is larger than this server takes"

_PERMANENT: Final[dict[type[SendookError], str]] = {
    UnknownRecipient: "550 5.1.1",
    DomainNotServed: "550 5.7.1",
    TooLarge: "552 5.3.4",
}
_GENERAL: Final = {
    "220": "", "354": "", "250": "2.0.0", "500": "5.5.2", "501": "5.5.4", "502": "5.5.1",
    "503": "5.5.1",
}  # fmt: skip
"""Codes for replies that name none; the greeting and 354 have none at all."""

_ENHANCED: Final = re.compile(r"\d{3}[ -]\d\.\d{1,3}\.\d{1,3} ")
_UNPRINTABLE: Final = re.compile(r"[^ -~]")
_LONGEST: Final = 480
"""Reply lines have at most 512 bytes (RFC 5321 section 4.5.3.1.5)."""


def refusal(error: SendookError) -> str:
    """Return the reply to an error: permanent only where trying again cannot help.

    Whatever is not in the table is answered with 451, so that the mail server keeps the mail.
    """
    code = _PERMANENT.get(type(error))
    return TRY_AGAIN if code is None else f"{code} {error.message}"


def acceptance(stored: Stored) -> str:
    """Return the reply to a mail that is on disk, or was there before."""
    if stored.duplicate:
        return f"250 2.0.0 duplicate of {stored.message_id}"
    if stored.report:
        return f"250 2.0.0 report on {stored.message_id} read"
    return f"250 2.0.0 {stored.message_id} stored"


def complete(reply: str) -> str:
    """Return a reply of one line with an enhanced status code, in printable ASCII.

    RFC 2034 section 4 wants the code in every reply but the greeting; text that came from the
    client must not be able to look like a second reply.
    """
    if not _ENHANCED.match(reply):
        enhanced = _GENERAL.get(reply[:3], f"{reply[:1]}.0.0")
        reply = f"{reply[:3]} {enhanced} {reply[4:]}" if enhanced else reply
    if not (reply.isascii() and reply.isprintable()):
        reply = _UNPRINTABLE.sub("?", reply)
    return reply[:_LONGEST]
