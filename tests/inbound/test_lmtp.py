"""Mail comes in over LMTP: each recipient is answered for itself, and only after the commit."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.inbound.listeners import Access, Listener, TcpAddress, UnixAddress, listen
from sendook_lite.inbound.lmtp import LmtpServer
from sendook_lite.store.tx import Tx
from sendook_lite.usecases.intake import Became, Intake, Stored
from tests.inbound.clients import LmtpClient, until
from tests.inbound.conftest import House

LIMIT = 2_000_000
MAIL = (
    b"From: Ann <ann@y.example>\r\nTo: support@example.com\r\nSubject: Hello\r\n"
    b"Message-ID: <1@y.example>\r\n\r\nHello there.\r\n"
)


class Door:
    """A running server, and where it listens."""

    def __init__(self, server: LmtpServer, listener: Listener) -> None:
        self.server = server
        self.listener = listener

    def client(self) -> LmtpClient:
        address = self.listener.address
        return LmtpClient(address.path if isinstance(address, UnixAddress) else address.port)


@asynccontextmanager
async def _open(house: House, *, tcp: bool = False, **options: Any) -> AsyncIterator[Door]:
    intake = options.pop("intake", house.intake)
    options = {"max_message_bytes": LIMIT, "hostname": "mail.example.com", **options}
    where = TcpAddress("127.0.0.1", 0) if tcp else UnixAddress(house.directory / "lmtp.sock")
    server = LmtpServer(intake, **options)
    with listen(where, Access(0o660)) as listener:
        await server.start(listener.sock)
        try:
            yield Door(server, listener)
        finally:
            await server.stop(0.1)


@pytest.fixture
async def door(house: House) -> AsyncIterator[Door]:
    async with _open(house) as door:
        yield door


class FailingIntake:
    """An intake that does all but store: it tells of each recipient what it is given, in time."""

    def __init__(self, intake: Intake, *fates: tuple[float, Became]) -> None:
        self._fates = list(fates)
        self.judge_recipient = intake.judge_recipient
        self.prepare = intake.prepare

    def submit(self, tell: Callable[[Became], None], *_: object) -> None:
        after, became = self._fates.pop(0)
        asyncio.get_running_loop().call_later(after, tell, became)


# --- a session


@pytest.mark.parametrize("family", ["unix", "tcp"])
async def test_the_greeting_says_what_is_offered(house: House, family: str) -> None:
    async with _open(house, tcp=family == "tcp") as door, door.client() as client:
        assert client.greeting == "220 mail.example.com LMTP Sendook Lite\r\n"
        assert (await client.command("LHLO me")).split("\r\n") == [
            "250-mail.example.com",
            f"250-SIZE {LIMIT}",
            "250-8BITMIME",
            "250-SMTPUTF8",
            "250-PIPELINING",
            "250 ENHANCEDSTATUSCODES",
        ]


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("HELO me", "500 5.5.1 command not recognised"),
        ("EHLO me", "500 5.5.1 command not recognised"),
        ("AUTH PLAIN AGEAYg==", "500 5.5.1 command not recognised"),
        ("STARTTLS", "500 5.5.1 command not recognised"),
        ("HELP", "500 5.5.1 command not recognised"),
        ("XYZZY", '500 5.5.2 Error: command "XYZZY" not recognized'),
        ("LHLO", "501 5.5.4 LHLO needs the name of the client"),
        ("", "500 5.5.2 Error: bad syntax"),
        ("M\xe4IL", "500 5.5.2 Error: bad syntax"),
        ("NOOP " + "x" * 5000, "500 5.5.2 Command line too long"),
        ("NOOP " + "x" * 70_000, "500 5.5.2 Command line too long"),
        ("NOOP", "250 2.0.0 ok"),
        ("noop anything", "250 2.0.0 ok"),
        ("RSET", "250 2.0.0 forgotten"),
        ("VRFY support", "252 2.5.2 send mail and see"),
        ("QUIT", "221 2.0.0 bye"),
        ("MAIL FROM:<a@b.example>", "503 5.5.1 LHLO first"),
        ("RCPT TO:<support@example.com>", "503 5.5.1 MAIL first"),
        ("DATA", "503 5.5.1 no recipient was accepted"),
    ],
)
async def test_a_command_outside_a_mail_has_its_reply(door: Door, command: str, reply: str) -> None:
    async with door.client() as client:
        assert await client.command(command) == reply


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("MAIL FROM:<a@b.example>", "250 2.1.0 sender ok"),
        ("mail from: <a@b.example> size=100 body=8bitmime SMTPUTF8", "250 2.1.0 sender ok"),
        ("MAIL FROM:<>", "250 2.1.0 sender ok"),
        (f"MAIL FROM:<> SIZE={LIMIT}", "250 2.1.0 sender ok"),
        (f"MAIL FROM:<> SIZE={LIMIT + 1}",
         "552 5.3.4 the message is larger than this server takes"),
        (f"MAIL FROM:<> SIZE={'9' * 3000}",
         "552 5.3.4 the message is larger than this server takes"),
        ("MAIL FROM:<> SIZE=many", "501 5.5.4 SIZE must be a number"),
        ("MAIL FROM:<> SIZE", "501 5.5.4 SIZE must be a number"),
        ("MAIL", "501 5.5.4 expected FROM:<address>"),
        ("MAIL TO:<a@b.example>", "501 5.5.4 expected FROM:<address>"),
        ("MAIL FROM:<a@b.example", "501 5.5.4 expected FROM:<address>"),
        ("MAIL FROM:<a\x00@b.example>", "501 5.1.7 the address is malformed"),
        ("MAIL FROM:<a\udcff@b.example>", "501 5.1.7 the address is malformed"),
    ],
)  # fmt: skip
async def test_a_sender_has_its_reply(door: Door, command: str, reply: str) -> None:
    async with door.client() as client:
        await client.command("LHLO me")
        assert await client.command(command) == reply


async def test_a_second_sender_is_refused_until_rset(door: Door) -> None:
    async with door.client() as client:
        await client.begin()
        assert await client.command("MAIL FROM:<>") == "503 5.5.1 MAIL was given already"
        await client.command("RSET")
        assert await client.command("RCPT TO:<support@example.com>") == "503 5.5.1 MAIL first"
        assert await client.command("MAIL FROM:<>") == "250 2.1.0 sender ok"


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("<support@example.com>", "250 2.1.5 recipient ok"),
        ("<SUPPORT@Example.COM>", "250 2.1.5 recipient ok"),
        ("<support+order-7@example.com>", "250 2.1.5 recipient ok"),
        ("<@relay.example,@other.example:support@example.com>", "250 2.1.5 recipient ok"),
        ('<"support"@example.com>', "250 2.1.5 recipient ok"),
        ("support@example.com", "250 2.1.5 recipient ok"),
        ("<support@example.com> NOTIFY=NEVER ORCPT=rfc822;a@b", "250 2.1.5 recipient ok"),
        ("<nobody@example.com>", "550 5.1.1 no inbox has the address nobody@example.com"),
        ('<"no body"@example.com>', '550 5.1.1 no inbox has the address "no body"@example.com'),
        ("<nobödy@example.com>", "550 5.1.1 no inbox has the address nob?dy@example.com"),
        ("<bounces+AAAA@example.com>",
         "550 5.1.1 no inbox has the address bounces+AAAA@example.com"),
        ("<support@other.example>", "550 5.7.1 mail for other.example is not handled here"),
        ("<postmaster>", "501 5.1.3 the address has no domain"),
        ("<>", "501 5.1.3 the address has no domain"),
        ("<a\rb@example.com>", "501 5.1.3 the address is malformed"),
        ("", "501 5.5.4 expected TO:<address>"),
    ],
)  # fmt: skip
async def test_a_recipient_has_its_reply(door: Door, recipient: str, reply: str) -> None:
    async with door.client() as client:
        await client.begin()
        assert await client.command(f"RCPT TO:{recipient}") == reply


async def test_five_unknown_commands_end_the_session(door: Door) -> None:
    async with door.client() as client:
        client.send(b"FOO\r\n" * 5)
        assert (await client.rest()).splitlines()[-1] == (
            b"502 5.5.1 Too many unrecognized commands, goodbye."
        )


async def test_nothing_sent_along_behind_quit_is_obeyed(house: House, door: Door) -> None:
    async with door.client() as client:
        client.send(
            b"LHLO me\r\nQUIT\r\nMAIL FROM:<>\r\nRCPT TO:<support@example.com>\r\nDATA\r\n"
            + MAIL + b".\r\n"
        )  # fmt: skip
        assert (await client.rest()).endswith(b"221 2.0.0 bye\r\n")
    assert await house.count("messages") == 0


# --- storing


async def test_a_mail_is_answered_with_the_id_it_is_stored_under(house: House, door: Door) -> None:
    await house.subscribe("message.received")
    async with door.client() as client:
        await client.begin("support@example.com")
        (reply,) = await client.data(MAIL)
    ((identifier,),) = await house.rows("SELECT id FROM messages")
    assert reply == f"250 2.0.0 {identifier} stored"
    (body,) = await house.bodies()
    assert body["messageId"] == identifier
    assert body["payload"]["subject"] == "Hello"
    assert body["payload"]["envelopeFrom"] == "x@y.example"
    assert [delivery.event_id for delivery in house.feed.offered] == [body["eventId"]]


async def test_smtplib_can_hand_over_a_mail(house: House, door: Door) -> None:
    address = door.listener.address
    assert isinstance(address, UnixAddress)

    def hand_over(path: Path) -> dict[str, tuple[int, bytes]]:
        with smtplib.LMTP(str(path)) as client:
            return client.sendmail("a@y.example", ["support@example.com"], MAIL, ["BODY=8BITMIME"])

    assert await asyncio.to_thread(hand_over, address.path) == {}
    assert await house.raw() == [MAIL]


async def test_the_null_sender_is_taken_and_its_mail_marked_automatic(
    house: House, door: Door
) -> None:
    async with door.client() as client:
        await client.begin("support@example.com", sender="")
        assert "stored" in (await client.data(MAIL))[0]
    (body,) = await house.bodies()
    assert body["payload"]["autoSubmitted"] is True
    assert "envelopeFrom" not in body["payload"]


async def test_every_recipient_gets_a_reply_of_its_own(house: House, door: Door) -> None:
    await house.inboxes.create(None, "sales@example.com")
    gone = await house.inboxes.create(None, "gone@example.com")
    async with door.client() as client:
        accepted = await client.begin(
            "support@example.com", "nobody@example.com", "gone@example.com",
            "sales+x@example.com", "SUPPORT@example.com",
        )  # fmt: skip
        assert [reply[:9] for reply in accepted] == [
            "250 2.1.5", "550 5.1.1", "250 2.1.5", "250 2.1.5", "250 2.1.5",
        ]  # fmt: skip
        await house.inboxes.delete(gone.id)
        replies = await client.data(MAIL, 4)
        assert await client.command("NOOP") == "250 2.0.0 ok"
    first, missing, second, again = replies
    assert first.endswith(" stored")
    assert missing == "550 5.1.1 no inbox has the address gone@example.com"
    assert second.endswith(" stored")
    assert again == f"250 2.0.0 duplicate of {first.split()[2]}"
    assert await house.count("messages") == 2
    assert await house.count("blobs") == 1


async def test_the_recipients_of_a_mail_share_a_commit(house: House, door: Door) -> None:
    await house.inboxes.create(None, "sales@example.com")
    async with door.client() as client:
        await client.begin("support@example.com", "sales@example.com")
        instant = house.clock.wall
        await client.data(MAIL, 2)
    stamps = await house.rows("SELECT DISTINCT created_at FROM messages")
    assert stamps == [(instant,)]
    assert await house.count("messages") == 2


async def test_a_repetition_within_a_week_is_a_duplicate_and_creates_nothing(
    house: House, door: Door
) -> None:
    async with door.client() as client:
        await client.begin("support@example.com")
        (first,) = await client.data(MAIL)
        await house.clock.advance(6 * 24 * 3600)
        await client.begin("support@example.com")
        (second,) = await client.data(MAIL)
        await house.clock.advance(2 * 24 * 3600)
        await client.begin("support@example.com")
        (third,) = await client.data(MAIL)
    assert second == f"250 2.0.0 duplicate of {first.split()[2]}"
    assert third.endswith(" stored")
    assert len(await house.bodies()) == 2


async def test_a_catch_all_takes_what_nobody_else_does(build_house: Callable[..., Any]) -> None:
    house = await build_house(catch_all="support@example.com")
    async with _open(house) as door, door.client() as client:
        assert await client.begin("anybody@example.com", "bounces@example.com") == [
            "250 2.1.5 recipient ok",
            "550 5.1.1 no inbox has the address bounces@example.com",
        ]
        assert (await client.data(MAIL))[0].endswith(" stored")
    (body,) = await house.bodies()
    assert body["payload"]["to"][0] == "support@example.com"


async def test_inboxes_are_made_for_unknown_recipients_up_to_a_limit_per_hour(
    build_house: Callable[..., Any],
) -> None:
    house = await build_house(unknown_recipients="create", create_per_hour=2)
    async with _open(house) as door, door.client() as client:
        await client.begin("a@example.com", "b@example.com", "c@example.com")
        replies = await client.data(MAIL, 3)
        assert [reply[:9] for reply in replies] == ["250 2.0.0", "250 2.0.0", "550 5.1.1"]
        assert (await client.begin("d@example.com"))[0].startswith("550 5.1.1")
        await client.command("RSET")
        await house.clock.advance(3601)
        assert (await client.begin("d@example.com"))[0].startswith("250 2.1.5")
    assert await house.count("inboxes") == 3


async def test_an_address_beyond_ascii_is_an_inbox_like_any_other(house: House, door: Door) -> None:
    await house.inboxes.create(None, "grüße@bücher.example")
    async with door.client() as client:
        await client.command("LHLO me")
        await client.command("MAIL FROM:<käthe@y.example> SMTPUTF8")
        assert await client.command("RCPT TO:<grüße@BÜCHER.example>") == "250 2.1.5 recipient ok"
        assert (await client.data(MAIL))[0].endswith(" stored")
    (body,) = await house.bodies()
    assert body["payload"]["envelopeFrom"] == "käthe@y.example"


# --- bytes


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n",
        b".\r\n",
        b"..\r\n.\r\n.x\r\n",
        b"\r\n.\r\n",
        b"Subject: x\r\n\r\n\x00\x80\xff and more\r\n",
        b"Subject: x\r\n\r\n" + b"y" * 300_000 + b"\r\nz\r\n",
        b"bare\nline\rends\n.\nand\r.\r\n",
        b"\r\r\n",
    ],
    ids=["empty", "one empty line", "two", "dot", "dots", "dot in the middle", "8 bit and NUL",
         "long line", "bare", "stray CR"],
)  # fmt: skip
@pytest.mark.parametrize("step", [1 << 20, 1])
async def test_the_bytes_of_a_mail_are_kept_as_they_are(
    house: House, door: Door, message: bytes, step: int
) -> None:
    step = max(step, len(message) // 50)
    stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\nNOOP\r\n"
    async with door.client() as client:
        await client.begin("support@example.com")
        assert (await client.command("DATA")).startswith("354")
        for start in range(0, len(stuffed), step):
            client.send(stuffed[start : start + step])
            await client.writer.drain()
            await asyncio.sleep(0)
        assert (await client.reply()).endswith(" stored")
        assert await client.reply() == "250 2.0.0 ok"
    assert await house.raw() == [message]


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n"]
)
async def test_only_crlf_dot_crlf_ends_a_mail(house: House, door: Door, end: bytes) -> None:
    smuggled = b"Subject: one\r\n\r\none" + end + b"MAIL FROM:<evil@y.example>\r\n"
    async with door.client() as client:
        await client.begin("support@example.com")
        await client.command("DATA")
        client.send(smuggled + b"\r\n.\r\n")
        assert (await client.reply()).endswith(" stored")
        assert await client.command("NOOP") == "250 2.0.0 ok"
    (raw,) = await house.raw()
    assert b"MAIL FROM:<evil@y.example>" in raw


async def test_everything_may_be_sent_in_one_write(house: House, door: Door) -> None:
    mail = b"MAIL FROM:<>\r\nRCPT TO:<support@example.com>\r\nRCPT TO:<no@example.com>\r\nDATA\r\n"
    async with door.client() as client:
        client.send(b"LHLO me\r\n" + mail + MAIL + b".\r\n" + mail + b"Subject: 2\r\n.\r\nQUIT\r\n")
        codes = [line[:9] for line in (await client.rest()).decode().splitlines()[6:]]
    assert codes == [
        "250 2.1.0", "250 2.1.5", "550 5.1.1", "354 end w", "250 2.0.0",
        "250 2.1.0", "250 2.1.5", "550 5.1.1", "354 end w", "250 2.0.0", "221 2.0.0",
    ]  # fmt: skip
    assert await house.count("messages") == 2


async def test_a_mail_over_the_limit_is_refused_for_each_recipient(
    house: House, door: Door
) -> None:
    await house.inboxes.create(None, "sales@example.com")
    async with door.client() as client:
        await client.begin("support@example.com", "sales@example.com")
        too_large = "552 5.3.4 the message is larger than this server takes"
        assert await client.data(b"x" * (LIMIT - 1) + b"\r\n", 2) == [too_large] * 2
        await client.begin("support@example.com")
        assert (await client.data(b"x" * (3 * LIMIT) + b"\r\n")) == [too_large]
        await client.begin("support@example.com")
        assert (await client.data(MAIL))[0].endswith(" stored")
    assert await house.raw() == [MAIL]


async def test_a_mail_of_exactly_the_limit_is_taken_its_stuffed_dots_not_counted(
    house: House, door: Door
) -> None:
    message = b".\r\n" * (LIMIT // 3) + b"x" * (LIMIT % 3)
    message = message[:-2] + b"\r\n"
    async with door.client() as client:
        await client.begin("support@example.com")
        assert (await client.data(message))[0].endswith(" stored")
    assert b"".join(await house.raw()) == message
    assert len(message) == LIMIT


async def test_many_large_mails_at_once_wait_for_each_other(house: House, door: Door) -> None:
    async def hand_over(number: int) -> str:
        async with door.client() as client:
            await client.begin("support@example.com")
            body = b"Subject: %d\r\n\r\n" % number + b"x" * 600_000 + b"\r\n"
            return (await client.data(body))[0]

    replies = await asyncio.gather(*(hand_over(number) for number in range(9)))
    assert all(reply.endswith(" stored") for reply in replies)
    assert await house.count("messages") == 9


# --- when it does not work


async def test_a_client_that_goes_away_inside_a_mail_stores_nothing(
    house: House, door: Door
) -> None:
    async with door.client() as client:
        await client.begin("support@example.com")
        await client.command("DATA")
        client.send(MAIL + b".\r")
        client.writer.write_eof()
        assert await client.rest() == b""
    assert await house.count("messages") == 0


async def test_a_client_that_closes_its_side_early_still_gets_its_replies(
    house: House, door: Door
) -> None:
    async with door.client() as client:
        client.send(
            b"LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<support@example.com>\r\nDATA\r\n"
            + MAIL + b".\r\nQUIT\r\n"
        )  # fmt: skip
        client.writer.write_eof()
        assert b" stored\r\n" in await client.rest()
    assert await house.count("messages") == 1


async def test_a_store_without_room_keeps_the_mail_with_the_mail_server(
    house: House, door: Door
) -> None:
    await house.inboxes.create(None, "sales@example.com")
    again = "451 4.3.0 cannot store mail now, try again later"
    async with door.client() as client:
        house.full = True
        assert await client.begin("support@example.com") == [again]
        house.full = False
        await client.command("RSET")
        await client.begin("support@example.com", "sales@example.com")
        house.full = True
        assert await client.data(MAIL, 2) == [again, again]
        house.full = False
        await client.begin("support@example.com", "sales@example.com")
        assert all(reply.endswith(" stored") for reply in await client.data(MAIL, 2))


async def test_a_full_disk_is_answered_with_451_for_each_recipient_and_forgiven(
    house: House, door: Door
) -> None:
    await house.inboxes.create(None, "sales@example.com")
    message = b"Subject: big\r\n\r\n" + b"x" * 500_000 + b"\r\n"
    async with door.client() as client:
        await client.begin("support@example.com", "sales@example.com")
        await house.limit_pages(5)
        assert (
            await client.data(message, 2)
            == ["451 4.3.0 cannot store mail now, try again later"] * 2
        )
        assert await house.count("messages") == await house.count("blobs") == 0
        assert await house.bodies() == []
        await house.limit_pages(None)
        await client.begin("support@example.com", "sales@example.com")
        assert all(reply.endswith(" stored") for reply in await client.data(message, 2))


async def test_an_error_nobody_expected_is_451_and_logged_once(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    intake = FailingIntake(house.intake, (0, LookupError("a bug of ours")))
    async with _open(house, intake=intake) as door, door.client() as client:
        await client.begin("support@example.com")
        assert await client.data(MAIL) == ["451 4.3.0 cannot store mail now, try again later"]
    log = capsys.readouterr().out
    assert (log.count("a mail was not stored"), log.count("a bug of ours")) == (1, 1)


async def test_a_mail_that_cannot_even_be_submitted_is_451_and_logged_once(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("a bug of ours")

    monkeypatch.setattr(house.intake, "submit", fail)
    async with _open(house) as door, door.client() as client:
        await client.begin("support@example.com")
        assert await client.data(MAIL) == ["451 4.3.0 cannot store mail now, try again later"]
    assert capsys.readouterr().out.count("a mail was not stored") == 1


async def test_a_recipient_that_is_not_stored_in_time_is_451_and_the_others_are_not(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    intake = FailingIntake(
        house.intake,
        (0.3, Stored("msg_1", None, duplicate=False)),
        (0, Stored("msg_2", None, duplicate=False)),
    )
    async with _open(house, intake=intake, timeout=0.1) as door, door.client() as client:
        await client.begin("support@example.com", "support+two@example.com")
        assert await client.data(MAIL, 2) == [
            "451 4.3.0 cannot store mail now, try again later",
            "250 2.0.0 msg_2 stored",
        ]
    assert capsys.readouterr().out.count("a mail was not stored in time") == 1


async def test_an_error_in_judging_a_recipient_is_451(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(_: str) -> None:
        raise LookupError("secret detail")

    monkeypatch.setattr(house.intake, "judge_recipient", fail)
    async with _open(house) as door, door.client() as client:
        (reply,) = await client.begin("support@example.com")
        assert reply == "451 4.3.0 cannot store mail now, try again later"
    assert capsys.readouterr().out.count("an LMTP command failed") == 1


async def test_what_is_stored_is_announced_though_the_client_has_gone(house: House) -> None:
    await house.subscribe("message.received")
    held = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_: Tx) -> None:
        asyncio.run_coroutine_threadsafe(held.wait(), loop).result(10)

    async with _open(house, tcp=True) as door:
        async with door.client() as client:
            await client.begin("support@example.com")
            holding = asyncio.ensure_future(house.store.writer.write(hold))
            await client.command("DATA")
            client.send(MAIL + b".\r\n")
            await until(lambda: bool(door.server._storing))
            client.vanish()
        await until(lambda: not door.server._sessions)
        assert house.feed.offered == []
        held.set()
        await holding
        await until(lambda: not door.server._storing)
    assert len(house.feed.offered) == 1


async def test_recipients_over_the_limit_are_to_be_sent_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sendook_lite.inbound.lmtp_session.MAX_RECIPIENTS", 2)
    async with door.client() as client:
        replies = await client.begin(*["support@example.com"] * 3)
    assert replies[2] == "452 4.5.3 too many recipients, send the mail again for the others"


async def test_a_session_too_many_is_told_to_come_later(house: House) -> None:
    async with _open(house, max_sessions=1) as door, door.client() as first:
        async with door.client() as second:
            assert second.greeting == "421 4.3.2 too many connections, try again later\r\n"
        assert await first.command("NOOP") == "250 2.0.0 ok"
        await first.command("QUIT")
        await first.rest()
        async with door.client() as third:
            assert third.greeting.startswith("220 ")


async def test_a_silent_client_is_dismissed(house: House) -> None:
    async with _open(house, timeout=0.05) as door, door.client() as client:
        assert await client.rest() == b"421 4.4.2 nothing heard for 0.05 s, closing\r\n"


async def test_a_client_silent_inside_a_mail_is_dismissed_and_stores_nothing(
    house: House,
) -> None:
    async with _open(house, timeout=0.1) as door, door.client() as client:
        await client.begin("support@example.com")
        await client.command("DATA")
        client.send(MAIL)
        assert (await client.rest()).startswith(b"421 4.4.2 ")
    assert await house.count("messages") == 0


async def test_a_client_that_reads_nothing_is_cut_off(house: House) -> None:
    async with _open(house, timeout=0.2) as door, door.client() as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.send(b"NOOP\r\n" * 200_000)
        await until(lambda: not door.server._sessions)


# --- stopping


async def test_a_stop_dismisses_idle_clients_and_lets_a_mail_be_finished(house: House) -> None:
    async with _open(house) as door, door.client() as idle, door.client() as busy:
        await busy.begin("support@example.com")
        await busy.command("DATA")
        stopping = asyncio.ensure_future(door.server.stop(10))
        assert await idle.rest() == b"421 4.3.2 shutting down\r\n"
        busy.send(MAIL + b".\r\n")
        stored, goodbye, _ = (await busy.rest()).split(b"\r\n")
        await stopping
        assert stored.endswith(b" stored")
        assert goodbye == b"421 4.3.2 shutting down"
        with pytest.raises(OSError, match=r"refused|No such file"):
            await door.client().__aenter__()
    assert await house.count("messages") == 1


async def test_a_stop_does_not_wait_for_ever(house: House) -> None:
    async with _open(house) as door, door.client() as client:
        await client.begin("support@example.com")
        await client.command("DATA")
        client.send(MAIL)
        await door.server.stop(0.05)
        await client.rest()
    assert await house.count("messages") == 0
