"""The headers under which foreign bytes are handed out: nothing in them may be believed."""

import re
from typing import Final
from urllib.parse import quote

_TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,127}"  # noqa: S105 - RFC 9110, section 5.6.2
_MEDIA_TYPE: Final = re.compile(rf"({_TOKEN}/{_TOKEN})\s*(?:;.*)?", re.DOTALL)
_UNSAFE: Final = re.compile(r"[^ !#$&\'()+,\-.0-9;=@A-Z\[\]^_`a-z{}~]")
_MAX_NAME: Final = 200


def content_disposition(name: str) -> str:
    """Return a Content-Disposition that makes any reader save the bytes under a name.

    Twice: for readers of RFC 6266 in UTF-8 (RFC 8187), and in plain ASCII for all others.
    """
    short = _shorten(name)
    plain = _UNSAFE.sub("_", short)
    header = f'attachment; filename="{plain}"'
    if plain != short:
        header += f"; filename*=UTF-8''{quote(short, safe='', errors='replace')}"
    return header


def media_type(declared: str) -> str:
    """Return a declared content type without its parameters, or one that says nothing."""
    found = _MEDIA_TYPE.fullmatch(declared.strip())
    return found[1].lower() if found else "application/octet-stream"


def _shorten(name: str) -> str:
    """Drop what a file name has no use for; keep the extension of a long one."""
    printable = "".join(char if char.isprintable() else "_" for char in name).strip()
    cleaned = printable.replace("/", "_").replace("\\", "_") or "attachment"
    if len(cleaned) <= _MAX_NAME:
        return cleaned
    stem, dot, extension = cleaned.rpartition(".")
    if not dot or len(extension) > _MAX_NAME // 10:
        return cleaned[:_MAX_NAME]
    return f"{stem[: _MAX_NAME - len(extension) - 1]}.{extension}"
