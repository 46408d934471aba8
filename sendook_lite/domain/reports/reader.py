"""Deciding what a mail reports: the readers in order of trust."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message

from sendook_lite.domain.charsets import clean
from sendook_lite.domain.mime import Entity, header, headers, open_mail
from sendook_lite.domain.reports.abuse import complained, is_abuse_report
from sendook_lite.domain.reports.addresses import clean_address, find_addresses, variable_recipient
from sendook_lite.domain.reports.delivery_status import (
    envelope_id,
    message_id,
    read_delivery_status,
    unique,
)
from sendook_lite.domain.reports.evidence import ENOUGH, PLENTY, Evidence, weigh
from sendook_lite.domain.reports.free_text import read_free_text
from sendook_lite.domain.reports.layout import Layout, survey
from sendook_lite.domain.reports.model import NOTHING, Action, Reader, Report, ReportedRecipient
from sendook_lite.domain.reports.notice import Notice, read_notice
from sendook_lite.domain.reports.phrases import FAILURE_WORDS
from sendook_lite.domain.reports.shapes import Shape
from sendook_lite.domain.reports.status import derive_status
from sendook_lite.domain.reports.verdict import overall_action

_MAX_STATUS_TEXTS = 40
_MAX_SAID = 32768
_MAX_NOTICES = 128 * 1024
_SOME = 3
"""Points that make fields of a report in the wrong place believable."""

_REFUSED = re.compile(r"\b(?:rejected|refused)\b")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,900}>")


def read_report(message: Message) -> Report:
    """Say what a mail reports; never raises.

    Args:
        message: any mail; parsed by `sendook_lite.domain.mime.open_mail` or by the standard
            library under compat32.
    """
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
    mail = _Mail(message, layout, notices, evidence, action)
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


@dataclass(frozen=True, slots=True)
class _Mail:
    """A mail, and what is known of it before anybody is named."""

    message: Message
    layout: Layout
    notices: list[Notice]
    evidence: Evidence
    action: Action


_Find = Callable[[_Mail], list[ReportedRecipient]]


def _readers(mail: _Mail) -> list[tuple[Reader, _Find]]:
    """List the readers this mail has earned by its evidence, most trusted first."""
    earned: list[tuple[Reader, _Find]] = [("delivery-status", _from_statuses)]
    if mail.layout.disposition:
        # A receipt (RFC 8098) is no delivery report. Sieve's reject uses its form (RFC 5429).
        if _is_refusal(mail):
            earned.append(("status-fields", _from_fields))
        return earned
    if mail.evidence.points >= _SOME:
        earned.append(("status-fields", _from_fields))
    if mail.evidence.points >= ENOUGH:
        earned += [
            ("free-text", _from_failed_recipients),
            ("free-text", _from_text),
        ]
    elif mail.evidence.points >= _SOME and mail.evidence.told:
        earned.append(("free-text", _from_reasoned))
    if mail.evidence.points >= _SOME:
        earned.append(("delivery-status", _from_nested))
    if mail.evidence.points >= ENOUGH:
        earned += [
            ("flufl", _from_flufl),
            ("free-text", _from_returned),
            ("free-text", _from_own_address),
        ]
    if mail.evidence.points >= (ENOUGH if mail.evidence.told else PLENTY):
        earned.append(("free-text", _from_mentions))
    return earned


def _is_refusal(mail: _Mail) -> bool:
    """Say whether a receipt for a deleted mail tells of a refusal, not of a reader's bin."""
    reply = header(mail.message, "auto-submitted", 200).lower()
    return "reject" in reply or any(_REFUSED.search(one.text.lower()) for one in mail.notices)


def _from_statuses(mail: _Mail) -> list[ReportedRecipient]:
    return _from_groups(mail.layout.statuses, mail)


def _from_fields(mail: _Mail) -> list[ReportedRecipient]:
    return _from_groups(mail.layout.others + mail.layout.texts, mail)


def _from_nested(mail: _Mail) -> list[ReportedRecipient]:
    return _from_groups(mail.layout.nested, mail)


def _from_groups(texts: list[str], mail: _Mail) -> list[ReportedRecipient]:
    recipients: list[ReportedRecipient] = []
    for text in texts[:_MAX_STATUS_TEXTS]:
        if "recipient" in text.lower():
            recipients += read_delivery_status(text, delay=mail.action == "delayed")
    return unique(recipients)


