"""A received message as the product shows it, from its RFC 5322 bytes.

`parse` is pure and never raises: what cannot be read is left out and told in ``parse_error``.
"""

import re
from dataclasses import dataclass
from typing import Any

from sendook_lite.domain import mail_fields
from sendook_lite.domain.addresses import Mailbox, read_mailboxes
from sendook_lite.domain.attachment_names import default_name, safe_name
from sendook_lite.domain.body import disposition, divide, read_body
from sendook_lite.domain.mail_fields import Fields
from sendook_lite.domain.mime import Part, header, open_mail, parse_error, part_bytes, walk
from sendook_lite.domain.mime_tree import Entity
from sendook_lite.domain.visible_text import visible_reply

_MAX_SUBJECT = 4096
_CONTENT_ID = re.compile(r"[<>\s]+")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the body.

    ``part`` is its index in walk order, by which `extract_attachment` finds it again. ``inline``
    says that the HTML shows it: it has a Content-ID and is not marked as a file to be saved.
    ``content_id`` has no angle brackets. ``size`` counts the decoded bytes.
    """

    name: str
    content_type: str
    size: int
    content: bytes
    content_id: str | None
    inline: bool
    part: int


@dataclass(frozen=True, slots=True)
class Mail:
    """A received message; every text is clean (UTF-8 can hold it, no NUL).

    ``text`` is the visible reply, ``full_text`` the whole; ``html`` is '' when there is none. Ids
    have no angle brackets. ``date`` is in epoch milliseconds. ``from_address`` is '' when the mail
    names no author. The shapes of ``spam`` and ``authentication`` are told in `mail_fields`.
    """

    from_address: str
    from_name: str | None
    to: tuple[str, ...]
    cc: tuple[str, ...]
    reply_to: tuple[str, ...]
    subject: str
    text: str
    full_text: str
    html: str
    attachments: tuple[Attachment, ...]
    headers: dict[str, str]
    message_id: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    date: int | None
    auto_submitted: bool
    spam: dict[str, Any] | None
    authentication: dict[str, str] | None
    parse_error: str | None


def parse(raw: bytes) -> Mail:
    """Read a message; never raises, whatever the bytes."""
    message = open_mail(raw)
    fields = Fields(message)
    author = _author(fields)
    body_parts, other_parts = divide(list(walk(message)))
    body = read_body(body_parts)
    return Mail(
        from_address=author.address,
        from_name=author.name,
        to=_addresses(fields, "to"),
        cc=_addresses(fields, "cc"),
        reply_to=_addresses(fields, "reply-to"),
        subject=fields.text("subject", _MAX_SUBJECT),
        text=visible_reply(body.text),
        full_text=body.text,
        html=body.html,
        attachments=tuple(_attachment(part, n) for n, part in enumerate(other_parts, 1)),
        headers=mail_fields.shown(fields),
        message_id=mail_fields.message_id(fields),
        in_reply_to=mail_fields.message_ids(fields.raw("in-reply-to")),
        references=mail_fields.message_ids(fields.raw("references")),
        date=mail_fields.date(fields),
        auto_submitted=mail_fields.is_auto_submitted(fields),
        spam=mail_fields.spam(fields),
        authentication=mail_fields.authentication(fields),
        parse_error=parse_error(message),
    )


def extract_attachment(raw: bytes, part: int) -> bytes | None:
    """Return the decoded bytes of the part with that index, None when there is none."""
    for found in walk(open_mail(raw)):
        if found.index == part:
            return part_bytes(found.message)
    return None


def _author(fields: Fields) -> Mailbox:
    value = fields.raw("from")
    if value is None:
        value = fields.raw("sender")
    mailboxes = read_mailboxes(value)
    if mailboxes:
        return mailboxes[0]
    return Mailbox(fields.text("from") or None, "")


def _addresses(fields: Fields, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mailbox.address for mailbox in read_mailboxes(fields.raw(name))))


def _attachment(part: Part, number: int) -> Attachment:
    shown = disposition(part)
    content_id = _CONTENT_ID.sub("", header(part.message, "content-id", 998)) or None
    content = part_bytes(part.message)
    return Attachment(
        name=safe_name(shown.name) or default_name(number, part.content_type, _title(part)),
        content_type=part.content_type,
        size=len(content),
        content=content,
        content_id=content_id,
        inline=content_id is not None and shown.kind != "attachment",
        part=part.index,
    )


def _title(part: Part) -> str:
    """Return the subject of an enclosed message, '' for other parts."""
    if not part.content_type.startswith("message/") or not part.message.is_multipart():
        return ""
    enclosed = part.message.get_payload(0)
    return header(enclosed, "subject", _MAX_SUBJECT) if isinstance(enclosed, Entity) else ""
