"""A hundred thousand events, all of them delivered, in memory that stays flat."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.server import Server, wait_until

EVENTS = 100_000
RECEIVER = Path(__file__).with_name("counting_receiver.py")


class Receiver:
    """The counting receiver as a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(RECEIVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/"

    def counted(self) -> dict[str, int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the process is gone")


@pytest.mark.timeout(600)
def test_a_hundred_thousand_events_all_arrive_in_flat_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(tmp_path / "data").start()
    receiver = Receiver()
    server.webhook(receiver.url, "message.delivered")
    answers = 0
    resident: list[float] = []

    with server.events_socket() as connection:

        def push() -> None:
            padding = "x" * 700
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
    # Bodies alone are 100 MB: what does not stay flat would show.
    assert max(resident) < resident[0] + 40
    assert server.stop() == 0
