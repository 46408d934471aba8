"""Every route against every kind of key. A route that nobody has judged fails here.

``JUDGED`` says of each route what a key needs and what a key is told that is limited to an inbox.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from sendook_lite.api.routes import DEV_ROUTES, ROUTES, Route
from sendook_lite.api.server import build
from sendook_lite.store import suppressions
from tests.api.asking import assert_envelope, named
from tests.api.conftest import Api

Needs = Literal["nothing", "read", "write", "admin"]
Limited = Literal["its own", "a part", "closed", "open"]
"""What is left to a key that is limited to an inbox: that inbox and what is in it, a list with its
own things only, nothing (403), or what needs no key at all."""

JUDGED: dict[str, tuple[Needs, Limited]] = {
    "GET /health": ("nothing", "open"),
    "GET /readyz": ("nothing", "open"),
    "GET /openapi.json": ("nothing", "open"),
    "GET /metrics": ("nothing", "open"),  # asks for a network instead
    "POST /ses": ("nothing", "open"),  # asks for a signature instead
    "POST /webhooks/test": ("nothing", "open"),
    "GET /v1/inboxes": ("read", "a part"),
    "POST /v1/inboxes": ("write", "closed"),
    "GET /v1/inboxes/{inbox_id}": ("read", "its own"),
    "PATCH /v1/inboxes/{inbox_id}": ("write", "its own"),
    "DELETE /v1/inboxes/{inbox_id}": ("write", "its own"),
    "GET /v1/inboxes/{inbox_id}/messages": ("read", "its own"),
    "GET /v1/inboxes/{inbox_id}/messages/{message_id}": ("read", "its own"),
    "PATCH /v1/inboxes/{inbox_id}/messages/{message_id}": ("write", "its own"),
    "DELETE /v1/inboxes/{inbox_id}/messages/{message_id}": ("write", "its own"),
    "GET /v1/inboxes/{inbox_id}/messages/{message_id}/raw": ("read", "its own"),
    "GET /v1/inboxes/{inbox_id}/messages/{message_id}/attachments/{attachment_id}": (
        "read",
        "its own",
    ),
    "POST /v1/inboxes/{inbox_id}/messages/send": ("write", "its own"),
    "POST /v1/inboxes/{inbox_id}/messages/{message_id}/reply": ("write", "its own"),
    "GET /v1/inboxes/{inbox_id}/threads": ("read", "its own"),
    "GET /v1/inboxes/{inbox_id}/threads/{thread_id}": ("read", "its own"),
    "GET /v1/webhooks": ("read", "closed"),
    "POST /v1/webhooks": ("write", "closed"),
    "GET /v1/webhooks/{webhook_id}": ("read", "closed"),
    "PATCH /v1/webhooks/{webhook_id}": ("write", "closed"),
    "DELETE /v1/webhooks/{webhook_id}": ("write", "closed"),
    "POST /v1/webhooks/{webhook_id}/test": ("write", "closed"),
    "GET /v1/webhooks/{webhook_id}/attempts": ("read", "closed"),
    "GET /v1/webhooks/{webhook_id}/stats": ("read", "closed"),
    "GET /v1/webhooks/{webhook_id}/secret": ("write", "closed"),
    "POST /v1/webhooks/{webhook_id}/secret/rotate": ("write", "closed"),
    "POST /v1/webhooks/{webhook_id}/replay": ("write", "closed"),
    "GET /v1/webhooks/{webhook_id}/replays": ("read", "closed"),
    "DELETE /v1/webhooks/{webhook_id}/replays/{replay_id}": ("write", "closed"),
    "GET /v1/events": ("read", "a part"),
    "GET /v1/events/stream": ("read", "a part"),
    "GET /v1/events/{event_id}": ("read", "its own"),
    "GET /v1/deliveries": ("read", "a part"),
    "GET /v1/deliveries/{delivery_id}": ("read", "its own"),
    "POST /v1/deliveries/{delivery_id}/retry": ("write", "its own"),
    "GET /v1/suppressions": ("read", "closed"),
    "DELETE /v1/suppressions/{address}": ("write", "closed"),
    "GET /v1/stats/messages/daily": ("read", "a part"),
    "GET /v1/stats/usage": ("read", "a part"),
    "GET /v1/domains": ("read", "closed"),
    "POST /v1/domains": ("write", "closed"),
    "GET /v1/domains/{domain}": ("read", "closed"),
    "DELETE /v1/domains/{domain}": ("write", "closed"),
    "POST /v1/domains/{domain}/verify": ("write", "closed"),
    "GET /v1/domains/{domain}/dns": ("read", "closed"),
    "GET /v1/api_keys": ("admin", "closed"),
    "POST /v1/api_keys": ("admin", "closed"),
    "GET /v1/api_keys/{api_key_id}": ("admin", "closed"),
    "DELETE /v1/api_keys/{api_key_id}": ("admin", "closed"),
}

SCOPES: dict[str, tuple[Needs, ...]] = {
    "read": ("read",),
    "write": ("read", "write"),
    "admin": ("read", "write", "admin"),
}

BODIES: dict[str, Any] = {
    "PATCH /v1/inboxes/{inbox_id}": {"name": "Changed"},
    "PATCH /v1/inboxes/{inbox_id}/messages/{message_id}": {"labels": ["x"]},
    "POST /v1/inboxes/{inbox_id}/messages/send": {"to": "a@b.example", "text": "Hello"},
    "POST /v1/inboxes/{inbox_id}/messages/{message_id}/reply": {"text": "Hello"},
    "POST /v1/webhooks": {"url": "https://new.example/in", "events": ["message.received"]},
    "PATCH /v1/webhooks/{webhook_id}": {"description": "changed"},
    "POST /v1/webhooks/{webhook_id}/replay": {"since": "2020-01-01T00:00:00Z"},
    "POST /v1/api_keys": {"name": "another"},
}

STATUSES = {"POST /ses": 403}
"""Of routes that are let through and then refused for what they are sent; others: as they say."""

ALL_ROUTES = (*ROUTES, *DEV_ROUTES)
every_route = pytest.mark.parametrize("route", ALL_ROUTES, ids=named)


@dataclass
class Place:
    """An inbox with a mail, and one of everything that a path can name."""

    names: dict[str, str]

    def path(self, route: Route) -> str:
        return re.sub(r"{(\w+)}", lambda found: self.names[found[1]], route.path)


class World:
    """Makes places and keys, each by a number of its own."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._number = 0

    async def place(self) -> Place:
        api = self.api
        self._number += 1
        webhook = await api.make(
            "/v1/webhooks", {"url": "https://hooks.example/in", "events": ["message.received"]}
        )
        address = f"box{self._number}-{webhook['id'][-6:].lower()}@localhost.test"
        inbox = await api.make("/v1/inboxes", {"email": address})
        message = await api.receive(address, MAIL)
        shown = await api.get(f"/v1/inboxes/{inbox['id']}/messages/{message}")
        (event,) = await api.get(f"/v1/events?inboxId={inbox['id']}&type=message.received")
        (delivery,) = await api.get(
            f"/v1/deliveries?eventId={event['id']}&webhookId={webhook['id']}"
        )
        replay = await api.call(
            "POST", f"/v1/webhooks/{webhook['id']}/replay", {"since": "2020-01-01T00:00:00Z"}
        )
        domain = f"{webhook['id'][-12:].lower()}{self._number}.example"
        await api.make("/v1/domains", {"name": domain})
        key = await api.make("/v1/api_keys", {"name": "a key", "scopes": ["read"]})
        suppressed = f"nobody@{domain}"
        await api.context.store.writer.write(suppressions.add, suppressed, "bounced", message)
        return Place(
            {
                "inbox_id": inbox["id"],
                "message_id": message,
                "attachment_id": shown["attachments"][0]["id"],
                "thread_id": shown["threadId"],
                "webhook_id": webhook["id"],
                "event_id": event["id"],
                "delivery_id": delivery["id"],
                "replay_id": replay.json["id"],
                "domain": domain,
                "address": suppressed,
                "api_key_id": key["id"],
            }
        )

    async def ask(self, route: Route, place: Place, key: str | None) -> Any:
        name = named(route)
        body = BODIES.get(name)
        if name == "POST /v1/domains":
            body = {"name": f"new-{place.names['domain']}"}
        return await self.api.call(route.method, place.path(route), body, key=key)


