"""Reads what follows MAIL FROM: and RCPT TO: — a path and its parameters (RFC 5321 section 4.1.2).

Lenient where a mail server may be sloppy: spaces after the colon, a missing pair of angle brackets
and source routes (RFC 5321 appendix C) are taken. The header parser of ``email`` is no help: it is
slow, takes addresses apart that must be kept whole, and raises on some.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sendook_lite.domain.errors import Invalid

LONGEST_PATH: Final = 998
"""Far above the 256 of RFC 5321 section 4.5.3.1.3, within what a line of a header can hold."""

_PATH: Final = re.compile(
    r"""\ *+(?:
        < (?P<path> (?: "(?:[^"\\]|\\.)*+" | [^<>"] )*+ ) >
      | (?P<bare> [^\s<>]++ )
    )(?:\ ++(?P<parameters>.*))?""",
    re.VERBOSE,
)
_ROUTE: Final = re.compile(r"@[^:\"]*+:")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_QUOTED_WORD: Final = re.compile(r'"([\w!#$%&\'*+/=?^`{|}~.-]+)"(?=@)')


@dataclass(frozen=True, slots=True)
class Path:
    """An envelope address, '' for the null sender, and its parameters, names in upper case."""

    address: str
    parameters: Mapping[str, str]


@lru_cache(maxsize=256)
def read_path(argument: str | None, keyword: str) -> Path:
    """Read ``FROM:<address> [parameters]`` or ``TO:<address> [parameters]``.

    The last ones are remembered: envelopes repeat.

    Args:
        argument: what stands behind the verb; surrogates stand for bytes that are no UTF-8.
        keyword: ``FROM:`` or ``TO:``.

    Raises:
        Invalid: ``bad_syntax`` or ``bad_address``.
    """
    if argument is None or argument[: len(keyword)].upper() != keyword:
        raise Invalid(f"expected {keyword}<address>", code="bad_syntax")
    found = _PATH.fullmatch(argument, len(keyword))
    if found is None:
        raise Invalid(f"expected {keyword}<address>", code="bad_syntax")
    address = found["path"] if found["bare"] is None else found["bare"]
    address = _ROUTE.sub("", address, count=1) if address.startswith("@") else address
    if _CONTROL.search(address) or len(address) > LONGEST_PATH:
        raise Invalid("the address is malformed", code="bad_address")
    # "support"@ and support@ are the same mailbox (RFC 5321 section 4.1.2).
    address = _QUOTED_WORD.sub(r"\1", address, count=1) if address.startswith('"') else address
    return Path(address, _parameters(found["parameters"] or ""))


def _parameters(text: str) -> dict[str, str]:
    parameters = {}
    for word in text.split():
        name, _, value = word.partition("=")
        parameters[name.upper()] = value
    return parameters
