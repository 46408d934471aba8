"""Both clients against the running program."""

import asyncio
import base64
import itertools
import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from sendook_lite.client import (
    AsyncClient,
    BadRequest,
    Client,
    NotFound,
    NotSigned,
    Unauthorized,
    Unreachable,
    verify,
)
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import KEY, Server, free_port, wait_until


def client(server: Server, **options: Any) -> Client:
    return Client(server.url, KEY, **options)


def test_a_mail_is_sent_found_labelled_answered_and_deleted(server: Server) -> None:
    with client(server) as sendook:
        inbox = sendook.inboxes.create(name="Ann", email="ann@localhost.test")
        content = base64.b64encode(b"\x00bytes").decode()
        sent = sendook.messages.send(
            inbox["id"], to="bob@example.org", subject="Sprocket", text="x",
            attachments=[{"content": content, "name": "a.bin"}],
        )  # fmt: skip
        assert [each["id"] for each in sendook.messages.list(inbox["id"], query="sprock")] == [
            sent["id"]
        ]
        labelled = sendook.messages.label(inbox["id"], sent["id"], ["blue"])
        assert labelled["labels"] == ["blue"]
        [hung] = labelled["attachments"]
        assert sendook.messages.attachment(inbox["id"], sent["id"], hung["id"]) == b"\x00bytes"
        assert b"Subject: Sprocket" in sendook.messages.raw(inbox["id"], sent["id"])
        reply = sendook.messages.reply(inbox["id"], sent["id"], text="Yes")
        thread = sendook.threads.get(inbox["id"], sent["threadId"])
        assert [each["id"] for each in thread["messages"]] == [sent["id"], reply["id"]]
        sendook.messages.delete(inbox["id"], sent["id"])
        with pytest.raises(NotFound):
            sendook.messages.get(inbox["id"], sent["id"])
        assert sendook.inboxes.rename(inbox["id"], None).get("name") is None
        assert sendook.messages.sent_today()["count"] >= 2


def test_a_webhook_is_made_tested_changed_and_replayed(server: Server) -> None:
    with client(server) as sendook, Endpoint() as endpoint:
        webhook = sendook.webhooks.create(endpoint.url, ["inbox.created"], description="x")
        assert sendook.webhooks.test(webhook["id"])["success"]
        [test] = endpoint.received
        assert verify(webhook["secret"], test.headers, test.body)["event"] == "message.received"
        assert "description" not in sendook.webhooks.change(webhook["id"], description=None)
        rotated = sendook.webhooks.rotate_secret(webhook["id"], grace_seconds=3600)
        sendook.inboxes.create()
        wait_until(lambda: len(endpoint.received) == 2)
        signed = endpoint.received[1]
        for secret in (webhook["secret"], rotated["secret"]):
            verify(secret, signed.headers, signed.body)
        [delivery] = sendook.deliveries.list(webhook_id=webhook["id"], limit=1)
        # Recorded after its request has arrived; until then it is on its way, and not replayed.
        wait_until(lambda: sendook.deliveries.get(delivery["id"])["status"] == "delivered")
        replay = sendook.webhooks.replay(
            webhook["id"], since="2020-01-01T00:00:00Z", events=["inbox.created"], status="all"
        )
        wait_until(lambda: len(endpoint.received) >= 3)
        assert replay["id"] in {each["id"] for each in sendook.webhooks.replays(webhook["id"])}
        assert len(list(sendook.webhooks.attempts(webhook["id"], limit=2))) == 2
        assert sendook.deliveries.get(delivery["id"])["attempts"]
        assert sendook.webhooks.statistics(webhook["id"])["delivered"] >= 1
        sendook.webhooks.delete(webhook["id"])


