"""Room on the disk: the doors close before it runs out, and asking is cheap."""

import shutil
from pathlib import Path

import pytest

from sendook_lite.domain.errors import Unavailable
from sendook_lite.store.space import DiskSpace
from tests.fakes import FakeClock


def test_enough_room_is_no_reason_to_refuse(tmp_path: Path, clock: FakeClock) -> None:
    space = DiskSpace(tmp_path, 0, clock)
    assert space.shortage() is None
    space.ensure()
    assert 0 < space.free_bytes() <= shutil.disk_usage(tmp_path).total


def test_a_shortage_is_told_with_what_is_there_and_what_is_asked(
    tmp_path: Path, clock: FakeClock
) -> None:
    space = DiskSpace(tmp_path, 2**80, clock)
    with pytest.raises(Unavailable, match=f"server.min_free_bytes asks for {2**80}"):
        space.ensure()


def test_the_file_system_is_asked_once_a_second(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    usage = shutil.disk_usage

    def count(path: Path) -> object:
        asked.append(path)
        return usage(path)

    monkeypatch.setattr(shutil, "disk_usage", count)
    space = DiskSpace(tmp_path, 0, clock)
    for _ in range(5):
        space.free_bytes()
    assert len(asked) == 1
    clock.elapsed += 1
    space.free_bytes()
    assert len(asked) == 2
