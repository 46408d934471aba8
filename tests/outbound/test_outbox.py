"""The outbox against a real relay that plays a part: what is sent, how often, and what is told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sendook_lite.domain.errors import StoreFailed, Unavailable
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import Inbox, Message
from sendook_lite.domain.submission import (
    BACKOFF_SECONDS,
    GIVE_UP_AFTER_MS,
    Mailing,
    Replies,
    Reply,
)
from sendook_lite.outbound.outbox import (
    FIRST_PAUSE_SECONDS,
    IDLE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    MAX_CONNECTIONS,
    Outbox,
)
from sendook_lite.outbound.relay import Relay, build_relay
from sendook_lite.store import messages
from sendook_lite.store.database import Store
from sendook_lite.usecases.drafting import Wanted
from tests.delivery.servers import closed_port
from tests.fakes import FakeClock
from tests.mailbox import Mailbox
from tests.usecases.product import Product, build

ONE, TWO, THREE = (f"{name}@elsewhere.example" for name in ("one", "two", "three"))


class WatchedClock(FakeClock):
    """Knows whether anybody waits for a signal or for time to pass."""

    waiting = 0

    async def wait(self, signal: asyncio.Event, seconds: float | None) -> bool:
        self.waiting += 1
        try:
            return await super().wait(signal, seconds)
        finally:
            self.waiting -= 1


@dataclass
class Desk:
    """An inbox that sends, and the outbox behind it."""

    product: Product
    box: Inbox
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    outboxes: list[Outbox] = field(default_factory=list)

    async def send(self, *recipients: str, **wanted: Any) -> Message:
        fields = {"to": recipients or (ONE,), "text": "Hello.", "subject": "Hi", **wanted}
        sending = self.product.sending()
        return (await sending.send("key_1", self.box.id, Wanted(**fields))).message

    def open(self, relay: Relay | str) -> Outbox:
        """Begin to hand over what waits."""
        made = build_relay(relay, "here.example") if isinstance(relay, str) else relay
        assert made is not None
        outbox = Outbox(self.product.submitting(), made, self.product.clock)
        self.outboxes.append(outbox)
        self.tasks.append(asyncio.create_task(outbox.run()))
        return outbox

    async def shown(self, message: Message) -> tuple[str, list[str]]:
        now = await messages.get(self.product.store.reader, self.box.id, message.id)
        return now.status, [each["status"] for each in now.content.recipients]

    async def detail(self, message: Message) -> str:
        now = await messages.get(self.product.store.reader, self.box.id, message.id)
        return str(now.content.recipients[0].get("detail", ""))

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until something is so."""
        for _ in range(3000):
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("waited in vain")

    async def until_shown(self, message: Message, *expected: Any) -> None:
        async def as_expected() -> bool:
            return await self.shown(message) == expected

        await self.until(as_expected)

    async def until_detail(self, message: Message, part: str) -> None:
        async def holds() -> bool:
            return part in await self.detail(message)

        await self.until(holds)

    async def later(self, seconds: float) -> None:
        """Let time pass whenever the outbox has nothing to do but wait for it."""
        clock = self.product.clock
        assert isinstance(clock, WatchedClock)
        until = clock.elapsed + seconds
        while True:
            await self.until(lambda: clock.waiting and not self._busy())
            await clock.settle()
            if clock.elapsed >= until:
                return
            following = min((at for at, _, _ in clock._sleepers), default=until)
            await clock.advance(max(0, min(following, until) - clock.elapsed))

    def _busy(self) -> bool:
        return any(outbox._tasks or outbox._wake.is_set() for outbox in self.outboxes)

    async def tries(self) -> list[int]:
        return [row[0] for row in await self.product.rows("SELECT tries FROM submissions")]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = WatchedClock()
    store = Store(tmp_path / "data", clock, Ids(clock))
    await store.open()
    product = build(store, clock)
    made = Desk(product, await product.inboxes.create("Ann", "ann@mail.example"))
    yield made
    for outbox in made.outboxes:
        outbox._stopping = True
    for task in (*made.tasks, *(task for each in made.outboxes for task in each._tasks.values())):
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)
    for outbox in made.outboxes:
        await outbox._relay.hang_up()
    await store.close()


