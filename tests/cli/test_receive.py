import json
import os
import pty
import re
import secrets
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.cli.receiver import print_block
from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.model import Secret
from sendook_lite.domain.signing import (
    prepare_secret,
    secret_bytes,
    sign,
    signature_header,
    signing_key,
)
from tests.cli.conftest import PYTHON, Command

SECRET = "whsec_" + "QUJD" * 8
OTHER = "whsec_" + "REVG" * 8
BODY = json.dumps({"event": "message.received", "eventId": "evt_1", "payload": {"text": "hi"}})


@dataclass
class Receiving:
    """A running receiver; ``finish`` waits for its end and returns all it printed."""

    process: subprocess.Popen[str]
    port: int
    introduction: str

    def post(self, body: str | bytes = BODY, secret: str = SECRET, path: str = "/hook") -> int:
        raw = body if isinstance(body, bytes) else body.encode()
        now = SystemClock().now() // 1000
        headers = {
            "webhook-id": "evt_1",
            "webhook-timestamp": str(now),
            "webhook-signature": sign(secret_bytes(secret), "evt_1", now, raw),
            "x-sendook-event": "message.received",
            "x-sendook-delivery": "dlv_1",
            "x-sendook-attempt": "2",
        }
        return self.ask("POST", path, raw, headers)

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def finish(self) -> str:
        out, err = self.process.communicate(timeout=30)
        assert err == "" or err.startswith("Listening"), err
        return out


@contextmanager
def receiving(*arguments: str, **environment: str) -> Iterator[Receiving]:
    with subprocess.Popen(
        [*PYTHON, "receive", "--port", "0", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        stream = process.stderr if "--json" in arguments else process.stdout
        assert stream is not None
        introduction = "".join(iter(stream.readline, "\n"))
        port = re.search(r":(\d+)/", introduction)
        assert port, introduction
        yield Receiving(process, int(port[1]), introduction)
        process.kill()


def test_a_right_signature_is_verified_and_the_request_printed(here: Path) -> None:
    assert here
    with receiving("--secret", OTHER, "--secret", SECRET, "--count", "1") as receiver:
        assert receiver.post() == 200
        out = receiver.finish()
        assert receiver.process.returncode == 0
    first, *body = out.splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT[\d:.]+Z  message\.received  evt_1  attempt 2  ✓ verified  POST /hook",
        first,
    )
    assert json.loads("\n".join(body)) == json.loads(BODY)


def test_a_wrong_signature_is_told_with_its_reason(here: Path) -> None:
    assert here
    with receiving("--secret", OTHER, "--count", "2") as receiver:
        assert receiver.post() == 200
        assert receiver.ask("GET", "/", b"", {}) == 200
        out = receiver.finish()
    assert "✗ not verified: The webhook-signature was not made with this secret" in out
    assert "✗ not verified: The webhook-id header is missing.  GET /\n" in out
    assert "\x1b" not in out


def test_a_public_key_verifies_what_its_private_key_signed(here: Path) -> None:
    assert here
    mine, other = (prepare_secret("ed25519", None, secrets.token_bytes) for _ in range(2))
    with receiving("--secret", str(mine.public_key), "--count", "3", "--json") as receiver:
        for signing in (mine, other, Secret(SECRET, None)):
            now = SystemClock().now() // 1000
            signature = signature_header([signing_key(signing)], "evt_1", now, BODY.encode())
            headers = {
                "webhook-id": "evt_1",
                "webhook-timestamp": str(now),
                "webhook-signature": signature,
            }
            assert receiver.ask("POST", "/", BODY.encode(), headers) == 200
        verdicts = [json.loads(line)["verified"] for line in receiver.finish().splitlines()]
    assert verdicts == [True, False, False]


def test_without_a_secret_it_says_what_to_do_next(here: Path) -> None:
    assert here
    with receiving("--count", "1") as receiver:
        assert f'"url": "http://127.0.0.1:{receiver.port}/"' in receiver.introduction
        assert "--secret" in receiver.introduction
        receiver.post()
        assert "(signature not checked: no --secret)" in receiver.finish()


def test_the_secret_may_come_from_the_environment(here: Path) -> None:
    assert here
    with receiving("--count", "1", SENDOOK_WEBHOOK_SECRET=SECRET) as receiver:
        receiver.post()
        assert "✓ verified" in receiver.finish()


def test_it_answers_the_status_asked_for_after_the_delay(here: Path) -> None:
    assert here
    with receiving("--status", "503", "--delay", "0.01", "--count", "1") as receiver:
        assert receiver.post() == 503
        receiver.finish()


def test_json_is_one_line_per_request(here: Path) -> None:
    assert here
    with receiving("--json", "--secret", SECRET, "--count", "3") as receiver:
        receiver.post()
        receiver.post(b"\xff not json", secret=OTHER)
        receiver.ask("PUT", "/a?b=c", b'"\\ud800"', {"x-sendook-attempt": "9" * 5000})
        first, second, third = map(json.loads, receiver.finish().splitlines())
    assert first.pop("at")
    assert first == {
        "method": "POST",
        "path": "/hook",
        "event": "message.received",
        "eventId": "evt_1",
        "delivery": "dlv_1",
        "attempt": 2,
        "body": json.loads(BODY),
        "verified": True,
    }
    assert (second["body"], second["verified"]) == ("\N{REPLACEMENT CHARACTER} not json", False)
    assert second["reason"].startswith("The webhook-signature")
    assert (third["path"], third["body"]) == ("/a?b=c", "\ud800")
    assert "attempt" not in third


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(here: Path, number: signal.Signals) -> None:
    assert here
    with receiving() as receiver:
        receiver.process.send_signal(number)
        receiver.finish()
        assert receiver.process.returncode == 0


def test_a_reader_that_has_seen_enough_ends_it(here: Path) -> None:
    assert here
    with receiving() as receiver:
        assert receiver.process.stdout is not None
        receiver.process.stdout.close()
        receiver.post()
        assert receiver.process.wait(30) == 1
        assert receiver.process.stderr is not None
        assert receiver.process.stderr.read() == ""


def test_a_port_in_use_is_told(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = command("receive", "--port", port)
    assert ended.code == 1
    assert ended.err.startswith(f"sendook-lite: cannot listen at 127.0.0.1:{port}: ")
    assert "already in use" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--secret", "whsec_short"],
        ["--secret", "nonsense"],
        ["--port", "70000"],
        ["--status", "99"],
        ["--delay", "-1"],
        ["--count", "0"],
    ],
)
def test_wrong_use_ends_with_2(command: Command, arguments: list[str]) -> None:
    ended = command("receive", *arguments)
    assert ended.code == 2
    assert "nonsense" not in ended.err


