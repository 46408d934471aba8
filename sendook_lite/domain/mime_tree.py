"""RFC 5322 bytes into a tree of entities, in one pass, whatever the bytes are.

The tree has the shape the ``email`` package gives under its compat32 policy, so that libraries made
for that can read it. It is built here because the package's own parser can be kept busy for hours
(it reads parameters in quadratic time), overflows the stack on deep nestings and takes a second for
25 MiB. Here nothing raises, and depth, parts and header fields are bounded.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache
from typing import Any

from sendook_lite.domain.charsets import decode as decode_text
from sendook_lite.domain.mail_headers import HEADER_LIMIT, decode_header, parameters
from sendook_lite.domain.transfer import undo

MAX_DEPTH = 100
MAX_PARTS = 1000
DELIVERY_STATUS = "message/delivery-status"

_MAX_FIELDS = 1000
_MAX_FIELD_BYTES = 65536
_MAX_DELIMITER = 1024
_SHORT_TYPE = 40
"""Characters of a Content-Type that may be remembered; those with a boundary are longer."""
_MESSAGES = {"message/rfc822", "message/global", "message/news"}

_FIELD = re.compile(rb"(?!--)([!-9;-~]{1,200})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)\n?")
# A line that is no field inside a header, e.g. a folded line whose indentation was lost.
_STRAY_LINE = re.compile(
    rb"(?!\r?\n|--)[^\n]{1,998}\n"
    rb"(?=(?:from|to|cc|subject|date|reply-to|message-id|mime-version|received|content-\w+):)",
    re.IGNORECASE,
)
_FIRST_DELIMITER = re.compile(rb"\n--(\S[^\r\n]{0,900}+)\r?\n(?=[!-9;-~]{1,80}:|\r?\n)")
_BLANK_LINES = re.compile(rb"(?:[ \t]*\r?\n)+")
_BLANK_LINE = re.compile(rb"\n[ \t]*\r?\n")


class Entity(Message):
    """A message or part: header fields, and the place of its body in the source bytes.

    ``get_payload`` gives what the standard library gives: a list of entities for multipart and
    message types, else the text before its transfer encoding is undone, made when asked for.
    """

    def __init__(self, source: bytes, default_type: str = "text/plain") -> None:
        super().__init__()
        self.set_default_type(default_type)
        self.source = source
        self.start = 0
        self.stop = len(source)
        self.problem: str | None = None
        self.media: tuple[str, Mapping[str, str]] | None = None
        """What `content_type` found, which is asked for many times."""

    @property
    def body(self) -> bytes:
        """The bytes of the body as they came, transfer encoding and all."""
        return self.source[self.start : self.stop]

    # The arguments are those of the overridden method.
    def get_payload(self, i: int | None = None, decode: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Return the payload as the standard library does, but for raising on odd charsets."""
        if self.is_multipart() or i is not None:
            return None if decode else super().get_payload(i)
        if decode:
            return undo(self.body, transfer_encoding(self))
        return decode_text(self.body, content_type(self)[1].get("charset"))


def headers(message: Message, name: str) -> Iterator[str]:
    """Yield the raw values of every field of that name, topmost first."""
    wanted = name.lower()
    for field, value in message.raw_items():
        if field.lower() == wanted:
            yield str(value)


def header(message: Message, name: str, limit: int = HEADER_LIMIT) -> str:
    """Return the decoded value of the topmost field of that name, '' when absent."""
    return decode_header(next(headers(message, name), None), limit)


def content_type(message: Message) -> tuple[str, Mapping[str, str]]:
    """Return the media type in lower case and its parameters.

    An absent type is the default of its place, a malformed one text/plain (RFC 2045, section 5.2).
    """
    if not isinstance(message, Entity):
        return _read_content_type(message)
    if message.media is None:
        message.media = _read_content_type(message)
    return message.media


def _read_content_type(message: Message) -> tuple[str, Mapping[str, str]]:
    value = next(headers(message, "content-type"), None)
    if value is None:
        return message.get_default_type(), {}
    kind, found = _known_type(value) if len(value) <= _SHORT_TYPE else parameters(value)
    main, _, sub = kind.partition("/")
    if not main or not sub or " " in kind:
        return "text/plain", found
    return kind, found


@lru_cache(maxsize=256)
def _known_type(value: str) -> tuple[str, Mapping[str, str]]:
    """Read one of the few values that nearly all parts of all mails have."""
    return parameters(value)


def transfer_encoding(message: Message) -> str:
    """Return the transfer encoding in lower case, '' for none (RFC 2045, section 6)."""
    encoding = header(message, "content-transfer-encoding", 100).lower().strip(" ;\"'")
    return "" if encoding in {"7bit", "8bit", "binary"} else encoding


def read_tree(source: bytes, start: int) -> Entity:
    """Build the tree of the message whose header begins at ``start``; never raises.

    ``problem`` of the result says what could not be understood, None when all could.
    """
    reader = _Reader(source)
    root = reader.read(start)
    root.problem = reader.problem
    return root


@dataclass(slots=True)
class _Level:
    """An entity whose children are still being read; a message has no delimiter of its own."""

    entity: Entity
    children: list[Message | str]
    delimiter: bytes | None
    shadowed: int | None = None


