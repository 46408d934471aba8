"""Reads the name of a domain as people write it into the form in which domains are compared."""

import re
from typing import Final

from sendook_lite.domain.addresses import normalise

_MAX_NAME: Final = 253
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def parse_domain(name: str) -> str:
    """Return a domain in ASCII and lower case, without a final dot (RFC 1035, RFC 5891).

    Raises:
        ValueError: it is none; says what would be right.
    """
    ascii_name = normalise(f"x@{name.strip()}").removeprefix("x@") if len(name) <= _MAX_NAME else ""
    labels = ascii_name.split(".")
    if (
        len(labels) == 1
        or len(ascii_name) > _MAX_NAME
        or not all(map(_LABEL.fullmatch, labels))
        or labels[-1].isdecimal()
    ):
        raise ValueError('must be a domain such as "example.com"')
    return ascii_name
