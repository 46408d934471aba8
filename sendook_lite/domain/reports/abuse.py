"""Reading abuse reports (RFC 5965), their drafts, and the form Hotmail used before."""

import re

from sendook_lite.domain.reports.addresses import find_address, find_addresses, read_address_field
from sendook_lite.domain.reports.delivery_status import shorten
from sendook_lite.domain.reports.fields import Group, split_groups
from sendook_lite.domain.reports.layout import Layout
from sendook_lite.domain.reports.model import ReportedRecipient

_NO_COMPLAINT = ("auth-failure", "not-spam", "dmarc", "authfailure")
"""RFC 6591 reports that a check failed, RFC 6430 takes a complaint back."""

_RECIPIENT_FIELDS = (
    "original-rcpt-to",
    "original-recipient",
    "removal-recipient",
    "redacted-address",
    "final-recipient",
    "complaint-recipient",
)
_HEADER_RECIPIENTS = (
    "x-hmxmroriginalrecipient",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-rcpt-to",
    "delivered-to",
)
_HOTMAIL_SUBJECT = re.compile(
    r"^\s*complaint about message from\s+[\[(]?[0-9a-f.:]{3,45}", re.IGNORECASE
)
_REDACTED = re.compile(r"redact|\bxxx|\*\*|undisclosed|removed|hidden", re.IGNORECASE)


def is_abuse_report(layout: Layout, subject: str) -> bool | None:
    """Say whether a mail is a complaint; None when it is no abuse-report form at all.

    False is the answer for what is written in the form and complains of nothing.
    """
    for text in layout.feedbacks:
        verdict = _verdict(split_groups(text[:20000]))
        if verdict is not None:
            return verdict
    returned = layout.returned or {}
    if layout.report_type == "feedback-report":
        return layout.feedbacks != [] or layout.returned is not None
    if layout.returned is not None and "x-hmxmroriginalrecipient" in returned:
        return True
    if layout.returned is not None and _HOTMAIL_SUBJECT.search(subject):
        return True
    return None


def complained(layout: Layout) -> list[ReportedRecipient]:
    """Name who complained: the fields of the report, else the header of the returned mail.

    Several addresses in the returned To name nobody: one of them complained, and nothing says who.
    """
    diagnostic = None
    addresses: list[str] = []
    for text in layout.feedbacks:
        for group in split_groups(text[:20000]):
            for name, value in group:
                if name == "feedback-type" and diagnostic is None:
                    diagnostic = shorten(value) or None
                if name in _RECIPIENT_FIELDS and not _REDACTED.search(value):
                    address = read_address_field(value)
                    if address is not None:
                        addresses.append(address)
    if not addresses:
        addresses = _from_header(layout.returned or {})
    unique = {address.lower(): address for address in reversed(addresses)}
    return [
        ReportedRecipient(recipient=address, action="complaint", diagnostic=diagnostic)
        for address in reversed(unique.values())
    ]


def _from_header(returned: dict[str, str]) -> list[str]:
    for name in _HEADER_RECIPIENTS:
        value = returned.get(name, "")
        address = None if _REDACTED.search(value) else find_address(value)
        if address is not None:
            return [address]
    to = [one for one in find_addresses(returned.get("to", "")) if not _REDACTED.search(one)]
    return to if len(to) == 1 else []


def _verdict(groups: list[Group]) -> bool | None:
    fields = {name: value for group in groups for name, value in group}
    kind = fields.get("feedback-type", "").lower().strip()
    if kind.startswith(_NO_COMPLAINT) or "auth-failure" in fields:
        return False
    if kind:
        return True
    known = {"user-agent", "original-mail-from", "original-rcpt-to", "source-ip", "version"}
    return True if len(known.intersection(fields)) >= 2 else None  # noqa: PLR2004 - any two
