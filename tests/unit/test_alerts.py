"""Alerts say what happened and what to do, and nothing that should stay between two parties."""

import json

import pytest

from sendook_lite.domain.alerts import render
from sendook_lite.domain.disabling import AlertKind, DisableRule, Standing
from sendook_lite.domain.model import DisabledReason, Webhook

DAY = 24 * 3_600_000
RULE = DisableRule(10, DAY)
FAILING = Standing(7, 5, 0, "half_way")
ERROR = "http_status: answered 503"


def webhook(reason: DisabledReason | None = None) -> Webhook:
    return Webhook(
        seq=1,
        id="wh_1",
        url="https://hooks.example/services/T0KEN?key=T0KEN",
        events=("message.received",),
        status="enabled" if reason is None else "disabled",
        created_at=1,
        updated_at=1,
        disabled_reason=reason,
        description="the shop",
        headers=(("authorization", "Bearer T0P"),),
    )


@pytest.mark.parametrize(
    ("kind", "reason", "standing", "texts"),
    [
        ("first_failure", None, Standing(1, 1, 0, "first_failure"),
         ["has begun to fail", "1 delivery failed", ERROR, "10 failed deliveries",
          "not before 1970-01-02T00:00:00.000Z"]),
        ("half_way", None, FAILING, ["is half way to being disabled", "5 deliveries failed"]),
        ("disabled", "repeated_failures", FAILING,
         ["was disabled", ERROR, 'PATCH /v1/webhooks/wh_1 {"status": "enabled"}',
          "POST /v1/webhooks/wh_1/replay"]),
        ("disabled", "gone", FAILING, ["410 Gone", "PATCH /v1/webhooks/wh_1"]),
        ("recovered", None, FAILING, ["takes events again", "POST /v1/webhooks/wh_1/replay"]),
    ],
)  # fmt: skip
def test_the_message_names_the_webhook_and_says_what_to_do(
    kind: AlertKind, reason: DisabledReason | None, standing: Standing, texts: list[str]
) -> None:
    alert = render(kind, "alert_1", 5, webhook(reason), standing, ERROR, RULE)
    assert alert["message"].startswith("Webhook wh_1 (hooks.example) ")
    for text in texts:
        assert text in alert["message"]
    assert "T0KEN" not in alert["message"], "what follows the host may be a password"
    assert "T0P" not in json.dumps(alert), "headers are told to nobody"
    assert alert["text"] == alert["message"]


def test_an_alert_has_everything_that_a_program_asks_for() -> None:
    alert = render("half_way", "alert_1", 5, webhook(), FAILING, ERROR, RULE)
    del alert["message"], alert["text"]
    assert alert == {
        "alert": "webhook.half_way",
        "id": "alert_1",
        "createdAt": "1970-01-01T00:00:00.005Z",
        "webhook": {
            "id": "wh_1",
            "url": "https://hooks.example/services/T0KEN?key=T0KEN",
            "description": "the shop",
            "status": "enabled",
        },
        "failedDeliveries": 5,
        "firstFailedAt": "1970-01-01T00:00:00.000Z",
        "lastError": ERROR,
        "disablesAt": "1970-01-02T00:00:00.000Z",
    }


def test_what_is_not_known_is_absent() -> None:
    alert = render("recovered", "alert_1", 5, webhook(), Standing(told="forgiven"), None, RULE)
    assert not {"firstFailedAt", "lastError", "disablesAt"} & alert.keys()
    assert alert["failedDeliveries"] == 0
    disabled = render("disabled", "alert_1", 5, webhook("gone"), FAILING, ERROR, RULE)
    assert disabled["webhook"]["disabledReason"] == "gone"
    assert "disablesAt" not in disabled
    at_once = render("half_way", "alert_1", 5, webhook(), FAILING, ERROR, DisableRule(10, 0))
    assert "disablesAt" not in at_once
    assert "not before" not in at_once["message"]
