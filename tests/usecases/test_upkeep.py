"""Upkeep: what was marked is finished in batches, may be interrupted, and takes nothing else."""

import asyncio
from typing import Any

import pytest

from sendook_lite.domain.errors import StoreFailed
from sendook_lite.store import blobs, messages, threads
from sendook_lite.store.tx import Tx
from sendook_lite.usecases import upkeep
from sendook_lite.usecases.intake import Stored
from sendook_lite.usecases.replay import ReplayRequest, Replays
from tests.fakes import FakeClock, RecordingFeed
from tests.usecases.product import Product, mail, settlement


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "BATCH_ROWS", 3)


async def receive(product: Product, recipient: str, number: int, **fields: Any) -> Stored:
    intake = product.intake()
    raw = mail(f"mail {number}", message_id=f"{number}@x", **fields)
    return await intake.receive(await intake.prepare(raw), recipient, "b@x.example")


async def publish_many(product: Product, count: int) -> None:
    def publish(tx: Tx) -> None:
        for _ in range(count):
            product.publisher.publish(tx, "message.received", {})

    await product.store.writer.write(publish)


async def rows_of_mail(product: Product) -> dict[str, int]:
    tables = ("messages", "threads", "thread_references", "blobs", "blob_chunks", "inboxes")
    return {table: await product.count(table) for table in tables}


async def test_with_nothing_to_do_nothing_is_done(product: Product) -> None:
    await product.upkeep.run()  # notes by which rules the search index is made
    assert await product.upkeep.run() == 0


