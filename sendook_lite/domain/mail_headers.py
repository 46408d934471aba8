"""Header values into text: RFC 2047 encoded words, RFC 2231 parameters, folding, raw 8-bit bytes.

Everything is bounded and linear: the readers of the standard library take seconds to hours for some
values a stranger can send (unbalanced quotes before many semicolons, thousands of parentheses).
"""

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from sendook_lite.domain.charsets import clean, decode
from sendook_lite.domain.transfer import from_base64

HEADER_LIMIT = 16384
"""Characters of a header value that are read."""

_MAX_PARAMETERS = 100
_ENCODED_WORD = re.compile(r"=\?([^?\s*]{1,40})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?]*)\?=")
_LINE_BREAKS = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))', re.DOTALL)
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_CONTINUED = re.compile(r"(.+?)(?:\*(\d{1,4}))?(\*)?", re.DOTALL)


def decode_header(value: object, limit: int = HEADER_LIMIT) -> str:
    """Decode one header value into one clean line.

    Args:
        value: the raw value: ``str`` (undecodable bytes as surrogate escapes), ``bytes``, a
            ``Header``, or None.
        limit: characters of the raw value that are read; the rest is dropped.
    """
    if value is None:
        return ""
    raw = value.decode("ascii", "surrogateescape") if isinstance(value, bytes) else str(value)
    raw = raw[:limit].strip()
    if "\n" in raw or "\r" in raw:
        raw = _LINE_BREAKS.sub(" ", raw)
    if "=?" not in raw:
        return _plain(raw).strip()
    return "".join(_segments(raw)).replace("\n", " ").strip()


def decode_raw(raw: str, charset: str | None = None) -> str:
    """Decode the undeclared bytes of a raw value (surrogate escapes): UTF-8, or what fits.

    Args:
        raw: the raw value.
        charset: what the body of the same mail declares; old programs write headers in it, too.
    """
    if raw.isascii():
        return raw
    data = _octets(raw)
    try:
        return clean(data.decode())
    except UnicodeDecodeError:
        return decode(data, charset)


def parameters(value: object) -> tuple[str, dict[str, str]]:
    """Split ``Content-Type`` and its like into the lower-cased value and its parameters.

    Reads RFC 2231 charsets and continuations, and RFC 2047 words inside quotes, which RFC 2047
    section 5 forbids and half of all mail programs write. Parameter names are lower-cased.
    """
    raw = value.decode("ascii", "surrogateescape") if isinstance(value, bytes) else str(value)
    raw = raw[:HEADER_LIMIT]
    main, semicolon, _ = raw.partition(";")
    kind = _plain(main).strip().lower()
    if not semicolon:
        return kind, {}
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for number, found in enumerate(_PARAMETER.finditer(raw, len(main))):
        if number >= _MAX_PARAMETERS:
            break
        name = found[1].lower()
        text = found[3].strip() if found[2] is None else _QUOTED_PAIR.sub(r"\1", found[2])
        continued = _CONTINUED.fullmatch(name)
        if continued and (continued[2] or continued[3]):
            piece = (bool(continued[3]), text)
            pieces.setdefault(continued[1], {}).setdefault(int(continued[2] or 0), piece)
        else:
            plain.setdefault(name, text)
    found_parameters = {name: decode_header(text) for name, text in plain.items()}
    found_parameters |= {name: _join(found_pieces) for name, found_pieces in pieces.items()}
    return kind, found_parameters


def _plain(raw: str) -> str:
    """Decode what is outside encoded words, into one line."""
    if raw.isascii() and raw.isprintable():
        return raw
    return clean(decode_raw(raw)).replace("\n", " ")


def _segments(raw: str) -> Iterator[str]:
    """Yield decoded text; adjacent words of one charset are joined as bytes first.

    Many senders cut a multi-byte character in two at the border of two words, against RFC 2047
    section 5 (3).
    """
    waiting, charset = b"", ""
    end = 0
    for word in _ENCODED_WORD.finditer(raw):
        between = raw[end : word.start()]
        end = word.end()
        if charset and (between.strip() or word[1].lower() != charset):
            yield decode(waiting, charset)
            waiting = b""
        if between.strip() or (between and not charset):
            yield _plain(between)
        charset = word[1].lower()
        waiting += _word_bytes(word[2], word[3])
    if charset:
        yield decode(waiting, charset)
    yield _plain(raw[end:])


def _word_bytes(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "bB":
        return from_base64(data)
    return binascii.a2b_qp(data.replace(b" ", b"_"), header=True)


def _octets(raw: str) -> bytes:
    """Return the bytes a raw value stands for; other lone surrogates become question marks."""
    try:
        return raw.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return raw.encode("utf-8", "replace")


def _join(pieces: dict[int, tuple[bool, str]]) -> str:
    """Put RFC 2231 pieces together; the first one names the charset (section 4.1)."""
    charset: str | None = None
    data = b""
    for number, (_, (encoded, text)) in enumerate(sorted(pieces.items())):
        rest = text
        if encoded and number == 0 and text.count("'") >= 2:  # noqa: PLR2004 - charset'language'
            charset, _, rest = text.split("'", 2)
        octets = _octets(rest)
        data += unquote_to_bytes(octets) if encoded else octets
    return decode_header(decode(data, charset).replace("\n", " "))
