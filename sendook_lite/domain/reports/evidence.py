"""Weighing whether a mail server wrote a mail to report on delivery.

One sign alone proves nothing: people write about bounces, vacation replies have null senders,
newsletters come from postmasters. Each sign has a weight, and a report needs several.
"""

import re
from dataclasses import dataclass
from email.message import Message
from email.utils import parseaddr

from sendook_lite.domain.mime import header, headers
from sendook_lite.domain.reports import phrases, senders, subjects
from sendook_lite.domain.reports.addresses import find_addresses
from sendook_lite.domain.reports.layout import Layout
from sendook_lite.domain.reports.notice import Notice
from sendook_lite.domain.reports.status import has_code
from sendook_lite.domain.reports.verdict import DELAYED_MAYBE

SOME = 3
"""Points that make fields of a report in the wrong place believable."""

ENOUGH = 5
"""Points that make free text a report."""

PLENTY = 7
"""Points that make it one even when nobody is named."""

_SURELY = 3
"""Points of a sender whose name nobody but a mail server uses."""

_ANSWER = re.compile(
    r"^\s*(?:\[[^\]]{0,40}\]\s*)?(?:re|aw|antw|sv|vs|odp|fwd?|wg|tr|rv|enc|i|r|doorst|fs|ynt|回复|转发|答复)"
    r"(?:\[\d+\])?\s?[:\uff1a]",
    re.IGNORECASE,
)
_QMAIL_BOUNCE = re.compile(r"\(qmail \d{1,9} invoked (?:for bounce|by alias)")
_SERVER_MAILERS = re.compile(
    r"^(?:<?smtp32|internet mail service|novell groupwise|ntmail|mdaemon|m-filter|surfcontrol|"
    r"microsoft exchange server internet mail|mercury|interscan|mailenable|lotus domino)",
    re.IGNORECASE,
)
_CLIENTS = re.compile(
    r"(?:outlook(?! express server)|thunderbird|apple mail|iphone|ipad|mutt|gnus|eudora|the bat|"
    r"evolution|kmail|claws|k-9|roundcube|squirrelmail|horde|alpine|pine|sylpheed|mozilla|"
    r"phpmailer|swiftmailer|mailchimp|sendgrid|becky|opera)",
    re.IGNORECASE,
)
_SESSION_LOG = re.compile(r"^\S{1,40} smtp server: errors from", re.IGNORECASE)
_LIST_FIELDS = ("list-id", "list-post", "list-unsubscribe", "mailing-list", "x-mailing-list")
_RESPONDER_FIELDS = ("x-autoreply", "x-autorespond", "x-auto-reply", "x-vacation", "x-autoresponse")


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much speaks for a report, and what the envelope says about the people involved.

    ``told``: the sender has the name of a mail server and the text speaks of delivery, or the name
    leaves no doubt. ``surely``: the name leaves no doubt, or the mail is returned. ``involved`` are
    addresses (lower case) of the sender and of the reporting server: they are in every report
    without being reported on. ``failed`` comes from X-Failed-Recipients.
    """

    points: int
    told: bool
    surely: bool
    subject: str
    involved: frozenset[str]
    failed: tuple[str, ...]


def weigh(message: Message, layout: Layout, notices: list[Notice]) -> Evidence:
    """Weigh the signs in the header, the structure and the notification text."""
    subject = header(message, "subject").lower().strip()
    failed = tuple(find_addresses(header(message, "x-failed-recipients")))
    daemon = _daemon_points(message)
    null_path = _null_path(message)
    points = daemon + null_path
    points += 4 if failed else 0
    named = _subject_points(subject, daemon=daemon > 0)
    points += named + int(named > 0 and daemon > 0)
    reasoned = phrases.FAILURE_WORDS.search(subject) is not None
    points += int(reasoned and daemon > 0 and not named and not _ANSWER.match(subject))
    shown = layout.returned is not None or any(notice.returned for notice in notices)
    points += _structure_points(message, layout) + int(shown)
    told = _text_points("\n".join(notice.text for notice in notices[:2]))
    points += told
    points -= _ordinary_points(message, subject, daemon=daemon, null_path=null_path)
    return Evidence(
        points=points,
        told=daemon > 0 and (told > 0 or (told == 0 and daemon == _SURELY)),
        surely=shown or daemon == _SURELY,
        subject=subject,
        involved=_involved(message, layout),
        failed=failed,
    )


def _daemon_points(message: Message) -> int:
    best = 2 if _SERVER_MAILERS.search(header(message, "x-mailer", 200).strip()) else 0
    for name in ("from", "sender"):
        value = header(message, name, 2000).lower()
        display, address = parseaddr(value) if value.count("(") <= 10 else ("", value)  # noqa: PLR2004 - parseaddr is slow on nested comments
        if senders.STRONG_DAEMON.search(value):
            best = _SURELY
        elif (
            senders.DAEMON_LOCAL_PARTS.match(address)
            or senders.DAEMON_NAMES.search(display)
            or (not address and senders.DAEMON_NAMES.search(value))
            or value.strip() in {"<>", "<@>"}
        ):
            best = max(best, 2)
    return best


def _null_path(message: Message) -> int:
    for value in headers(message, "return-path"):
        bare = value.strip().lower()
        return int(bare in {"<>", ""} or senders.STRONG_DAEMON.search(bare) is not None)
    return 0


def _subject_points(subject: str, *, daemon: bool) -> int:
    if _SESSION_LOG.search(subject):
        return -8
    if subjects.AUTO_REPLY_SUBJECT.search(subject):
        return -5
    if subjects.BOUNCE_SUBJECT.search(subject):
        return 2
    own = daemon and not _ANSWER.match(subject)
    said = own and (DELAYED_MAYBE.search(subject) or phrases.REPORT_INTRO.search(subject))
    return 2 if said else 0


def _structure_points(message: Message, layout: Layout) -> int:
    points = 0
    if layout.report_type == "delivery-status":
        points += 3
    elif layout.kind == "multipart/report" and not layout.disposition:
        points += 1
    if any(_QMAIL_BOUNCE.search(value) for value in headers(message, "received")):
        points += 3
    automatic = header(message, "auto-submitted", 200).lower()
    if automatic.startswith("auto"):
        points += 1
    if _SERVER_MAILERS.search(header(message, "x-mailer", 200).strip()):
        points += 1
    return points


def _text_points(notice: str) -> int:
    lowered = notice[:20000].lower()
    points = min(3, len({found[0] for found in phrases.REPORT_INTRO.finditer(lowered)}))
    points = points or int(DELAYED_MAYBE.search(lowered) is not None)
    points += int(has_code(notice[:20000]))
    if phrases.CHALLENGE.search(lowered) or phrases.AWAY.search(lowered):
        points -= 3
    return points


def _ordinary_points(message: Message, subject: str, *, daemon: int, null_path: int) -> int:
    """Count what speaks for ordinary mail."""
    points = 0
    if not daemon and not null_path:
        points += 2
    if _ANSWER.match(subject):
        points += 1 if daemon else 4
    if daemon < _SURELY and any(header(message, name, 200) for name in _LIST_FIELDS):
        points += 3
    if any(header(message, name, 200) for name in _RESPONDER_FIELDS):
        points += 3
    if header(message, "precedence", 100).lower().strip() == "auto_reply":
        points += 3
    mailer = header(message, "x-mailer", 200) or header(message, "user-agent", 200)
    if not daemon and _CLIENTS.search(mailer):
        points += 2
    return points


def _involved(message: Message, layout: Layout) -> frozenset[str]:
    addresses: list[str] = []
    names = ("to", "from", "sender", "reply-to", "return-path", "errors-to", "delivered-to", "cc")
    for name in names:
        for value in headers(message, name):
            addresses += find_addresses(value)
    for name in ("from", "sender", "return-path", "reply-to"):
        addresses += find_addresses((layout.returned or {}).get(name, ""))
    return frozenset(address.lower() for address in addresses)
