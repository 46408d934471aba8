"""Sending again: one delivery by hand, a period of the log, in turns, across interruptions."""

import asyncio
from dataclasses import replace

import pytest

from sendook_lite.domain.errors import Conflict, Invalid, NotFound
from sendook_lite.domain.model import Event, Webhook
from sendook_lite.store import deliveries
from sendook_lite.store import replays as stored_replays
from sendook_lite.store.companions import accompanied
from sendook_lite.store.tx import Tx
from sendook_lite.usecases import replay as module
from sendook_lite.usecases.replay import ReplayRequest, Replays
from sendook_lite.usecases.retention import Ages, Retention
from sendook_lite.usecases.turns import Turns
from tests.fakes import START
from tests.usecases.product import Product, settlement

EVERYTHING = ReplayRequest(since=0)


@pytest.fixture
def replays(product: Product) -> Replays:
    return Replays(product.store, product.feed, product.clock)


async def publish(product: Product, count: int = 1, kind: str = "message.sent") -> list[Event]:
    """Put events into the log, a second apart, and offer their deliveries."""
    published = []
    for _ in range(count):
        one = await product.store.writer.write(product.publisher.publish, kind, {"n": 1})
        product.publisher.announce(one)
        published.append(one.event)
        await product.clock.advance(1)
    return published


async def settle(product: Product, state: str) -> None:
    """End everything that was offered in the same way."""
    done = [settlement(each, state) for each in product.feed.offered]
    product.feed.offered.clear()
    await product.store.writer.write(product.settling.record, done, START)


async def due(product: Product, webhook: Webhook) -> list[str]:
    window = await product.store.writer.write(
        deliveries.take_due, webhook.seq, product.feed.now(), 10_000, frozenset()
    )
    return [each.event_id for each in window.deliveries]


async def shown(webhook: Webhook, replays: Replays) -> dict[str, object]:
    (found,) = await replays.list_of_webhook(webhook.id)
    return {"state": found.state, "matched": found.matched, "created": found.created}


@pytest.mark.parametrize("state", ["delivered", "failed", "canceled", "pending"])
async def test_a_retry_makes_any_delivery_due_now_for_one_manual_attempt(
    product: Product, replays: Replays, state: str
) -> None:
    webhook = await product.webhook()
    await publish(product)
    await settle(product, state)
    (row,) = await product.rows("SELECT id FROM deliveries")
    product.feed.time += 60_000
    again = await replays.retry(row[0])
    assert (again.status, again.due_at) == ("pending", product.feed.time)
    assert product.feed.changed[-1] == webhook.seq
    window = await product.store.writer.write(
        deliveries.take_due, webhook.seq, product.feed.now(), 10, frozenset()
    )
    assert [(each.trigger, each.tries) for each in window.deliveries] == [("manual", 0)]


async def test_a_retry_to_a_disabled_webhook_is_a_conflict(
    product: Product, replays: Replays
) -> None:
    webhook = await product.webhook()
    await publish(product)
    await settle(product, "failed")
    await product.endpoints.change(webhook.id, {"status": "disabled"})
    (row,) = await product.rows("SELECT id FROM deliveries")
    with pytest.raises(Conflict, match="enable it first"):
        await replays.retry(row[0])
    with pytest.raises(NotFound):
        await replays.retry("dlv_00000000000000000000000000")


@pytest.mark.parametrize(
    ("scope", "again"),
    [
        ("undelivered", {"failed", "canceled", "never"}),
        ("failed", {"failed"}),
        ("all", {"failed", "canceled", "never", "delivered"}),
    ],
)
async def test_a_replay_opens_what_its_scope_says_and_leaves_what_is_pending_alone(
    product: Product, replays: Replays, scope: str, again: set[str]
) -> None:
    named = {"never": (await publish(product))[0].id}
    webhook = await product.webhook()
    for state in ("failed", "canceled", "delivered", "pending"):
        named[state] = (await publish(product))[0].id
        await settle(product, state)
    generations = "SELECT generation FROM deliveries WHERE status = 'pending' ORDER BY seq"
    ((before,),) = await product.rows(generations)
    await replays.start(webhook.id, replace(EVERYTHING, scope=scope))  # type: ignore[arg-type]
    await replays.work()
    opened = set(await due(product, webhook))
    assert opened == {named[state] for state in again}
    rows = await product.rows(
        "SELECT generation FROM deliveries JOIN events ON events.seq = event_seq"
        " WHERE events.id = ?",
        (named["pending"],),
    )
    assert rows == [(before,)]
    assert (await shown(webhook, replays))["created"] == len(again)


