"""Stored mail is found, labelled and deleted; the index holds exactly what there is."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sendook_lite.domain.errors import NotFound
from sendook_lite.domain.model import Inbox, Message
from sendook_lite.domain.search_words import VERSION, query_terms
from sendook_lite.store import messages, removal, search, threads
from sendook_lite.store.messages import CLOCK_STEP_MS, Period
from sendook_lite.store.search import Filters
from sendook_lite.store.tx import Tx
from sendook_lite.usecases import mailbox, upkeep
from sendook_lite.usecases.mailbox import Mailbox
from tests.usecases.product import Product, mail


class Box:
    """An inbox, its mail, and what is found in it."""

    def __init__(self, product: Product, inbox: Inbox) -> None:
        self.product = product
        self.inbox = inbox
        self.cases = Mailbox(product.store)

    async def receive(self, subject: str, **fields: Any) -> str:
        intake = self.product.intake()
        raw = mail(subject, **fields)
        stored = await intake.receive(await intake.prepare(raw), self.inbox.email, "b@x.example")
        return stored.message_id

    async def find(
        self, query: str | None = None, limit: int = 99, before: str | None = None, **fields: Any
    ) -> list[str]:
        terms = None if query is None else query_terms(query)
        page, complete = await self.cases.find(
            self.inbox, Filters(terms=terms, **fields), limit, before
        )
        assert complete
        return [message.id for message in page.items]

    async def get(self, identifier: str) -> Message:
        return await messages.get(self.product.store.reader, self.inbox.id, identifier)

    async def delete(self, identifier: str) -> Message:
        return await self.cases.delete(self.inbox.id, identifier)

    async def label(self, identifier: str, *labels: str) -> Message:
        return await self.cases.label(self.inbox.id, identifier, labels)


@pytest.fixture
async def box(product: Product) -> Box:
    return Box(product, await product.inboxes.create("Ann", "ann@mail.example"))


async def words_left(product: Product) -> int:
    """Count the words that any message has in the index."""

    class Seen(Exception):
        pass

    def look(tx: Tx) -> None:
        tx.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab(message_search, row)")
        raise Seen(tx.all("SELECT count(*) FROM vocabulary")[0][0])

    with pytest.raises(Seen) as seen:
        await product.store.writer.write(look)
    return int(seen.value.args[0])


async def test_a_mail_is_found_as_soon_as_it_is_stored(box: Box) -> None:
    first = await box.receive("Invoice 77", text="The amount is due.\n")
    second = await box.receive("Lunch", text="Amounts of noodles.\n")
    assert await box.find("invoice") == [first]
    assert await box.find("amount") == [second, first]
    assert await box.find("amount is") == [first]
    assert await box.find("nothing") == []
    assert await box.find("!?") == []
    third = await box.receive("Invoice 78")
    assert await box.find("invoice") == [third, first]


async def test_mail_of_another_inbox_is_not_found(box: Box) -> None:
    other = Box(box.product, await box.product.inboxes.create("Eve", "eve@mail.example"))
    theirs = await other.receive("Secret plan")
    assert await box.find("secret") == []
    assert await other.find("secret") == [theirs]


async def test_inboxes_that_share_their_name_in_the_index_are_told_apart(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_DIGITS", 1)
    other = Box(box.product, await box.product.inboxes.create("Eve", "eve@mail.example"))
    own = await box.receive("Secret recipe")
    theirs = await other.receive("Secret plan")
    assert await box.find("secret", limit=1) == [own]
    assert await other.find("secret") == [theirs]


async def test_pages_go_on_before_the_last_one(box: Box) -> None:
    ids: list[str] = []
    for number in range(5):
        ids.insert(0, await box.receive(f"Number {number}"))
        await box.product.clock.advance(1)
    assert await box.find("number", limit=2) == ids[:2]
    assert await box.find("number", limit=2, before=ids[1]) == ids[2:4]
    assert await box.find("number", limit=2, before=ids[3]) == ids[4:]
    await box.delete(ids[1])
    assert await box.find("number", limit=2, before=ids[1]) == ids[2:4]


async def test_a_search_goes_through_block_after_block(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BLOCK", 3)
    other = Box(box.product, await box.product.inboxes.create("Eve", "eve@mail.example"))
    ids = [await box.receive("Number 0 odd")]
    for number in range(10):
        await other.receive(f"Number {number} odd", message_id=f"{number}@x")
    for number in range(1, 9):
        ids.insert(0, await box.receive(f"Number {number} {'even' if number % 2 == 0 else 'odd'}"))
    for limit in range(1, 11):
        found: list[str] = []
        while page := await box.find("num", limit=limit, before=found[-1] if found else None):
            assert len(page) == limit or len(found) + len(page) == len(ids)
            found += page
        assert found == ids
    assert await box.find("odd") == ids[1::2] + ids[8:]
    assert await box.find("none") == []
    await box.delete(ids[4])
    assert await box.find("number") == ids[:4] + ids[5:]


async def test_filters_are_exact_and_add_up(box: Box) -> None:
    first, second = await box.receive("One"), await box.receive("Two")
    await box.label(first, "To Do", "x")
    await box.label(second, "To Do")
    assert await box.find(label="to do") == [second, first]
    assert await box.find(label="to") == []
    assert await box.find(label="x") == [first]
    assert await box.find("tw", label="To Do") == [second]
    assert await box.find("two", label="x") == []
    assert await box.find(sender="Bob@Elsewhere.example") == [second, first]
    assert await box.find(sender="elsewhere.example", label="x") == [first]
    assert await box.find(sender="bob") == []


async def test_a_period_takes_both_its_ends(box: Box) -> None:
    clock, times, ids = box.product.clock, [], []
    for number in range(4):
        ids.append(await box.receive(f"Mail {number}"))
        times.append(clock.now())
        await clock.advance(CLOCK_STEP_MS / 400)  # closer than the slack, and
    await clock.advance(CLOCK_STEP_MS / 100)  # further away
    ids.append(await box.receive("Mail late"))
    times.append(clock.now())
    for query in (None, "mail"):
        for since in (None, *range(5)):
            for until in (None, *range(5)):
                period = Period(
                    None if since is None else times[since],
                    None if until is None else times[until],
                )
                low, high = since or 0, 4 if until is None else until
                expected = ids[low : high + 1][::-1]
                assert await box.find(query, period=period) == expected
        assert await box.find(query, period=Period(since=times[4] + 1)) == []
        assert await box.find(query, period=Period(until=times[0] - 1)) == []


async def test_labels_replace_labels_and_are_searched(box: Box) -> None:
    identifier = await box.receive("Hello")
    before = await box.get(identifier)
    await box.product.clock.advance(5)
    message = await box.label(identifier, "Urgent", "to do")
    assert message == await box.get(identifier)
    assert message.content.labels == ("Urgent", "to do")
    assert message.updated_at == before.updated_at + 5000
    assert replace(message.content, labels=()) == before.content
    assert await box.find("urgent hello") == [identifier]
    await box.label(identifier, "done")
    assert await box.find("urgent") == await box.find(label="urgent") == []
    assert await box.find("done") == await box.find(label="done") == [identifier]
    await box.label(identifier)
    assert await box.find("done") == []


async def test_a_mail_labelled_before_it_is_in_the_index_is_added_once(box: Box) -> None:
    identifier = await box.receive("Hello")
    await box.label(identifier, "one")
    await box.label(identifier, "two")
    assert await box.find("one") == []
    assert await box.find("two") == [identifier]
    await box.delete(identifier)
    assert await words_left(box.product) == 0


async def test_a_deleted_message_is_gone_with_all_that_belonged_to_it(box: Box) -> None:
    product = box.product
    kept = await box.receive("Kept", message_id="1@x", text="alone\n")
    gone = await box.receive("Gone", message_id="2@x", text="shared\n")
    await box.find("x")
    words = await words_left(product)
    message = await box.get(gone)
    assert await box.delete(gone) == message
    with pytest.raises(NotFound, match="Message"):
        await box.get(gone)
    with pytest.raises(NotFound, match="Message"):
        await box.delete(gone)
    with pytest.raises(NotFound, match="Thread"):
        await threads.get(product.store.reader, box.inbox.id, message.thread_id)
    await product.upkeep.run()
    assert await box.find("shared") == await box.find("gone") == []
    assert await box.find("alone") == [kept]
    assert await words_left(product) < words
    for table in ("messages", "threads", "thread_references", "blobs", "blob_chunks"):
        assert await product.count(table) == 1, table


async def test_a_thread_stays_until_its_last_message_goes(box: Box) -> None:
    reader = box.product.store.reader
    first = await box.receive("Hello", message_id="1@x")
    second = await box.receive("Re: Hello", message_id="2@x", in_reply_to="1@x")
    thread = (await box.get(first)).thread_id
    await box.delete(first)
    assert (await threads.get(reader, box.inbox.id, thread)).message_ids == (second,)
    # What answers to the deleted one still finds its conversation.
    third = await box.receive("Re: Hello", message_id="3@x", in_reply_to="1@x")
    assert (await box.get(third)).thread_id == thread
    await box.delete(second)
    await box.delete(third)
    assert (await threads.list_page(reader, box.inbox.seq, 9, None)).items == []
    # So it does right after the last one, as long as the thread is not removed.
    fourth = await box.receive("Re: Hello", message_id="4@x", in_reply_to="1@x")
    assert (await threads.get(reader, box.inbox.id, thread)).message_ids == (fourth,)
    await box.product.upkeep.run()
    assert (await threads.get(reader, box.inbox.id, thread)).message_ids == (fourth,)


async def test_raw_mail_that_another_inbox_has_too_stays(box: Box) -> None:
    other = Box(box.product, await box.product.inboxes.create("Eve", "eve@mail.example"))
    gone, kept = await box.receive("Same"), await other.receive("Same")
    await box.delete(gone)
    await box.product.upkeep.run()
    assert await box.product.count("blobs") == 1
    assert await other.find("same") == [kept]


async def test_a_message_is_deleted_and_labelled_only_through_its_own_inbox(box: Box) -> None:
    other = Box(box.product, await box.product.inboxes.create("Eve", "eve@mail.example"))
    identifier = await box.receive("Hello")
    for refused in (other.delete(identifier), other.label(identifier, "x")):
        with pytest.raises(NotFound, match="Message"):
            await refused
    await box.product.inboxes.delete(box.inbox.id)
    for refused in (box.delete(identifier), box.label(identifier, "x")):
        with pytest.raises(NotFound, match="Inbox"):
            await refused


async def test_the_index_is_empty_when_an_inbox_or_old_mail_is_gone(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BATCH_ROWS", 20)
    product = box.product
    for number in range(9):
        await box.receive(f"Mail {number}", message_id=f"{number}@x", text=f"text {number}\n")
    await box.find("x")
    other = Box(product, await product.inboxes.create("Eve", "eve@mail.example"))
    for number in range(9):
        await other.receive(f"Mail {number}", message_id=f"{number}@x", text=f"text {number}\n")
    await box.product.inboxes.delete(box.inbox.id)
    await product.upkeep.run()
    assert await product.count("inboxes") == 1
    assert len(await other.find("mail")) == 9
    await product.clock.advance(60)
    units = 0
    while await product.store.writer.write(removal.remove_old, product.clock.now(), 20, 10**6):
        units += 1
    assert units == 3  # to take one out of the index costs as much as eight rows
    assert await words_left(product) == 0


async def test_mail_from_before_the_index_is_added_backwards_in_batches(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state that the migration leaves; every batch is a unit of work of its own."""
    monkeypatch.setattr(search, "BATCH_ROWS", 2)
    product = box.product
    ids = [await box.receive(f"Mail {n}", message_id=f"{n}@x") for n in range(5)][::-1]

    def as_migrated(tx: Tx) -> None:
        tx.execute("UPDATE search_state SET oldest = 6, newest = 5")

    await product.store.writer.write(as_migrated)
    cases = Mailbox(product.store)
    filters = Filters(query_terms("mail"))
    fresh = await box.receive("Mail of today")
    page, complete = await cases.find(box.inbox, filters, 99, None)
    assert ([each.id for each in page.items], complete) == ([fresh], False)
    assert await product.store.writer.write(search.add_older)
    page, complete = await cases.find(box.inbox, filters, 99, None)
    assert ([each.id for each in page.items], complete) == ([fresh, *ids[:2]], False)
    # What is not in the index yet can be labelled and deleted all the same.
    await box.label(ids[3], "old")
    await box.delete(ids[4])
    await box.delete(ids[0])
    while await product.store.writer.write(search.add_older):
        pass
    assert await box.find("mail") == [fresh, *ids[1:4]]
    assert await box.find("old") == [ids[3]]
    for identifier in (fresh, *ids[1:4]):
        await box.delete(identifier)
    assert await words_left(product) == 0