@pytest.fixture
async def world(api: Api) -> World:
    return World(api)


def test_every_route_is_judged() -> None:
    assert {named(route) for route in ALL_ROUTES} == set(JUDGED)
    assert len(ALL_ROUTES) == len(JUDGED)


async def test_nothing_is_served_that_is_no_route(api: Api) -> None:
    """Methods and paths as the server knows them, HEAD, and trailing slashes aside."""
    served = {
        f"{route.method} {route.resource.canonical.rstrip('/')}"
        for route in build(api.context).router.routes()
        if route.method != "HEAD" and route.resource is not None
    }
    assert served == set(JUDGED)


def succeeds(route: Route) -> int:
    return STATUSES.get(named(route), route.status)


@every_route
async def test_without_a_good_key_nothing_opens(world: World, route: Route) -> None:
    place = await world.place()
    revoked = await world.api.make("/v1/api_keys", {"name": "gone"})
    await world.api.call("DELETE", f"/v1/api_keys/{revoked['id']}")
    for key in (None, "wrong", revoked["key"]):
        reply = await world.ask(route, place, key)
        if JUDGED[named(route)][0] == "nothing":
            assert reply.status == succeeds(route)
        else:
            assert_envelope(reply, 401, "unauthorized")


@every_route
@pytest.mark.parametrize("scope", SCOPES)
async def test_a_key_does_what_its_scope_allows(world: World, route: Route, scope: str) -> None:
    needs, _ = JUDGED[named(route)]
    place = await world.place()
    key = await world.api.make_key(scope)
    reply = await world.ask(route, place, key)
    if needs == "nothing" or needs in SCOPES[scope]:
        assert reply.status == succeeds(route), reply.raw
    else:
        assert_envelope(reply, 403, "scope_missing")


