"""Reports: what became of a mail is an event about it, and its status never goes back."""

from itertools import pairwise
from typing import Any

import pytest

from sendook_lite.domain.errors import Invalid, NotFound
from sendook_lite.domain.events import payload_of
from sendook_lite.domain.model import Inbox, Message, MessageContent
from sendook_lite.store import blobs, messages, threads
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.drafting import Wanted
from sendook_lite.usecases.publish import Published
from sendook_lite.usecases.reports import REPORTED_EVENTS, ReportedOutcome
from tests.fakes import START
from tests.usecases.product import Product, mail


def send(tx: Tx, box: Inbox, message_id: str | None = "out@mail.example") -> Message:
    """Store a mail as sending it would."""
    return messages.insert(
        tx,
        inbox=(box.seq, box.id),
        thread=threads.insert(tx, box.seq, "Sent"),
        blob_seq=blobs.put(tx, blobs.digest(b"raw"), b"raw"),
        direction="outbound",
        status="queued",
        external_message_id=message_id,
        content=MessageContent(from_address=box.email, to=("far@elsewhere.example",)),
    )


async def report(product: Product, event_type: str, **fields: Any) -> Published:
    outcome = ReportedOutcome(event_type, **fields)
    return await product.store.writer.write(product.reports.apply, outcome)


async def sent(product: Product) -> tuple[Inbox, Message]:
    box = await product.inboxes.create("Ann", "ann@mail.example")
    return box, await product.store.writer.write(send, box)


ORDER = ("message.sent", "message.rejected", "message.delivered", "message.bounced",
         "message.complained")  # fmt: skip


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(ORDER)))
async def test_a_status_never_goes_backwards(product: Product, earlier: str, later: str) -> None:
    box, message = await sent(product)
    reader = product.store.reader
    for event_type in (earlier, later, earlier):
        published = await report(product, event_type, message_id=message.id, recipient="f@x.y")
        assert (published.event.type, published.event.message_id) == (event_type, message.id)
    found = await messages.get(reader, box.id, message.id)
    assert found.status == later.removeprefix("message.")
    assert payload_of(published.event.body)["status"] == found.status


async def test_the_status_of_a_mail_that_came_in_is_not_touched(product: Product) -> None:
    box = await product.inboxes.create("Ann", "ann@mail.example")
    intake = product.intake()
    stored = await intake.receive(await intake.prepare(mail()), box.email, "b@x.example")
    await report(product, "message.complained", message_id=stored.message_id)
    found = await messages.get(product.store.reader, box.id, stored.message_id)
    assert found.status == "received"


@pytest.mark.parametrize(
    ("event_type", "fields", "detail"),
    [
        ("message.sent", {"status": "2.0.0"}, None),
        (
            "message.delivered",
            {"status": "2.0.0", "remote_mta": "mx.example", "diagnostic": "250 ok"},
            {
                "action": "delivered",
                "status": "2.0.0",
                "remoteMta": "mx.example",
                "diagnostic": "250 ok",
            },
        ),
        (
            "message.bounced",
            {"status": "5.1.1"},
            {"action": "failed", "status": "5.1.1", "permanent": True},
        ),
        (
            "message.bounced",
            {"status": "4.4.1"},
            {"action": "failed", "status": "4.4.1", "permanent": False},
        ),
        (
            "message.bounced",
            {"status": "4.4.1", "permanent": True},
            {"action": "failed", "status": "4.4.1", "permanent": True},
        ),
        ("message.rejected", {}, {"action": "failed", "permanent": True}),
        ("message.complained", {}, {"action": "complained"}),
    ],
)
async def test_the_payload_tells_what_became_of_the_mail(
    product: Product, event_type: str, fields: dict[str, Any], detail: dict[str, Any] | None
) -> None:
    _, message = await sent(product)
    published = await report(
        product, event_type, message_id=message.id, recipient="f@x.y", **fields
    )
    payload = payload_of(published.event.body)
    assert payload["id"] == message.id
    expected = detail and {
        **detail,
        "recipient": "f@x.y",
        "reportedAt": "2026-03-01T09:10:00.000Z",
    }
    assert payload.get("delivery") == expected


async def test_the_time_of_the_report_is_kept(product: Product) -> None:
    _, message = await sent(product)
    published = await report(
        product, "message.delivered", message_id=message.id, reported_at=START - 60_000
    )
    delivery = payload_of(published.event.body)["delivery"]
    assert delivery["reportedAt"] == "2026-03-01T09:09:00.000Z"


@pytest.mark.parametrize(
    "name", [{"envelope_id": None}, {"message_id_header": "<out@mail.example>"},
             {"message_id_header": " out@mail.example "}],
)  # fmt: skip
async def test_a_mail_may_be_named_by_envelope_or_header(
    product: Product, name: dict[str, str | None]
) -> None:
    box, message = await sent(product)
    fields = {key: value or message.id for key, value in name.items()}
    published = await report(product, "message.delivered", **fields)
    assert (published.event.message_id, published.event.inbox_id) == (message.id, box.id)


