"""No query of the product reads a whole big table, or sorts one: SQLite itself is asked.

The statements are caught while the store's own functions run, so a changed query is judged as it
is, and with its parameters unbound, as the planner sees it.
"""

import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.domain.compose import Draft, compose
from sendook_lite.domain.mail import parse
from sendook_lite.domain.model import (
    Delivery,
    Event,
    Inbox,
    Message,
    NewEvent,
    Secret,
    Thread,
    Webhook,
)
from sendook_lite.domain.reports import Report, ReportedRecipient
from sendook_lite.domain.search_words import query_terms
from sendook_lite.domain.submission import Reply
from sendook_lite.store import (
    alerts,
    attempts,
    backlog,
    blobs,
    deliveries,
    event_search,
    events,
    idempotent_requests,
    inboxes,
    keys,
    messages,
    purge,
    removal,
    search,
    sent_hours,
    sessions,
    settling,
    standings,
    submissions,
    suppressions,
    tally,
    threads,
    webhooks,
)
from sendook_lite.store.idempotent_requests import KeptRequest, RequestKey
from sendook_lite.store.reader import Reader
from sendook_lite.store.tx import Parameters, Row, Tx
from sendook_lite.usecases import prepared_mail, upkeep
from sendook_lite.usecases.drafting import Wanted
from sendook_lite.usecases.report_mail import ReportMail
from sendook_lite.usecases.sending import _Composed
from sendook_lite.usecases.threading import place
from tests.usecases.product import TOKENS, Product, mail, settlement

BIG = "messages|events|deliveries|attempts|blobs|blob_chunks|threads|thread_references|event_keys"
BIG += "|webhook_hours|event_hours|sessions|idempotent_requests|submissions|suppressions|sent_hours"
_SORT = "TEMP B-TREE FOR ORDER BY"
_SCAN = re.compile(rf"\bSCAN ({BIG})\b")

Statement = tuple[str, Parameters]


