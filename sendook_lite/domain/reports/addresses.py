"""Addresses as reports write them, into plain ``local@domain``."""

import re
import sys

from sendook_lite.domain.charsets import clean

MAX_ADDRESS = 320

_LOCAL = r"A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff"
_DOMAIN = (
    r"(?:\[[0-9A-Fa-f.:IPv]{3,60}\]|[A-Za-z0-9\u00a1-\U0010ffff]"
    r"[A-Za-z0-9._\-\u00a1-\U0010ffff]{0,253})"
)
ADDRESS = re.compile(rf"(?<![{_LOCAL}])(?:\"[^\"\n@]{{1,64}}\"|[{_LOCAL}]{{1,128}})@{_DOMAIN}")
"""Anchored at the start of a word, so that a long word costs one attempt, not one per letter."""

_TYPE = re.compile(r"^[A-Za-z0-9-]{1,40}[ \t]*;[ \t]*")
_PREFIX = re.compile(
    r"^(?:smtp|rfc822|mailto|rcpt to|rcpt|to|orcpt|e-?mail|address|internet|sender)[=:;]",
    re.IGNORECASE,
)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_JUNK = "'\"`*,;:!?&#~|/=\\^{}"
_DOMAIN_TAIL = ".-_'\"/=:"
_WIDE = re.compile(r"[\u3000-\u303f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]")


def read_address_field(value: str, *, xtext: bool = False) -> str | None:
    """Read ``rfc822; user@host`` and its variants (RFC 3464 section 2.3.1, RFC 6533).

    Args:
        value: the field; the type may be missing, brackets and comments may be there.
        xtext: undo ``+2B``-like escapes (RFC 3461 section 4), which gateways leave in
            Original-Recipient.

    Returns:
        The address, or None for X.400 names, pipes, files and the like.
    """
    kind = _TYPE.match(value)
    address_type = kind[0].rstrip("; \t").lower() if kind else ""
    if address_type in {"x400", "x-x400", "x500", "unix", "x-unix", "file", "program"}:
        rest = value[kind.end() :] if kind else value
        return None if rest.lstrip().startswith(("|", "/", '"|')) else find_address(rest)
    rest = value[kind.end() :] if kind else value
    if rest.lstrip("<\"' ").startswith(("|", "/")):
        return None
    rest = _UNITEXT.sub(lambda found: _character(found[1]), rest)
    if "+40" in rest and "@" not in rest:
        rest = rest.replace("+40", "@", 1)
    if xtext:
        rest = _XTEXT.sub(lambda found: {"2B": "+", "3D": "="}.get(found[1], found[0]), rest)
    return find_address(rest)


def find_address(text: str) -> str | None:
    """Return the first plausible address in a text, angle brackets preferred; None without one."""
    text = text[:2000]
    bracket = re.search(r"<([^<>\n]{3,400}@[^<>\n]{1,300})>", text)
    if bracket is not None:
        found = _first(bracket[1])
        if found is not None:
            return found
    return _first(text)


def find_addresses(text: str) -> list[str]:
    """Return every plausible address of a header value such as To, in order, each once."""
    found: dict[str, str] = {}
    for match in ADDRESS.finditer(text[:16384]):
        address = clean_address(match[0])
        if address is not None:
            found.setdefault(address.lower(), address)
    return list(found.values())


def variable_recipient(sender: str) -> str | None:
    """Return the recipient written into a variable envelope sender (VERP), None without one.

    ``bounces-7-ada=dest.example@shop.example`` was used for mail to ``ada@dest.example``. What
    BATV and SRS write in the same manner ends in a name, not in a domain.
    """
    local, _, domain = sender.rpartition("@")[0].rpartition("=")
    if "." not in domain or "=" in local:
        return None
    return clean_address(f"{re.split(r'[-+]', local)[-1]}@{domain}")


def clean_address(token: str) -> str | None:
    """Take what belongs to the sentence off an address; None when nothing plausible is left."""
    if "@" not in token:
        return None
    local, _, domain = token.rpartition("@")
    if not local.startswith('"'):
        for _ in range(2):
            local = _PREFIX.sub("", local)
            local = local.lstrip(_JUNK)
        if "=" in local:
            local = re.sub(r"^(?:smtp|rfc822|dda:smtp|e-?mail|to)=", "", local, flags=re.IGNORECASE)
        wide = list(_WIDE.finditer(local))
        if wide and local[wide[-1].end() :]:
            local = local[wide[-1].end() :]
    domain = _WIDE.split(domain)[0] if not domain.startswith("[") else domain
    domain = domain.rstrip(_DOMAIN_TAIL)
    if not local or not domain or ".." in domain or len(local) + len(domain) >= MAX_ADDRESS:
        return None
    return clean(f"{local}@{domain}")


def _first(text: str) -> str | None:
    for match in ADDRESS.finditer(text):
        address = clean_address(match[0])
        if address is not None:
            return address
    return None


def _character(digits: str) -> str:
    code = int(digits, 16)
    return chr(code) if code <= sys.maxunicode else ""
