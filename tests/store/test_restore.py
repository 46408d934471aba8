"""Restoring: a sound copy takes the place of the database, and nothing is thrown away."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from sendook_lite.domain.errors import SendookError
from sendook_lite.domain.ids import Ids
from sendook_lite.store.backup import copy
from sendook_lite.store.database import DirectoryInUse, Store
from sendook_lite.store.restore import restore
from sendook_lite.store.soundness import examine
from sendook_lite.store.tx import Tx
from tests.fakes import FakeClock


def put(tx: Tx, key: str) -> None:
    tx.execute("INSERT INTO meta (key) VALUES (?)", (key,))


def keys(path: Path) -> Sequence[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM meta ORDER BY key")]


async def test_a_copy_takes_the_place_of_the_database_which_is_kept(
    store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    await store.writer.write(put, "before")
    copy(store.path, tmp_path / "copy.db")
    await store.writer.write(put, "after")
    await store.close()
    done = restore(tmp_path / "copy.db", store.directory, "20260301T091000Z")
    assert keys(store.path) == ["before"]
    assert done.replaced == store.directory / "replaced-20260301T091000Z.db"
    assert keys(done.replaced) == ["after", "before"]
    again = Store(store.directory, clock, Ids(clock))
    await again.open()
    assert await again.reader.all("SELECT key FROM meta") == [("before",)]
    await again.close()


async def test_a_running_server_keeps_its_database(store: Store, tmp_path: Path) -> None:
    await store.writer.write(put, "kept")
    copy(store.path, tmp_path / "copy.db")
    with pytest.raises(DirectoryInUse):
        restore(tmp_path / "copy.db", store.directory, "now")
    assert await store.reader.one("SELECT key FROM meta") == ("kept",)


async def test_what_was_committed_last_is_kept_though_the_process_was_killed(
    store: Store, tmp_path: Path
) -> None:
    copy(store.path, tmp_path / "copy.db")
    await store.writer.write(put, "only in the log")
    killed = tmp_path / "killed"
    killed.mkdir()
    for suffix in ("", "-wal"):
        name = f"sendook.db{suffix}"
        (killed / name).write_bytes((store.directory / name).read_bytes())
    done = restore(tmp_path / "copy.db", killed, "now")
    assert done.replaced is not None
    assert keys(done.replaced) == ["only in the log"]
    assert keys(killed / "sendook.db") == []


async def test_a_damaged_database_is_replaced_and_its_log_moved_away(
    store: Store, tmp_path: Path
) -> None:
    copy(store.path, tmp_path / "copy.db")
    await store.close()
    store.path.write_bytes(b"no database" * 1000)
    log = store.path.with_name("sendook.db-wal")
    log.write_bytes(b"a log that must never meet the new file")
    done = restore(tmp_path / "copy.db", store.directory, "now")
    assert done.replaced is not None
    assert done.replaced.read_bytes().startswith(b"no database")
    assert not log.exists()
    assert (store.directory / "replaced-now.db-wal").exists()
    assert examine(store.path).problems == ()


async def test_a_source_that_is_not_sound_changes_nothing(store: Store, tmp_path: Path) -> None:
    await store.writer.write(put, "kept")
    await store.close()
    bad = tmp_path / "bad.db"
    bad.write_bytes(store.path.read_bytes())
    with bad.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * 4096 * 6)
    with pytest.raises(SendookError, match="not sound"):
        restore(bad, store.directory, "now")
    with pytest.raises(SendookError, match="there is no file"):
        restore(tmp_path / "missing.db", store.directory, "now")
    assert keys(store.path) == ["kept"]
    assert not list(store.directory.glob("replaced-*"))


async def test_an_empty_directory_is_filled(store: Store, tmp_path: Path) -> None:
    await store.writer.write(put, "moved")
    copy(store.path, tmp_path / "copy.db")
    done = restore(tmp_path / "copy.db", tmp_path / "new" / "data", "now")
    assert done.replaced is None
    assert keys(tmp_path / "new" / "data" / "sendook.db") == ["moved"]
