"""The OpenAPI document: valid, complete, and true of what the running server answers."""

import re
from typing import Any

import pytest
import pytest_asyncio
import schemathesis

from sendook_lite.api import openapi_words as words
from sendook_lite.api.answers import ANSWERS, Error, WebhookBody
from sendook_lite.api.openapi import document
from sendook_lite.api.routes import DEV_ROUTES, ROUTES, Route
from sendook_lite.domain.model import Settlement
from sendook_lite.domain.outcome import Outcome
from sendook_lite.store import settling, suppressions
from tests.api.asking import filled, named
from tests.api.conftest import Api

of_module = pytest.mark.asyncio(loop_scope="module")

MAIL = b"""\
From: Ann <ann@example.org>
To: support@localhost.test
Reply-To: reply@example.org
Subject: With a file
Date: Mon, 2 Mar 2026 10:00:00 +0000
Message-ID: <a@example.org>
X-Spam-Status: No, score=1.0
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="x"

--x

hello
--x
Content-Type: text/plain; name="a.txt"
Content-Disposition: attachment

file
--x--
"""
every_route = pytest.mark.parametrize("route", [*ROUTES, *DEV_ROUTES], ids=named)


def test_the_document_is_valid_openapi() -> None:
    described = document((*ROUTES, *DEV_ROUTES), "https://mail.example.com")
    assert described["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(described).validate()
    names = [name for path in described["paths"].values() for name in path]
    assert len(names) == len(ROUTES) + len(DEV_ROUTES)
    ids = [
        operation["operationId"]
        for path in described["paths"].values()
        for operation in path.values()
    ]
    assert len(set(ids)) == len(ids)


def test_every_reference_leads_to_a_schema_with_a_plain_name() -> None:
    described = document(ROUTES, "x")
    schemas = described["components"]["schemas"]
    assert all(re.fullmatch(r"[A-Za-z]+", name) for name in schemas)
    references = set(re.findall(r"'#/components/schemas/([^']+)'", str(described)))
    assert references <= schemas.keys()
    assert all(schema.get("description") for schema in schemas.values())


@every_route
def test_every_route_is_described(route: Route) -> None:
    operation = document((route,), "x")["paths"][route.path][route.method.lower()]
    assert "/" in route.answer or route.answer.strip("[]") in ANSWERS
    assert operation["summary"]
    assert operation["description"]
    for parameter in operation["parameters"]:
        assert parameter["description"], f"openapi_words has no words for {parameter['name']}"
    if route.body is not None:
        example = operation["requestBody"]["content"]["application/json"].get("example")
        assert example, f"openapi_words has no example of {route.body.__name__}"
        # An example is JSON: what a model makes of it counts, not whether Python's types match.
        route.body.model_validate(example, strict=False)


@of_module
async def test_it_is_served_to_everybody(shared: Api) -> None:
    reply = await shared.call("GET", "/openapi.json", key=None)
    assert reply.status == 200
    assert reply.json == document((*ROUTES, *DEV_ROUTES), shared.context.public_url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled_api(shared: Api) -> tuple[Api, dict[str, str]]:
    """An API that has one of everything, and the ids of these."""
    inbox = await shared.make("/v1/inboxes", {"name": "Support", "email": "support@localhost.test"})
    hook = await shared.make(
        "/v1/webhooks",
        {
            "url": "https://example.com/a",
            "events": ["message.received"],
            "description": "d",
            "headers": {"X-A": "b"},
            "retrySchedule": [1, 2.5],
            "timeout": 3,
            "rateLimit": 5,
            "inboxIds": [inbox["id"]],
        },
    )
    await shared.make(
        "/v1/webhooks",
        {"url": "https://example.com/b", "events": ["inbox.updated"], "signing": "ed25519"},
    )
    await shared.context.store.writer.write(
        suppressions.add, "gone@example.org", "bounced", "msg_1"
    )
    sent = await shared.call(
        "POST", f"/v1/inboxes/{inbox['id']}/messages/send", words.BODIES["SendMessage"]
    )
    assert sent.status == 202
    message = await shared.receive("support@localhost.test", MAIL)
    owed = shared.feed.offered[-1]
    failure = Settlement(owed, 1, 2, None, "dns_failed: no such name", None, "pending", 9, 5)
    success = Settlement(owed, 1, 2, 200, None, "ok", "delivered")
    await shared.context.store.writer.write(settling.settle, [failure], 1)
    await shared.context.store.writer.write(settling.settle, [success], 1)
    shared.probe.outcomes.append(Outcome(200, None, None, b"ok", 1.0))
    await shared.call("POST", f"/v1/webhooks/{hook['id']}/test")
    replayed = await shared.call(
        "POST", f"/v1/webhooks/{hook['id']}/replay", {"since": "2020-01-01T00:00:00Z"}
    )
    await shared.call("POST", f"/v1/webhooks/{hook['id']}/secret/rotate", {})
    await shared.make("/v1/domains", {"name": "d.example"})
    await shared.call("POST", "/v1/domains/d.example/verify")
    await shared.make_key("read", inbox_ids=[inbox["id"]])
    found = await shared.get(f"/v1/inboxes/{inbox['id']}/messages/{message}")
    deliveries = await shared.get(f"/v1/deliveries?webhookId={hook['id']}")
    (delivery,) = (each for each in deliveries if each["id"] == owed.id)
    keys = await shared.get("/v1/api_keys")
    return shared, {
        "inbox_id": inbox["id"],
        "webhook_id": hook["id"],
        "message_id": message,
        "attachment_id": found["attachments"][0]["id"],
        "thread_id": found["threadId"],
        "replay_id": replayed.json["id"],
        "event_id": owed.event_id,
        "delivery_id": delivery["id"],
        "api_key_id": keys[0]["id"],
        "domain": "d.example",
    }


def assert_described(route: Route, answer: Any) -> None:
    model = ANSWERS[route.answer.strip("[]")]
    if not route.answer.startswith("["):
        answer = [answer]
    else:
        assert answer, "an empty list shows nothing"
    for each in answer:
        model.model_validate(each)


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.method == "GET" and "/" not in r.answer], ids=named
)
@of_module
async def test_what_is_read_is_as_described(
    filled_api: tuple[Api, dict[str, str]], route: Route
) -> None:
    api, ids = filled_api
    assert_described(route, await api.get(route.path.format(**ids)))