def test_lists_are_gone_through_page_by_page(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sendook_lite.client.paging.MAX_PAGE", 2)
    with client(server) as sendook:
        made = [sendook.inboxes.create()["id"] for _ in range(5)]
        found = [each["id"] for each in sendook.inboxes.list()]
        assert found[:5] == made[::-1]
        assert len(found) == len(set(found))
        assert [each["id"] for each in sendook.inboxes.list(limit=3)] == made[:1:-1]
        events = [each["payload"]["id"] for each in sendook.events.list(type="inbox.created")]
        assert events[-5:] == made

    async def same() -> list[str]:
        async with AsyncClient(server.url, KEY) as other:
            return [each["id"] async for each in other.inboxes.list()]

    assert asyncio.run(same()) == found


def test_errors_say_what_and_where(server: Server) -> None:
    with client(server) as sendook:
        with pytest.raises(BadRequest) as caught:
            sendook.webhooks.create("ftp://x", ["message.received"])
        assert "url" in {wrong.path for wrong in caught.value.fields}
        assert "url: " in str(caught.value)
        with pytest.raises(NotFound) as missing:
            sendook.inboxes.get("../../health")
        assert missing.value.code == "inbox_not_found"
    with Client(server.url, "sk_of_somebody_else_here") as stranger, pytest.raises(Unauthorized):
        next(stranger.inboxes.list())


def test_the_admin_socket_needs_no_key(server: Server) -> None:
    url = f"unix:{server.data_dir}/admin.sock"
    with Client(url) as sendook:
        key = sendook.keys.create("reader", scopes=["read"])
    with Client(server.url, key["key"]) as reader:
        assert list(reader.inboxes.list(limit=1)) is not None

    async def same() -> str:
        async with AsyncClient(url) as other:
            return (await other.keys.delete(key["id"]))["id"]

    assert asyncio.run(same()) == key["id"]


def test_nobody_at_the_address_is_an_error_that_names_it() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    waited: list[float] = []
    with Client(url, retries=1, sleep=waited.append) as sendook, pytest.raises(Unreachable) as gone:
        sendook.inboxes.create()
    assert url in gone.value.message
    assert len(waited) == 1


@pytest.mark.parametrize(
    "url", ["localhost:8465", "http://", "ftp://x", "http://u:p@x", "http://x:y"]
)
def test_a_url_that_is_none_is_refused_when_the_client_is_made(url: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        Client(url)


def test_the_asynchronous_client_does_many_things_at_once(server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(server.url, KEY) as sendook:
            made = await asyncio.gather(*[sendook.inboxes.create() for _ in range(8)])
            assert len({each["id"] for each in made}) == 8
            with pytest.raises(BadRequest):
                await sendook.inboxes.create(name="")
            sent = await sendook.messages.send(made[0]["id"], to="b@x.example", text="Hi")
            raw = await sendook.messages.raw(made[0]["id"], sent["id"])
            assert b"Hi" in raw

    asyncio.run(main())


def test_nobody_at_the_address_ends_the_asynchronous_client_too() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async def main() -> None:
        url = f"http://127.0.0.1:{free_port()}"
        async with AsyncClient(url, retries=2, sleep=sleep) as sendook:
            await sendook.inboxes.create()

    with pytest.raises(Unreachable):
        asyncio.run(main())
    assert len(waited) == 2


def test_a_stream_goes_on_without_a_gap_over_a_killed_server(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    server = Server(tmp_path / "data", SENDOOK_SERVER__LISTEN=listen).start()
    first = server.inbox("first@localhost.test")
    seen: list[str] = []

    def read(stop_after: int) -> None:
        with client(server) as sendook:
            newest = sendook.events.list(limit=1)
            stream = sendook.events.stream(after=next(newest)["id"], types=["inbox.created"])
            # One by one: the test looks at what is there.
            for event in itertools.islice(stream, stop_after):
                seen.append(event["payload"]["email"])  # noqa: PERF401 - see above

    async def read_async() -> list[str]:
        found: list[str] = []
        async with AsyncClient(server.url, KEY) as sendook:
            async for event in sendook.events.stream(after=marker["id"]):
                found.append(event["payload"]["email"])
                if len(found) == 3:
                    break
        return found

    assert first["id"]
    marker = server.call("GET", "/v1/events?limit=1")[0]
    reader = threading.Thread(target=read, args=(3,))
    reader.start()
    server.inbox("second@localhost.test")
    wait_until(lambda: len(seen) == 1)
    server.kill()
    server.start()
    for name in ("third", "fourth"):
        server.inbox(f"{name}@localhost.test")
    reader.join(60)
    expected = [f"{name}@localhost.test" for name in ("second", "third", "fourth")]
    assert seen == expected
    assert asyncio.run(read_async()) == expected
    assert server.stop() == 0


def test_a_forged_or_stale_webhook_is_not_believed() -> None:
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    other = "whsec_" + base64.b64encode(b"o" * 32).decode()
    body = json.dumps({"event": "message.sent", "eventId": "evt_1", "payload": {}}).encode()
    signature = Webhook(secret).sign("evt_1", datetime.fromtimestamp(1000, UTC), body.decode())
    headers = {"Webhook-Id": "evt_1", "WEBHOOK-TIMESTAMP": "1000", "webhook-signature": signature}
    assert verify(secret, headers, body, now=1299)["eventId"] == "evt_1"
    assert verify([other, secret], headers, body, now=1000)
    for wrong in (
        lambda: verify(secret, headers, body + b" ", now=1000),
        lambda: verify(other, headers, body, now=1000),
        lambda: verify(secret, headers, body, now=1301),
        lambda: verify(secret, headers, body, now=1010, tolerance=9),
        lambda: verify(secret, {}, body, now=1000),
    ):
        with pytest.raises(NotSigned):
            wrong()
    with pytest.raises(ValueError, match="whsec_") as misuse:
        verify("hunter2", headers, body, now=1000)
    assert "hunter2" not in str(misuse.value)