class CatchingTx(Tx):
    """A transaction that writes down what it is asked."""

    __slots__ = ("caught",)

    def __init__(self, tx: Tx) -> None:
        super().__init__(tx._connection, tx.now, tx.ids, {})
        self.caught: list[Statement] = []

    def execute(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        self.caught.append((sql, parameters))
        return super().execute(sql, parameters)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self.caught.extend((sql, row) for row in rows[:1])
        super().execute_many(sql, rows)

    def insert(self, sql: str, parameters: Parameters) -> int:
        self.caught.append((sql, parameters))
        return super().insert(sql, parameters)

    def one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        self.caught.append((sql, parameters))
        return super().one(sql, parameters)

    def all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        self.caught.append((sql, parameters))
        return super().all(sql, parameters)


class CatchingReader(Reader):
    """A reader that writes down what it is asked."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.caught: list[Statement] = []

    async def all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        self.caught.append((sql, parameters))
        return await super().all(sql, parameters)


async def plans_of(product: Product, caught: list[Statement]) -> list[str]:
    """Ask SQLite how it would run each statement."""
    found = []
    for sql, parameters in caught:
        rows = await product.store.reader.all(f"EXPLAIN QUERY PLAN {sql}", parameters)
        found.append(f"{sql}\n    {' | '.join(row[3] for row in rows)}")
    assert found
    return found


class Seeds:
    """One of everything, to ask about."""

    inbox: Inbox
    message: Message
    thread: Thread
    newest_thread: Thread
    webhook: Webhook
    event: Event
    delivery: Delivery
    blob: int
    sent: Message


async def seed(product: Product) -> Seeds:
    seeds = Seeds()
    seeds.webhook = await product.webhook()
    seeds.inbox = await product.inboxes.create("Ann", "ann@mail.example")
    intake = product.intake()
    stored = await intake.receive(
        await intake.prepare(mail(message_id="a@x", in_reply_to="b@x")), "ann@mail.example", "b@x"
    )
    reader = product.store.reader
    seeds.message = await messages.get(reader, seeds.inbox.id, stored.message_id)
    seeds.thread = await threads.get(reader, seeds.inbox.id, seeds.message.thread_id)
    again = await intake.receive(
        await intake.prepare(mail(message_id="n@x")), "ann@mail.example", "b@x"
    )
    newest = await messages.get(reader, seeds.inbox.id, again.message_id)
    seeds.newest_thread = await threads.get(reader, seeds.inbox.id, newest.thread_id)
    seeds.event = (await events.list_after(reader, after=None, limit=1)).items[0]
    await product.store.writer.write(settle_one, product, seeds)
    page = await deliveries.list_page(reader, limit=1)
    seeds.delivery = page.items[0]
    seeds.blob = await messages.blob_of(reader, seeds.message)
    wanted = Wanted(to=("far@x.example",), text="x")
    seeds.sent = (await product.sending().send("key", seeds.inbox.id, wanted)).message
    return seeds


def mail_a_reply(tx: Tx, product: Product, seeds: Seeds) -> None:
    intake = product.intake()
    prepared = prepared_mail.read(mail(message_id="r@x", in_reply_to="a@x", references=("b@x",)))
    assert seeds.inbox.id
    intake.receive_in(tx, prepared, "ann@mail.example", "b@x")


def settle_one(tx: Tx, product: Product, seeds: Seeds) -> None:
    (due,) = deliveries.take_due(tx, seeds.webhook.seq, 2**50, 1, ()).deliveries
    product.settling.record(tx, [settlement(due, "pending")], 1)
    product.settling.record(tx, [settlement(due, "delivered")], 1)


def settle_together(tx: Tx, product: Product, seeds: Seeds) -> None:
    product.publisher.publish_all(tx, [NewEvent("message.received", {})] * settling.FEW)
    due = deliveries.take_due(tx, seeds.webhook.seq, 2**50, 9, ()).deliveries
    assert len(due) >= settling.FEW
    product.settling.record(tx, [settlement(each, "delivered") for each in due], 1)
    assert not deliveries.take_due(tx, seeds.webhook.seq, 2**50, 9, ()).deliveries


def merge(tx: Tx, _: Product, seeds: Seeds) -> None:
    second = threads.insert(tx, seeds.inbox.seq, "second")
    threads.remember(tx, seeds.inbox.seq, second[0], ["c@x"])
    parsed = prepared_mail.read(mail(message_id="d@x", in_reply_to="a@x", references=("c@x",)))
    place(tx, seeds.inbox.seq, parsed.mail)


def upkeep_all(tx: Tx, product: Product, seeds: Seeds) -> None:
    del product
    webhooks.update(tx, seeds.webhook, {"cancel_up_to": 100})
    inboxes.mark_deleted(tx, seeds.inbox)
    for step in upkeep._STEPS:
        while step(tx):
            pass
    webhooks.mark_deleted(tx, seeds.webhook)
    while upkeep.remove_webhook(tx):
        pass


def purge_all(tx: Tx, product: Product, seeds: Seeds) -> None:
    del product, seeds
    assert removal.remove_old(tx, 2**50, 9, 2**20)
    place: purge.Place | None = purge.OLDEST
    while place is not None:
        place = purge.remove_events(tx, 2**50, place, 9, 2**20)
    for remove in (purge.remove_event_keys, purge.remove_webhook_hours):
        remove(tx, 2**50, 9)
    idempotent_requests.keep(tx, _KEY, KeptRequest(b""))
    idempotent_requests.forget(tx, _KEY)
    idempotent_requests.keep(tx, _KEY, KeptRequest(b""))
    assert purge.remove_idempotent_requests(tx, 2**50, 9, 2**20)


_FILTERS = search.Filters(
    terms=query_terms("hello the"), label="a", sender="b@x", period=messages.Period(0, 2**50)
)
_KEY = RequestKey("operator", "key")


def rotate_secret(tx: Tx, _: Product, seeds: Seeds) -> None:
    webhooks.replace_secret(tx, seeds.webhook, Secret("whsec_x", None), tx.now)
    webhooks.remove_expired_secrets(tx, 9)


def label_one(tx: Tx, _: Product, seeds: Seeds) -> None:
    while search.add_newer(tx):
        pass
    search.forget(tx, seeds.inbox.seq, seeds.message.seq, seeds.message.content)
    search.add(tx, seeds.inbox.seq, messages.set_labels(tx, seeds.message, ("a",)))
    search.merge_some(tx)


def delete_one(tx: Tx, _: Product, seeds: Seeds) -> None:
    removal.remove_message(tx, seeds.message.seq)


def send_one(tx: Tx, product: Product, seeds: Seeds) -> None:
    draft = Draft(seeds.inbox.email, None, to=("a@x.example", "b@x.example"), text="x")
    raw = compose(draft, "s@x", 1)
    made = _Composed(tx.ids.new("msg"), draft, raw, b"s", parse(raw), (), seeds.thread.id)
    product.sending()._store_in(tx, "key", seeds.inbox.id, made)


def submit_one(tx: Tx, product: Product, seeds: Seeds) -> None:
    submitting = product.submitting()
    (due,), _ = submissions.take_due(tx, 2**50, {9}, 5)
    assert due.message_id == seeds.sent.id
    for code in (450, 250, 550):
        submitting._settle(tx, due, {"far@x.example": Reply(code, "x")}, 1)
    submissions.clamp(tx, 1, 1)
    submissions.note(tx, due.message_seq, 0, "delayed", None)


def report_one(tx: Tx, product: Product, seeds: Seeds) -> None:
    told = ReportedRecipient("far@x.example", "failed", "5.1.1", permanent=True)
    reading = ReportMail(product.reports, TOKENS)
    assert reading.apply(tx, seeds.sent.id, Report("delivery", (told,)))
    suppressions.find(tx, "far@x.example")
    suppressions.remove(tx, "far@x.example")


def _open_session(tx: Tx) -> None:
    key = keys.insert(tx, "a", "a", b"a", ("read",))
    sessions.insert(tx, b"x", key.id, 2**50)


UNITS: dict[str, Callable[[Tx, Product, Seeds], object]] = {
    "receive a mail": mail_a_reply,
    "merge threads": merge,
    "publish": lambda tx, p, _: p.publisher.publish(tx, "message.received", {}),
    "take what is due": lambda tx, _, s: deliveries.take_due(tx, s.webhook.seq, 2**50, 9, {5}),
    "settle": settle_one,
    "settle together": settle_together,
    "first due": lambda tx, _, s: deliveries.first_due(tx, s.webhook.seq),
    "disable": lambda tx, _, s: webhooks.disable(tx, s.webhook.seq, "manual"),
    "forgive": lambda tx, _, s: standings.forgive(tx, s.webhook.seq),
    "what is to be told": lambda tx, _p, _s: alerts.take_due(tx, "log", 2**50, 9),
    "an answer by key": lambda tx, _p, _s: events.find_answers(tx, ["key"]),
    "keep an answer": lambda tx, _p, _s: events.keep_answers(tx, {"key": "{}"}),
    "a message": lambda tx, _, s: messages.find_in(tx, s.message.id),
    "label a message": label_one,
    "delete a message": delete_one,
    "a message by status": lambda tx, _, s: messages.set_status(tx, s.message, "sent"),
    "an inbox by address": lambda tx, _p, _s: inboxes.find_address_in(tx, "ann@mail.example"),
    "inboxes made": lambda tx, _p, _s: inboxes.count_made_in(tx, 0),
    "count events": lambda tx, _p, _s: tally.count_events(tx, 9),
    "open a session": lambda tx, _p, _s: _open_session(tx),
    "a key": lambda tx, _p, _s: keys.find_by_hash(tx, b"x"),
    "rotate a secret": rotate_secret,
    "send a mail": send_one,
    "hand a mail over": submit_one,
    "give up": lambda tx, p, _: p.submitting()._give_up(tx, "x", 2**60),
    "read a report": report_one,
    "forget how much was sent": lambda tx, _p, _s: sent_hours.remove(tx, 2**50, 9),
    "upkeep": upkeep_all,
    "purge": purge_all,
}

READS: dict[str, Callable[[Reader, Seeds], Coroutine[Any, Any, object]]] = {
    "the log backwards": lambda r, s: event_search.newest(r, limit=9, before=s.event.id),
    "the log of types backwards": lambda r, _: event_search.newest(
        r, limit=9, types=["message.sent", "message.received"]
    ),
    "the log of inboxes backwards": lambda r, s: event_search.newest(
        r, limit=9, types=["message.sent"], inbox_ids=[s.inbox.id, "inbox_x"]
    ),
    "the story of a message": lambda r, s: event_search.of_message(r, s.message),
    "events by the hour": lambda r, _: tally.events_since(r, 1),
    "endings by the hour": lambda r, _: tally.endings_since(r, 1),
    "endings of webhooks by the hour": lambda r, _: tally.endings_of(r, [1, 2], 1),
    "how much is pending": lambda r, _: tally.count_pending(r),
    "lengths of threads": lambda r, s: threads.count_messages(r, {s.thread.id}),
    "troubled webhooks": lambda r, _: standings.troubled(r, 9),
    "a session": lambda r, _: sessions.find(r, b"x", 1),
    "an idempotent request": lambda r, _: idempotent_requests.find(r, _KEY, 0),
    "messages": lambda r, s: messages.list_page(r, s.inbox.seq, 10, None),
    "messages before": lambda r, s: messages.list_page(r, s.inbox.seq, 10, s.message.id),
    "messages before one that is gone": lambda r, s: messages.list_page(
        r, s.inbox.seq, 10, "msg_gone"
    ),
    "a message": lambda r, s: messages.get(r, s.inbox.id, s.message.id),
    "threads": lambda r, s: threads.list_page(r, s.inbox.seq, 10, None),
    "threads before": lambda r, s: threads.list_page(r, s.inbox.seq, 10, s.newest_thread.id),
    "a thread": lambda r, s: threads.get(r, s.inbox.id, s.thread.id),
    "a thread's messages": lambda r, s: messages.page_of_thread(r, s.thread, 9),
    "the newest message of a thread": lambda r, s: messages.newest_of_thread(r, s.thread),
    "how much was sent": lambda r, _: sent_hours.count(r, 0, "key"),
    "suppressions before": lambda r, _: suppressions.list_page(r, 9, "a@x.example"),
    "a thread's messages after": lambda r, s: messages.page_of_thread(r, s.thread, 9, s.message.id),
    "messages of a period": lambda r, s: messages.list_page(
        r, s.inbox.seq, 9, None, messages.Period(0, 2**50)
    ),
    "what is not in the index": lambda r, _: search.behind(r),
    "found messages": lambda r, s: search.list_page(r, s.inbox.seq, _FILTERS, 9, None),
    "found messages before": lambda r, s: search.list_page(
        r, s.inbox.seq, _FILTERS, 9, s.message.id
    ),
    "raw mail": lambda r, s: blobs.read(r, s.blob),
    "an event": lambda r, s: events.get(r, s.event.id),
    "events after": lambda r, s: events.list_after(r, after=s.event.id, limit=9),
    "events by type": lambda r, s: events.list_after(
        r, after=s.event.id, limit=9, event_type="message.received"
    ),
    "events by inbox": lambda r, s: events.list_after(
        r, after=s.event.id, limit=9, inbox_ids=[s.inbox.id]
    ),
    "events by type and inboxes": lambda r, s: events.list_after(
        r, after=None, limit=9, event_type="message.received", inbox_ids=[s.inbox.id, "other"]
    ),
    "deliveries of events": lambda r, s: events.count_deliveries(r, [s.event]),
    "a delivery": lambda r, s: deliveries.get(r, s.delivery.id),
    "deliveries before": lambda r, s: deliveries.list_page(r, limit=9, before=s.delivery.id),
    "pending": lambda r, _: deliveries.list_page(r, limit=9, status="pending"),
    "failed before": lambda r, s: deliveries.list_page(
        r, limit=9, status="failed", before=s.delivery.id
    ),
    "of a webhook": lambda r, s: deliveries.list_page(r, limit=9, webhook_id=s.webhook.id),
    "of a webhook before": lambda r, s: deliveries.list_page(
        r, limit=9, webhook_id=s.webhook.id, before=s.delivery.id
    ),
    "canceled of a webhook": lambda r, s: deliveries.list_page(
        r, limit=9, webhook_id=s.webhook.id, status="canceled"
    ),
    "delivered of a webhook": lambda r, s: deliveries.list_page(
        r, limit=9, webhook_id=s.webhook.id, status="delivered"
    ),
    "of an event": lambda r, s: deliveries.list_page(r, limit=9, event_id=s.event.id),
    "attempts of a webhook": lambda r, s: attempts.list_of_webhook(r, s.webhook, 9),
    "attempts of a delivery": lambda r, s: attempts.list_of_delivery(r, s.delivery),
}

FROM_ONE_END: dict[str, Callable[[Reader, Seeds], Coroutine[Any, Any, object]]] = {
    "all events": lambda r, _: events.list_after(r, after=None, limit=9),
    "suppressions": lambda r, _: suppressions.list_page(r, 9, None),
    "all deliveries": lambda r, _: deliveries.list_page(r, limit=9),
    "delivered": lambda r, _: deliveries.list_page(r, limit=9, status="delivered"),
}


SORTS_NO_MORE_THAN_PAGES = {
    "events by inbox",
    "events by type and inboxes",
    "of an event",
    "the log of types backwards",
    "the log of inboxes backwards",
}
"""Several inboxes are a page of each, merged; an event has as many deliveries as webhooks."""


class Undo(Exception):
    """Carries what was caught out of a unit of work of which nothing shall remain."""

    def __init__(self, caught: list[Statement]) -> None:
        super().__init__()
        self.caught = caught


@pytest.fixture
async def reader(product: Product) -> AsyncIterator[CatchingReader]:
    catching = CatchingReader(product.store.path)
    await catching.open()
    yield catching
    await catching.close()


async def test_every_unit_of_work_seeks_and_sorts_nothing(product: Product) -> None:
    seeds = await seed(product)

    def run(tx: Tx, name: str) -> None:
        catching = CatchingTx(tx)
        UNITS[name](catching, product, seeds)
        raise Undo(catching.caught)

    for name in UNITS:
        with pytest.raises(Undo) as undone:
            await product.store.writer.write(run, name)
        for plan in await plans_of(product, undone.value.caught):
            assert not _SCAN.search(plan), f"{name}: {plan}"
            assert _SORT not in plan, f"{name}: {plan}"


async def test_every_read_seeks_and_sorts_no_more_than_pages(
    product: Product, reader: CatchingReader
) -> None:
    seeds = await seed(product)
    for name, read in READS.items():
        reader.caught.clear()
        await read(reader, seeds)
        for plan in await plans_of(product, reader.caught):
            assert not _SCAN.search(plan), f"{name}: {plan}"
            assert name in SORTS_NO_MORE_THAN_PAGES or _SORT not in plan, f"{name}: {plan}"


async def test_a_list_without_a_filter_walks_its_table_from_one_end(
    product: Product, reader: CatchingReader
) -> None:
    seeds = await seed(product)
    for name, read in FROM_ONE_END.items():
        reader.caught.clear()
        await read(reader, seeds)
        for plan in await plans_of(product, reader.caught):
            assert "LIMIT" in plan or not _SCAN.search(plan), f"{name}: {plan}"
            assert _SORT not in plan, f"{name}: {plan}"


async def test_the_backlog_is_counted_in_an_index_of_what_is_pending(
    product: Product, reader: CatchingReader
) -> None:
    await seed(product)
    await backlog.measure(reader)
    counting, seeking = await plans_of(product, reader.caught)
    assert "SCAN deliveries USING COVERING INDEX deliveries_due" in counting
    assert "SEARCH deliveries USING INDEX deliveries_unsuccessful (status=?)" in seeking
    assert _SORT not in seeking
