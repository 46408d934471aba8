"""Reports are read out of mails of many makers, and ordinary mail is left alone.

The samples under ``samples/reports`` were written for this purpose, in the manner of the servers
they are named after; ``expected.json`` says what each reports.
"""

import base64
import email
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sendook_lite.domain.mime import open_mail
from sendook_lite.domain.reports import Report, ReportedRecipient, as_json, read_report
from sendook_lite.domain.reports.addresses import clean_address, find_addresses, read_address_field
from sendook_lite.domain.reports.delivery_status import read_delivery_status
from sendook_lite.domain.reports.fields import read_header, split_groups
from sendook_lite.domain.reports.notice import read_notice
from sendook_lite.domain.reports.status import derive_status, enhanced_code, has_code

SAMPLES = Path(__file__).parent.parent / "samples" / "reports"
EXPECTED: dict[str, dict[str, Any]] = json.loads((SAMPLES / "expected.json").read_text("utf-8"))
REPORTS = sorted(name for name, one in EXPECTED.items() if one["kind"] != "none")
ORDINARY = sorted(name for name, one in EXPECTED.items() if one["kind"] == "none")
DAEMON = "From: MAILER-DAEMON@mx.example\nReturn-Path: <>\nTo: ada@shop.example\n"
BOUNCE = DAEMON + "Subject: failure notice\nMIME-Version: 1.0\n"


def read(raw: bytes | str) -> Report:
    return read_report(open_mail(raw.encode() if isinstance(raw, str) else raw))


def status_part(fields: str, header: str = "") -> str:
    return f"{DAEMON}Subject: x\nContent-Type: message/delivery-status\n{header}\n{fields}"


def test_every_sample_is_expected_and_every_expectation_has_its_sample() -> None:
    assert {path.name for path in SAMPLES.glob("*.eml")} == set(EXPECTED)
    assert len(REPORTS) >= 60
    assert len(ORDINARY) >= 40


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_read(name: str) -> None:
    found = as_json(read((SAMPLES / name).read_bytes()))
    expected = EXPECTED[name]
    assert found["kind"] == expected["kind"]
    people = {one["recipient"]: one for one in found["recipients"]}
    assert set(people) == {one["recipient"] for one in expected["recipients"]}
    for one in expected["recipients"]:
        assert {key: people[one["recipient"]].get(key) for key in one} == one
    assert found.get("originalMessageId") == expected.get("originalMessageId")
    assert found.get("originalEnvelopeId") == expected.get("originalEnvelopeId")


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_mail_is_no_report(name: str) -> None:
    assert read((SAMPLES / name).read_bytes()) == Report(kind="none")


@pytest.mark.parametrize("name", REPORTS)
def test_line_ends_make_no_difference(name: str) -> None:
    raw = (SAMPLES / name).read_bytes()
    assert as_json(read(raw.replace(b"\r\n", b"\n"))) == as_json(read(raw))


@pytest.mark.parametrize("name", ["postfix-failed.eml", "arf-yahoo.eml", "none-letter.eml"])
def test_a_tree_made_by_the_standard_library_is_read_too(name: str) -> None:
    raw = (SAMPLES / name).read_bytes()
    assert as_json(read_report(email.message_from_bytes(raw))) == as_json(read(raw))


def test_a_message_that_cannot_be_written_out_is_no_report() -> None:
    class Broken(email.message.Message):
        def as_bytes(self, *_: Any, **__: Any) -> bytes:
            raise KeyError("content-transfer-encoding")

    assert read_report(Broken()).kind == "none"


def test_fields_not_known_are_absent_from_json() -> None:
    report = Report(kind="delivery", recipients=(ReportedRecipient("a@b.example", "delivered"),))
    assert as_json(report) == {
        "kind": "delivery",
        "recipients": [{"recipient": "a@b.example", "action": "delivered"}],
    }


def test_a_temporary_code_with_action_failed_is_permanent_for_the_message() -> None:
    found = read(status_part("Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 4.4.7"))
    assert found.recipients[0].permanent is True
    assert found.recipients[0].status == "4.4.7"


