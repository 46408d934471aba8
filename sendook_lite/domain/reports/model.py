"""What a report says: its kind, and what became of each recipient."""

from dataclasses import dataclass
from typing import Any, Literal

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded", "complaint"]
"""The actions of RFC 3464 section 2.3.3, and ``complaint`` for abuse reports."""

Reader = Literal["delivery-status", "status-fields", "free-text", "flufl", "abuse-report"]
"""Which reader found the recipients, best evidence first."""


@dataclass(frozen=True, slots=True)
class ReportedRecipient:
    """What became of the mail for one recipient.

    ``recipient`` is the address the reporting server gave up on or delivered to;
    ``original_recipient`` the one the sender had named, when the report tells them apart
    (forwarding, aliases). ``status`` is an enhanced code such as ``5.1.1`` (RFC 3463).
    ``permanent`` speaks of the message: every failure is permanent for it, whatever its code,
    every delay temporary; it is None where nothing failed.
    """

    recipient: str
    action: Action
    status: str | None = None
    permanent: bool | None = None
    diagnostic: str | None = None
    remote_mta: str | None = None
    original_recipient: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail reports; ``kind`` is ``none`` for ordinary mail.

    ``original_message_id`` is the Message-ID of the mail reported on, with its angle brackets;
    ``original_envelope_id`` the ENVID given on submission (RFC 3461).
    """

    kind: Literal["delivery", "complaint", "none"]
    recipients: tuple[ReportedRecipient, ...] = ()
    original_message_id: str | None = None
    original_envelope_id: str | None = None
    reader: Reader | None = None


NOTHING = Report(kind="none")


def as_json(report: Report) -> dict[str, Any]:
    """Render a report for people and programs; what is not known is absent."""
    rendered: dict[str, Any] = {
        "kind": report.kind,
        "recipients": [
            _present(
                recipient=one.recipient,
                action=one.action,
                status=one.status,
                permanent=one.permanent,
                diagnostic=one.diagnostic,
                remoteMta=one.remote_mta,
            )
            for one in report.recipients
        ],
    }
    return rendered | _present(
        originalMessageId=report.original_message_id,
        originalEnvelopeId=report.original_envelope_id,
    )


def _present(**fields: str | bool | None) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
