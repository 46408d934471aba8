"""Webhooks: every field, every refusal, tests and secrets."""

from typing import Any

import pytest

from sendook_lite.domain.events import EVENT_TYPES
from sendook_lite.domain.outcome import Outcome
from tests.api.asking import assert_envelope
from tests.api.conftest import Api

URL = "https://Example.com:443/Hook?a=b%20c"
MINIMAL: dict[str, Any] = {"url": URL, "events": ["message.received"]}
SECRET = "whsec_" + "QUFB" * 8
FULL: dict[str, Any] = {
    **MINIMAL,
    "description": "Tickets",
    "headers": {"Authorization": "Bearer abc", "Cookie": "a=b", "X-Empty": ""},
    "retrySchedule": [0, 0.5, 604800],
    "timeout": 2.5,
    "rateLimit": 10,
}


async def test_a_webhook_is_made_shown_and_deleted(api: Api) -> None:
    made = await api.make("/v1/webhooks", MINIMAL)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert made["url"] == URL
    assert set(made) == {
        "_id", "id", "organizationId", "url", "events", "status", "createdAt", "updatedAt",
    }  # fmt: skip
    path = f"/v1/webhooks/{made['id']}"
    assert await api.get(path) == made
    assert await api.get("/v1/webhooks") == [made]
    assert await api.get(f"{path}/secret") == {"secret": secret, "previous": []}
    gone = await api.call("DELETE", path)
    assert (gone.status, gone.json) == (200, made)
    assert_envelope(await api.call("GET", path), 404, "webhook_not_found")
    assert_envelope(await api.call("GET", f"{path}/secret"), 404, "webhook_not_found")
    assert await api.get("/v1/webhooks") == []


async def test_every_field_is_kept_and_removed_again(api: Api) -> None:
    inbox = await api.make("/v1/inboxes", {})
    body = {**FULL, "inboxIds": [inbox["id"]], "secret": SECRET}
    made = await api.make("/v1/webhooks", body)
    assert body.items() <= made.items()
    path = f"/v1/webhooks/{made['id']}"
    removable = ["description", "headers", "retrySchedule", "timeout", "rateLimit", "inboxIds"]
    bare = await api.call("PATCH", path, dict.fromkeys(removable))
    assert bare.status == 200
    assert not set(removable) & set(bare.json)
    again = await api.call("PATCH", path, {**FULL, "inboxIds": [inbox["id"]], "secret": "ignored"})
    del made["secret"], made["updatedAt"], again.json["updatedAt"]
    assert made.items() <= again.json.items()
    assert (await api.get(f"{path}/secret"))["secret"] == SECRET


async def test_a_webhook_is_changed_disabled_and_enabled(api: Api) -> None:
    made = await api.make("/v1/webhooks", FULL)
    path = f"/v1/webhooks/{made['id']}"
    changed = await api.call("PATCH", path, {"events": list(EVENT_TYPES), "url": "https://b.com"})
    assert (changed.json["url"], changed.json["events"]) == ("https://b.com", list(EVENT_TYPES))
    assert changed.json["headers"] == FULL["headers"]
    disabled = (await api.call("PATCH", path, {"status": "disabled"})).json
    assert (disabled["status"], disabled["disabledReason"]) == ("disabled", "manual")
    enabled = (await api.call("PATCH", path, {"status": "enabled"})).json
    assert enabled["status"] == "enabled"
    assert "disabledReason" not in enabled
    assert (await api.call("PATCH", path, {})).status == 200


async def test_header_values_are_shown_only_to_who_may_change_them(api: Api) -> None:
    made = await api.make("/v1/webhooks", FULL)
    path = f"/v1/webhooks/{made['id']}"
    reader, writer = await api.make_key("read"), await api.make_key("write")
    assert (await api.get(path, key=writer))["headers"] == FULL["headers"]
    masked = dict.fromkeys(FULL["headers"], "***")
    assert (await api.get(path, key=reader))["headers"] == masked
    assert [hook["headers"] for hook in await api.get("/v1/webhooks", key=reader)] == [masked]
    assert_envelope(await api.call("GET", f"{path}/secret", key=reader), 403, "scope_missing")
    assert "secret" in await api.get(f"{path}/secret", key=writer)


@pytest.mark.parametrize(
    ("outcome", "success", "status", "error"),
    [
        (Outcome(204, None, None, b"", 12.4), True, 204, None),
        (Outcome(503, "http_status", "answered 503", b"no", 1), False, 503,
         "http_status: answered 503"),
        (Outcome(None, "connect_refused", "refused", b"", 1), False, 500,
         "connect_refused: refused"),
    ],
)  # fmt: skip
async def test_a_test_tells_the_real_outcome(
    api: Api, outcome: Outcome, *, success: bool, status: int, error: str | None
) -> None:
    made = await api.make("/v1/webhooks", MINIMAL)
    path = f"/v1/webhooks/{made['id']}"
    api.probe.outcomes.append(outcome)
    reply = await api.call("POST", f"{path}/test", headers={"Content-Type": "application/json"})
    assert reply.status == 200
    assert reply.json["success"] is success
    attempt = reply.json["attempt"]
    assert (attempt["status"], attempt.get("error")) == (status, error)
    assert (attempt["trigger"], attempt["webhookId"]) == ("test", made["id"])
    assert attempt["eventId"] == reply.json["eventId"]
    assert await api.get(f"{path}/attempts") == [attempt]
    event = await api.get(f"/v1/events/{reply.json['eventId']}")
    assert (event["event"], event["payload"]["test"]) == ("message.received", "test")
    assert await api.get("/v1/events") == []


async def test_ten_attempts_are_shown_unless_more_are_asked_for(api: Api) -> None:
    made = await api.make("/v1/webhooks", MINIMAL)
    path = f"/v1/webhooks/{made['id']}"
    sent = [(await api.call("POST", f"{path}/test")).json["eventId"] for _ in range(12)]
    shown = await api.get(f"{path}/attempts")
    assert [attempt["eventId"] for attempt in shown] == sent[:1:-1]
    assert len(await api.get(f"{path}/attempts?limit=500")) == 12
    assert_envelope(await api.call("GET", f"{path}/attempts?limit=x"), 400)