def url(box: Mailbox) -> str:
    return f"smtp://127.0.0.1:{box.port}"


async def test_a_mail_leaves_as_it_was_stored_and_says_who_asks_for_reports(desk: Desk) -> None:
    with Mailbox(dsn=True) as box:
        message = await desk.send(ONE, TWO, bcc=("hid+den@elsewhere.example",))
        desk.open(url(box))
        await desk.until_shown(message, "sent", ["sent"] * 3)
    (kept,) = box.kept
    assert kept.recipients == [ONE, TWO, "hid+den@elsewhere.example"]
    assert kept.sender.startswith("bounces+")
    assert kept.options[1:4] == ("RET=HDRS", f"ENVID={message.id}", "NOTIFY=SUCCESS,FAILURE,DELAY")
    assert kept.options[0] == f"SIZE={len(kept.raw)}"
    assert kept.options[4] == f"ORCPT=rfc822;{ONE}"
    assert kept.options[8] == "ORCPT=rfc822;hid+2Bden@elsewhere.example"
    rows = await desk.product.rows("SELECT data FROM blob_chunks")
    assert kept.raw == rows[0][0]
    assert b"hid+den" not in kept.raw


async def test_a_relay_without_reports_is_not_asked_for_them(desk: Desk) -> None:
    with Mailbox() as box:
        message = await desk.send()
        desk.open(url(box))
        await desk.until_shown(message, "sent", ["sent"])
    assert [each.partition("=")[0] for each in box.kept[0].options] == ["SIZE"]
    assert await desk.detail(message) == "250 2.0.0 queued"


async def test_each_recipient_is_taken_refused_or_tried_again(desk: Desk) -> None:
    script = {TWO: ["550 5.1.1 no such user"], THREE: ["450 4.2.0 greylisted"]}
    with Mailbox(script=script) as box:
        message = await desk.send(ONE, TWO, THREE)
        outbox = desk.open(url(box))
        await desk.until_shown(message, "rejected", ["sent", "rejected", "queued"])
        assert [kept.recipients for kept in box.kept] == [[ONE]]
        await desk.later(BACKOFF_SECONDS[0] - 1)
        assert len(box.kept) == 1
        await desk.later(1)
        await desk.until_shown(message, "rejected", ["sent", "rejected", "sent"])
        assert [kept.recipients for kept in box.kept] == [[ONE], [THREE]]
        assert box.kept[0].raw == box.kept[1].raw
        assert outbox.handed_over == 2
    assert len(await desk.product.bodies("message.sent")) == 1
    assert len(await desk.product.bodies("message.rejected")) == 1


@pytest.mark.parametrize(
    ("step", "reply", "outcome"),
    [
        ("MAIL", "451 4.3.0 busy", "queued"),
        ("MAIL", "550 5.7.1 not you", "rejected"),
        ("DATA", "451 4.3.0 busy", "queued"),
        ("DATA", "554 5.6.0 spam", "rejected"),
        (ONE, "421 4.3.2 going down", "queued"),
        (ONE, "552 too many recipients", "queued"),
    ],
)
async def test_a_refusal_of_the_whole_mail_is_one_for_everybody(
    desk: Desk, step: str, reply: str, outcome: str
) -> None:
    with Mailbox(script={step: [reply]}) as box:
        message = await desk.send(ONE)
        desk.open(url(box))
        await desk.until_detail(message, reply.partition(" ")[2])
        status = "queued" if outcome == "queued" else "rejected"
        assert await desk.shown(message) == (status, [outcome])
        assert box.kept == []
        # The relay itself is all right: the next mail is not kept waiting.
        second = await desk.send(TWO)
        desk.outboxes[0].accepted()
        await desk.until_shown(second, "sent", ["sent"])


