"""Composes a mail: RFC 5322 bytes from what a caller wants to send. Pure, and ASCII throughout.

The one exception are addresses whose local part is beyond ASCII: they stand in the header as they
are (RFC 6532), and the mail then needs a relay that offers SMTPUTF8.
"""

import binascii
import html
import re
from base64 import encodebytes
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sendook_lite.domain import header_writing as write
from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.html_text import html_to_text

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_PARAGRAPH: Final = re.compile(r"\n[ \t]*\n+")
_NOT_ATTACHED: Final = ("multipart/", "message/")
"""Types that must not be encoded in base64 (RFC 2045 section 6.4): sent as plain bytes."""

MOST_REFERENCES: Final = 20
"""The first mail of a conversation and the last ones; a header line holds no more than so many."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to be attached."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be sent, judged and complete; Message-IDs have no angle brackets.

    At least one of ``text`` and ``html`` is not empty. ``headers`` holds none that are written
    here (see `sendook_lite.domain.outgoing_headers`).
    """

    from_address: str
    from_name: str | None
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    attachments: tuple[File, ...] = ()
    reply_to: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody it goes to, as given."""
        return (*self.to, *self.cc, *self.bcc)

    @property
    def size(self) -> int:
        """Roughly how many bytes are to be composed."""
        return len(self.text) + len(self.html) + sum(len(each.content) for each in self.attachments)


def complete(text: str, markup: str) -> tuple[str, str]:
    """Return text and HTML, the one that is missing made of the other."""
    if not text.strip() and markup.strip():
        return html_to_text(markup), markup
    if not markup.strip():
        return text, text_to_html(text)
    return text, markup


def text_to_html(text: str) -> str:
    """Make HTML of plain text: paragraphs and line breaks as they are, nothing else."""
    plain = _LINE_END.sub("\n", text).strip("\n")
    paragraphs = [html.escape(each, quote=False) for each in _PARAGRAPH.split(plain)]
    return "".join(f"<p>{each.replace(chr(10), '<br>')}</p>\n" for each in paragraphs)


def compose(draft: Draft, message_id: str, now: int) -> bytes:
    """Write the mail; bcc is left out.

    Args:
        draft: what is to be sent.
        message_id: without angle brackets.
        now: epoch ms.

    Raises:
        ValueError: a value of a header holds a control character.
    """
    fields = [
        ("From", write.mailbox(draft.from_name, draft.from_address)),
        ("To", write.addresses(draft.to) if draft.to else "undisclosed-recipients:;"),
        ("Cc", write.addresses(draft.cc)),
        ("Reply-To", write.address(draft.reply_to) if draft.reply_to else ""),
        ("Subject", write.text(draft.subject)),
        ("Date", _date(now)),
        ("Message-ID", write.message_ids([message_id])),
        ("In-Reply-To", write.message_ids([draft.in_reply_to] if draft.in_reply_to else [])),
        ("References", write.message_ids(_bounded(draft.references))),
        *((name, write.text(value)) for name, value in draft.headers),
        ("MIME-Version", "1.0"),
    ]
    head = b"".join(write.field(name, value) for name, value in fields if value)
    # "=_" stands in nobody's text: it is written as =3D_ in quoted-printable, never in base64.
    stem = f"=_{message_id.partition('@')[0]}"
    return head + _body(draft, stem)


def _body(draft: Draft, stem: str) -> bytes:
    text, markup = complete(draft.text, draft.html)
    body = _multipart(
        "alternative", f"{stem}_a", [_text_part("plain", text), _text_part("html", markup)]
    )
    if not draft.attachments:
        return body
    files = (_file_part(each) for each in draft.attachments)
    return _multipart("mixed", f"{stem}_m", [body, *files])


def _multipart(kind: str, boundary: str, parts: Iterable[bytes]) -> bytes:
    mark = boundary.encode("ascii")
    content_type = f'multipart/{kind};\r\n boundary="{boundary}"'
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii")
    inside = b"".join(b"--%s\r\n%s\r\n" % (mark, part) for part in parts)
    return head + inside + b"--%s--\r\n" % mark


def _text_part(subtype: str, text: str) -> bytes:
    lines = _LINE_END.sub("\n", text)
    data = (lines if lines.endswith("\n") else f"{lines}\n").encode("utf-8", "replace")
    quoted = binascii.b2a_qp(data, istext=True)
    # Scripts that are mostly beyond ASCII take three characters a byte when they are quoted.
    encoding, body = "quoted-printable", quoted
    if len(quoted) > 2 * len(data):
        encoding, body = "base64", encodebytes(data.replace(b"\n", b"\r\n"))
    head = write.field("Content-Type", f"text/{subtype}; charset=utf-8")
    head += write.field("Content-Transfer-Encoding", encoding)
    return head + b"\r\n" + body.replace(b"\n", b"\r\n")


def _file_part(file: File) -> bytes:
    kind = file.content_type
    if kind.lower().startswith(_NOT_ATTACHED):
        kind = "application/octet-stream"
    head = write.field("Content-Type", kind + write.parameter("name", file.name))
    head += write.field("Content-Transfer-Encoding", "base64")
    disposition = "attachment" + write.parameter("filename", file.name)
    head += write.field("Content-Disposition", disposition)
    return head + b"\r\n" + encodebytes(file.content).replace(b"\n", b"\r\n")


def _date(now: int) -> str:
    """Write a date (RFC 5322, section 3.3); strftime would follow the locale."""
    at = datetime.fromtimestamp(now // MS_PER_SECOND, UTC)
    day = f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year:04d}"
    return f"{day} {at:%H:%M:%S} +0000"


def _bounded(references: tuple[str, ...]) -> tuple[str, ...]:
    if len(references) <= MOST_REFERENCES:
        return references
    return (references[0], *references[1 - MOST_REFERENCES :])
