"""Keys: what they are shown as, and what each kind of key may do."""

import pytest

from sendook_lite.api.routes import ROUTES
from tests.api.asking import assert_envelope, filled
from tests.api.conftest import ABSENT, Api


async def test_a_key_is_shown_once_and_opens_until_it_is_deleted(api: Api) -> None:
    made = await api.make("/v1/api_keys", {"name": " mine "})
    assert made["name"] == "mine"
    assert made["key"].startswith(made["prefix"])
    assert (made["active"], made["scopes"]) == (True, ["admin"])
    assert "inboxIds" not in made

    path = f"/v1/api_keys/{made['id']}"
    shown = await api.get(path, key=made["key"])
    assert "key" not in shown
    assert [key["name"] for key in await api.get("/v1/api_keys")] == ["mine", "first key"]

    assert (await api.call("DELETE", path)).json["id"] == made["id"]
    assert_envelope(await api.call("GET", "/v1/inboxes", key=made["key"]), 401)
    assert_envelope(await api.call("GET", path), 404, "api_key_not_found")


async def test_the_last_admin_key_stays(api: Api) -> None:
    (first,) = await api.get("/v1/api_keys")
    reply = await api.call("DELETE", f"/v1/api_keys/{first['id']}")
    assert_envelope(reply, 409, "last_admin_key")
    assert (await api.call("GET", "/v1/inboxes")).status == 200


async def test_keys_come_in_pages(api: Api) -> None:
    made = [(await api.make("/v1/api_keys", {"name": str(n)}))["id"] for n in range(3)]
    first = await api.call("GET", "/v1/api_keys?limit=2")
    assert [key["id"] for key in first.json] == [made[2], made[1]]
    assert f"before={made[1]}" in first.headers["Link"]
    rest = await api.call("GET", f"/v1/api_keys?before={made[1]}")
    assert [key["name"] for key in rest.json] == ["0", "first key"]
    assert "Link" not in rest.headers
    assert await api.get(f"/v1/api_keys?before=key_{ABSENT}") == []


async def test_a_key_without_scopes_is_an_admin_unless_it_is_limited(api: Api) -> None:
    inbox = await api.make("/v1/inboxes", {})
    made = await api.make("/v1/api_keys", {"name": "a", "inboxIds": [inbox["id"]]})
    assert (made["scopes"], made["inboxIds"]) == (["write"], [inbox["id"]])


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
async def test_a_key_does_what_its_scope_allows_and_no_more(api: Api, scope: str) -> None:
    order = ["read", "write", "admin"]
    key = await api.make_key(scope)
    for route in ROUTES:
        if route.scope is None:
            continue
        # Absent ids: whatever is allowed to try is told 404, 400 or 200.
        reply = await api.call(route.method, filled(route.path), {"x": 1}, key=key)
        if order.index(route.scope) > order.index(scope):
            assert_envelope(reply, 403, "scope_missing")
        else:
            assert reply.status != 403, route


def test_reading_needs_read_and_changing_needs_write() -> None:
    for route in ROUTES:
        if route.path.startswith("/v1/api_keys"):
            assert route.scope == "admin"
        elif route.path.endswith("/secret"):
            assert route.scope == "write"
        elif route.path.startswith("/v1/"):
            assert route.scope == ("read" if route.method == "GET" else "write")
        else:
            assert route.scope is None


async def test_a_limited_key_sees_its_inboxes_only(api: Api) -> None:
    webhook = {"url": "https://example.com/", "events": ["inbox.created"]}
    hook = await api.make("/v1/webhooks", webhook)
    own, other, third = [await api.make("/v1/inboxes", {}) for _ in range(3)]
    key = await api.make_key("admin", inbox_ids=[own["id"], third["id"]])
    await api.call("POST", f"/v1/webhooks/{hook['id']}/test")
    visible = {own["id"], third["id"]}

    assert await api.get("/v1/inboxes", key=key) == [third, own]
    reply = await api.call("GET", "/v1/inboxes?limit=1", key=key)
    assert reply.json == [third]
    assert await api.get(f"/v1/inboxes?before={third['id']}", key=key) == [own]
    assert await api.get(f"/v1/inboxes/{own['id']}", key=key) == own
    for route in ROUTES:
        if "{inbox_id}" in route.path:
            path = filled(route.path.replace("{inbox_id}", other["id"]))
            assert_envelope(
                await api.call(route.method, path, {"name": "x"}, key=key), 404, "inbox_not_found"
            )

    everything = await api.get("/v1/events")
    assert len(everything) == 3  # the test took no part in the log
    mine = await api.get("/v1/events", key=key)
    assert mine == [event for event in everything if event["inboxId"] in visible]
    first = await api.call("GET", "/v1/events?limit=1&type=inbox.created", key=key)
    assert [event["inboxId"] for event in first.json] == [own["id"]]
    behind = await api.get(f"/v1/events?after={first.json[0]['id']}", key=key)
    assert [event["inboxId"] for event in behind] == [third["id"]]
    assert await api.get(f"/v1/events?inboxId={other['id']}", key=key) == []
    assert await api.get(f"/v1/events?inboxId={own['id']}", key=key) == mine[:1]

    all_owed = await api.get("/v1/deliveries")
    assert len(all_owed) == 4  # three events and the test
    owed = await api.get("/v1/deliveries", key=key)
    ids = {event["id"] for event in mine}
    assert owed == [each for each in all_owed if each["eventId"] in ids]
    for event in everything:
        status = 200 if event["inboxId"] in visible else 404
        assert (await api.call("GET", f"/v1/events/{event['id']}", key=key)).status == status
    for each in all_owed:
        status = 200 if each["eventId"] in ids else 404
        assert (await api.call("GET", f"/v1/deliveries/{each['id']}", key=key)).status == status


async def test_a_limited_key_changes_its_inboxes_and_nothing_of_the_whole(api: Api) -> None:
    own = await api.make("/v1/inboxes", {})
    key = await api.make_key("admin", inbox_ids=[own["id"]])
    path = f"/v1/inboxes/{own['id']}"
    assert (await api.call("PATCH", path, {"name": "A"}, key=key)).status == 200
    assert_envelope(await api.call("POST", "/v1/inboxes", {}, key=key), 403, "key_limited")
    for route in ROUTES:
        if route.path.startswith(("/v1/webhooks", "/v1/api_keys")):
            reply = await api.call(route.method, filled(route.path), {}, key=key)
            assert_envelope(reply, 403, "key_limited")
    assert (await api.call("DELETE", path, key=key)).status == 200
    assert_envelope(await api.call("GET", path, key=key), 404)


async def test_the_operator_needs_no_key(api: Api) -> None:
    api.url = await api.serve(operator=True)
    assert len(await api.get("/v1/api_keys", key=None)) == 1
    assert (await api.make("/v1/inboxes", {}, key="wrong"))["email"] == "inbox@localhost.test"
    assert_envelope(await api.call("GET", "/v1/nothing", key=None), 404, "route_not_found")
