"""Sums by the hour, and the log read backwards: every event once."""

import pytest

from sendook_lite.domain.model import NewEvent
from sendook_lite.store import event_search, events, tally
from sendook_lite.store.statistics import HOUR_MS
from sendook_lite.store.tx import Tx
from tests.fakes import START, FakeClock
from tests.usecases.product import Product


async def publish(product: Product, *types: str, inbox_id: str | None = None) -> None:
    def work(tx: Tx) -> None:
        happened = [NewEvent(each, {"subject": f"About {each} Ä"}, inbox_id) for each in types]
        events.append(tx, happened, 10_000)

    await product.store.writer.write(work)


async def count_all(product: Product, limit: int) -> int:
    batches = 1
    while await product.store.writer.write(tally.count_events, limit):
        batches += 1
    return batches


async def test_events_are_counted_once_whatever_the_batches(
    product: Product, clock: FakeClock
) -> None:
    await publish(product, *["message.received"] * 5, "message.sent")
    clock.wall += HOUR_MS
    await publish(product, *["message.received"] * 3)
    assert await count_all(product, 2) == 5
    assert await count_all(product, 2) == 1
    await publish(product, "message.received")
    assert await count_all(product, 100) == 1
    found = await tally.events_since(product.store.reader, 0)
    hour = START - START % HOUR_MS
    assert {(each.start, each.type): each.count for each in found} == {
        (hour, "message.received"): 5,
        (hour, "message.sent"): 1,
        (hour + HOUR_MS, "message.received"): 4,
    }
    day = 24 * HOUR_MS
    assert [
        (each.start, each.type, each.count)
        for each in await tally.events_since(product.store.reader, 0, day)
    ] == [(hour - hour % day, "message.received", 9), (hour - hour % day, "message.sent", 1)]
    assert [each.start for each in await tally.events_since(product.store.reader, hour + 1)] == [
        hour + HOUR_MS
    ]


async def test_tests_of_webhooks_are_not_counted(product: Product) -> None:
    webhook = await product.webhook()
    await product.endpoints.test(webhook.id)
    await count_all(product, 100)
    assert await tally.events_since(product.store.reader, 0) == []


async def test_the_log_is_read_backwards_by_type_inbox_and_text(product: Product) -> None:
    await publish(product, "message.received", "message.sent", inbox_id="inbox_1")
    await publish(product, "message.received", "message.bounced", inbox_id="inbox_2")
    reader = product.store.reader

    async def found(**wanted: object) -> list[tuple[str, str | None]]:
        page = await event_search.newest(reader, limit=10, **wanted)  # type: ignore[arg-type]
        return [(each.type.split(".")[1], each.inbox_id) for each in page.events]

    assert await found() == [
        ("bounced", "inbox_2"),
        ("received", "inbox_2"),
        ("sent", "inbox_1"),
        ("received", "inbox_1"),
    ]
    assert await found(types=["message.received"]) == [
        ("received", "inbox_2"),
        ("received", "inbox_1"),
    ]
    assert await found(types=["message.received", "message.sent"], inbox_ids=["inbox_1"]) == [
        ("sent", "inbox_1"),
        ("received", "inbox_1"),
    ]
    assert await found(inbox_ids=[]) == []
    assert await found(text="ABOUT MESSAGE.S") == [("sent", "inbox_1")]
    assert await found(text="%") == []


async def test_pages_of_the_log_follow_each_other_without_a_gap(product: Product) -> None:
    await publish(product, *["message.received"] * 7)
    seen, before = [], None
    for _ in range(10):
        page = await event_search.newest(product.store.reader, limit=3, before=before)
        seen += [each.seq for each in page.events]
        before = page.before
        if before is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_a_search_looks_through_a_stretch_and_says_where_it_goes_on(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_search, "LOOKED_THROUGH", 4)
    await publish(product, "message.sent", *["message.received"] * 6)
    reader = product.store.reader
    first = await event_search.newest(reader, limit=10, text="message.sent")
    assert (first.events, first.before is None) == ([], False)
    rest = await event_search.newest(reader, limit=10, text="message.sent", before=first.before)
    assert [each.type for each in rest.events] == ["message.sent"]
    assert rest.before is None


async def test_pending_deliveries_are_counted_up_to_a_bound(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await product.webhook()
    monkeypatch.setattr(tally, "PENDING_COUNTED", 2)
    for expected in (1, 2, 3, 3):
        await product.store.writer.write(product.publisher.publish, "message.sent", {})
        assert await tally.count_pending(product.store.reader) == expected
