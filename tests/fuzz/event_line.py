"""Fuzz target: the reader of lines on the event socket."""

import base64
import json
from collections.abc import Iterator

from sendook_lite.domain.errors import Invalid
from sendook_lite.inbound.event_line import UnreadMail, read_line, write_answer
from tests.invariants import check_clean


def corpus() -> Iterator[bytes]:
    """Start from lines that are good, and from some that are not."""
    told = {
        "event": "message.bounced",
        "messageId": "msg_01J9ZZ",
        "envelopeId": "e",
        "messageIdHeader": "<1@a.example>",
        "from": "a@b.example",
        "recipient": "c@d.example",
        "status": "5.1.1",
        "permanent": True,
        "diagnostic": "550 no \u00fc",
        "remoteMta": "mx.d.example",
        "at": "2026-03-01T09:10:00Z",
        "key": "postfix:1",
    }
    yield json.dumps(told).encode()
    for name, value in told.items():
        yield json.dumps({"event": "message.sent", name: value}).encode()
    for name in ("message.sent", "message.delivered", "message.complained", "message.rejected"):
        yield json.dumps(told | {"event": name, "at": "2026-03-01T09:10:00.123+02:00"}).encode()
    raw = base64.b64encode(b"From: a@b.example\n\nhi").decode()
    mail = {"event": "message.received", "recipients": ["x@y.example"], "sender": "", "raw": raw}
    yield json.dumps(mail).encode()
    yield json.dumps(mail | {"recipients": ["\x00@y.example"], "raw": raw[:-1]}).encode()
    yield b'{"event":"message.sent","recipient":"\\ud800","key":"\\u0000"}'
    yield b"nonsense"


def one(data: bytes) -> None:
    """Read a line: it is understood, or refused with a clear error, which can be written."""
    try:
        read = read_line(data)
    except Invalid as error:
        _check_answer(error)
        return
    if isinstance(read, UnreadMail):
        check_clean([*read.recipients, read.sender, read.key])
    else:
        check_clean([read.outcome._asdict(), read.key])


def _check_answer(error: Invalid) -> None:
    answer = write_answer(error, 1)
    assert answer.count(b"\n") == 1
    assert json.loads(answer)["code"] == error.code
