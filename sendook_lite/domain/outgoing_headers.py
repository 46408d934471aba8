"""Decides which headers a caller may add to a mail that is sent."""

import re
from collections.abc import Mapping
from typing import Final

MAX_HEADERS: Final = 50
MAX_HEADER_BYTES: Final = 8192

_NAME: Final = re.compile(r"[!-9;-~]{1,76}")  # RFC 5322, section 2.2
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")

_OURS: Final = frozenset(
    {"from", "to", "cc", "subject", "date", "message-id", "mime-version"}
    | {"in-reply-to", "references", "reply-to"}
)
_NOBODYS: Final = frozenset({"bcc", "sender", "return-path", "received", "dkim-signature"})
"""What servers write, or what would show or change who a mail goes to or comes from."""

_PREFIXES: Final = ("content-", "resent-", "arc-", "authentication-results", "received-")


def check_headers(headers: Mapping[str, str]) -> None:
    """Check the custom headers of a mail.

    ``X-SES-CONFIGURATION-SET`` and ``X-SES-MESSAGE-TAGS`` are ordinary ones: Amazon SES reads and
    removes them.

    Raises:
        ValueError: with a sentence that names the header.
    """
    seen: set[str] = set()
    size = 0
    for name, value in headers.items():
        lower = name.lower()
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:64]!r} is not the name of a header")
        if lower in _OURS:
            raise ValueError(f"the header {name} is set by its own field, or by the server")
        if lower in _NOBODYS or lower.startswith(_PREFIXES):
            raise ValueError(f"the header {name} cannot be set")
        if lower in seen:
            raise ValueError(f"the header {name} is given twice")
        if _CONTROL.search(value):
            raise ValueError(f"the header {name} must not hold control characters or line breaks")
        seen.add(lower)
        size += len(name) + len(value.encode("utf-8"))
    if len(seen) > MAX_HEADERS:
        raise ValueError(f"must have at most {MAX_HEADERS} headers")
    if size > MAX_HEADER_BYTES:
        raise ValueError(f"must have at most {MAX_HEADER_BYTES:,} bytes together")
