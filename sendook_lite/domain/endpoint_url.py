"""Reads the URL of a webhook once, into the parts that are judged, connected to and sent.

Only one reading exists: what looks different to different parsers (backslashes, user names, line
breaks, percent-encoded hosts) is refused instead of repaired, so that the host that was judged is
the host that is reached.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from sendook_lite.domain.netguard import Address, literal, normalise_host

MAX_URL = 2048
"""Longest URL taken, in characters as given."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65535
_AUTHORITY_END = re.compile(r"[/?]")
_PORT = re.compile(r"[0-9]{1,5}")
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp", "Zs"})
# All of RFC 3986's reserved and unreserved characters, and "%": what is encoded stays as it is.
_KEPT = "/?:@!$&'()*+,;=-._~%[]"


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """Where a webhook's requests go.

    Attributes:
        scheme: ``http`` or ``https``.
        host: normalised name or address, IPv6 without brackets.
        port: 1 to 65535, the scheme's own when the URL has none.
        target: path and query as sent in the request line, ASCII, at least ``/``.
        host_header: host as sent in the Host header; with the port unless it is the scheme's own.
        literal: the address, when the host is one; None when it has to be resolved.
    """

    scheme: str
    host: str
    port: int
    target: str
    host_header: str
    literal: Address | None


def parse(url: str) -> EndpointUrl:
    """Read an absolute http or https URL (RFC 3986, section 3).

    Whether plain http and the host are allowed is for others to say.

    Raises:
        ValueError: with a sentence that says what was wrong and what would be right. It never
            repeats more of the URL than its host, since paths and queries may hold secrets.
    """
    _check_characters(url)
    given_scheme, separator, rest = url.partition("://")
    scheme = given_scheme.lower()
    if not separator or scheme not in _DEFAULT_PORTS:
        raise ValueError("The URL must begin with https:// or http://.")
    authority, target = _split_authority(rest)
    if "@" in authority:
        raise ValueError("The URL must not hold a user name or password; use a custom header.")
    host_text, port_text = _split_port(authority)
    if not host_text:
        raise ValueError("The URL has no host; write it like https://example.com/hook.")
    try:
        host = normalise_host(host_text)
    except ValueError as error:
        raise ValueError(f"The URL's host cannot be used: {error}.") from None
    port = _DEFAULT_PORTS[scheme] if port_text is None else _read_port(port_text)
    return EndpointUrl(
        scheme=scheme,
        host=host,
        port=port,
        target=_encode_target(target),
        host_header=_render_host(host, None if port == _DEFAULT_PORTS[scheme] else port),
        literal=literal(host),
    )


def _check_characters(url: str) -> None:
    if len(url) > MAX_URL:
        raise ValueError(f"The URL must have at most {MAX_URL:,} characters.")
    if any(unicodedata.category(char) in _FORBIDDEN_CATEGORIES for char in url):
        raise ValueError("The URL must not hold spaces or control characters; write them as %20.")
    if "\\" in url:
        raise ValueError("The URL must not hold a backslash; write / or %5C.")
    if "#" in url:
        raise ValueError("The URL must not have a fragment (#); it would never be sent.")


def _split_authority(rest: str) -> tuple[str, str]:
    end = _AUTHORITY_END.search(rest)
    if end is None:
        return rest, ""
    return rest[: end.start()], rest[end.start() :]


def _split_port(authority: str) -> tuple[str, str | None]:
    """Split host and port; an IPv6 host keeps its brackets here, and needs them."""
    bracket, colon = authority.rfind("]"), authority.rfind(":")
    if authority.startswith("[") != (bracket >= 0):
        raise ValueError("The URL's host has a stray bracket; write IPv6 like [2600::1].")
    if colon <= bracket:
        host, port = authority, None
    else:
        host, port = authority[:colon], authority[colon + 1 :]
    if bracket >= 0 and not host.endswith("]"):
        raise ValueError("After the ] of the URL's host only a port may follow, like :8443.")
    if bracket < 0 and ":" in host:
        raise ValueError("The URL's host holds a colon; write IPv6 in brackets, like [2600::1].")
    return host, port


def _read_port(text: str) -> int:
    if _PORT.fullmatch(text) and 1 <= int(text) <= _MAX_PORT:
        return int(text)
    raise ValueError(f"The URL's port must be a number from 1 to {_MAX_PORT}.")


def _encode_target(target: str) -> str:
    path = target if target.startswith("/") else f"/{target}"
    return quote(path, safe=_KEPT)


def _render_host(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"