def _from_failed_recipients(mail: _Mail) -> list[ReportedRecipient]:
    """Take the X-Failed-Recipients of Exim and Gmail; the text adds the reasons."""
    if not mail.evidence.failed:
        return []
    told = {one.recipient.lower(): one for one in _from_text(mail)}
    recipients = []
    for address in mail.evidence.failed:
        known = told.get(address.lower())
        recipients.append(known or _bare(address, mail))
    return recipients


def _from_text(mail: _Mail) -> list[ReportedRecipient]:
    return _from_notices(mail, Shape.SENTENCE)


def _from_reasoned(mail: _Mail) -> list[ReportedRecipient]:
    """Take addresses named with a reason: a form that makes up for missing evidence elsewhere."""
    found = _from_notices(mail, Shape.LISTED if mail.evidence.points == _SOME else Shape.SENTENCE)
    reasons = [one.diagnostic or "" for one in found]
    return found if all(FAILURE_WORDS.search(reason.lower()) for reason in reasons) else []


def _from_mentions(mail: _Mail) -> list[ReportedRecipient]:
    return _from_notices(mail, Shape.MENTIONED)


def _from_notices(mail: _Mail, least: Shape) -> list[ReportedRecipient]:
    for notice in mail.notices:
        involved = mail.evidence.involved
        found = read_free_text(notice, involved=involved, action=mail.action, least=least)
        if found:
            return found
    return []


def _from_flufl(mail: _Mail) -> list[ReportedRecipient]:
    """Ask flufl.bounce, which knows servers that write addresses without their domain.

    It raises on some input and takes some ordinary mail for bounces; so it is asked late, and
    only about mail that is surely a report.
    """
    from flufl.bounce import all_failures  # noqa: PLC0415 - 20 ms of imports that few mails need

    try:
        temporary, permanent = all_failures(_reduced(mail))
    except Exception:  # noqa: BLE001 - any exception means that it could not read the mail
        return []
    recipients = []
    for found in sorted(permanent | temporary):
        address = clean_address(found.decode("utf-8", "replace"))
        if address is not None and address.lower() not in mail.evidence.involved:
            action: Action = mail.action if found in permanent else "delayed"
            recipients.append(_bare(address, mail, action))
    return recipients


def _reduced(mail: _Mail) -> Message:
    """Return the notice as a mail of a few short lines: some patterns of flufl are quadratic."""
    lines = [line[:200] for notice in mail.notices[:1] for line in notice.lines]
    reduced = Message()
    for name in ("From", "X-Mailer"):
        reduced[name] = header(mail.message, name, 200).replace("\n", " ") or "nobody"
    reduced["Content-Type"] = 'text/plain; charset="utf-8"'
    reduced.set_payload("\n".join(lines)[:8192].encode("ascii", "replace").decode("ascii"))
    return reduced


def _from_returned(mail: _Mail) -> list[ReportedRecipient]:
    """Take the To of the returned mail when it names one person and the text names nobody."""
    headers_ = [mail.layout.returned or {}] + [notice.header for notice in mail.notices]
    for fields in headers_:
        named = find_addresses(fields.get("to", ""))
        if len(named) == 1:
            return [_bare(named[0], mail)]
    return []


def _from_own_address(mail: _Mail) -> list[ReportedRecipient]:
    """Take the recipient out of the address the report came to, when the text names nobody."""
    for name in ("to", "delivered-to"):
        for address in find_addresses(header(mail.message, name)):
            recipient = variable_recipient(address)
            if recipient is not None:
                return [_bare(recipient, mail)]
    return []


def _bare(address: str, mail: _Mail, action: Action | None = None) -> ReportedRecipient:
    action = action or mail.action
    text = "\n".join(notice.text for notice in mail.notices[:2])
    bad = action in {"failed", "delayed"}
    return ReportedRecipient(
        recipient=address,
        action=action,
        status=derive_status(text, failed=action == "failed") if bad else None,
        permanent=action == "failed" if bad else None,
    )


def _report(mail: _Mail, recipients: list[ReportedRecipient], reader: Reader) -> Report:
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
