import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sendook_lite.cli.status import duration
from tests.cli.api_server import KEY, ApiServer, serving
from tests.cli.conftest import Command, Outcome
from tests.cli.responders import listening


@pytest.fixture
def api(here: Path) -> Iterator[ApiServer]:
    with serving(here / "sendook_data") as server:
        yield server


def answering(*answers: bytes) -> Callable[[socket.socket], None]:
    """Make a server that gives such answers, one a connection."""
    waiting = iter(answers)

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(next(waiting))

    return serve


# --- keys


def test_a_key_is_made_listed_used_and_deleted_over_the_admin_socket(
    command: Command, api: ApiServer
) -> None:
    made = command("keys", "create", "ci", "--scope", "read", "--scope", "write")
    assert made.code == 0
    key = made.out.strip()
    assert key.startswith("sk_")
    assert "\n" not in key
    assert "it will not be shown again" in made.err
    identifier = made.err.partition(",")[0]

    listed = command("keys", "list")
    heading, newest, oldest = listed.out.splitlines()
    assert heading.split()[:4] == ["ID", "NAME", "KEY", "SCOPES"]
    assert newest.split()[:5] == [identifier, "ci", f"{key[:10]}…", "read", "write"]
    assert "environment" in oldest
    assert key not in listed.out

    refused = command("keys", "list", "--url", api.url, "--key", key)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("sendook-lite: ")

    gone = command("keys", "delete", identifier)
    assert gone == Outcome(0, f"{identifier} (ci) is gone\n", "")
    unknown = command("keys", "list", "--url", api.url, "--key", key)
    assert unknown.code == 1
    assert "--key or SENDOOK_API_KEY" in unknown.err


def test_json_is_the_answer_of_the_api(command: Command, api: ApiServer) -> None:
    assert api.url
    made = json.loads(command("keys", "create", "ci", "--json").out)
    assert made["key"].startswith("sk_")
    listed = json.loads(command("keys", "list", "--json").out)
    assert [each["id"] for each in listed][:1] == [made["id"]]
    gone = json.loads(command("keys", "delete", made["id"], "--json").out)
    assert gone["id"] == made["id"]


def test_the_last_admin_key_is_kept_and_the_server_says_why(
    command: Command, api: ApiServer
) -> None:
    assert api.url
    only = json.loads(command("keys", "list", "--json").out)[0]["id"]
    refused = command("keys", "delete", only)
    assert refused.code == 1
    assert "last admin key" in refused.err


def test_a_mistake_is_told_field_by_field(command: Command, api: ApiServer) -> None:
    assert api.url
    refused = command("keys", "create", "")
    assert refused.code == 1
    assert "\n  name: " in refused.err
    assert command("keys", "create", "x", "--inbox", "inbox_absent").code == 1
    assert command("keys", "delete", "../inboxes").code == 1


def test_a_list_longer_than_a_page_comes_whole(command: Command, here: Path) -> None:
    (here / "sendook_data").mkdir()
    pages = [[{"id": "key_2"}], [{"id": "key_1"}]]
    link = b'Link: <x>; rel="next"\r\n'
    answers = [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n%b\r\n%b" % (more, json.dumps(page).encode())
        for page, more in zip(pages, (link, b""), strict=True)
    ]
    with listening(here / "sendook_data" / "admin.sock", answering(*answers)):
        listed = command("keys", "list", "--json")
    assert json.loads(listed.out) == [{"id": "key_2"}, {"id": "key_1"}]


# --- which server


