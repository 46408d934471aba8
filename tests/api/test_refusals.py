"""What is wrong with a request is named, field by field, and never repeated when it is a secret."""

from typing import Any

import pytest

from sendook_lite.domain.events import EVENT_TYPES
from tests.api.asking import assert_envelope
from tests.api.conftest import ABSENT, Api

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "https://example.com/hook"
MINIMAL: dict[str, Any] = {"url": URL, "events": ["message.received"]}


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        ({"name": 1}, "name", "must be a string"),
        ({"name": ["a"]}, "name", "must be a string"),
        ({"name": True}, "name", "must be a string"),
        ({"name": ""}, "name", "must not be empty"),
        ({"name": " \u2003"}, "name", "must not be empty"),
        ({"name": "a" * 256}, "name", "must have at most 255 characters"),
        ({"name": "a\x00b"}, "name", "must not hold control characters or line breaks"),
        ({"name": "a\u2028b"}, "name", "must not hold control characters or line breaks"),
        ({"email": 5}, "email", "must be a string"),
        ({"email": {"a": 1}}, "email", "must be a string"),
        ({"email": "a" * 400 + "@localhost.test"}, "email", "must have at most 320 characters"),
        ({"email": "a\r\n@localhost.test"}, "email", "must not hold control characters"),
    ],
)
async def test_a_wrong_field_of_an_inbox_is_named(
    shared: Api, body: dict[str, Any], path: str, message: str
) -> None:
    reply = await shared.call("POST", "/v1/inboxes", body)
    assert_envelope(reply, 400, "validation_failed")
    (error,) = reply.json["errors"]
    assert (error["type"], error["path"], error["location"]) == ("field", path, "body")
    assert error["msg"].startswith(message)
    assert reply.json["message"] == f"{path} {error['msg']}"
    assert len(str(error["value"])) <= 200


@pytest.mark.parametrize(
    "value", [b'["' + b"x" * 1000 + b'"]', b"[" * 500 + b"]" * 500], ids=["long", "deep"]
)
async def test_a_long_or_deep_value_is_not_repeated(shared: Api, value: bytes) -> None:
    reply = await shared.call("POST", "/v1/inboxes", b'{"name":' + value + b"}")
    assert_envelope(reply, 400, "validation_failed")
    assert "value" not in reply.json["errors"][0]


