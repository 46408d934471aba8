"""Lists: in commit order, in pages that are bounded by rows and by bytes."""

from collections.abc import Callable
from itertools import product as combinations
from typing import Any

import pytest

from sendook_lite.domain.errors import NotFound
from sendook_lite.store import deliveries, events, inboxes, messages, threads, webhooks
from sendook_lite.store import page as pages
from sendook_lite.store.page import bind, cut, within
from sendook_lite.store.tx import Tx
from tests.usecases.product import Product, mail, settlement


@pytest.mark.parametrize(
    ("sizes", "budget", "seqs"),
    [
        ([], 10, []),
        ([(5, 3), (4, 3), (3, 4)], 10, [5, 4, 3]),
        ([(5, 3), (4, 3), (3, 5)], 10, [5, 4]),
        ([(5, 99), (4, 0)], 10, [5]),
        ([(5, 10), (4, 0), (3, 0)], 10, [5, 4, 3]),
    ],
)
def test_a_page_holds_what_fits_and_always_one(
    sizes: list[tuple[int, int]], budget: int, seqs: list[int]
) -> None:
    assert within(sizes, budget) == seqs


def test_a_page_knows_whether_there_is_more() -> None:
    assert cut([1, 2, 3], 2) == pages.Page([1, 2], more=True)
    assert cut([1, 2], 2) == pages.Page([1, 2], more=False)


def test_values_of_a_list_are_named_in_a_fixed_order() -> None:
    assert bind("inbox", {"b", "a"}) == {"inbox0": "a", "inbox1": "b"}


def publish(tx: Tx, product: Product, kind: str, inbox_id: str | None) -> str:
    return product.publisher.publish(tx, kind, {"n": 1}, inbox_id=inbox_id).event.id


async def publish_many(
    product: Product, count: int, kind: str = "message.received", inbox_id: str | None = None
) -> list[str]:
    write = product.store.writer.write
    return [await write(publish, product, kind, inbox_id) for _ in range(count)]


async def walk(read: Callable[..., Any], *args: Any, cursor: str = "before", **given: Any) -> Any:
    """Follow a list page by page to its end; returns the ids."""
    found: list[str] = []
    place = None
    while True:
        page = await read(*args, **given, **{cursor: place})
        assert place is None or place not in {each.id for each in page.items}, "it does not move"
        found += [each.id for each in page.items]
        if not page.more:
            return found
        place = found[-1]


async def walk_events(product: Product, **given: Any) -> Any:
    return await walk(events.list_after, product.store.reader, cursor="after", **given)


async def test_events_are_walked_oldest_first_without_a_gap(product: Product) -> None:
    made = await publish_many(product, 7)
    for limit in (1, 2, 3, 7, 8):
        assert await walk_events(product, limit=limit) == made
    page = await events.list_after(product.store.reader, after=made[-1], limit=5)
    assert (page.items, page.more) == ([], False)


async def test_after_an_event_that_is_gone_the_log_starts_at_the_oldest(product: Product) -> None:
    made = await publish_many(product, 2)
    page = await events.list_after(product.store.reader, after="evt_gone", limit=9)
    assert [each.id for each in page.items] == made


async def test_order_is_that_of_commits_although_the_clock_steps_back(product: Product) -> None:
    first = await publish_many(product, 2)
    product.clock.wall -= 3_600_000
    second = await publish_many(product, 2)
    assert await walk_events(product, limit=1) == [*first, *second]
    assert second[0] < first[0]


async def test_events_are_filtered_by_type_and_inbox(product: Product) -> None:
    made: dict[tuple[str, str | None], list[str]] = {}
    kinds, boxes = ("message.received", "inbox.updated"), ("inbox_a", "inbox_b", None)
    for kind, inbox_id in combinations(kinds, boxes):
        made[kind, inbox_id] = await publish_many(product, 2, kind=kind, inbox_id=inbox_id)
    choices: tuple[list[str] | None, ...] = (None, ["inbox_a"], ["inbox_b", "inbox_a"], [])
    for wanted, asked in combinations((None, *kinds), choices):
        expected = sorted(
            each
            for (its_kind, its_box), ids in made.items()
            for each in ids
            if wanted in {None, its_kind} and (asked is None or its_box in asked)
        )
        found = await walk_events(product, limit=3, event_type=wanted, inbox_ids=asked)
        assert sorted(found) == expected, (wanted, asked)


async def test_a_test_takes_no_part_in_the_log_but_can_be_looked_up(product: Product) -> None:
    webhook = await product.webhook()
    attempt, _ = await product.endpoints.test(webhook.id)
    page = await events.list_after(product.store.reader, after=None, limit=9)
    assert page.items == []
    assert (await events.get(product.store.reader, attempt.event_id)).id == attempt.event_id


