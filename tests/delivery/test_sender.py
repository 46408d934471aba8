"""Attempts against real endpoints on loopback, from the request's bytes to the outcome."""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sendook_lite.delivery.dialer import explain_refusal
from sendook_lite.delivery.endpoint import Endpoint, render_request
from sendook_lite.delivery.resolver import Resolver
from sendook_lite.delivery.sender import Sender
from sendook_lite.domain.endpoint_url import parse
from sendook_lite.domain.model import DueDelivery
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.outcome import Outcome
from sendook_lite.domain.signing import HmacKey, new_secret, secret_bytes, verify
from tests.delivery.servers import (
    OK,
    Authority,
    Handler,
    Server,
    always,
    answering,
    closed_port,
    deaf,
    dripping,
    hasty,
    on_both_loops,
    read_request,
    reset,
    serving,
    silent,
    then_closing,
    then_resetting,
    unaccepting,
)
from tests.fakes import START, CountingBytes, FakeClock, due_delivery

SECRETS = [new_secret(CountingBytes()), new_secret(lambda size: b"\xff" * size)]
KEYS = tuple(HmacKey(secret_bytes(secret)) for secret in SECRETS)
BODY = b'{"event":"message.received"}'
DELIVERY = due_delivery(BODY, attempt=3)
LOOPBACK = ("127.0.0.0/8",)
DESCRIPTORS = Path("/proc/self/fd")


class Bench:
    """A sender, and the names it can resolve."""

    def __init__(
        self,
        allow: tuple[str, ...] = LOOPBACK,
        ca_file: str | None = None,
        max_idle: int = 512,
    ) -> None:
        self.clock = FakeClock()
        self.names: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.sender = Sender(
            guard=Guard(allow),
            resolver=Resolver(self.clock, self._look_up),
            clock=self.clock,
            version="1.2.3",
            ca_file=ca_file,
            max_idle=max_idle,
        )

    def _look_up(self, host: str, port: int) -> list[str]:
        assert port > 0
        self.asked.append(host)
        try:
            return self.names[host]
        except KeyError:
            raise socket.gaierror(socket.EAI_NONAME, "x") from None

    async def send(
        self,
        url: str,
        timeout: float = 5.0,  # noqa: ASYNC109 - the endpoint's own
        delivery: DueDelivery = DELIVERY,
    ) -> Outcome:
        return await self.sender.send(self.endpoint(url, timeout), delivery, self.clock.now())

    def endpoint(self, url: str, timeout: float = 5.0) -> Endpoint:
        return Endpoint("wh_1", parse(url), KEYS, (), timeout)

    @property
    def open(self) -> int:
        return self.sender._connections.open_count

    @property
    def idle(self) -> int:
        return self.sender._connections.idle_count


@contextlib.asynccontextmanager
async def bench(
    allow: tuple[str, ...] = LOOPBACK, ca_file: str | None = None, max_idle: int = 512
) -> AsyncIterator[Bench]:
    made = Bench(allow, ca_file, max_idle)
    try:
        yield made
    finally:
        await made.sender.close()
        assert (made.open, made.idle) == (0, 0)


def here(server: Server | int, scheme: str = "http", host: str = "127.0.0.1") -> str:
    return f"{scheme}://{host}:{server if isinstance(server, int) else server.port}/hook"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def left() -> tuple[int, int]:
    """Return how many sockets and tasks there are."""
    links = [str(link.readlink()) for link in DESCRIPTORS.iterdir() if link.is_symlink()]
    return sum(link.startswith("socket:") for link in links), len(asyncio.all_tasks())


def failed(outcome: Outcome) -> tuple[str | None, str | None]:
    assert not outcome.success
    return outcome.error, outcome.detail


# --- the request


