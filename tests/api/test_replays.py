"""Sending again over the API: replays and retries, and how wrong requests are refused."""

from typing import Any

import pytest

from tests.api.asking import assert_envelope
from tests.api.conftest import ABSENT, Api

MINIMAL: dict[str, Any] = {"url": "https://example.com/hook", "events": ["inbox.created"]}
PAST = "2020-01-01T00:00:00Z"


async def owed(api: Api) -> tuple[str, str]:
    """Make a webhook and something that it is owed; returns the paths of both."""
    webhook = await api.make("/v1/webhooks", MINIMAL)
    await api.make("/v1/inboxes", {})
    (delivery,) = await api.get("/v1/deliveries")
    return f"/v1/webhooks/{webhook['id']}", f"/v1/deliveries/{delivery['id']}"


async def test_a_replay_is_started_shown_and_canceled(api: Api) -> None:
    webhook, _ = await owed(api)
    started = await api.call("POST", f"{webhook}/replay", {"since": PAST, "status": "all"})
    assert started.status == 202
    replay = started.json
    assert replay["id"].startswith("rpl_")
    assert replay["since"] == "2020-01-01T00:00:00.000Z"
    assert (replay["state"], replay["status"], replay["matched"]) == ("running", "all", 0)
    assert replay["until"] <= replay["createdAt"]
    assert "events" not in replay
    assert await api.get(f"{webhook}/replays") == [replay]
    canceled = await api.call("DELETE", f"{webhook}/replays/{replay['id']}")
    assert (canceled.status, canceled.json["state"]) == (200, "canceled")
    absent = await api.call("DELETE", f"{webhook}/replays/rpl_{ABSENT}")
    assert_envelope(absent, 404, "replay_not_found")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": 1_700_000_000}, "since"),
        ({"since": "2999-01-01T00:00:00Z"}, "since"),
        ({"since": PAST, "until": "2019-01-01T00:00:00Z"}, "since"),
        ({"since": PAST, "until": "later"}, "until"),
        ({"since": PAST, "events": ["inbox.exploded"]}, "events"),
        ({"since": PAST, "events": ["message.sent"]}, "events"),
        ({"since": PAST, "events": []}, "events"),
        ({"since": PAST, "status": "pending"}, "status"),
    ],
)
async def test_a_replay_that_makes_no_sense_is_told_why(
    api: Api, body: dict[str, Any], path: str
) -> None:
    webhook, _ = await owed(api)
    refused = await api.call("POST", f"{webhook}/replay", body)
    assert_envelope(refused, 400, "validation_failed")
    assert refused.json["errors"][0]["path"].startswith(path)


async def test_a_delivery_is_retried_by_hand(api: Api) -> None:
    _, delivery = await owed(api)
    again = await api.call("POST", f"{delivery}/retry")
    assert (again.status, again.json["status"]) == (200, "pending")
    assert "dueAt" in again.json
    assert_envelope(
        await api.call("POST", f"/v1/deliveries/dlv_{ABSENT}/retry"), 404, "delivery_not_found"
    )


async def test_nothing_is_sent_again_to_a_disabled_webhook(api: Api) -> None:
    webhook, delivery = await owed(api)
    await api.call("PATCH", webhook, {"status": "disabled"})
    for path, body in ((f"{delivery}/retry", None), (f"{webhook}/replay", {"since": PAST})):
        refused = await api.call("POST", path, body)
        assert_envelope(refused, 409, "webhook_disabled")


async def test_a_limited_key_retries_only_what_belongs_to_its_inboxes(api: Api) -> None:
    _, delivery = await owed(api)
    (inbox,) = await api.get("/v1/inboxes")
    other = await api.make("/v1/inboxes", {"name": "Other"})
    its = await api.make_key("write", inbox_ids=[inbox["id"]])
    others = await api.make_key("write", inbox_ids=[other["id"]])
    assert (await api.call("POST", f"{delivery}/retry", key=its)).status == 200
    refused = await api.call("POST", f"{delivery}/retry", key=others)
    assert_envelope(refused, 404, "delivery_not_found")
