"""Groups of ``Name: value`` fields out of text, however badly they are written.

The groups of RFC 3464 and RFC 5965, and the header of a returned mail, also come indented, without
folding, in text parts and in the middle of sentences.
"""

import re

Group = list[tuple[str, str]]
"""Fields in order; names in lower case, values unfolded."""

MAX_TEXT = 256 * 1024
"""Characters of one part that are read."""

_MAX_LINE = 2000
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9_-]{1,50})[ \t]{0,8}:[ \t]*(.*)")
_ALWAYS_A_FIELD = re.compile(
    r"(?:original-recipient|final-recipient|action|status|remote-mta|diagnostic-code|"
    r"feedback-type|original-rcpt-to)[ \t]*:",
    re.IGNORECASE,
)


def split_groups(text: str) -> list[Group]:
    """Split a text into groups of fields, at empty lines; lines that are no fields are passed over.

    A line that is no field right after a ``Diagnostic-Code`` continues it: several servers fold
    without indenting.
    """
    groups: list[Group] = []
    group: Group = []
    for raw_line in text[:MAX_TEXT].split("\n"):
        line = raw_line[:_MAX_LINE].rstrip()
        if not line:
            if group:
                groups.append(group)
                group = []
            continue
        indented = line[0] in " \t"
        stripped = line.strip()
        if indented and group and not _ALWAYS_A_FIELD.match(stripped):
            _continue(group, stripped)
            continue
        found = _FIELD.fullmatch(stripped)
        if found is not None:
            group.append((found[1].lower(), found[2].strip()))
        elif group and group[-1][0] == "diagnostic-code":
            _continue(group, stripped)
    if group:
        groups.append(group)
    return groups


def _continue(group: Group, more: str) -> None:
    name, value = group[-1]
    if len(value) < _MAX_LINE * 2:
        group[-1] = (name, f"{value} {more}".strip())


def read_header(text: str) -> dict[str, str]:
    """Read the header of a returned mail; the first field of each name counts."""
    fields: dict[str, str] = {}
    for group in split_groups(text[: MAX_TEXT // 4])[:1]:
        for name, value in group:
            fields.setdefault(name, value)
    return fields


def first(groups: list[Group], name: str) -> str | None:
    """Return the first value of that name in any group that is not empty."""
    for group in groups:
        for field, value in group:
            if field == name and value:
                return value
    return None