def test_colors_are_for_terminals_that_want_them(here: Path) -> None:
    assert here
    for no_color, wanted in (("", True), ("1", False)):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*PYTHON, "receive", "--port", "0", "--count", "1", "--secret", SECRET],
            env={**os.environ, "NO_COLOR": no_color},
            stdout=theirs,
        ) as process:
            os.close(theirs)
            port = re.search(rb":(\d+)/", os.read(ours, 4096))
            assert port
            Receiving(process, int(port[1]), "").post()
            assert process.wait(30) == 0
        assert (b"\x1b[32m" in os.read(ours, 4096)) is wanted
        os.close(ours)


Capture = pytest.CaptureFixture[str]
Show = Callable[[Any], str]


@pytest.fixture
def show(capsys: Capture) -> Show:
    def execute(body: Any) -> str:
        shown = {"method": "POST", "path": "/\x1b", "event": "\x1b[2J", "body": body}
        print_block("now", shown, verified=None, reason=None)
        return capsys.readouterr().out

    return execute


def test_long_texts_and_long_bodies_are_shortened(show: Show) -> None:
    assert "x" * 400 + "… (1,600 more)" in show({"content": ["x" * 2000]})
    out = show(list(range(10_000)))
    assert len(out.splitlines()) < 310
    assert "… 9,702 more lines" in out


def test_a_request_cannot_steer_the_terminal(show: Show) -> None:
    assert "\x1b" not in show("\x1b[2J")
    assert "\x1b" not in show({"\x9b2J": "\x9b2J"})


def test_a_body_nested_too_deeply_is_not_shown(show: Show) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert "(nested too deeply to be shown)" in show(deep)
