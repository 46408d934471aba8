"""The ways of finding the recipients a report speaks of, each by another kind of evidence.

`reader` decides which of them a mail has earned, and in which order they are asked.
"""

import re
from dataclasses import dataclass
from email.message import Message

from sendook_lite.domain.mime import header
from sendook_lite.domain.reports.addresses import clean_address, find_addresses, variable_recipient
from sendook_lite.domain.reports.delivery_status import read_delivery_status, unique
from sendook_lite.domain.reports.evidence import SOME, Evidence
from sendook_lite.domain.reports.free_text import read_free_text
from sendook_lite.domain.reports.layout import Layout
from sendook_lite.domain.reports.model import Action, ReportedRecipient
from sendook_lite.domain.reports.notice import Notice
from sendook_lite.domain.reports.phrases import FAILURE_WORDS
from sendook_lite.domain.reports.shapes import Shape
from sendook_lite.domain.reports.status import derive_status

_MAX_STATUS_TEXTS = 40
_REFUSED = re.compile(r"\b(?:rejected|refused)\b")


@dataclass(frozen=True, slots=True)
class Case:
    """A mail, and what is known of it before anybody is named."""

    message: Message
    layout: Layout
    notices: list[Notice]
    evidence: Evidence
    action: Action


def is_refusal(case: Case) -> bool:
    """Say whether a receipt for a deleted mail tells of a refusal, not of a reader's bin."""
    reply = header(case.message, "auto-submitted", 200).lower()
    return "reject" in reply or any(_REFUSED.search(one.text.lower()) for one in case.notices)


def from_statuses(case: Case) -> list[ReportedRecipient]:
    """Take the status parts of the mail itself (RFC 3464)."""
    return _from_groups(case.layout.statuses, case)


def from_fields(case: Case) -> list[ReportedRecipient]:
    """Take status fields out of texts and attachments, where gateways leave them."""
    return _from_groups(case.layout.others + case.layout.texts, case)


def from_nested(case: Case) -> list[ReportedRecipient]:
    """Take the status parts of an enclosed mail: a report that a gateway forwards."""
    return _from_groups(case.layout.nested, case)


def _from_groups(texts: list[str], case: Case) -> list[ReportedRecipient]:
    recipients: list[ReportedRecipient] = []
    for text in texts[:_MAX_STATUS_TEXTS]:
        if "recipient" in text.lower():
            recipients += read_delivery_status(text, delay=case.action == "delayed")
    return unique(recipients)


def from_failed_recipients(case: Case) -> list[ReportedRecipient]:
    """Take the X-Failed-Recipients of Exim and Gmail; the text adds the reasons."""
    if not case.evidence.failed:
        return []
    told = {one.recipient.lower(): one for one in from_text(case)}
    recipients = []
    for address in case.evidence.failed:
        known = told.get(address.lower())
        recipients.append(known or _bare(address, case))
    return recipients


def from_text(case: Case) -> list[ReportedRecipient]:
    """Take whom the text names as failed."""
    return _from_notices(case, Shape.SENTENCE)


def from_reasoned(case: Case) -> list[ReportedRecipient]:
    """Take addresses named with a reason: a form that makes up for missing evidence elsewhere."""
    found = _from_notices(case, Shape.LISTED if case.evidence.points == SOME else Shape.SENTENCE)
    reasons = [one.diagnostic or "" for one in found]
    return found if all(FAILURE_WORDS.search(reason.lower()) for reason in reasons) else []


def from_mentions(case: Case) -> list[ReportedRecipient]:
    """Take the one address the text mentions at all."""
    return _from_notices(case, Shape.MENTIONED)


def _from_notices(case: Case, least: Shape) -> list[ReportedRecipient]:
    for notice in case.notices:
        involved = case.evidence.involved
        found = read_free_text(notice, involved=involved, action=case.action, least=least)
        if found:
            return found
    return []


def from_flufl(case: Case) -> list[ReportedRecipient]:
    """Ask flufl.bounce, which knows servers that write addresses without their domain.

    It raises on some input and takes some ordinary mail for bounces; so it is asked late, and
    only about mail that is surely a report.
    """
    from flufl.bounce import all_failures  # noqa: PLC0415 - 20 ms of imports that few mails need

    try:
        temporary, permanent = all_failures(_reduced(case))
    except Exception:  # noqa: BLE001 - any exception means that it could not read the mail
        return []
    recipients = []
    for found in sorted(permanent | temporary):
        address = clean_address(found.decode("utf-8", "replace"))
        if address is not None and address.lower() not in case.evidence.involved:
            action: Action = case.action if found in permanent else "delayed"
            recipients.append(_bare(address, case, action))
    return recipients


def _reduced(case: Case) -> Message:
    """Return the notice as a mail of a few short lines: some patterns of flufl are quadratic."""
    lines = [line[:200] for notice in case.notices[:1] for line in notice.lines]
    reduced = Message()
    for name in ("From", "X-Mailer"):
        reduced[name] = header(case.message, name, 200).replace("\n", " ") or "nobody"
    reduced["Content-Type"] = 'text/plain; charset="utf-8"'
    reduced.set_payload("\n".join(lines)[:8192].encode("ascii", "replace").decode("ascii"))
    return reduced


def from_returned(case: Case) -> list[ReportedRecipient]:
    """Take the To of the returned mail when it names one person and the text names nobody."""
    headers_ = [case.layout.returned or {}] + [notice.header for notice in case.notices]
    for fields in headers_:
        named = find_addresses(fields.get("to", ""))
        if len(named) == 1:
            return [_bare(named[0], case)]
    return []


def from_own_address(case: Case) -> list[ReportedRecipient]:
    """Take the recipient out of the address the report came to, when the text names nobody."""
    for name in ("to", "delivered-to"):
        for address in find_addresses(header(case.message, name)):
            recipient = variable_recipient(address)
            if recipient is not None:
                return [_bare(recipient, case)]
    return []


def _bare(address: str, case: Case, action: Action | None = None) -> ReportedRecipient:
    action = action or case.action
    text = "\n".join(notice.text for notice in case.notices[:2])
    bad = action in {"failed", "delayed"}
    return ReportedRecipient(
        recipient=address,
        action=action,
        status=derive_status(text, failed=action == "failed") if bad else None,
        permanent=action == "failed" if bad else None,
    )