class _Reader:
    """One pass over the source: every line that begins with ``--`` is looked up once."""

    def __init__(self, source: bytes) -> None:
        self.problem: str | None = None
        self._source = source
        self._levels: list[_Level] = []
        self._delimiters: dict[bytes, int] = {}
        self._leaf: Entity | None = None
        self._body_start = 0
        self._parts = 0

    def read(self, start: int) -> Entity:
        source = self._source
        root = Entity(source)
        self._open(root, start)
        looking_from = max(0, self._body_start - 1)
        while self._delimiters:
            found = source.find(b"\n--", looking_from)
            if found == -1:
                break
            line_end = source.find(b"\n", found + 1)
            if line_end == -1:
                line_end = len(source)
            looking_from = line_end
            if line_end - found < _MAX_DELIMITER:
                looking_from = self._meet(found, line_end)
        self._close(0, len(source))
        return root

    def _meet(self, line_start: int, line_end: int) -> int:
        """Act on one line that begins with two hyphens; return where to look on from."""
        token = self._source[line_start + 3 : line_end].rstrip()
        level = self._delimiters.get(token)
        last = False
        if level is None and token.endswith(b"--"):
            level = self._delimiters.get(token[:-2].rstrip())
            last = True
        if level is None:
            return line_end
        # The line break before a delimiter belongs to it (RFC 2046, section 5.1.1).
        crlf = self._source[line_start - 1 : line_start] == b"\r"
        end = line_start - 1 if crlf else line_start
        if last:
            self._close(level, end)
            return line_end
        if self._parts >= MAX_PARTS:
            self.problem = f"more than {MAX_PARTS} parts"
            self._delimiters.clear()
            return line_end
        self._close(level + 1, end)
        parent = self._levels[level]
        digest = content_type(parent.entity)[0] == "multipart/digest"
        child = Entity(self._source, "message/rfc822" if digest else "text/plain")
        parent.children.append(child)
        self._open(child, min(line_end + 1, len(self._source)))
        return max(line_end, self._body_start - 1)

    def _open(self, entity: Entity, start: int) -> None:
        """Read the header of an entity, and of the messages it directly encloses."""
        while True:
            self._parts += 1
            start = self._body_start = _read_fields(entity, start)
            entity.start = start
            self._leaf = entity
            kind, found = content_type(entity)
            multipart = kind.startswith("multipart/")
            if not multipart and (kind not in _MESSAGES or transfer_encoding(entity)):
                return
            if len(self._levels) >= MAX_DEPTH:
                self.problem = f"nested deeper than {MAX_DEPTH} levels"
                return
            if multipart:
                self._expect(entity, found.get("boundary", ""))
                return
            inner = Entity(self._source)
            self._levels.append(_Level(entity, [inner], None))
            entity = inner

    def _expect(self, entity: Entity, boundary: str) -> None:
        """Look for the delimiters of a multipart from now on."""
        delimiter = boundary.rstrip().encode()
        if not delimiter:
            self.problem = "a multipart without a boundary"
            # Guessed for the outermost only: a search at each level would not be linear.
            before = max(0, entity.start - 1)
            guess = None if self._levels else _FIRST_DELIMITER.search(self._source, before)
            if guess is None:
                return
            delimiter = guess[1].rstrip()
        shadowed = self._delimiters.get(delimiter)
        self._delimiters[delimiter] = len(self._levels)
        self._levels.append(_Level(entity, [], delimiter, shadowed))
        self._leaf = None

    def _close(self, keep: int, end: int) -> None:
        """End the open leaf, and every level from ``keep`` on, at ``end``."""
        if self._leaf is not None:
            _end(self._leaf, end)
            self._leaf = None
        while len(self._levels) > keep:
            level = self._levels.pop()
            level.entity.stop = max(level.entity.start, end)
            if level.delimiter is not None:
                self._delimiters.pop(level.delimiter, None)
                if level.shadowed is not None:
                    self._delimiters[level.delimiter] = level.shadowed
            if level.children:
                level.entity.set_payload(level.children)
            else:
                self.problem = self.problem or "a multipart whose boundary never occurs"


def _end(leaf: Entity, end: int) -> None:
    leaf.stop = max(leaf.start, end)
    if content_type(leaf)[0] == DELIVERY_STATUS and not transfer_encoding(leaf):
        groups = _field_groups(leaf.body)
        if groups:
            leaf.set_payload(groups)


def _field_groups(body: bytes) -> list[Message | str]:
    """Read the groups of fields of a delivery report (RFC 3464, section 2.1)."""
    groups: list[Message | str] = []
    for block in _BLANK_LINE.split(body.lstrip(), MAX_PARTS)[:MAX_PARTS]:
        group = Entity(block)
        leading = _BLANK_LINES.match(block)
        group.start = _read_fields(group, leading.end() if leading else 0)
        if group.keys():
            groups.append(group)
    return groups


def _read_fields(entity: Entity, start: int) -> int:
    """Read header fields up to the empty line; return where the body begins."""
    source, fields = entity.source, 0
    while True:
        found = _FIELD.match(source, start)
        if found is None:
            stray = _STRAY_LINE.match(source, start) if fields else None
            if stray is None:
                break
            start = stray.end()
            continue
        start = found.end()
        fields += 1
        if fields <= _MAX_FIELDS:
            name = found[1].decode("ascii")
            value = found[2][:_MAX_FIELD_BYTES].decode("ascii", "surrogateescape")
            entity.set_raw(name, value.strip(" \t\r\n"))
    if source.startswith(b"\r\n", start):
        return start + 2
    return start + 1 if source.startswith(b"\n", start) else start
