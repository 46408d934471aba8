"""Idempotency-Key: whatever is repeated under one key takes effect once."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.api.routes import ROUTES, Route
from sendook_lite.domain.errors import Conflict, NotFound, StoreFailed
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import DueDelivery, Secret, Webhook
from sendook_lite.domain.outcome import Outcome
from sendook_lite.store import meta
from sendook_lite.store.database import Store
from sendook_lite.store.idempotent_requests import KEPT_FOR_MS, KeptRequest, RequestKey
from sendook_lite.store.tx import Tx
from sendook_lite.usecases import idempotency
from sendook_lite.usecases.endpoints import Endpoints
from sendook_lite.usecases.idempotency import AlreadyDone, Idempotency, KeyReused
from tests.api.asking import assert_envelope, filled, named
from tests.api.conftest import Api, Reply
from tests.fakes import FakeClock

WEBHOOK = {"url": "https://hooks.example/in", "events": ["message.received"]}


async def post(
    api: Api, path: str, body: Any = None, *, idempotency_key: str = "k", **more: Any
) -> Reply:
    headers = {"Idempotency-Key": idempotency_key}
    return await api.call("POST", path, body, headers=headers, **more)


async def count(api: Api, table: str) -> int:
    (row,) = await api.context.store.reader.all(f"SELECT count(*) FROM {table}")
    return int(row[0])


def assert_replayed(reply: Reply, first: Reply) -> None:
    assert (reply.status, reply.raw) == (first.status, first.raw)
    assert reply.headers["Content-Type"] == first.headers["Content-Type"]
    assert reply.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


async def test_the_same_request_is_answered_the_same_and_done_once(api: Api) -> None:
    first = await post(api, "/v1/inboxes", {"name": "Ann"})
    assert first.status == 201
    for path in ("/v1/inboxes", "/v1/inboxes/"):
        assert_replayed(await post(api, path, {"name": "Ann"}), first)
    assert await count(api, "inboxes") == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/inboxes", {"name": "Eve"}),
        ("/v1/inboxes", {"name": "Ann", "email": "ann@localhost.test"}),
        ("/v1/inboxes?x=1", {"name": "Ann"}),
        ("/v1/webhooks", WEBHOOK),
    ],
)
async def test_another_request_under_the_same_key_is_refused(
    api: Api, path: str, body: Any
) -> None:
    await post(api, "/v1/inboxes", {"name": "Ann"})
    assert_envelope(await post(api, path, body), 409, "idempotency_key_reused")
    assert await count(api, "inboxes") == 1
    assert await count(api, "webhooks") == 0


async def test_another_key_or_another_asker_or_none_at_all_is_another_request(api: Api) -> None:
    body = {"name": "Ann"}
    other = await api.make_key("write")
    operator = replace(api, url=await api.serve(operator=True), key="")
    answers = [
        await post(api, "/v1/inboxes", body),
        await post(api, "/v1/inboxes", body, idempotency_key="K"),
        await post(api, "/v1/inboxes", body, key=other),
        await post(operator, "/v1/inboxes", body, key=None),
        await api.call("POST", "/v1/inboxes", body),
    ]
    assert [answer.status for answer in answers] == [201] * 5
    assert len({answer.json["id"] for answer in answers}) == 5
    assert_replayed(await post(operator, "/v1/inboxes", body, key=None), answers[3])


@pytest.mark.parametrize("key", ["", " ", "k k", "k" * 256, "schlüssel", "k\t1"])
async def test_a_malformed_key_is_refused(api: Api, key: str) -> None:
    reply = await post(api, "/v1/inboxes", {"name": "Ann"}, idempotency_key=key)
    assert_envelope(reply, 400, "validation_failed")
    assert reply.json["errors"][0]["location"] == "headers"
    assert await count(api, "inboxes") == 0


async def test_two_keys_at_once_are_refused(api: Api) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    headers.append(("Authorization", f"Bearer {api.key}"))
    async with api.session.post(f"{api.url}/v1/inboxes", headers=headers, data=b"{}") as reply:
        assert reply.status == 400


@pytest.mark.parametrize("key", ["!", "~" * 255, '"8e03978e-40d5"'])
async def test_any_visible_characters_are_a_key(api: Api, key: str) -> None:
    first = await post(api, "/v1/inboxes", {"name": "Ann"}, idempotency_key=key)
    assert_replayed(await post(api, "/v1/inboxes", {"name": "Ann"}, idempotency_key=key), first)


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"name": ""}, 400), ({"email": "x@elsewhere.example"}, 404), (b"{", 400)],
)
async def test_an_error_is_not_kept_and_the_key_may_come_again(
    api: Api, wrong: Any, status: int
) -> None:
    for _ in range(2):
        reply = await post(api, "/v1/inboxes", wrong)
        assert reply.status == status
        assert "Idempotency-Replayed" not in reply.headers
    assert await count(api, "idempotent_requests") == 0
    assert (await post(api, "/v1/inboxes", {"name": "Ann"})).status == 201


async def test_an_error_after_a_unit_of_work_is_not_kept_either(api: Api) -> None:
    email = {"email": "ann@localhost.test"}
    assert (await post(api, "/v1/inboxes", email, idempotency_key="first")).status == 201
    for _ in range(2):
        assert (await post(api, "/v1/inboxes", email)).status == 400
    assert await count(api, "idempotent_requests") == 1


SECRET: list[tuple[str, Any, str]] = [
    ("/v1/webhooks", WEBHOOK, "webhooks"),
    ("/v1/api_keys", {"name": "Ann"}, "api_keys"),
]


@pytest.mark.parametrize(("path", "body", "table"), SECRET)
async def test_a_secret_is_told_once_and_then_only_what_was_made(
    api: Api, path: str, body: Any, table: str
) -> None:
    before = await count(api, table)
    first = await post(api, path, body)
    assert first.status == 201
    again = await post(api, path, body)
    assert_envelope(again, 409, "already_done")
    assert again.json["id"] == first.json["id"]
    assert first.json["id"] in again.json["message"]
    assert await count(api, table) == before + 1
    for secret in (first.json.get("secret"), first.json.get("key")):
        rows = await api.context.store.reader.all("SELECT * FROM idempotent_requests")
        assert secret is None or secret not in repr(rows)


async def test_a_secret_is_replaced_once(api: Api) -> None:
    webhook = (await api.make("/v1/webhooks", WEBHOOK))["id"]
    first = await post(api, f"/v1/webhooks/{webhook}/secret/rotate")
    assert first.status == 200
    again = await post(api, f"/v1/webhooks/{webhook}/secret/rotate")
    assert_envelope(again, 409, "already_done")
    assert "id" not in again.json
    assert (await api.get(f"/v1/webhooks/{webhook}/secret"))["secret"] == first.json["secret"]


# Messages of SNS have ids of their own, and no key by which to tell who asks.
POSTS = [route for route in ROUTES if route.method == "POST" and route.scope is not None]


@pytest.mark.parametrize("route", POSTS, ids=named)
async def test_every_post_looks_at_the_key(api: Api, route: Route) -> None:
    body: Any = {**WEBHOOK, "name": "Ann", "since": "2026-01-01T00:00:00Z"}
    body |= {"to": ["eve@example.org"], "subject": "Hello", "text": "Hello"}
    reply = await post(api, filled(route.path), body, idempotency_key="two words")
    assert_envelope(reply, 400, "validation_failed")
    assert "Idempotency-Key" in reply.json["message"]


async def test_a_test_is_sent_once(api: Api) -> None:
    webhook = (await api.make("/v1/webhooks", WEBHOOK))["id"]
    first = await post(api, f"/v1/webhooks/{webhook}/test")
    assert_replayed(await post(api, f"/v1/webhooks/{webhook}/test"), first)
    assert len(api.probe.sent) == 1


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_other_methods_need_no_key_and_ignore_it(api: Api, method: str) -> None:
    inbox = (await api.make("/v1/inboxes", {"name": "Ann"}))["id"]
    body = {"name": "Eve"} if method == "PATCH" else None
    headers = {"Idempotency-Key": "not a key"}
    reply = await api.call(method, f"/v1/inboxes/{inbox}", body, headers=headers)
    assert reply.status == 200
    assert await count(api, "idempotent_requests") == 0


class SlowProbe:
    """An endpoint that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.times = 0

    async def __call__(
        self, webhook: Webhook, secrets: Sequence[Secret], delivery: DueDelivery
    ) -> Outcome:
        assert webhook.id
        assert secrets
        assert delivery.id
        self.times += 1
        self.asked.set()
        await self.go.wait()
        return Outcome(200, None, None, b"ok", 1.0)


