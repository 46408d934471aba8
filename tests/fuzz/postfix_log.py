"""Fuzz target: the log of Postfix, plain and out of the journal, into lines of the event socket."""

import json
from collections.abc import Iterator

from sendook_lite.inbound.event_line import read_line
from sendook_lite.inbound.postfix_log import PostfixLog
from sendook_lite.inbound.syslog_line import Entry, read_journal, read_syslog

_NOW = 1_795_600_000_000
_SENT = "relay=mx.c.example[192.0.2.1]:25, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (250 ok)"
_DEFERRED = "relay=none, delay=9, delays=9/0/0/0, dsn=4.4.1, status=deferred (connect to c.example)"
_BOUNCED = "relay=none, delay=1, dsn=5.1.1, status=bounced (host mx.c.example[192.0.2.1] said: 550)"
_TEXTS = (
    ("cleanup", "4Xk1Y2: message-id=<a@b.example>"),
    ("qmgr", "4Xk1Y2: from=<ann@b.example>, size=414, nrcpt=1 (queue active)"),
    ("smtp", f"4Xk1Y2: to=<zoe@c.example>, orig_to=<z@b.example>, {_SENT}"),
    ("smtp", f'4Xk1Y2: to=<"a, b"@c.example>, {_DEFERRED}'),
    ("error", f"4Xk1Y2: to=<x@c.example>, {_BOUNCED}"),
    ("qmgr", "4Xk1Y2: from=<ann@b.example>, status=expired, returned to sender"),
    ("qmgr", "4Xk1Y2: removed"),
)


def corpus() -> Iterator[bytes]:
    """Start from the life of one mail, in both kinds of time and in the journal's JSON."""
    plain = [f"Nov 25 14:53:36 mx postfix/{name}[1]: {text}" for name, text in _TEXTS]
    exact = [f"2026-11-25T14:53:36.1+01:00 mx postfix/{name}[1]: {text}" for name, text in _TEXTS]
    journal = [
        json.dumps(
            {
                "__CURSOR": "s=1;i=2",
                "__REALTIME_TIMESTAMP": "1795600000000000",
                "SYSLOG_IDENTIFIER": f"postfix/{name}",
                "MESSAGE": list(text.encode()) if name == "error" else text,
            }
        )
        for name, text in _TEXTS
    ]
    for lines in (plain, exact, journal):
        yield "\n".join(lines).encode()
        yield "\n".join(lines[:3]).encode()
        yield "\n".join([lines[1], lines[3], lines[5]]).encode()
        yield "\n".join([lines[1], lines[4]]).encode()


def one(data: bytes) -> None:
    """Follow a log: what it tells is what the event socket takes, and what it remembers is JSON."""
    log = PostfixLog()
    for line in data.split(b"\n"):
        entry = _entry(line)
        for told in log.read(entry) if entry else ():
            read_line(json.dumps(told).encode())
    remembered = json.loads(json.dumps(log.remember()))
    again = PostfixLog()
    again.recall(remembered)
    assert again.remember() == remembered


def _entry(line: bytes) -> Entry | None:
    if not line.startswith(b"{"):
        return read_syslog(line, _NOW)
    try:
        return read_journal(line)[0]
    except ValueError:
        return None
