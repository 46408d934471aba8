"""Deciding what a mail reports: the readers in order of trust."""

import re
from collections.abc import Callable
from email.message import Message

from sendook_lite.domain.charsets import clean
from sendook_lite.domain.mime import Entity, header, headers, open_mail
from sendook_lite.domain.reports import finders
from sendook_lite.domain.reports.abuse import complained, is_abuse_report
from sendook_lite.domain.reports.delivery_status import envelope_id, message_id
from sendook_lite.domain.reports.evidence import ENOUGH, PLENTY, SOME, weigh
from sendook_lite.domain.reports.finders import Case
from sendook_lite.domain.reports.layout import Layout, survey
from sendook_lite.domain.reports.model import NOTHING, Reader, Report, ReportedRecipient
from sendook_lite.domain.reports.notice import Notice, read_notice
from sendook_lite.domain.reports.verdict import overall_action

_MAX_SAID = 32768
_MAX_NOTICES = 128 * 1024

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,900}>")


def read(message: Message) -> Report:
    """Say what a mail reports; never raises (`sendook_lite.domain.reports.read_report`)."""
    try:
        return _read(message)
    except Exception:  # noqa: BLE001 - a mail that cannot be read is not a report, whatever it does
        return NOTHING


def _read(message: Message) -> Report:
    if not isinstance(message, Entity):
        message = open_mail(message.as_bytes())
    layout = survey(message)
    abuse = is_abuse_report(layout, header(message, "subject"))
    if abuse is not None:
        if not abuse:
            return NOTHING
        return Report(
            kind="complaint",
            recipients=tuple(complained(layout)),
            original_message_id=_identifier(layout.returned),
            reader="abuse-report",
        )
    notices = _notices(layout)
    said = "\n".join(notice.text for notice in notices[:2])
    evidence = weigh(message, layout, notices)
    action = overall_action(said[:_MAX_SAID].lower(), evidence.subject)
    mail = Case(message, layout, notices, evidence, action)
    for reader, find in _readers(mail):
        recipients = find(mail)
        if recipients:
            return _report(mail, recipients, reader)
    sure = evidence.points >= PLENTY and evidence.surely
    if sure and layout.disposition is False and action != "delivered":
        return _report(mail, [], "free-text")
    return NOTHING


def _notices(layout: Layout) -> list[Notice]:
    """Read the texts for people, plain before HTML, within one bound for all."""
    notices: list[Notice] = []
    left = _MAX_NOTICES
    for text in (*layout.texts[:4], *layout.markups[:2]):
        if left > 0:
            notices.append(read_notice(text[:left]))
            left -= len(text)
    return notices


_Find = Callable[[Case], list[ReportedRecipient]]


def _readers(mail: Case) -> list[tuple[Reader, _Find]]:
    """List the readers this mail has earned by its evidence, most trusted first."""
    earned: list[tuple[Reader, _Find]] = [("delivery-status", finders.from_statuses)]
    if mail.layout.disposition:
        # A receipt (RFC 8098) is no delivery report. Sieve's reject uses its form (RFC 5429).
        if finders.is_refusal(mail):
            earned.append(("status-fields", finders.from_fields))
        return earned
    if mail.evidence.points >= SOME:
        earned.append(("status-fields", finders.from_fields))
    if mail.evidence.points >= ENOUGH:
        earned += [
            ("free-text", finders.from_failed_recipients),
            ("free-text", finders.from_text),
        ]
    elif mail.evidence.points >= SOME and mail.evidence.told:
        earned.append(("free-text", finders.from_reasoned))
    if mail.evidence.points >= SOME:
        earned.append(("delivery-status", finders.from_nested))
    if mail.evidence.points >= ENOUGH:
        earned += [
            ("flufl", finders.from_flufl),
            ("free-text", finders.from_returned),
            ("free-text", finders.from_own_address),
        ]
    if mail.evidence.points >= (ENOUGH if mail.evidence.told else PLENTY):
        earned.append(("free-text", finders.from_mentions))
    return earned


def _report(mail: Case, recipients: list[ReportedRecipient], reader: Reader) -> Report:
    layout = mail.layout
    texts = layout.statuses + layout.others + layout.nested
    fields = layout.returned
    if reader == "delivery-status" and not layout.statuses and layout.nested_returned is not None:
        fields = layout.nested_returned
    envelope = next((found for text in texts if (found := envelope_id(text))), None)
    stated = next((found for text in texts if (found := message_id(text))), None)
    shown = next(
        (one.header["message-id"] for one in mail.notices if "message-id" in one.header), None
    )
    return Report(
        kind="delivery",
        recipients=tuple(recipients),
        original_message_id=_identifier(fields, stated, shown, _answered(mail.message)),
        original_envelope_id=envelope,
        reader=reader,
    )


def _answered(message: Message) -> str | None:
    """Return the In-Reply-To of the report itself; Exchange and Gmail set it."""
    return next(headers(message, "in-reply-to"), None)


def _identifier(fields: dict[str, str] | None, *others: str | None) -> str | None:
    """Return the first Message-ID there is, the one in the returned header before all others."""
    for value in ((fields or {}).get("message-id"), *others):
        found = _MESSAGE_ID.search(value or "")
        if found is not None:
            return clean(found[0])
    return None