async def test_every_wrong_field_is_named(shared: Api) -> None:
    reply = await shared.call("POST", "/v1/inboxes", {"name": 1, "email": 2})
    assert [error["path"] for error in reply.json["errors"]] == ["name", "email"]
    assert [error["value"] for error in reply.json["errors"]] == [1, 2]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=many", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=" + "9" * 50, "limit"),
        ("before=nonsense", "before"),
        ("before=%00", "before"),
    ],
)
async def test_a_wrong_query_is_named(shared: Api, query: str, path: str) -> None:
    reply = await shared.call("GET", f"/v1/inboxes?{query}")
    assert_envelope(reply, 400, "validation_failed")
    (error,) = reply.json["errors"]
    assert (error["path"], error["location"]) == (path, "query")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/events?type=nothing", "type"),
        ("/v1/events?limit=0", "limit"),
        ("/v1/deliveries?status=lost", "status"),
        ("/v1/deliveries?before=x", "before"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(shared: Api, path: str, field: str) -> None:
    reply = await shared.call("GET", path)
    assert_envelope(reply, 400, "validation_failed")
    assert (reply.json["errors"][0]["path"], reply.json["errors"][0]["location"]) == (
        field,
        "query",
    )


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": "a", "scopes": []}, "scopes"),
        ({"name": "a", "scopes": ["root"]}, "scopes.0"),
        ({"name": "a", "scopes": ["read", "read"]}, "scopes"),
        ({"name": "a", "scopes": "read"}, "scopes"),
        ({"name": "a", "inboxIds": "x"}, "inboxIds"),
        ({"name": "a", "inboxIds": [f"inbox_{ABSENT}"]}, "inboxIds.0"),
        ({"name": "a", "inboxIds": ["x"] * 2}, "inboxIds"),
        ({"name": "a", "inboxIds": [str(n) for n in range(101)]}, "inboxIds"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(
    shared: Api, body: dict[str, Any], path: str
) -> None:
    reply = await shared.call("POST", "/v1/api_keys", body)
    assert_envelope(reply, 400, "validation_failed")
    assert reply.json["errors"][0]["path"] == path


BAD_FIELDS: list[tuple[str, Any, str]] = [
    ("url", None, "must be a string"),
    ("url", 5, "must be a string"),
    ("url", "", "Invalid webhook URL"),
    ("url", "ftp://example.com/", "Invalid webhook URL"),
    ("url", "http://example.com/", "Invalid webhook URL"),
    ("url", "https://127.0.0.1/", "Invalid webhook URL"),
    ("url", "https://user@example.com/", "Invalid webhook URL"),
    ("url", "https://example.com/#x", "Invalid webhook URL"),
    ("url", "https://example.com/\x00", "Invalid webhook URL"),
    ("url", "https://example.com/" + "a" * 2048, "must have at most 2048 characters"),
    ("events", None, "must be a list"),
    ("events", "message.received", "must be a list"),
    ("events", [], "must name at least one event"),
    ("events", ["message.read"], "holds 'message.read', which is no event; the events are"),
    ("events", ["message.sent", "message.sent"], "must not repeat 'message.sent'"),
    ("events", [["message.sent"]], "must be a string"),
    ("description", 1, "must be a string"),
    ("description", "a" * 501, "must have at most 500 characters"),
    ("description", "a\x1bb", "must not hold control characters"),
    ("inboxIds", [f"inbox_{ABSENT}"], "names no inbox"),
    ("inboxIds", {}, "must be a list"),
    ("retrySchedule", [-1], "must be at least 0"),
    ("retrySchedule", [604801], "must be at most 604800"),
    ("retrySchedule", ["5"], "must be a number"),
    ("retrySchedule", [True], "must be a number"),
    ("retrySchedule", [1] * 21, "must have at most 20 items"),
    ("timeout", 0, "must be greater than 0"),
    ("timeout", 60.1, "must be at most 60"),
    ("timeout", "15", "must be a number"),
    ("timeout", 1e300, "must be at most 60"),
    ("rateLimit", 0, "must be greater than 0"),
    ("rateLimit", 1001, "must be at most 1000"),
    ("rateLimit", False, "must be a number"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD_FIELDS)
async def test_a_wrong_field_of_a_webhook_is_refused_at_creation_and_change(
    shared: Api, name: str, value: Any, message: str
) -> None:
    made = await shared.make("/v1/webhooks", MINIMAL)
    shown = await shared.get(f"/v1/webhooks/{made['id']}")
    for method, path in (("POST", "/v1/webhooks"), ("PATCH", f"/v1/webhooks/{made['id']}")):
        body = {**MINIMAL, name: value} if method == "POST" else {name: value}
        reply = await shared.call(method, path, body)
        assert_envelope(reply, 400)
        error = reply.json["errors"][0]
        assert error["path"].partition(".")[0] == name
        assert message in error["msg"]
    assert await shared.get(f"/v1/webhooks/{made['id']}") == shown


async def test_an_unknown_event_is_told_all_nine(shared: Api) -> None:
    reply = await shared.call("POST", "/v1/webhooks", {"url": URL, "events": ["*"]})
    assert all(event in reply.json["message"] for event in EVENT_TYPES)
    assert reply.json["errors"][0]["path"] == "events"


async def test_url_and_events_are_required(shared: Api) -> None:
    reply = await shared.call("POST", "/v1/webhooks", {})
    assert [error["path"] for error in reply.json["errors"]] == ["url", "events"]


@pytest.mark.parametrize("status", ["", "paused", None, 1])
async def test_an_unknown_status_is_refused(shared: Api, status: Any) -> None:
    made = await shared.make("/v1/webhooks", MINIMAL)
    reply = await shared.call("PATCH", f"/v1/webhooks/{made['id']}", {"status": status})
    assert_envelope(reply, 400, "validation_failed")
    assert reply.json["message"] == "status must be 'enabled' or 'disabled'"


@pytest.mark.parametrize(
    "headers",
    [
        {name: "hush"}
        for name in (
            "Content-Type",
            "User-Agent",
            "Accept-Encoding",
            "webhook-id",
            "Webhook-Timestamp",
            "webhook-signature",
            "x-sendook-event",
            "X-Sendook-Anything",
            "Connection",
            "Keep-Alive",
            "Proxy-Authorization",
            "Proxy-Anything",
            "TE",
            "Trailer",
            "Transfer-Encoding",
            "Upgrade",
            "Host",
            "Content-Length",
            "Expect",
            "",
            "a b",
            "a:",
            "ä",
            "a\r\nb",
        )
    ]
    + [
        {"a": "hush\r\nb: c"},
        {"a": "hush\x00"},
        {"a": "hüsh"},
        {"a": "hush\x7f"},
        {"a": "hush" * 251},
        {"a": "hush", "A": "hush"},
        {str(n): "hush" for n in range(21)},
        {"a": ["hush"]},
        {"a": None},
        ["hush"],
        "hush",
    ],
)
async def test_a_header_that_is_not_theirs_to_set_is_refused(shared: Api, headers: Any) -> None:
    reply = await shared.call("POST", "/v1/webhooks", {**MINIMAL, "headers": headers})
    assert_envelope(reply, 400, "validation_failed")
    assert reply.json["errors"][0]["path"].startswith("headers")
    assert "hush" not in reply.raw.decode()


@pytest.mark.parametrize(
    "secret", ["hush", "whsec_", "whsec_hush", "whsec_aHVzaA==", "whsec_" + "aHVz" * 40, 5, []]
)
async def test_a_secret_that_cannot_sign_is_refused_and_not_repeated(
    shared: Api, secret: Any
) -> None:
    reply = await shared.call("POST", "/v1/webhooks", {**MINIMAL, "secret": secret})
    assert_envelope(reply, 400, "validation_failed")
    (error,) = reply.json["errors"]
    assert error["path"] == "secret"
    assert "value" not in error
    assert "hush" not in reply.raw.decode()
