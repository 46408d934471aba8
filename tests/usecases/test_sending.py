"""Sending: what is accepted is a mail, its recipients and their timers, or nothing at all."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from sendook_lite.domain.compose import File
from sendook_lite.domain.errors import Invalid, NotFound
from sendook_lite.domain.model import Inbox, Message
from sendook_lite.domain.submission import GIVE_UP_AFTER_MS
from sendook_lite.store import blobs, messages, suppressions
from sendook_lite.usecases.drafting import Wanted
from sendook_lite.usecases.send_limit import TooManySends
from sendook_lite.usecases.sending import COMPOSED_OFF_LOOP, Accepted, RelayNotConfigured
from tests.fakes import START
from tests.usecases.product import TOKENS, Product, mail

ANN = "ann@mail.example"
FAR = "far@elsewhere.example"


async def ann(product: Product) -> Inbox:
    return await product.inboxes.create("Ann", ANN)


async def send(product: Product, box: Inbox, **wanted: Any) -> Accepted:
    fields = {"to": (FAR,), "text": "Hello.", **wanted}
    return await product.sending().send("key_1", box.id, Wanted(**fields))


async def raw_of(product: Product, message: Message) -> bytes:
    reader = product.store.reader
    return await blobs.read(reader, await messages.blob_of(reader, message))


async def written(product: Product, message: Message) -> EmailMessage:
    read = message_from_bytes(await raw_of(product, message), policy=default)
    assert isinstance(read, EmailMessage)
    return read


async def receive(product: Product, raw: bytes, sender: str = "bob@elsewhere.example") -> Message:
    intake = product.intake()
    stored = await intake.receive(await intake.prepare(raw), ANN, sender)
    rows = await product.rows("SELECT id FROM inboxes WHERE address = ?", (ANN,))
    return await messages.get(product.store.reader, rows[0][0], stored.message_id)


async def test_a_mail_is_stored_with_its_bytes_and_a_timer_for_each_recipient(
    product: Product,
) -> None:
    box = await ann(product)
    accepted = await send(
        product,
        box,
        to=(FAR, "second@elsewhere.example"),
        cc=("FAR@elsewhere.example",),
        bcc=("hidden@elsewhere.example",),
        subject="Hi",
        labels=("a", "b"),
    )
    message = accepted.message
    assert (message.direction, message.status) == ("outbound", "queued")
    assert message.content.recipients == (
        {"address": FAR, "status": "queued"},
        {"address": "second@elsewhere.example", "status": "queued"},
        {"address": "hidden@elsewhere.example", "status": "queued"},
    )
    assert message.content.bcc == ("hidden@elsewhere.example",)
    assert message.content.labels == ("a", "b")
    raw = await raw_of(product, message)
    assert b"hidden" not in raw
    assert TOKENS.read_message_id(message.external_message_id) == message.id
    assert f"<{message.external_message_id}>".encode() in raw
    rows = await product.rows("SELECT due_at, expires_at FROM submissions")
    assert set(rows) == {(START, START + GIVE_UP_AFTER_MS)}
    assert product.accepted == 1
    assert await product.bodies("message.sent") == []


async def test_without_a_relay_nothing_is_stored(product: Product) -> None:
    box = await ann(product)
    with pytest.raises(RelayNotConfigured) as caught:
        await product.sending(relay=False).send("key_1", box.id, Wanted(to=(FAR,), text="x"))
    assert caught.value.code == "relay_not_configured"
    for table in ("messages", "submissions", "sent_hours", "blobs"):
        assert await product.count(table) == 0


async def test_the_missing_one_of_text_and_html_is_made_of_the_other(product: Product) -> None:
    box = await ann(product)
    plain = (await send(product, box, text="One & two\nthree\n\nfour")).message
    assert plain.content.html == "<p>One &amp; two<br>three</p>\n<p>four</p>\n"
    marked = (await send(product, box, text="", html="<p>Hello <b>Bob</b></p>")).message
    assert marked.content.text == "Hello Bob"
    parts = [part.get_content_type() for part in (await written(product, marked)).walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]


async def test_attachments_are_found_again_in_the_stored_mail(product: Product) -> None:
    box = await ann(product)
    files = (File("Märzrechnung.pdf", "application/pdf", b"%PDF\0\r\n.\r\n"),)
    message = (await send(product, box, attachments=files)).message
    (info,) = message.content.attachments
    assert (info.name, info.content_type, info.size) == ("Märzrechnung.pdf", "application/pdf", 10)
    (part,) = (await written(product, message)).iter_attachments()
    assert part.get_content() == files[0].content
    assert part.get_filename() == "Märzrechnung.pdf"


async def test_a_long_mail_is_composed_like_a_short_one(product: Product) -> None:
    box = await ann(product)
    message = (await send(product, box, text="x" * COMPOSED_OFF_LOOP + "y")).message
    body = (await written(product, message)).get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "x" * COMPOSED_OFF_LOOP + "y"


async def test_a_suppressed_recipient_is_rejected_and_the_others_are_not(
    product: Product,
) -> None:
    box = await ann(product)
    await product.store.writer.write(suppressions.add, FAR, "complained", "msg_old")
    message = (await send(product, box, to=("Far@Elsewhere.example", "ok@x.example"))).message
    assert [each["status"] for each in message.content.recipients] == ["rejected", "queued"]
    (payload,) = await product.bodies("message.rejected")
    assert payload["delivery"]["recipient"] == "Far@Elsewhere.example"
    assert payload["delivery"]["permanent"] is True
    assert "suppression list" in payload["delivery"]["diagnostic"]
    due, _ = await product.submitting().due((), 5)
    assert [each.recipient for each in due[0].recipients] == ["ok@x.example"]


async def test_a_key_may_send_so_many_mails_an_hour(product: Product) -> None:
    box = await ann(product)
    sending = product.sending(sends_per_hour=2)
    wanted = Wanted(to=(FAR,), text="x")
    left = [(await sending.send("key_1", box.id, wanted)).allowance for _ in range(2)]
    assert [each.remaining for each in left if each] == [1, 0]
    with pytest.raises(TooManySends) as caught:
        await sending.send("key_1", box.id, wanted)
    # It is 09:10.
    assert caught.value.retry_after == 50 * 60
    await sending.send("key_2", box.id, wanted)
    assert await product.count("messages") == 3
    await product.clock.advance(50 * 60)
    await sending.send("key_1", box.id, wanted)


async def test_a_reply_goes_back_in_the_same_thread(product: Product) -> None:
    box = await ann(product)
    original = await receive(
        product, mail("Lunch?", message_id="2@x", in_reply_to="1@x", references=["0@x", "1@x"])
    )
    wanted = Wanted(text="Yes.")
    reply = (await product.sending().reply("key_1", box.id, original.id, wanted)).message
    assert reply.thread_id == original.thread_id
    assert reply.content.to == ("bob@elsewhere.example",)
    assert reply.content.subject == "Re: Lunch?"
    sent = await written(product, reply)
    assert sent["In-Reply-To"] == "<2@x>"
    assert sent["References"] == "<0@x> <1@x> <2@x>"
    again = (await product.sending().reply("key_1", box.id, reply.id, wanted)).message
    assert again.content.to == ("bob@elsewhere.example",)
    assert again.content.subject == "Re: Lunch?"
    assert again.thread_id == original.thread_id


async def test_a_reply_to_a_mail_without_an_id_still_stays_in_its_thread(
    product: Product,
) -> None:
    box = await ann(product)
    original = await receive(product, mail("No id"))
    reply = await product.sending().reply("key_1", box.id, original.id, Wanted(text="x"))
    assert reply.message.thread_id == original.thread_id
    assert (await written(product, reply.message))["In-Reply-To"] is None


async def test_a_reply_obeys_reply_to_and_may_go_to_everybody(product: Product) -> None:
    box = await ann(product)
    raw = (
        b"From: Bob <bob@elsewhere.example>\r\nReply-To: list@elsewhere.example\r\n"
        b"To: Ann <ANN@mail.example>, Eve <eve@x.example>\r\n"
        b"Cc: dan@x.example, bob@elsewhere.example, list@elsewhere.example\r\n"
        b"Subject: RE: x\r\n\r\nHi\r\n"
    )
    original = await receive(product, raw)
    sending = product.sending()
    single = await sending.reply("key_1", box.id, original.id, Wanted(text="x"))
    assert single.message.content.to == ("list@elsewhere.example",)
    assert single.message.content.subject == "RE: x"
    assert single.message.content.cc == ()
    everybody = await sending.reply("key_1", box.id, original.id, Wanted(text="x", reply_all=True))
    assert everybody.message.content.to == ("list@elsewhere.example",)
    assert everybody.message.content.cc == (
        "eve@x.example", "dan@x.example", "bob@elsewhere.example",
    )  # fmt: skip


async def test_nobody_can_be_replied_to_who_is_not_named(product: Product) -> None:
    box = await ann(product)
    original = await receive(product, b"Subject: x\r\nFrom: (nobody)\r\n\r\nx\r\n", sender="")
    with pytest.raises(Invalid, match="no address"):
        await product.sending().reply("key_1", box.id, original.id, Wanted(text="x"))


async def test_a_mail_may_go_on_in_a_thread_or_answer_a_message(product: Product) -> None:
    box = await ann(product)
    original = await receive(product, mail("Lunch?", message_id="2@x", references=["1@x"]))
    by_thread = (await send(product, box, thread_id=original.thread_id)).message
    assert by_thread.thread_id == original.thread_id
    assert (await written(product, by_thread))["References"] == "<1@x> <2@x>"
    by_header = (await send(product, box, in_reply_to="2@x")).message
    assert by_header.thread_id == original.thread_id
    assert (await written(product, by_header))["In-Reply-To"] == "<2@x>"
    by_id = (await send(product, box, in_reply_to=original.id)).message
    assert by_id.thread_id == original.thread_id
    alone = (await send(product, box)).message
    assert alone.thread_id != original.thread_id
    with pytest.raises(NotFound, match="Thread"):
        await send(product, box, thread_id="thread_01ARZ3NDEKTSV4RRFFQ69G5FAV")


async def test_an_answer_to_a_mail_of_ours_finds_its_thread(product: Product) -> None:
    box = await ann(product)
    sent = (await send(product, box)).message
    answer = await receive(product, mail("Re: x", in_reply_to=sent.external_message_id))
    assert answer.thread_id == sent.thread_id


async def test_what_leaves_is_signed_and_kept_as_it_is_signed(product: Product) -> None:
    box = await ann(product)
    sending = product.sending(sign=lambda raw, domain: b"X-Signed: %s\r\n" % domain.encode() + raw)
    accepted = await sending.send("key_1", box.id, Wanted(to=(FAR,), text="x"))
    raw = await raw_of(product, accepted.message)
    assert raw.startswith(b"X-Signed: mail.example\r\nFrom: Ann <ann@mail.example>\r\n")


async def test_deleting_an_inbox_takes_what_waits_with_it(product: Product) -> None:
    box = await ann(product)
    await send(product, box)
    await product.inboxes.delete(box.id)
    await product.upkeep.run()
    assert await product.count("submissions") == 0
    assert await product.count("messages") == 0
