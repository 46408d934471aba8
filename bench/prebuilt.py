"""Databases that take a while to fill are filled once and copied from then on.

The installed program makes the file, so its schema is the program's own; a copy is used as long as
the migrations and what fills it are the same, and the times in it are not too old.
"""

import hashlib
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.server import Server
from bench.workshop import CACHE

MIGRATIONS = Path(__file__).parent.parent / "sendook_lite" / "store" / "migrations"
FRESH_SECONDS = 14 * 24 * 3600
"""Well under the retention of events: nothing may be found that has to be purged."""

Prepare = Callable[[Server], None]
Fill = Callable[[sqlite3.Connection], None]


def prebuilt(name: str, recipe: Path, prepare: Prepare, fill: Fill) -> Path:
    """Return a filled database, made now if there is none that can be used.

    Args:
        name: of the file.
        recipe: the file that ``fill`` is in; another one makes another database.
        prepare: calls the API of a running server on the empty database.
        fill: adds rows in bulk.
    """
    database = CACHE / "databases" / f"{name}-{_digest(recipe)}.db"
    if database.exists() and time.time() - database.stat().st_mtime < FRESH_SECONDS:
        return database
    database.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"    building the database {database.name}, once\n")
    with (
        TemporaryDirectory(dir=database.parent) as directory,
        TemporaryDirectory() as sockets,
    ):
        with Server(Path(directory), Path(sockets)) as server:
            prepare(server)
        with closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
            # Nobody else is there, and what is cut short is thrown away: nothing is written twice.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -200000")
            connection.execute("BEGIN")
            fill(connection)
            connection.execute("COMMIT")
        for outdated in database.parent.glob(f"{name}-*.db"):
            outdated.unlink()
        server.database.rename(database)
    return database


def _digest(recipe: Path) -> str:
    """Name what a database depends on in a few characters."""
    together = hashlib.sha256(recipe.read_bytes())
    for migration in sorted(MIGRATIONS.glob("*.sql")):
        together.update(migration.read_bytes())
    return together.hexdigest()[:12]
