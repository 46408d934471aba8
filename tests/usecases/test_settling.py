"""Settling: webhooks that fail are disabled by the rule, people are told in the same commit."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.domain.disabling import DisableRule
from sendook_lite.domain.errors import Conflict
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import DueDelivery, Settlement, Webhook
from sendook_lite.domain.outcome import Outcome
from sendook_lite.settings import DeliverySettings
from sendook_lite.store import deliveries, standings
from sendook_lite.store.database import Store
from sendook_lite.store.standings import Counts
from sendook_lite.store.statistics import HOUR_MS
from sendook_lite.store.tally import OF_ALL
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.settling import Recorded, Settling
from tests.fakes import START, FakeClock
from tests.store.test_plans import CatchingTx
from tests.usecases.product import Product, build, settlement

DAY = 24 * HOUR_MS


def owe_one(tx: Tx, product: Product) -> list[DueDelivery]:
    return product.publisher.publish(tx, "message.received", {}).fresh


async def record(product: Product, *done: Settlement) -> Recorded:
    return await product.store.writer.write(product.settling.record, done, product.clock.now())


async def settle(product: Product, *states: str, **fields: Any) -> Recorded:
    """Have events owed to the one webhook end so, all in one batch."""
    done = []
    for state in states:
        (owed,) = await product.store.writer.write(owe_one, product)
        done.append(settlement(owed, state, **fields))
    return await record(product, *done)


async def told(product: Product) -> list[str]:
    return [row[0] for row in await product.rows("SELECT kind FROM alerts ORDER BY seq")]


async def bodies(product: Product) -> list[dict[str, Any]]:
    return [
        json.loads(row[0]) for row in await product.rows("SELECT body FROM alerts ORDER BY seq")
    ]


async def counters(product: Product) -> tuple[Any, ...]:
    (row,) = await product.rows(
        "SELECT consecutive_failures, failed_deliveries, first_failed_at, alerted FROM webhooks"
    )
    return row


async def test_after_ten_failures_and_a_day_a_webhook_is_disabled_with_three_alerts_before(
    product: Product,
) -> None:
    webhook = await product.webhook()
    await settle(product, "failed")
    assert await told(product) == ["first_failure"]
    await settle(product, *["failed"] * 30)
    assert await told(product) == ["first_failure"]
    await product.clock.advance(12 * 3600 - 0.001)
    await settle(product, "failed")
    assert await told(product) == ["first_failure"]
    await product.clock.advance(0.001)
    assert (await settle(product, "failed")).alerts == 1
    assert await told(product) == ["first_failure", "half_way"]
    await product.clock.advance(12 * 3600 - 0.001)
    assert await settle(product, "failed", "failed") == Recorded()
    await product.clock.advance(0.001)
    assert (await product.endpoints.get(webhook.id)).status == "enabled"
    assert await settle(product, "failed") == Recorded((webhook.seq,), 1)
    assert await told(product) == ["first_failure", "half_way", "disabled"]
    disabled = await product.endpoints.get(webhook.id)
    assert (disabled.status, disabled.disabled_reason) == ("disabled", "repeated_failures")


async def test_nine_failures_disable_nobody_however_old_they_are(product: Product) -> None:
    webhook = await product.webhook()
    await settle(product, *["failed"] * 4)
    await product.clock.advance(10 * 24 * 3600)
    await settle(product)
    assert await told(product) == ["first_failure"]
    await settle(product, "failed")
    assert await told(product) == ["first_failure", "half_way"]
    assert await settle(product, *["failed"] * 4) == Recorded()
    assert await settle(product, "failed") == Recorded((webhook.seq,), 1)


def test_the_numbers_are_those_of_the_documentation() -> None:
    settings = DeliverySettings()
    assert (settings.disable_after_failures, settings.disable_after) == (10, 24 * 3600)


async def test_the_tenth_failure_of_a_webhook_is_not_that_of_another(product: Product) -> None:
    first = await product.webhook()
    second = await product.webhook(["inbox.created"])
    await settle(product, *["failed"] * 10)
    await product.clock.advance(24 * 3600)
    assert await settle(product, "failed") == Recorded((first.seq,), 2)
    assert (await product.endpoints.get(second.id)).status == "enabled"


async def test_what_a_disabled_webhook_was_owed_is_canceled_and_it_is_owed_nothing_more(
    product: Product,
) -> None:
    product.settling = Settling(DisableRule(1, 0), ())
    webhook = await product.webhook()
    (owed,) = await product.store.writer.write(owe_one, product)
    await settle(product, "failed")
    assert await product.store.writer.write(owe_one, product) == []
    window = await product.store.writer.write(
        deliveries.take_due, webhook.seq, 2**50, 9, frozenset()
    )
    assert window.deliveries == []
    await product.upkeep.run()
    assert await product.states() == ["canceled", "failed"]
    assert owed.webhook_seq == webhook.seq
    # What was under way then ends without consequences.
    before = await counters(product)
    assert await record(product, settlement(owed, "failed")) == Recorded()
    assert await record(product, settlement(owed, "delivered")) == Recorded()
    assert await counters(product) == before
    assert await told(product) == ["first_failure", "half_way", "disabled"]


async def test_a_success_starts_the_count_anew_and_is_told_once(product: Product) -> None:
    await product.webhook()
    await settle(product, *["failed"] * 9)
    await product.clock.advance(48 * 3600)
    await settle(product, "delivered")
    assert await told(product) == ["first_failure", "recovered"]
    assert await counters(product) == (0, 0, None, None)
    await settle(product, "delivered")
    await settle(product, "failed")
    assert await told(product) == ["first_failure", "recovered", "first_failure"]
    assert await counters(product) == (1, 1, START + 2 * DAY, "first_failure")


async def test_attempts_that_are_tried_again_alert_nobody(product: Product) -> None:
    await product.webhook()
    assert await settle(product, *["pending"] * 20) == Recorded()
    assert await counters(product) == (20, 0, None, None)
    assert await settle(product, "delivered") == Recorded()
    assert await counters(product) == (0, 0, None, None)


STORY = ["failed", "pending", "failed", "delivered", "delivered", "failed", "failed", "failed"]
ALERTS = ["first_failure", "half_way", "recovered", "first_failure", "half_way", "disabled"]


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (3, 4), (1, 2, 3, 4, 5, 6, 7), (5, 7)])
async def test_however_attempts_are_batched_the_same_is_told(
    product: Product, cuts: tuple[int, ...]
) -> None:
    product.settling = Settling(DisableRule(3, 0), ())
    await product.webhook()
    for start, end in pairwise((0, *cuts, len(STORY))):
        await settle(product, *STORY[start:end])
    assert await told(product) == ALERTS
    assert await counters(product) == (3, 3, START, "disabled")


async def test_410_disables_at_once_with_one_alert(product: Product) -> None:
    webhook = await product.webhook()
    recorded = await settle(product, "failed", "failed", gone_url=webhook.url, status=410)
    assert recorded == Recorded((webhook.seq,), 1)
    assert await told(product) == ["disabled"]
    disabled = await product.endpoints.get(webhook.id)
    assert (disabled.status, disabled.disabled_reason) == ("disabled", "gone")


async def test_410_of_where_a_webhook_led_before_disables_nobody(product: Product) -> None:
    webhook = await product.webhook()
    assert (await settle(product, "failed", gone_url="https://old.example/")).disabled == ()
    assert (await product.endpoints.get(webhook.id)).status == "enabled"


async def test_disabling_by_hand_is_not_told(product: Product) -> None:
    webhook = await product.webhook()
    await product.endpoints.change(webhook.id, {"status": "disabled"})
    await product.endpoints.change(webhook.id, {"status": "enabled"})
    await settle(product, "delivered")
    assert await told(product) == []


@pytest.mark.parametrize("change", [{"status": "enabled"}, {"url": "https://new.example/"}])
async def test_enabling_or_a_new_url_forgets_the_failures_but_their_end_is_told(
    product: Product, change: dict[str, Any]
) -> None:
    product.settling = Settling(DisableRule(2, 0), ())
    webhook = await product.webhook()
    await settle(product, "failed", "failed")
    await product.endpoints.change(webhook.id, change)
    assert await counters(product) == (0, 0, None, "forgiven")
    await product.endpoints.change(webhook.id, {"status": "enabled"})
    assert await counters(product) == (0, 0, None, "forgiven")
    await settle(product, "delivered")
    assert (await told(product))[3:] == ["recovered"]
    assert (await counters(product))[3] is None


async def test_a_webhook_that_was_enabled_and_fails_again_is_told_from_the_beginning(
    product: Product,
) -> None:
    product.settling = Settling(DisableRule(2, 0), ())
    webhook = await product.webhook()
    await settle(product, "failed", "failed")
    await product.endpoints.change(webhook.id, {"status": "enabled"})
    await settle(product, "failed")
    await settle(product, "failed")
    stages = ["first_failure", "half_way", "disabled"]
    assert await told(product) == [*stages, *stages]


async def test_a_failed_retry_by_hand_brings_no_webhook_nearer_to_being_disabled(
    product: Product,
) -> None:
    product.settling = Settling(DisableRule(1, 0), ())
    webhook = await product.webhook()
    (owed,) = await product.store.writer.write(owe_one, product)
    by_hand = DueDelivery(
        owed.seq, owed.id, owed.webhook_seq, owed.event_id, owed.event_type, owed.body, 0, 0,
        "manual", 0,
    )  # fmt: skip
    assert await record(product, settlement(by_hand, "failed")) == Recorded()
    assert (await product.endpoints.get(webhook.id)).status == "enabled"
    assert await counters(product) == (1, 0, None, None)


async def test_a_test_counts_for_nothing(product: Product) -> None:
    webhook = await product.webhook()
    await settle(product, "failed")
    before = await product.rows("SELECT * FROM webhooks")
    product.probe.outcomes.append(Outcome(410, "http_status", "answered 410", b"", 1))
    for _ in range(2):
        await product.endpoints.test(webhook.id)
    assert await product.rows("SELECT * FROM webhooks") == before
    assert await told(product) == ["first_failure"]
    assert await product.rows(
        "SELECT sum(failed), sum(delivered) FROM webhook_hours WHERE webhook_seq > 0"
    ) == [(1, 0)]


async def test_the_hours_of_a_webhook_add_up_what_ended_in_them(product: Product) -> None:
    webhook = await product.webhook()
    hour = START - START % HOUR_MS
    await settle(product, "delivered", "failed", "pending", "delivered")
    await settle(product, "delivered")
    await product.clock.advance(3600)
    await settle(product, "pending")
    await settle(product, "failed")
    assert await product.rows(
        "SELECT * FROM webhook_hours WHERE webhook_seq > 0 ORDER BY hour"
    ) == [
        (webhook.seq, hour, 3, 1),
        (webhook.seq, hour + HOUR_MS, 0, 1),
    ]


async def test_a_success_after_all_counts_and_one_that_was_reopened_does_not_yet(
    product: Product,
) -> None:
    webhook = await product.webhook()
    (owed,) = await product.store.writer.write(owe_one, product)
    await product.store.writer.write(deliveries.cancel_pending, webhook.seq, 2**50, 9)
    await record(product, settlement(owed, "delivered"))
    await record(product, settlement(owed, "delivered"))
    await product.store.writer.write(deliveries.reopen, owed.seq, "manual", 1)
    await record(product, settlement(owed, "delivered"))
    await record(product, settlement(owed, "failed"))
    assert await product.rows(
        "SELECT delivered, failed FROM webhook_hours WHERE webhook_seq > 0"
    ) == [(1, 0)]
    assert await told(product) == []


async def test_the_last_success_and_the_last_failure_are_remembered(product: Product) -> None:
    await product.webhook()
    await settle(product, "delivered")
    await product.clock.advance(5)
    await settle(product, "pending")
    rows = await product.rows("SELECT last_success_at, last_failure_at FROM webhooks")
    assert rows == [(START, START + 5000)]


async def test_a_healthy_webhooks_row_is_written_once_a_second(product: Product) -> None:
    await product.webhook()
    seen = []
    for seconds in (0.0, 0.999, 0.001, 0.5):
        await product.clock.advance(seconds)
        await settle(product, "delivered", "delivered")
        seen += await product.rows("SELECT last_success_at - ? FROM webhooks", (START,))
    assert [since for (since,) in seen] == [0, 0, 1000, 1000]
    product.clock.wall -= 3_600_000  # a clock that was set back writes no success of the future
    await settle(product, "delivered")
    assert await product.rows("SELECT last_success_at - ? FROM webhooks", (START,)) == [
        (-3_598_500,)
    ]


async def test_a_success_after_a_failure_is_written_at_once(product: Product) -> None:
    await product.webhook()
    await settle(product, "delivered")
    await settle(product, "pending")
    await product.clock.advance(0.1)
    await settle(product, "delivered")
    rows = await product.rows("SELECT last_success_at, consecutive_failures FROM webhooks")
    assert rows == [(START + 100, 0)]


async def test_an_alert_says_how_it_stood_at_its_moment(product: Product) -> None:
    product.settling = Settling(DisableRule(3, 0), ())
    webhook = await product.webhook(description="the shop")
    await settle(product, "failed", "failed", "failed")
    await product.endpoints.change(webhook.id, {"status": "enabled"})
    await settle(product, "failed")
    await settle(product, "delivered")
    first, half_way, disabled, again, recovered = await bodies(product)
    assert (first["failedDeliveries"], half_way["failedDeliveries"]) == (1, 2)
    assert (disabled["failedDeliveries"], disabled["webhook"]["status"]) == (3, "disabled")
    assert disabled["webhook"]["disabledReason"] == "repeated_failures"
    assert disabled["lastError"] == "http_status: answered 500"
    assert (half_way["webhook"]["status"], again["alert"]) == ("enabled", "webhook.first_failure")
    assert (recovered["failedDeliveries"], recovered["webhook"]["id"]) == (1, webhook.id)
    assert len({each["id"] for each in await bodies(product)}) == 5


async def test_a_batch_that_is_rolled_back_has_told_nothing(product: Product) -> None:
    await product.webhook()
    (owed,) = await product.store.writer.write(owe_one, product)

    def record_and_break(tx: Tx) -> None:
        product.settling.record(tx, [settlement(owed, "failed")], 1)
        raise Conflict("x", "x")

    with pytest.raises(Conflict):
        await product.store.writer.write(record_and_break)
    assert (await told(product), await counters(product)) == ([], (0, 0, None, None))


async def test_a_batch_of_successes_costs_few_statements_however_many_deliveries_it_has(
    product: Product,
) -> None:
    await product.webhook()
    owed = [(await product.store.writer.write(owe_one, product))[0] for _ in range(20)]

    def count(tx: Tx) -> int:
        catching = CatchingTx(tx)
        product.settling.record(catching, [settlement(each, "delivered") for each in owed], 1)
        return len(catching.caught)

    # Twenty rows are one statement of 16 and one of 4: counted, changed, and their attempts added.
    assert await product.store.writer.write(count) == 2 * 3 + 3


async def test_an_outcome_for_a_webhook_that_is_being_removed_is_told_nobody(
    product: Product,
) -> None:
    webhook = await product.webhook()
    (owed,) = await product.store.writer.write(owe_one, product)
    await product.endpoints.delete(webhook.id)
    assert await record(product, settlement(owed, "failed")) == Recorded()
    assert await told(product) == []
    assert await product.count("attempts") == 1
    sums = await product.rows("SELECT webhook_seq, delivered, failed FROM webhook_hours")
    assert sums == [(OF_ALL, 0, 1)]


async def test_failing_and_disabled_webhooks_are_counted(product: Product) -> None:
    assert await standings.count(product.store.reader) == Counts(0, 0)
    failing = await product.webhook()
    by_hand = await product.webhook(["inbox.created"])
    deleted = await product.webhook(["inbox.created"])
    await settle(product, "failed")
    await product.endpoints.change(by_hand.id, {"status": "disabled"})
    await product.endpoints.delete(deleted.id)
    assert await standings.count(product.store.reader) == Counts(1, 1)
    await product.endpoints.change(failing.id, {"status": "disabled"})
    assert await standings.count(product.store.reader) == Counts(0, 2)


async def test_a_restart_forgets_no_failure_and_repeats_no_alert(tmp_path: Path) -> None:
    clock = FakeClock()
    webhook: Webhook | None = None
    for _ in range(10):
        store = Store(tmp_path / "data", clock, Ids(clock))
        await store.open()
        product = build(store, clock)
        webhook = webhook or await product.webhook()
        await settle(product, "failed")
        assert (await counters(product))[2] == START
        expected = await told(product)
        status = (await product.endpoints.get(webhook.id)).status
        await store.close()
        await clock.advance(24 * 3600 / 9)
    assert expected == ["first_failure", "half_way", "disabled"]
    assert status == "disabled"
