"""Text that is code: JSON with its kinds marked, and prose with code in backticks."""

import json
import re
from typing import Any, Final

from markupsafe import Markup, escape

MAX_SHOWN: Final = 64 * 1024

_TOKEN: Final = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>true|false|null)"
)
_CODE: Final = re.compile(r"`([^`]+)`")


def pretty_json(value: Any) -> Markup:
    """Show JSON, given as bytes, text or an object, indented and marked; what is none, as it is."""
    document = value
    if isinstance(value, bytes | str):
        try:
            document = json.loads(value)
        except ValueError:
            text = value.decode(errors="replace") if isinstance(value, bytes) else value
            return escape(text[:MAX_SHOWN])
    text = json.dumps(document, indent=2, ensure_ascii=False)
    cut = len(text) > MAX_SHOWN
    marked = _marked(text[:MAX_SHOWN])
    return marked + Markup("\n…") if cut else marked


def prose(text: str) -> Markup:
    """Show plain text: paragraphs at empty lines, code in backticks."""
    paragraphs = [
        Markup("<p>{}</p>").format(_with_code(paragraph))
        for paragraph in text.strip().split("\n\n")
    ]
    return Markup().join(paragraphs)


def _with_code(text: str) -> Markup:
    pieces = _CODE.split(text.replace("``", "`"))
    return Markup().join(
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    )


def _marked(text: str) -> Markup:
    pieces, end = [], 0
    for found in _TOKEN.finditer(text):
        pieces.append(escape(text[end : found.start()]))
        pieces.append(Markup('<span class="j-{}">{}</span>').format(found.lastgroup, found[0]))
        end = found.end()
    pieces.append(escape(text[end:]))
    return Markup().join(pieces)
