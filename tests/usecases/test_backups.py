"""Automatic copies: one a day whatever is restarted, so many kept, and failures told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sendook_lite.store.backup import BackupFailed
from sendook_lite.store.soundness import examine
from sendook_lite.usecases.backups import LOOK_SECONDS, RETRY_SECONDS, Backups
from tests.usecases.product import Product

HOUR = 3600.0


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "copies"
    made.mkdir()
    return made


def backups(product: Product, directory: Path, keep: int = 3) -> Backups:
    return Backups(product.store.path, directory, keep, product.clock)


def names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


@asynccontextmanager
async def running(work: Backups) -> AsyncIterator[None]:
    task = asyncio.create_task(work.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def advance(product: Product, seconds: float) -> None:
    """Let time pass, and the thread that copies do what is due then."""
    await product.clock.advance(seconds)
    for _ in range(200):
        await asyncio.sleep(0.005)
        if product.clock._sleepers:
            return


async def test_a_day_passes_between_copies_also_over_restarts(
    product: Product, directory: Path
) -> None:
    async with running(backups(product, directory)):
        await advance(product, 0)
        assert names(directory) == ["sendook-20260301T091000Z.db"]
        await advance(product, 23 * HOUR)
        assert len(names(directory)) == 1
    async with running(backups(product, directory)):
        await advance(product, LOOK_SECONDS)
        assert len(names(directory)) == 1
        await advance(product, HOUR)
    assert names(directory)[1].startswith("sendook-20260302T09")
    assert all(not examine(directory / each, still=True).problems for each in names(directory))


async def test_the_oldest_copies_make_room(product: Product, directory: Path) -> None:
    made = backups(product, directory, keep=2)
    (directory / "holiday.jpg").write_text("not ours")
    for _ in range(4):
        product.clock.wall += 24 * 3_600_000
        made.before_migration(2)
        made._make_if_due()
    assert names(directory) == [
        "holiday.jpg",
        "sendook-20260304T091000Z-schema-2.db",
        "sendook-20260304T091000Z.db",
        "sendook-20260305T091000Z-schema-2.db",
        "sendook-20260305T091000Z.db",
    ]


async def test_a_copy_from_the_future_does_not_count(product: Product, directory: Path) -> None:
    (directory / "sendook-20990101T000000Z.db").write_text("made under a wrong clock")
    backups(product, directory)._make_if_due()
    assert "sendook-20260301T091000Z.db" in names(directory)


async def test_what_a_killed_process_left_half_done_is_removed(
    product: Product, directory: Path
) -> None:
    (directory / "sendook-20260228T000000Z.db.partial").write_text("half")
    backups(product, directory)._make_if_due()
    assert names(directory) == ["sendook-20260301T091000Z.db"]


async def test_a_directory_that_is_missing_is_told_and_not_made(
    product: Product, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "not mounted"
    work = backups(product, missing)
    async with running(work):
        await advance(product, 0)
        assert work.failure is not None
        assert "does not exist" in work.failure
        assert work.facts() == {"copies": 0, "lastAt": None, "failure": work.failure}
        assert not missing.exists()
        missing.mkdir()
        await advance(product, RETRY_SECONDS)
        assert work.failure is None
        assert work.facts()["lastAt"] == "2026-03-01T10:10:00.000Z"
    assert "the daily backup failed" in capsys.readouterr().out


async def test_the_schema_is_not_changed_without_a_copy(product: Product, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match=r'does not exist.*set backup.dir = ""'):
        backups(product, tmp_path / "missing").before_migration(1)