async def test_a_replay_takes_only_its_period_its_events_and_the_inboxes_of_the_webhook(
    product: Product, replays: Replays
) -> None:
    sent = await publish(product, 5, "message.sent")
    await publish(product, 2, "message.bounced")
    await publish(product, 2, "inbox.created")
    webhook = await product.webhook(["message.sent", "message.bounced"])
    request = ReplayRequest(
        since=sent[1].created_at, until=sent[3].created_at, events=("message.sent",)
    )
    await replays.start(webhook.id, request)
    await replays.work()
    assert await due(product, webhook) == [event.id for event in sent[1:4]]
    await product.endpoints.change(webhook.id, {"inbox_ids": ["inbox_elsewhere"]})
    await replays.start(webhook.id, EVERYTHING)
    await replays.work()
    newest = (await replays.list_of_webhook(webhook.id))[0]
    assert (newest.state, newest.matched, newest.created) == ("done", 0, 0)


async def test_events_that_come_after_the_start_are_not_part_of_a_replay(
    product: Product, replays: Replays
) -> None:
    old = await publish(product, 3)
    webhook = await product.webhook()
    await replays.start(webhook.id, EVERYTHING)
    await product.clock.advance(1)
    (live,) = await publish(product)
    await replays.work()
    found = await shown(webhook, replays)
    assert found == {"state": "done", "matched": 3, "created": 3}
    assert set(await due(product, webhook)) == {event.id for event in (*old, live)}


