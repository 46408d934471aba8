"""Submitting: what the relay says becomes rows, a status and events, in one commit."""

from typing import Any

import pytest

from sendook_lite.domain.model import Inbox, Message
from sendook_lite.domain.submission import BACKOFF_SECONDS, GIVE_UP_AFTER_MS, Reply
from sendook_lite.store import messages
from sendook_lite.store.submissions import DueMail
from sendook_lite.usecases.drafting import Wanted
from sendook_lite.usecases.reports import ReportedOutcome
from sendook_lite.usecases.submitting import BATCH, Submitting
from tests.usecases.product import TOKENS, Product

ONE, TWO, THREE = (f"{name}@elsewhere.example" for name in ("one", "two", "three"))
TAKEN = Reply(250, "2.0.0 queued as 4711")
REFUSED = Reply(550, "5.1.1 no such user")
LATER = Reply(450, "4.2.0 greylisted")


async def queued(product: Product, *recipients: str) -> tuple[Inbox, Message]:
    box = await product.inboxes.create("Ann", "ann@mail.example")
    wanted = Wanted(to=recipients, text="Hello.")
    return box, (await product.sending().send("key_1", box.id, wanted)).message


async def due(product: Product) -> list[DueMail]:
    return (await product.submitting().due((), 10))[0]


async def settle(product: Product, **replies: Reply) -> None:
    (one,) = await due(product)
    by_address = {each.recipient: replies[each.recipient.partition("@")[0]]
                  for each in one.recipients}  # fmt: skip
    await product.submitting().settle(one, by_address)


async def shown(product: Product, box: Inbox, message: Message) -> tuple[str, list[str]]:
    now = await messages.get(product.store.reader, box.id, message.id)
    return now.status, [each["status"] for each in now.content.recipients]


async def test_a_mail_is_handed_over_with_a_return_path_of_its_own(product: Product) -> None:
    box, message = await queued(product, ONE)
    (one,) = await due(product)
    mailing = await product.submitting().mailing(one)
    assert mailing is not None
    assert (mailing.recipients, mailing.envelope_id) == ((ONE,), message.id)
    local, _, domain = mailing.sender.partition("@")
    assert domain == box.email.partition("@")[2]
    assert TOKENS.read_return_path(local.removeprefix("bounces+")) == message.id


async def test_each_recipient_has_an_outcome_of_its_own(product: Product) -> None:
    box, message = await queued(product, ONE, TWO, THREE)
    await settle(product, one=TAKEN, two=REFUSED, three=LATER)
    assert await shown(product, box, message) == ("rejected", ["sent", "rejected", "queued"])
    (sent,) = await product.bodies("message.sent")
    assert sent["recipients"][0] == {
        "address": ONE, "status": "sent", "detail": "250 2.0.0 queued as 4711",
    }  # fmt: skip
    (rejected,) = await product.bodies("message.rejected")
    delivery = rejected["delivery"]
    delivery.pop("reportedAt")
    assert delivery == {
        "recipient": TWO,
        "action": "failed",
        "status": "5.1.1",
        "permanent": True,
        "diagnostic": "550 5.1.1 no such user",
    }
    now = await messages.get(product.store.reader, box.id, message.id)
    assert now.content.recipients[2]["detail"] == "450 4.2.0 greylisted"


async def test_a_refused_recipient_is_not_suppressed_for_that(product: Product) -> None:
    await queued(product, ONE)
    await settle(product, one=REFUSED)
    assert await product.count("suppressions") == 0


async def test_sent_is_told_once_for_a_mail(product: Product) -> None:
    await queued(product, ONE, TWO)
    await settle(product, one=LATER, two=REFUSED)
    assert await product.bodies("message.sent") == []
    await product.clock.advance(BACKOFF_SECONDS[0])
    await settle(product, one=TAKEN)
    assert len(await product.bodies("message.sent")) == 1
    assert await due(product) == []


async def test_sent_is_not_told_again_when_a_later_recipient_is_taken(product: Product) -> None:
    box, message = await queued(product, ONE, TWO)
    await settle(product, one=TAKEN, two=LATER)
    await product.clock.advance(BACKOFF_SECONDS[0])
    await settle(product, two=TAKEN)
    assert len(await product.bodies("message.sent")) == 1
    assert await shown(product, box, message) == ("sent", ["sent", "sent"])


