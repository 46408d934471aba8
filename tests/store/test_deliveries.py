"""Deliveries: due by their row, settled by their attempts, canceled without a race."""

import sqlite3
from typing import Any

import pytest

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.events import payload_of
from sendook_lite.domain.model import DueDelivery, Settlement, Webhook
from sendook_lite.store import attempts, deliveries, settling, webhooks
from sendook_lite.store.deliveries import DueWindow
from sendook_lite.store.tx import Tx
from tests.fakes import START
from tests.usecases.product import Product, settlement, webhook_in

FAR = 2**50


def publish(tx: Tx, product: Product, due_at: int | None = None) -> DueDelivery:
    published = product.publisher.publish(tx, "message.received", {"n": 1})
    (fresh,) = published.fresh
    if due_at is not None:
        tx.execute("UPDATE deliveries SET due_at = ? WHERE seq = ?", (due_at, fresh.seq))
    return fresh


async def owe(product: Product, *due_at: int | None) -> list[DueDelivery]:
    return [await product.store.writer.write(publish, product, each) for each in due_at]


async def take(
    product: Product, webhook: Webhook, now: int = FAR, limit: int = 10, claimed: Any = ()
) -> DueWindow:
    return await product.store.writer.write(
        deliveries.take_due, webhook.seq, now, limit, frozenset(claimed)
    )