@on_both_loops
async def test_the_request_is_what_was_promised() -> None:
    own = (("Authorization", "Bearer x"), ("x-team", "blue, green"))
    async with serving(always()) as server, bench() as b:
        url = parse(f"http://127.0.0.1:{server.port}/päth?q=1&r=%20")
        outcome = await b.sender.send(Endpoint("wh_1", url, KEYS, own, 5.0), DELIVERY, START)
        assert outcome.success
        (request,) = server.requests
        assert request.line == "POST /p%C3%A4th?q=1&r=%20 HTTP/1.1"
        signature = request.header("webhook-signature")
        assert request.headers == [
            ("host", f"127.0.0.1:{server.port}"),
            ("content-type", "application/json"),
            ("user-agent", "Sendook-Lite/1.2.3"),
            ("accept-encoding", "identity"),
            ("content-length", str(len(BODY))),
            ("webhook-id", "evt_1"),
            ("webhook-timestamp", str(START // 1000)),
            ("webhook-signature", signature),
            ("x-sendook-event", "message.received"),
            ("x-sendook-delivery", "dlv_1"),
            ("x-sendook-attempt", "3"),
            *own,
        ]
        assert request.body == BODY
        for secret in SECRETS:
            verify([secret], dict(request.headers), request.body, START // 1000)


@on_both_loops
async def test_a_large_body_arrives_whole() -> None:
    body = os.urandom(2_000_000)
    async with serving(always()) as server, bench() as b:
        assert (await b.send(here(server), delivery=due_delivery(body))).success
        assert server.requests[0].body == body
        assert b.idle == 1


@pytest.mark.parametrize(
    "header",
    [
        ("x-a", "b\r\nx-evil: 1"),
        ("x-a", "b\n"),
        ("x-a", "\x00"),
        ("x-a", "grün"),
        ("x-a", " b"),
        ("x a", "b"),
        ("x-a:", "b"),
        ("", "b"),
        ("x-a\r\n", "b"),
        ("Host", "evil.example"),
        ("Content-Length", "0"),
        ("transfer-encoding", "chunked"),
        ("Connection", "close"),
        ("expect", "100-continue"),
        ("Webhook-Id", "evt_2"),
        ("webhook-signature", "v1,x"),
        ("User-Agent", "x"),
        ("accept-encoding", "gzip"),
        ("X-Sendook-Attempt", "1"),
        ("x-a", "b" * 9000),
    ],
)
def test_no_header_can_break_the_request_or_replace_ours(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"[Hh]eader") as caught:
        Endpoint("wh_1", parse("http://127.0.0.1/"), KEYS, (header,), 5.0)
    assert header[1] not in str(caught.value) or len(header[1]) < 9


def test_headers_are_bounded_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="given twice"):
        Endpoint("wh_1", parse("http://127.0.0.1/"), KEYS, (("x-a", "1"), ("X-A", "2")), 5.0)
    many = tuple((f"x-{n}", "1") for n in range(51))
    with pytest.raises(ValueError, match="At most 50"):
        Endpoint("wh_1", parse("http://127.0.0.1/"), KEYS, many, 5.0)
    Endpoint("wh_1", parse("http://127.0.0.1/"), KEYS, many[1:], 5.0)


@pytest.mark.parametrize("text", ["a\r\nb: c", "a b", "ä", "\x7f"])
def test_ids_and_types_cannot_break_the_request(text: str) -> None:
    endpoint = Endpoint("wh_1", parse("http://127.0.0.1/"), KEYS, (), 5.0)
    for name in ("id", "event_id", "event_type"):
        delivery = DELIVERY._replace(**{name: text})
        with pytest.raises(ValueError, match="printable ASCII"):
            render_request(endpoint, delivery, b"", 1)


def test_an_endpoint_without_a_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="a current secret"):
        Endpoint("wh_1", parse("http://127.0.0.1/"), (), (), 5.0)


# --- answers


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
@on_both_loops
async def test_a_2xx_in_time_is_a_success(status: int) -> None:
    answer = b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status
    async with serving(always(answer)) as server, bench() as b:
        assert await b.send(here(server)) == Outcome(status, None, None, b"", 0.0)


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 410, 418, 429, 500, 503, 599, 600])
@on_both_loops
async def test_any_other_status_is_a_failure(status: int) -> None:
    answer = b"HTTP/1.1 %d X\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n" % status
    async with serving(always(answer)) as server, bench() as b:
        outcome = await b.send(here(server))
        assert (outcome.status, outcome.error) == (status, "http_status")
        assert outcome.detail is not None
        assert outcome.detail.startswith(f"answered {status}")
        assert outcome.retry_after == "7"
        assert not outcome.success


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@on_both_loops
async def test_a_redirect_is_a_failure_and_is_not_followed(status: int) -> None:
    async with serving(always()) as elsewhere, bench() as b:
        location = here(elsewhere).encode()
        answer = b"HTTP/1.1 %d X\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n"
        async with serving(always(answer % (status, location))) as server:
            outcome = await b.send(here(server))
        assert outcome.error_text == (f"http_status: answered {status}; redirects are not followed")
        assert elsewhere.connections == 0


