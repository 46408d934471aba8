"""Checkpoints beside the writer: the file follows the log while nobody waits for it."""

import asyncio
import shutil
import sqlite3
import threading
import time
from pathlib import Path

from sendook_lite.domain.ids import Ids
from sendook_lite.store.checkpoints import APART_SECONDS, ROWS, WRITERS_OWN_PAGES, Checkpoints
from sendook_lite.store.database import Store
from sendook_lite.store.tx import Tx
from tests.fakes import FakeClock


def put_many(tx: Tx, first: int, count: int) -> None:
    for key in range(first, first + count):
        tx.execute("INSERT INTO meta (key, value) VALUES (?, 'x')", (f"made {key}",))


def rows_without_log(store: Store, scratch: Path) -> int:
    """Count what is in the file itself, as one would find it without its log."""
    copy = shutil.copyfile(store.path, scratch / "copy.db")
    with sqlite3.connect(copy) as connection:
        row = connection.execute("SELECT count(*) FROM meta WHERE key LIKE 'made %'").fetchone()
    connection.close()
    return int(row[0])


async def until_in_file(store: Store, scratch: Path, count: int) -> None:
    def look() -> None:
        give_up = time.monotonic() + 20
        while rows_without_log(store, scratch) < count:
            assert time.monotonic() < give_up, "what was committed does not reach the file"
            time.sleep(0.02)

    await asyncio.to_thread(look)


async def test_the_file_takes_in_what_was_committed_though_the_log_is_short(
    store: Store, tmp_path: Path
) -> None:
    await store.writer.write(put_many, 0, ROWS)
    await until_in_file(store, tmp_path, ROWS)
    log = store.files["log"].stat().st_size
    assert log < WRITERS_OWN_PAGES * 4096


async def test_it_goes_on_after_a_reader_has_held_it_up(store: Store, tmp_path: Path) -> None:
    holder = sqlite3.connect(store.path, isolation_level=None)
    holder.execute("BEGIN")
    holder.execute("SELECT count(*) FROM meta").fetchone()  # nothing newer may reach the file
    await store.writer.write(put_many, 0, ROWS)
    await asyncio.sleep(1.5 * APART_SECONDS)
    assert rows_without_log(store, tmp_path) == 0
    holder.execute("COMMIT")
    holder.close()
    await store.writer.write(put_many, ROWS, ROWS)
    await until_in_file(store, tmp_path, 2 * ROWS)


async def test_a_few_rows_wait_for_more(store: Store, tmp_path: Path) -> None:
    await store.writer.write(put_many, 0, ROWS // 2)
    await asyncio.sleep(1.5 * APART_SECONDS)
    assert rows_without_log(store, tmp_path) == 0


async def test_the_writer_itself_seldom_makes_one(store: Store) -> None:
    row = await store.writer.write(lambda tx: tx.one("PRAGMA wal_autocheckpoint"))
    assert row == (WRITERS_OWN_PAGES,)


async def test_closing_ends_the_thread_at_once(tmp_path: Path) -> None:
    clock = FakeClock()
    store = Store(tmp_path / "other", clock, Ids(clock))
    await store.open()
    await store.writer.write(put_many, 0, ROWS)
    await store.close()
    assert not store._checkpoints._thread.is_alive()
    assert not store.files["log"].exists()


class Closing(threading.Event):
    """Is cleared just after somebody has begun to close: the worst moment for it."""

    def __init__(self, closing: threading.Event) -> None:
        super().__init__()
        self._closing = closing

    def clear(self) -> None:
        self._closing.set()
        self.set()
        super().clear()


async def test_closing_at_the_worst_moment_is_heard(store: Store) -> None:
    checkpoints = Checkpoints(store.path)
    checkpoints._due = Closing(checkpoints._closing)
    checkpoints.start()
    checkpoints.note(ROWS)
    await asyncio.to_thread(checkpoints._thread.join, 10)
    assert not checkpoints._thread.is_alive()


def test_one_that_was_never_started_can_be_closed(tmp_path: Path) -> None:
    Checkpoints(tmp_path / "missing.db").close()
