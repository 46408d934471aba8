import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sendook_lite.cli import mail_view
from sendook_lite.domain.mime import open_mail
from sendook_lite.domain.reports import as_json, read_report
from sendook_lite.domain.reports.model import Report
from tests.cli.conftest import Command, Outcome
from tests.fuzz.mails import mails

MAIL = """\
Return-Path: <ann@far.example>
From: =?utf-8?q?Ann_=C3=9C?= <ann@example.com>
To: Bob <bob@localhost.test>, carol@localhost.test
Cc: dan@localhost.test
Reply-To: desk@example.com
Subject: Hello
Date: Sun, 1 Mar 2026 09:10:00 +0000
Message-ID: <1@example.com>
Authentication-Results: mx.example; spf=pass; dkim=fail
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Good day.

> what was said
--b
Content-Type: text/csv; name=list.csv
Content-Disposition: attachment; filename=list.csv

a,b
--b--
"""

REPORT = """\
Return-Path: <>
From: MAILER-DAEMON@far.example
To: bounces@localhost.test
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It did not work.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; far.example
Original-Envelope-Id: msg_1

Final-Recipient: rfc822; bob@far.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.far.example
Diagnostic-Code: smtp; 550 5.1.1 unknown

--b
Content-Type: message/rfc822

Message-ID: <original@localhost.test>
Subject: x

x
--b--
"""


@pytest.fixture
def show(command: Command, here: Path) -> Callable[..., Outcome]:
    def execute(mail: str | bytes, *options: str) -> Outcome:
        raw = mail if isinstance(mail, bytes) else mail.encode()
        (here / "mail.eml").write_bytes(raw)
        return command("read", "mail.eml", *options)

    return execute


Show = Callable[..., Outcome]


def test_json_is_the_message_as_the_api_shows_it_without_ids(show: Show) -> None:
    ended = show(MAIL, "--json")
    assert (ended.code, ended.err) == (0, "")
    document = json.loads(ended.out)
    attachment = {"name": "list.csv", "contentType": "text/csv", "size": 3, "content": "YSxi"}
    assert document["attachments"] == [attachment]
    assert document["text"] == "Good day."
    assert "> what was said" in document["fullText"]
    expected = {
        "from": "ann@example.com",
        "fromName": "Ann Ü",
        "envelopeFrom": "ann@far.example",
        "to": ["bob@localhost.test", "carol@localhost.test"],
        "cc": ["dan@localhost.test"],
        "bcc": [],
        "labels": [],
        "replyTo": "desk@example.com",
        "subject": "Hello",
        "date": "2026-03-01T09:10:00.000Z",
        "externalMessageId": "1@example.com",
        "status": "received",
        "report": {"kind": "none", "recipients": []},
    }
    assert {name: document[name] for name in expected} == expected
    absent = {"_id", "id", "inboxId", "threadId", "toInboxId", "organizationId", "createdAt"}
    assert not absent & document.keys()
    assert "autoSubmitted" not in document


def test_a_report_is_told_with_every_recipient(show: Show) -> None:
    document = json.loads(show(REPORT, "--json").out)
    recipient = {
        "recipient": "bob@far.example",
        "action": "failed",
        "status": "5.1.1",
        "permanent": True,
        "diagnostic": "550 5.1.1 unknown",
        "remoteMta": "mx.far.example",
    }
    assert document["report"]["kind"] == "delivery"
    assert document["report"]["recipients"] == [recipient]
    assert document["report"]["originalMessageId"] == "<original@localhost.test>"
    assert document["report"]["originalEnvelopeId"] == "msg_1"
    assert document["autoSubmitted"] is True
    assert "envelopeFrom" not in document


def test_a_mail_without_an_envelope_is_not_taken_for_the_null_senders(show: Show) -> None:
    document = json.loads(show("From: a@b.example\nSubject: x\n\nhi\n", "--json").out)
    assert "autoSubmitted" not in document
    assert document["to"] == []


def test_the_summary_is_for_people(show: Show) -> None:
    out = show(MAIL).out
    for line in (
        "From        Ann Ü <ann@example.com>",
        "To          bob@localhost.test, carol@localhost.test",
        "Checks      authservId mx.example, spf pass, dkim fail",
        "Attached    list.csv (text/csv, 3 bytes)",
    ):
        assert line in out.splitlines()
    assert out.endswith("\n\nGood day.\n")
    assert "Report" not in out


def test_the_summary_of_a_report_names_who_and_why(show: Show) -> None:
    assert (
        "bob@far.example  failed  5.1.1  permanent  mx.far.example: 550 5.1.1 unknown"
        in show(REPORT).out
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 1000,
        bytes(range(256)) * 20,
        b"\xef\xbb\xbfSubject: x\n\ny",
        b"Subject: \xed\xa0\x80\n\n\xed\xa0\x80",
        b"Date: Fri, 31 Dec 99999 23:59:59 +0000\n\n",
        b"Subject: =?utf-16?b?2AA=?=\n\n\x1b[2J",
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n" * 300,
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_any_bytes_can_be_shown(show: Show, raw: bytes, options: tuple[str, ...]) -> None:
    ended = show(raw, *options)
    assert (ended.code, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    if options:
        assert json.loads(ended.out)["status"] == "received"


def test_every_sample_is_shown_as_it_is_read(show: Show) -> None:
    for number, raw in enumerate((*mails("mail"), *mails("reports"))):
        document = json.loads(show(raw, "--json").out)
        assert document["report"] == as_json(read_report(open_mail(raw)))
        assert number % 10 or show(raw).code == 0


def test_a_file_of_30_mb_is_shown(show: Show) -> None:
    ended = show(b"Subject: big\n\n" + b"0123456789abcde\n" * (30_000_000 // 16), "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["subject"] == "big"


def test_a_parser_that_should_fail_still_leaves_an_answer(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(mail_view, "parse", fail)
    monkeypatch.setattr(mail_view, "read_report", fail)
    document = json.loads(show(MAIL, "--json").out)
    assert document["parseError"] == "cannot be read (RecursionError)"
    assert document["report"] == {"kind": "none", "recipients": []}


def test_lone_surrogates_do_not_stop_the_output(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = Report(kind="none", original_message_id="\ud800")
    monkeypatch.setattr(mail_view, "read_report", lambda _: report)
    ended = show(MAIL, "--json")
    assert json.loads(ended.out)["report"]["originalMessageId"] == "\ud800"


def test_a_file_that_cannot_be_read_ends_with_66(command: Command) -> None:
    for name in ("absent.eml", "."):
        ended = command("read", name)
        assert (ended.code, ended.out) == (os.EX_NOINPUT, "")
        assert "cannot be read" in ended.err


def test_standard_input_is_the_default_whatever_the_locale(
    process: Callable[..., Outcome],
) -> None:
    mail = "Subject: Grüße\nContent-Type: text/plain; charset=utf-8\n\n€\n".encode()
    for arguments in (["read"], ["read", "-"], ["read", "-", "--json"]):
        ended = process(*arguments, stdin=mail, LC_ALL="C", PYTHONIOENCODING="ascii")
        assert ended.code == 0
        assert "Grüße" in ended.out
        assert "€" in ended.out
