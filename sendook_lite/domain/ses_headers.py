"""Headers by which Amazon SES, as a relay, knows under which configuration and tags a mail goes.

SES takes them out again before it sends the mail on.
"""

import re
from collections.abc import Mapping
from typing import Final

_END_OF_HEADER: Final = re.compile(rb"\r?\n\r?\n")


def add_ses_headers(raw: bytes, configuration_set: str, tags: Mapping[str, str]) -> bytes:
    """Return a mail with these headers before its own; what it says itself is left as it is."""
    wanted = {
        "X-SES-CONFIGURATION-SET": configuration_set,
        "X-SES-MESSAGE-TAGS": ", ".join(f"{name}={value}" for name, value in tags.items()),
    }
    end = _END_OF_HEADER.search(raw)
    header = b"\n" + raw[: end.start() if end else None].lower()
    added = [
        f"{name}: {value}\r\n".encode()
        for name, value in wanted.items()
        if value and f"\n{name}:".lower().encode() not in header
    ]
    return b"".join((*added, raw))