async def test_one_connection_serves_many_mails_and_is_closed_when_idle(desk: Desk) -> None:
    with Mailbox() as box:
        outbox = desk.open(url(box))
        for _ in range(3):
            message = await desk.send()
            outbox.accepted()
            await desk.until_shown(message, "sent", ["sent"])
        assert [kept.connection for kept in box.kept] == [1, 1, 1]
        await desk.later(IDLE_SECONDS)
        await desk.until(lambda: not outbox._relay._idle)  # type: ignore[attr-defined]
        message = await desk.send()
        outbox.accepted()
        await desk.until_shown(message, "sent", ["sent"])
        assert box.connections == 2


async def test_a_connection_that_the_relay_closed_meanwhile_is_replaced(desk: Desk) -> None:
    with Mailbox() as box:
        outbox = desk.open(url(box))
        for reply in ("421 4.4.2 idle for too long", "drop"):
            message = await desk.send()
            outbox.accepted()
            await desk.until_shown(message, "sent", ["sent"])
            box.script["MAIL"] = [reply]
            message = await desk.send()
            outbox.accepted()
            await desk.until_shown(message, "sent", ["sent"])
        assert len(box.kept) == 4
        assert set(await desk.tries()) == {0}


async def test_a_connection_that_breaks_inside_a_mail_is_tried_again_later(desk: Desk) -> None:
    with Mailbox(script={ONE: ["drop"]}) as box:
        message = await desk.send()
        desk.open(url(box))
        await desk.until_detail(message, "closed the connection")
        assert await desk.shown(message) == ("queued", ["queued"])
        await desk.later(BACKOFF_SECONDS[0])
        await desk.until_shown(message, "sent", ["sent"])
        assert len(box.kept) == 1


async def test_a_mail_whose_reply_is_lost_comes_again_with_the_same_message_id(
    desk: Desk,
) -> None:
    with Mailbox(script={"DATA": ["drop after"]}) as box:
        message = await desk.send()
        desk.open(url(box))
        await desk.until_detail(message, "closed the connection")
        await desk.later(BACKOFF_SECONDS[0])
        await desk.until_shown(message, "sent", ["sent"])
    assert [kept.mail["Message-ID"] for kept in box.kept] == [
        f"<{message.external_message_id}>"
    ] * 2
    assert box.kept[0].raw == box.kept[1].raw


async def test_a_relay_that_takes_only_small_mail_is_not_sent_more(desk: Desk) -> None:
    with Mailbox(max_bytes=2000) as box:
        small, large = await desk.send(), await desk.send(text="x" * 3000)
        desk.open(url(box))
        await desk.until_shown(large, "rejected", ["rejected"])
        await desk.until_shown(small, "sent", ["sent"])
        assert "the relay takes 2000" in await desk.detail(large)
        assert len(box.kept) == 1
    (rejected,) = await desk.product.bodies("message.rejected")
    assert rejected["delivery"]["status"] == "5.3.4"
    assert rejected["delivery"]["permanent"] is True


async def test_addresses_beyond_ascii_need_a_relay_that_takes_them(desk: Desk) -> None:
    with Mailbox() as box:
        message = await desk.send("用户@例子.example")
        plain = await desk.send("ann@bücher.example")
        desk.open(url(box))
        await desk.until_shown(message, "rejected", ["rejected"])
        await desk.until_shown(plain, "sent", ["sent"])
    assert "SMTPUTF8" in await desk.detail(message)
    (kept,) = box.kept
    assert kept.recipients == ["ann@xn--bcher-kva.example"]
    assert "SMTPUTF8" not in kept.options