async def test_of_two_at_once_one_is_done_and_the_other_told_to_wait(api: Api) -> None:
    probe = SlowProbe()
    context = api.context
    endpoints = Endpoints(
        context.store,
        api.feed,
        probe,
        context.endpoints._guard,
        context.clock,
        Ids(context.clock),
        allow_http=False,
    )
    api.url = await api.serve(endpoints=endpoints)
    path = f"/v1/webhooks/{(await api.make('/v1/webhooks', WEBHOOK))['id']}/test"
    first = asyncio.create_task(post(api, path))
    await probe.asked.wait()
    second = await post(api, path)
    assert_envelope(second, 409, "idempotency_key_in_use")
    assert second.headers["Retry-After"] == "1"
    assert_envelope(await post(api, path, {"other": 1}), 409, "idempotency_key_reused")
    probe.go.set()
    done = await first
    assert done.json["success"]
    assert_replayed(await post(api, path), done)
    assert probe.times == 1


async def test_of_many_at_once_one_is_done(api: Api) -> None:
    replies = await asyncio.gather(*(post(api, "/v1/inboxes", {"name": "A"}) for _ in range(20)))
    assert await count(api, "inboxes") == 1
    for reply in replies:
        if reply.status != 201:
            assert_envelope(reply, 409, "idempotency_key_in_use")