async def test_a_temporary_refusal_is_tried_again_at_its_time_for_three_days(
    product: Product,
) -> None:
    box, message = await queued(product, ONE)
    waited = 0
    for seconds in (*BACKOFF_SECONDS, *[BACKOFF_SECONDS[-1]] * 3):
        await settle(product, one=LATER)
        _, wait = await product.submitting().due((), 1)
        assert wait == seconds
        await product.clock.advance(seconds - 1)
        assert await due(product) == []
        await product.clock.advance(1)
        waited += seconds
    assert await shown(product, box, message) == ("queued", ["queued"])
    await product.clock.advance(GIVE_UP_AFTER_MS / 1000 - waited)
    await settle(product, one=LATER)
    assert await shown(product, box, message) == ("rejected", ["rejected"])
    (rejected,) = await product.bodies("message.rejected")
    assert rejected["delivery"]["permanent"] is False
    assert rejected["delivery"]["diagnostic"] == "450 4.2.0 greylisted"
    assert await product.bodies("message.sent") == []
    assert await due(product) == []


async def test_what_is_under_way_is_not_due_and_the_oldest_comes_first(product: Product) -> None:
    box, first = await queued(product, ONE, TWO)
    sending = product.sending()
    more = [(await sending.send("k", box.id, Wanted(to=(ONE,), text="x"))) for _ in range(2)]
    submitting = product.submitting()
    found, wait = await submitting.due((), 2)
    assert [each.message_id for each in found] == [first.id, more[0].message.id]
    assert wait == 0
    found, wait = await submitting.due({each.message_seq for each in found}, 2)
    assert [each.message_id for each in found] == [more[1].message.id]
    assert wait is None


async def test_a_report_that_is_quicker_than_the_commit_is_not_undone(product: Product) -> None:
    box, message = await queued(product, ONE)
    (one,) = await due(product)
    await product.store.writer.write(_report_delivered, product, message.id)
    await product.submitting().settle(one, {ONE: TAKEN})
    assert await shown(product, box, message) == ("delivered", ["delivered"])
    assert await due(product) == []
    assert len(await product.bodies("message.sent")) == 1


def _report_delivered(tx: Any, product: Product, message_id: str) -> None:
    outcome = ReportedOutcome("message.delivered", recipient=ONE, message_id=message_id)
    product.reports.apply(tx, outcome)


async def test_what_waits_for_a_relay_that_is_away_too_long_is_given_up(
    product: Product,
) -> None:
    box, _ = await queued(product, ONE, TWO)
    sending = product.sending()
    for _ in range(BATCH):
        await sending.send("k", box.id, Wanted(to=(ONE,), text="x"))
    submitting = product.submitting()
    assert await submitting.give_up_expired("away") == 0
    await product.clock.advance(GIVE_UP_AFTER_MS / 1000)
    assert await submitting.give_up_expired("the relay is away") == BATCH + 2
    told = await product.bodies("message.rejected")
    assert len(told) == BATCH + 2
    assert {each["delivery"]["permanent"] for each in told} == {False}
    assert {each["delivery"]["diagnostic"] for each in told} == {"the relay is away"}
    assert await due(product) == []


async def test_a_clock_set_back_puts_no_try_out_of_reach(product: Product) -> None:
    await queued(product, ONE)
    await settle(product, one=LATER)
    product.clock.wall -= 30 * 24 * 3_600_000
    submitting = product.submitting()
    assert await submitting.resume() == 1
    _, wait = await submitting.due((), 1)
    assert wait == BACKOFF_SECONDS[-1]
    (row,) = await product.rows("SELECT expires_at FROM submissions")
    assert row[0] == product.clock.now() + GIVE_UP_AFTER_MS
    assert await submitting.resume() == 0


@pytest.mark.parametrize("reply", [TAKEN, REFUSED, LATER])
async def test_a_mail_whose_inbox_goes_meanwhile_ends_quietly(
    product: Product, reply: Reply
) -> None:
    box, _ = await queued(product, ONE)
    (one,) = await due(product)
    await product.inboxes.delete(box.id)
    await product.submitting().settle(one, {ONE: reply})
    for event in ("message.sent", "message.rejected"):
        assert await product.bodies(event) == []
    await product.upkeep.run()
    assert await product.count("submissions") == 0
    assert await product.submitting().mailing(one) is None
    await product.submitting().settle(one, {ONE: reply})


async def test_a_mail_is_dressed_for_the_relay_alone(product: Product) -> None:
    box, message = await queued(product, ONE)
    (one,) = await due(product)
    submitting = Submitting(
        product.store,
        product.publisher,
        product.reports,
        TOKENS,
        product.clock.now,
        lambda raw: b"X-Dress: red\r\n" + raw,
    )
    mailing = await submitting.mailing(one)
    assert mailing is not None
    assert mailing.raw.startswith(b"X-Dress: red\r\n")
    assert box.id == message.inbox_id
    rows = await product.rows("SELECT data FROM blob_chunks")
    assert not any(b"X-Dress" in row[0] for row in rows)
