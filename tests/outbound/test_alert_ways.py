"""The ways of telling: what arrives at the operator's URL, in the mailbox and in the log."""

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sendook_lite.outbound.alert_mail import compose
from sendook_lite.outbound.alert_ways import MailWay, NotTold, WebhookWay, tell_log, ways_to_tell
from sendook_lite.outbound.alerting import Digest
from sendook_lite.outbound.relay import RelayFailed, build_relay
from sendook_lite.settings import Settings
from tests.delivery.servers import (
    OK,
    Authority,
    Handler,
    always,
    closed_port,
    dripping,
    serving,
    silent,
    then_closing,
    then_resetting,
)
from tests.mailbox import Mailbox

ALERT: dict[str, Any] = {
    "alert": "webhook.half_way",
    "id": "alert_1",
    "createdAt": "2026-03-01T09:10:00.000Z",
    "webhook": {
        "id": "wh_1",
        "url": "https://hooks.example/T0KEN",
        "description": "Käse",
        "status": "enabled",
    },
    "failedDeliveries": 5,
    "firstFailedAt": "2026-02-28T09:10:00.000Z",
    "lastError": "http_status: answered 503",
    "disablesAt": "2026-03-01T21:10:00.000Z",
    "message": "Webhook wh_1 (hooks.example) is half way.",
    "text": "Webhook wh_1 (hooks.example) is half way.",
}


async def test_an_alert_is_posted_as_json() -> None:
    async with serving(always()) as server:
        await WebhookWay(f"http://127.0.0.1:{server.port}/s?x=1", "1.2").tell(ALERT)
    (request,) = server.requests
    headers = {name.lower(): value for name, value in request.headers}
    assert request.line == "POST /s?x=1 HTTP/1.1"
    assert json.loads(request.body) == ALERT
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "Sendook-Lite/1.2"


