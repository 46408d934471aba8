"""The live stream in the terminal: every event once, whatever the connection does."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from sendook_lite.cli import listen as command_module
from sendook_lite.cli.listen import describe
from sendook_lite.client.frames import Frame, read_frames
from sendook_lite.domain.signing import verify
from tests.cli.api_server import ApiServer, serving
from tests.cli.conftest import Command, Outcome
from tests.cli.responders import listening
from tests.e2e.endpoint import Endpoint, Received

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n%b\r\nretry: 2000\n\n"


class Clock:
    """Pauses that take no time; at the last one somebody presses Ctrl-C."""

    def __init__(self, pauses: int) -> None:
        self.left = pauses
        self.paused: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.fixture
def api(here: Path) -> Iterator[ApiServer]:
    with serving(here / "sendook_data") as server:
        yield server


@pytest.fixture
def pausing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Clock]:
    """Let a number of pauses pass, and end the command at the next one."""

    def script(pauses: int) -> Clock:
        clock = Clock(pauses)
        monkeypatch.setattr(command_module, "pause", clock)
        return clock

    return script


@pytest.fixture
def log(here: Path) -> Iterator[Callable[..., list[bytes]]]:
    """Serve scripted streams, one a connection, on the admin socket; returns the requests."""
    (here / "sendook_data").mkdir()
    opened = []

    def serve(*streams: bytes) -> list[bytes]:
        waiting, requests = iter(streams), []

        def answer(connection: socket.socket) -> None:
            requests.append(connection.recv(65536))
            connection.sendall(next(waiting))

        server = listening(here / "sendook_data" / "admin.sock", answer)
        server.__enter__()
        opened.append(server)
        return requests

    yield serve
    for server in opened:
        server.__exit__(None, None, None)


def body(number: int, **fields: Any) -> bytes:
    event = {
        "event": "inbox.created",
        "eventId": f"evt_{number}",
        "createdAt": "2026-03-01T09:10:00.000Z",
        "payload": {"email": "ann@mail.example", "name": "Zoë"},
    }
    return orjson.dumps(event | fields)


def frame(number: int, data: bytes = b"") -> bytes:
    return b"id: evt_%d\nevent: inbox.created\ndata: %b\n\n" % (number, data or body(number))


# --- reading


@pytest.mark.parametrize(
    ("stream", "frames"),
    [
        (b"id: 1\nevent: a\ndata: x\n\n", [Frame("1", "a", b"x")]),
        (b"id: 1\r\ndata:x\r\n\r\n", [Frame("1", "", b"x")]),
        (b"retry: 2000\nid: 1\n\n", [Frame("1", "", b"")]),
        (b": alive\n\n:\n\nretry: 1\n\n", []),
        (b"data: a\ndata: b\n\n", [Frame(None, "", b"a\nb")]),
        (b"data: a\n\ndata: b\n", [Frame(None, "", b"a")]),
        (b"data: a\n\ndata: b\n\n"[:-1], [Frame(None, "", b"a")]),
        (b"data: cut", []),
        (b"data\n\n", [Frame(None, "", b"")]),
    ],
)
def test_blocks_are_read_as_the_standard_says(stream: bytes, frames: list[Frame]) -> None:
    assert list(read_frames(stream.splitlines(keepends=True))) == frames


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ({"email": "ann@mail.example"}, "ann@mail.example"),
        ({"from": "a@x", "to": ["b@y"], "subject": "Hello"}, "a@x → b@y  Hello"),
        ({"from": "a@x", "to": ["b@y", "c@z", "d@z"]}, "a@x → b@y and 2 more"),
        (
            {"from": "a@x", "to": ["b@y"], "delivery": {"recipient": "c@z", "status": "5.1.1"}},
            "a@x → c@z  5.1.1",
        ),
        ({"from": "a@x", "to": [], "subject": "\x1b[2J" + "s" * 99}, "�[2J" + "s" * 55 + "…"),
        ({}, ""),
    ],
)
def test_an_event_is_one_line(payload: dict[str, Any], shown: str) -> None:
    line = describe(json.loads(body(1, payload=payload)))
    start = "2026-03-01T09:10:00.000Z  inbox.created       evt_1"
    assert line.startswith(start)
    assert line.removeprefix(start).strip().endswith(shown)


# --- listening


def test_a_lost_connection_is_made_again_behind_the_last_event(
    command: Command, log: Callable[..., list[bytes]], pausing: Callable[[int], Clock]
) -> None:
    half = frame(3)[:-1]
    requests = log(
        OK % b"" + b"id: evt_0\n\n",
        OK % b"" + frame(1) + b":\n\n" + frame(2) + half,
        b"",
        b"HTTP/1.1 503 Oh\r\nContent-Length: 2\r\n\r\n{}",
        b"nonsense\r\n",
        OK % b"" + frame(3),
    )
    clock = pausing(5)
    ended = command("listen", "--json", "--events", "inbox.created,inbox.deleted", "--inbox", "i")
    assert ended.code == 0
    assert ended.out.encode() == b"\n".join([body(1), body(2), body(3), b""])
    first, *others = requests
    assert first.startswith(
        b"GET /v1/events/stream?type=inbox.created%2Cinbox.deleted&inboxId=i HTTP/1.1\r\n"
    )
    assert b"Last-Event-ID" not in first
    after = [b"Last-Event-ID: evt_%d\r\n" % number for number in (0, 2, 2, 2, 2)]
    assert [place in request for place, request in zip(after, others, strict=True)] == [True] * 5
    assert clock.paused == [0.5, 0.5, 1, 2, 4, 0.5]
    assert "the server ended the stream; trying again in 0.5 s" in ended.err
    assert "answered 503; trying again in 2 s" in ended.err
    assert ended.err.count("connected again") == 2
    assert ended.err.endswith("To go on from here: --since evt_3\n")


def test_pauses_grow_to_ten_seconds(
    command: Command, log: Callable[..., list[bytes]], pausing: Callable[[int], Clock]
) -> None:
    log(OK % b"", *[b""] * 7)
    clock = pausing(7)
    assert command("listen").code == 0
    assert clock.paused == [0.5, 1, 2, 4, 8, 10, 10, 10]


def test_what_is_no_stream_any_more_ends_it_with_the_reason(
    command: Command, log: Callable[..., list[bytes]], pausing: Callable[[int], Clock]
) -> None:
    log(
        OK % b"" + frame(7),
        b'HTTP/1.1 401 No\r\nContent-Length: 25\r\n\r\n{"message":"Unknown key"}\n',
    )
    pausing(1)
    ended = command("listen")
    assert ended.code == 1
    assert "--since evt_7" in ended.err
    assert "Unknown key" in ended.err


def test_a_gap_is_told(
    command: Command, log: Callable[..., list[bytes]], pausing: Callable[[int], Clock]
) -> None:
    requests = log(OK % b"Sendook-After: expired\r\n" + frame(9))
    pausing(0)
    ended = command("listen", "--since", "evt_2")
    assert b"Last-Event-ID: evt_2\r\n" in requests[0]
    assert "events may be missing: evt_2 is not in the log any more" in ended.err


def test_a_silent_server_is_given_up(
    command: Command,
    here: Path,
    pausing: Callable[[int], Clock],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(command_module, "SILENCE_SECONDS", 0.05)
    (here / "sendook_data").mkdir()
    release = threading.Event()

    def hang(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK % b"" + frame(1))
        release.wait(10)

    pausing(0)
    with listening(here / "sendook_data" / "admin.sock", hang):
        ended = command("listen")
        release.set()
    assert ended.code == 0
    assert "nothing is heard from the server; trying again" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--url", "http://127.0.0.1:1"], os.EX_TEMPFAIL, "Start one with"),
        (["--forward", "localhost:3000"], 2, "--forward localhost:3000: must be like"),
        (["--forward", "http://"], 2, "must be like"),
        (["--forward", "http://x:port/"], 2, "must be like"),
        (["--forward", "http://x/ü"], 2, "must be like"),
    ],
)
def test_what_cannot_begin_is_told(
    command: Command, arguments: list[str], code: int, said: str
) -> None:
    ended = command("listen", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err


def test_what_the_server_refuses_is_told_in_its_words(command: Command, api: ApiServer) -> None:
    assert command("listen", "--webhook", "wh_" + "0" * 26).err.count("Webhook not found") == 1
    assert "type must be of inbox.created" in command("listen", "--events", "x").err
    assert "--key or SENDOOK_API_KEY" in command("listen", "--url", api.url, "--key", "x").err


# --- forwarding


def listen_and_forward(
    command: Command, pausing: Callable[[int], Clock], endpoint: Endpoint, *more: str
) -> Outcome:
    pausing(0)
    return command("listen", "--forward", f"{endpoint.url}?a=b", *more)


def test_events_are_forwarded_in_order_and_told_of(
    command: Command, log: Callable[..., list[bytes]], pausing: Callable[[int], Clock]
) -> None:
    log(OK % b"" + frame(1) + frame(2))
    statuses = iter([200, 500])
    with Endpoint(lambda _: next(statuses)) as endpoint:
        ended = listen_and_forward(command, pausing, endpoint)
    assert [one.body for one in endpoint.received] == [body(1), body(2)]
    headers = endpoint.received[0].headers
    assert headers["webhook-id"] == "evt_1"
    assert headers["x-sendook-event"] == "inbox.created"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("Sendook-Lite/")
    assert "webhook-signature" not in headers
    first, good, second, bad = ended.out.splitlines()
    assert ("evt_1" in first, "evt_2" in second) == (True, True)
    assert good.startswith("  → 200 in ")
    assert bad.startswith("  → 500 in ")
    assert bad.endswith(": ok")


def test_forwarding_waits_until_somebody_listens(
    command: Command, log: Callable[..., list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    log(OK % b"" + frame(1))
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    paused: list[float] = []

    def answer(server: socket.socket) -> None:
        with server, server.accept()[0] as connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 204 Fine\r\n\r\n")

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 6:
            server = socket.create_server(("127.0.0.1", port))
            threading.Thread(target=answer, args=(server,)).start()
        if len(paused) == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr(command_module, "pause", pause)
    ended = command("listen", "--json", "--forward", f"http://127.0.0.1:{port}")
    assert ended.out.encode() == body(1) + b"\n"
    assert ended.err.count("nobody listens at") == 1
    assert "→ 204 in" in ended.err
    assert paused == [0.5, 1, 2, 4, 5, 5, 0.5]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "→ failed: the answer is no HTTP"),
        (b"220 smtp\r\n", "→ failed: "),
        (None, "→ no answer"),
    ],
)
def test_an_endpoint_that_does_not_answer_is_told_and_passed_over(
    command: Command,
    log: Callable[..., list[bytes]],
    pausing: Callable[[int], Clock],
    monkeypatch: pytest.MonkeyPatch,
    answer: bytes | None,
    said: str,
) -> None:
    monkeypatch.setattr("sendook_lite.cli.forwarding.SECONDS", 0.1)
    log(OK % b"" + frame(1) + frame(2))
    release = threading.Event()

    def serve(server: socket.socket) -> None:
        for _ in range(2):
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                if answer is None:
                    release.wait(10)
                else:
                    connection.sendall(answer)
                # What closes with unread bytes resets the connection.
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        if answer is None:
            threading.Timer(0.5, release.set).start()
        pausing(0)
        ended = command("listen", "--forward", f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join(10)
    assert ended.out.count(said) == 2


def test_a_handler_can_verify_what_is_forwarded_of_a_webhook(
    command: Command, api: ApiServer, pausing: Callable[[int], Clock]
) -> None:
    made = json.loads(
        command(
            "webhooks", "create", "https://example.com/", "--events", "inbox.created",
            "--header", "x-token: t", "--json", "--show-secrets",
        ).out
    )  # fmt: skip
    assert api.url
    for name in ("One", "Two"):
        command("inboxes", "create", name)
    pausing(0)

    def answer(one: Received) -> int:
        if one.event["payload"]["name"] == "Two":
            api.end_streams()
        return 200

    with Endpoint(answer) as endpoint:
        ended = command(
            "listen", "--since", "evt_" + "0" * 26, "--webhook", made["id"],
            "--forward", endpoint.url,
        )  # fmt: skip
    assert ended.code == 0
    assert ended.out.count("→ 200 in") == 2
    assert [one.event["payload"]["name"] for one in endpoint.received] == ["One", "Two"]
    for one in endpoint.received:
        verify([made["secret"]], one.headers, one.body, int(one.headers["webhook-timestamp"]))
        assert one.headers["x-token"] == "t"


def test_a_signature_that_waited_for_too_long_is_fetched_anew(
    command: Command, log: Callable[..., list[bytes]], pausing: Callable[[int], Clock]
) -> None:
    def signed(number: int) -> bytes:
        headers = {"webhook-timestamp": "1", "n": str(number)}
        return frame(number, orjson.dumps({"headers": headers, "body": body(number).decode()}))

    requests = log(
        OK % b"" + signed(1) + signed(2), OK % b"" + signed(2) + signed(3), OK % b"" + signed(3)
    )
    with Endpoint() as endpoint:
        listen_and_forward(command, pausing, endpoint, "--webhook", "wh_x")
    # One a connection at least, however wrong a clock is.
    assert [one.headers["n"] for one in endpoint.received] == ["1", "2", "3"]
    places = [request.partition(b"Last-Event-ID: ")[2].split(b"\r\n")[0] for request in requests]
    assert places == [b"", b"evt_1", b"evt_2"]
