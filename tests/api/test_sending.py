"""Sending by the API: what is accepted, what is refused and why, and what others are told of it."""

import base64
from typing import Any

import pytest

from sendook_lite.store import suppressions
from sendook_lite.usecases.sending import Sending
from tests.api.asking import assert_envelope
from tests.api.conftest import ABSENT, Api
from tests.sending import build_sending

FAR = "far@elsewhere.example"


async def inbox(api: Api, email: str = "ann@localhost.test") -> str:
    made: dict[str, Any] = await api.make("/v1/inboxes", {"name": "Ann", "email": email})
    return f"/v1/inboxes/{made['id']}/messages"


def limited(api: Api, limit: int, *, relay: bool = True) -> Sending:
    """The same as the API has, with other rules."""
    now = api.context
    publisher = now.sending._publisher
    return build_sending(now.store, publisher, now.clock, now.public_url, limit, relay=relay)


async def test_a_mail_is_accepted_as_it_will_be_sent(api: Api) -> None:
    path = await inbox(api)
    reply = await api.call(
        "POST",
        f"{path}/send",
        {
            "to": f" {FAR} ",
            "cc": ["b@x.example"],
            "bcc": "c@x.example",
            "labels": ["one", "two"],
            "subject": "Hi",
            "text": "Hello.",
            "attachments": [
                {"content": base64.b64encode(b"abc").decode(), "name": "a.bin"},
                {"content": "", "contentType": 'Text/CSV; charset="utf-8"'},
            ],
            "replyTo": "answers@x.example",
            "headers": {"X-SES-CONFIGURATION-SET": "main", "X-SES-MESSAGE-TAGS": "a=b"},
            "somethingElse": 1,
        },
    )
    assert reply.status == 202, reply.raw
    assert "RateLimit-Limit" not in reply.headers
    message = reply.json
    assert (message["to"], message["cc"], message["bcc"]) == (
        [FAR], ["b@x.example"], ["c@x.example"],
    )  # fmt: skip
    assert (message["status"], message["labels"]) == ("queued", ["one", "two"])
    assert message["fromInboxId"] == message["inboxId"]
    assert message["recipients"][0] == {"address": FAR, "status": "queued"}
    assert [(each["name"], each["contentType"]) for each in message["attachments"]] == [
        ("a.bin", "application/octet-stream"), ("attachment-2", "text/csv"),
    ]  # fmt: skip
    assert await api.get(f"{path}/{message['id']}") == message
    raw = (await api.call("GET", f"{path}/{message['id']}/raw")).raw
    assert b"X-SES-CONFIGURATION-SET: main\r\n" in raw
    assert b"Reply-To: answers@x.example\r\n" in raw
    assert b"c@x.example" not in raw
    reply = await api.call("POST", f"{path}/{message['id']}/reply", {"html": "<p>More</p>"})
    assert reply.status == 202
    assert reply.json["threadId"] == message["threadId"]
    assert reply.json["to"] == [FAR]
    assert reply.json["subject"] == "Re: Hi"
    assert reply.json["text"] == "More"