async def test_it_ends_though_events_come_in_all_the_time(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    def come_in(tx: Tx) -> bool:
        product.publisher.publish(tx, "message.received", {})
        return False

    monkeypatch.setattr(upkeep, "_STEPS", (come_in, *upkeep._STEPS))
    async with asyncio.timeout(10):
        await product.upkeep.run()


async def test_a_deleted_inbox_goes_with_all_its_mail_and_nothing_of_others(
    product: Product,
) -> None:
    gone = await product.inboxes.create("Ann", "ann@mail.example")
    kept = await product.inboxes.create("Eve", "eve@mail.example")
    for number in range(8):
        await receive(product, "ann@mail.example", number)
    shared = await receive(product, "eve@mail.example", 0)
    answer = await receive(product, "eve@mail.example", 77, in_reply_to="0@x")
    await product.inboxes.delete(gone.id)
    assert await product.upkeep.run() > 8
    assert await rows_of_mail(product) == {
        "messages": 2,
        "threads": 1,
        "thread_references": 2,
        "blobs": 2,
        "blob_chunks": 2,
        "inboxes": 1,
    }
    reader = product.store.reader
    message = await messages.get(reader, kept.id, shared.message_id)
    blob = await messages.blob_of(reader, message)
    assert b"Subject: mail 0" in await blobs.read(reader, blob)
    thread = await threads.get(reader, kept.id, message.thread_id)
    assert thread.message_ids == (shared.message_id, answer.message_id)
    assert await product.upkeep.run() == 0


async def test_a_removal_that_was_interrupted_is_taken_up_again(product: Product) -> None:
    gone = await product.inboxes.create("Ann", "ann@mail.example")
    for number in range(8):
        await receive(product, "ann@mail.example", number)
    await product.inboxes.delete(gone.id)
    before = await product.count("messages")
    units = 0
    for step in (upkeep.remove_inbox, upkeep.remove_blob):
        while await product.store.writer.write(step):
            units += 1
            if units == 2:
                assert await product.count("messages") == before - 6
            # Whatever is left is found by whoever comes next.
            await product.store.writer.write(upkeep.remove_blob)
    assert set((await rows_of_mail(product)).values()) == {0}


async def test_long_mail_is_removed_in_smaller_batches(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await product.inboxes.create("Ann", "ann@mail.example")
    for number in range(3):
        await receive(product, "ann@mail.example", number, text="x" * 5000)
    await product.inboxes.delete(gone.id)
    monkeypatch.setattr(upkeep, "BATCH_BYTES", 1)
    await product.store.writer.write(upkeep.remove_inbox)
    assert await product.count("messages") == 2


async def test_raw_mail_that_comes_again_while_it_is_removed_is_stored_anew(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "CHUNK_BYTES", 100)
    monkeypatch.setattr(upkeep, "BATCH_BYTES", 200)
    gone = await product.inboxes.create("Ann", "ann@mail.example")
    await receive(product, "ann@mail.example", 1, text="x" * 1000)
    await product.inboxes.delete(gone.id)
    while await product.store.writer.write(upkeep.remove_inbox):
        pass
    await product.store.writer.write(upkeep.remove_blob)
    box = await product.inboxes.create("Ann", "ann@mail.example")
    stored = await receive(product, "ann@mail.example", 1, text="x" * 1000)
    await product.upkeep.run()
    reader = product.store.reader
    message = await messages.get(reader, box.id, stored.message_id)
    raw = await blobs.read(reader, await messages.blob_of(reader, message))
    assert raw == mail("mail 1", message_id="1@x", text="x" * 1000)
    assert await product.count("blobs") == 1


async def test_the_room_of_much_mail_is_given_back_to_the_disk(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BATCH_PAGES", 20)
    gone = await product.inboxes.create("Ann", "ann@mail.example")
    await receive(product, "ann@mail.example", 1, text="lorem ipsum " * 50_000)
    (pages,) = await product.rows("PRAGMA page_count")
    await product.upkeep.run()
    assert await product.rows("PRAGMA page_count") == [pages]
    await product.inboxes.delete(gone.id)
    await product.upkeep.run()
    ((left,),) = await product.rows("PRAGMA page_count")
    ((free,),) = await product.rows("PRAGMA freelist_count")
    assert left < pages[0] / 2
    assert free < 20 or 2 * free < left
    assert await product.rows("PRAGMA integrity_check") == [("ok",)]


async def test_a_deleted_webhook_goes_with_its_deliveries_and_attempts(product: Product) -> None:
    gone, kept = await product.webhook(), await product.webhook()
    await publish_many(product, 5)
    await product.endpoints.test(gone.id)

    def settle_all(tx: Tx) -> None:
        from sendook_lite.store import deliveries  # noqa: PLC0415 - only here

        for webhook in (gone, kept):
            due = deliveries.take_due(tx, webhook.seq, 2**50, 99, ()).deliveries
            product.settling.record(tx, [settlement(each, "pending") for each in due], 1)

    await product.store.writer.write(settle_all)
    await product.endpoints.delete(gone.id)
    await product.upkeep.run()
    assert await product.rows("SELECT DISTINCT webhook_seq FROM deliveries") == [(kept.seq,)]
    assert await product.rows("SELECT DISTINCT webhook_seq FROM attempts") == [(kept.seq,)]
    assert await product.rows("SELECT webhook_seq FROM webhook_secrets") == [(kept.seq,)]
    assert await product.rows("SELECT seq FROM webhooks") == [(kept.seq,)]
    assert await product.states() == ["pending"] * 5


async def test_a_deleted_webhook_goes_with_its_replays(product: Product) -> None:
    webhook = await product.webhook()
    replays = Replays(product.store, RecordingFeed(), FakeClock())
    await replays.start(webhook.id, ReplayRequest(0, None, None, "all"))
    await product.endpoints.delete(webhook.id)
    await product.upkeep.run()
    assert await product.count("replays") == 0
    assert await product.count("webhooks") == 0


async def test_a_webhook_deleted_while_its_deliveries_are_canceled_is_just_removed(
    product: Product,
) -> None:
    webhook = await product.webhook()
    await publish_many(product, 5)
    await product.endpoints.change(webhook.id, {"status": "disabled"})
    await product.store.writer.write(upkeep.cancel_deliveries)
    await product.endpoints.delete(webhook.id)
    assert not await product.store.writer.write(upkeep.cancel_deliveries)
    await product.upkeep.run()
    assert await product.count("deliveries") == 0
    assert await product.count("webhooks") == 0


async def test_canceling_survives_an_interruption_at_every_batch(product: Product) -> None:
    webhook = await product.webhook()
    await publish_many(product, 7)
    await product.endpoints.change(webhook.id, {"status": "disabled"})
    canceled = []
    while await product.store.writer.write(upkeep.cancel_deliveries):
        canceled.append((await product.states()).count("canceled"))
    assert canceled == [3, 6, 7]
    rows = await product.rows("SELECT DISTINCT due_at, generation FROM deliveries")
    assert rows == [(None, 1)]


async def test_a_webhook_disabled_again_while_canceling_is_owed_nothing(product: Product) -> None:
    webhook = await product.webhook()
    for status in ("disabled", "enabled", "disabled"):
        await publish_many(product, 4)
        await product.endpoints.change(webhook.id, {"status": status})
    await product.upkeep.run()
    # Four were owed at first, none while it was disabled, and four after it was enabled.
    assert await product.states() == ["canceled"] * 8


async def test_trying_to_write_tells_whether_the_store_works(product: Product) -> None:
    await product.upkeep.try_to_write()
    await product.upkeep.try_to_write()
    await product.store.writer.close()
    with pytest.raises(StoreFailed):
        await product.upkeep.try_to_write()
