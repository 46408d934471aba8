"""Threads: one conversation is one thread, whatever order its mails arrive in."""

from itertools import permutations

import pytest

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.mail import parse
from sendook_lite.store import messages, threads
from sendook_lite.store.tx import Tx
from sendook_lite.usecases import threading, upkeep
from sendook_lite.usecases.mailbox import Mailbox
from sendook_lite.usecases.threading import place, thread_subject
from tests.usecases.product import Product, mail

# A question, two answers to it, an answer to one of them, and one whose In-Reply-To is lost on the
# way and that is tied to the others by its References alone.
CONVERSATION = [
    mail("Lunch?", message_id="1@x"),
    mail("Re: Lunch?", message_id="2@y", in_reply_to="1@x", references=("1@x",)),
    mail("Re: Lunch?", message_id="3@z", in_reply_to="1@x"),
    mail("AW: Lunch?", message_id="4@y", in_reply_to="3@z", references=("3@z",)),
    mail("Fwd: Lunch?", message_id="5@z", references=("gone@x", "2@y", "4@y")),
]


async def test_all_orders_of_arrival_end_in_one_thread(product: Product) -> None:
    mails = [parse(raw) for raw in CONVERSATION]
    box = await product.inboxes.create("Ann", "ann@mail.example")

    class Undo(Exception):
        pass

    def arrive(tx: Tx, order: tuple[int, ...]) -> None:
        blob = tx.insert("INSERT INTO blobs (size) VALUES (?)", (1,))
        for index in order:
            seq, _ = place(tx, box.seq, mails[index])
            tx.execute(
                "INSERT INTO messages (id, inbox_seq, thread_seq, blob_seq, direction, status,"
                " content_size, created_at, updated_at, content)"
                " VALUES (?, ?, ?, ?, 'inbound', 'received', 2, 1, 1, '{}')",
                (f"msg_{index}", box.seq, seq, blob),
            )
        assert len(tx.all("SELECT DISTINCT thread_seq FROM messages")) == 1, order
        assert len(tx.all("SELECT seq FROM threads")) == 1, order
        assert len(tx.all("SELECT DISTINCT thread_seq FROM thread_references")) == 1, order
        raise Undo

    for order in permutations(range(5)):
        with pytest.raises(Undo):
            await product.store.writer.write(arrive, order)


async def receive(product: Product, raw: bytes, recipient: str = "ann@mail.example") -> str:
    intake = product.intake()
    stored = await intake.receive(await intake.prepare(raw), recipient, "b@x.example")
    return stored.message_id


async def test_a_mail_that_ties_two_threads_merges_the_younger_into_the_older(
    product: Product,
) -> None:
    box = await product.inboxes.create("Ann", "ann@mail.example")
    older = await receive(product, mail("Older", message_id="1@x"))
    younger = await receive(product, mail("Younger", message_id="2@x"))
    product.clock.wall += 5000
    tie = await receive(
        product, mail("Re: both", message_id="3@x", in_reply_to="2@x", references=("1@x",))
    )
    reader = product.store.reader
    (thread,) = (await threads.list_page(reader, box.seq, 9, None)).items
    assert thread.subject == "Older"
    assert thread.message_ids == (older, younger, tie)
    assert thread.updated_at == thread.created_at + 5000
    found = await messages.page_of_thread(reader, thread, 9)
    assert [each.id for each in found.items] == [older, younger, tie]
    assert await threads.get(reader, box.id, thread.id) == thread
    late = await receive(product, mail("Re: Younger", message_id="4@x", in_reply_to="2@x"))
    assert (await messages.get(reader, box.id, late)).thread_id == thread.id


async def test_the_same_ids_in_another_inbox_are_another_thread(product: Product) -> None:
    ann = await product.inboxes.create("Ann", "ann@mail.example")
    eve = await product.inboxes.create("Eve", "eve@mail.example")
    one = await receive(product, CONVERSATION[0])
    other = await receive(product, CONVERSATION[1], "eve@mail.example")
    reader = product.store.reader
    first = await messages.get(reader, ann.id, one)
    second = await messages.get(reader, eve.id, other)
    assert first.thread_id != second.thread_id


async def test_mails_without_ids_are_threads_of_their_own(product: Product) -> None:
    box = await product.inboxes.create("Ann", "ann@mail.example")
    await receive(product, mail("Same", text="a"))
    await receive(product, mail("Same", text="b"))
    assert len((await threads.list_page(product.store.reader, box.seq, 9, None)).items) == 2


@pytest.mark.parametrize(
    ("subject", "bare"),
    [
        ("", ""),
        ("Lunch?", "Lunch?"),
        ("Re: Lunch?", "Lunch?"),
        ("RE: re[2]: AW: Fwd: FW: Lunch?", "Lunch?"),
        ("Regarding: lunch", "Regarding: lunch"),
        ("  Re :  Lunch? ", "Lunch?"),
        ("Re:", ""),
    ],
)
def test_a_thread_is_named_by_the_subject_without_prefixes(subject: str, bare: str) -> None:
    assert thread_subject(subject) == bare


