"""Retention: what is too old goes, in small units of work, and nothing that is still needed."""

import asyncio
from typing import Any

import pytest

from sendook_lite.domain.clock import MS_PER_SECOND
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.model import Webhook
from sendook_lite.store import (
    blobs,
    deliveries,
    events,
    idempotent_requests,
    meta,
    purge,
    removal,
    settling,
    threads,
)
from sendook_lite.store.idempotent_requests import KeptRequest, RequestKey
from sendook_lite.store.tx import Tx
from sendook_lite.usecases import retention, upkeep
from sendook_lite.usecases.retention import SWEEP_SECONDS, Ages, Retention
from sendook_lite.usecases.turns import MAX_PAUSE, SHARE, Turns
from tests.fakes import START, FakeClock
from tests.usecases.product import Product, mail, settlement

DAY = 24 * 3600
MONTH = Ages(events=30 * DAY, messages=30 * DAY)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH_ROWS", 5)


def kept_for(product: Product, ages: Ages = MONTH) -> Retention:
    return Retention(Turns(product.store.writer, product.clock), product.clock, ages)


async def publish(product: Product, count: int, payload: str = "") -> None:
    def work(tx: Tx) -> None:
        for _ in range(count):
            product.publisher.publish(tx, "message.received", {"text": payload})

    await product.store.writer.write(work)


async def settle(product: Product, webhook: Webhook, state: str, count: int = 99) -> None:
    """Let one attempt end for what a webhook is owed; ``pending`` ones are retried for ever."""

    def work(tx: Tx) -> None:
        due = deliveries.take_due(tx, webhook.seq, 2**50, count, ()).deliveries
        settling.settle(tx, [settlement(each, state) for each in due], 1)

    await product.store.writer.write(work)


async def receive(product: Product, number: int, recipient: str, **fields: Any) -> str:
    intake = product.intake()
    raw = mail(f"mail {number}", message_id=f"{number}@x", **fields)
    stored = await intake.receive(await intake.prepare(raw), recipient, "b@x.example")
    return stored.message_id


async def counts(product: Product, *tables: str) -> list[int]:
    return [await product.count(table) for table in tables]


LOG = ("events", "deliveries", "attempts")
MAIL = ("messages", "threads", "thread_references", "blobs", "blob_chunks")


async def test_old_events_go_with_all_that_was_recorded_and_newer_ones_stay(
    product: Product,
) -> None:
    webhook = await product.webhook()
    await publish(product, 12)
    await settle(product, webhook, "delivered")
    await product.endpoints.test(webhook.id)
    await product.clock.advance(29 * DAY)
    await publish(product, 3)
    await settle(product, webhook, "failed")
    await kept_for(product).sweep()
    assert await counts(product, *LOG) == [16, 16, 16]
    await product.clock.advance(DAY + 1)
    await kept_for(product).sweep()
    assert await counts(product, *LOG) == [3, 3, 3]
    assert await product.states() == ["failed"] * 3
    assert await product.rows("PRAGMA foreign_key_check") == []


async def test_what_is_exactly_as_old_as_allowed_stays(product: Product) -> None:
    await publish(product, 1)
    await product.clock.advance(30 * DAY)
    await kept_for(product).sweep()
    assert await counts(product, "events") == [1]
    product.clock.wall += 1
    await kept_for(product).sweep()
    assert await counts(product, "events") == [0]


async def test_an_event_that_is_owed_stays_whole_until_it_is_settled(product: Product) -> None:
    slow, quick = await product.webhook(), await product.webhook()
    await publish(product, 7)
    await settle(product, quick, "delivered")
    await settle(product, slow, "pending")  # attempted once, to be retried
    await settle(product, slow, "delivered", count=3)
    await product.clock.advance(31 * DAY)
    await kept_for(product).sweep()
    assert await counts(product, *LOG) == [4, 8, 8]
    assert (await product.states()).count("pending") == 4
    await settle(product, slow, "failed")
    await kept_for(product).sweep()
    assert await counts(product, *LOG) == [0, 0, 0]