async def test_an_interrupted_replay_goes_on_where_it_was_and_opens_nothing_twice(
    product: Product, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVENTS_PER_UNIT", 4)
    await publish(product, 10)
    webhook = await product.webhook()
    await replays.start(webhook.id, EVERYTHING)
    await product.store.writer.write(module._step, 0, product.feed.now())
    assert await shown(webhook, replays) == {
        "state": "running", "matched": 4, "created": 4,
    }  # fmt: skip
    after_the_restart = Replays(product.store, product.feed, product.clock)
    await after_the_restart.work()
    assert await shown(webhook, replays) == {
        "state": "done", "matched": 10, "created": 10,
    }  # fmt: skip
    assert len(await due(product, webhook)) == 10
    assert await product.rows("SELECT max(generation) FROM deliveries") == [(0,)]


async def test_replays_of_several_webhooks_take_turns(
    product: Product, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVENTS_PER_UNIT", 2)
    await publish(product, 6)
    first, second = await product.webhook(), await product.webhook()
    await replays.start(first.id, EVERYTHING)
    await replays.start(second.id, EVERYTHING)
    product.feed.changed.clear()
    await replays.work()
    assert product.feed.changed[:4] == [first.seq, second.seq, first.seq, second.seq]


async def test_a_canceled_replay_opens_nothing_more_and_cancels_what_is_pending(
    product: Product, replays: Replays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVENTS_PER_UNIT", 2)
    await publish(product, 6)
    webhook = await product.webhook()
    started = await replays.start(webhook.id, EVERYTHING)
    await product.store.writer.write(module._step, 0, product.feed.now())
    (live,) = await publish(product)
    canceled = await replays.cancel(webhook.id, started.id)
    assert canceled.state == "canceled"
    await replays.work()
    assert await due(product, webhook) == [live.id]
    assert (await product.states()).count("canceled") == 2
    with pytest.raises(Conflict, match="nothing left"):
        await replays.cancel(webhook.id, started.id)


async def test_disabling_the_webhook_ends_its_replays(product: Product, replays: Replays) -> None:
    await publish(product, 3)
    webhook = await product.webhook()
    await replays.start(webhook.id, EVERYTHING)
    await product.endpoints.change(webhook.id, {"status": "disabled"})
    await replays.work()
    assert (await shown(webhook, replays))["state"] == "canceled"
    with pytest.raises(Conflict, match="enable it first"):
        await replays.start(webhook.id, EVERYTHING)


@pytest.mark.parametrize(
    ("replay", "words"),
    [
        (ReplayRequest(since=START, until=START - 1), "since must not be later than until"),
        (ReplayRequest(since=START * 2), "nor lie in the future"),
        (ReplayRequest(since=0, events=("inbox.created",)), "events names inbox.created"),
    ],
)
async def test_a_replay_that_makes_no_sense_is_refused(
    product: Product, replays: Replays, replay: ReplayRequest, words: str
) -> None:
    webhook = await product.webhook(["message.sent"])
    with pytest.raises(Invalid, match=words):
        await replays.start(webhook.id, replay)


async def test_test_events_are_never_replayed(product: Product, replays: Replays) -> None:
    webhook = await product.webhook()
    await product.endpoints.test(webhook.id)
    await replays.start(webhook.id, replace(EVERYTHING, scope="all"))
    await replays.work()
    assert (await shown(webhook, replays))["matched"] == 0


async def test_the_ends_of_replayed_deliveries_are_counted(
    product: Product, replays: Replays
) -> None:
    await publish(product, 3)
    webhook = await product.webhook()
    await replays.start(webhook.id, EVERYTHING)
    await replays.work()
    window = await product.store.writer.write(
        deliveries.take_due, webhook.seq, product.feed.now(), 10, frozenset()
    )
    states = ("delivered", "failed", "pending")
    done = [settlement(each, state) for each, state in zip(window.deliveries, states, strict=True)]
    await product.store.writer.write(product.settling.record, done, START)
    (found,) = await replays.list_of_webhook(webhook.id)
    assert (found.delivered, found.failed) == (1, 1)


async def test_what_is_replayed_right_after_enabling_is_not_canceled_with_the_old(
    product: Product, replays: Replays
) -> None:
    webhook = await product.webhook()
    missed = await publish(product, 3)
    await product.endpoints.change(webhook.id, {"status": "disabled"})
    await product.endpoints.change(webhook.id, {"status": "enabled"})
    await replays.start(webhook.id, EVERYTHING)
    await replays.work()
    await product.upkeep.run()
    assert await due(product, webhook) == [event.id for event in missed]


async def test_a_deleted_webhook_takes_its_replays_along(
    product: Product, replays: Replays
) -> None:
    webhook, other = await product.webhook(), await product.webhook()
    await publish(product, 2)
    for of in (webhook, webhook, other):
        await replays.start(of.id, EVERYTHING)
    await product.endpoints.delete(webhook.id)
    running = asyncio.create_task(product.upkeep.run())
    while not running.done():
        await product.clock.advance(1)
        await asyncio.sleep(0.001)
    await running
    assert await product.count("replays") == 1
    assert await product.count("webhooks") == 1


async def test_replays_go_with_the_events_of_their_time_but_none_that_goes_on(
    product: Product, replays: Replays
) -> None:
    webhook = await product.webhook()
    await publish(product)
    await settle(product, "failed")
    await replays.start(webhook.id, EVERYTHING)
    await replays.work()
    await replays.start(webhook.id, EVERYTHING)
    await product.clock.advance(10)
    unit, remove = product.store.writer.write, stored_replays.remove_ended
    # What the first one opened is still pending, and the second has not begun.
    assert await unit(remove, product.clock.now(), 0, 9) == 2
    assert await product.count("replays") == 2

    def deliver(tx: Tx) -> None:
        window = deliveries.take_due(tx, webhook.seq, 2**50, 9, ())
        product.settling.record(tx, [settlement(each) for each in window.deliveries], START)

    await unit(deliver)
    await replays.work()
    ended = product.clock.now()
    assert await unit(remove, ended, 0, 1) == 1, "what ended now is not older than now"
    assert await product.count("replays") == 2
    await product.clock.advance(10)
    assert await unit(remove, START, 0, 9) is None
    turns = Turns(product.store.writer, product.clock)
    sweeping = asyncio.create_task(Retention(turns, product.clock, Ages(1, 0)).sweep())
    while not sweeping.done():
        await product.clock.advance(1)
        await asyncio.sleep(0.001)
    await sweeping
    assert await product.count("replays") == 0


async def test_what_accompanies_a_retry_is_stored_with_it_and_not_with_what_prepares_it(
    product: Product, replays: Replays
) -> None:
    """A key that is on disk before its retry would tell, after a crash, that it was done."""
    await product.webhook()
    await product.inboxes.create("Support", "ann@mail.example")
    (delivery,) = await product.rows("SELECT id FROM deliveries")
    noted: list[int] = []

    def note(tx: Tx) -> None:
        noted.append(tx.now)

    with accompanied(note):
        await replays.retry(delivery[0])
    assert len(noted) == 1, "noted with the retry itself, and with nothing before it"
