"""The event socket: lines in, answers out in order after their commit; bounded and forgiving."""

import asyncio
import json
import random
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from sendook_lite.inbound.event_limits import Limits
from sendook_lite.inbound.eventsocket import EventSocketServer
from sendook_lite.inbound.listeners import Access, TcpAddress, UnixAddress, listen
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.reports import Reports
from tests.inbound.clients import LineClient, until
from tests.inbound.conftest import House

DELIVERED = {"event": "message.delivered", "from": "news@example.com", "recipient": "a@b.example"}
MAIL = b"From: Ann <ann@y.example>\r\nSubject: Hello\r\n\r\nHello there.\r\n"


@dataclass
class Door:
    """A running server, and clients for it."""

    server: EventSocketServer
    client: Callable[[], LineClient]


@asynccontextmanager
async def _open(house: House, *, tcp: bool = False, **limits: Any) -> AsyncIterator[Door]:
    where = TcpAddress("127.0.0.1", 0) if tcp else UnixAddress(house.directory / "events.sock")
    server = EventSocketServer(house.lines, Limits(**limits))
    with listen(where, Access(0o660)) as listener:
        await server.start(listener.sock)
        address = listener.address
        target = address.path if isinstance(address, UnixAddress) else address.port
        try:
            yield Door(server, lambda: LineClient(target))
        finally:
            await server.stop(0.1)


@pytest.fixture
async def door(house: House) -> AsyncIterator[Door]:
    async with _open(house) as door:
        yield door


def _mail(*recipients: str, raw: bytes = MAIL, **fields: Any) -> dict[str, Any]:
    return {
        "event": "message.received", "recipients": recipients, "raw": b64encode(raw).decode(),
        **fields,
    }  # fmt: skip


# --- outcomes


@pytest.mark.parametrize("family", ["unix", "tcp"])
async def test_an_outcome_becomes_an_event(house: House, family: str) -> None:
    await house.subscribe("message.delivered")
    async with _open(house, tcp=family == "tcp") as door, door.client() as client:
        answer = await client.ask({**DELIVERED, "status": "2.0.0", "at": "2026-01-01T00:00:00Z"})
    (body,) = await house.bodies()
    assert answer == {"ok": True, "eventId": body["eventId"]}
    assert body["payload"] == {
        "from": "news@example.com",
        "to": ["a@b.example"],
        "delivery": {
            "recipient": "a@b.example",
            "action": "delivered",
            "status": "2.0.0",
            "reportedAt": "2026-01-01T00:00:00.000Z",
        },
    }
    assert [delivery.event_id for delivery in house.feed.offered] == [body["eventId"]]


async def test_a_thousand_lines_some_broken_are_answered_in_order_each_good_one_once(
    house: House, door: Door
) -> None:
    chance = random.Random(7)
    lines: list[bytes] = []
    expected: list[str | None] = []
    for number in range(1, 1001):
        kind = chance.choice(["good"] * 6 + ["nonsense", "lost", "unnamed", "unknown"])
        line: dict[str, Any] = {**DELIVERED, "diagnostic": str(number)}
        if kind == "lost":
            line["messageId"] = "msg_01AAAAAAAAAAAAAAAAAAAAAAAA"
        elif kind == "unnamed":
            del line["from"]
        elif kind == "unknown":
            line["event"] = "inbox.created"
        lines.append(b"{nonsense" if kind == "nonsense" else json.dumps(line).encode())
        expected.append(
            {
                "good": None, "nonsense": "invalid_json", "lost": "message_not_found",
                "unnamed": "message_not_named", "unknown": "unknown_event",
            }[kind]
        )  # fmt: skip
    async with door.client() as client:
        client.send(b"\n".join(lines) + b"\n")
        answers = await client.answers(1000)
    assert [answer.get("code") for answer in answers] == expected
    for number, answer in enumerate(answers, 1):
        assert answer["ok"] or answer["error"].startswith(f"line {number}: ")
    bodies = await house.bodies()
    assert [body["eventId"] for body in bodies] == [
        answer["eventId"] for answer in answers if answer["ok"]
    ]
    assert [body["payload"]["delivery"]["diagnostic"] for body in bodies] == [
        str(number) for number, code in enumerate(expected, 1) if code is None
    ]


