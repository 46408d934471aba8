"""Opening the database: one process, private files, and words when it cannot be."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.ids import Ids
from sendook_lite.store import reader as reader_module
from sendook_lite.store.database import DirectoryInUse, Store
from sendook_lite.store.failures import explain, is_store_failure
from sendook_lite.store.migrate import NewerDatabase
from sendook_lite.store.tx import Tx
from tests.fakes import FakeClock

OPEN_ELSEWHERE = """
import asyncio, sys
from pathlib import Path
from sendook_lite.domain.clock import SystemClock
from sendook_lite.domain.errors import SendookError
from sendook_lite.domain.ids import Ids
from sendook_lite.store.database import Store

async def main():
    clock = SystemClock()
    store = Store(Path(sys.argv[1]), clock, Ids(clock))
    try:
        await store.open()
    except SendookError as error:
        sys.exit(f"{error.code}: {error.message}")
    await store.close()

asyncio.run(main())
"""


def new_store(directory: Path, clock: FakeClock) -> Store:
    return Store(directory, clock, Ids(clock))


def open_elsewhere(directory: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", OPEN_ELSEWHERE, str(directory)],
        capture_output=True,
        text=True,
        check=False,
    )


async def test_a_second_process_is_refused_and_told_which_one_is_first(store: Store) -> None:
    refused = open_elsewhere(store.directory)
    assert refused.returncode == 1
    assert "directory_in_use" in refused.stderr
    assert f"process {os.getpid()}" in refused.stderr
    await store.close()
    assert open_elsewhere(store.directory).returncode == 0


async def test_a_directory_that_was_refused_is_not_harmed(store: Store, clock: FakeClock) -> None:
    second = new_store(store.directory, clock)
    for _ in range(2):
        with pytest.raises(DirectoryInUse):
            await second.open()
    assert await store.reader.one("SELECT 1") == (1,)


async def test_nobody_else_may_read_the_files(store: Store) -> None:
    def put(tx: Tx) -> None:
        tx.execute("INSERT INTO meta (key) VALUES ('x')")

    await store.writer.write(put)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in store.directory.iterdir()}
    assert modes == dict.fromkeys(("lock", "sendook.db", "sendook.db-wal", "sendook.db-shm"), 0o600)
    assert stat.S_IMODE(store.directory.stat().st_mode) == 0o700


async def test_what_was_written_is_there_after_a_restart(store: Store, clock: FakeClock) -> None:
    def put(tx: Tx) -> None:
        tx.execute("INSERT INTO meta (key) VALUES ('kept')")

    await store.writer.write(put)
    await store.close()
    again = new_store(store.directory, clock)
    await again.open()
    assert await again.reader.one("SELECT key FROM meta") == ("kept",)
    await again.close()


async def test_a_newer_database_is_refused_and_the_directory_let_go(
    tmp_path: Path, clock: FakeClock
) -> None:
    connection = sqlite3.connect(tmp_path / "sendook.db")
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    for _ in range(2):
        with pytest.raises(NewerDatabase, match="9999"):
            await new_store(tmp_path, clock).open()


async def test_a_damaged_file_is_told(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "sendook.db").write_text("not a database at all " * 500)
    for _ in range(2):
        with pytest.raises(StoreFailed, match="damaged"):
            await new_store(tmp_path, clock).open()


async def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed, match=r"cannot use the data directory .*Not a directory"):
        await new_store(tmp_path / "file" / "data", clock).open()


async def test_a_database_that_is_a_directory_is_told(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "sendook.db").mkdir()
    with pytest.raises(StoreFailed, match="Is a directory"):
        await new_store(tmp_path, clock).open()


async def test_readers_that_cannot_open_let_everything_go(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(tmp_path, clock)
    store.reader = reader_module.Reader(tmp_path / "elsewhere.db")
    with pytest.raises(StoreFailed, match="cannot be opened"):
        await store.open()
    monkeypatch.undo()
    again = new_store(tmp_path, clock)
    await again.open()
    await again.close()


@pytest.mark.parametrize(
    ("name", "phrase", "at_fault"),
    [
        ("SQLITE_FULL", "the disk is full", True),
        ("SQLITE_IOERR_WRITE", "the disk reports an input/output error", True),
        ("SQLITE_CORRUPT_INDEX", "the database file is damaged", True),
        ("SQLITE_BUSY_SNAPSHOT", "the database is locked by another program", True),
        ("SQLITE_CONSTRAINT_UNIQUE", "the database reported SQLITE_CONSTRAINT_UNIQUE", False),
        (None, "the database reported SQLITE_ERROR", False),
    ],
)
def test_failures_are_told_in_words(name: str | None, phrase: str, *, at_fault: bool) -> None:
    error = sqlite3.OperationalError("secret detail")
    if name is not None:
        error.sqlite_errorname = name
    assert explain(error) == phrase
    assert is_store_failure(error) is at_fault