def test_the_gravest_of_two_groups_for_one_recipient_counts() -> None:
    found = read(
        status_part(
            "Final-Recipient: rfc822; a@b.example\nAction: delayed\n\n"
            "Final-Recipient: rfc822; A@B.example\nAction: failed\n"
        )
    )
    assert [one.action for one in found.recipients] == ["failed"]


def test_the_original_recipient_is_kept_when_it_differs() -> None:
    found = read((SAMPLES / "postfix-forwarded-alias.eml").read_bytes())
    assert found.recipients[0].original_recipient == "list+sub@dest.example"
    undisclosed = read((SAMPLES / "exim-undisclosed.eml").read_bytes())
    assert undisclosed.recipients[0].original_recipient == "grace@dest.example"


def test_a_report_that_names_nobody_is_still_a_report() -> None:
    found = read(
        BOUNCE + "Content-Type: text/plain\n\nThis is the mail system. Your message could not be\n"
        "delivered: 550 5.7.1 rejected. Delivery failed.\n"
    )
    assert found.kind == "delivery"
    assert found.recipients == ()


def attach(kind: str, body: bytes, encoding: str = "base64") -> bytes:
    """Put a part into a mail of a server, with the usual sentence before it."""
    head = f"{BOUNCE}Content-Type: multipart/mixed; boundary=x\n\n--x\n\nIt could not be delivered."
    part = f"\n\n--x\nContent-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n"
    return head.encode() + part.encode() + base64.encodebytes(body) + b"\n--x--\n"


def test_a_report_forwarded_in_an_encoded_attachment_is_read() -> None:
    found = read(attach("message/rfc822", (SAMPLES / "postfix-failed.eml").read_bytes()))
    assert [one.recipient for one in found.recipients] == ["grace@dest.example"]
    assert found.original_message_id == "<20260301.4711.ada@shop.example>"


def test_an_abuse_report_attached_under_a_wrong_type_is_read() -> None:
    fields = b"Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: a@b.example\n"
    found = read(attach("application/octet-stream", fields))
    assert found.kind == "complaint"
    assert [one.recipient for one in found.recipients] == ["a@b.example"]


def test_flufl_is_asked_when_the_shapes_find_nobody() -> None:
    found = read((SAMPLES / "aol-screen-name.eml").read_bytes())
    assert found.reader == "flufl"


def test_a_complaint_about_a_mail_to_several_names_nobody() -> None:
    raw = (SAMPLES / "arf-malformed-no-feedback.eml").read_bytes()
    found = read(raw.replace(b"Grace <grace@dest.example>", b"a@b.example, c@d.example"))
    assert found.kind == "complaint"
    assert found.recipients == ()


@pytest.mark.parametrize(
    "line",
    [
        "The following recipients failed:\n\na@b.example, c@d.example",
        "Recipient: a@b.example, c@d.example",
        "550 5.1.1 a@b.example unknown\n550 5.1.1 c@d.example unknown",
        "Sent <<< RCPT TO:<a@b.example>\nSent <<< RCPT TO:<c@d.example>",
        "mail to a@b.example and to c@d.example was rejected",
        "  1) a@b.example\n  2) c@d.example",
    ],
)
def test_several_recipients_are_found_in_every_shape(line: str) -> None:
    found = read(f"{BOUNCE}\nYour message could not be delivered.\n\n{line}\n")
    assert [one.recipient for one in found.recipients] == ["a@b.example", "c@d.example"]


@pytest.mark.parametrize(
    "line",
    [
        "For questions write to help@provider.example.",
        "Contact: help@provider.example",
        "It was sent by carol@provider.example",
        "From: carol@provider.example",
        "https://provider.example/help?for=carol@provider.example",
    ],
)
def test_who_is_only_mentioned_is_not_reported(line: str) -> None:
    found = read(f"{BOUNCE}\nYour message to a@b.example could not be delivered.\n\n{line}\n")
    assert [one.recipient for one in found.recipients] == ["a@b.example"]


def test_an_authentication_failure_is_no_complaint_even_in_its_shortest_form() -> None:
    fields = b"Feedback-Type: auth-failure\nVersion: 1\n"
    assert read(attach("message/feedback-report", fields)).kind == "none"