@every_route
@pytest.mark.parametrize("scope", SCOPES)
async def test_a_limited_key_has_its_inbox_and_nothing_else(
    world: World, route: Route, scope: str
) -> None:
    needs, limited = JUDGED[named(route)]
    own, other = await world.place(), await world.place()
    key = await world.api.make_key(scope, inbox_ids=[own.names["inbox_id"]])
    theirs = await world.ask(route, other, key)
    mine = await world.ask(route, own, key)
    if needs == "nothing":
        assert (theirs.status, mine.status) == (succeeds(route), succeeds(route))
    elif needs not in SCOPES[scope]:
        for reply in (theirs, mine):
            assert_envelope(reply, 403, "scope_missing")
    elif limited == "closed":
        for reply in (theirs, mine):
            assert_envelope(reply, 403, "key_limited")
    else:
        assert mine.status == succeeds(route), mine.raw
        if limited == "its own":
            assert_envelope(theirs, 404)
        else:
            assert theirs.status == succeeds(route)
            shown = theirs.raw + mine.raw
            assert not [name for name in other.names.values() if name.encode() in shown]


@every_route
async def test_what_a_limited_key_is_refused_is_not_done(world: World, route: Route) -> None:
    """404 and 403 alike leave the other inbox as it was."""
    if JUDGED[named(route)][0] not in {"write", "admin"}:
        return
    own, other = await world.place(), await world.place()
    key = await world.api.make_key("admin", inbox_ids=[own.names["inbox_id"]])
    inbox = f"/v1/inboxes/{other.names['inbox_id']}"
    looks = (
        inbox,
        f"{inbox}/messages",
        f"/v1/webhooks/{other.names['webhook_id']}",
        f"/v1/webhooks/{other.names['webhook_id']}/secret",
        f"/v1/webhooks/{other.names['webhook_id']}/replays",
        f"/v1/deliveries/{other.names['delivery_id']}",
        f"/v1/domains/{other.names['domain']}",
        "/v1/domains",
        "/v1/webhooks",
        "/v1/inboxes",
    )
    before = [await world.api.get(path) for path in looks]
    keys = len(await world.api.get("/v1/api_keys"))
    assert (await world.ask(route, other, key)).status in {403, 404}
    assert [await world.api.get(path) for path in looks] == before
    assert len(await world.api.get("/v1/api_keys")) == keys


async def test_lists_of_a_limited_key_are_filtered_and_not_empty(world: World) -> None:
    own, other = await world.place(), await world.place()
    key = await world.api.make_key("read", inbox_ids=[own.names["inbox_id"]])
    inbox, theirs = own.names["inbox_id"], other.names["inbox_id"]
    assert [each["id"] for each in await world.api.get("/v1/inboxes", key=key)] == [inbox]
    events = await world.api.get("/v1/events", key=key)
    assert {each["inboxId"] for each in events} == {inbox}
    assert own.names["event_id"] in {each["id"] for each in events}
    deliveries = await world.api.get("/v1/deliveries", key=key)
    assert {each["eventId"] for each in deliveries} == {own.names["event_id"]}
    # A filter narrows what is seen, it never widens it.
    assert await world.api.get(f"/v1/events?inboxId={theirs}", key=key) == []
    asked = f"/v1/deliveries?eventId={other.names['event_id']}"
    assert await world.api.get(asked, key=key) == []
    reply = await world.api.call(
        "GET", f"/v1/events/stream?webhookId={own.names['webhook_id']}", key=key
    )
    assert_envelope(reply, 403)


async def test_a_limited_admin_key_does_not_replace_the_last_admin_key(world: World) -> None:
    place = await world.place()
    await world.api.make_key("admin", inbox_ids=[place.names["inbox_id"]])
    first = (await world.api.get("/v1/api_keys"))[-1]
    assert first["scopes"] == ["admin"]
    assert_envelope(await world.api.call("DELETE", f"/v1/api_keys/{first['id']}"), 409)


MAIL = (
    b"From: Bob <bob@example.org>\r\nTo: somebody@localhost.test\r\nSubject: Hello\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nText\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\n"
    b'Content-Disposition: attachment; filename="a.bin"\r\n\r\nbytes\r\n--b--\r\n'
)