@on_both_loops
async def test_cookies_are_not_kept() -> None:
    answer = b"HTTP/1.1 200 OK\r\nset-cookie: a=b; path=/\r\ncontent-length: 0\r\n\r\n"
    async with serving(always(answer)) as server, bench() as b:
        for _ in range(2):
            await b.send(here(server))
        assert all(name != "cookie" for name, _ in server.requests[1].headers)


@on_both_loops
async def test_proxies_of_the_environment_are_not_used() -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
            patch.setenv(name, "http://127.0.0.1:9")
        async with serving(always()) as server, bench() as b:
            assert (await b.send(here(server))).success


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"fine", "fine"),
        (b"\xff\x00\x1b[31mred", "\N{REPLACEMENT CHARACTER}[31mred"),
        (b"z" * 9000, "z" * 4096),
        (b"", ""),
    ],
)
async def test_the_excerpt_of_an_answer_can_be_shown(body: bytes, text: str) -> None:
    answer = b"HTTP/1.1 500 X\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    async with serving(always(answer)) as server, bench() as b:
        outcome = await b.send(here(server))
        assert outcome.response == body[:4096]
        assert outcome.response_text == text


async def test_the_duration_is_measured_on_the_monotonic_clock() -> None:
    async with bench() as b:

        async def slow(
            server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await read_request(server, reader)
            await b.clock.advance(1.5)
            writer.write(OK)
            await reader.read()

        async with serving(slow) as server:
            assert (await b.send(here(server))).duration_ms == 1500


# --- failures, stage by stage

Failure = tuple[Handler, str, str]
BY_HANDLER: dict[str, Failure] = {
    "reset at once": (deaf, "connection_reset", "the connection was reset without an answer"),
    "reset instead of an answer": (
        then_resetting(),
        "connection_reset",
        "the connection was reset without an answer",
    ),
    "closed instead of an answer": (
        then_closing(b""),
        "connection_reset",
        "the connection was closed without an answer",
    ),
    "reset in the answer": (
        then_resetting(b"HTTP/1.1 200"),
        "connection_reset",
        "the connection was reset in the middle of the answer",
    ),
    "garbage": (
        answering(b"SSH-2.0-OpenSSH_9.6\r\n"),
        "bad_response",
        "the endpoint's answer is not HTTP/1.1",
    ),
    "silence": (silent, "response_timeout", "no answer within 0.15 s"),
    "dripping 200": (
        dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"."),
        "response_timeout",
        "answered 200, but the answer did not end within 0.15 s",
    ),
    "early answer": (hasty, "http_status", "answered 413"),
}


@pytest.mark.parametrize("name", BY_HANDLER)
@on_both_loops
async def test_a_failure_has_its_code_and_its_phrase(name: str) -> None:
    handler, error, detail = BY_HANDLER[name]
    async with serving(handler) as server, bench() as b:
        outcome = await b.send(here(server), timeout=0.15)
        assert failed(outcome) == (error, detail)
        assert outcome.status == (413 if error == "http_status" else None)
        assert outcome.response_text == ("big" if error == "http_status" else None)


@on_both_loops
async def test_a_refused_connection() -> None:
    async with bench() as b:
        outcome = await b.send(here(closed_port()))
        assert failed(outcome) == ("connect_refused", "the connection was refused")


