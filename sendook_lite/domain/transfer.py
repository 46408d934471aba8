"""Bodies out of their transfer encodings (RFC 2045, section 6), as far as they can be read."""

import binascii
import re
from contextlib import suppress
from io import BytesIO
from itertools import islice

_MAX_UUENCODED_LINES = 1_000_000
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def undo(data: bytes, encoding: str) -> bytes:
    """Return the bytes that were encoded; never raises, unknown encodings change nothing.

    Args:
        data: the body as it came.
        encoding: the name of the encoding in lower case, '' for none.
    """
    if encoding == "base64":
        return from_base64(data)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding in {"x-uuencode", "uuencode", "x-uue", "uue"}:
        return _from_uuencode(data)
    return data


def from_base64(data: bytes) -> bytes:
    """Decode base64, passing over everything that is none (RFC 2045, section 6.8)."""
    try:
        return binascii.a2b_base64(data)
    except (binascii.Error, ValueError):
        letters = _NOT_BASE64.sub(b"", data)
        if len(letters) % 4 == 1:  # a lone letter holds six bits, no byte
            letters = letters[:-1]
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def _from_uuencode(data: bytes) -> bytes:
    """Decode the lines between "begin" and "end", passing over broken ones."""
    decoded = []
    for line in islice(BytesIO(data), _MAX_UUENCODED_LINES):
        letters = line.rstrip()
        if line.startswith((b"begin ", b"end")) or not letters:
            continue
        # The first letter tells the length. Trailing spaces may be lost on the way, but a line that
        # lacks more than half of its letters is none: it would be filled up with zeros.
        if len(letters) - 1 < (letters[0] - 32 & 63) * 2 // 3:
            continue
        with suppress(binascii.Error):
            decoded.append(binascii.a2b_uu(line))
    return b"".join(decoded)
