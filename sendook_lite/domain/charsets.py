"""Bytes of any declared or undeclared charset into text that JSON and SQLite can hold.

Nothing here raises. What senders declare is a claim: the names are looked up as browsers do (WHATWG
Encoding, section 4.2), because mail programs mean the same supersets by them.
"""

import re
from encodings.aliases import aliases

# WHATWG superset or plain misspelling -> Python codec. Keys are folded by `_fold`.
_MEANT = {
    "ascii": "cp1252",
    "usascii": "cp1252",
    "ansix341968": "cp1252",
    "iso88591": "cp1252",
    "latin1": "cp1252",
    "l1": "cp1252",
    "iso88599": "cp1254",
    "latin5": "cp1254",
    "iso885911": "cp874",
    "tis620": "cp874",
    "windows874": "cp874",
    "iso88598i": "iso8859_8",
    "iso88598e": "iso8859_8",
    "iso88596i": "iso8859_6",
    "gb2312": "gb18030",
    "gb231280": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "xgbk": "gb18030",
    "euccn": "gb18030",
    "euckr": "cp949",
    "ksc56011987": "cp949",
    "ksc5601": "cp949",
    "windows949": "cp949",
    "big5": "big5hkscs",
    "xxbig5": "big5hkscs",
    "shiftjis": "cp932",
    "sjis": "cp932",
    "xsjis": "cp932",
    "mskanji": "cp932",
    "windows31j": "cp932",
    "xeucjp": "euc_jp",
    "iso2022jp": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "koi8u": "koi8_u",
    "koi8r": "koi8_r",
    "koi8": "koi8_r",
    "macintosh": "mac_roman",
    "xmacroman": "mac_roman",
    "xmaccyrillic": "mac_cyrillic",
    "utf8": "utf_8",
    "utf8mb4": "utf_8",
    "unicode11utf8": "utf_8",
    "unicode11utf7": "utf_7",
    "utf16": "utf_16",
    "utf16le": "utf_16_le",
    "utf16be": "utf_16_be",
}
# Python codecs that are no charsets, or cost more than linear time (idna, punycode). Those named
# "…_codec" are none either.
_NOT_CHARSETS = {"idna", "punycode", "rot13", "unicodeescape", "rawunicodeescape", "undefined"}
_NOT_CHARSETS |= {"mbcs", "oem"}  # of Windows only

_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff]+")
_NAME = re.compile(r"[\w.:+-]{1,40}", re.ASCII)
_WANTED_ASCII = bytes([*b"\t\n", *range(0x20, 0x7F)])


def clean(text: str) -> str:
    r"""Return the text without NUL, control characters and lone surrogates.

    Line ends become ``\n``; tabs and line feeds stay. The one place where text from outside
    is made safe: lone surrogates break JSON and SQLite, NUL cuts strings in many receivers.
    """
    if text.isascii() and text.isprintable():
        return text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Looking for other bytes than these takes a twentieth of what the expression takes.
    if text.isascii() and not text.encode("ascii").translate(None, _WANTED_ASCII):
        return text
    return _UNWANTED.sub("", text)


def decode(data: bytes, charset: str | None = None) -> str:
    """Decode bytes by the declared charset, or by guessing; the result is clean.

    A charset that does not fit its bytes gives way to UTF-8 when that fits; else the bytes that do
    not fit are replaced.
    """
    if data.isascii() and b"\x1b" not in data and not _seven_bit_trap(charset):
        return clean(data.decode("ascii"))
    codec = _codec(charset) if charset else None
    if codec == "cp1252" and _declares_ascii(charset):
        codec = None  # 8-bit bytes under "us-ascii" say only that the sender did not know
    if codec:
        text = _try(data, codec)
        if text is not None:
            return clean(text)
    text = _try(data, "utf_8")
    if text is None:
        text = data.decode(codec or "cp1252", "replace")
    return clean(text)


def _try(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, LookupError, ValueError):
        return None


def _fold(charset: str) -> str:
    return charset.lower().replace("-", "").replace("_", "").replace(" ", "").replace(":", "")


def _declares_ascii(charset: str | None) -> bool:
    return charset is not None and _fold(charset) in {"ascii", "usascii", "ansix341968"}


def _seven_bit_trap(charset: str | None) -> bool:
    """Say whether the charset writes other characters with ASCII bytes."""
    return charset is not None and _fold(charset).startswith(("utf7", "utf16", "utf32", "hz"))


def _codec(charset: str) -> str | None:
    """Name the Python codec for a declared charset, None when there is none."""
    if _NAME.fullmatch(charset) is None:
        return None
    folded = _fold(charset)
    meant = _MEANT.get(folded)
    if meant:
        return meant
    # Only names from the table of aliases reach the codec registry: it remembers every unknown
    # name for ever, which would let strangers fill the memory.
    name = charset.lower().replace("-", "_").replace(".", "_").replace(":", "_")
    if name in aliases.values():
        known: str | None = name
    else:
        known = aliases.get(name) or aliases.get(folded)
    if known is None or known.endswith("_codec") or _fold(known) in _NOT_CHARSETS:
        return None
    return known
