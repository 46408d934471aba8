"""Finding failed recipients in text written for people.

The shapes in which servers name them are tried over the whole text, surest first; the first that
finds someone wins, since the less sure ones also meet addresses that are only mentioned.
"""

import re
from dataclasses import dataclass

from sendook_lite.domain.reports import phrases
from sendook_lite.domain.reports.delivery_status import MAX_RECIPIENTS, shorten, unique
from sendook_lite.domain.reports.model import Action, ReportedRecipient
from sendook_lite.domain.reports.notice import Notice
from sendook_lite.domain.reports.reasons import Reasons
from sendook_lite.domain.reports.shapes import Context, Hit, Shape, read_line
from sendook_lite.domain.reports.status import derive_status

_ROLE = re.compile(
    r"^(?:postmaster|mailer-daemon|abuse|support|help|helpdesk|hostmaster|no-?reply|info-?support|"
    r"do-?not-?reply|feedback|mailmaster|administrator|contact|kundenservice|customer-?service)@"
)
_SECTIONS: tuple[tuple[re.Pattern[str], Action], ...] = (
    (
        re.compile(r"transient non-fatal|temporary (?:delivery )?(?:error|failure|problem)"),
        "delayed",
    ),
    (
        re.compile(
            r"permanent(?:ly)? (?:fatal|fail|error)|(?<!non-)fatal errors|failed permanently"
        ),
        "failed",
    ),
    (re.compile(r"-{3}.{0,60}(?:success|relayed|delivered)[^-]{0,60}-{3}"), "delivered"),
)
_MAX_ADDRESS_LINES = 1500


@dataclass(frozen=True, slots=True)
class _Find:
    """A hit, the line it stands in, and what the section around it reports."""

    hit: Hit
    line: int
    action: Action

    @property
    def address(self) -> str:
        return self.hit.address.lower()


def read_free_text(
    notice: Notice,
    *,
    involved: frozenset[str],
    action: Action,
    least: Shape = Shape.SENTENCE,
) -> list[ReportedRecipient]:
    """Find the recipients a notice reports on.

    Args:
        notice: what the server wrote.
        involved: lower-case addresses of sender and server, which are not reported on, save where
            the text lists them firmly and nobody else.
        action: what the notice reports where its sections say nothing else.
        least: the least sure shape that is accepted.
    """
    finds = _finds(notice, action)
    for shape in Shape:
        if shape > least:
            break
        chosen = [one for one in finds if one.hit.shape == shape and _is_other(one, involved)]
        if shape is Shape.MENTIONED and len({one.address for one in chosen}) > 1:
            return []
        if chosen:
            return _reported(notice, chosen)
    firm = [one for one in finds if one.hit.firm and one.hit.shape < Shape.SENTENCE]
    return _reported(notice, firm)


def _is_other(find: _Find, involved: frozenset[str]) -> bool:
    return find.address not in involved and (find.hit.firm or not _ROLE.match(find.address))


def _finds(notice: Notice, action: Action) -> list[_Find]:
    """Go through the lines once and note every address that may be a recipient."""
    numbers = [number for number, line in enumerate(notice.lines) if line.strip()]
    solid = [notice.lines[number] for number in numbers]
    lowered = [line.lower() for line in solid]
    reasoned = [phrases.FAILURE_WORDS.search(line) is not None for line in lowered]
    reporting = [phrases.REPORT_INTRO.search(line) is not None for line in lowered]
    finds: list[_Find] = []
    introduced = False
    seen = 0
    for rank, line in enumerate(lowered):
        action = _section_action(line, action)
        if solid[rank] == "--" or len(finds) >= MAX_RECIPIENTS * 2:
            break  # what follows a signature line is about the provider
        if "@" in line and seen < _MAX_ADDRESS_LINES:
            seen += 1
            near = slice(max(0, rank - 1), rank + 2)
            context = Context(
                before=lowered[rank - 1] if rank else "",
                after=lowered[rank + 1] if rank + 1 < len(lowered) else "",
                introduced=introduced,
                explained=any(reasoned[max(0, rank - 2) : rank + 4]),
                told=any(reasoned[near]) or any(reporting[near]),
            )
            hits = read_line(solid[rank], context)
            finds += [_Find(hit, numbers[rank], action) for hit in hits]
        introduced = introduced or reporting[rank] or bool(phrases.LIST_INTRO.search(line))
    return finds


def _section_action(line: str, action: Action) -> Action:
    for pattern, meant in _SECTIONS:
        if pattern.search(line):
            return meant
    return action


def _reported(notice: Notice, finds: list[_Find]) -> list[ReportedRecipient]:
    """Give each address its reason, status and meaning."""
    first: dict[str, _Find] = {}
    for find in finds:
        first.setdefault(find.address, find)
    chosen = list(first.values())
    reasons = Reasons(notice.lines)
    recipients = []
    ends = [*(find.line for find in chosen[1:]), len(notice.lines)]
    for find, end in zip(chosen, ends, strict=False):
        reason = reasons.about(find.hit, find.line, end, alone=len(chosen) == 1)
        well = find.action in {"delivered", "relayed", "expanded"}
        failed = find.action != "delayed"
        recipients.append(
            ReportedRecipient(
                recipient=find.hit.address,
                action=find.action,
                status=None if well else derive_status(reason, failed=failed),
                permanent=None if well else failed,
                diagnostic=shorten(reason) or None,
                original_recipient=reasons.expanded_from(find.line, end),
            )
        )
    return unique(recipients)