async def test_a_search_does_not_wait_for_more_than_a_little(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BATCH_ROWS", 1)
    monkeypatch.setattr(mailbox, "CATCH_UP", 2)
    ids = [await box.receive(f"Mail {n}", message_id=f"{n}@x") for n in range(5)]
    filters = Filters(query_terms("mail"))
    page, complete = await box.cases.find(box.inbox, filters, 99, None)
    assert ([each.id for each in page.items], complete) == (ids[1::-1], False)
    await box.product.upkeep.run()
    assert await box.find("mail") == ids[::-1]


async def test_other_rules_for_words_make_the_index_anew(box: Box) -> None:
    ids = [await box.receive(f"Mail {n}", message_id=f"{n}@x") for n in range(3)]
    await box.product.upkeep.run()

    def older_rules(tx: Tx) -> None:
        tx.execute("UPDATE search_state SET version = 'older'")

    await box.product.store.writer.write(older_rules)
    assert await box.product.store.writer.write(search.start_anew_if_outdated, VERSION)
    assert await words_left(box.product) == 0
    await box.product.upkeep.run()
    assert await box.find("mail") == ids[::-1]
    assert not await box.product.store.writer.write(search.start_anew_if_outdated, VERSION)


async def test_segments_are_merged_and_nothing_is_written_when_there_is_nothing_to_merge(
    box: Box,
) -> None:
    for number in range(9):
        await box.receive(f"Mail {number}", message_id=f"{number}@x")
        await box.find("mail")  # adds it, as a segment of its own
    (before,) = await box.product.rows("SELECT count(DISTINCT segid) FROM message_search_idx")
    await box.product.upkeep.run()
    (after,) = await box.product.rows("SELECT count(DISTINCT segid) FROM message_search_idx")
    assert after[0] < before[0]
    assert len(await box.find("mail")) == 9

    def merge(tx: Tx) -> int:
        changes = tx.changes()
        assert not search.merge_some(tx)
        return tx.changes() - changes

    assert await box.product.store.writer.write(merge) == 0


async def test_every_kind_of_text_is_a_valid_query(box: Box) -> None:
    identifier = await box.receive("Plan B", text="alpha beta\n")
    for query in HOSTILE:
        assert await box.find(query) in ([], [identifier])
        assert await box.find(query, label=query, sender=query) == []
    for query in ('"alpha', "alpha*", "(beta) alpha", "a\u0301lpha^", "alpha\0beta"):
        assert await box.find(query) == [identifier], query


@given(st.text(max_size=40), st.text(max_size=10))
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_any_text_is_a_valid_query(box: Box, query: str, filters: str) -> None:
    await box.find(query)
    await box.find(query, label=filters, sender=filters)


HOSTILE = (
    '"', '""', "'", "*", "alpha*", "*alpha", "alpha OR beta", "NOT alpha", "alpha NOT", "NEAR(a b)",
    "words:alpha", "^alpha", "alpha + beta", "(alpha", "alpha)", "{alpha}", "-alpha", "--", ";",
    "'; DROP TABLE messages", "\0", "alpha\0beta", "\ud800", "a" * 100_000, "a " * 50_000,
    "\uf8f0", "\ue000\ue001alpha", "%", "_", "\\", "\n", "🎉", "\u202e", "ﷺ" * 2000,
)  # fmt: skip