async def test_an_event_behind_many_that_are_owed_is_found(product: Product) -> None:
    webhook = await product.webhook()
    await publish(product, 40)
    await product.endpoints.change(webhook.id, {"events": ["inbox.created"]})
    await publish(product, 4)
    await product.clock.advance(31 * DAY)
    await kept_for(product).sweep()
    assert await counts(product, "events") == [40]


async def test_an_event_of_more_rows_than_a_unit_takes_several(product: Product) -> None:
    for _ in range(13):
        webhook = await product.webhook()
    await publish(product, 2)
    await settle(product, webhook, "delivered")
    for each in await product.rows("SELECT id FROM webhooks"):
        await product.endpoints.change(each[0], {"status": "disabled"})
    await product.upkeep.run()
    await product.clock.advance(31 * DAY)
    place: purge.Place | None = purge.OLDEST
    before, left = product.clock.now() - DAY, []
    while place is not None:
        place = await product.store.writer.write(purge.remove_events, before, place, 5, 10**6)
        left.append(sum(await counts(product, *LOG)))
    steps = [earlier - later for earlier, later in zip([30, *left], left, strict=False)]
    assert left[-1] == 0
    assert max(steps) <= 5


async def test_a_delivery_retried_by_hand_ever_so_often_takes_several_units(
    product: Product,
) -> None:
    webhook = await product.webhook()
    await publish(product, 1)
    for _ in range(12):
        await settle(product, webhook, "pending")
    await settle(product, webhook, "delivered")
    await product.clock.advance(31 * DAY)
    before = product.clock.now() - DAY
    unit = product.store.writer.write
    assert await unit(purge.remove_events, before, purge.OLDEST, 5, 10**6) == purge.OLDEST
    assert await counts(product, *LOG) == [1, 1, 8]
    await kept_for(product).sweep()
    assert await counts(product, *LOG) == [0, 0, 0]


async def test_long_events_go_in_smaller_units(product: Product) -> None:
    await publish(product, 4, "x" * 3000)
    await product.clock.advance(31 * DAY)
    before = product.clock.now() - DAY
    await product.store.writer.write(purge.remove_events, before, purge.OLDEST, 100, 5000)
    assert await counts(product, "events") == [2]


async def test_a_sweep_that_was_interrupted_is_taken_up_from_the_oldest(product: Product) -> None:
    webhook = await product.webhook()
    await publish(product, 9)
    await settle(product, webhook, "delivered")
    await product.clock.advance(31 * DAY)
    before = product.clock.now() - DAY
    await product.store.writer.write(purge.remove_events, before, purge.OLDEST, 4, 10**6)
    # The first is gone, of the second only the attempt.
    assert await counts(product, *LOG) == [8, 8, 7]
    await kept_for(product).sweep()
    assert await counts(product, *LOG) == [0, 0, 0]


async def test_a_reader_that_was_away_starts_at_the_oldest_event_that_is_left(
    product: Product,
) -> None:
    await publish(product, 2)
    (first, _) = (await events.list_after(product.store.reader, after=None, limit=9)).items
    await product.clock.advance(31 * DAY)
    await publish(product, 2)
    await kept_for(product).sweep()
    assert not await events.exists(product.store.reader, first.id)
    page = await events.list_after(product.store.reader, after=first.id, limit=9)
    assert len(page.items) == 2


async def test_keys_of_the_event_socket_and_statistics_go_with_their_time(product: Product) -> None:
    def note(tx: Tx, name: str) -> None:
        for number in range(8):
            events.keep_answers(tx, {f"{name}{number}": "{}"})
            tx.execute(
                "INSERT INTO webhook_hours (webhook_seq, hour) VALUES (?, ?)", (number, tx.now)
            )

    await product.store.writer.write(note, "old")
    await product.clock.advance(31 * DAY)
    await product.store.writer.write(note, "new")
    await kept_for(product).sweep()
    assert await counts(product, "event_keys", "webhook_hours") == [8, 8]
    assert await product.rows("SELECT 1 FROM event_keys WHERE key LIKE 'old%'") == []
    assert await product.rows("SELECT 1 FROM webhook_hours WHERE hour = ?", (START,)) == []