@of_module
async def test_what_is_made_changed_and_removed_is_as_described(shared: Api) -> None:
    by_name = {route.handler.__name__: route for route in ROUTES}
    for kind, plural in (("inbox", "inboxes"), ("webhook", "webhooks"), ("key", "api_keys")):
        create = by_name[f"create_{kind}"]
        assert create.body is not None
        made = await shared.make(create.path, words.BODIES[create.body.__name__])
        assert_described(create, made)
        where = f"/v1/{plural}/{made['id']}"
        if kind != "key":
            change = by_name[f"change_{kind}"]
            assert change.body is not None
            changed = await shared.call("PATCH", where, words.BODIES[change.body.__name__])
            assert_described(change, changed.json)
        if kind == "webhook":
            assert_described(
                by_name["test_webhook"], (await shared.call("POST", f"{where}/test")).json
            )
            rotated = await shared.call("POST", f"{where}/secret/rotate")
            assert_described(by_name["rotate_secret"], rotated.json)
        assert_described(by_name[f"delete_{kind}"], (await shared.call("DELETE", where)).json)


@of_module
async def test_what_is_sent_and_suppressed_is_as_described(
    filled_api: tuple[Api, dict[str, str]],
) -> None:
    api, ids = filled_api
    by_name = {route.handler.__name__: route for route in ROUTES}
    for name, body in (("send_message", "SendMessage"), ("reply_to_message", "ReplyMessage")):
        route = by_name[name]
        answer = await api.call("POST", route.path.format(**ids), words.BODIES[body])
        assert answer.status == route.status
        assert_described(route, answer.json)
    route = by_name["remove_suppression"]
    removed = await api.call("DELETE", route.path.format(address="gone@example.org"))
    assert_described(route, removed.json)


@of_module
async def test_a_domain_and_labels_are_as_described(
    filled_api: tuple[Api, dict[str, str]],
) -> None:
    api, ids = filled_api
    by_name = {route.handler.__name__: route for route in ROUTES}
    made = await api.make("/v1/domains", words.BODIES["CreateDomain"])
    assert_described(by_name["create_domain"], made)
    where = f"/v1/domains/{made['id']}"
    verified = await api.call("POST", f"{where}/verify")
    assert_described(by_name["verify_domain"], verified.json)
    assert_described(by_name["delete_domain"], (await api.call("DELETE", where)).json)
    where = by_name["change_message"].path.format(**ids)
    labelled = await api.call("PATCH", where, words.BODIES["ChangeMessage"])
    assert_described(by_name["change_message"], labelled.json)


@of_module
async def test_errors_and_event_bodies_are_as_described(
    filled_api: tuple[Api, dict[str, str]],
) -> None:
    api, ids = filled_api
    refused = await api.call("POST", "/v1/webhooks", {"url": 1})
    assert refused.status == 400
    Error.model_validate(refused.json)
    Error.model_validate((await api.call("GET", filled("/v1/inboxes/{inbox_id}"))).json)
    WebhookBody.model_validate_json(api.feed.offered[-1].body)
    assert ids["event_id"]
