"""Address headers into names and addresses, and addresses into keys that compare.

The reader is a scanner of one pass over a bounded value: ``email.utils.getaddresses`` takes seconds
for a few thousand opening parentheses, and other readers raise on groups (RFC 5322, section 3.4).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from sendook_lite.domain.mail_headers import HEADER_LIMIT, decode_header

MAX_ADDRESSES = 1000

_MAX_ADDRESS = 998
_MAX_DOMAIN = 253
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"?|<[^<>]*+>|\[[^\[\]\s,;<>]{0,255}\]|[^"(),:;<>\\\[]++|\\.|.', re.DOTALL
)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL_USE = re.compile(r"[@.](?:test|local|localhost|home\.arpa)\Z", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address of a header with its display name or trailing comment, if any."""

    name: str | None
    address: str


def read_mailboxes(value: object, limit: int = HEADER_LIMIT) -> tuple[Mailbox, ...]:
    """Read an address list (RFC 5322, section 3.4, and what else is sent); never raises.

    Groups give their members, ``undisclosed-recipients:;`` gives none, semicolons separate like
    commas, routes are dropped. A single word without ``@`` counts as a local address.

    Args:
        value: the raw header value; encoded words are decoded after the list is taken apart, since
            they may hide commas.
        limit: characters that are read. An address that is cut there is dropped.
    """
    raw = "" if value is None else str(value)
    if len(raw) <= min(limit, _REMEMBERED_LENGTH):
        return _read_again(raw)
    if len(raw) > limit:
        raw = raw[:limit].rpartition(",")[0]
    return _read(raw)


def _read(raw: str) -> tuple[Mailbox, ...]:
    if (raw.count('"') - raw.count('\\"')) % 2:
        raw = raw.replace('"', "")  # an unclosed quote would swallow all that follows
    return tuple(islice(_scan(raw), MAX_ADDRESSES))


_REMEMBERED_LENGTH = 200
_read_again = lru_cache(maxsize=256)(_read)
"""Much of the mail of one place comes from the same few, and most of it goes to them."""


@lru_cache(maxsize=1024)
def normalise(address: str) -> str:
    """Return the key under which addresses are compared: case folded, the domain in ASCII form.

    RFC 5321 lets local parts differ by case; nobody who runs mail does.
    """
    local, at, domain = address.strip().strip("<>").rpartition("@")
    if not at:
        local, domain = domain, ""
    if not local.isascii():
        local = unicodedata.normalize("NFC", local)
    return f"{local.casefold()}{at}{_ascii_domain(domain)}"


def split(address: str) -> tuple[str, str | None, str]:
    """Split into local part without detail, detail after the first ``+`` or None, and domain.

    A quoted local part has no detail (RFC 5233 leaves the separator to the site).
    """
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = domain, ""
    base, plus, detail = local.partition("+")
    if not plus or not base or local.startswith('"'):
        return local, None, domain
    return base, detail, domain


def is_plausible(address: str) -> bool:
    """Say whether mail may be addressed to it: the syntax is right, nothing is asked of the DNS.

    Special-use domains (RFC 6761: .test, .local, home.arpa, localhost) and SMTPUTF8 addresses are.
    """
    from email_validator import (  # noqa: PLC0415 - 30 ms that reading mail does not need
        EmailNotValidError,
        validate_email,
    )

    if len(address) > _MAX_ADDRESS:
        return False
    checked = address
    if _SPECIAL_USE.search(address):
        # The validator refuses these names; below an ordinary domain it checks the rest of them.
        checked = f"{address}.example.com"
    try:
        validate_email(checked, check_deliverability=False, strict=True)
    except EmailNotValidError:
        return False
    return True


def _ascii_domain(domain: str) -> str:
    domain = domain.rstrip(".")
    if domain.isascii() or len(domain) > _MAX_DOMAIN:
        return domain.casefold()
    import idna  # noqa: PLC0415 - its tables are large and seldom needed

    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        return unicodedata.normalize("NFC", domain).casefold()


def _scan(raw: str) -> Iterator[Mailbox]:
    phrase: list[str] = []
    comment: list[str] = []
    angle: str | None = None
    depth = 0
    for found in _TOKEN.finditer(raw):
        lexeme = found[0]
        if lexeme == "(":
            depth += 1
        elif lexeme == ")":
            depth = max(0, depth - 1)
        elif depth:
            comment.append(lexeme)
        elif lexeme in {",", ";"}:
            yield from _mailbox(phrase, angle, comment)
            phrase, comment, angle = [], [], None
        elif lexeme == ":":
            phrase.clear()  # the name of a group, or of a URI scheme
        elif lexeme[0] == "<" and lexeme != "<":
            angle = lexeme[1:-1] if angle is None else angle
        elif lexeme not in {"<", ">"}:
            phrase.append(lexeme)
    yield from _mailbox(phrase, angle, comment)


def _mailbox(phrase: list[str], angle: str | None, comment: list[str]) -> Iterator[Mailbox]:
    if angle is not None:
        name = " ".join(filter(None, map(_unquote, phrase)))
        address = angle
        if address.startswith("@"):  # an obsolete route (RFC 5322, section 4.4)
            address = address.rpartition(":")[2]
    else:
        text = "".join(phrase).strip()
        if text.startswith('"') and '"@' in text:
            name, address = "", text
        else:
            words = text.split()
            addresses = [word for word in words if "@" in word]
            if not addresses and len(words) != 1:
                return
            address = addresses[-1] if addresses else words[0]
            name = _unquote(" ".join(word for word in words if word != address))
    address = decode_header(address).strip("'")
    if not address.startswith('"'):
        address = _SPACE.sub("", address)
    if not address or len(address) > _MAX_ADDRESS:
        return
    shown = decode_header(name or " ".join(map(_unquote, comment)))
    shown = shown.strip("\"' ") if shown[:1] in {'"', "'"} else shown
    yield Mailbox(shown or None, address)


def _unquote(token: str) -> str:
    token = token.strip()
    if token.startswith('"'):
        token = token[1:-1] if token.endswith('"') and len(token) > 1 else token[1:]
    return _QUOTED_PAIR.sub(r"\1", token) if "\\" in token else token