@on_both_loops
async def test_a_connection_that_is_never_taken() -> None:
    with unaccepting() as port:
        async with bench() as b:
            outcome = await b.send(here(port), timeout=0.1)
            assert failed(outcome) == ("connect_timeout", "opening the connection took too long")


async def test_no_descriptor_left_is_said_in_words() -> None:
    import resource  # noqa: PLC0415 - only here

    async with serving(always()) as server, bench() as b:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
        try:
            fillers = []
            with contextlib.suppress(OSError):
                while True:
                    fillers.append(os.dup(0))
            outcome = await b.send(here(server))
        finally:
            for filler in fillers:
                os.close(filler)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert failed(outcome) == ("connect_refused", "this server has no free file descriptors")


# --- names and addresses


@on_both_loops
async def test_a_name_is_resolved_once_and_its_address_is_connected_to() -> None:
    async with serving(always()) as server, bench() as b:
        b.names["hook.example"] = ["127.0.0.1"]
        assert (await b.send(here(server, host="hook.example"))).success
        assert server.requests[0].header("host") == f"hook.example:{server.port}"
        assert b.asked == ["hook.example"]


@on_both_loops
async def test_a_name_that_does_not_exist() -> None:
    async with bench() as b:
        outcome = await b.send("http://gone.example/")
        assert failed(outcome) == ("dns_failed", "there is no such host: gone.example")


async def test_a_name_without_an_answer() -> None:
    async with bench() as b:
        released = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang(_host: str, _port: int) -> list[str]:
            asyncio.run_coroutine_threadsafe(released.wait(), loop).result(20)
            return []

        b.sender._resolver = Resolver(b.clock, hang)
        outcome = await b.send("http://dead.example/", timeout=0.05)
        released.set()
        assert failed(outcome) == (
            "dns_timeout",
            "the name servers gave no answer in time: dead.example",
        )


@pytest.mark.parametrize(
    ("host", "addresses", "why"),
    [
        ("10.0.0.1", [], "10.0.0.1 is in 10.0.0.0/8 (private use)"),
        ("[::ffff:127.0.0.1]", [], "IPv4-mapped"),
        ("0x7f.1", [], "127.0.0.1 is in 127.0.0.0/8 (loopback)"),
        ("localhost", ["93.184.216.34"], "localhost is a name of this machine"),
        ("inside.example", ["127.0.0.1"], "127.0.0.1 is in 127.0.0.0/8 (loopback)"),
        ("mixed.example", ["93.184.216.34", "169.254.169.254"], "169.254.169.254"),
        ("scoped.example", ["fe80::1%2"], "fe80::1%2"),
    ],
)
async def test_an_address_that_is_not_public_is_never_connected_to(
    host: str, addresses: list[str], why: str
) -> None:
    async with serving(always()) as server, bench(allow=()) as b:
        b.names[host] = addresses
        error, detail = failed(await b.send(here(server, host=host)))
        assert error == "blocked_address"
        assert why in str(detail)
        assert server.connections == 0
        assert b.open == 0


async def test_a_name_that_turns_inwards_is_refused_at_the_next_look_up() -> None:
    answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    async with serving(always(answer)) as server, bench(allow=("127.0.0.1/32",)) as b:
        b.names["turning.example"] = ["127.0.0.1"]
        assert (await b.send(here(server, host="turning.example"))).success
        with socket.create_server(("127.0.0.2", server.port)) as inside:
            inside.setblocking(False)
            b.names["turning.example"] = ["127.0.0.2"]
            await b.clock.advance(31)
            outcome = await b.send(here(server, host="turning.example"))
            assert failed(outcome)[0] == "blocked_address"
            with pytest.raises(BlockingIOError):
                inside.accept()


@pytest.mark.parametrize("dead", [["127.0.0.2"], ["127.0.0.2", "127.0.0.3", "127.0.0.4"]])
@on_both_loops
async def test_when_one_address_refuses_the_next_is_tried(dead: list[str]) -> None:
    async with serving(always()) as server, bench() as b:
        b.names["many.example"] = [*dead, "127.0.0.1"]
        assert (await b.send(here(server, host="many.example"))).success


