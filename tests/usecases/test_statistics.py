"""How a webhook has done: totals, percentiles, and the last day hour by hour."""

from sendook_lite.domain import resources
from sendook_lite.store.statistics import DURATIONS_TAKEN, HOUR_MS
from tests.fakes import START
from tests.usecases.product import Product, settlement


async def end(product: Product, state: str, count: int = 1, **fields: int) -> None:
    """Publish events and end their deliveries."""
    for _ in range(count):
        one = await product.store.writer.write(product.publisher.publish, "message.sent", {})
        done = [settlement(each, state, **fields) for each in one.fresh]
        await product.store.writer.write(product.settling.record, done, product.clock.now())


async def test_a_webhook_that_was_never_used_has_nothing_against_it(product: Product) -> None:
    webhook = await product.webhook()
    shown = resources.statistics(await product.endpoints.statistics(webhook.id))
    hours = shown.pop("hours")
    assert shown == {
        "delivered": 0, "failed": 0, "pending": 0, "successRate": 1.0, "p50Ms": 0, "p95Ms": 0,
    }  # fmt: skip
    assert len(hours) == 24
    assert hours[-1]["start"] == "2026-03-01T09:00:00.000Z"
    assert hours[0]["start"] == "2026-02-28T10:00:00.000Z"


async def test_what_ended_is_counted_in_all_and_by_its_hour(product: Product) -> None:
    webhook = await product.webhook()
    await end(product, "delivered", 3)
    await product.clock.advance(3600)
    await end(product, "delivered", 2)
    await end(product, "failed", 1)
    await end(product, "pending", 2)
    shown = resources.statistics(await product.endpoints.statistics(webhook.id))
    assert (shown["delivered"], shown["failed"], shown["pending"]) == (5, 1, 2)
    assert shown["successRate"] == round(5 / 6, 4)
    assert [(each["delivered"], each["failed"]) for each in shown["hours"][-2:]] == [(3, 0), (2, 1)]
    assert shown["lastSuccessAt"] == shown["lastFailureAt"] == "2026-03-01T10:10:00.000Z"


async def test_hours_of_earlier_days_count_in_all_but_are_not_shown(product: Product) -> None:
    webhook = await product.webhook()
    await end(product, "delivered")
    await product.clock.advance(24 * 3600)
    found = await product.endpoints.statistics(webhook.id)
    assert found.delivered == 1
    assert {hour.delivered for hour in found.hours} == {0}
    assert found.hours[0].start == START - START % HOUR_MS + HOUR_MS


async def test_percentiles_are_of_the_last_attempts_and_tests_do_not_count(
    product: Product,
) -> None:
    webhook = await product.webhook()
    await end(product, "delivered", 1, duration_ms=99_999)
    for duration in range(1, 101):
        await end(product, "delivered", DURATIONS_TAKEN // 100, duration_ms=duration)
    await product.endpoints.test(webhook.id)
    found = await product.endpoints.statistics(webhook.id)
    assert (found.p50_ms, found.p95_ms) == (51, 96)
    assert found.delivered == DURATIONS_TAKEN + 1


async def test_webhooks_are_counted_apart(product: Product) -> None:
    first = await product.webhook(["message.sent"])
    second = await product.webhook(["inbox.created"])
    await end(product, "delivered")
    assert (await product.endpoints.statistics(first.id)).delivered == 1
    assert (await product.endpoints.statistics(second.id)).delivered == 0
