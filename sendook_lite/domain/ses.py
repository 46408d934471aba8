"""Reads what Amazon SES tells about a mail, in both its shapes; pure.

Notifications of an identity have ``notificationType``, published events ``eventType``; apart from
that they are alike. What is read here becomes one report for each recipient.
"""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sendook_lite.domain import events
from sendook_lite.domain.clock import parse_iso
from sendook_lite.domain.errors import Invalid

_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_LONGEST: Final = 4096
_MOST_RECIPIENTS: Final = 1000
_RECEIVED: Final = "Received"


@dataclass(frozen=True, slots=True)
class SesReport:
    """What became of a mail for one recipient; ``at`` in epoch ms.

    ``sender`` is the envelope's, ``message_id`` the one that the mail had when SES was given it.
    """

    event_type: str
    recipient: str
    sender: str | None
    message_id: str | None
    status: str | None
    permanent: bool | None
    diagnostic: str | None
    remote_mta: str | None
    at: int | None


@dataclass(frozen=True, slots=True)
class SesMail:
    """A mail that SES received for us; ``raw`` is None when it is kept somewhere else (S3)."""

    raw: bytes | None
    recipients: tuple[str, ...]
    sender: str | None
    action: str


_Found = tuple[Any, str | None, bool | None, str | None, str | None]
"""Recipient, status, whether it is permanent, what was said, and by which machine."""


def read_notification(document: Mapping[str, Any]) -> SesMail | list[SesReport]:
    """Read a notification; those that tell nothing that is an event here are an empty list.

    Raises:
        Invalid: it is not as SES writes it.
    """
    kind = document.get("notificationType") or document.get("eventType")
    try:
        if kind == _RECEIVED:
            return _read_mail(document)
        return _read_reports(str(kind), document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Invalid(f"{kind} is not as SES writes it", code="not_ses") from error


def _read_mail(document: Mapping[str, Any]) -> SesMail:
    receipt = document["receipt"]
    content = document.get("content")
    raw = None
    if content is not None:
        encoding = str(receipt["action"].get("encoding", "UTF-8")).upper()
        raw = (
            binascii.a2b_base64(content, strict_mode=True)
            if encoding == "BASE64"
            else content.encode()
        )
    return SesMail(
        raw=raw,
        recipients=tuple(dict.fromkeys(map(str, receipt["recipients"]))),
        sender=_text(document["mail"].get("source")),
        action=str(receipt["action"]["type"]),
    )


def _read_reports(kind: str, document: Mapping[str, Any]) -> list[SesReport]:
    mail = document["mail"]
    found: list[_Found]
    match kind:
        case "Delivery":
            told = document["delivery"]
            said = _text(told.get("smtpResponse"))
            found = [
                (each, _status(said), None, said, _text(told.get("remoteMtaIp")))
                for each in told["recipients"]
            ]
            return _reports(events.MESSAGE_DELIVERED, mail, told, found)
        case "Bounce":
            told = document["bounce"]
            permanent = {"Permanent": True, "Transient": False}.get(told["bounceType"])
            found = [
                (
                    each["emailAddress"],
                    _status(_text(each.get("status"))),
                    permanent,
                    _text(each.get("diagnosticCode")) or _text(told.get("bounceSubType")),
                    None,
                )
                for each in told["bouncedRecipients"]
            ]
            return _reports(events.MESSAGE_BOUNCED, mail, told, found)
        case "Complaint":
            told = document["complaint"]
            said = _text(told.get("complaintFeedbackType"))
            found = [
                (each["emailAddress"], None, None, said, None)
                for each in told["complainedRecipients"]
            ]
            return _reports(events.MESSAGE_COMPLAINED, mail, told, found)
        case "Reject" | "Rendering Failure":
            told = document["reject" if kind == "Reject" else "failure"]
            said = _text(told.get("reason")) or _text(told.get("errorMessage"))
            found = [(each, None, True, said, None) for each in mail["destination"]]
            return _reports(events.MESSAGE_REJECTED, mail, told, found)
        case _:
            # Send: the relay's answer told it already. DeliveryDelay: nothing has become of it
            # yet. Open, Click, Subscription: not about delivery.
            return []


def _reports(
    event_type: str, mail: Mapping[str, Any], told: Mapping[str, Any], found: list[_Found]
) -> list[SesReport]:
    stamp = _text(told.get("timestamp"))
    return [
        SesReport(
            event_type=event_type,
            recipient=_bare(str(recipient)),
            sender=_text(mail.get("source")),
            message_id=_message_id(mail),
            status=status,
            permanent=permanent,
            diagnostic=diagnostic[:_LONGEST] if diagnostic else None,
            remote_mta=remote_mta,
            at=None if stamp is None else parse_iso(stamp),
        )
        for recipient, status, permanent, diagnostic, remote_mta in found[:_MOST_RECIPIENTS]
    ]


def _message_id(mail: Mapping[str, Any]) -> str | None:
    """Return the Message-ID as it was sent; SES writes another of its own into what goes out."""
    for header in mail.get("headers") or ():
        if str(header.get("name", "")).lower() == "message-id":
            return _text(header.get("value"))
    return _text((mail.get("commonHeaders") or {}).get("messageId"))


def _status(text: str | None) -> str | None:
    match = _STATUS.search(text or "")
    return match[1] if match else None


def _bare(address: str) -> str:
    """Return an address without the name that SES repeats where the sender wrote one."""
    return address.rpartition("<")[2].rstrip("> ") if address.endswith(">") else address


def _text(value: Any) -> str | None:
    return value.replace("\0", "") if isinstance(value, str) and value else None
