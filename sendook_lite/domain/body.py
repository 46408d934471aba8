"""Which parts of a mail are its body, and the texts made of them."""

import re
from dataclasses import dataclass

from sendook_lite.domain.html_text import html_to_text
from sendook_lite.domain.mail_headers import parameters
from sendook_lite.domain.mime import Part, content_type, headers, part_text

_PLAIN = "text/plain"
_HTML = "text/html"
# Renditions for special readers, sent beside the plain and the HTML one.
_OTHER_RENDITIONS = {"text/x-amp-html", "text/watch-html", "text/enriched", "text/richtext"}
_FLOWED_LIMIT = 1 << 20
_QUOTE_MARKS = re.compile(r">*")


@dataclass(frozen=True, slots=True)
class Body:
    """The texts of a mail: ``text`` as plain text, ``html`` '' when there is none."""

    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Disposition:
    """How a part wants to be shown (RFC 2183), and the name it claims, decoded but not yet safe."""

    kind: str
    name: str


def disposition(part: Part) -> Disposition:
    """Read ``Content-Disposition``, and the older ``name`` of ``Content-Type``."""
    value = next(headers(part.message, "content-disposition"), None)
    kind, found = parameters(value) if value is not None else ("", {})
    name = found.get("filename") or content_type(part.message)[1].get("name") or ""
    return Disposition(kind, name)


def divide(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """Divide the parts into those of the body and the attachments."""
    body: list[Part] = []
    attachments: list[Part] = []
    for part in parts:
        if part.content_type in _OTHER_RENDITIONS and part.container == "multipart/alternative":
            continue
        (body if _belongs_to_body(part, body) else attachments).append(part)
    return body, attachments


def read_body(parts: list[Part]) -> Body:
    """Put the texts of the body parts together.

    In a multipart/alternative the plain rendition is the text, unless it is empty; HTML that stands
    alone is rendered as text.
    """
    groups: dict[int, tuple[list[str], list[str]]] = {}
    for part in parts:
        plain, html = groups.setdefault(part.group, ([], []))
        if part.content_type == _HTML:
            html.append(part_text(part.message))
        else:
            plain.append(_plain_text(part))
    texts = []
    for plain, html in groups.values():
        text = "\n".join(plain)
        if not text.strip() and html:
            text = html_to_text("\n".join(html))
        if text.strip():
            texts.append(text)
    return Body(
        text="\n".join(texts).rstrip(),
        html="\n".join(markup for _, html in groups.values() for markup in html),
    )


def unflow(text: str, *, delete_space: bool = False) -> str:
    r"""Join the soft line breaks of ``format=flowed`` (RFC 3676, section 4.2).

    Args:
        text: lines ending in ``\n``.
        delete_space: the ``delsp=yes`` of the sender: the space before a soft break was added.
    """
    lines: list[str] = []
    flowing: list[str] = []
    flowing_depth = 0
    for line in text.split("\n"):
        marks = _QUOTE_MARKS.match(line)
        depth = marks.end() if marks else 0
        content = line[depth:].removeprefix(" ")
        if flowing and (depth != flowing_depth or content == "-- "):
            lines.append(_quoted(flowing, flowing_depth))
            flowing = []
        flowing_depth = depth
        soft = content.endswith(" ") and content != "-- "
        flowing.append(content[:-1] if soft and delete_space else content)
        if not soft:
            lines.append(_quoted(flowing, depth))
            flowing = []
    if flowing:
        lines.append(_quoted(flowing, flowing_depth))
    return "\n".join(lines)


def _belongs_to_body(part: Part, body: list[Part]) -> bool:
    """Say whether a part is text to be read with the mail rather than a file."""
    if part.content_type not in {_PLAIN, _HTML} and not _is_unread_multipart(part):
        return False
    shown = disposition(part)
    if shown.kind == "attachment":
        return False
    # A text with a name is a file, except where mail programs name the body itself.
    return not shown.name or not any(
        other.content_type == part.content_type or other.group != part.group for other in body
    )


def _is_unread_multipart(part: Part) -> bool:
    """Say whether the part is a multipart that could not be taken apart; it is shown as it is."""
    return part.content_type.startswith("multipart/")


def _plain_text(part: Part) -> str:
    text = part_text(part.message)
    found = content_type(part.message)[1]
    if len(text) <= _FLOWED_LIMIT and found.get("format", "").lower() == "flowed":
        text = unflow(text, delete_space=found.get("delsp", "").lower() == "yes")
    return text


def _quoted(pieces: list[str], depth: int) -> str:
    return (">" * depth + " " if depth else "") + "".join(pieces)