async def test_an_answer_that_is_too_long_is_not_kept(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_ANSWER_BYTES", 10)
    first = await post(api, "/v1/inboxes", {"name": "Ann"})
    again = await post(api, "/v1/inboxes", {"name": "Ann"})
    assert_envelope(again, 409, "already_done")
    assert again.json["id"] == first.json["id"]


async def test_a_long_body_is_told_from_another(api: Api) -> None:
    def body(end: str) -> dict[str, str]:
        return {"name": "Ann", "x": "x" * 100_000 + end}

    first = await post(api, "/v1/inboxes", body("a"))
    assert_envelope(await post(api, "/v1/inboxes", body("b")), 409, "idempotency_key_reused")
    assert_replayed(await post(api, "/v1/inboxes", body("a")), first)


# --- time, restarts and crashes, closer to the store

KEY = RequestKey("operator", "k")
DIGEST = b"asked"


async def work(store: Store, note: str = "done") -> bytes:
    """Take effect: one row in one unit of work."""

    def unit(tx: Tx) -> None:
        tx.execute("INSERT INTO meta (key, value) VALUES (?, 1)", (note,))

    await store.writer.write(unit)
    return note.encode()


def describe(answer: bytes) -> KeptRequest:
    return KeptRequest(DIGEST, None, 200, answer)


async def opened(tmp_path: Path, clock: FakeClock) -> Store:
    store = Store(tmp_path / "data", clock, Ids(clock))
    await store.open()
    return store


async def effects(store: Store) -> int:
    (row,) = await store.reader.all("SELECT count(*) FROM meta WHERE key LIKE 'done%'")
    return int(row[0])


async def test_an_answer_outlives_a_restart_and_is_kept_for_a_day(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    await Idempotency(store, clock).once(KEY, DIGEST, lambda: work(store), describe)
    await store.close()
    store = await opened(tmp_path, clock)
    once = Idempotency(store, clock).once
    clock.wall += KEPT_FOR_MS - 1
    kept = await once(KEY, DIGEST, lambda: work(store), describe)
    assert kept == describe(b"done")
    with pytest.raises(KeyReused):
        await once(KEY, b"something else", lambda: work(store), describe)
    clock.wall += 1
    assert await once(KEY, b"something else", lambda: work(store, "done 2"), describe) == b"done 2"
    assert await effects(store) == 2
    await store.close()


class Crash(BaseException):
    """The end of the process, as far as a request can tell."""


async def test_after_a_crash_before_anything_was_stored_the_request_runs(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)

    async def die() -> bytes:
        raise Crash

    with pytest.raises(Crash):
        await Idempotency(store, clock).once(KEY, DIGEST, die, describe)
    await store.close()
    store = await opened(tmp_path, clock)
    assert await Idempotency(store, clock).once(KEY, DIGEST, lambda: work(store), describe)
    assert await effects(store) == 1
    await store.close()


@pytest.mark.parametrize("error", [Crash, RuntimeError])
async def test_after_a_crash_behind_its_commit_the_request_is_known_to_be_done(
    tmp_path: Path, error: type[BaseException]
) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)

    async def die() -> bytes:
        await work(store)
        raise error

    with pytest.raises(error):
        await Idempotency(store, clock).once(KEY, DIGEST, die, describe)
    await store.close()
    store = await opened(tmp_path, clock)
    with pytest.raises(AlreadyDone):
        await Idempotency(store, clock).once(KEY, DIGEST, lambda: work(store), describe)
    assert await effects(store) == 1
    await store.close()


async def test_a_unit_that_is_undone_leaves_no_mark(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)

    def unit(_: Tx) -> None:
        raise RuntimeError

    async def fail() -> bytes:
        await store.writer.write(unit)
        return b""

    once = Idempotency(store, clock).once
    with pytest.raises(RuntimeError):
        await once(KEY, DIGEST, fail, describe)
    assert await once(KEY, DIGEST, lambda: work(store), describe) == b"done"
    await store.close()


@pytest.mark.parametrize("error", [NotFound("webhook"), Conflict("no", "No")])
async def test_an_error_that_is_told_takes_the_mark_back(tmp_path: Path, error: Exception) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)

    async def fail() -> bytes:
        await store.writer.write(meta.note_alive)
        raise error

    once = Idempotency(store, clock).once
    with pytest.raises(type(error)):
        await once(KEY, DIGEST, fail, describe)
    assert await once(KEY, DIGEST, lambda: work(store), describe) == b"done"
    await store.close()


async def test_what_a_request_leaves_running_does_not_speak_for_it(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    left: list[asyncio.Task[bytes]] = []
    finished = asyncio.Event()

    async def later() -> bytes:
        await finished.wait()
        return await work(store, "done later")

    async def leave() -> bytes:
        left.append(asyncio.create_task(later()))
        return await work(store)

    once = Idempotency(store, clock).once
    await once(KEY, DIGEST, leave, describe)
    finished.set()
    await left[0]
    assert await once(KEY, DIGEST, leave, describe) == describe(b"done")
    await store.close()


async def test_what_was_done_is_told_although_its_answer_cannot_be_kept(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)

    async def close_behind() -> bytes:
        answer = await work(store)
        await store.writer.close()
        return answer

    once = Idempotency(store, clock).once
    assert await once(KEY, DIGEST, close_behind, describe) == b"done"
    with pytest.raises(AlreadyDone):
        await once(KEY, DIGEST, close_behind, describe)
    with pytest.raises(StoreFailed):
        await once(RequestKey("operator", "other"), DIGEST, close_behind, describe)
    await store.close()
