"""A mail that is not stored, as the API would show it, and as a summary for people."""

from dataclasses import replace
from typing import Any

from sendook_lite.cli.terminal import printable
from sendook_lite.domain import resources
from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.mail import parse
from sendook_lite.domain.message_content import content_of
from sendook_lite.domain.mime import open_mail
from sendook_lite.domain.model import Message, MessageContent
from sendook_lite.domain.reports import as_json, read_report
from sendook_lite.domain.reports.model import NOTHING

View = dict[str, Any]

_INLINE_LIMIT = 262_144
"""The default of ``delivery.inline_attachments``."""

_OF_STORED_MAIL = frozenset(
    {"_id", "id", "organizationId", "inboxId", "threadId", "toInboxId", "createdAt", "updatedAt"}
)
_OF_STORED_ATTACHMENTS = frozenset({"_id", "id", "url"})


def view(raw: bytes) -> View:
    """Show a mail: the message without ids, and ``report``; never raises, whatever the bytes."""
    try:
        message = _shown(*_content(raw))
    except Exception as error:  # noqa: BLE001 - the parser does not raise; if it should, all else holds
        problem = f"cannot be read ({type(error).__name__})"
        message = _shown(MessageContent(from_address="", parse_error=problem), None)
    try:
        report = read_report(open_mail(raw))
    except Exception:  # noqa: BLE001 - as above
        report = NOTHING
    return {**message, "report": as_json(report)}


def as_text(shown: View) -> str:
    """Lay out a view for a terminal."""
    author = shown["from"]
    if "fromName" in shown:
        author = f"{shown['fromName']} <{author}>"
    facts = [
        ("From", author),
        ("Envelope", shown.get("envelopeFrom")),
        ("To", ", ".join(shown["to"])),
        ("Cc", ", ".join(shown["cc"])),
        ("Reply-To", shown.get("replyTo")),
        ("Subject", shown["subject"]),
        ("Date", shown.get("date")),
        ("Message-ID", shown.get("externalMessageId")),
        ("Automatic", "yes" if shown.get("autoSubmitted") else None),
        ("Spam", _pairs(shown.get("spam"))),
        ("Checks", _pairs(shown.get("authentication"))),
        ("Problem", shown.get("parseError")),
        *(
            ("Attached", f"{each['name']} ({each['contentType']}, {each['size']:,} bytes)")
            for each in shown["attachments"]
        ),
        *_report_facts(shown["report"]),
    ]
    head = "\n".join(f"{name:<10}  {printable(value)}" for name, value in facts if value)
    return f"{head}\n\n{printable(shown['text'], lines=True)}"


def _report_facts(report: View) -> list[tuple[str, str | None]]:
    if report["kind"] == "none":
        return []
    return [
        ("Report", report["kind"]),
        ("About", report.get("originalMessageId")),
        ("ENVID", report.get("originalEnvelopeId")),
        *(("", _recipient_line(one)) for one in report["recipients"]),
    ]


def _recipient_line(one: View) -> str:
    permanence = {True: "permanent", False: "temporary", None: None}[one.get("permanent")]
    words = [one["recipient"], one["action"], one.get("status"), permanence, one.get("remoteMta")]
    line = "  ".join(word for word in words if word)
    return f"{line}: {one['diagnostic']}" if "diagnostic" in one else line


def _pairs(values: View | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in (values or {}).items())


def _content(raw: bytes) -> tuple[MessageContent, str | None]:
    """Read a mail; returns what a message keeps of it, and its Message-ID."""
    mail = parse(raw)
    return_path = mail.headers.get("Return-Path")
    sender = None if return_path is None else return_path.strip("<> \t")
    content = content_of(
        mail,
        recipient=mail.to[0] if mail.to else "",
        sender=sender,
        inline_limit=_INLINE_LIMIT,
        ids=Ids(SystemClock()),
    )
    # Nobody's inbox is meant, and an envelope that is not known is not the null sender's.
    automatic = mail.auto_submitted if sender is None else content.auto_submitted
    return replace(content, to=mail.to, auto_submitted=automatic), mail.message_id


def _shown(content: MessageContent, message_id: str | None) -> View:
    document = resources.message(
        Message(
            seq=0,
            id="",
            inbox_id="",
            thread_id="",
            direction="inbound",
            status="received",
            external_message_id=message_id,
            created_at=0,
            updated_at=0,
            content=content,
        ),
        public_url="",
    )
    shown = {name: value for name, value in document.items() if name not in _OF_STORED_MAIL}
    shown["attachments"] = [
        {name: value for name, value in each.items() if name not in _OF_STORED_ATTACHMENTS}
        for each in document["attachments"]
    ]
    return shown