async def test_long_events_end_a_page_early(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await publish_many(product, 4, inbox_id="inbox_a")
    size = len((await events.get(product.store.reader, made[0])).body)
    monkeypatch.setattr(events, "PAGE_BYTES", 2 * size)
    page = await events.list_after(product.store.reader, after=None, limit=4)
    assert ([each.id for each in page.items], page.more) == (made[:2], True)
    monkeypatch.setattr(events, "PAGE_BYTES", 1)
    assert await walk_events(product, limit=4) == made


async def test_deliveries_of_events_are_counted_by_state(product: Product) -> None:
    await product.webhook()
    await product.webhook()

    def publish_and_settle(tx: Tx) -> str:
        published = product.publisher.publish(tx, "message.received", {})
        product.settling.record(tx, [settlement(published.fresh[0])], 1)
        return published.event.id

    identifier = await product.store.writer.write(publish_and_settle)
    event = await events.get(product.store.reader, identifier)
    counts = await events.count_deliveries(product.store.reader, [event])
    assert counts == {event.seq: {"delivered": 1, "pending": 1}}
    assert await events.count_deliveries(product.store.reader, []) == {}
    with pytest.raises(NotFound):
        await events.get(product.store.reader, "evt_none")


async def test_deliveries_are_filtered_and_paged(product: Product) -> None:
    one, two = await product.webhook(), await product.webhook()

    def publish_with_states(tx: Tx) -> None:
        for first, second in combinations(("pending", "failed", "delivered"), repeat=2):
            published = product.publisher.publish(tx, "message.received", {})
            done = zip(published.fresh, (first, second), strict=True)
            product.settling.record(tx, [settlement(each, state) for each, state in done], 1)

    await product.store.writer.write(publish_with_states)
    await product.store.writer.write(deliveries.cancel_pending, two.seq, 2**50, 1)
    reader = product.store.reader
    every = (await deliveries.list_page(reader, limit=100)).items
    assert [each.seq for each in every] == sorted((each.seq for each in every), reverse=True)
    assert len(every) == 18
    an_event = every[4].event_id
    for status, webhook, event, limit in combinations(
        (None, "pending", "failed", "delivered", "canceled"),
        (None, one.id, two.id, "wh_none"),
        (None, an_event, "evt_none"),
        (1, 2, 50),
    ):
        found = await walk(
            deliveries.list_page,
            reader,
            limit=limit,
            status=status,
            webhook_id=webhook,
            event_id=event,
        )
        assert found == [
            each.id
            for each in every
            if status in {None, each.status}
            and webhook in {None, each.webhook_id}
            and event in {None, each.event_id}
        ]


async def test_a_page_before_something_that_is_gone_continues_where_it_stood(
    product: Product,
) -> None:
    made = []
    for n in range(5):
        await product.clock.advance(1)
        made.append((await product.inboxes.create(None, f"box{n}@mail.example")).id)
    await product.store.writer.write(Tx.execute, "DELETE FROM inboxes WHERE id = ?", (made[2],))
    reader = product.store.reader
    page = await inboxes.list_page(reader, 9, made[2])
    assert [each.id for each in page.items] == [made[1], made[0]]
    assert (await inboxes.list_page(reader, 9, "inbox_")).items == []
    assert len((await inboxes.list_page(reader, 9, "zzz")).items) == 4


async def test_inboxes_and_webhooks_are_listed_newest_first(product: Product) -> None:
    hooks = [(await product.webhook()).id for _ in range(3)]
    boxes = [(await product.inboxes.create(f"n{n}", None)).id for n in range(3)]
    assert await walk(product.inboxes.page, 2) == boxes[::-1]
    assert await walk(product.endpoints.page, 2) == hooks[::-1]
    found = await webhooks.list_page(product.store.reader, 9, None)
    assert [each.id for each in found.items] == hooks[::-1]


async def test_messages_and_threads_are_listed_newest_first_and_by_bytes(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = product.intake()
    box = await product.inboxes.create(None, "ann@mail.example")
    other = await product.inboxes.create(None, "eve@mail.example")
    made = []
    for number in range(5):
        raw = mail(f"mail {number}", message_id=f"{number}@x", text=f"{number:04} " * 200)
        for address in ("ann@mail.example", "eve@mail.example"):
            stored = await intake.receive(await intake.prepare(raw), address, "b@x.example")
            made.append(stored.message_id)
    of_box, of_other = made[::2], made[1::2]
    reader = product.store.reader
    for limit in (1, 2, 5, 9):
        assert await walk(messages.list_page, reader, box.seq, limit) == of_box[::-1]
    (size,) = (await product.rows("SELECT content_size FROM messages LIMIT 1"))[0]
    monkeypatch.setattr(messages, "PAGE_BYTES", 2 * size + 10)
    page = await messages.list_page(reader, box.seq, 9, None)
    assert ([each.id for each in page.items], page.more) == (of_box[:2:-1], True)
    assert await walk(messages.list_page, reader, other.seq, 9) == of_other[::-1]
    assert await walk(threads.list_page, reader, box.seq, 2) == [
        (await messages.get(reader, box.id, each)).thread_id for each in of_box[::-1]
    ]
    assert (await messages.list_page(reader, 99, 9, None)).items == []
    assert (await threads.list_page(reader, 99, 9, None)).items == []


async def test_what_does_not_exist_is_not_found(product: Product) -> None:
    reader = product.store.reader
    for missing in (
        inboxes.get(reader, "inbox_none"),
        messages.get(reader, "inbox_none", "msg_none"),
        threads.get(reader, "inbox_none", "thread_none"),
        webhooks.get(reader, "wh_none"),
    ):
        with pytest.raises(NotFound):
            await missing
    with pytest.raises(NotFound):
        await product.store.writer.write(threads.touch, 7)
