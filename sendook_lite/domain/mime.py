"""Mail as its readers want it: parts in order, header values and bodies decoded.

Nothing here raises, and every text that leaves is clean: no NUL, control character or surrogate.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from sendook_lite.domain.charsets import clean, decode
from sendook_lite.domain.mail_headers import decode_header, parameters
from sendook_lite.domain.mime_tree import (
    DELIVERY_STATUS,
    MAX_DEPTH,
    Entity,
    content_type,
    header,
    headers,
    read_tree,
    transfer_encoding,
)
from sendook_lite.domain.transfer import undo

__all__ = [
    "Entity",
    "Part",
    "clean",
    "content_type",
    "decode_header",
    "header",
    "headers",
    "open_mail",
    "parameters",
    "parse_error",
    "part_bytes",
    "part_text",
    "walk",
]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BEFORE_THE_HEADER = re.compile(rb"\s*(?:>?From [^\n]*\n)?")


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf or an enclosed message, as `walk` meets it.

    ``index`` counts from 0 in walk order and names the part for good. ``group`` is the same for all
    parts below one multipart/alternative and tells all other parts apart. ``container`` is the type
    of the entity directly around it, '' for none.
    """

    index: int
    depth: int
    group: int
    container: str
    content_type: str
    message: Message


def open_mail(raw: bytes) -> Entity:
    """Parse RFC 5322 bytes; never raises.

    A byte order mark, leading blank lines and an mbox "From " line are passed over; carriage
    returns alone are line ends when there are no others. What could not be understood is told by
    `parse_error`.
    """
    source = raw.removeprefix(_BYTE_ORDER_MARK)
    if b"\n" not in source:
        source = source.replace(b"\r", b"\n")
    before = _BEFORE_THE_HEADER.match(source)
    root = read_tree(source, before.end() if before else 0)
    if not root.keys():
        root.problem = "no header fields" if source.strip() else "the message is empty"
    return root


def parse_error(message: Message) -> str | None:
    """Say in one phrase what of the message could not be understood, None when all could."""
    return message.problem if isinstance(message, Entity) else None


def walk(message: Message, *, into_messages: bool = False) -> Iterator[Part]:
    """Yield leaves and message/* parts in order of appearance.

    Args:
        message: the tree.
        into_messages: also yield the parts inside an enclosed message, after it. Indexes differ
            between the two ways of walking.
    """
    index = 0
    waiting: list[tuple[Message, int, int | None, str]] = [(message, 0, None, "")]
    while waiting:
        entity, depth, group, container = waiting.pop()
        kind, _ = content_type(entity)
        children = _children(entity)
        multipart = kind.startswith("multipart/") and bool(children)
        if not multipart:
            place = index if group is None else group
            yield Part(index, depth, place, container, kind, entity)
            index += 1
        if multipart or (into_messages and kind != DELIVERY_STATUS):
            if depth >= 2 * MAX_DEPTH:  # only for trees that were not made by open_mail
                continue
            if group is None and kind == "multipart/alternative":
                group = -1 - index
            waiting += [(child, depth + 1, group, kind) for child in reversed(children)]


def part_bytes(part: Message) -> bytes:
    """Return the body of a part, its transfer encoding undone as far as it can be.

    For an enclosed message these are the bytes of that message; for a multipart, of all its parts.
    """
    if isinstance(part, Entity):
        data = part.body
    else:
        payload = part.get_payload()
        data = payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else b""
    return undo(data, transfer_encoding(part))


def part_text(part: Message) -> str:
    """Return the body of a text part as clean text, by its charset or by what fits."""
    return decode(part_bytes(part), content_type(part)[1].get("charset"))


def _children(entity: Message) -> list[Message]:
    payload = entity.get_payload() if entity.is_multipart() else []
    return [child for child in payload if isinstance(child, Message)]