def test_the_sender_listed_beside_the_recipient_is_not_reported() -> None:
    found = read(
        f"{BOUNCE}\nYour message could not be delivered to the following recipients:\n\n"
        "a@b.example\nada@shop.example\n"
    )
    assert [one.recipient for one in found.recipients] == ["a@b.example"]


def test_a_receipt_is_no_delivery_report_even_from_a_mail_server() -> None:
    fields = b"Final-Recipient: rfc822; a@b.example\nDisposition: automatic-action; displayed\n"
    assert read(attach("message/disposition-notification", fields)).kind == "none"


def test_the_text_of_the_returned_mail_is_not_read() -> None:
    found = read(
        f"{BOUNCE}\nYour message could not be delivered to:\n\n<a@b.example>: unknown user\n\n"
        "--- Below this line is a copy of the message.\n\n<c@d.example>: unknown user\n"
    )
    assert [one.recipient for one in found.recipients] == ["a@b.example"]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("failed (bad mailbox)", "failed"),
        ("FAILURE", "failed"),
        ("error", "failed"),
        ("expired", "failed"),
        ("delayed", "delayed"),
        ("deferred", "delayed"),
        ("delivered (to mailbox)", "delivered"),
        ("relayed", "relayed"),
        ("expanded", "expanded"),
        ("", "failed"),
    ],
)
def test_actions_are_read_leniently(action: str, expected: str) -> None:
    [one] = read_delivery_status(f"Final-Recipient: rfc822; a@b.example\nAction: {action}")
    assert one.action == expected


@pytest.mark.parametrize(
    ("status", "delay", "expected"),
    [
        ("2.0.0", False, "delivered"),
        ("4.2.2", True, "delayed"),
        ("4.2.2", False, "failed"),
        ("5.1.1", True, "failed"),
    ],
)
def test_without_an_action_the_status_and_the_text_decide(
    status: str,
    delay: bool,  # noqa: FBT001 - a column of the table
    expected: str,
) -> None:
    text = f"Final-Recipient: rfc822; a@b.example\nStatus: {status}"
    [one] = read_delivery_status(text, delay=delay)
    assert one.action == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("rfc822; a@b.example", "a@b.example"),
        ("RFC822;<a@b.example>", "a@b.example"),
        ("a@b.example", "a@b.example"),
        ("rfc822; a@b.example (Ada)", "a@b.example"),
        ("rfc822; SMTP:a@b.example", "a@b.example"),
        ("rfc822; Ada <a@b.example>", "a@b.example"),
        ("rfc822; @relay.example:a@b.example", "a@b.example"),
        ("rfc822; 'a@b.example'", "a@b.example"),
        ("rfc822; a@b.example.", "a@b.example"),
        ('rfc822; "a b"@c.example', '"a b"@c.example'),
        ("rfc822; a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("rfc822; a+40b.example", "a@b.example"),
        ("utf-8; j\\x{F6}rg@b.example", "j\u00f6rg@b.example"),
        ("rfc822; o'brien@b.example", "o'brien@b.example"),
        ("rfc822; a=b.example@c.example", "a=b.example@c.example"),
        ("X400; /c=us/admd= /prmd=x/", None),
        ("rfc822; |/usr/bin/procmail", None),
        ("LOCAL; <>", None),
        ("rfc822; a@b..example", None),
        ("", None),
    ],
)
def test_address_fields_are_cleaned(value: str, expected: str | None) -> None:
    assert read_address_field(value) == expected


def test_escapes_are_undone_where_submission_puts_them() -> None:
    assert read_address_field("rfc822;a+2Bb+3Dc@d.example", xtext=True) == "a+b=c@d.example"
    assert read_address_field("rfc822;a+2Bb@d.example") == "a+2Bb@d.example"
    assert read_address_field("utf-8; \\x{110000}a@b.example") == "a@b.example"


