"""Endpoints that were away get what they missed: all of it, and once."""

import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sendook_lite.delivery.scheduler import MAX_UNSETTLED
from tests.e2e.counting import Receiver
from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, push, wait_until

BACKLOG = 10_000
MISSED = 3_000


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.timeout(300)
def test_a_dead_endpoint_with_a_backlog_comes_back_and_its_lane_drains(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    port = closed_port()
    webhook = server.webhook(f"http://127.0.0.1:{port}/", "message.sent", retrySchedule=[0.5] * 20)
    push(server, BACKLOG)
    wait_until(lambda: server.call("GET", "/health")["delivery"]["throttledLanes"] == 1)
    probes = len(server.call("GET", f"/v1/webhooks/{webhook['id']}/attempts?limit=500"))
    assert probes < 20, "a dead endpoint is asked with care, whatever waits for it"
    receiver = Receiver(port)
    wait_until(lambda: receiver.counted()["events"] >= BACKLOG, seconds=120)
    counted = receiver.counted()
    receiver.close()
    assert counted == {"requests": BACKLOG, "events": BACKLOG}
    wait_until(lambda: server.call("GET", f"/v1/webhooks/{webhook['id']}/stats")["pending"] == 0)
    stats = server.call("GET", f"/v1/webhooks/{webhook['id']}/stats")
    assert (stats["delivered"], stats["failed"]) == (BACKLOG, 0)
    assert server.stop() == 0


@pytest.mark.timeout(300)
def test_a_replay_sends_exactly_what_was_missed_and_a_kill_changes_nothing(tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    with Endpoint() as endpoint:
        webhook = server.webhook(endpoint.url, "message.sent")
        path = f"/v1/webhooks/{webhook['id']}"
        push(server, 10)
        wait_until(lambda: len(endpoint.received) == 10)
        server.call("PATCH", path, {"status": "disabled"})
        time.sleep(0.01)
        since = datetime.now(UTC).isoformat()
        push(server, MISSED)
        server.call("PATCH", path, {"status": "enabled"})
        push(server, 5)
        wait_until(lambda: len(endpoint.received) == 15)
        endpoint.received.clear()
        server.call("POST", f"{path}/replay", {"since": since})
        wait_until(lambda: len(endpoint.received) > MAX_UNSETTLED)
        server.kill()
        before_the_kill = len(endpoint.received)
        server.start()

        def replay() -> dict[str, object]:
            (found,) = server.call("GET", f"{path}/replays")
            return dict(found)

        wait_until(lambda: replay()["delivered"] == MISSED, seconds=120)
        found = replay()
        assert before_the_kill < MISSED, "the kill came too late to prove anything"
        assert (found["state"], found["matched"], found["created"]) == ("done", MISSED, MISSED)
        ids = [one.headers["webhook-id"] for one in endpoint.received]
        assert len(set(ids)) == MISSED
        # Sent twice: at most what was in flight, or answered and not recorded yet, at the kill.
        assert len(ids) <= MISSED + MAX_UNSETTLED
        assert len({one.body for one in endpoint.received}) == MISSED
    assert server.stop() == 0
