"""Copies a database that is in use: one snapshot, verified, and never half there under its name."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sendook_lite.domain.errors import SendookError
from sendook_lite.store.failures import explain
from sendook_lite.store.soundness import (
    Going,
    Stopped,
    count_rows,
    examine,
    open_to_look,
    version_of,
)

PAGES: Final = 1000
"""Pages copied between two looks at whether to go on: 4 MB, some milliseconds."""

_PRIVATE_FILE: Final = 0o600

Progress = Callable[[int, int], None]
"""Told how many pages are done, and of how many."""


class BackupFailed(SendookError):
    """No copy was made; nothing stands under its name."""

    def __init__(self, message: str) -> None:
        super().__init__("backup_failed", message)


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that was made and found sound."""

    path: Path
    size: int
    version: int
    rows: dict[str, int]


def copy(
    source: Path,
    destination: Path,
    *,
    still: bool = False,
    going: Going = lambda: True,
    progress: Progress = lambda _done, _total: None,
) -> Copy:
    """Copy a database, in use or not, into a new file; returns when it is verified and on disk.

    ``still`` and ``going`` are as for ``examine``.

    The copy is one snapshot: a read transaction is begun before the first page and held to the
    last. This is also what lets the copy be made in steps: without it, every commit of the writer
    would start SQLite's backup anew, and under load it would never end.

    Raises:
        BackupFailed: it could not be made, or is not what the source was.
        Stopped: when ``going`` said no.
    """
    if destination.exists():
        raise BackupFailed(f"{destination} exists already")
    partial = destination.with_name(f"{destination.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE_FILE))
        try:
            expected = _copy_pages(source, partial, going, progress, still=still)
            found = examine(partial, still=True, going=going)
            if found.problems:
                raise BackupFailed(f"the copy is not sound: {found.problems[0]}")
            if found.rows != expected:
                raise BackupFailed("the copy has other rows than the source")
            _rename(partial, destination)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise BackupFailed(f"cannot write {destination}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise BackupFailed(f"cannot copy {source}: {explain(error)}") from error
    return Copy(destination, destination.stat().st_size, found.version, found.rows)


def _copy_pages(
    source: Path, partial: Path, going: Going, progress: Progress, *, still: bool
) -> dict[str, int]:
    """Copy one snapshot; returns how many rows each table has in it."""
    if not source.is_file():
        raise BackupFailed(f"there is no database at {source}")

    def look(_status: int, remaining: int, total: int) -> None:
        if not going():
            raise Stopped
        progress(total - remaining, total)

    with (
        closing(open_to_look(source, still=still)) as reading,
        closing(sqlite3.connect(partial, isolation_level=None)) as writing,
    ):
        reading.execute("BEGIN")
        version_of(reading, source)
        _ensure_room(reading, partial.parent)
        rows = count_rows(reading)
        reading.backup(writing, pages=PAGES, progress=look)
        reading.execute("ROLLBACK")
    return rows


def _ensure_room(reading: sqlite3.Connection, directory: Path) -> None:
    (pages,), (size,) = (
        reading.execute(f"PRAGMA {each}").fetchone() for each in ("page_count", "page_size")
    )
    free = shutil.disk_usage(directory).free
    if free < pages * size:
        raise BackupFailed(
            f"{directory} has {free:,} bytes free, and the copy needs {pages * size:,}"
        )


def _rename(partial: Path, destination: Path) -> None:
    """Give the copy its name once all of it is on disk; the name outlives a power cut too."""
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.rename(destination)
    sync_directory(destination.parent)


def sync_directory(directory: Path) -> None:
    """Put the names in a directory on disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
