"""A mail goes in, a signed webhook comes out."""

import smtplib
from email.message import EmailMessage
from urllib.request import Request, urlopen

import pytest
import standardwebhooks
import svix.webhooks

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, wait_until


def rich_mail() -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Zoë Grün <zoe@example.org>"
    mail["To"] = "Support <support@localhost.test>"
    mail["Subject"] = "Grüße aus Köln ☕"
    mail["Message-ID"] = "<first@example.org>"
    mail.set_content("Schöne Grüße!\n")
    mail.add_alternative("<p>Schöne <b>Grüße</b>!</p>", subtype="html")
    mail.add_attachment(b"\x00\x01binary", "application", "octet-stream", filename="daten.bin")
    mail.add_attachment("Käse;1\n", subtype="csv", filename="prüfung.csv")
    return mail


def verify(secret: str, endpoint: Endpoint) -> None:
    for one in endpoint.received:
        standardwebhooks.Webhook(secret).verify(one.body, one.headers)
        svix.webhooks.Webhook(secret).verify(one.body, one.headers)
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            standardwebhooks.Webhook(secret).verify(one.body + b" ", one.headers)


def test_a_mail_over_lmtp_becomes_a_webhook_that_verifies(
    server: Server, endpoint: Endpoint
) -> None:
    inbox = server.inbox()
    webhook = server.webhook(endpoint.url, "message.received")
    with smtplib.LMTP(str(server.data_dir / "lmtp.sock")) as client:
        client.send_message(rich_mail(), "zoe@example.org", ["Support+news@LOCALHOST.test"])
    wait_until(lambda: endpoint.received)
    verify(webhook["secret"], endpoint)
    (one,) = endpoint.received
    payload = one.event["payload"]
    assert one.event["event"] == "message.received"
    assert one.headers["webhook-id"] == one.event["eventId"]
    assert one.event["inboxId"] == inbox["id"]
    assert payload["subject"] == "Grüße aus Köln ☕"
    assert payload["fromName"] == "Zoë Grün"
    assert payload["text"] == "Schöne Grüße!"
    assert "<b>Grüße</b>" in payload["html"]
    assert [each["name"] for each in payload["attachments"]] == ["daten.bin", "prüfung.csv"]
    shown = server.call("GET", f"/v1/inboxes/{inbox['id']}/messages/{payload['id']}")
    assert shown == payload


def test_a_mail_through_ingest_becomes_a_webhook_that_verifies(
    server: Server, endpoint: Endpoint
) -> None:
    server.inbox()
    webhook = server.webhook(endpoint.url, "message.received")
    done = server.run(
        "ingest", "--recipient", "support@localhost.test", stdin=rich_mail().as_bytes()
    )
    assert done.returncode == 0, done.stderr
    wait_until(lambda: endpoint.received)
    verify(webhook["secret"], endpoint)
    assert endpoint.received[0].event["payload"]["externalMessageId"] == "first@example.org"


def test_the_raw_mail_and_its_attachments_can_be_fetched(
    server: Server, endpoint: Endpoint
) -> None:
    server.inbox()
    server.webhook(endpoint.url, "message.received")
    raw = rich_mail().as_bytes()
    assert server.run("ingest", "--recipient", "support@localhost.test", stdin=raw).returncode == 0
    wait_until(lambda: endpoint.received)
    payload = endpoint.received[0].event["payload"]
    headers = {"Authorization": f"Bearer {server.environment['SENDOOK_API_KEY']}"}
    with urlopen(Request(payload["attachments"][0]["url"], headers=headers)) as answer:
        assert answer.read() == b"\x00\x01binary"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
    url = f"{server.url}/v1/inboxes/{payload['inboxId']}/messages/{payload['id']}/raw"
    with urlopen(Request(url, headers=headers)) as answer:
        assert answer.read().replace(b"\r\n", b"\n") == raw
