"""Opens the one database file: locks the directory, migrates, starts writer and readers."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import IO

from sendook_lite.domain.clock import Clock
from sendook_lite.domain.errors import SendookError, StoreFailed
from sendook_lite.domain.ids import Ids
from sendook_lite.store.checkpoints import Checkpoints
from sendook_lite.store.failures import explain
from sendook_lite.store.migrate import migrate, migrations
from sendook_lite.store.reader import Reader
from sendook_lite.store.snapshots import Snapshots
from sendook_lite.store.writer import Writer, open_for_writing

DATABASE_NAME = "sendook.db"
LOCK_NAME = "lock"
SQLITE_VERSION = sqlite3.sqlite_version

BeforeMigration = Callable[[int], None]
"""Called with the version that a file has; what it raises leaves the file as it is."""

_PRIVATE_FILE = 0o600
_PRIVATE_DIRECTORY = 0o700


class DirectoryInUse(SendookError):
    """Another process holds the data directory."""

    def __init__(self, directory: Path, holder: str) -> None:
        super().__init__(
            "directory_in_use",
            f"{directory} is in use by another sendook-lite (process {holder or 'unknown'}):"
            " stop it, or give this one another --data-dir",
        )


class FileTakenAway(SendookError):
    """The database, or its log, is not the file any more that was opened."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            "file_taken_away",
            f"{path} was taken away or replaced while it is in use, so this process ends. All that"
            " was acknowledged is in the file it had opened: put that back, or start again if it"
            " was only the log",
        )


class Store:
    """One database file with its writer and its readers."""

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        ids: Ids,
        before_migration: BeforeMigration | None = None,
    ) -> None:
        self._before_migration = before_migration
        self.directory = directory
        self.path = directory / DATABASE_NAME
        self._checkpoints = Checkpoints(self.path)
        self.writer = Writer(self.path, clock, ids, self._checkpoints.note)
        self.reader = Reader(self.path)
        self.snapshots = Snapshots(self.path)
        self._lock: IO[str] | None = None
        self._files: dict[Path, int | None] = {}

    @property
    def files(self) -> dict[str, Path]:
        """The files of the database by what they are; the log is there while the store is open."""
        log = self.path.with_name(f"{self.path.name}-wal")
        return {"database": self.path, "log": log}

    async def open(self) -> None:
        """Take the directory, bring the schema up to date and start serving.

        Raises:
            DirectoryInUse: when another process has it.
            NewerDatabase: when the file is ahead of this program.
            StoreFailed: when the directory or the file cannot be used.
        """
        try:
            self.directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            self._lock = lock(self.directory)
        except OSError as error:
            raise StoreFailed(
                f"cannot use the data directory {self.directory}: {error.strerror}"
            ) from error
        try:
            await asyncio.to_thread(prepare, self.path, self._before_migration)
            self.writer.start()
            self._checkpoints.start()
            await self.reader.open()
            await self.snapshots.open()
        except (sqlite3.Error, OSError) as error:
            await self.close()
            reason = explain(error) if isinstance(error, sqlite3.Error) else error.strerror
            raise StoreFailed(f"cannot open {self.path}: {reason}") from error
        except BaseException:
            await self.close()
            raise

    def ensure_in_place(self) -> None:
        """See that nobody moved, replaced or removed the files under this process.

        It could go on for a while with what it holds open, but whoever opens the file next, a
        backup for one, would meet another log or none. To end is safe: closing the last connection
        writes what the log holds into the file that was opened, wherever that is now.

        Raises:
            FileTakenAway: somebody did.
        """
        for path in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            try:
                found = path.stat().st_ino
            except OSError:
                found = None
            if self._files.get(path) is None:
                self._files[path] = found  # the log is made with the first transaction
            elif self._files[path] != found:
                raise FileTakenAway(path)

    async def close(self) -> None:
        """Commit what is queued, close the file and let the directory go."""
        await self.reader.close()
        await self.snapshots.close()
        await asyncio.to_thread(self._checkpoints.close)
        await self.writer.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def prepare(path: Path, before_migration: BeforeMigration | None = None) -> None:
    """Make the file, readable by its owner only, and bring its schema up to date.

    SQLite gives the write-ahead log and its index the mode of the file. ``before_migration`` is
    called when a file that holds something is about to be changed.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, _PRIVATE_FILE))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        steps = migrations()
        (present,) = connection.execute("PRAGMA user_version").fetchone()
        if before_migration is not None and 0 < present < steps[-1].version:
            before_migration(present)
        migrate(connection, steps)
    finally:
        connection.close()
    # Readers are opened read-only and cannot switch the file to WAL themselves.
    open_for_writing(path).close()


def lock(directory: Path) -> IO[str]:
    """Take the directory for this process; the kernel lets it go when the process ends.

    Raises:
        DirectoryInUse: when another process has it.
    """
    descriptor = os.open(directory / LOCK_NAME, os.O_CREAT | os.O_RDWR, _PRIVATE_FILE)
    file = os.fdopen(descriptor, "r+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = file.read().strip()
        file.close()
        raise DirectoryInUse(directory, holder) from error
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