@on_both_loops
async def test_a_dead_first_address_leaves_time_for_the_second() -> None:
    with unaccepting() as port:
        async with serving(always()) as server, bench() as b:
            # Both addresses on the same port: the full queue is 127.0.0.1's alone.
            listener = await asyncio.start_server(_relay_to(server.port), "127.0.0.2", port)
            b.names["half.example"] = ["127.0.0.1", "127.0.0.2"]
            outcome = await b.send(here(port, host="half.example"), timeout=1.0)
            listener.close()
            assert outcome.success


def _relay_to(
    port: int,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert port
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read()
        writer.close()

    return relay


@on_both_loops
async def test_no_more_than_four_addresses_are_tried() -> None:
    async with serving(always()) as server, bench() as b:
        b.names["many.example"] = [f"127.0.1.{n}" for n in range(1, 5)] + ["127.0.0.1"]
        assert failed(await b.send(here(server, host="many.example")))[0] == "connect_refused"


# --- kept connections


@on_both_loops
async def test_a_connection_is_used_again() -> None:
    async with serving(always()) as server, bench() as b:
        for _ in range(5):
            assert (await b.send(here(server))).success
        assert server.connections == 1
        assert (b.open, b.idle) == (1, 1)


@on_both_loops
async def test_a_request_is_written_at_once_on_a_connection_that_waits() -> None:
    async with serving(always(OK)) as server, bench() as b:
        assert (await b.send(here(server))).success
        tasks = len(asyncio.all_tasks())
        ended: list[Outcome] = []
        b.sender.begin(b.endpoint(here(server)), DELIVERY, START, ended.append)
        assert (len(asyncio.all_tasks()), ended) == (tasks, [])
        await until(lambda: bool(ended))
        assert ended[0].success
        assert (len(server.requests), b.open) == (2, 1)


@on_both_loops
async def test_the_end_of_an_attempt_may_begin_the_next_one() -> None:
    async with serving(always(OK)) as server, bench() as b:
        endpoint = b.endpoint(here(server))
        ended: list[Outcome] = []

        def go_on(outcome: Outcome) -> None:
            ended.append(outcome)
            if len(ended) < 50:
                b.sender.begin(endpoint, DELIVERY, START, go_on)

        b.sender.begin(endpoint, DELIVERY, START, go_on)
        await until(lambda: len(ended) == 50)
        assert all(outcome.success for outcome in ended)
        assert (len(server.requests), server.connections) == (50, 1)


@on_both_loops
async def test_connection_close_is_honoured() -> None:
    answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    async with serving(always(answer)) as server, bench() as b:
        for _ in range(3):
            assert (await b.send(here(server))).success
        assert server.connections == 3
        await until(lambda: b.open == 0)


@on_both_loops
async def test_connections_lead_to_their_own_origin_only() -> None:
    async with serving(always()) as one, serving(always()) as other, bench() as b:
        await b.send(here(one))
        await b.send(here(other))
        b.names["named.example"] = ["127.0.0.1"]
        await b.send(here(one, host="named.example"))
        assert (one.connections, other.connections) == (2, 1)


@on_both_loops
async def test_a_connection_is_used_for_sixty_seconds_and_no_longer() -> None:
    async with serving(always()) as server, bench() as b:
        await b.send(here(server))
        await b.clock.advance(59.9)
        await b.send(here(server))
        assert server.connections == 1
        await b.clock.advance(0.1)
        await b.send(here(server))
        assert server.connections == 2
        await until(lambda: b.open == 1)


@on_both_loops
async def test_a_connection_that_waits_too_long_is_closed() -> None:
    async with serving(always()) as server, bench() as b:
        await b.send(here(server))
        b.sender._connections.sweep()
        assert b.idle == 1
        await b.clock.advance(60)
        b.sender._connections.sweep()
        assert b.idle == 0
        await until(lambda: b.open == 0)


@on_both_loops
async def test_waiting_connections_are_bounded_and_the_longest_waiting_goes() -> None:
    async with (
        serving(always()) as first,
        serving(always()) as second,
        serving(always()) as third,
        bench(max_idle=2) as b,
    ):
        for server in (first, second, third):
            await b.send(here(server))
        assert b.idle == 2
        await until(lambda: b.open == 2)
        for server in (third, second, first):
            await b.send(here(server))
        assert [one.connections for one in (first, second, third)] == [2, 1, 1]


@on_both_loops
async def test_a_connection_that_the_endpoint_closed_is_forgotten() -> None:
    async with serving(then_closing(OK)) as server, bench() as b:
        assert (await b.send(here(server))).success
        await until(lambda: b.open == 0)
        assert b.idle == 0
        assert (await b.send(here(server))).success
        assert server.connections == 2


def _answer_once_then(act: Callable[[asyncio.StreamWriter], None]) -> Handler:
    """Answer the first request of a connection; the second one meets ``act``."""

    async def handle(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(server, reader)
        writer.write(OK)
        await read_request(server, reader)
        act(writer)
        await reader.read()

    return handle


@pytest.mark.parametrize("act", [reset, asyncio.StreamWriter.close], ids=["reset", "closed"])
@on_both_loops
async def test_a_reset_on_a_used_connection_is_sent_again_as_the_same_attempt(
    act: Callable[[asyncio.StreamWriter], None],
) -> None:
    async with serving(_answer_once_then(act)) as server, bench() as b:
        assert (await b.send(here(server))).success
        assert (await b.send(here(server))).success
        assert server.connections == 2
        _, lost, again = server.requests
        assert lost == again


@on_both_loops
async def test_a_reset_on_a_fresh_connection_is_not_sent_again() -> None:
    async with serving(then_resetting()) as server, bench() as b:
        assert failed(await b.send(here(server)))[0] == "connection_reset"
        assert len(server.requests) == 1


@on_both_loops
async def test_it_is_sent_again_only_once() -> None:
    async def answer_only_the_first(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(server, reader)
        if len(server.requests) == 1:
            writer.write(OK)
            await read_request(server, reader)
        reset(writer)

    async with serving(answer_only_the_first) as server, bench() as b:
        assert (await b.send(here(server))).success
        assert failed(await b.send(here(server)))[0] == "connection_reset"
        assert len(server.requests) == 3


@on_both_loops
async def test_a_reset_after_the_first_byte_of_an_answer_is_not_sent_again() -> None:
    def begin(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 2")
        writer.close()

    async with serving(_answer_once_then(begin)) as server, bench() as b:
        await b.send(here(server))
        assert failed(await b.send(here(server)))[0] == "connection_reset"
        assert len(server.requests) == 2


@on_both_loops
async def test_the_second_sending_has_no_deadline_of_its_own() -> None:
    async def waste_time_twice(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await read_request(server, reader)
        if len(server.requests) == 1:
            writer.write(OK)
            await read_request(server, reader)
            await asyncio.sleep(0.2)
        else:
            await asyncio.sleep(0.2)
            writer.write(OK)

    async with serving(waste_time_twice) as server, bench() as b:
        await b.send(here(server))
        outcome = await b.send(here(server), timeout=0.3)
        assert failed(outcome) == ("response_timeout", "no answer within 0.3 s")
        assert len(server.requests) == 3


# --- TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@on_both_loops
async def test_tls_is_verified_against_the_operators_file(authority: Authority) -> None:
    context = authority.context("hook.example")
    async with serving(always(), context) as server, bench(ca_file=authority.file) as b:
        b.names["hook.example"] = ["127.0.0.1"]
        for _ in range(2):
            assert (await b.send(here(server, "https", "hook.example"))).success
        assert server.connections == 1
        assert server.server_names == ["hook.example"]


@on_both_loops
async def test_tls_to_an_address_wants_a_certificate_for_it(authority: Authority) -> None:
    context = authority.context("127.0.0.1")
    async with serving(always(), context) as server, bench(ca_file=authority.file) as b:
        assert (await b.send(here(server, "https"))).success


@pytest.mark.parametrize(
    ("names", "days", "self_signed", "phrase"),
    [
        (("hook.example",), -1, False, "the certificate has expired"),
        (("hook.example",), 30, True, "the certificate is self-signed"),
        (("other.example",), 30, False, "the certificate is for another host name"),
        ((), 30, False, "the certificate is for another host name"),
    ],
)
@on_both_loops
async def test_a_certificate_that_does_not_fit(
    authority: Authority, names: tuple[str, ...], days: int, *, self_signed: bool, phrase: str
) -> None:
    context = authority.context(*names, days=days, self_signed=self_signed)
    async with serving(always(), context) as server, bench(ca_file=authority.file) as b:
        b.names["hook.example"] = ["127.0.0.1"]
        outcome = await b.send(here(server, "https", "hook.example"))
        assert failed(outcome) == ("tls_failed", phrase)
        assert server.requests == []


@on_both_loops
async def test_a_certificate_for_another_address(authority: Authority) -> None:
    context = authority.context("127.0.0.9")
    async with serving(always(), context) as server, bench(ca_file=authority.file) as b:
        outcome = await b.send(here(server, "https"))
        assert failed(outcome) == ("tls_failed", "the certificate is for another address")


@on_both_loops
async def test_an_authority_that_is_not_trusted(authority: Authority) -> None:
    context = authority.context("127.0.0.1")
    async with serving(always(), context) as server, bench() as b:
        assert failed(await b.send(here(server, "https"))) == (
            "tls_failed",
            "the certificate was issued by an authority that is not trusted",
        )


@pytest.mark.parametrize(
    ("reply", "phrase"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the endpoint does not speak TLS on this port"),
        (
            bytes.fromhex("15030300020246"),  # alert: protocol_version
            "the endpoint speaks only versions of TLS that are too old",
        ),
        (
            bytes.fromhex("15030300020228"),  # alert: handshake_failure
            "the TLS handshake failed: sslv3 alert handshake failure",
        ),
    ],
)
@on_both_loops
async def test_a_server_that_cannot_agree_on_tls(
    authority: Authority, reply: bytes, phrase: str
) -> None:
    async def refuse(
        server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        assert server.connections
        await reader.read(4096)
        writer.write(reply)
        await writer.drain()
        writer.close()

    async with serving(refuse) as server, bench(ca_file=authority.file) as b:
        assert failed(await b.send(here(server, "https"))) == ("tls_failed", phrase)


@on_both_loops
async def test_a_server_that_wants_a_client_certificate(authority: Authority) -> None:
    context = authority.context("127.0.0.1")
    context.verify_mode = context.verify_mode.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    listener = socket.create_server(("127.0.0.1", 0))

    def shake_hands() -> None:
        # A blocking server, because asyncio's drops the connection without the alert. It takes
        # the request all the same: a reset for unread bytes may overtake the alert.
        taken, _ = listener.accept()
        with context.wrap_socket(
            taken, server_side=True, do_handshake_on_connect=False
        ) as connection:
            with pytest.raises(ssl.SSLError, match="did not return a certificate"):
                connection.do_handshake()
            while socket.socket.recv(connection, 4096):
                pass

    async with bench(ca_file=authority.file) as b:
        server = asyncio.create_task(asyncio.to_thread(shake_hands))
        outcome = await b.send(here(listener.getsockname()[1], "https"))
        assert failed(outcome) == ("tls_failed", "the endpoint wants a client certificate")
        await server
    listener.close()


@pytest.mark.parametrize(
    ("handler", "error", "detail"),
    [
        (silent, "connect_timeout", "opening the TLS connection took too long"),
        (deaf, "connection_reset", "the connection was reset while it was opened"),
    ],
)
@on_both_loops
async def test_a_handshake_that_never_ends_or_is_cut_off(
    authority: Authority, handler: Handler, error: str, detail: str
) -> None:
    async with serving(handler) as server, bench(ca_file=authority.file) as b:
        assert failed(await b.send(here(server, "https"), timeout=0.3)) == (error, detail)


@on_both_loops
async def test_a_file_of_roots_that_cannot_be_read_is_said_in_words(tmp_path: Path) -> None:
    async with serving(silent) as server, bench(ca_file=str(tmp_path / "none.pem")) as b:
        assert failed(await b.send(here(server, "https"))) == (
            "tls_failed",
            "this server cannot read its file of trusted certificates",
        )


async def test_roots_are_loaded_only_when_tls_is_spoken(tmp_path: Path) -> None:
    async with serving(always()) as server, bench(ca_file=str(tmp_path / "none.pem")) as b:
        assert (await b.send(here(server))).success
        assert b.sender._dialer._context is None


# --- ends


@on_both_loops
async def test_an_attempt_that_nobody_waits_for_any_more_ends_by_itself() -> None:
    async with serving(silent) as server, bench() as b:
        task = asyncio.create_task(b.send(here(server), timeout=0.2))
        await until(lambda: b.open == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: b.open == 0)


@on_both_loops
async def test_closing_ends_attempts_and_kept_connections() -> None:
    async with serving(silent) as hanging, serving(always()) as server, bench() as b:
        await b.send(here(server))
        task = asyncio.create_task(b.send(here(hanging)))
        await until(lambda: b.open == 2)
        await b.sender.close()
        assert (b.open, b.idle) == (0, 0)
        assert failed(await task)[0] == "connection_reset"
        assert failed(await b.send(here(server)))[0] == "connection_reset"
        await until(lambda: b.open == 0)


@on_both_loops
async def test_closing_ends_what_waits_for_a_connection() -> None:
    with unaccepting() as full:
        async with bench() as b:
            ended: list[Outcome] = []
            b.sender.begin(b.endpoint(here(full)), DELIVERY, START, ended.append)
            await asyncio.sleep(0.05)
            assert ended == []
            await b.sender.close()
            assert [failed(outcome)[0] for outcome in ended] == ["connection_reset"]


@pytest.mark.parametrize("where", ["render_request", "Dialer.dial", "HttpConnection.exchange"])
async def test_a_bug_ends_the_attempt_and_is_logged(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> object:
        raise ValueError("a bug of ours")

    monkeypatch.setattr(f"sendook_lite.delivery.sender.{where}", break_down)
    async with serving(always(OK)) as server, bench() as b:
        with capture_logs() as logs:
            outcome = await b.send(here(server))
        assert outcome.error_text == "bad_response: internal error, see the log"
        assert [each["event"] for each in logs] == ["an attempt broke"]


@pytest.mark.parametrize("name", [*BY_HANDLER, "refused", "unaccepting", "TLS", "success"])
@on_both_loops
async def test_no_descriptor_and_no_task_is_left_behind(name: str, authority: Authority) -> None:
    handler = BY_HANDLER[name][0] if name in BY_HANDLER else always()
    context = authority.context("other.example") if name == "TLS" else None
    before = left()
    with unaccepting() as full:
        async with serving(handler, context) as server, bench() as b:
            url = here(server, "https" if name == "TLS" else "http")
            url = {"refused": here(closed_port()), "unaccepting": here(full)}.get(name, url)
            outcomes = await asyncio.gather(*(b.send(url, timeout=0.15) for _ in range(10)))
            assert {outcome.success for outcome in outcomes} == {name == "success"}
            await until(lambda: b.open == b.idle)
            assert b.idle == (10 if name in ("success", "early answer") else 0)
    await until(lambda: left() == before)


@pytest.mark.parametrize(
    ("error", "code", "phrase"),
    [
        (OSError(errno.EHOSTUNREACH, "x"), "connect_refused", "the host is unreachable"),
        (OSError(errno.EACCES, "x"), "connect_refused", "no connection: permission denied"),
        (OSError("x"), "connect_refused", "the connection could not be opened"),
        (
            ConnectionResetError(),
            "connection_reset",
            "the connection was reset while it was opened",
        ),
    ],
)
def test_what_the_system_says_becomes_a_code_and_a_phrase(
    error: OSError, code: str, phrase: str
) -> None:
    failure = explain_refusal(error)
    assert (failure.code, failure.message) == (code, phrase)
