"""Tokens by which mail that comes back names the mail it is about, and nobody can make up.

A token is the ULID of a message and a truncated HMAC-SHA256 of it, in letters and digits of one
case, for mail servers may change the case of a local part. Return path and Message-ID get
different ones: whoever quotes a Message-ID in public does not give away where bounces go.
"""

import hmac
import re
from base64 import b32encode
from typing import Final, Literal

from sendook_lite.domain.ids import is_id

Use = Literal["return-path", "message-id"]

SECRET_BYTES: Final = 32
REPORT_LOCAL_PART: Final = "bounces"
"""Reports come back to ``bounces+<token>@<domain of the inbox>``."""

_MAC_BYTES: Final = 10
"""80 bits: a guess a microsecond finds one in 38 billion years, and each costs an RCPT."""

_ULID: Final = 26
_MAC: Final = 16
_TOKEN: Final = re.compile(rf"[0-9a-z]{{{_ULID}}}[a-z2-7]{{{_MAC}}}")
_PREFIX: Final = "msg_"


class Tokens:
    """Makes tokens and checks them; ``secret`` belongs to this server and never leaves it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def return_path(self, message_id: str, domain: str) -> str:
        """Return the envelope sender of a message; reports about it come back there."""
        return f"{REPORT_LOCAL_PART}+{self._make(message_id, 'return-path')}@{domain}"

    def message_id_header(self, message_id: str, domain: str) -> str:
        """Return the Message-ID of a message, without angle brackets."""
        return f"{self._make(message_id, 'message-id')}@{domain}"

    def read_return_path(self, detail: str | None) -> str | None:
        """Return the id of the message whose return path has this detail; None: not ours."""
        return self._read(detail or "", "return-path")

    def read_message_id(self, header: str | None) -> str | None:
        """Return the id of the message that we gave this Message-ID; None: not ours."""
        local = (header or "").strip().removeprefix("<").removesuffix(">").partition("@")[0]
        return self._read(local, "message-id")

    def _make(self, message_id: str, use: Use) -> str:
        ulid = message_id.removeprefix(_PREFIX).lower()
        return ulid + self._mac(ulid, use)

    def _read(self, token: str, use: Use) -> str | None:
        folded = token.lower()
        if not token.isascii() or not _TOKEN.fullmatch(folded):
            return None
        ulid, mac = folded[:_ULID], folded[_ULID:]
        if not hmac.compare_digest(mac, self._mac(ulid, use)):
            return None
        message_id = _PREFIX + ulid.upper()
        return message_id if is_id(message_id) else None

    def _mac(self, ulid: str, use: Use) -> str:
        digest = hmac.digest(self._secret, f"{use}:{ulid}".encode(), "sha256")
        return b32encode(digest[:_MAC_BYTES]).decode("ascii").lower()
