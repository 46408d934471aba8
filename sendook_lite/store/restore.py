"""Puts a copy in the place of the database, and keeps what it replaces."""

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sendook_lite.domain.errors import SendookError
from sendook_lite.store.backup import Copy, Progress, copy, sync_directory
from sendook_lite.store.database import DATABASE_NAME, LOCK_NAME, lock
from sendook_lite.store.soundness import Going, examine, is_still

_PRIVATE_DIRECTORY = 0o700


@dataclass(frozen=True, slots=True)
class Restored:
    """What is in place now, and where that is which was there; None when there was nothing."""

    database: Copy
    replaced: Path | None


def restore(
    source: Path,
    directory: Path,
    stamp: str,
    *,
    going: Going = lambda: True,
    progress: Progress = lambda _done, _total: None,
) -> Restored:
    """Copy ``source`` into a data directory that no server uses.

    The source is judged first, so a damaged one changes nothing. ``stamp`` names what is replaced;
    ``going`` is as for ``examine``.

    Raises:
        DirectoryInUse: a server runs there.
        Stopped: when ``going`` said no.
        SendookError: the source is not sound, or the copy failed; the old database is in place.
    """
    if not source.is_file():
        raise SendookError("not_a_database", f"there is no file {source}")
    directory.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    with lock(directory):
        still = is_still(source)
        problems = examine(source, still=still, going=going).problems
        if problems:
            raise SendookError("not_sound", f"{source} is not sound: {problems[0]}")
        database = directory / DATABASE_NAME
        incoming = directory / f"{DATABASE_NAME}.restoring"
        incoming.unlink(missing_ok=True)
        made = copy(source, incoming, still=still, going=going, progress=progress)
        _give_to_owner(directory, incoming)
        replaced = _keep_aside(database, stamp) if database.exists() else None
        incoming.replace(database)
        sync_directory(directory)
    return Restored(Copy(database, made.size, made.version, made.rows), replaced)


def _keep_aside(database: Path, stamp: str) -> Path:
    """Give the present database a second name; its first one goes when it is replaced.

    A new file must never meet the log of an old one. Closing the last connection folds the log into
    its file and removes it. Where that fails, because the file is damaged, the log is kept beside
    it: SQLite would throw away what it cannot make sense of.
    """
    aside = database.with_name(f"replaced-{stamp}.db")
    os.link(database, aside)
    log, log_aside = (each.with_name(f"{each.name}-wal") for each in (database, aside))
    if log.exists():
        os.link(log, log_aside)
    with suppress(sqlite3.Error), closing(sqlite3.connect(database)) as connection:
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            log_aside.unlink(missing_ok=True)
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    return aside


def _give_to_owner(directory: Path, incoming: Path) -> None:
    """Let the owner of the directory own what was made in it, when root restores for a service."""
    if os.geteuid() == 0:
        owner = directory.stat()
        for each in (incoming, directory / LOCK_NAME):
            os.chown(each, owner.st_uid, owner.st_gid)