def answer(status: str, header: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{header}content-length: 0\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (always(answer("500 Oh")), "answered 500"),
        (always(answer("404 No")), "answered 404"),
        (always(answer("302 Found", "location: /else\r\n")), "answered 302"),
        (silent, "no answer within 0.3 s"),
        (dripping(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"), "no answer within 0.3 s"),
        (always(b"nonsense\r\n\r\n"), "the connection broke"),
        (then_resetting(), "the connection broke"),
        (then_closing(b""), "the connection broke"),
    ],
)
async def test_whatever_is_no_2xx_in_time_was_not_told(handler: Handler, reason: str) -> None:
    async with serving(handler) as server:
        way = WebhookWay(f"http://127.0.0.1:{server.port}/T0KEN", "1", seconds=0.3)
        with pytest.raises(NotTold, match=reason) as caught:
            await way.tell(ALERT)
    assert server.connections == 1
    assert "T0KEN" not in caught.value.message


async def test_a_url_where_nobody_listens_was_not_told() -> None:
    with pytest.raises(NotTold, match=r"cannot connect to 127\.0\.0\.1"):
        await WebhookWay(f"http://127.0.0.1:{closed_port()}/", "1").tell(ALERT)


async def test_an_endless_2xx_is_told_and_not_read() -> None:
    endless = always(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
    async with serving(endless) as server:
        await WebhookWay(f"http://127.0.0.1:{server.port}/", "1", seconds=5).tell(ALERT)
    endless = dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x")
    async with serving(endless) as server:
        await WebhookWay(f"http://127.0.0.1:{server.port}/", "1", seconds=5).tell(ALERT)


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    async with serving(always(OK)) as server:
        await WebhookWay(f"http://127.0.0.1:{server.port}/", "1").tell(ALERT)


def test_the_mail_is_plain_says_it_all_and_answers_nobody() -> None:
    mail = compose([ALERT], "us@here.example", ["a@x.example", "b@x.example"])
    assert mail.get_content_type() == "text/plain"
    assert (mail["From"], mail["To"]) == ("us@here.example", "a@x.example, b@x.example")
    assert mail["Subject"] == "A webhook will be disabled soon (wh_1)"
    assert mail["Message-ID"] == "<alert_1@here.example>"
    assert mail["Date"] == "Sun, 01 Mar 2026 09:10:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    for expected in (
        ALERT["message"],
        "https://hooks.example/T0KEN",
        "Käse",
        "Failed deliveries:   5",
        "2026-02-28T09:10:00.000Z",
        "http_status: answered 503",
        "Disabled not before: 2026-03-01T21:10:00.000Z",
    ):
        assert expected in text
    assert (
        mail.as_bytes() == compose([ALERT], mail["From"], ["a@x.example", "b@x.example"]).as_bytes()
    )


def test_the_mail_says_nothing_of_what_is_not_known() -> None:
    webhook = {"id": "wh_1", "url": "x", "status": "disabled", "disabledReason": "gone"}
    known = ("alert", "id", "createdAt", "failedDeliveries", "message")
    alert = {**{name: ALERT[name] for name in known}, "webhook": webhook}
    text = compose([alert], "us@here.example", ["a@x.example"]).get_content()
    assert "Status:              disabled gone" in text
    assert "None" not in text


async def test_one_mail_goes_to_all_recipients_and_refused_ones_are_logged() -> None:
    with Mailbox(refused=("b@x.example",)) as box, capture_logs() as logs:
        relay = build_relay(f"smtp://127.0.0.1:{box.port}", "here.example")
        assert relay is not None
        await MailWay(relay, "us@here.example", ["a@x.example", "b@x.example"]).tell([ALERT])
        with pytest.raises(RelayFailed):
            await MailWay(relay, "us@here.example", ["b@x.example"]).tell([ALERT])
    (kept,) = box.kept
    assert kept.recipients == ["a@x.example"]
    assert "Käse" in kept.mail.get_content()
    assert [line["recipient"] for line in logs] == ["b@x.example"]


async def test_the_log_names_the_webhook_but_not_its_url() -> None:
    with capture_logs() as logs:
        await tell_log(ALERT)
    assert logs == [
        {
            "event": "Webhook wh_1 (hooks.example) is half way.",
            "alert": "webhook.half_way",
            "webhook": "wh_1",
            "failed_deliveries": 5,
            "log_level": "warning",
        }
    ]


@pytest.mark.parametrize(
    ("settings", "channels"),
    [
        ({}, ["log"]),
        ({"alerts": {"webhook": "http://x.example/"}}, ["log", "webhook"]),
        ({"relay": {"url": "capture:"}}, ["log"]),
        ({"relay": {"url": "capture:"}, "alerts": {"email": ["a@x.example"]}}, ["log", "email"]),
    ],
)
def test_the_log_is_always_told_and_the_others_where_they_are_set(
    settings: dict[str, Any], channels: list[str]
) -> None:
    with capture_logs() as logs:
        assert list(ways_to_tell(Settings.model_validate(settings), "1")) == channels
    assert logs == []


def test_addresses_without_a_relay_are_warned_about_and_no_failure() -> None:
    settings = Settings.model_validate({"alerts": {"email": ["a@x.example"]}})
    with capture_logs() as logs:
        assert list(ways_to_tell(settings, "1")) == ["log"]
    (line,) = logs
    assert "relay.url" in line["event"]


@pytest.mark.parametrize(
    ("alerts", "sender"),
    [({}, "sendook-lite@mail.example"), ({"from": "ops@here.example"}, "ops@here.example")],
)
async def test_mail_comes_from_the_setting_or_from_our_domain(
    alerts: dict[str, Any], sender: str
) -> None:
    with Mailbox() as box:
        settings = Settings.model_validate(
            {
                "inbound": {"domains": ["mail.example", "b.example"]},
                "relay": {"url": f"smtp://127.0.0.1:{box.port}"},
                "alerts": {"email": ["a@x.example"], **alerts},
            }
        )
        digest = ways_to_tell(settings, "1")["email"]
        assert isinstance(digest, Digest)
        assert (digest.most, digest.pause) == (200, 60)
        await digest.tell([ALERT])
    (kept,) = box.kept
    assert (kept.sender, kept.mail["From"]) == (sender, sender)


def test_alerts_told_together_are_one_mail_that_says_all_of_them() -> None:
    others = [
        {**ALERT, "id": f"alert_{number}", "webhook": {**ALERT["webhook"], "id": f"wh_{number}"}}
        for number in (2, 3)
    ]
    mail = compose(
        [ALERT, others[0], {**others[1], "alert": "webhook.disabled"}], "us@h.example", []
    )
    assert mail["Subject"] == "3 webhooks: 1 disabled, 2 to be disabled soon"
    assert mail["Message-ID"] == "<alert_3@h.example>"
    assert mail.get_content().count(ALERT["message"]) == 3


async def test_an_alert_goes_to_a_url_whose_certificate_the_operator_trusts(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    async with serving(always(), tls=authority.context("localhost")) as server:
        url = f"https://localhost:{server.port}/"
        await WebhookWay(url, "1", ca_file=authority.file).tell(ALERT)
        with pytest.raises(NotTold):
            await WebhookWay(url, "1").tell(ALERT)
        with pytest.raises(NotTold, match="ca_file"):
            await WebhookWay(url, "1", ca_file=str(tmp_path / "none.pem")).tell(ALERT)
    assert len(server.requests) == 1
