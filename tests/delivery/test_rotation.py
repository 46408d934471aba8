"""Signatures on the wire while secrets are rotated: the scheduler, a store and a real endpoint."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sendook_lite.delivery.endpoint import Endpoint
from sendook_lite.delivery.resolver import Resolver
from sendook_lite.delivery.scheduler import Scheduler
from sendook_lite.delivery.sender import Sender
from sendook_lite.domain.alerts import CHANNELS
from sendook_lite.domain.disabling import DisableRule
from sendook_lite.domain.endpoint_url import parse
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import Secret, Webhook
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.signing import prepare_secret, signing_key, verify
from sendook_lite.settings import DeliverySettings
from sendook_lite.store.database import Store
from sendook_lite.usecases.endpoints import Endpoints
from sendook_lite.usecases.publish import Publisher
from sendook_lite.usecases.settling import Settling
from tests.delivery.servers import Received, Server, always, serving
from tests.fakes import START, FakeClock, RecordingAlerts, due_delivery

LOOPBACK = Guard(("127.0.0.0/8",))
HOUR = 3600


def known(secret: Secret) -> str:
    """What a receiver is given."""
    return secret.public_key or secret.value


def believes(secret: Secret, request: Received) -> bool:
    headers = dict(request.headers)
    try:
        verify([known(secret)], headers, request.body, int(headers["webhook-timestamp"]))
    except ValueError:
        return False
    return True


def make_endpoint(webhook: Webhook, signing: Sequence[Secret]) -> Endpoint:
    keys = tuple(signing_key(each) for each in signing)
    return Endpoint(webhook.id, parse(webhook.url), keys, (), 5.0)


def make_sender(clock: FakeClock, resolver: Resolver) -> Sender:
    return Sender(guard=LOOPBACK, resolver=resolver, clock=clock, version="1")


@dataclass
class House:
    """A running scheduler and what feeds it."""

    store: Store
    clock: FakeClock
    endpoints: Endpoints
    publisher: Publisher
    server: Server

    async def publish(self) -> Received:
        """Let something happen; returns the request that tells of it."""
        before = len(self.server.requests)
        published = await self.store.writer.write(self.publisher.publish, "inbox.created", {})
        self.publisher.announce(published)
        async with asyncio.timeout(10):
            while len(self.server.requests) == before:  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.002)
        return self.server.requests[-1]


@asynccontextmanager
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = FakeClock()
    ids = Ids(clock)
    store = Store(tmp_path / "data", clock, ids)
    await store.open()
    resolver = Resolver(clock)
    scheduler = Scheduler(
        store,
        make_sender(clock, resolver),
        clock,
        DeliverySettings(),
        make_endpoint,
        Settling(DisableRule(failures=10, after_ms=HOUR), CHANNELS),
        RecordingAlerts(),
    )
    await scheduler.recover()
    endpoints = Endpoints(store, scheduler, scheduler.probe, LOOPBACK, clock, ids, allow_http=True)
    tasks = [asyncio.create_task(work) for work in (scheduler.run(), scheduler.settle())]
    try:
        async with serving(always()) as server:
            yield House(store, clock, endpoints, Publisher(scheduler, 1_000_000), server)
            await scheduler.drain(5)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        resolver.close()
        await store.close()


@pytest.mark.parametrize("signing", ["hmac", "ed25519"])
async def test_a_rotation_takes_effect_with_the_next_request(tmp_path: Path, signing: str) -> None:
    async with house(tmp_path) as home:
        webhook, first = await home.endpoints.create(
            {
                "url": f"http://127.0.0.1:{home.server.port}/",
                "events": ["inbox.created"],
                "signing": signing,
            }
        )
        assert believes(first, await home.publish())
        second = (await home.endpoints.rotate_secret(webhook.id, HOUR))[0]
        request = await home.publish()
        assert believes(first, request)
        assert believes(second, request)
        await home.clock.advance(HOUR)
        request = await home.publish()
        assert not believes(first, request)
        assert believes(second, request)
        third = (await home.endpoints.rotate_secret(webhook.id, 0))[0]
        request = await home.publish()
        assert [believes(each, request) for each in (first, second, third)] == [False, False, True]
        await home.endpoints.rotate_secret(webhook.id, HOUR)
        attempt, _ = await home.endpoints.test(webhook.id)
        assert attempt.status == 200
        assert home.server.requests[-1].header("webhook-signature").count(" ") == 1


async def test_an_expired_secret_signs_no_more_though_the_endpoint_was_prepared_before() -> None:
    clock = FakeClock()
    current = prepare_secret("hmac", None, secrets.token_bytes)
    made = prepare_secret("ed25519", None, secrets.token_bytes)
    old = Secret(made.value, START + 10_000, made.public_key)
    resolver = Resolver(clock)
    sender = make_sender(clock, resolver)
    keys = (signing_key(current), signing_key(old))
    async with serving(always()) as server:
        endpoint = Endpoint("wh_1", parse(f"http://127.0.0.1:{server.port}/"), keys, (), 5.0)
        for wall, valid in (
            (START, True),
            (START + 9_999, True),
            (START + 10_000, False),
            (START + 9_000, True),
        ):
            clock.wall = wall
            assert (await sender.send(endpoint, due_delivery(b"{}"), clock.now())).success
            assert believes(current, server.requests[-1])
            assert believes(old, server.requests[-1]) is valid
    await sender.close()
    resolver.close()


def test_an_endpoint_needs_a_key_that_does_not_expire() -> None:
    expiring = signing_key(Secret("whsec_" + "QUFB" * 8, START))
    with pytest.raises(ValueError, match="a current secret"):
        Endpoint("wh_1", parse("http://127.0.0.1/"), (expiring,), (), 5.0)


def test_an_endpoint_that_is_shown_by_mistake_shows_no_secret() -> None:
    key = signing_key(Secret("whsec_" + "QUFB" * 8, None))
    shown = repr(Endpoint("wh_1", parse("http://127.0.0.1/"), (key,), (), 5.0))
    assert "AAAA" not in shown
    assert "QUFB" not in shown