@pytest.fixture(autouse=True, params=[1, settling.FEW])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settle few deliveries together as well, as many are."""
    monkeypatch.setattr(settling, "FEW", request.param)


async def settle(product: Product, *done: Settlement, now: int = START) -> None:
    await product.store.writer.write(product.settling.record, done, now)


async def row_of(product: Product, delivery: DueDelivery) -> dict[str, Any]:
    names = ("status", "due_at", "tries", "attempt_count", "completed_at", "last_error", "delay")
    (row,) = await product.rows(
        f"SELECT {', '.join(names)} FROM deliveries WHERE seq = ?", (delivery.seq,)
    )
    return dict(zip(names, row, strict=True))


def reopen(tx: Tx, delivery: DueDelivery) -> None:
    """Do what a manual retry does."""
    tx.execute(
        "UPDATE deliveries SET status = 'pending', due_at = ?, tries = 0, trigger = 'manual',"
        " generation = generation + 1, completed_at = NULL WHERE seq = ?",
        (tx.now, delivery.seq),
    )


async def test_what_is_due_comes_oldest_first_and_says_when_the_next_one_is(
    product: Product,
) -> None:
    webhook = await product.webhook()
    late, early, next_one, last = await owe(product, 300, 100, 1001, 5000)
    window = await take(product, webhook, now=1000)
    assert [each.seq for each in window.deliveries] == [early.seq, late.seq]
    assert window.next_due_at == 1001
    window = await take(product, webhook, now=1001, limit=1)
    assert [each.seq for each in window.deliveries] == [early.seq]
    assert window.next_due_at == 300
    assert last.seq > next_one.seq


async def test_equal_due_times_come_in_the_order_of_their_commit(product: Product) -> None:
    webhook = await product.webhook()
    owed = await owe(product, 7, 7, 7)
    window = await take(product, webhook)
    assert [each.seq for each in window.deliveries] == [each.seq for each in owed]


async def test_what_is_claimed_is_neither_taken_nor_waited_for(product: Product) -> None:
    webhook = await product.webhook()
    first, second, third = await owe(product, 1, 2, 3)
    window = await take(product, webhook, limit=1, claimed={first.seq})
    assert [each.seq for each in window.deliveries] == [second.seq]
    assert window.next_due_at == 3
    everything = {first.seq, second.seq, third.seq}
    assert await take(product, webhook, claimed=everything) == DueWindow([], None)


async def test_a_delivery_is_taken_with_all_that_an_attempt_needs(product: Product) -> None:
    webhook = await product.webhook()
    (fresh,) = await owe(product, None)
    (taken,) = (await take(product, webhook)).deliveries
    assert taken == fresh


async def test_deliveries_that_are_taken_together_have_the_bodies_of_their_events(
    product: Product,
) -> None:
    webhook = await product.webhook()
    texts = ("", "Grüße, 日本語 🙂", "x" * 40_000, "“quoted”\n\\", "ü" * 20_000, "the end")
    owed = []
    for text in texts:
        published = await product.store.writer.write(
            product.publisher.publish, "message.received", {"text": text}
        )
        owed += published.fresh
    taken = (await take(product, webhook)).deliveries
    assert [each.body for each in taken] == [each.body for each in owed]
    assert [payload_of(each.body)["text"] for each in taken] == list(texts)
    assert taken == owed


async def test_one_webhook_is_never_given_what_another_is_owed(product: Product) -> None:
    webhook = await product.webhook()
    other = await product.webhook(["inbox.created"])
    await owe(product, 1)
    assert len((await take(product, webhook)).deliveries) == 1
    assert await take(product, other) == DueWindow([], None)


@pytest.mark.parametrize("state", ["delivered", "failed"])
async def test_the_last_attempt_completes_its_delivery(product: Product, state: str) -> None:
    webhook = await product.webhook()
    (owed,) = await owe(product, 1)
    await settle(product, settlement(owed, state))
    row = await row_of(product, owed)
    assert (row["status"], row["due_at"], row["completed_at"]) == (state, None, START)
    assert (row["attempt_count"], row["tries"]) == (1, 1)
    assert await take(product, webhook) == DueWindow([], None)


async def test_a_failed_attempt_leaves_its_delivery_due_at_its_time(product: Product) -> None:
    webhook = await product.webhook()
    (owed,) = await owe(product, 1)
    await settle(product, settlement(owed, "pending", due_at=9000, delay=5000))
    row = await row_of(product, owed)
    assert (row["status"], row["due_at"], row["delay"]) == ("pending", 9000, 5000)
    assert row["completed_at"] is None
    assert (await take(product, webhook, now=8999)).next_due_at == 9000
    (again,) = (await take(product, webhook, now=9000)).deliveries
    assert (again.tries, again.attempt_count, again.generation) == (1, 1, 0)


async def test_attempts_are_recorded_in_order_with_their_numbers(product: Product) -> None:
    webhook = await product.webhook()
    (owed,) = await owe(product, 1)
    await settle(product, settlement(owed, "pending"))
    (again,) = (await take(product, webhook)).deliveries
    await settle(product, settlement(again, "delivered", duration_ms=77))
    delivery = await deliveries.get(product.store.reader, owed.id)
    made = await attempts.list_of_delivery(product.store.reader, delivery)
    assert [each.number for each in made] == [1, 2]
    assert [each.status for each in made] == [500, 200]
    assert made[1].duration_ms == 77
    assert made[1].event_body == owed.body
    newest = await attempts.list_of_webhook(product.store.reader, webhook, 1)
    assert newest == [made[1]]
    assert await attempts.list_of_webhook(product.store.reader, webhook, 0) == []


@pytest.mark.parametrize("state", ["pending", "failed"])
async def test_a_failure_that_comes_in_after_canceling_changes_nothing_but_the_log(
    product: Product, state: str
) -> None:
    webhook = await product.webhook()
    (owed,) = await owe(product, 1)
    await product.store.writer.write(deliveries.cancel_pending, webhook.seq, FAR, 10)
    await settle(product, settlement(owed, state))
    row = await row_of(product, owed)
    assert (row["status"], row["due_at"], row["attempt_count"]) == ("canceled", None, 1)
    assert row["last_error"] == "http_status: answered 500"
    assert await product.count("attempts") == 1


async def test_a_success_that_comes_in_after_canceling_is_a_success(product: Product) -> None:
    webhook = await product.webhook()
    (owed,) = await owe(product, 1)
    await product.store.writer.write(deliveries.cancel_pending, webhook.seq, FAR, 10)
    await settle(product, settlement(owed, "delivered"))
    row = await row_of(product, owed)
    assert (row["status"], row["completed_at"]) == ("delivered", START)


@pytest.mark.parametrize("state", ["pending", "failed", "delivered"])
async def test_an_outcome_from_before_a_reopening_does_not_use_up_the_new_attempts(
    product: Product, state: str
) -> None:
    webhook = await product.webhook()
    (owed,) = await owe(product, 1)
    await product.store.writer.write(reopen, owed)
    await settle(product, settlement(owed, state))
    row = await row_of(product, owed)
    assert (row["status"], row["due_at"], row["tries"]) == ("pending", START, 0)
    (again,) = (await take(product, webhook)).deliveries
    assert (again.trigger, again.generation, again.attempt_count) == ("manual", 1, 1)


async def test_an_outcome_of_a_delivery_that_is_gone_harms_no_other(product: Product) -> None:
    gone_webhook = await product.webhook()
    (gone,) = await owe(product, 1)
    await product.endpoints.delete(gone_webhook.id)
    await product.upkeep.run()
    webhook = await product.webhook()
    (owed,) = await owe(product, 1)
    await settle(product, settlement(gone, "delivered"), settlement(owed, "delivered"))
    assert await product.states() == ["delivered"]
    assert await product.count("attempts") == 1
    assert (await product.endpoints.get(webhook.id)).consecutive_failures == 0


@pytest.mark.parametrize(
    ("before", "states", "after"),
    [
        (0, ["pending"], 1),
        (3, ["pending", "failed"], 5),
        (3, ["delivered"], 0),
        (3, ["pending", "delivered"], 0),
        (3, ["delivered", "pending"], 1),
        (3, ["failed", "delivered", "pending", "failed"], 2),
        (0, ["delivered"], 0),
    ],
)
async def test_failures_since_the_last_success_are_counted_through_mixed_batches(
    product: Product, before: int, states: list[str], after: int
) -> None:
    webhook = await product.webhook()
    other = await product.webhook(["inbox.created"])
    owed = await owe(product, *(1 for _ in states))
    await product.store.writer.write(webhooks.update, webhook, {"consecutive_failures": before})
    done = [settlement(each, state) for each, state in zip(owed, states, strict=True)]
    await settle(product, *done)
    assert (await product.endpoints.get(webhook.id)).consecutive_failures == after
    assert (await product.endpoints.get(other.id)).consecutive_failures == 0


@pytest.mark.parametrize(
    "change", ["status = 'delivered'", "due_at = NULL", "status = 'canceled'", "status = 'failed'"]
)
async def test_the_database_itself_keeps_pending_and_due_together(
    product: Product, change: str
) -> None:
    await product.webhook()
    await owe(product, 1)
    with pytest.raises(sqlite3.IntegrityError):
        await product.store.writer.write(Tx.execute, f"UPDATE deliveries SET {change}")


async def test_an_event_is_owed_to_a_webhook_once(product: Product) -> None:
    await product.webhook()
    (owed,) = await owe(product, 1)
    with pytest.raises(sqlite3.IntegrityError):
        await product.store.writer.write(
            Tx.execute,
            "INSERT INTO deliveries (id, event_seq, webhook_seq, status, trigger, created_at,"
            " updated_at) SELECT 'dlv_2', event_seq, webhook_seq, 'failed', 'manual', 1, 1"
            " FROM deliveries WHERE seq = ?",
            (owed.seq,),
        )


async def test_a_disabled_webhook_has_nothing_due_even_before_its_rows_are_canceled(
    product: Product,
) -> None:
    webhook = await product.webhook()
    await owe(product, 1, 2)
    await product.endpoints.change(webhook.id, {"status": "disabled"})
    assert await product.states() == ["pending", "pending"]
    assert await take(product, webhook) == DueWindow([], None)


async def test_a_deleted_webhook_has_nothing_due_although_its_rows_are_still_there(
    product: Product,
) -> None:
    webhook = await product.webhook()
    await owe(product, 1, 2)
    await product.endpoints.delete(webhook.id)
    assert await product.states() == ["pending", "pending"]
    assert await take(product, webhook) == DueWindow([], None)


async def test_what_was_owed_at_disabling_is_not_sent_although_enabled_again_at_once(
    product: Product,
) -> None:
    webhook = await product.webhook()
    await owe(product, 1, FAR - 1)
    await product.endpoints.change(webhook.id, {"status": "disabled"})
    await product.endpoints.change(webhook.id, {"status": "enabled"})
    (new,) = await owe(product, 5)
    assert [each.seq for each in (await take(product, webhook)).deliveries] == [new.seq]
    await product.upkeep.run()
    assert await product.states() == ["canceled", "canceled", "pending"]
    assert (await product.rows("SELECT cancel_up_to FROM webhooks")) == [(0,)]
    assert [each.seq for each in (await take(product, webhook)).deliveries] == [new.seq]


async def test_canceling_takes_a_batch_at_a_time_and_can_be_taken_up_again(
    product: Product,
) -> None:
    webhook = await product.webhook()
    other = await product.webhook()

    def publish_many(tx: Tx) -> None:
        for _ in range(7):
            product.publisher.publish(tx, "message.received", {})

    await product.store.writer.write(publish_many)
    write = product.store.writer.write
    assert await write(deliveries.cancel_pending, webhook.seq, FAR, 3) == 3
    assert await write(deliveries.cancel_pending, webhook.seq, FAR, 3) == 3
    assert await write(deliveries.cancel_pending, webhook.seq, FAR, 3) == 1
    assert await write(deliveries.cancel_pending, webhook.seq, FAR, 3) == 0
    assert sorted(await product.states()) == ["canceled"] * 7 + ["pending"] * 7
    assert len((await take(product, other)).deliveries) == 7


async def test_first_due_is_the_earliest_or_none(product: Product) -> None:
    webhook = await product.webhook()
    assert await product.store.writer.write(deliveries.first_due, webhook.seq) is None
    await owe(product, 30, 20)
    assert await product.store.writer.write(deliveries.first_due, webhook.seq) == 20


async def test_due_times_out_of_reach_are_brought_back_when_the_clock_was_set_back(
    product: Product,
) -> None:
    await product.webhook()
    near, far, waiting = await owe(product, 1, 1, 1)
    await settle(product, settlement(near, "pending", due_at=2000, delay=1000), now=1000)
    await settle(product, settlement(far, "pending", due_at=905_000, delay=5000), now=900_000)
    write = product.store.writer.write
    assert await write(deliveries.clamp_due_times, 900_000) == 0
    assert await write(deliveries.clamp_due_times, 1500) == 1
    assert (await row_of(product, far))["due_at"] == 6500
    assert (await row_of(product, near))["due_at"] == 2000
    assert (await row_of(product, waiting))["due_at"] == 1
    assert await write(deliveries.clamp_due_times, 1500) == 0


async def test_a_database_that_never_scheduled_has_nothing_to_bring_back(
    product: Product,
) -> None:
    assert await product.store.writer.write(deliveries.clamp_due_times, 1) == 0


async def test_a_delivery_that_does_not_exist_is_not_found(product: Product) -> None:
    with pytest.raises(NotFound):
        await deliveries.get(product.store.reader, "dlv_none")
    with pytest.raises(NotFound):
        await product.store.writer.write(webhook_in, "wh_none")
    with pytest.raises(NotFound):
        await product.store.writer.write(deliveries._load_body, 5)