async def test_an_answer_comes_only_after_the_commit(house: House, door: Door) -> None:
    held = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_: Tx) -> None:
        asyncio.run_coroutine_threadsafe(held.wait(), loop).result(10)

    async with door.client() as client:
        holding = asyncio.ensure_future(house.store.writer.write(hold))
        client.tell(DELIVERED)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.reader.readline()
        held.set()
        await holding
        assert (await client.answer())["ok"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
async def test_lines_may_arrive_in_any_pieces(house: House, door: Door, end: bytes) -> None:
    line = json.dumps(DELIVERED).encode() + end
    async with door.client() as client:
        for start in range(0, 3 * len(line), 7):
            client.send((line * 3)[start : start + 7])
            await client.writer.drain()
            await asyncio.sleep(0)
        assert all(answer["ok"] for answer in await client.answers(3))
    assert await house.count("events") == 4


async def test_an_empty_line_is_answered_like_any_other(door: Door) -> None:
    async with door.client() as client:
        client.send(b"\n\r\n" + json.dumps(DELIVERED).encode() + b"\n")
        answers = await client.answers(3)
    assert [answer.get("code") for answer in answers] == ["invalid_json", "invalid_json", None]
    assert answers[1]["error"].startswith("line 2: ")


async def test_a_last_line_without_its_end_counts_when_the_client_closes_its_side(
    house: House, door: Door
) -> None:
    async with door.client() as client:
        client.send(json.dumps(DELIVERED).encode())
        client.writer.write_eof()
        assert json.loads(await client.rest())["ok"]
    assert len(await house.bodies()) == 1


async def test_a_line_that_is_cut_off_stores_nothing(house: House, door: Door) -> None:
    async with door.client() as client:
        client.send(json.dumps(DELIVERED).encode()[:-1])
        client.writer.write_eof()
        assert json.loads(await client.rest())["code"] == "invalid_json"
    assert await house.bodies() == []


async def test_a_key_makes_a_line_idempotent_across_connections_and_restarts(
    house: House,
) -> None:
    line = {**DELIVERED, "key": "postfix:3Zk8:a@b.example"}
    async with _open(house) as door:
        async with door.client() as client:
            client.tell(line, line)
            first, second = await client.answers(2)
        async with door.client() as client:
            third = await client.ask(line)
    await house.store.close()
    again = House(house.directory)
    await again.store.open()
    try:
        async with _open(again) as door, door.client() as client:
            fourth = await client.ask(line)
        assert len(await again.bodies()) == 1
    finally:
        await again.store.close()
    assert first == second == third == fourth


async def test_lines_with_one_key_that_come_together_are_one_event_with_one_answer(
    house: House, door: Door
) -> None:
    keyed = {**DELIVERED, "key": "once"}
    async with door.client() as client:
        client.tell(DELIVERED, keyed, DELIVERED, keyed, {"event": "message.sent"}, keyed)
        one, first, two, second, refused, third = await client.answers(6)
    assert first == second == third
    assert refused["code"] == "message_not_named"
    ids = [body["eventId"] for body in await house.bodies()]
    assert ids == [answer["eventId"] for answer in (one, first, two)]


async def test_a_line_with_a_key_that_failed_may_be_sent_again(door: Door) -> None:
    async with door.client() as client:
        failed = await client.ask({"event": "message.sent", "key": "k", "messageId": "msg_x"})
        assert failed["code"] == "message_not_found"
        assert (await client.ask({**DELIVERED, "key": "k"}))["ok"]


# --- mail


async def test_a_mail_is_stored_for_all_its_recipients(house: House, door: Door) -> None:
    await house.inboxes.create(None, "sales@example.com")
    async with door.client() as client:
        answer = await client.ask(
            _mail("support@example.com", "sales+x@example.com", "support@example.com", sender="x@y")
        )
    bodies = await house.bodies()
    assert answer == {
        "ok": True,
        "messageIds": [body["messageId"] for body in bodies],
        "eventIds": [body["eventId"] for body in bodies],
    }
    assert [body["payload"]["envelopeFrom"] for body in bodies] == ["x@y", "x@y"]
    assert await house.raw() == [MAIL]


async def test_a_mail_is_stored_for_none_when_one_recipient_is_unknown(
    house: House, door: Door
) -> None:
    async with door.client() as client:
        client.tell(
            DELIVERED, _mail("support@example.com", "nobody@example.com", key="k"), DELIVERED
        )
        first, refused, last = await client.answers(3)
        assert (first["ok"], refused["code"], last["ok"]) == (True, "unknown_recipient", True)
        assert refused["error"] == "line 2: no inbox has the address nobody@example.com"
        assert await house.count("messages") == await house.count("blobs") == 0
        assert (await client.ask(_mail("support@example.com", key="k")))["ok"]


@pytest.mark.parametrize("size", [10, 200_000])
async def test_no_line_overtakes_a_mail_that_is_read_first(
    house: House, door: Door, size: int
) -> None:
    mail = _mail("support@example.com", raw=MAIL + b"x" * size)
    async with door.client() as client:
        client.tell(DELIVERED, mail, DELIVERED, {"event": "?"}, mail, DELIVERED)
        answers = await client.answers(6)
    assert [answer["ok"] for answer in answers] == [True, True, True, False, True, True]
    assert [body["event"] for body in await house.bodies()] == [
        "message.delivered", "message.received", "message.delivered", "message.delivered",
    ]  # fmt: skip
    assert answers[4] == {"ok": True, "messageIds": answers[1]["messageIds"], "eventIds": []}


async def test_a_long_line_that_is_wrong_is_answered_like_a_short_one(
    house: House, door: Door
) -> None:
    async with door.client() as client:
        client.tell({"event": "?", "x": "y" * 100_000}, {**DELIVERED, "x": "y" * 100_000})
        wrong, right = await client.answers(2)
    assert (wrong["code"], right["ok"]) == ("unknown_event", True)
    assert len(await house.bodies()) == 1


# --- when it does not work


async def test_a_store_without_room_refuses_lines_and_recovers(house: House, door: Door) -> None:
    async with door.client() as client:
        house.full = True
        refused = await client.ask(DELIVERED)
        assert refused["code"] == "low_disk_space"
        house.full = False
        assert (await client.ask(DELIVERED))["ok"]
    assert len(await house.bodies()) == 1


async def test_a_full_disk_fails_the_lines_of_the_batch_and_none_is_stored(
    house: House, door: Door
) -> None:
    lines = [{**DELIVERED, "diagnostic": "x" * 4000} for _ in range(200)]
    async with door.client() as client:
        await house.limit_pages(20)
        client.tell(*lines)
        answers = await client.answers(200)
        stored = [answer["eventId"] for answer in answers if answer["ok"]]
        assert {answer.get("code") for answer in answers} <= {"store_unavailable", None}
        assert len(stored) < 200
        await house.limit_pages(None)
        assert [body["eventId"] for body in await house.bodies()] == stored
        assert (await client.ask(DELIVERED))["ok"]


async def test_a_line_that_fails_unexpectedly_takes_no_other_with_it(
    house: House, door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draft = Reports.draft_news

    def fail_late(self: Reports, tx: Tx, outcome: Any) -> Any:
        drafted = draft(self, tx, outcome)
        if outcome.status == "9":
            raise LookupError("secret detail")
        return drafted

    monkeypatch.setattr(Reports, "draft_news", fail_late)
    lines = [{**DELIVERED, "status": str(number)} for number in range(20)]
    async with door.client() as client:
        client.tell(*lines)
        answers = await client.answers(20)
    assert [answer["ok"] for answer in answers] == [number != 9 for number in range(20)]
    assert answers[9] == {"ok": False, "code": "internal_error", "error": "line 10: Internal error"}
    assert [body["payload"]["delivery"]["status"] for body in await house.bodies()] == [
        str(number) for number in range(20) if number != 9
    ]
    assert capsys.readouterr().out.count("an event line failed") == 1


async def test_a_mail_that_cannot_be_read_for_a_reason_of_ours_is_an_internal_error(
    house: House, door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(_: bytes) -> None:
        raise LookupError("secret detail")

    monkeypatch.setattr(house.intake, "prepare", fail)
    async with door.client() as client:
        client.tell(_mail("support@example.com"), DELIVERED)
        failed, good = await client.answers(2)
    assert (failed["code"], good["ok"]) == ("internal_error", True)
    assert capsys.readouterr().out.count("an event line failed") == 1


@pytest.mark.parametrize("family", ["unix", "tcp"])
async def test_a_line_over_the_limit_ends_the_connection_after_an_error(
    house: House, family: str
) -> None:
    limits: dict[str, Any] = {"line_bytes": 5000, "large_line_bytes": 2000, "tcp": family == "tcp"}
    async with _open(house, **limits) as door:
        async with door.client() as client:
            client.tell(DELIVERED)
            client.send(b"x" * 5_000_000)
            client.send(b"\n" + json.dumps(DELIVERED).encode() + b"\n")
            first, second = (await client.rest()).splitlines()
        assert json.loads(first)["ok"]
        assert json.loads(second) == {
            "ok": False,
            "code": "line_too_long",
            "error": "line 2: a line has at most 5000 bytes",
        }
        await until(lambda: not door.server._connections)
    assert len(await house.bodies()) == 1


async def test_a_line_of_exactly_the_limit_is_taken(house: House) -> None:
    line = json.dumps(DELIVERED).encode()
    limits: dict[str, Any] = {"line_bytes": 5000, "large_line_bytes": 2000}
    async with _open(house, **limits) as door, door.client() as client:
        client.send(line.ljust(5000) + b"\n" + line.ljust(5001) + b"\n")
        first, second = (await client.rest()).splitlines()
    assert json.loads(first)["ok"]
    assert json.loads(second)["code"] == "line_too_long"


async def test_large_lines_wait_for_each_other(house: House) -> None:
    async with _open(house, large_line_bytes=10_000, large_lines=2, held_bytes=10_000) as door:

        async def tell(number: int) -> list[dict[str, Any]]:
            async with door.client() as client:
                raw = b"Subject: %d\r\n\r\n" % number + b"x" * 300_000
                client.tell(_mail("support@example.com", raw=raw), DELIVERED)
                return await client.answers(2)

        answers = await asyncio.gather(*(tell(number) for number in range(7)))
        assert all(answer["ok"] for pair in answers for answer in pair)
        assert door.server.large_lines._value == 2
    assert await house.count("messages") == 7


async def test_a_large_line_that_does_not_go_on_gives_up_its_place(house: House) -> None:
    async with _open(
        house, large_line_bytes=10_000, large_lines=1, held_bytes=10_000, stalled_line=0.1
    ) as door:
        async with door.client() as stuck, door.client() as other:
            stuck.send(b"x" * 20_000)
            await until(door.server.large_lines.locked)
            other.tell({**DELIVERED, "x": "y" * 50_000})
            assert json.loads(await stuck.rest())["code"] == "line_stalled"
            assert (await other.answer())["ok"]
        await until(lambda: door.server.large_lines._value == 1)


async def test_a_client_that_goes_away_inside_a_large_line_gives_up_its_place(
    house: House,
) -> None:
    async with _open(house, large_line_bytes=10_000, large_lines=1) as door:
        async with door.client() as first, door.client() as second:
            first.send(b"x" * 20_000)
            await until(door.server.large_lines.locked)
            second.send(b"x" * 20_000)
            await until(
                lambda: len([c for c in door.server._connections if c._place is not None]) == 2
            )
            second.writer.transport.abort()
            first.writer.transport.abort()
        await until(lambda: door.server.large_lines._value == 1)


async def test_a_client_that_never_reads_is_not_read_from_any_more(house: House) -> None:
    count = 40_000
    limits: dict[str, Any] = {"unread_bytes": 20_000, "held_lines": 100}
    async with _open(house, **limits) as door, door.client() as client:
        transport: Any = client.writer.transport
        transport.pause_reading()
        client.send((b"?" * 30 + b"\n") * count)
        await until(lambda: any(each._choked for each in door.server._connections))
        (connection,) = door.server._connections
        for _ in range(50):
            await asyncio.sleep(0)
        assert connection._transport.get_write_buffer_size() < 100_000
        assert transport.get_write_buffer_size() > 300_000
        transport.resume_reading()
        client.writer.write_eof()
        answers = (await client.rest()).splitlines()
    assert len(answers) == count
    assert json.loads(answers[-1])["error"].startswith(f"line {count}: ")


async def test_what_is_stored_is_announced_though_the_client_has_gone(house: House) -> None:
    await house.subscribe("message.delivered")
    held = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_: Tx) -> None:
        asyncio.run_coroutine_threadsafe(held.wait(), loop).result(10)

    async with _open(house, tcp=True) as door:
        async with door.client() as client:
            holding = asyncio.ensure_future(house.store.writer.write(hold))
            client.tell(DELIVERED)
            await until(lambda: any(each._batches for each in door.server._connections))
            client.vanish()
        await until(lambda: not door.server._connections)
        held.set()
        await holding
        await until(lambda: len(house.feed.offered) == 1)


async def test_a_client_that_goes_away_while_its_mail_is_read_stores_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: bytes) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(house.intake, "prepare", never)
    async with _open(house, tcp=True) as door:
        async with door.client() as client:
            client.tell(_mail("support@example.com"), DELIVERED)
            await until(lambda: any(each._reading_apart for each in door.server._connections))
            client.vanish()
        await until(lambda: not door.server._connections)
    assert await house.bodies() == []


async def test_a_connection_too_many_is_told_so(house: House) -> None:
    async with _open(house, connections=1) as door, door.client() as first:
        assert (await first.ask(DELIVERED))["ok"]
        async with door.client() as second:
            assert json.loads(await second.rest())["code"] == "too_many_connections"
        assert (await first.ask(DELIVERED))["ok"]


async def test_a_stop_answers_what_came_in_and_closes(house: House, door: Door) -> None:
    async with door.client() as client, door.client() as idle:
        await idle.ask(DELIVERED)
        client.tell(*[DELIVERED] * 500)
        client.send(b'{"event":')
        assert (await client.answer())["ok"]
        await door.server.stop(10)
        answers = (await client.rest()).splitlines()
        assert await idle.rest() == b""
    assert all(json.loads(answer)["ok"] for answer in answers)
    assert len(await house.bodies()) == 1 + 1 + len(answers)


async def test_a_stop_does_not_wait_for_ever(
    house: House, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_: bytes) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(house.intake, "prepare", never)
    async with door.client() as client:
        client.tell(_mail("support@example.com"))
        await until(lambda: any(each._reading_apart for each in door.server._connections))
        await door.server.stop(0.05)
        assert await client.rest() == b""


async def test_lines_may_be_stored_without_a_socket(house: House) -> None:
    answer = await house.lines.receive(MAIL, ["support@example.com"], None, "k")
    assert answer == await house.lines.receive(MAIL, ["support@example.com"], None, "k")
    await house.store.writer.close()
    with pytest.raises(Exception, match="the store is closed"):
        await house.lines.receive(MAIL, ["support@example.com"], None, None)