async def test_addresses_beyond_ascii_go_to_a_relay_that_takes_them(desk: Desk) -> None:
    with Mailbox(smtputf8=True, dsn=True) as box:
        message = await desk.send("用户@例子.example")
        plain = await desk.send(TWO)
        desk.open(url(box))
        await desk.until_shown(message, "sent", ["sent"])
        await desk.until_shown(plain, "sent", ["sent"])
    kept = next(each for each in box.kept if each.recipients != [TWO])
    assert kept.recipients == ["用户@xn--fsqu00a.example"]
    assert "SMTPUTF8" in kept.options
    assert kept.options[-1] == "ORCPT=utf-8;\\x{7528}\\x{6237}@\\x{4F8B}\\x{5B50}.example"
    assert "To: 用户@例子.example".encode() in kept.raw
    other = next(each for each in box.kept if each.recipients == [TWO])
    assert "SMTPUTF8" not in other.options


async def test_a_relay_that_is_away_is_asked_by_one_mail_at_a_time(desk: Desk) -> None:
    port = closed_port()
    first = await desk.send()
    for _ in range(5):
        await desk.send()
    with capture_logs() as logs:
        outbox = desk.open(f"smtp://127.0.0.1:{port}")
        await desk.until_detail(first, "refuses connections")
        await desk.until(lambda: not outbox._tasks)
        tried = sum(await desk.tries())
        assert tried <= MAX_CONNECTIONS
        assert "refuses connections" in outbox.facts()["relay"]
        pause = FIRST_PAUSE_SECONDS
        for more in range(1, 3):
            await desk.later(pause - 0.5)
            assert sum(await desk.tries()) == tried + more - 1
            await desk.later(0.5)
            await desk.until(partial(_is, desk.tries, tried + more))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    assert [log["log_level"] for log in logs if "cannot be used" in log["event"]] == ["warning"]


async def _is(tries: Callable[[], Awaitable[list[int]]], expected: int) -> bool:
    return sum(await tries()) == expected


async def test_what_waited_while_the_relay_was_away_leaves_when_it_is_back(desk: Desk) -> None:
    relay = Switchable()
    sent = [await desk.send() for _ in range(6)]
    outbox = desk.open(relay)
    await desk.until(lambda: bool(outbox._away) and not outbox._tasks)
    relay.away = False
    for _ in range(4):
        await desk.later(BACKOFF_SECONDS[0])
    for message in sent:
        await desk.until_shown(message, "sent", ["sent"])
    assert sorted(each.envelope_id or "" for each in relay.taken) == sorted(
        each.id for each in sent
    )
    assert outbox.facts()["relay"] == "ok"


async def test_a_relay_that_stays_away_loses_mail_only_after_three_days(desk: Desk) -> None:
    relay = Switchable()
    message = await desk.send()
    desk.open(relay)
    await desk.until(lambda: relay.asked == 1)
    await desk.until_detail(message, "gone fishing")
    await desk.later(0)
    await desk.product.clock.advance(GIVE_UP_AFTER_MS / 1000)
    await desk.later(BACKOFF_SECONDS[0])
    await desk.until_shown(message, "rejected", ["rejected"])
    (rejected,) = await desk.product.bodies("message.rejected")
    assert rejected["delivery"]["permanent"] is False


async def test_so_many_mails_are_handed_over_at_a_time_and_no_more(desk: Desk) -> None:
    relay = Switchable(away=False)
    relay.gate = asyncio.Event()
    sent = [await desk.send() for _ in range(MAX_CONNECTIONS + 3)]
    desk.open(relay)
    await desk.until(lambda: relay.inside == MAX_CONNECTIONS)
    await asyncio.sleep(0.05)
    assert relay.most == MAX_CONNECTIONS
    relay.gate.set()
    for message in sent:
        await desk.until_shown(message, "sent", ["sent"])
    assert relay.most == MAX_CONNECTIONS