async def test_nothing_goes_that_is_kept_for_ever(product: Product) -> None:
    await product.inboxes.create("Ann", "ann@mail.example")
    await receive(product, 1, "ann@mail.example")
    await product.store.writer.write(events.keep_answers, {"key": "{}"})
    tables = ("events", "messages", "event_keys")
    before = await counts(product, *tables)
    await product.clock.advance(10_000 * DAY)
    await kept_for(product, Ages(0, 0)).sweep()
    assert await counts(product, *tables) == before


async def test_old_messages_go_with_their_threads_and_raw_mail(product: Product) -> None:
    await product.inboxes.create("Ann", "ann@mail.example")
    for number in range(8):
        await receive(product, number, "ann@mail.example")
    await product.clock.advance(31 * DAY)
    await kept_for(product, Ages(0, 30 * DAY)).sweep()
    await product.upkeep.run()
    assert await counts(product, *MAIL) == [0] * len(MAIL)
    assert await counts(product, "inboxes") == [1]
    assert await product.count("events") > 0


async def test_a_thread_outlives_its_old_messages_and_is_still_found(product: Product) -> None:
    inbox = await product.inboxes.create("Ann", "ann@mail.example")
    await receive(product, 1, "ann@mail.example")
    await product.clock.advance(31 * DAY)
    second = await receive(product, 2, "ann@mail.example", in_reply_to="1@x")
    await kept_for(product).sweep()
    (thread,) = (await threads.list_page(product.store.reader, inbox.seq, 9, None)).items
    assert thread.message_ids == (second,)
    third = await receive(product, 3, "ann@mail.example", in_reply_to="1@x")
    thread = await threads.get(product.store.reader, inbox.id, thread.id)
    assert thread.message_ids == (second, third)


async def test_raw_mail_that_a_newer_message_shares_stays(product: Product) -> None:
    for name in ("ann", "eve"):
        await product.inboxes.create(name, f"{name}@mail.example")
    await receive(product, 1, "ann@mail.example")
    await product.clock.advance(31 * DAY)
    await receive(product, 1, "eve@mail.example")
    await kept_for(product).sweep()
    await product.upkeep.run()
    assert await counts(product, "messages", "threads", "blobs") == [1, 1, 1]
    ((seq,),) = await product.rows("SELECT blob_seq FROM messages")
    assert b"Subject: mail 1" in await blobs.read(product.store.reader, seq)


