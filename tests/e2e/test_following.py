"""Who follows the log misses nothing: not when the server is killed, not when they are slow."""

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import KEY, PROGRAM, Server, push, resident_mib, wait_until
from tests.metrics.page_lint import page

BATCH = 60
SILENT_READERS = 40
MANY = 6000


def event_ids(server: Server) -> list[str]:
    """Return the ids of the whole log, oldest first."""
    found: list[dict[str, Any]] = []
    while True:
        after = f"&after={found[-1]['id']}" if found else ""
        part = server.call("GET", f"/v1/events?limit=500&type=message.sent{after}")
        if not part:
            return [each["id"] for each in found]
        found += part


@contextmanager
def listening(server: Server, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [PROGRAM, "listen", *options],
        cwd=server.data_dir.parent,
        env={**server.environment, "SENDOOK_SERVER__DATA_DIR": str(server.data_dir)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def test_nothing_is_missed_or_forwarded_twice_when_the_server_is_killed_meanwhile(
    server: Server, endpoint: Endpoint
) -> None:
    hook = server.webhook("http://127.0.0.1:9/", "message.sent", headers={"x-own": "yes"})
    secret = server.call("GET", f"/v1/webhooks/{hook['id']}/secret")["secret"]
    server.call("PATCH", f"/v1/webhooks/{hook['id']}", {"status": "disabled"})
    with listening(server, "--webhook", hook["id"], "--forward", endpoint.url) as process:
        wait_until(lambda: page(server)["sendook_event_streams"].value() == 1)
        for _ in range(3):
            before = len(endpoint.received)
            push(server, BATCH)
            wait_until(lambda before=before: len(endpoint.received) > before + 5)  # type: ignore[misc] # bound at once
            server.kill()  # in the middle of what is forwarded, with more in the log
            server.start()
        expected = event_ids(server)
        assert len(expected) == 3 * BATCH
        wait_until(lambda: len(endpoint.received) >= len(expected), seconds=60)
        assert process.poll() is None
    received = list(endpoint.received)
    assert [one.headers["webhook-id"] for one in received] == expected
    for one in received:
        # The command knows no secret: what verifies was signed by the server and passed on.
        Webhook(secret).verify(one.body, one.headers)
        assert one.headers["x-own"] == "yes"
        assert one.headers["x-sendook-event"] == "message.sent"


def open_stream(server: Server, last: str | None = None) -> socket.socket:
    """Ask for the stream and read nothing of it; the receive buffer is small."""
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    resume = f"Last-Event-ID: {last}\r\n" if last else ""
    head = f"GET /v1/events/stream HTTP/1.1\r\nHost: x\r\n{resume}Authorization: Bearer {KEY}\r\n"
    connection.sendall(f"{head}\r\n".encode())
    return connection


def read_ids(connection: socket.socket, count: int, pace: int = 65536) -> list[str]:
    """Read so many events' ids, a few bytes at a time if so wanted."""
    ids: list[str] = []
    with connection.makefile("rb", buffering=pace) as lines:
        identifier = ""
        while len(ids) < count:
            line = lines.readline()
            assert line, "the stream ended"
            if line.startswith(b"id: "):
                identifier = line[4:].decode().strip()
            elif line.startswith(b"data: "):
                json.loads(line[6:])
                ids.append(identifier)
    return ids


@pytest.mark.timeout(180)
def test_readers_that_take_nothing_cost_no_memory_and_find_everything_later(
    server: Server,
) -> None:
    push(server, 1)
    (first,) = event_ids(server)
    readers = [open_stream(server, first) for _ in range(SILENT_READERS)]
    wait_until(lambda: page(server)["sendook_event_streams"].value() == SILENT_READERS)
    before = resident_mib(server.pid)
    push(server, MANY)
    after = resident_mib(server.pid)
    # Kept in memory for each of them it would be 100 MiB and more.
    assert after < before + 50
    expected = event_ids(server)[1:]
    assert read_ids(readers[0], MANY, pace=512) == expected
    for reader in readers:
        reader.close()
    # And whoever was cut off comes back where it was.
    half = expected[MANY // 2]
    with open_stream(server, half) as again:
        assert read_ids(again, MANY // 2 - 1) == expected[MANY // 2 + 1 :]
