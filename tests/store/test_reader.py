"""The readers: beside the writer, and never in its place."""

import asyncio
from pathlib import Path

import pytest

from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.ids import Ids
from sendook_lite.store.database import Store
from tests.fakes import FakeClock


async def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StoreFailed, match="read-only"):
        await store.reader.all("INSERT INTO meta (key) VALUES ('x')")


async def test_a_query_that_fails_gives_its_connection_back(store: Store) -> None:
    for _ in range(5):
        with pytest.raises(StoreFailed, match="SQLITE_ERROR"):
            await store.reader.all("SELECT nothing FROM nowhere")
    assert await store.reader.one("SELECT 1") == (1,)


async def test_a_reader_that_is_cancelled_leaves_the_pool_whole(store: Store) -> None:
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
    tasks = [asyncio.create_task(store.reader.all(slow + "SELECT max(i) FROM n")) for _ in range(4)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await asyncio.gather(*(store.reader.one("SELECT 1") for _ in range(4))) == [(1,)] * 4


async def test_no_row_is_none(store: Store) -> None:
    assert await store.reader.one("SELECT 1 WHERE 0") is None


async def test_a_directory_may_have_any_name(tmp_path: Path, clock: FakeClock) -> None:
    store = Store(tmp_path / "what? 100% #1 & ü", clock, Ids(clock))
    await store.open()
    assert await store.reader.one("SELECT count(*) FROM meta") == (0,)
    await store.close()
