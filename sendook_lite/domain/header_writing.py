"""Writes header fields: encoded where they must be, folded, and never more than one at a time.

`field` is the only way to a line of a header, and it refuses line ends: whatever a caller hands in,
it cannot begin a field of its own.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Final

from sendook_lite.domain.addresses import normalise

FOLD_AT: Final = 76
_CHUNK: Final = 42
"""Bytes in an encoded word: 75 characters at most with what is around it (RFC 2047 section 2)."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAME: Final = re.compile(r"[!-9;-~]+")  # RFC 5322, section 2.2
_ATOMS: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_TOKEN: Final = re.compile(r"[\w!#$&^.+-]+", re.ASCII)
_ATTRIBUTE_SAFE: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`|~"
)
_PARAMETER_PIECE: Final = 50
_LONGEST_WORD: Final = 900


def field(name: str, value: str) -> bytes:
    """Write one field with its line end; ``value`` is ready but for folding.

    Raises:
        ValueError: the name is none, or the value holds a control character.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:64]!r} is not the name of a header")
    if _CONTROL.search(value):
        raise ValueError(f"the header {name} must not hold control characters or line breaks")
    return f"{_fold(name, value)}\r\n".encode()


def text(value: str) -> str:
    """Prepare free text: as it is where that is plain, else as encoded words (RFC 2047)."""
    plain = value.isascii() and "=?" not in value and value == value.strip(" \t")
    if plain and all(len(word) <= _LONGEST_WORD for word in value.split(" ")):
        return value
    return " ".join(_encoded_words(value))


def address(value: str) -> str:
    """Prepare an address: the domain in ASCII form unless the local part is beyond ASCII too."""
    return normalise_domain(value) if value.rpartition("@")[0].isascii() else value


def mailbox(name: str | None, value: str) -> str:
    """Prepare a name with an address (RFC 5322, section 3.4)."""
    shown = address(value)
    if not name:
        return shown
    if not name.isascii() or "=?" in name or len(name) > _LONGEST_WORD:
        return f"{text(name)} <{shown}>"
    if not _ATOMS.fullmatch(name):
        name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return f"{name} <{shown}>"


def addresses(values: Iterable[str]) -> str:
    """Prepare a list of addresses."""
    return ", ".join(address(value) for value in values)


def message_ids(values: Iterable[str]) -> str:
    """Prepare Message-IDs that have no angle brackets."""
    return " ".join(f"<{value}>" for value in values)


def parameter(name: str, value: str) -> str:
    """Write a MIME parameter, continued and encoded where it must be (RFC 2231)."""
    if value.isascii() and len(value) <= _PARAMETER_PIECE:
        if _TOKEN.fullmatch(value):
            return f"; {name}={value}"
        if not _CONTROL.search(value):
            quoted = re.sub(r'(["\\])', r"\\\1", value)
            return f'; {name}="{quoted}"'
    encoded = [chr(byte) if byte in _ATTRIBUTE_SAFE else f"%{byte:02X}" for byte in value.encode()]
    pieces = _pieces(encoded, _PARAMETER_PIECE)
    if len(pieces) == 1:
        return f"; {name}*=utf-8''{pieces[0]}"
    return "".join(
        f"; {name}*{number}*={piece if number else f'{_CHARSET}{piece}'}"
        for number, piece in enumerate(pieces)
    )


_CHARSET: Final = "utf-8''"


def normalise_domain(value: str) -> str:
    """Return an address with its domain in ASCII form; the local part stays as it is."""
    local, at, _ = value.rpartition("@")
    return f"{local}{at}{normalise(value).rpartition('@')[2]}"


def _pieces(parts: Sequence[str], longest: int) -> list[str]:
    pieces = [""]
    for part in parts:
        if len(pieces[-1]) + len(part) > longest:
            pieces.append("")
        pieces[-1] += part
    return pieces


def _encoded_words(value: str) -> list[str]:
    """Encode text in words that hold whole characters (RFC 2047, section 5)."""
    words, chunk = [], b""
    for char in value:
        encoded = char.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > _CHUNK:
            words.append(chunk)
            chunk = b""
        chunk += encoded
    return [f"=?utf-8?B?{b64encode(each).decode()}?=" for each in (*words, chunk)]


def _fold(name: str, value: str) -> str:
    """Break a field at spaces into lines that are short where they can be."""
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if word and line != f"{name}:" and len(line) + 1 + len(word) > FOLD_AT:
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join((*lines, line))
