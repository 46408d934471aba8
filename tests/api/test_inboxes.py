"""Inboxes, and the lists they are the example of."""

import re
from typing import Any

import pytest

from sendook_lite.domain.errors import Unavailable
from tests.api.asking import assert_envelope
from tests.api.conftest import ABSENT, PUBLIC_URL, Api


async def test_an_inbox_is_made_shown_renamed_and_deleted(api: Api) -> None:
    made = await api.make("/v1/inboxes", {"name": "  Dr. Ann ", "unknown": {"x": None}})
    assert made["_id"] == made["id"]
    assert made["name"] == "Dr. Ann"
    assert made["email"] == "dr-ann@localhost.test"
    path = f"/v1/inboxes/{made['id']}"
    assert await api.get(path) == made
    assert await api.get("/v1/inboxes") == [made]

    renamed = (await api.call("PATCH", path, {"name": "Ann"})).json
    assert (renamed["name"], renamed["email"]) == ("Ann", made["email"])
    unnamed = (await api.call("PATCH", path, {"name": None})).json
    assert "name" not in unnamed

    gone = await api.call("DELETE", path)
    assert (gone.status, gone.json["id"]) == (200, made["id"])
    assert_envelope(await api.call("GET", path), 404, "inbox_not_found")
    types = [event["event"] for event in await api.get("/v1/events")]
    assert types == ["inbox.created", "inbox.updated", "inbox.updated", "inbox.deleted"]


async def test_an_inbox_needs_neither_name_nor_body(api: Api) -> None:
    made = await api.call("POST", "/v1/inboxes")
    assert (made.status, made.json["email"]) == (201, "inbox@localhost.test")
    nulls = await api.make("/v1/inboxes", {"name": None, "email": None})
    assert nulls["email"].startswith("inbox-")


@pytest.mark.parametrize(
    ("email", "status", "code"),
    [
        ("nonsense", 400, "invalid_email"),
        ("bounces@localhost.test", 400, "invalid_email"),
        ("a+b@localhost.test", 400, "invalid_email"),
        ("ANN@LOCALHOST.test", 400, "invalid_email"),
        ("ann@example.com", 404, "invalid_domain"),
    ],
)
async def test_an_address_that_cannot_be_had_is_refused(
    api: Api, email: str, status: int, code: str
) -> None:
    await api.make("/v1/inboxes", {"email": "ann@localhost.test"})
    reply = await api.call("POST", "/v1/inboxes", {"email": email})
    assert_envelope(reply, status, code)


@pytest.mark.parametrize("body", [{}, None])
async def test_a_change_names_what_is_to_change(api: Api, body: Any) -> None:
    made = await api.make("/v1/inboxes", {})
    reply = await api.call("PATCH", f"/v1/inboxes/{made['id']}", body)
    assert_envelope(reply, 400, "validation_failed")
    assert reply.json["errors"] == [
        {"type": "field", "path": "name", "location": "body", "msg": "is required"}
    ]


async def test_nothing_is_taken_while_the_disk_is_nearly_full(api: Api) -> None:
    inbox = await api.make("/v1/inboxes", {})

    def refuse() -> None:
        raise Unavailable("disk_full", "The disk is nearly full")

    api.url = await api.serve(ensure_room=refuse)
    assert_envelope(await api.call("POST", "/v1/inboxes", {}), 503, "disk_full")
    path = f"/v1/inboxes/{inbox['id']}"
    assert_envelope(await api.call("PATCH", path, {"name": "A"}), 503, "disk_full")
    assert (await api.call("GET", path)).status == 200
    assert (await api.call("DELETE", path)).status == 200


def next_of(link: str) -> str:
    found = re.fullmatch(rf'<{re.escape(PUBLIC_URL)}(/[^>]+)>; rel="next"', link)
    assert found is not None, link
    return found[1]


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_long_list_comes_in_pages_that_link_to_the_next(api: Api, slash: str) -> None:
    made = [(await api.make("/v1/inboxes", {}))["id"] for _ in range(5)]
    seen: list[str] = []
    path: str | None = f"/v1/inboxes{slash}?limit=2&x=%26"
    while path:
        reply = await api.call("GET", path)
        assert len(reply.json) <= 2
        seen += [inbox["id"] for inbox in reply.json]
        path = next_of(reply.headers["Link"]) if "Link" in reply.headers else None
        assert path is None or "x=%26" in path
    assert seen == made[::-1]


@pytest.mark.parametrize(
    "query", ["limit=500", "limit=", "before=", "unknown=1", f"before=inbox_{'7' + 'Z' * 25}"]
)
async def test_a_query_that_says_little_is_fine(api: Api, query: str) -> None:
    made = await api.make("/v1/inboxes", {})
    assert await api.get(f"/v1/inboxes?{query}") == [made]


async def test_a_list_before_an_id_older_than_all_is_empty(api: Api) -> None:
    await api.make("/v1/inboxes", {})
    assert await api.get(f"/v1/inboxes?before=inbox_{ABSENT}") == []
