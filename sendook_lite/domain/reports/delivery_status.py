"""Reading RFC 3464 delivery reports, well-formed or not."""

import re

from sendook_lite.domain.charsets import clean
from sendook_lite.domain.reports.addresses import read_address_field
from sendook_lite.domain.reports.fields import Group, first, split_groups
from sendook_lite.domain.reports.model import Action, ReportedRecipient
from sendook_lite.domain.reports.status import enhanced_code

MAX_RECIPIENTS = 1000
MAX_DIAGNOSTIC = 1000

_RECIPIENT_FIELDS = ("original-recipient", "final-recipient", "x-actual-recipient")
_ACTIONS: tuple[tuple[str, Action], ...] = (
    ("fail", "failed"),
    ("error", "failed"),  # OpenSMTPD
    ("reject", "failed"),
    ("bounce", "failed"),
    ("expired", "failed"),
    ("undeliver", "failed"),
    ("delay", "delayed"),
    ("warn", "delayed"),
    ("defer", "delayed"),
    ("transient", "delayed"),
    ("deliver", "delivered"),
    ("success", "delivered"),
    ("relay", "relayed"),
    ("expand", "expanded"),
)
_MEANING = {"failed": True, "delayed": False}
_RANK = {"failed": 0, "complaint": 1, "delayed": 2, "expanded": 3, "relayed": 4, "delivered": 5}
_TYPED = re.compile(r"^[A-Za-z0-9-]{1,40}[ \t]*;[ \t]*")
_COMMENT = re.compile(r"[ \t]*\([^()]{0,500}\)[ \t]*")


def read_delivery_status(text: str, *, delay: bool = False) -> list[ReportedRecipient]:
    """Read the recipients out of the text of a status part.

    Args:
        text: groups of fields; what is no field is passed over.
        delay: what the people's part of the mail says, for groups without an Action.
    """
    recipients: list[ReportedRecipient] = []
    for group in recipient_groups(split_groups(text)):
        one = _recipient(group, delay=delay)
        if one is not None:
            recipients.append(one)
        if len(recipients) >= MAX_RECIPIENTS:
            break
    return unique(recipients)


def envelope_id(text: str) -> str | None:
    """Return the Original-Envelope-Id (RFC 3464 section 2.2.1) of a status part."""
    value = first(split_groups(text[:20000]), "original-envelope-id")
    return clean(value)[:400] if value else None


def message_id(text: str) -> str | None:
    """Return the Message-ID that Exchange and others write among the status fields."""
    groups = split_groups(text[:20000])
    for name in ("x-original-message-id", "original-message-id"):
        value = first(groups, name)
        if value:
            return value
    return None


def unique(recipients: list[ReportedRecipient]) -> list[ReportedRecipient]:
    """Keep one report per address, the gravest, in order of appearance."""
    kept: dict[str, ReportedRecipient] = {}
    for one in recipients:
        key = one.recipient.lower()
        before = kept.get(key)
        if before is None or _RANK[one.action] < _RANK[before.action]:
            kept[key] = one
    return list(kept.values())


def recipient_groups(groups: list[Group]) -> list[Group]:
    """Put together what belongs to one recipient.

    Servers leave out the empty line between recipients, and put some within one recipient: a
    recipient field seen again begins a new one, a group without any continues the one before.
    """
    gathered: list[Group] = []
    for group in groups:
        pieces = _split_repeated(group)
        for piece in pieces:
            names = {name for name, _ in piece}
            if names.intersection(_RECIPIENT_FIELDS):
                if gathered and _is_rest(gathered[-1], names):
                    gathered[-1] += piece
                else:
                    gathered.append(list(piece))
            elif gathered and names & {"action", "status", "diagnostic-code"}:
                known = {name for name, _ in gathered[-1]}
                gathered[-1] += [entry for entry in piece if entry[0] not in known]
    return gathered


def _is_rest(before: Group, names: set[str]) -> bool:
    """Say whether recipient fields complete the group before, which has nothing else yet."""
    known = {name for name, _ in before}
    return not known & {"action", "status"} and not known & names


def _split_repeated(group: Group) -> list[Group]:
    pieces: list[Group] = [[]]
    seen: set[str] = set()
    for name, value in group:
        if name in _RECIPIENT_FIELDS and name in seen:
            pieces.append([])
            seen = set()
        seen.add(name)
        pieces[-1].append((name, value))
    return pieces


def _recipient(group: Group, *, delay: bool) -> ReportedRecipient | None:
    fields: dict[str, str] = {}
    for name, value in group:
        if value:
            fields.setdefault(name, value)
    original = read_address_field(fields.get("original-recipient", ""), xtext=True)
    address = (
        read_address_field(fields.get("final-recipient", ""))
        or original
        or read_address_field(fields.get("x-actual-recipient", ""))
    )
    if address is None:
        return None
    diagnostic = fields.get("diagnostic-code", "")
    said = _TYPED.sub("", diagnostic)
    status = enhanced_code(fields.get("status", "")) or enhanced_code(said)
    action = _action(fields.get("action", ""), status, delay=delay)
    remote = fields.get("remote-mta", "")
    same = original is None or original.lower() == address.lower()
    return ReportedRecipient(
        recipient=address,
        action=action,
        status=status,
        permanent=_MEANING.get(action),
        diagnostic=shorten(said) or None,
        remote_mta=remote_name(remote),
        original_recipient=None if same else original,
    )


def _action(value: str, status: str | None, *, delay: bool) -> Action:
    """Read the Action; without one the class of the status decides, and the text for a 4."""
    lowered = value.lower().strip()
    for beginning, action in _ACTIONS:
        if lowered.startswith(beginning):
            return action
    if status is not None and status.startswith("2"):
        return "delivered"
    return "delayed" if delay and not (status or "").startswith("5") else "failed"


def remote_name(value: str) -> str | None:
    """Return the name out of ``dns; mx.example.net (192.0.2.1)``."""
    bare = _COMMENT.sub(" ", _TYPED.sub("", value)).strip(" <>;,.")
    return clean(bare)[:255] or None


def shorten(text: str) -> str:
    """Bring a diagnostic onto one clean line of bearable length."""
    return " ".join(clean(text).split())[:MAX_DIAGNOSTIC]
