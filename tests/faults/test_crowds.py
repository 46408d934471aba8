"""Ten thousand connections that ask for nothing, at each door: bounded, and nobody else notices."""

import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, push, resident_mib, wait_until
from tests.faults.doors import knock

CROWD = 10_000
BEGUN = {"api": b"GET /hea", "lmtp": b"LHLO x\r\nMAIL FR", "events": b'{"event": "mess'}
"""What each client says before it says no more."""


@pytest.fixture(autouse=True)
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, CROWD + 1000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(server: Server, door: str) -> socket.socket:
    if door == "api":
        host, _, port = server.url.rpartition("/")[2].rpartition(":")
        return socket.create_connection((host, int(port)), timeout=30)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    while True:
        try:
            connection.connect(str(server.data_dir / f"{door}.sock"))
        except BlockingIOError:
            time.sleep(0.001)  # more wait to be accepted than the kernel keeps in line
        else:
            return connection


def descriptors(server: Server) -> int:
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("door", BEGUN)
def test_ten_thousand_half_open_clients_take_nothing_from_the_others(
    tmp_path: Path, door: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(tmp_path / "data").start()
    server.inbox()
    crowd: list[socket.socket] = []
    try:
        with Endpoint() as endpoint:
            server.webhook(endpoint.url, "message.sent")
            before = descriptors(server), resident_mib(server.pid)
            for _ in range(CROWD):
                one = connect(server, door)
                crowd.append(one)
                try:
                    one.sendall(BEGUN[door])
                except OSError:
                    continue  # it was told already that there are too many
            during = descriptors(server), resident_mib(server.pid)
            # The other doors are as open as ever, and this one is where a newcomer gets a place.
            if door == "api":
                assert knock(server).all_accepted
            else:
                assert server.call("GET", "/readyz") == {"ready": True}
            if door != "events":
                push(server, 20)
                wait_until(lambda: len(endpoint.received) >= 20)
            for one in crowd:
                one.close()
            wait_until(lambda: descriptors(server) <= before[0] + 100)
            assert knock(server).all_accepted
        with capsys.disabled():
            print(
                f"\n{CROWD:,} half-open clients at {door}: descriptors {before[0]}, then"
                f" {during[0]}; memory {before[1]:.0f} MiB, then {during[1]:.0f}"
            )
        assert during[0] < 1500
        assert during[1] < before[1] + 100
        assert server.stop() == 0
    finally:
        for one in crowd:
            one.close()
        if server.process is not None:
            server.kill()