def test_a_url_comes_before_the_admin_socket_and_the_environment_serves_both(
    command: Command, api: ApiServer, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENDOOK_API_KEY", KEY)
    assert command("keys", "list").code == 0
    monkeypatch.setenv("SENDOOK_URL", api.url + "/")
    assert command("keys", "list").code == 0
    monkeypatch.setenv("SENDOOK_API_KEY", "wrong")
    assert command("keys", "list").code == 1
    assert command("keys", "list", "--key", KEY).code == 0
    monkeypatch.delenv("SENDOOK_URL")
    (here / "else.toml").write_text(f'[server]\nlisten = "{api.url.removeprefix("http://")}"\n')
    elsewhere = ["--config", "else.toml", "--data-dir", "elsewhere"]
    assert command("keys", "list", *elsewhere, "--key", KEY).code == 0
    assert command("keys", "list", *elsewhere).code == 1
    monkeypatch.setenv("SENDOOK_API_KEY", KEY)
    assert command("keys", "list", *elsewhere).code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], os.EX_TEMPFAIL),
        (["--url", "http://127.0.0.1:1"], os.EX_TEMPFAIL),
        (["--url", "https://127.0.0.1:1"], os.EX_TEMPFAIL),
        (["--url", "127.0.0.1"], 2),
        (["--url", "ftp://x"], 2),
        (["--url", "http://[::1"], 2),
        (["--url", "http://x:port"], 2),
        (["--config", "absent.toml"], 2),
    ],
)
@pytest.mark.parametrize("name", [["status"], ["keys", "list"]])
def test_a_server_that_is_not_there_is_told_kindly(
    command: Command, name: list[str], arguments: list[str], code: int
) -> None:
    ended = command(*name, *arguments)
    assert ended.code == code
    assert ended.err.startswith("sendook-lite: ")
    assert "Traceback" not in ended.err
    if code == os.EX_TEMPFAIL:
        assert "Start one with `sendook-lite serve`" in ended.err


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (b"220 mail.example ESMTP\r\n", 1, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 1, "is it a Sendook Lite?"),
        (b"HTTP/1.1 503 Oh\r\nContent-Length: 2\r\n\r\n{}", os.EX_TEMPFAIL, "answered 503"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n[]", 1, "answered 500"),
        (
            b'HTTP/1.1 400 Oh\r\nConnection: close\r\n\r\n{"message":"\\u001b[2Jno"}',
            1,
            "\N{REPLACEMENT CHARACTER}[2Jno",
        ),
    ],
)
def test_what_is_no_answer_of_ours_is_told(
    command: Command, here: Path, answer: bytes, code: int, said: str
) -> None:
    (here / "sendook_data").mkdir()
    with listening(here / "sendook_data" / "admin.sock", answering(answer)):
        ended = command("keys", "list")
    assert ended.code == code
    assert said in ended.err


def test_a_server_that_does_not_answer_is_given_up(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sendook_lite.cli.client._SECONDS", 0.05)
    (here / "sendook_data").mkdir()

    def hesitate(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with listening(here / "sendook_data" / "admin.sock", hesitate):
        ended = command("status")
    assert (ended.code, ended.out) == (os.EX_TEMPFAIL, "")
    assert "does not answer for 0.05 s" in ended.err


# --- status


def test_the_status_shows_what_the_server_tells(command: Command, api: ApiServer) -> None:
    api.facts = {
        "version": "1.2.3",
        "uptimeSeconds": 93_784,
        "listeners": {"lmtp": "unix:/run/lmtp.sock"},
        "store": "ok",
        "freeBytes": 1_000_000,
        "delivery": {"inFlight": 3, "ok": True},
    }
    ended = command("status")
    assert ended.code == 0
    first, *others = ended.out.splitlines()
    assert first.startswith("Sendook Lite 1.2.3 at unix:")
    assert first.endswith("/admin.sock: ready")
    assert others == [
        "  up for                1 d 2 h",
        "  listeners",
        "    lmtp                unix:/run/lmtp.sock",
        "  store                 ok",
        "  free bytes            1,000,000",
        "  delivery",
        "    in flight           3",
        "    ok                  true",
    ]
    document = json.loads(command("status", "--json").out)
    assert document == {"healthy": True, **api.facts, "ready": True}


def test_a_server_that_is_not_ready_ends_with_1_and_says_why(
    command: Command, api: ApiServer
) -> None:
    api.unready = "the disk is full"
    ended = command("status", "--url", api.url)
    assert ended.code == 1
    assert ended.out.splitlines()[0].endswith(": not ready: the disk is full")
    shown = json.loads(command("status", "--json").out)
    assert (shown["ready"], shown["notReadyBecause"]) == (False, "the disk is full")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (864_000, "10 d 0 h")],
)
def test_durations_have_two_units(seconds: int, text: str) -> None:
    assert duration(seconds) == text
