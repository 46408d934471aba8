"""Parting what a mail server says from the mail it returns below, in one text."""

import re
from dataclasses import dataclass, field

from sendook_lite.domain.reports import phrases

_MAX_LINES = 3000
_MAX_LINE = 1000
_FEW = 3  # header lines; fewer may be a sentence
_MAX_NOTICE = 96 * 1024
_HEADER_LINE = re.compile(r"^[ \t>|]{0,12}([A-Za-z][A-Za-z-]{1,30})[ \t]{0,4}:(?:[ \t]+(.*))?$")
_KNOWN = {
    "from", "to", "cc", "subject", "date", "sent", "message-id", "received", "return-path",
    "reply-to", "mime-version", "content-type", "sender", "x-mailer", "in-reply-to", "references",
    "content-transfer-encoding", "user-agent", "dkim-signature", "delivered-to", "importance",
}  # fmt: skip
_WHOLE_HEADER = {"received", "return-path", "mime-version", "content-type", "dkim-signature"}
_STATUS_NAMES = {"final-recipient", "original-recipient", "reporting-mta", "action", "status"}
_QUOTED = re.compile(r"^>(?!>>|\s*<?[^\s@]{1,64}@\S{1,200}$)")


@dataclass(slots=True)
class Notice:
    """The lines a server wrote, and the header of the returned mail as far as the text shows it."""

    lines: list[str] = field(default_factory=list)
    header: dict[str, str] = field(default_factory=dict)
    returned: bool = False

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def read_notice(text: str) -> Notice:
    """Keep the lines up to the returned mail; blocks of its header before that are taken out."""
    lines = [line[:_MAX_LINE].rstrip() for line in text[:_MAX_NOTICE].split("\n", _MAX_LINES)]
    lines = lines[:_MAX_LINES]
    notice = Notice()
    told = False
    place = 0
    looked = 0
    while place < len(lines):
        line = lines[place]
        lowered = line.lower()
        if told and phrases.ORIGINAL_FOLLOWS.search(lowered):
            notice.returned = True
            _collect_header(notice, lines[place + 1 : place + 200])
            break
        block = place
        if place >= looked:  # a run of field-like lines is looked at once, not from each line of it
            block, looked = _header_block(lines, place)
        if block > place:
            names = _collect_header(notice, lines[place:block])
            if told and names & _WHOLE_HEADER:
                notice.returned = True
                break
            place = block
            continue
        if not _QUOTED.match(line):
            notice.lines.append(line)
            told = told or "@" in line or phrases.REPORT_INTRO.search(lowered) is not None
        place += 1
    return notice


def _header_block(lines: list[str], start: int) -> tuple[int, int]:
    """Look for a block of header lines that begins at ``start``.

    Returns:
        The line after the block, ``start`` when there is none; the line after the run of lines
        that were looked at.
    """
    names: list[str] = []
    place = start
    while place < len(lines):
        found = _HEADER_LINE.match(lines[place])
        if found is not None:
            names.append(found[1].lower())
        elif not (names and lines[place][:1] in {" ", "\t"} and lines[place].strip()):
            break
        place += 1
    known = _KNOWN.intersection(names)
    whole = len(known) >= _FEW or known & {"received", "return-path"}
    if not whole or _STATUS_NAMES.intersection(names):
        return start, place
    return place, place


def _collect_header(notice: Notice, lines: list[str]) -> set[str]:
    names: set[str] = set()
    name = ""
    for line in lines:
        found = _HEADER_LINE.match(line)
        if found is not None:
            name = found[1].lower()
            names.add(name)
            notice.header.setdefault(name, (found[2] or "").strip())
        elif not line.strip():
            if names:
                break
        elif name and line[:1] in {" ", "\t"} and len(notice.header[name]) < _MAX_LINE * 4:
            notice.header[name] += " " + line.strip()
    return names
