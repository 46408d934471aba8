"""A glance at a database file from outside: does it open, and when was it last written."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sendook_lite.domain.errors import StoreFailed
from sendook_lite.store.failures import explain
from sendook_lite.store.soundness import open_to_look, version_of


@dataclass(frozen=True, slots=True)
class Glance:
    """``last_written_at`` is in ms since the epoch, 0 when nothing was written yet."""

    version: int
    last_written_at: int


def glance(path: Path) -> Glance:
    """Open a database, in use or not, and look at its newest rows only.

    Raises:
        SendookError: it cannot be opened, or is none of ours.
    """
    try:
        with closing(open_to_look(path, still=False)) as connection:
            version = version_of(connection, path)
            newest = [
                connection.execute(f"SELECT created_at FROM {table} ORDER BY seq DESC LIMIT 1")
                for table in ("events", "attempts", "messages")
            ]
            stamps = [row[0] for cursor in newest if (row := cursor.fetchone())]
    except sqlite3.Error as error:
        raise StoreFailed(explain(error)) from error
    return Glance(version, max(stamps, default=0))
