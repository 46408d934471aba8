import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sendook_lite.service_manager import ServiceManager
from tests.fakes import FakeClock


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The end that systemd holds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(5)
        yield sock


def test_says_when_it_is_ready_and_when_it_ends(manager: socket.socket) -> None:
    told = ServiceManager({"NOTIFY_SOCKET": manager.getsockname()}, FakeClock())
    told.ready()
    told.stopping()
    assert [manager.recv(100), manager.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_finds_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0sendook-lite-test-notify")
        sock.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": "@sendook-lite-test-notify"}, FakeClock()).ready()
        assert sock.recv(100) == b"READY=1"


async def test_beats_three_times_within_the_time_it_is_given(manager: socket.socket) -> None:
    clock = FakeClock()
    told = ServiceManager(
        {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000000"}, clock
    )
    beating = asyncio.create_task(told.beat())
    await asyncio.sleep(0)
    for _ in range(3):
        await clock.advance(10)
    beating.cancel()
    assert [manager.recv(100) for _ in range(4)] == [b"WATCHDOG=1"] * 4


async def test_does_nothing_where_nobody_asked() -> None:
    told = ServiceManager({}, FakeClock())
    told.ready()
    await told.beat()


def test_goes_on_when_nobody_is_there(tmp_path: Path) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}, FakeClock()).ready()
