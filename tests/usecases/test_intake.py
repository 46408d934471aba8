"""Intake: every mail that is taken is one message, one event and its deliveries, or nothing."""

import json
from typing import Any

import pytest

from sendook_lite.domain.errors import StoreFailed, Unavailable
from sendook_lite.domain.events import payload_of
from sendook_lite.store import blobs, deliveries, events, messages
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.intake import (
    DUPLICATE_WINDOW,
    DomainNotServed,
    Intake,
    Stored,
    UnknownRecipient,
    all_published,
)
from sendook_lite.usecases.prepared_mail import OFF_THE_LOOP
from tests.usecases.product import MAX_BODY_BYTES, Product, mail

ANN = "ann@mail.example"


async def receive(intake: Intake, raw: bytes, recipient: str = ANN, **sender: Any) -> Stored:
    prepared = await intake.prepare(raw)
    return await intake.receive(prepared, recipient, sender.get("sender", "bob@elsewhere.example"))


async def test_a_mail_becomes_a_message_an_event_and_a_delivery_for_each_subscriber(
    product: Product,
) -> None:
    box = await product.inboxes.create("Ann", ANN)
    await product.webhook(["message.received"])
    await product.webhook(["message.received"], inbox_ids=[box.id])
    await product.webhook(["message.received"], inbox_ids=["inbox_other"])
    await product.webhook(["message.sent"])
    raw = mail("Lunch?", message_id="1@x", text="At noon?\n")
    stored = await receive(product.intake(), raw)
    message = await messages.get(product.store.reader, box.id, stored.message_id)
    assert (message.content.subject, message.content.text) == ("Lunch?", "At noon?")
    assert message.content.to == (ANN,)
    assert message.content.envelope_from == "bob@elsewhere.example"
    assert (message.status, message.external_message_id) == ("received", "1@x")
    assert stored.event_id is not None
    event = await events.get(product.store.reader, stored.event_id)
    assert (event.type, event.inbox_id, event.message_id) == (
        "message.received", box.id, message.id,
    )  # fmt: skip
    assert payload_of(event.body)["subject"] == "Lunch?"
    assert [each.event_id for each in product.feed.offered] == [event.id, event.id]
    assert await product.states() == ["pending", "pending"]
    blob = await messages.blob_of(product.store.reader, message)
    assert await blobs.read(product.store.reader, blob) == raw


async def test_nothing_is_stored_when_a_later_step_fails(product: Product) -> None:
    await product.inboxes.create("Ann", ANN)
    await product.webhook()
    before = await product.count("events")
    intake = product.intake()
    prepared = await intake.prepare(mail(message_id="1@x"))

    def receive_and_break(tx: Tx) -> None:
        intake.receive_in(tx, prepared, ANN, None)
        assert tx.one("SELECT count(*) FROM messages") == (1,)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await product.store.writer.write(receive_and_break)
    assert await product.count("messages") == 0
    assert await product.count("events") == before
    assert await product.states() == []
    for table in ("threads", "thread_references", "blobs", "blob_chunks"):
        assert await product.count(table) == 0


async def test_nothing_is_announced_that_is_not_stored(product: Product) -> None:
    await product.inboxes.create("Ann", ANN)
    await product.webhook()
    product.feed.offered.clear()
    await product.store.writer.write(Tx.execute, "PRAGMA max_page_count = 1")
    with pytest.raises(StoreFailed, match="full"):
        await receive(product.intake(), mail(text="x" * 200_000))
    assert product.feed.offered == []
    assert await product.count("messages") == 0


async def test_the_same_bytes_for_the_same_inbox_are_a_duplicate_for_seven_days(
    product: Product,
) -> None:
    await product.inboxes.create("Ann", ANN)
    await product.inboxes.create("Eve", "eve@mail.example")
    intake = product.intake()
    first = await receive(intake, mail("one"))
    assert not first.duplicate
    again = await receive(intake, mail("one"))
    assert again == Stored(first.message_id, None, duplicate=True)
    assert not (await receive(intake, mail("two"))).duplicate
    assert not (await receive(intake, mail("one"), "eve@mail.example")).duplicate
    product.clock.wall += DUPLICATE_WINDOW
    assert (await receive(intake, mail("one"))).duplicate
    product.clock.wall += 1
    late = await receive(intake, mail("one"))
    assert not late.duplicate
    assert late.message_id != first.message_id
    assert await product.count("blobs") == 2