MINIMAL: dict[str, Any] = {"to": FAR, "text": "x"}


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"to": None}, "to", "must name a recipient"),
        ({"to": []}, "to", "must name a recipient"),
        ({"to": ["far"]}, "to.0", "must be an email address"),
        ({"to": "a@x.example, b@x.example"}, "to.0", "must be an email address"),
        ({"to": "a@x.example\r\nBcc: b@x.example"}, "to.0", "must be an email address"),
        ({"to": [5]}, "to.0", "must be a string"),
        ({"to": {"a": 1}}, "to", "must be a list"),
        ({"cc": ["a@x.example"] * 51}, "cc", "must have at most 50 items"),
        ({"text": None}, "text", "must not be empty unless html is given"),
        ({"text": " \n"}, "text", "must not be empty unless html is given"),
        ({"subject": "a\nBcc: b@x.example"}, "subject", "must not hold control characters"),
        ({"subject": "a" * 999}, "subject", "must have at most 998 characters"),
        ({"labels": ["a"] * 21}, "labels", "must have at most 20 items"),
        ({"labels": [" "]}, "labels.0", "must not be empty"),
        ({"attachments": [{"content": "YQ=="}] * 11}, "attachments", "must have at most 10 items"),
        ({"attachments": [{"name": "a"}]}, "attachments.0.content", "is required"),
        ({"attachments": [{"content": "a"}]}, "attachments.0.content", "must be base64"),
        ({"attachments": [{"content": "YQ==", "contentType": "a/b\r\nX: y"}]},
         "attachments.0.contentType", "must be a media type"),
        ({"attachments": [{"content": "YQ==", "name": "a\r\nb"}]},
         "attachments.0.name", "must not hold control characters"),
        ({"replyTo": "x"}, "replyTo", "must be an email address"),
        ({"inReplyTo": "a b@x"}, "inReplyTo", "must be a Message-ID"),
        ({"inReplyTo": "<a@x>\r\nBcc: b@x.example"}, "inReplyTo", "must be a Message-ID"),
        ({"headers": {"Bcc": "a@x.example"}}, "headers", "the header Bcc cannot be set"),
        ({"headers": {"from": "a"}}, "headers", "the header from is set by its own field"),
        ({"headers": {"Content-Type": "a"}}, "headers", "the header Content-Type cannot be set"),
        ({"headers": {"X-A": "a\r\nBcc: b"}}, "headers", "the header X-A must not hold control"),
        ({"headers": {"X A": "a"}}, "headers", "'X A' is not the name of a header"),
        ({"headers": {"X-A": "a", "x-a": "b"}}, "headers", "the header x-a is given twice"),
        ({"headers": {"X-A": 1}}, "headers.X-A", "must be a string"),
    ],
)  # fmt: skip
async def test_what_cannot_be_sent_is_named(
    api: Api, changes: dict[str, Any], path: str, message: str
) -> None:
    where = await inbox(api)
    body = {name: value for name, value in (MINIMAL | changes).items() if value is not None}
    reply = await api.call("POST", f"{where}/send", body)
    assert_envelope(reply, 400, "validation_failed")
    error = reply.json["errors"][0]
    assert (error["type"], error["path"], error["location"]) == ("field", path, "body")
    assert error["msg"].startswith(message)
    assert await api.get(where) == []


async def test_what_does_not_exist_cannot_be_sent_from_or_replied_to(api: Api) -> None:
    path = await inbox(api)
    other = await inbox(api, "bob@localhost.test")
    sent = (await api.call("POST", f"{other}/send", MINIMAL)).json
    for wrong, code in (
        (f"/v1/inboxes/inbox_{ABSENT}/messages/send", "inbox_not_found"),
        (f"{path}/msg_{ABSENT}/reply", "message_not_found"),
        (f"{path}/{sent['id']}/reply", "message_not_found"),
        (f"{path}/nonsense/reply", "message_not_found"),
    ):
        assert_envelope(await api.call("POST", wrong, MINIMAL), 404, code)
    body = {**MINIMAL, "threadId": sent["threadId"]}
    assert_envelope(await api.call("POST", f"{path}/send", body), 404, "thread_not_found")
    body = {**MINIMAL, "inReplyTo": sent["id"]}
    assert_envelope(await api.call("POST", f"{path}/send", body), 404, "message_not_found")


async def test_without_a_relay_nothing_can_be_sent(api: Api) -> None:
    path = await inbox(api)
    url = await api.serve(sending=limited(api, 0, relay=False))
    async with api.session.post(
        f"{url}{path}/send", json=MINIMAL, headers={"Authorization": f"Bearer {api.key}"}
    ) as answer:
        assert answer.status == 503
        assert (await answer.json())["code"] == "relay_not_configured"
    assert await api.get(path) == []


