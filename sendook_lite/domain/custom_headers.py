"""Decides which headers a webhook may add to its requests."""

import re
from collections.abc import Iterable

MAX_HEADERS = 50
MAX_HEADER_BYTES = 8192
"""Bound on names and values of one webhook together; servers commonly take 8 KiB of head."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, section 5.6.2
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?|")  # section 5.5, ASCII only

_OURS = frozenset(
    {
        "content-type",
        "content-encoding",
        "user-agent",
        "accept-encoding",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "x-sendook-event",
        "x-sendook-delivery",
        "x-sendook-attempt",
    }
)
# RFC 9110, section 7.6.1 and 10.1.1; what frames a message or belongs to one connection.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def check_headers(headers: Iterable[tuple[str, str]]) -> None:
    """Check the custom headers of a webhook.

    Raises:
        ValueError: with a sentence that names the header, never its value, which may be a secret.
    """
    seen: set[str] = set()
    size = 0
    for name, value in headers:
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            raise ValueError(
                f"{name[:64]!r} is not a header name; use letters, digits and hyphens."
            )
        if lower in _OURS:
            raise ValueError(f"The header {lower} is set by every delivery and cannot be changed.")
        if lower in _HOP_BY_HOP:
            raise ValueError(f"The header {lower} belongs to the connection and cannot be set.")
        if lower in seen:
            raise ValueError(f"The header {lower} is given twice; join the values in one.")
        if not _VALUE.fullmatch(value):
            raise ValueError(
                f"The value of the header {lower} must be printable ASCII in one line,"
                " without spaces at its ends."
            )
        seen.add(lower)
        size += len(name) + len(value) + len(": \r\n")
    if len(seen) > MAX_HEADERS:
        raise ValueError(f"At most {MAX_HEADERS} custom headers are sent; these are {len(seen)}.")
    if size > MAX_HEADER_BYTES:
        raise ValueError(f"Custom headers have at most {MAX_HEADER_BYTES:,} bytes together.")
