"""Copies: one moment of a database that is in use, found sound, or not there at all."""

import asyncio
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from sendook_lite.domain.errors import SendookError
from sendook_lite.store import backup
from sendook_lite.store.backup import BackupFailed, copy
from sendook_lite.store.database import Store
from sendook_lite.store.soundness import Stopped, examine
from sendook_lite.store.tx import Tx
from tests.usecases.product import Product, mail


def put_pair(tx: Tx, number: int) -> None:
    """Write two rows that belong together; a copy with one of them is torn."""
    for side in ("left", "right"):
        row = (f"{side} {number}", "x" * 4000)
        tx.execute("INSERT INTO meta (key, value) VALUES (?, ?)", row)


def sides(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        return dict(
            connection.execute(
                "SELECT substr(key, 1, 4), count(*) FROM meta WHERE key GLOB '[lr]*t *'"
                " GROUP BY substr(key, 1, 4)"
            ).fetchall()
        )


def names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


async def test_a_copy_taken_while_the_writer_works_is_one_moment(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "PAGES", 10)
    for number in range(300):
        await store.writer.write(put_pair, number)
    half_way = asyncio.Event()
    more_written = asyncio.Event()
    loop = asyncio.get_running_loop()

    def progress(done: int, total: int) -> None:
        if done * 2 >= total and not half_way.is_set():
            loop.call_soon_threadsafe(half_way.set)
            asyncio.run_coroutine_threadsafe(more_written.wait(), loop).result(30)

    copying = asyncio.create_task(
        asyncio.to_thread(copy, store.path, tmp_path / "copy.db", progress=progress)
    )
    await half_way.wait()
    for number in range(300, 400):
        await store.writer.write(put_pair, number)
    more_written.set()
    made = await copying
    assert sides(made.path) == {"left": 300, "righ": 300}
    assert made.rows["meta"] == 600
    assert await store.reader.one("SELECT count(*) FROM meta") == (800,)


async def test_a_copy_is_for_its_owner_alone_and_leaves_nothing_beside_it(
    store: Store, tmp_path: Path
) -> None:
    made = copy(store.path, tmp_path / "copy.db")
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["copy.db", "data"]
    assert made.size == made.path.stat().st_size


async def test_what_exists_is_not_written_over(store: Store, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(BackupFailed, match="exists already"):
        copy(store.path, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"


async def test_a_copy_that_is_stopped_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        copy(store.path, tmp_path / "copy.db", going=lambda: False)
    assert names(tmp_path) == ["data"]


async def test_a_copy_that_is_not_what_the_source_was_is_thrown_away(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "count_rows", lambda _: {"meta": 17})
    with pytest.raises(BackupFailed, match="other rows than the source"):
        copy(store.path, tmp_path / "copy.db")
    assert names(tmp_path) == ["data"]


async def test_a_copy_without_room_is_not_begun(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(backup.shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(BackupFailed, match="has 1,000 bytes free, and the copy needs"):
        copy(store.path, tmp_path / "copy.db")


async def test_what_is_wrong_with_the_places_is_told(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match=r"cannot write .*nowhere.*No such file"):
        copy(store.path, tmp_path / "nowhere" / "copy.db")
    with pytest.raises(BackupFailed, match="there is no database"):
        copy(tmp_path / "missing.db", tmp_path / "copy.db")


async def test_a_stranger_file_is_not_copied_as_if_it_were_ours(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.db"
    with closing(sqlite3.connect(stranger)) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(SendookError, match="not a database of Sendook Lite"):
        copy(stranger, tmp_path / "copy.db")
    (tmp_path / "text.db").write_text("no database at all" * 100)
    with pytest.raises(BackupFailed, match="damaged"):
        copy(tmp_path / "text.db", tmp_path / "copy.db")


async def test_a_copy_of_a_working_product_is_sound(product: Product, tmp_path: Path) -> None:
    await product.inboxes.create("Support", "support@mail.example")
    await product.webhook()
    intake = product.intake()
    for number in range(5):
        raw = mail(subject=f"number {number}")
        await intake.receive(await intake.prepare(raw), "support@mail.example", None)
    made = copy(product.store.path, tmp_path / "copy.db")
    assert made.rows["messages"] == 5
    assert examine(made.path, still=True).problems == ()
