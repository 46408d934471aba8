"""Handing mail to the relay, as values: what is handed over, what it says, what follows. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sendook_lite.domain.clock import MS_PER_SECOND

RecipientStatus = Literal[
    "queued", "sent", "delayed", "rejected", "delivered", "bounced", "complained"
]
STATUS_ORDER: Final[tuple[RecipientStatus, ...]] = (
    "queued", "sent", "delayed", "rejected", "delivered", "bounced", "complained",
)  # fmt: skip
"""What is known of a recipient only ever moves to the right."""

GIVE_UP_AFTER_MS: Final = 3 * 24 * 3600 * MS_PER_SECOND
"""From when on a temporary refusal is the last word."""

BACKOFF_SECONDS: Final = (60, 180, 600, 1800, 3600)
"""Seconds to wait after the first temporary refusal, the second, and so on; then the last one.

Greylisting wants a few minutes; a mailbox that is full or a server that is down, hours."""

_REPLY: Final = re.compile(r"(\d{3})[ -]?(?:(\d\.\d{1,3}\.\d{1,3})\b)?")
_END_OF_HEADER: Final = re.compile(rb"\r?\n\r?\n")
_POSITIVE, _PERMANENT = 2, 5


@dataclass(frozen=True, slots=True)
class Mailing:
    """A mail with its envelope.

    ``envelope_id`` asks for delivery reports and names the mail in them (RFC 3461 section 4.4);
    None: none are asked for.
    """

    raw: bytes
    sender: str
    recipients: tuple[str, ...]
    envelope_id: str | None = None

    @property
    def header_is_ascii(self) -> bool:
        """Whether the header can go to a relay without SMTPUTF8 (RFC 6532)."""
        end = _END_OF_HEADER.search(self.raw)
        return self.raw[: end.start() if end else None].isascii()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the relay said about one recipient.

    ``code`` is that of SMTP (RFC 5321 section 4.2), 0 when it said nothing; then ``text`` tells
    what happened instead.
    """

    code: int
    text: str

    @property
    def taken(self) -> bool:
        """Whether the relay is responsible for the mail now."""
        return self.code // 100 == _POSITIVE

    @property
    def refused(self) -> bool:
        """Whether trying again cannot help."""
        return self.code // 100 == _PERMANENT

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code (RFC 3463), if it said one."""
        found = _REPLY.match(str(self))
        return found[2] if found else None

    def __str__(self) -> str:
        """Render the reply as it is told to people."""
        return f"{self.code} {self.text}".strip() if self.code else self.text


Replies = Mapping[str, Reply]
"""What was said about each recipient of a mailing."""


def backoff(tries: int) -> int:
    """Return how many seconds to wait after so many tries that failed."""
    return BACKOFF_SECONDS[min(max(tries, 1), len(BACKOFF_SECONDS)) - 1]


def rank(status: str) -> int:
    """Return how far a recipient's status is; -1 for what is none."""
    return STATUS_ORDER.index(status) if status in STATUS_ORDER else -1
