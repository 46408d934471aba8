"""What must hold for a mail and for a report, whatever bytes they are made from."""

import dataclasses
import json
from typing import Any

from sendook_lite.domain.attachment_names import MAX_NAME_BYTES
from sendook_lite.domain.mail import extract_attachment, parse
from sendook_lite.domain.mime import open_mail, part_bytes, part_text, walk
from sendook_lite.domain.reports import as_json, read_report

_FEW = 3
_MEANINGS = {"failed": True, "delayed": False}


def check_mail(raw: bytes, *, parts: bool = True) -> None:
    """Read a mail and look at all that is said about it; with ``parts`` at every part by itself."""
    shown = dataclasses.asdict(parse(raw))
    for number, file in enumerate(shown["attachments"]):
        content = file.pop("content")
        if parts and number < _FEW:  # each reads the whole mail again
            assert extract_attachment(raw, file["part"]) == content
        check_name(file["name"])
    check_clean(shown)
    for part in walk(open_mail(raw), into_messages=True) if parts else ():
        part_bytes(part.message)
        part_text(part.message).encode()
        part.message.get_payload()


def check_report(raw: bytes) -> None:
    """Read what a mail reports and look at everything that is said about it."""
    report = read_report(open_mail(raw))
    check_clean(as_json(report))
    addresses = [one.recipient for one in report.recipients]
    assert len({address.lower() for address in addresses}) == len(addresses)
    for one in report.recipients:
        assert "@" in one.recipient
        assert one.permanent == _MEANINGS.get(one.action)
        assert (one.action == "complaint") == (report.kind == "complaint")
    if report.kind == "none":
        assert addresses == []


def check_name(name: str) -> None:
    """An attachment may be saved under its name in any directory without leaving it."""
    assert name
    assert name not in {".", ".."}
    assert not set(name) & {"/", "\\", "\x00"}
    assert len(name.encode()) <= MAX_NAME_BYTES


def check_clean(value: Any) -> None:
    """JSON and SQLite can hold the value: no NUL, no lone surrogate, no odd number."""
    json.dumps(value, allow_nan=False)
    for text in _texts(value):
        text.encode()
        assert "\x00" not in text


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in _texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return []
