"""Thirty thousand events, all of them delivered, in memory that stays flat."""

import json
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.counting import Receiver
from tests.e2e.server import Server, resident_mib, wait_until

EVENTS = 30_000


@pytest.mark.timeout(600)
def test_thirty_thousand_events_all_arrive_in_flat_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(tmp_path / "data").start()
    receiver = Receiver()
    server.webhook(receiver.url, "message.delivered")
    answers = 0
    resident: list[float] = []

    with server.events_socket() as connection:

        def push() -> None:
            padding = "x" * 3000
            for start in range(0, EVENTS, 100):
                lines = [
                    json.dumps(
                        {
                            "event": "message.delivered",
                            "from": "app@elsewhere.example",
                            "recipient": f"user{number}@example.org",
                            "diagnostic": padding,
                        }
                    )
                    for number in range(start, start + 100)
                ]
                connection.sendall(("\n".join(lines) + "\n").encode())

        began = time.monotonic()
        pusher = threading.Thread(target=push)
        pusher.start()
        with connection.makefile("rb") as replies:
            for _ in range(EVENTS):
                assert json.loads(replies.readline())["ok"]
                answers += 1
                if answers % (EVENTS // 10) == 0:
                    resident.append(resident_mib(server.pid))
        pusher.join()
        acknowledged = time.monotonic() - began
        wait_until(lambda: receiver.counted()["events"] >= EVENTS, seconds=300)
        delivered = time.monotonic() - began

    counted = receiver.counted()
    resident.append(resident_mib(server.pid))
    receiver.close()
    with capsys.disabled():
        print(
            f"\n{EVENTS:,} events: acknowledged at {EVENTS / acknowledged:,.0f}/s,"
            f" delivered at {EVENTS / delivered:,.0f}/s,"
            f" resident {resident[0]:.0f} to {max(resident):.0f} MiB"
        )
    assert counted == {"requests": EVENTS, "events": EVENTS}
    # Bodies alone are 90 MB and more: what does not stay flat would show.
    assert max(resident) < resident[0] + 40
    assert server.stop() == 0