def test_addresses_stick_to_no_sentence() -> None:
    assert clean_address("宛先grace@dest.exampleです") == "grace@dest.example"
    assert clean_address("nobody") is None
    assert clean_address("a" * 400 + "@b.example") is None
    assert find_addresses("A <a@b.example>, a@B.example, c@d.example") == [
        "a@b.example",
        "c@d.example",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("550 5.1.1 unknown", "5.1.1"),
        ("5.0.0 or rather 5.7.1", "5.7.1"),
        ("only 5.0.0", "5.0.0"),
        ("host 192.5.1.1 said no", None),
        ("postfix 3.5.1", None),
        ("(#5.1.2)", "5.1.2"),
    ],
)
def test_enhanced_codes_are_told_from_addresses_and_versions(
    text: str, expected: str | None
) -> None:
    assert enhanced_code(text) == expected


@pytest.mark.parametrize(
    ("text", "failed", "expected"),
    [
        ("550 User unknown", True, "5.1.1"),
        ("452 mailbox full", False, "4.2.2"),
        ("mailbox is over quota", True, "5.2.2"),
        ("552 message too large", True, "5.3.4"),
        ("Host unknown", True, "5.1.2"),
        ("account disabled", True, "5.2.1"),
        ("554 relaying denied", True, "5.7.1"),
        ("Too many hops", True, "5.4.6"),
        ("retry time not reached", True, "5.4.7"),
        ("Connection refused", False, "4.4.1"),
        ("421 come back", False, "4.3.0"),
        ("599 what", True, "5.0.0"),
        ("550 5.0.0 hm", True, "5.0.0"),
        ("nothing to learn", True, None),
    ],
)
def test_a_status_is_derived_from_words_and_replies(
    text: str,
    failed: bool,  # noqa: FBT001 - a column of the table
    expected: str | None,
) -> None:
    assert derive_status(text, failed=failed) == expected


def test_codes_are_no_years_and_no_success() -> None:
    assert not has_code("since 2550 years; 2.0.0 ok")
    assert has_code("said: 550 no")


def test_fields_are_read_indented_and_unfolded() -> None:
    text = "Ab: 1\n two\n\n  Action: failed\n  Status: 5.1.1\nno field\nDiagnostic-Code: x\ny\n"
    assert split_groups(text) == [
        [("ab", "1 two")],
        [("action", "failed"), ("status", "5.1.1"), ("diagnostic-code", "x y")],
    ]
    assert read_header("") == {}


def test_the_returned_mail_is_parted_from_the_notice() -> None:
    notice = read_notice(
        "Failed: a@b.example\n> quoted\n\n"
        "Received: from x\nMessage-ID: <1@x>\n y\n\nwrite c@d.example"
    )
    assert notice.text == "Failed: a@b.example\n"
    assert notice.header["message-id"] == "<1@x> y"
    assert notice.returned


@pytest.mark.parametrize(
    "body",
    [
        b"@" * 300_000,
        b"<" * 300_000,
        b'"a"@' * 75_000,
        b"u@b.example\n" * 25_000,
        b"".join(b"u%d@b.example\n" % number for number in range(20_000)),
        b"Final-Recipient: rfc822; a@b.example\nAction: failed\n" * 6_000,
        b"To: a@b.example\nFrom: x\n" * 15_000,
        b"message mail delivery your user to for error \n" * 7_000,
        b"5.1." * 75_000,
    ],
    ids=["ats", "brackets", "quotes", "same", "many", "fields", "headers", "words", "digits"],
)
def test_hostile_texts_are_read_in_linear_time(body: bytes) -> None:
    # No clock: quadratic readers need minutes for these and run into the time-out of the suite.
    text = b"Content-Type: text/plain\n\nyour mail could not be delivered\n" + body
    assert read(BOUNCE.encode() + text).kind == "delivery"


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(REPORTS), st.integers(0, 4000), st.binary(max_size=12))
def test_damaged_reports_never_raise_and_stay_serialisable(
    name: str, place: int, junk: bytes
) -> None:
    raw = (SAMPLES / name).read_bytes()
    found = read(raw[:place] + junk + raw[place + len(junk) :])
    json.dumps(as_json(found), ensure_ascii=False).encode()