async def test_the_same_mail_for_two_details_of_an_inbox_is_one(product: Product) -> None:
    await product.inboxes.create("Ann", ANN)
    intake = product.intake()
    assert not (await receive(intake, mail(), "ann+news@mail.example")).duplicate
    assert (await receive(intake, mail(), "Ann+shop@MAIL.example")).duplicate


async def test_an_inbox_made_anew_does_not_know_the_mail_of_the_former(product: Product) -> None:
    box = await product.inboxes.create("Ann", ANN)
    intake = product.intake()
    await receive(intake, mail())
    await product.inboxes.delete(box.id)
    await product.inboxes.create("Ann", ANN)
    assert not (await receive(intake, mail())).duplicate


ACCEPTED = ("ann@mail.example", "ANN@Mail.Example", "ann+tag@mail.example", "<ann@mail.example>")


@pytest.mark.parametrize("recipient", ACCEPTED)
async def test_addresses_compare_without_case_and_detail(product: Product, recipient: str) -> None:
    box = await product.inboxes.create("Ann", ANN)
    intake = product.intake()
    await intake.judge_recipient(recipient)
    stored = await receive(intake, mail(), recipient)
    message = await messages.get(product.store.reader, box.id, stored.message_id)
    assert message.content.to[0] == ANN


REFUSED = [
    ("eve@mail.example", {}, UnknownRecipient),
    ("ann@other.example", {}, DomainNotServed),
    ("ann", {}, DomainNotServed),
    ("", {}, DomainNotServed),
    ("bounces+token@mail.example", {"catch_all": ANN}, UnknownRecipient),
    ("bounces@mail.example", {"unknown_recipients": "create"}, UnknownRecipient),
    ("eve@mail.example", {"unknown_recipients": "create", "create_per_hour": 0}, UnknownRecipient),
    ("eve@mail.example", {"catch_all": "nobody@mail.example"}, UnknownRecipient),
    ("eve@other.example", {"catch_all": ANN, "unknown_recipients": "create"}, DomainNotServed),
]


@pytest.mark.parametrize(("recipient", "rules", "error"), REFUSED)
async def test_mail_for_nobody_is_refused_when_asked_and_when_it_comes(
    product: Product, recipient: str, rules: dict[str, Any], error: type[Exception]
) -> None:
    await product.inboxes.create("Ann", ANN)
    intake = product.intake(**rules)
    with pytest.raises(error):
        await intake.judge_recipient(recipient)
    with pytest.raises(error):
        await receive(intake, mail(), recipient)
    assert await product.count("messages") == 0


@pytest.mark.parametrize("recipient", ["eve@mail.example", "x+y@second.example"])
async def test_a_catch_all_takes_what_nobody_else_does(product: Product, recipient: str) -> None:
    box = await product.inboxes.create("Ann", ANN)
    intake = product.intake(catch_all="Ann@mail.example")
    await intake.judge_recipient(recipient)
    stored = await receive(intake, mail(), recipient)
    assert (await messages.get(product.store.reader, box.id, stored.message_id)).inbox_id == box.id


async def test_unknown_recipients_get_an_inbox_so_many_times_an_hour(product: Product) -> None:
    await product.webhook(["inbox.created", "message.received"])
    intake = product.intake(unknown_recipients="create", create_per_hour=2)
    for number in (1, 2):
        address = f"new{number}+tag@mail.example"
        await intake.judge_recipient(address)
        stored = await receive(intake, mail(), address)
        assert [each.event.type for each in stored.published] == [
            "inbox.created",
            "message.received",
        ]
        assert len(all_published([stored, stored])) == 4
    assert [each.event_type for each in product.feed.offered] == [
        "inbox.created", "message.received", "inbox.created", "message.received",
    ]  # fmt: skip
    with pytest.raises(UnknownRecipient):
        await intake.judge_recipient("new3@mail.example")
    with pytest.raises(UnknownRecipient):
        await receive(intake, mail(), "new3@mail.example")
    await intake.judge_recipient("new1@mail.example")
    product.clock.wall += 3600 * 1000
    await receive(intake, mail(), "new3@mail.example")
    page = await product.inboxes.page(9, None)
    assert sorted(box.email for box in page.items) == [
        "new1@mail.example", "new2@mail.example", "new3@mail.example",
    ]  # fmt: skip