async def test_of_two_mails_with_one_header_the_one_we_sent_is_meant(product: Product) -> None:
    box, message = await sent(product)
    intake = product.intake()
    prepared = await intake.prepare(mail(message_id="out@mail.example"))
    await intake.receive(prepared, box.email, "b@x.example")
    published = await report(product, "message.bounced", message_id_header="out@mail.example")
    assert published.event.message_id == message.id


async def test_mail_that_was_not_sent_here_is_reported_with_its_addresses(
    product: Product,
) -> None:
    box = await product.inboxes.create("Ann", "ann@mail.example")
    for fields in ({}, {"message_id_header": "unknown@x"}):
        published = await report(
            product,
            "message.delivered",
            sender="Ann@mail.example",
            recipient="far@x.example",
            **fields,
        )
        payload = payload_of(published.event.body)
        assert (payload["from"], payload["to"]) == ("Ann@mail.example", ["far@x.example"])
        assert payload["delivery"]["action"] == "delivered"
        assert (published.event.inbox_id, published.event.message_id) == (box.id, None)
    stranger = await report(product, "message.sent", sender="who@x.y", recipient="f@x.y")
    assert stranger.event.inbox_id is None
    assert "delivery" not in payload_of(stranger.event.body)


@pytest.mark.parametrize(
    "fields",
    [
        {"message_id": "msg_unknown", "sender": "a@x.y", "recipient": "b@x.y"},
        {"envelope_id": "msg_unknown"},
        {"message_id_header": "unknown@x"},
        {"message_id_header": "unknown@x", "sender": "a@x.y"},
    ],
)
async def test_a_mail_that_is_named_and_unknown_is_not_found(
    product: Product, fields: dict[str, str]
) -> None:
    with pytest.raises(NotFound):
        await report(product, "message.delivered", **fields)
    assert await product.count("events") == 0


@pytest.mark.parametrize("fields", [{}, {"sender": "a@x.y"}, {"recipient": "b@x.y"}])
async def test_a_report_about_nothing_is_refused(product: Product, fields: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="name the mail by"):
        await report(product, "message.delivered", **fields)


async def test_a_report_about_mail_of_a_deleted_inbox_is_not_found(product: Product) -> None:
    box, message = await sent(product)
    await product.inboxes.delete(box.id)
    with pytest.raises(NotFound):
        await report(product, "message.delivered", message_id=message.id)


async def test_a_status_and_its_event_are_stored_together_or_not_at_all(product: Product) -> None:
    box, message = await sent(product)
    before = await product.count("events")

    def apply_and_break(tx: Tx) -> None:
        product.reports.apply(tx, ReportedOutcome("message.bounced", message_id=message.id))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await product.store.writer.write(apply_and_break)
    assert await product.count("events") == before
    assert (await messages.get(product.store.reader, box.id, message.id)).status == "queued"


def test_every_outcome_can_be_reported() -> None:
    assert set(REPORTED_EVENTS) == set(ORDER)


async def test_what_others_tell_of_a_recipient_is_kept_with_it(product: Product) -> None:
    box = await product.inboxes.create("Ann", "ann@mail.example")
    wanted = Wanted(to=("one@x.example", "two@x.example"), text="x")
    message = (await product.sending().send("key", box.id, wanted)).message
    await report(
        product, "message.bounced", message_id=message.id, recipient="One@X.example",
        status="5.1.1", diagnostic="550 no such user",
    )  # fmt: skip
    await report(
        product, "message.bounced", message_id=message.id, recipient="two@x.example", status="4.4.7"
    )
    now = await messages.get(product.store.reader, box.id, message.id)
    assert now.content.recipients == (
        {"address": "one@x.example", "status": "bounced", "detail": "550 no such user"},
        {"address": "two@x.example", "status": "bounced", "detail": "4.4.7"},
    )
    assert await product.rows("SELECT address, reason FROM suppressions") == [
        ("one@x.example", "bounced")
    ]
    await report(product, "message.complained", message_id=message.id, recipient="one@x.example")
    await report(
        product, "message.bounced", message_id=message.id, recipient="one@x.example", status="5.1.1"
    )
    assert await product.rows("SELECT address, reason FROM suppressions") == [
        ("one@x.example", "complained")
    ]
    now = await messages.get(product.store.reader, box.id, message.id)
    assert now.content.recipients[0]["status"] == "complained"
    assert (await product.submitting().due((), 5))[0] == []


async def test_the_header_of_a_mail_that_came_in_does_not_name_it(product: Product) -> None:
    """A log tells where another copy of it went."""
    box = await product.inboxes.create("Ann", "ann@mail.example")
    intake = product.intake()
    prepared = await intake.prepare(mail(message_id="in@x.example"))
    await intake.receive(prepared, box.email, "b@x.example")
    with pytest.raises(NotFound):
        await report(product, "message.delivered", message_id_header="in@x.example")
