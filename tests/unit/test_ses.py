"""Notifications in the forms of Amazon's own documentation."""

import base64
from typing import Any

import pytest

from sendook_lite.domain.clock import parse_iso
from sendook_lite.domain.errors import Invalid
from sendook_lite.domain.ses import SesMail, SesReport, read_notification

MAIL = {
    "timestamp": "2026-03-01T09:00:00.000Z",
    "source": "ann@mail.example",
    "sourceArn": "arn:aws:ses:eu-west-1:123456789012:identity/mail.example",
    "messageId": "0102019-1",
    "destination": ["zoe@c.example", "max@c.example"],
    "headersTruncated": False,
    "headers": [
        {"name": "From", "value": "ann@mail.example"},
        {"name": "Message-ID", "value": "<1@mail.example>"},
    ],
}
AT = "2026-03-01T09:05:00.000Z"
BOUNCE: dict[str, Any] = {
    "bounceType": "Permanent",
    "bounceSubType": "General",
    "bouncedRecipients": [
        {
            "emailAddress": "zoe@c.example",
            "action": "failed",
            "status": "5.1.1",
            "diagnosticCode": "smtp; 550 5.1.1 user unknown",
        },
        {"emailAddress": '"Max" <max@c.example>'},
    ],
    "timestamp": AT,
    "feedbackId": "f-1",
}


@pytest.fixture(params=["notificationType", "eventType"])
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def reports(shape: str, kind: str, **told: Any) -> list[SesReport]:
    read = read_notification({shape: kind, "mail": MAIL, **told})
    assert isinstance(read, list)
    return read


def test_a_delivery_is_told_for_each_recipient(shape: str) -> None:
    delivery = {
        "timestamp": AT,
        "recipients": ["zoe@c.example", "max@c.example"],
        "smtpResponse": "250 2.6.0 Message received",
        "remoteMtaIp": "192.0.2.1",
        "reportingMTA": "a8-70.smtp-out.amazonses.com",
    }
    first, second = reports(shape, "Delivery", delivery=delivery)
    assert first == SesReport(
        event_type="message.delivered",
        recipient="zoe@c.example",
        sender="ann@mail.example",
        message_id="<1@mail.example>",
        status="2.6.0",
        permanent=None,
        diagnostic="250 2.6.0 Message received",
        remote_mta="192.0.2.1",
        at=parse_iso(AT),
    )
    assert second.recipient == "max@c.example"


@pytest.mark.parametrize(
    ("kind", "permanent"), [("Permanent", True), ("Transient", False), ("Undetermined", None)]
)
def test_a_bounce_says_whether_it_is_permanent(
    shape: str, kind: str, *, permanent: bool | None
) -> None:
    first, second = reports(shape, "Bounce", bounce={**BOUNCE, "bounceType": kind})
    assert (first.event_type, first.status) == ("message.bounced", "5.1.1")
    assert first.permanent is second.permanent is permanent
    assert first.diagnostic == "smtp; 550 5.1.1 user unknown"
    assert (second.recipient, second.diagnostic) == ("max@c.example", "General")


def test_a_complaint_is_told(shape: str) -> None:
    complaint = {
        "complainedRecipients": [{"emailAddress": "zoe@c.example"}],
        "timestamp": AT,
        "complaintFeedbackType": "abuse",
    }
    (report,) = reports(shape, "Complaint", complaint=complaint)
    assert (report.event_type, report.diagnostic) == ("message.complained", "abuse")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("Reject", {"reject": {"reason": "Bad content"}}),
        ("Rendering Failure", {"failure": {"errorMessage": "Bad content", "templateName": "t"}}),
    ],
)
def test_what_ses_did_not_send_is_rejected_for_all(
    shape: str, kind: str, told: dict[str, Any]
) -> None:
    found = reports(shape, kind, **told)
    assert [each.recipient for each in found] == MAIL["destination"]
    assert {(each.event_type, each.permanent, each.diagnostic, each.at) for each in found} == {
        ("message.rejected", True, "Bad content", None)
    }


@pytest.mark.parametrize("kind", ["Send", "DeliveryDelay", "Open", "Click", "Subscription", "New"])
def test_what_is_no_event_here_tells_nothing(shape: str, kind: str) -> None:
    assert reports(shape, kind) == []


def test_the_message_id_may_be_among_the_common_headers_or_nowhere() -> None:
    bounce = {"eventType": "Bounce", "bounce": BOUNCE}
    common = {**MAIL, "headers": [], "commonHeaders": {"messageId": "<2@mail.example>"}}
    for mail, expected in ((common, "<2@mail.example>"), ({**MAIL, "headers": None}, None)):
        read = read_notification({**bounce, "mail": mail})
        assert isinstance(read, list)
        assert read[0].message_id == expected


@pytest.mark.parametrize("encoding", ["BASE64", "UTF-8"])
def test_a_received_mail_comes_with_its_bytes(encoding: str) -> None:
    raw = "From: ann@c.example\r\n\r\nGrüße\r\n"
    content = base64.b64encode(raw.encode()).decode() if encoding == "BASE64" else raw
    received = {
        "notificationType": "Received",
        "mail": MAIL,
        "receipt": {
            "recipients": ["support@mail.example", "support@mail.example", "two@mail.example"],
            "action": {"type": "SNS", "topicArn": "arn", "encoding": encoding},
        },
        "content": content,
    }
    assert read_notification(received) == SesMail(
        raw.encode(), ("support@mail.example", "two@mail.example"), "ann@mail.example", "SNS"
    )
    del received["content"]
    read = read_notification(received)
    assert isinstance(read, SesMail)
    assert read.raw is None


@pytest.mark.parametrize(
    "document",
    [
        {"eventType": "Bounce"},
        {"eventType": "Bounce", "mail": MAIL, "bounce": []},
        {"eventType": "Delivery", "mail": MAIL, "delivery": {"recipients": 5}},
        {"eventType": "Complaint", "mail": 5, "complaint": {"complainedRecipients": [{}]}},
        {"notificationType": "Received", "mail": MAIL, "receipt": {}},
        {
            "notificationType": "Received",
            "mail": MAIL,
            "receipt": {"recipients": [], "action": {"type": "SNS", "encoding": "BASE64"}},
            "content": "not base64!",
        },
    ],
)
def test_what_ses_does_not_write_is_told_so(document: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read_notification(document)