async def test_inboxes_that_could_not_be_stored_do_not_count(product: Product) -> None:
    intake = product.intake(unknown_recipients="create", create_per_hour=1)
    await product.store.writer.write(Tx.execute, "PRAGMA max_page_count = 1")
    for _ in range(3):
        with pytest.raises(StoreFailed):
            await receive(intake, mail(text="x" * 200_000), "new@mail.example")
    await product.store.writer.write(Tx.execute, "PRAGMA max_page_count = 100000")
    assert (await receive(intake, mail(), "new@mail.example")).event_id is not None


async def test_a_full_disk_closes_the_door_before_anything_is_looked_up(product: Product) -> None:
    product.no_room = Unavailable("disk_nearly_full", "the disk is nearly full")
    intake = product.intake()
    with pytest.raises(Unavailable):
        await intake.judge_recipient(ANN)
    with pytest.raises(Unavailable):
        await receive(intake, mail())


@pytest.mark.parametrize("sender", [None, ""])
async def test_mail_from_the_null_sender_is_kept_and_flagged(
    product: Product, sender: str | None
) -> None:
    box = await product.inboxes.create("Ann", ANN)
    stored = await receive(product.intake(), mail(), sender=sender)
    message = await messages.get(product.store.reader, box.id, stored.message_id)
    assert message.content.auto_submitted
    assert message.content.envelope_from is None


@pytest.mark.parametrize("raw", [b"", b"\x00\xff\r\n\r\n\xff", b"From: \xff\n\nx", b"x" * 70_000])
async def test_whatever_comes_is_stored(product: Product, raw: bytes) -> None:
    box = await product.inboxes.create("Ann", ANN)
    stored = await receive(product.intake(), raw)
    message = await messages.get(product.store.reader, box.id, stored.message_id)
    blob = await messages.blob_of(product.store.reader, message)
    assert await blobs.read(product.store.reader, blob) == raw


async def test_a_long_mail_is_stored_whole_and_its_webhook_body_is_cut(product: Product) -> None:
    box = await product.inboxes.create("Ann", ANN)
    await product.webhook()
    text = "".join(f"line {number}: lorem ipsum\n" for number in range(20_000))
    raw = mail(text=text)
    assert len(raw) > OFF_THE_LOOP
    stored = await receive(product.intake(), raw)
    message = await messages.get(product.store.reader, box.id, stored.message_id)
    assert len(message.content.full_text) > 400_000
    body = product.feed.offered[-1].body
    assert len(body) <= MAX_BODY_BYTES
    payload = json.loads(body)["payload"]
    assert payload["truncated"] is True
    assert message.content.full_text.startswith(payload["fullText"])
    blob = await messages.blob_of(product.store.reader, message)
    assert await blobs.read(product.store.reader, blob) == raw
    assert await product.count("blob_chunks") == len(raw) // blobs.CHUNK_BYTES + 1


async def test_raw_mail_is_kept_once_for_all_its_recipients(product: Product) -> None:
    await product.inboxes.create("Ann", ANN)
    await product.inboxes.create("Eve", "eve@mail.example")
    intake = product.intake()
    await receive(intake, mail())
    await receive(intake, mail(), "eve@mail.example")
    assert await product.count("messages") == 2
    assert await product.count("blobs") == 1


async def test_a_fresh_delivery_is_due_by_the_clock_of_the_scheduler(product: Product) -> None:
    await product.inboxes.create("Ann", ANN)
    webhook = await product.webhook()
    product.feed.time = 12_345
    await receive(product.intake(), mail())
    due = await product.store.writer.write(deliveries.first_due, webhook.seq)
    assert due == 12_345
