from datetime import UTC, datetime

import orjson
import pytest

from sendook_lite.domain.clock import iso, parse_iso
from sendook_lite.inbound.syslog_line import Entry, read_journal, read_syslog

NOW = parse_iso("2026-11-25T15:00:00Z")


def local(*parts: int) -> int:
    return round(datetime(*parts).astimezone(UTC).timestamp() * 1000)  # type: ignore[arg-type]


def test_a_traditional_line_is_of_local_time_and_of_the_last_such_day() -> None:
    line = b"Nov 25 14:53:36 mx postfix/smtp[123]: 4XkQ: to=<a@b.example>"
    assert read_syslog(line, NOW) == Entry(
        local(2026, 11, 25, 14, 53, 36), "postfix/smtp", "4XkQ: to=<a@b.example>"
    )
    december = read_syslog(b"Dec 31 23:59:59 mx postfix/qmgr[1]: x", NOW)
    assert december is not None
    assert december.at == local(2025, 12, 31, 23, 59, 59)


def test_a_leap_day_is_of_a_leap_year() -> None:
    entry = read_syslog(b"Feb 29 10:00:00 mx postfix/qmgr[1]: x", NOW)
    assert entry is not None
    assert entry.at == local(2024, 2, 29, 10)


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
        ("2026-11-25T14:53:36.123456+01:00", "2026-11-25T13:53:36.123Z"),
        ("2026-11-25T14:53:36Z", "2026-11-25T14:53:36.000Z"),
    ],
)
def test_iso_times_are_read_with_their_zone(stamp: str, moment: str) -> None:
    entry = read_syslog(f"{stamp} mx postfix-out/smtp[9]: text: more".encode(), NOW)
    assert entry is not None
    assert iso(entry.at) == moment
    assert (entry.tag, entry.text) == ("postfix-out/smtp", "text: more")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"Nov 25 14:53:36 mx",
        b"Xxx 25 14:53:36 mx postfix/smtp[1]: x",
        b"Feb 30 14:53:36 mx postfix/smtp[1]: x",
        b"2026-99-25T14:53:36Z mx postfix/smtp[1]: x",
        b"1969-12-31T23:59:59Z mx postfix/smtp[1]: x",
        b"\xff\xfe\x00",
    ],
)
def test_what_syslog_does_not_write_is_no_entry(line: bytes) -> None:
    assert read_syslog(line, NOW) is None


def test_a_priority_and_a_missing_process_id_do_not_matter() -> None:
    entry = read_syslog(b"<22>Nov 25 14:53:36 mx postfix/smtp: text\r", NOW)
    assert entry is not None
    assert (entry.tag, entry.text) == ("postfix/smtp", "text")


def test_an_entry_of_the_journal_has_a_cursor_and_microseconds() -> None:
    fields = {
        "__CURSOR": "s=1;i=2",
        "__REALTIME_TIMESTAMP": "1764082416123456",
        "SYSLOG_IDENTIFIER": "postfix/smtp",
        "MESSAGE": "4XkQ: removed",
    }
    entry, cursor = read_journal(orjson.dumps(fields))
    assert (entry, cursor) == (Entry(1764082416123, "postfix/smtp", "4XkQ: removed"), "s=1;i=2")
    fields["MESSAGE"] = list(b"caf\xe9")
    entry, _ = read_journal(orjson.dumps(fields))
    assert entry is not None
    assert entry.text == "caf\N{REPLACEMENT CHARACTER}"
    for message in (None, [1, "x"], [999]):
        assert read_journal(orjson.dumps({**fields, "MESSAGE": message})) == (None, "s=1;i=2")
    fields |= {"MESSAGE": "x", "__REALTIME_TIMESTAMP": "9" * 18}
    assert read_journal(orjson.dumps(fields)) == (None, "s=1;i=2")


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"__CURSOR": 1}', b"nonsense"])
def test_what_is_no_entry_of_the_journal_is_an_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_journal(line)