async def test_a_huge_thread_is_merged_in_portions_and_gone_from_the_first_on(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "MOVED_AT_ONCE", 4)
    monkeypatch.setattr(upkeep, "BATCH_ROWS", 3)
    box = await product.inboxes.create("Ann", "ann@mail.example")
    reader = product.store.reader
    first = await receive(product, mail("Older", message_id="a@x"))
    younger = [await receive(product, mail("Younger", message_id="0@x"))]
    for number in range(1, 7):
        raw = mail("Re: Younger", message_id=f"{number}@x", in_reply_to="0@x")
        younger.append(await receive(product, raw))
    gone = (await messages.get(reader, box.id, younger[0])).thread_id
    tie = await receive(product, mail("Tie", in_reply_to="a@x", references=("0@x",)))
    older = (await messages.get(reader, box.id, first)).thread_id
    with pytest.raises(NotFound):
        await threads.get(reader, box.id, gone)
    listed = await threads.list_page(reader, box.seq, 9, None)
    assert [each.id for each in listed.items] == [older]
    for identifier in younger:
        assert (await messages.get(reader, box.id, identifier)).thread_id == older
    shown = listed.items[0].message_ids
    assert shown == (first, *younger[:4], tie)  # as far as they have moved
    # Meanwhile a third, still older conversation takes both in.
    late = await receive(product, mail("Re: Younger", in_reply_to="6@x"))
    assert (await messages.get(reader, box.id, late)).thread_id == older
    await product.upkeep.run()
    thread = await threads.get(reader, box.id, older)
    assert thread.message_ids == (first, *younger, tie, late)
    assert await product.count("threads") == 1
    assert await product.rows("SELECT DISTINCT thread_seq FROM thread_references") == [
        (thread.seq,)
    ]


async def test_a_thread_that_was_being_merged_may_be_merged_again(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "MOVED_AT_ONCE", 1)
    box = await product.inboxes.create("Ann", "ann@mail.example")
    made = [await receive(product, mail(name, message_id=f"{name}@x")) for name in "ABC"]
    for name in "BC":
        raw = mail("More", message_id=f"{name}2@x", in_reply_to=f"{name}@x")
        made.append(await receive(product, raw))
    made.append(await receive(product, mail("Tie", in_reply_to="B@x", references=("C@x",))))
    made.append(await receive(product, mail("Tie", in_reply_to="A@x", references=("C2@x",))))
    await product.upkeep.run()
    (thread,) = (await threads.list_page(product.store.reader, box.seq, 9, None)).items
    assert thread.message_ids == tuple(made)


async def test_a_thread_into_which_another_moves_outlives_its_own_messages(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "MOVED_AT_ONCE", 1)
    box = await product.inboxes.create("Ann", "ann@mail.example")
    reader, mailbox = product.store.reader, Mailbox(product.store)
    made = [await receive(product, mail("A", message_id="a@x"))]
    made += [await receive(product, mail("B", message_id="b@x"))]
    made += [await receive(product, mail(f"B {n}", in_reply_to="b@x")) for n in range(3)]
    made += [await receive(product, mail("Tie", in_reply_to="a@x", references=("b@x",)))]
    older = (await messages.get(reader, box.id, made[0])).thread_id
    for identifier in (await threads.get(reader, box.id, older)).message_ids:
        await mailbox.delete(box.id, identifier)
    await product.store.writer.write(upkeep.remove_threads)
    await product.upkeep.run()
    assert (await threads.get(reader, box.id, older)).message_ids == tuple(made[2:5])
    # And one that is emptied before anything has moved is gone in the end.
    for identifier in made[2:5]:
        await mailbox.delete(box.id, identifier)
    await product.upkeep.run()
    assert await product.count("threads") == await product.count("thread_references") == 0


async def test_a_thread_tells_of_so_many_messages_and_that_there_are_more(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "MAX_IDS", 2)
    box = await product.inboxes.create("Ann", "ann@mail.example")
    reader = product.store.reader
    ids = [await receive(product, mail("A", message_id="1@x"))]
    ids += [await receive(product, mail(f"A {n}", in_reply_to="1@x")) for n in range(4)]
    (thread,) = (await threads.list_page(reader, box.seq, 9, None)).items
    assert (thread.message_ids, thread.truncated) == (tuple(ids[:2]), True)
    page = await messages.page_of_thread(reader, thread, 3)
    assert ([each.id for each in page.items], page.more) == (ids[:3], True)
    page = await messages.page_of_thread(reader, thread, 3, ids[2])
    assert ([each.id for each in page.items], page.more) == (ids[3:], False)
    monkeypatch.setattr(messages, "PAGE_BYTES", 1)
    page = await messages.page_of_thread(reader, thread, 3, ids[0])
    assert ([each.id for each in page.items], page.more) == (ids[1:2], True)