async def test_what_leads_to_a_thread_goes_in_batches_after_its_last_message(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BATCH_ROWS", 5)
    await product.inboxes.create("Ann", "ann@mail.example")
    await receive(product, 1, "ann@mail.example", references=[f"r{n}@x" for n in range(11)])
    await product.clock.advance(31 * DAY)
    before, left = product.clock.now() - DAY, []
    assert await product.store.writer.write(removal.remove_old, before, 5, 10**6)
    while await product.store.writer.write(upkeep.remove_threads):
        left.append(await counts(product, "messages", "threads", "thread_references"))
    assert left == [[0, 1, 7], [0, 1, 2], [0, 0, 0]]


async def test_long_messages_go_in_smaller_units(product: Product) -> None:
    await product.inboxes.create("Ann", "ann@mail.example")
    for number in range(3):
        await receive(product, number, "ann@mail.example", text="x" * 5000)
    await product.clock.advance(31 * DAY)
    before = product.clock.now() - DAY
    assert await product.store.writer.write(removal.remove_old, before, 100, 1)
    assert await product.count("messages") == 2


async def test_idempotent_requests_are_forgotten_after_a_day(product: Product) -> None:
    def note(tx: Tx, name: str) -> None:
        for number in range(7):
            answer = KeptRequest(b"", None, 200, b"x" * 400_000)
            idempotent_requests.keep(tx, RequestKey("operator", f"{name}{number}"), answer)

    await product.store.writer.write(note, "old")
    await product.clock.advance(DAY)
    await product.store.writer.write(note, "new")
    await kept_for(product, Ages(0, 0)).sweep()
    assert await product.count("idempotent_requests") == 14
    product.clock.wall += 1
    before = product.clock.now() - DAY * MS_PER_SECOND
    unit = product.store.writer.write
    assert await unit(purge.remove_idempotent_requests, before, 5, 10**6)
    assert await product.count("idempotent_requests") == 12
    await kept_for(product, Ages(0, 0)).sweep()
    assert await product.count("idempotent_requests") == 7


async def test_the_more_of_the_file_is_free_the_fewer_pages_are_given_back_at_a_time(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(product, 100, "x" * 20_000)
    await product.clock.advance(31 * DAY)
    await kept_for(product).sweep()
    ((before,),) = await product.rows("PRAGMA page_count")
    assert await product.store.writer.write(meta.give_back_pages, 20)
    assert await product.rows("PRAGMA page_count") == [(before - 20,)]
    monkeypatch.setattr(meta, "_SEARCHED", 1)
    assert await product.store.writer.write(meta.give_back_pages, 20)
    assert await product.rows("PRAGMA page_count") == [(before - 21,)]


async def test_it_sweeps_every_minute_and_goes_on_after_the_store_failed(product: Product) -> None:
    class FailingOnce(Turns):
        failed = False

        async def take(self, *args: Any, **kwargs: Any) -> Any:
            if not self.failed:
                self.failed = True
                raise StoreFailed("full")
            return await super().take(*args, **kwargs)

    await publish(product, 3)
    await product.clock.advance(31 * DAY)
    turns = FailingOnce(product.store.writer, product.clock)
    running = asyncio.create_task(Retention(turns, product.clock, MONTH).run())
    await product.clock.settle()
    await product.clock.advance(SWEEP_SECONDS)
    assert turns.failed
    assert await counts(product, "events") == [3]
    await product.clock.advance(SWEEP_SECONDS)
    async with asyncio.timeout(5):
        while await product.count("events"):  # noqa: ASYNC110 - written on another thread
            await asyncio.sleep(0.001)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(("taken", "pause"), [(0.01, 0.04), (0.1, 0.4), (30.0, MAX_PAUSE)])
async def test_after_its_turn_background_work_leaves_the_writer_to_others(
    product: Product, taken: float, pause: float
) -> None:
    class Measured(FakeClock):
        slept: float | None = None

        def monotonic(self) -> float:
            self.elapsed += taken
            return self.elapsed

        async def sleep(self, seconds: float) -> None:
            self.slept = seconds

    clock = Measured()
    assert await Turns(product.store.writer, clock).take(lambda tx: tx.now) == product.clock.now()
    assert clock.slept == pytest.approx(pause)
    assert taken / (taken + pause) <= SHARE + 0.001 or pause == MAX_PAUSE


async def test_all_background_work_together_takes_one_turn_at_a_time(product: Product) -> None:
    class Gated(FakeClock):
        def __init__(self) -> None:
            super().__init__()
            self.sleeping, self.go = asyncio.Event(), asyncio.Event()

        def monotonic(self) -> float:
            self.elapsed += 0.001
            return self.elapsed

        async def sleep(self, seconds: float) -> None:
            assert seconds > 0
            self.sleeping.set()
            await self.go.wait()

    clock = Gated()
    turns = Turns(product.store.writer, clock)
    done: list[int] = []
    both = [asyncio.create_task(turns.take(lambda _: done.append(1))) for _ in range(2)]
    await clock.sleeping.wait()
    await product.store.writer.write(lambda tx: tx.now)  # others may
    assert done == [1]
    clock.go.set()
    await asyncio.gather(*both)
    assert done == [1, 1]
