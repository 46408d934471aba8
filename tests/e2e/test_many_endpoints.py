"""A hundred endpoints, most of them broken: the healthy ones get everything, at their own pace."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, push, resident_mib, wait_until
from tests.e2e.test_isolation import HangingEndpoint

HEALTHY, HANGING, REFUSING, DEAD_DNS = 30, 40, 20, 10
EVENTS = 300


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def deliver(server: Server, endpoint: Endpoint) -> float:
    """Push events and wait until the endpoint has all of them, for each of its webhooks."""
    endpoint.received.clear()
    began = time.monotonic()
    push(server, EVENTS)
    wait_until(lambda: len(endpoint.received) >= EVENTS * HEALTHY, seconds=120)
    return time.monotonic() - began


@contextlib.contextmanager
def broken_endpoints(server: Server) -> Iterator[list[HangingEndpoint]]:
    hanging = [HangingEndpoint() for _ in range(HANGING)]
    for each in hanging:
        server.webhook(each.url, "message.sent", timeout=60)
    for _ in range(REFUSING):
        server.webhook(f"http://127.0.0.1:{closed_port()}/", "message.sent")
    for number in range(DEAD_DNS):
        server.webhook(f"http://nobody-{number}.invalid/", "message.sent")
    yield hanging
    for each in hanging:
        each.close()


@pytest.mark.timeout(300)
def test_healthy_endpoints_get_everything_while_most_others_are_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(tmp_path / "data").start()
    with Endpoint() as endpoint:
        for number in range(HEALTHY):
            server.webhook(f"{endpoint.url}/{number}", "message.sent")
        alone = deliver(server, endpoint)
        before = resident_mib(server.pid)
        with broken_endpoints(server) as hanging:
            beside = deliver(server, endpoint)
            open_files = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
            after = resident_mib(server.pid)
            held = [len(each.held) for each in hanging]
            server.kill()
        pairs = {(one.headers["webhook-id"], one.headers["x-sendook-delivery"])
                 for one in endpoint.received}  # fmt: skip
    with capsys.disabled():
        print(
            f"\n{EVENTS} events to {HEALTHY} healthy webhooks: {EVENTS * HEALTHY / alone:,.0f}"
            f" deliveries/s alone, {EVENTS * HEALTHY / beside:,.0f}/s beside"
            f" {HANGING} hanging, {REFUSING} refusing, {DEAD_DNS} without DNS;"
            f" {open_files} open files, resident {before:.0f} to {after:.0f} MiB"
        )
    assert len(pairs) == EVENTS * HEALTHY == len(endpoint.received)
    assert max(held) <= 2, "an endpoint that never answered is asked with care"
    assert open_files < 600
    assert after < before + 60
