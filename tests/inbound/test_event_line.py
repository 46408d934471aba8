"""Lines of the event socket: what is read from them, and what is said about them."""

import json
from base64 import b64encode
from typing import Any

import pytest

from sendook_lite.domain.errors import Invalid, NotFound
from sendook_lite.inbound.event_line import UnreadMail, read_line, write_answer
from sendook_lite.usecases.event_lines import OutcomeLine
from sendook_lite.usecases.reports import ReportedOutcome

RAW = b64encode(b"Subject: x\r\n\r\n\x00\xff").decode()


def _line(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_an_outcome_is_read_with_all_it_tells() -> None:
    line = _line(
        event="message.bounced", messageId="msg_1", envelopeId="msg_2", messageIdHeader="<a@b>",
        recipient="a@b.example", status="5.1.1", permanent=True, diagnostic="550 no",
        remoteMta="mx.b.example", at="2026-11-23T10:00:00Z", key="k", unknown={"is": "ignored"},
        **{"from": "n@example.com"},
    )  # fmt: skip
    assert read_line(line) == OutcomeLine(
        ReportedOutcome(
            "message.bounced", "a@b.example", "msg_1", "msg_2", "<a@b>", "n@example.com", "5.1.1",
            permanent=True, diagnostic="550 no", remote_mta="mx.b.example",
            reported_at=1_795_428_000_000,
        ),
        "k",
    )  # fmt: skip


def test_what_is_null_counts_as_absent() -> None:
    assert read_line(_line(event="message.sent", recipient=None, key=None)) == OutcomeLine(
        ReportedOutcome("message.sent")
    )


def test_a_mail_is_read_byte_for_byte() -> None:
    line = _line(event="message.received", recipients=["a@b"], sender="x@y", raw=RAW, key="k")
    assert read_line(line) == UnreadMail(b"Subject: x\r\n\r\n\x00\xff", ("a@b",), "x@y", "k")


def test_nul_characters_are_taken_out_of_texts_and_only_they() -> None:
    line = rb'{"event":"message.sent","recipient":"a\u0000@b","diagnostic":"\\u0000"}'
    read = read_line(line)
    assert isinstance(read, OutcomeLine)
    assert (read.outcome.recipient, read.outcome.diagnostic) == ("a@b", "\\u0000")


def test_nul_characters_are_taken_out_of_recipients() -> None:
    line = rb'{"event":"message.received","recipients":["a\u0000@b"],"raw":"aGk="}'
    read = read_line(line)
    assert isinstance(read, UnreadMail)
    assert read.recipients == ("a@b",)


def test_a_long_detail_is_cut() -> None:
    read = read_line(_line(event="message.sent", diagnostic="x" * 5000, remoteMta="y" * 5000))
    assert isinstance(read, OutcomeLine)
    assert read.outcome.diagnostic == "x" * 4096
    assert read.outcome.remote_mta == "y" * 4096


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (b"", "invalid_json", "column 0"),
        (b"nonsense", "invalid_json", "column 2"),
        (b"[]", "invalid_json", "a JSON object is needed"),
        (b'{"event":"message.sent"', "invalid_json", "column 23"),
        (b'{"event":"message.sent"} {}', "invalid_json", "trailing"),
        (b'{"event":"\xff"}', "invalid_json", "column"),
        (rb'{"event":"message.sent","recipient":"\ud800"}', "invalid_json", "column"),
        (b"[" * 100_000, "invalid_json", "recursion"),
        (_line(recipient="a@b"), "missing_field", "event is missing"),
        (_line(event=7), "invalid_field", "event: Input should be a valid string"),
        (_line(event="message.sent", key=7), "invalid_field", "key: "),
        (_line(event="message.sent", permanent="yes"), "invalid_field", "permanent: "),
        (_line(event="message.sent", key="k" * 999), "invalid_field", "key: "),
        (_line(event="message.sent", at="yesterday"), "invalid_field", "at must be an ISO 8601"),
        (_line(event="message.sent", at="0001-01-01T00:00:00+14:00"), "invalid_field", "at must"),
        (_line(event="message.sent", at="9999-12-31T23:59:59-14:00"), "invalid_field", "at must"),
        (_line(event="inbox.created"), "unknown_event",
         "message.received, message.sent, message.delivered, message.bounced"),
        (_line(event="message.exploded"), "unknown_event", "event must be one of"),
        (_line(event="message.received"), "missing_field", "needs recipients and raw"),
        (_line(event="message.received", raw=RAW, recipients=[]), "missing_field",
         "needs recipients"),
        (_line(event="message.received", recipients=["a@b"]), "missing_field", "needs raw"),
        (_line(event="message.received", recipients="a@b", raw=RAW), "invalid_field",
         "recipients: "),
        (_line(event="message.received", recipients=["a@b", 1], raw=RAW), "invalid_field",
         "recipients.1: "),
        (_line(event="message.received", recipients=["a"] * 1001, raw=RAW), "invalid_field",
         "recipients: "),
        *(
            (_line(event="message.received", recipients=["a@b"], raw=raw), "invalid_field", "base")
            for raw in ("eA", "e A==", "eA==\n", "eA==eA==", "é===", "-_==", "=")
        ),
    ],
)  # fmt: skip
def test_a_line_that_is_wrong_says_why(line: bytes, code: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as caught:
        read_line(line)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("told", "answer"),
    [
        ({"eventId": "evt_1"}, {"ok": True, "eventId": "evt_1"}),
        (NotFound("message"),
         {"ok": False, "code": "message_not_found", "error": "line 3: Message not found"}),
        (LookupError("secret"),
         {"ok": False, "code": "internal_error", "error": "line 3: Internal error"}),
    ],
)  # fmt: skip
def test_an_answer_is_one_line(told: Any, answer: dict[str, Any]) -> None:
    written = write_answer(told, 3)
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1
    assert json.loads(written) == answer
