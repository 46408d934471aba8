"""Mail that reports on mail of ours: which addresses it comes to, and what follows from it.

The address says which message a report is about: ``bounces+<token>@…`` carries a token of ours, and
a complaint, which comes to an address of the operator, returns the Message-ID we made. What a
report itself says of envelope ids and Message-IDs is not needed and not believed.
"""

from collections.abc import Collection
from typing import Final

import structlog

from sendook_lite.domain import events
from sendook_lite.domain.addresses import normalise
from sendook_lite.domain.mime import open_mail
from sendook_lite.domain.model import Message
from sendook_lite.domain.reports import Report, ReportedRecipient, read_report
from sendook_lite.domain.submission import rank
from sendook_lite.domain.tokens import REPORT_LOCAL_PART, Tokens
from sendook_lite.store import events as event_store
from sendook_lite.store import messages, submissions
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.publish import Published
from sendook_lite.usecases.reports import ReportedOutcome, Reports, find_recipient

_EVENTS: Final = {
    "delivered": events.MESSAGE_DELIVERED,
    "relayed": events.MESSAGE_DELIVERED,
    "expanded": events.MESSAGE_DELIVERED,
    "failed": events.MESSAGE_BOUNCED,
    "complaint": events.MESSAGE_COMPLAINED,
}
_LONGEST_DETAIL: Final = 4096

log = structlog.get_logger(__name__)


class ReportMail:
    """Knows report addresses and records what comes to them."""

    def __init__(self, reports: Reports, tokens: Tokens, addresses: Collection[str] = ()) -> None:
        self._reports = reports
        self._tokens = tokens
        self._addresses = frozenset(normalise(each) for each in addresses)

    def subject(self, local: str, detail: str | None) -> str | None:
        """Return the id of the message that a return path names; None: it has no token of ours."""
        if local != REPORT_LOCAL_PART:
            return None
        return self._tokens.read_return_path(detail)

    def takes_complaints(self, address: str) -> bool:
        """Say whether an address, as compared and without detail, is one for complaints."""
        return address in self._addresses

    def complaint_about(self, report: Report) -> str | None:
        """Return the id of the message of ours that is complained about; None: no complaint."""
        if report.kind != "complaint":
            return None
        return self._tokens.read_message_id(report.original_message_id)

    def apply(self, tx: Tx, message_id: str, report: Report) -> list[Published]:
        """Record what a report says of a message; part of a unit of work.

        One event for each recipient that something new is said about; what was known fires nothing.
        """
        message = messages.find_in(tx, message_id)
        if message is None or message.direction != "outbound":
            log.info("a report came for a mail that is gone", message=message_id)
            return []
        reported = report.recipients
        if report.kind == "complaint" and not reported:
            # Providers hide who complained; with one recipient that is no secret.
            return self._one(tx, message, ReportedRecipient("", "complaint"))
        return [event for each in reported for event in self._one(tx, message, each)]

    def _one(self, tx: Tx, message: Message, told: ReportedRecipient) -> list[Published]:
        recipients = submissions.of_message(tx, message.seq)
        known = find_recipient(recipients, told.original_recipient, told.recipient)
        if told.action == "delayed":
            if known is not None and rank("delayed") > rank(known.status):
                submissions.note(tx, message.seq, known.position, "delayed", _line(told))
            return []
        event_type = _EVENTS[told.action]
        status = event_type.removeprefix("message.")
        if known is not None:
            if rank(status) <= rank(known.status):
                return []
        elif not _is_first(tx, message, told, status):
            return []
        named = known.recipient if known else told.recipient or None
        return [
            self._reports.apply(
                tx,
                ReportedOutcome(
                    event_type,
                    recipient=named,
                    message_id=message.id,
                    status=told.status,
                    permanent=told.permanent if status == "bounced" else None,
                    diagnostic=_cut(told.diagnostic),
                    remote_mta=_cut(told.remote_mta),
                ),
            )
        ]


def read(raw: bytes) -> Report:
    """Read a mail as a report; never raises."""
    return read_report(open_mail(raw))


def _is_first(tx: Tx, message: Message, told: ReportedRecipient, status: str) -> bool:
    """Say whether this is new about an address that none of several recipients has."""
    key = f"report:{message.id}:{status}:{normalise(told.recipient)}"
    if event_store.find_answers(tx, [key]):
        return False
    event_store.keep_answers(tx, {key: "{}"})
    return True


def _line(told: ReportedRecipient) -> str | None:
    return _cut(told.diagnostic) or told.status


def _cut(text: str | None) -> str | None:
    return text[:_LONGEST_DETAIL] if text else None
