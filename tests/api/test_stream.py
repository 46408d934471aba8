"""The log as a stream: complete, in order, to whom it may be shown, and never a burden."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
from standardwebhooks import Webhook as Verifier

from sendook_lite.domain.ids import Ids
from sendook_lite.store import events
from sendook_lite.usecases import tail
from sendook_lite.usecases.tail import BEGINNING, Tails
from tests.api.asking import assert_envelope
from tests.api.conftest import Api
from tests.fakes import FakeClock

STREAM = "/v1/events/stream"
SIGNED = {"url": "https://example.com/", "events": ["inbox.created", "message.received"]}


@dataclass
class Stream:
    """An open stream, read block by block."""

    answer: aiohttp.ClientResponse
    blocks: list[dict[str, str]] = field(default_factory=list)

    async def block(self) -> dict[str, str]:
        """Read up to the next blank line; comments are under ""."""
        found: dict[str, str] = {}
        while True:
            line = await self.answer.content.readuntil(b"\n")
            if not line:
                raise EOFError
            if line == b"\n":
                return found
            name, _, value = line.decode().rstrip("\n").partition(":")
            assert name not in found
            found[name] = value.removeprefix(" ")

    async def event(self) -> dict[str, str]:
        """Read the next block that holds an event."""
        while "data" not in (found := await self.block()):
            pass
        return found

    async def events(self, count: int) -> list[str]:
        """Read so many events; returns their ids."""
        return [(await self.event())["id"] for _ in range(count)]

    async def ended(self) -> bool:
        """Read to the end, if there is one."""
        try:
            while True:
                await self.block()
        except (EOFError, aiohttp.ClientPayloadError):
            return True


@asynccontextmanager
async def follow(
    api: Api, query: str = "", *, key: str = "", last: str = "", url: str = ""
) -> AsyncIterator[Stream]:
    headers = {"Authorization": f"Bearer {key or api.key}"}
    if last:
        headers["Last-Event-ID"] = last
    where = f"{url or api.url}{STREAM}?{query}"
    async with asyncio.timeout(20), api.session.get(where, headers=headers) as answer:
        assert answer.status == 200, await answer.read()
        yield Stream(answer)


async def make_inboxes(api: Api, count: int) -> list[str]:
    return [(await api.make("/v1/inboxes", {}))["id"] for _ in range(count)]


async def logged(api: Api) -> list[str]:
    rows = await api.context.store.reader.all("SELECT id FROM events ORDER BY seq")
    return [row[0] for row in rows]


async def stuck(tails: Tails) -> Any:
    """Wait until the only stream waits for its reader."""
    while True:
        await asyncio.sleep(0.01)
        for each in tails._open:
            reader: Any = each.follower
            if reader._request.protocol.writing_paused:
                return reader


async def test_an_event_is_sent_with_the_bytes_that_webhooks_get(api: Api) -> None:
    await make_inboxes(api, 1)
    async with follow(api) as stream:
        headers = stream.answer.headers
        assert headers["Content-Type"] == "text/event-stream"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Accel-Buffering"] == "no"
        (first,) = await logged(api)
        assert await stream.block() == {"retry": "2000", "id": first}
        await api.make("/v1/inboxes", {"name": "Zoë\n".strip()})
        got = await stream.event()
        event = await events.get(api.context.store.reader, got["id"])
        assert (got["event"], got["data"].encode()) == (event.type, event.body)


async def test_who_comes_back_misses_nothing_and_gets_nothing_twice(api: Api) -> None:
    await make_inboxes(api, tail.PAGE_EVENTS + 30)
    first, *rest = await logged(api)
    async with follow(api, last=first) as stream:
        making = asyncio.create_task(make_inboxes(api, 60))
        got = await stream.events(len(rest) + 60)
        await making
    assert [first, *got] == await logged(api)
    async with follow(api, f"after={got[0]}", last=got[-3]) as stream:  # the header wins
        assert await stream.events(2) == got[-2:]
    async with follow(api, f"after={got[-2]}") as stream:
        assert await stream.events(1) == got[-1:]


async def test_pages_are_bounded_by_bytes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "PAGE_BYTES", 1)
    await make_inboxes(api, 5)
    async with follow(api, f"after={BEGINNING}") as stream:
        assert await stream.events(5) == await logged(api)


async def test_the_place_told_at_the_start_is_enough_to_come_back(api: Api) -> None:
    async with follow(api) as stream:
        place = (await stream.block())["id"]
    assert place == BEGINNING
    await make_inboxes(api, 2)
    async with follow(api, last=place) as stream:
        assert "Sendook-After" not in stream.answer.headers
        assert await stream.events(2) == await logged(api)


@pytest.mark.parametrize(
    "last", [Ids(FakeClock()).new("evt"), "nonsense", "\xff"], ids=["purged", "no id", "no text"]
)
async def test_a_place_that_is_gone_is_told_and_the_oldest_comes_first(api: Api, last: str) -> None:
    await make_inboxes(api, 2)
    async with follow(api, last=last) as stream:
        assert stream.answer.headers["Sendook-After"] == "expired"
        assert await stream.block() == {"retry": "2000", "": "expired"}
        assert await stream.events(2) == await logged(api)


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("type=inbox.deleted", {"inbox.deleted"}),
        ("type=inbox.created,inbox.deleted", {"inbox.created", "inbox.deleted"}),
        ("type=inbox.updated&type=inbox.deleted", {"inbox.updated", "inbox.deleted"}),
        ("type=", {"inbox.created", "inbox.updated", "inbox.deleted"}),
    ],
)
@pytest.mark.parametrize("stretch", [tail.STRETCH, 2])
async def test_filters(
    api: Api, monkeypatch: pytest.MonkeyPatch, query: str, kinds: set[str], stretch: int
) -> None:
    monkeypatch.setattr(tail, "STRETCH", stretch)
    one, other = await make_inboxes(api, 2)
    for inbox in (one, other):
        await api.call("PATCH", f"/v1/inboxes/{inbox}", {"name": "x"})
    await api.call("DELETE", f"/v1/inboxes/{one}")
    wanted = [each for each in await api.get("/v1/events") if each["event"] in kinds]
    for narrower, expected in (
        ("", wanted),
        (f"&inboxId={one}", [each for each in wanted if each["inboxId"] == one]),
    ):
        async with follow(api, f"after={BEGINNING}&{query}{narrower}") as stream:
            got = await stream.events(len(expected))
            assert got == [each["id"] for each in expected]
            await api.call("DELETE", f"/v1/inboxes/{other}")


async def test_a_limited_key_follows_its_inboxes_and_learns_of_no_other(api: Api) -> None:
    own, other, third = await make_inboxes(api, 3)
    ids = await logged(api)
    key = await api.make_key("read", inbox_ids=[own, third])
    async with follow(api, key=key) as stream:
        assert (await stream.block())["id"] == ids[2]
        for inbox in (other, own, other, third):
            await api.call("PATCH", f"/v1/inboxes/{inbox}", {"name": "x"})
        changed = (await logged(api))[3:]
        assert await stream.events(2) == [changed[1], changed[3]]
    alone = await api.make_key("read", inbox_ids=[own])
    async with follow(api, key=alone) as stream:
        assert (await stream.block())["id"] == changed[1]
    async with follow(api, f"after={BEGINNING}&inboxId={other}", key=key) as stream:
        await stream.block()
        api.context.tails.close()
        assert await stream.ended()


async def test_a_deleted_key_loses_its_streams_at_once_and_others_do_not(api: Api) -> None:
    key = await api.make_key("read")
    keys = await api.get("/v1/api_keys")
    async with follow(api, key=key) as stream, follow(api) as untouched:
        await stream.block()
        await api.call("DELETE", f"/v1/api_keys/{keys[0]['id']}")
        await make_inboxes(api, 1)
        assert await stream.ended()
        assert await untouched.events(1) == await logged(api)
    assert_envelope(await api.call("GET", STREAM, key=key), 401)


async def test_streams_are_counted_and_those_left_alone_make_way(api: Api) -> None:
    tails = Tails(api.context.store.reader, api.context.clock, most=2)
    url = await api.serve(tails=tails)
    async with follow(api, url=url) as first:
        async with follow(api, url=url):
            mine, api.url = api.url, url
            refused = await api.call("GET", STREAM)
            api.url = mine
            assert_envelope(refused, 503, "too_many_streams")
            assert refused.headers["Retry-After"]
        async with follow(api, url=url) as third:
            await third.block()
        await first.block()
    tails.close()
    api.url = url
    assert_envelope(await api.call("GET", STREAM), 503, "stopping")


async def test_a_quiet_stream_says_that_it_is_alive(api: Api) -> None:
    clock = FakeClock()
    tails = Tails(api.context.store.reader, clock)
    url = await api.serve(tails=tails, clock=clock)

    async def pass_time(seconds: float) -> None:
        await asyncio.sleep(0.05)  # the server has to have come to its wait
        await clock.advance(seconds)

    async with follow(api, "type=inbox.deleted", url=url) as stream:
        await stream.block()
        await pass_time(15)
        assert await stream.block() == {"": ""}
        # What is not wanted here comes all the time: that is no sign of life.
        for _ in range(3):
            await make_inboxes(api, 1)
            tails.grew()
            await pass_time(7.5)
        assert await stream.block() == {"": ""}
    # Nobody announces this one: it is found when it has been quiet for long enough.
    async with follow(api, url=url) as stream:
        await stream.block()
        await make_inboxes(api, 1)
        await pass_time(15)
        assert await stream.events(1) == (await logged(api))[-1:]


async def test_a_reader_that_takes_nothing_costs_a_page_and_is_cut_off(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    look = events.list_between

    async def noted(*args: Any, **more: Any) -> Any:
        page = await look(*args, **more)
        read.append(len(page.items))
        return page

    monkeypatch.setattr(events, "list_between", noted)
    clock = FakeClock()
    tails = Tails(api.context.store.reader, clock)
    url = await api.serve(tails=tails, clock=clock)
    await api.make("/v1/inboxes", {"email": "a@localhost.test"})
    for number in range(60):
        mail = b"Subject: %d\n\n" % number + b"x" * 100_000
        await api.receive("a@localhost.test", mail)
    where = urlsplit(url)
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect((where.hostname, where.port))
        lazy.sendall(
            f"GET {STREAM}?after={BEGINNING} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {api.key}\r\n\r\n".encode()
        )
        await stuck(tails)
        taken = sum(read)
        assert 0 < taken < 40
        # Another one is not held up by it.
        async with follow(api, f"after={BEGINNING}", url=url) as stream:
            assert await stream.events(61) == await logged(api)
        assert len(tails._open) == 2
        await clock.advance(60)
        await asyncio.sleep(0.05)
        assert not [each for each in tails._open if not each.follower.gone()]


async def test_closing_a_stream_does_not_wait_for_a_reader_that_takes_nothing(api: Api) -> None:
    await api.make("/v1/inboxes", {"email": "a@localhost.test"})
    for number in range(60):
        await api.receive("a@localhost.test", b"Subject: %d\n\n" % number + b"x" * 100_000)
    where = urlsplit(api.url)
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect((where.hostname, where.port))
        lazy.sendall(
            f"GET {STREAM}?after={BEGINNING} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {api.key}\r\n\r\n".encode()
        )
        reader = await stuck(api.context.tails)
        assert not reader.gone()
        api.context.tails.close()
        assert reader.gone()


# --- as a webhook gets it


async def test_signed_frames_are_the_requests_of_a_webhook(api: Api) -> None:
    fields = {**SIGNED, "headers": {"x-token": "t"}}
    hook = await api.make("/v1/webhooks", fields)
    async with follow(api, f"webhookId={hook['id']}") as stream:
        inbox = (await api.make("/v1/inboxes", {}))["id"]
        await api.call("PATCH", f"/v1/inboxes/{inbox}", {"name": "not subscribed"})
        frame = await stream.event()
        request = orjson.loads(frame["data"])
        event = await events.get(api.context.store.reader, frame["id"])
        assert (frame["event"], request["body"].encode()) == ("inbox.created", event.body)
        assert request["headers"]["webhook-id"] == event.id
        assert request["headers"]["x-sendook-event"] == event.type
        assert request["headers"]["content-type"] == "application/json"
        assert request["headers"]["x-token"] == "t"
        Verifier(hook["secret"]).verify(request["body"], request["headers"])
        # A new secret counts for the next event; the old one signs beside it.
        path = f"/v1/webhooks/{hook['id']}/secret/rotate"
        rotated = (await api.call("POST", path, {})).json["secret"]
        await make_inboxes(api, 1)
        request = orjson.loads((await stream.event())["data"])
        for secret in (rotated, hook["secret"]):
            Verifier(secret).verify(request["body"], request["headers"])
        await api.call("DELETE", f"/v1/webhooks/{hook['id']}")
        await make_inboxes(api, 1)
        assert await stream.ended()
    assert_envelope(await api.call("GET", f"{STREAM}?webhookId={hook['id']}"), 404)


async def test_signed_frames_are_narrowed_by_webhook_and_query_alike(api: Api) -> None:
    one, other = await make_inboxes(api, 2)
    names = ["inbox.updated", "inbox.deleted"]
    hook = await api.make("/v1/webhooks", {**SIGNED, "events": names, "inboxIds": [one]})
    for inbox in (one, other):
        await api.call("PATCH", f"/v1/inboxes/{inbox}", {"name": "x"})
    await api.call("DELETE", f"/v1/inboxes/{one}")
    ids = [each["id"] for each in await api.get(f"/v1/events?inboxId={one}")]
    place = f"after={BEGINNING}&webhookId={hook['id']}"
    async with follow(api, place) as stream:
        assert await stream.events(2) == ids[1:]
    async with follow(api, f"{place}&type=inbox.deleted,inbox.created") as stream:
        assert await stream.events(1) == ids[2:]
    async with follow(api, f"{place}&inboxId={one}") as stream:
        assert await stream.events(2) == ids[1:]


async def test_signatures_need_a_key_that_may_write_and_is_not_limited(api: Api) -> None:
    hook = await api.make("/v1/webhooks", SIGNED)
    (inbox,) = await make_inboxes(api, 1)
    query = f"{STREAM}?webhookId={hook['id']}"
    reading = await api.make_key("read")
    assert_envelope(await api.call("GET", query, key=reading), 403, "scope_missing")
    limited = await api.make_key("admin", inbox_ids=[inbox])
    assert_envelope(await api.call("GET", query, key=limited), 403, "key_limited")
    assert (await api.call("GET", query, key=await api.make_key("write"))).status == 200


@pytest.mark.parametrize(
    "query", ["type=nothing", "type=inbox.created,x", "type=x&type=message.sent"]
)
async def test_a_type_that_is_none_is_refused(api: Api, query: str) -> None:
    reply = await api.call("GET", f"{STREAM}?{query}")
    assert_envelope(reply, 400, "validation_failed")
    assert reply.json["errors"][0]["path"] == "type"
