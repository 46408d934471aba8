"""Reads a line of the system's log: syslog with either kind of time, or an entry of the journal.

Shapes: ``Nov 25 14:53:36 mx postfix/smtp[123]: text`` (RFC 3164, local time without a year),
``2026-11-25T14:53:36.123456+01:00 mx postfix/smtp[123]: text`` (rsyslog's RFC 3339 times), and
JSON objects as ``journalctl -o json`` prints them.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from sendook_lite.domain.clock import END_OF_TIME, MS_PER_SECOND, parse_iso

_LINE: Final = re.compile(
    r"(?:<\d{1,3}>)?"
    r"(?:(?P<old>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)|(?P<iso>\d{4}-\d\d-\d\dT\S{8,40}))"
    r" (?P<host>\S+) (?P<tag>[^\s\[:]+)(?:\[\d+\])?: (?P<text>.*)",
    re.DOTALL,
)
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_A_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: ``at`` in epoch milliseconds, ``tag`` the program as it names itself."""

    at: int
    tag: str
    text: str


def read_syslog(line: bytes, now: int) -> Entry | None:
    """Read a line without its end; None when it is none that syslog writes.

    Args:
        line: as it stands in the file.
        now: epoch milliseconds; a time without a year is the last such time that is not later.
    """
    match = _LINE.fullmatch(line.decode("utf-8", "replace").rstrip("\r"))
    if match is None:
        return None
    try:
        at = parse_iso(match["iso"]) if match["iso"] else _without_year(match["old"], now)
    except (ValueError, OverflowError):
        return None
    return Entry(at, match["tag"], match["text"]) if 0 <= at < END_OF_TIME else None


def read_journal(line: bytes) -> tuple[Entry | None, str]:
    """Read one JSON object of the journal; returns the entry, if it is one, and its cursor.

    Raises:
        ValueError: it is not an object of the journal.
    """
    fields = orjson.loads(line)
    if not isinstance(fields, dict) or not isinstance(fields.get("__CURSOR"), str):
        raise ValueError("not an entry of the journal")  # noqa: TRY004 - wrong content, not type
    tag, text = _text(fields.get("SYSLOG_IDENTIFIER")), _text(fields.get("MESSAGE"))
    moment = fields.get("__REALTIME_TIMESTAMP")
    if not tag or not text or not isinstance(moment, str) or not moment.isdecimal():
        return None, fields["__CURSOR"]
    at = int(moment) // 1000
    return Entry(at, tag, text) if at < END_OF_TIME else None, fields["__CURSOR"]


def _text(value: Any) -> str:
    """Return a field of the journal as text; bytes that are not UTF-8 come as a list of numbers."""
    if isinstance(value, str):
        return value
    try:
        return bytes(value).decode("utf-8", "replace") if isinstance(value, list) else ""
    except (TypeError, ValueError):
        return ""


def _without_year(stamp: str, now: int) -> int:
    """Date a time of this machine's zone: in the year in which it is past, within a day."""
    present = datetime.fromtimestamp(now / MS_PER_SECOND, UTC).astimezone()
    month, day = _MONTHS.index(stamp[:3]) // 3 + 1, int(stamp[4:6])
    hour, minute, second = map(int, stamp[7:].split(":"))
    # 29 February is in one year of four, and not in every fourth.
    for year in range(present.year + 1, present.year - 9, -1):
        try:
            moment = datetime(year, month, day, hour, minute, second).astimezone()
        except ValueError:
            continue
        if moment <= present + _A_DAY:
            return round(moment.timestamp() * MS_PER_SECOND)
    raise ValueError("no such day")