async def test_a_limit_is_told_before_and_when_it_is_reached(api: Api) -> None:
    path = await inbox(api)
    url = await api.serve(sending=limited(api, 2))
    other = await api.make_key("write")

    async def send(key: str) -> tuple[int, Any, Any]:
        async with api.session.post(
            f"{url}{path}/send", json=MINIMAL, headers={"Authorization": f"Bearer {key}"}
        ) as answer:
            return answer.status, answer.headers, await answer.json()

    for left in ("1", "0"):
        status, headers, _ = await send(api.key)
        assert (status, headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == (
            202, "2", left,
        )  # fmt: skip
    status, headers, body = await send(api.key)
    assert (status, body["code"]) == (429, "send_limit_reached")
    assert headers["RateLimit-Remaining"] == "0"
    assert headers["Retry-After"] == headers["RateLimit-Reset"]
    assert 0 < int(headers["Retry-After"]) <= 3600
    assert (await send(other))[0] == 202


async def test_a_repeated_request_sends_once(api: Api) -> None:
    path = await inbox(api)
    headers = {"Idempotency-Key": "once"}
    first, second = [
        await api.call("POST", f"{path}/send", MINIMAL, headers=headers) for _ in range(2)
    ]
    assert (first.status, second.status) == (202, 202)
    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(await api.get(path)) == 1
    other = await api.call("POST", f"{path}/send", {**MINIMAL, "text": "y"}, headers=headers)
    assert_envelope(other, 409, "idempotency_key_reused")


async def test_only_keys_that_may_write_and_see_the_inbox_send(api: Api) -> None:
    path = await inbox(api)
    other = await inbox(api, "bob@localhost.test")
    mine = await api.make_key("write", inbox_ids=[path.split("/")[3]])
    assert (await api.call("POST", f"{path}/send", MINIMAL, key=mine)).status == 202
    assert_envelope(await api.call("POST", f"{other}/send", MINIMAL, key=mine), 404)
    reader = await api.make_key("read")
    assert_envelope(await api.call("POST", f"{path}/send", MINIMAL, key=reader), 403)


async def test_suppressions_are_listed_newest_first_and_removed_by_address(api: Api) -> None:
    for number in range(3):
        await api.context.store.writer.write(
            suppressions.add, f"{number}@x.example", "bounced", "msg_1"
        )
    first = await api.call("GET", "/v1/suppressions?limit=2")
    assert [each["address"] for each in first.json] == ["2@x.example", "1@x.example"]
    assert set(first.json[0]) == {"address", "reason", "messageId", "createdAt"}
    assert "before=1%40x.example" in first.headers["Link"]
    rest = await api.get("/v1/suppressions?before=1%40x.example")
    assert [each["address"] for each in rest] == ["0@x.example"]
    gone = await api.call("DELETE", "/v1/suppressions/1%40X.example")
    assert (gone.status, gone.json["address"]) == (200, "1@x.example")
    again = await api.call("DELETE", "/v1/suppressions/1@x.example")
    assert_envelope(again, 404, "suppression_not_found")
    reader = await api.make_key("read")
    assert len(await api.get("/v1/suppressions", key=reader)) == 2
    assert_envelope(await api.call("DELETE", "/v1/suppressions/0@x.example", key=reader), 403)
    limited_key = await api.make_key("admin", inbox_ids=[(await inbox(api)).split("/")[3]])
    assert_envelope(await api.call("GET", "/v1/suppressions", key=limited_key), 403)


async def test_it_is_told_how_much_was_sent(api: Api) -> None:
    path = await inbox(api)
    assert await api.get("/v1/stats/messages/daily") == {"count": 0, "limit": 0, "percentage": 0}
    for _ in range(3):
        await api.call("POST", f"{path}/send", MINIMAL)
    daily = await api.get("/v1/stats/messages/daily")
    assert daily == {"count": 3, "limit": 0, "percentage": 0}
    usage = await api.get("/v1/stats/usage")
    assert usage["count"] == 3
    assert usage["periodStart"].endswith("-01T00:00:00.000Z")
    assert usage["periodStart"] < usage["periodEnd"]
    assert usage["periodEnd"].endswith("-01T00:00:00.000Z")