async def test_a_store_that_fails_after_the_relay_has_taken_a_mail_sends_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = Switchable(away=False)
    message = await desk.send()
    outbox = desk.open(relay)
    settle = outbox._submitting.settle
    failures = 3

    async def failing(*arguments: Any) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreFailed("the disk is full")
        await settle(*arguments)

    monkeypatch.setattr(outbox._submitting, "settle", failing)
    outbox.accepted()
    for _ in range(5):
        await asyncio.sleep(0.02)
        await desk.product.clock.advance(1)
    await desk.until_shown(message, "sent", ["sent"])
    assert relay.asked == 1


async def test_a_mail_that_breaks_us_is_let_alone_and_holds_up_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = Switchable(away=False)
    poison = await desk.send(ONE)
    good = await desk.send(TWO)
    outbox = desk.open(relay)
    settle = outbox._submitting.settle

    async def breaking(due: Any, replies: Replies) -> None:
        if due.message_id == poison.id:
            raise RuntimeError
        await settle(due, replies)

    monkeypatch.setattr(outbox._submitting, "settle", breaking)
    await desk.until_shown(good, "sent", ["sent"])
    await desk.later(BACKOFF_SECONDS[-1])
    assert [each.envelope_id for each in relay.taken].count(poison.id) == 1


async def test_stopping_lets_what_is_under_way_end_and_begins_nothing(desk: Desk) -> None:
    relay = Switchable(away=False)
    relay.gate = asyncio.Event()
    sent = [await desk.send() for _ in range(MAX_CONNECTIONS + 1)]
    outbox = desk.open(relay)
    await desk.until(lambda: relay.inside == MAX_CONNECTIONS)
    draining = asyncio.create_task(outbox.drain(15))
    await asyncio.sleep(0.02)
    relay.gate.set()
    await draining
    assert relay.hung_up
    shown = [(await desk.shown(each))[0] for each in sent]
    assert shown == ["sent"] * MAX_CONNECTIONS + ["queued"]


async def test_stopping_does_not_wait_for_a_relay_that_says_nothing(desk: Desk) -> None:
    relay = Switchable(away=False)
    relay.gate = asyncio.Event()
    message = await desk.send()
    outbox = desk.open(relay)
    await desk.until(lambda: relay.inside == 1)
    draining = asyncio.create_task(outbox.drain(15))
    await asyncio.sleep(0.02)
    await desk.product.clock.advance(15)
    await draining
    assert await desk.shown(message) == ("queued", ["queued"])
    # The next start finds it.
    relay.gate.set()
    desk.open(relay)
    await desk.until_shown(message, "sent", ["sent"])


async def test_captured_mail_arrives_in_inboxes_here_and_nowhere_else(desk: Desk) -> None:
    bob = await desk.product.inboxes.create("Bob", "bob@mail.example")
    relay = build_relay("capture:", "here.example", desk.product.intake().deliver_here)
    assert relay is not None
    message = await desk.send("Bob@mail.example", "nobody@mail.example", ONE)
    desk.open(relay)
    await desk.until_shown(message, "sent", ["sent"] * 3)
    (payload,) = await desk.product.bodies("message.received")
    assert (payload["inboxId"], payload["toInboxId"]) == (bob.id, bob.id)
    assert payload["externalMessageId"] == message.external_message_id
    (told,) = await desk.product.bodies("message.sent")
    assert told["fromInboxId"] == desk.box.id
    assert payload["id"] in told["recipients"][0]["detail"]


@dataclass
class Switchable:
    """A relay that is away or not, and may keep mail waiting."""

    away: bool = True
    gate: asyncio.Event | None = None
    taken: list[Mailing] = field(default_factory=list)
    asked: int = 0
    inside: int = 0
    most: int = 0
    hung_up: bool = False

    async def submit(self, mailing: Mailing) -> Replies:
        self.asked += 1
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.away:
                raise Unavailable("relay_away", "gone fishing")
        finally:
            self.inside -= 1
        self.taken.append(mailing)
        return {each: Reply(250, "ok") for each in mailing.recipients}

    async def hang_up(self) -> None:
        self.hung_up = True
