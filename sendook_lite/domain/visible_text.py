"""What the sender of a mail wrote this time: the text without quoted history and signature.

Works on lines, language by language only where words matter, and in one pass. The regular
expressions of mail-parser-reply were measured and left: 40 s for 16 KiB of empty lines, and any
line beginning "Tak", a hyphen or "Thanks," ends its reply, so that ordinary text would be lost.
When in doubt a line stays: the reader of a webhook can skip a line too many, not guess a lost one.
"""

from sendook_lite.domain.reply_phrases import (
    ADDRESS,
    CLOSING,
    COLONS,
    FORWARDING,
    FROM_LABEL,
    LABEL,
    OPENING,
    SENT_FROM,
    SEPARATOR,
    WHEN,
    WROTE,
)

REPLY_LIMIT = 256 * 1024
"""Characters of a text that are looked at; what follows them stays unless history began before."""

_COLON, _WIDE_COLON = COLONS
_MAX_ATTRIBUTION_LINES = 4
_MAX_LABEL_LINES = 8
_ENOUGH_LABELS = 2
_MAX_LINE = 400
_MAX_SIGNATURE_LINES = 15
_MAX_CLOSING_LINES = 8
_MAX_CLOSING_LINE = 80


def visible_reply(text: str) -> str:
    """Return the text without quotations, what introduces them, and the signature.

    Answers written between quoted lines stay. When nothing would be left (a forwarded mail without
    a word of one's own), the whole text is returned. Never raises; linear in the text.
    """
    rest = text[REPLY_LIMIT:]
    kept, history = _drop_history(text[:REPLY_LIMIT].split("\n"))
    if rest and not history:
        return ("\n".join(kept) + rest).strip()
    own = _drop_signature(kept)
    return "\n".join(own).strip() or "\n".join(kept).strip() or text.strip()


def _drop_history(lines: list[str]) -> tuple[list[str], bool]:
    """Return the lines that are not quoted, and whether unmarked history was cut off after them."""
    kept: list[str] = []
    quoted = False
    for number, line in enumerate(lines):
        matters = _may_matter(line)
        behind_quotation, quoted = quoted, matters and _is_quoted(line)
        if quoted:
            if not behind_quotation:
                _drop_blank(kept)
                _drop_attribution(kept)
                _drop_blank(kept)
            continue
        if behind_quotation:
            kept.append("")
        if not matters:
            if line or not behind_quotation:
                kept.append(line)
            continue
        if _begins_history(lines, number):
            _drop_forwarding(kept)
            return kept, True
        kept.append(line)
        if _is_attribution(kept) and not _quotation_follows(lines, number):
            _drop_attribution(kept)
            return kept, True
    return kept, False


def _may_matter(line: str) -> bool:
    """Say whether a line holds one of the signs without which none is quoted or begins history."""
    return _COLON in line or ">" in line or "---" in line or _WIDE_COLON in line


def _is_quoted(line: str) -> bool:
    start = line[:4]
    return ">" in start and start.lstrip(" ").startswith(">")


def _begins_history(lines: list[str], number: int) -> bool:
    """Say whether the header of an older mail, or the line above one, begins here."""
    line = lines[number][:_MAX_LINE]
    if "---" in line and SEPARATOR.fullmatch(line):
        return True
    if not any(colon in line for colon in COLONS) or not FROM_LABEL.match(line):
        return False
    below = lines[number + 1 : number + 1 + _MAX_LABEL_LINES]
    return sum(1 for other in below if LABEL.match(other[:_MAX_LINE])) >= _ENOUGH_LABELS


def _quotation_follows(lines: list[str], number: int) -> bool:
    below = lines[number + 1 : number + 1 + _MAX_ATTRIBUTION_LINES]
    return next((_is_quoted(line) for line in below if line.strip()), False)


def _is_attribution(kept: list[str]) -> bool:
    """Say whether the lines end with "on such a day such a one wrote:", whatever follows."""
    if not kept[-1].rstrip().endswith(COLONS):
        return False
    start = _attribution_start(kept)
    if start is None:
        return False
    sentence = " ".join(kept[start:])
    return bool(WROTE.search(sentence)) and ("@" in sentence or bool(WHEN.search(sentence)))


def _drop_attribution(kept: list[str]) -> None:
    """Remove the lines that introduce the quotation coming next; only colons introduce."""
    if kept and kept[-1].rstrip().endswith(COLONS):
        start = _attribution_start(kept)
        if start is not None:
            del kept[start:]


def _attribution_start(kept: list[str]) -> int | None:
    """Find the first line of an attribution that mail programs have wrapped; None when none."""
    paragraph: list[str] = []
    for line in reversed(kept[-_MAX_ATTRIBUTION_LINES:]):
        if not line.strip() or len(line) > _MAX_LINE:
            break
        paragraph.append(line.strip())
    for opens in (OPENING.match, WHEN.search):
        sentence = ""
        for above, line in enumerate(paragraph):
            if above and line.endswith((".", "!", "?")):
                break
            sentence = f"{line} {sentence}"
            if opens(line) and any(sign.search(sentence) for sign in (WHEN, WROTE, ADDRESS)):
                return len(kept) - above - 1
    if paragraph and (ADDRESS.search(paragraph[0]) or WROTE.search(paragraph[0])):
        return len(kept) - 1
    return None


def _drop_blank(kept: list[str]) -> None:
    while kept and not kept[-1].strip():
        kept.pop()


def _drop_forwarding(kept: list[str]) -> None:
    """Remove the rule or the phrase above the header of an older mail."""
    _drop_blank(kept)
    while kept and len(kept[-1]) <= _MAX_CLOSING_LINE and FORWARDING.fullmatch(kept[-1]):
        kept.pop()
        _drop_blank(kept)


def _drop_signature(lines: list[str]) -> list[str]:
    """Return the lines before the signature; all of them when nothing else would be left."""
    own = lines[: _delimiter(lines)]
    _drop_blank(own)
    while own and len(own[-1]) <= _MAX_CLOSING_LINE and SENT_FROM.match(own[-1]):
        own.pop()
        _drop_blank(own)
    return own[: _closing(own)]


def _delimiter(lines: list[str]) -> int:
    """Find the line "-- " (RFC 3676, section 4.3), or one that lost its space on the way."""
    topmost = len(lines)
    below = 0
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        short = below <= _MAX_SIGNATURE_LINES
        if line == "-- " or (short and line.rstrip() in {"--", "—", "__"}):
            topmost = number
        below += bool(line.strip())
    return topmost


def _closing(lines: list[str]) -> int:
    """Find the line such as "Best regards," that has at least a name and no sentence below it."""
    below = 0
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number].strip()
        if below and len(line) <= _MAX_CLOSING_LINE and CLOSING.fullmatch(line):
            return number
        if len(line) > _MAX_CLOSING_LINE or line.endswith((".", "?", "!", ":")):
            break
        below += bool(line)
        if below > _MAX_CLOSING_LINES:
            break
    return len(lines)
