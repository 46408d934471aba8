"""Says whether a database file is sound: SQLite's own checks, and the promises of our schema."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sendook_lite.domain.errors import SendookError
from sendook_lite.store.failures import explain
from sendook_lite.store.migrate import NewerDatabase, migrations
from sendook_lite.store.writer import BUSY_TIMEOUT_MS

MAX_PROBLEMS: Final = 20
"""How many problems of one kind are told; a damaged file may have one for every page."""

_INSTRUCTIONS: Final = 100_000
"""Instructions of SQLite's machine between two looks at whether to go on: some milliseconds."""

_PROMISES: Final[tuple[tuple[str, str], ...]] = (
    (
        "a delivery that ended says when",
        "SELECT count(*) FROM deliveries WHERE status <> 'pending' AND completed_at IS NULL",
    ),
    (
        "no attempt is missing from its delivery's count",
        (
            "SELECT count(*) FROM (SELECT delivery_seq, count(*) AS made FROM attempts"
            " GROUP BY delivery_seq) JOIN deliveries ON seq = delivery_seq"
            " WHERE made > attempt_count"
        ),
    ),
    (
        "every event has a body",
        "SELECT count(*) FROM events WHERE NOT json_valid(CAST(body AS TEXT))",
    ),
    (
        "every message has its raw mail, whole",
        (
            "SELECT count(*) FROM blobs WHERE hash IS NOT NULL AND size <>"
            " (SELECT coalesce(sum(length(data)), -1) FROM blob_chunks WHERE blob_seq = blobs.seq)"
        ),
    ),
    (
        "no raw mail is kept that no message has",
        (
            "SELECT count(*) FROM blobs WHERE hash IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM messages WHERE blob_seq = blobs.seq)"
        ),
    ),
    (
        "a message is in a thread of its own inbox",
        (
            "SELECT count(*) FROM messages JOIN threads ON threads.seq = messages.thread_seq"
            " WHERE threads.inbox_seq <> messages.inbox_seq"
        ),
    ),
    (
        "every webhook has one secret that signs",
        (
            "SELECT count(*) FROM webhooks WHERE deleted_at IS NULL AND 1 <> (SELECT count(*)"
            " FROM webhook_secrets WHERE webhook_seq = webhooks.seq AND expires_at IS NULL)"
        ),
    ),
)
"""What holds at any moment, whatever version of the schema: a sentence, and what counts breaches.

SQLite's own check evaluates what a CHECK of a table says. Each query reads tables and columns of
the first migration only, so that every copy can be judged.
"""

Going = Callable[[], bool]


class Stopped(SendookError):
    """The work was given up because the caller asked for that."""

    def __init__(self) -> None:
        super().__init__("stopped", "it was stopped before it was done")


@dataclass(frozen=True, slots=True)
class Soundness:
    """What was found in a file.

    ``rows`` counts each table; ``problems`` are sentences, none when the file is sound.
    """

    version: int
    rows: dict[str, int]
    problems: tuple[str, ...]


def examine(path: Path, *, still: bool = False, going: Going = lambda: True) -> Soundness:
    """Look at a whole file; never changes it.

    Args:
        path: the database.
        still: nobody has it open, and it is complete without a write-ahead log: the case for
            copies. Nothing is then written beside it either.
        going: asked every few milliseconds whether to go on.

    Raises:
        Stopped: when ``going`` said no.
        SendookError: it is no database of this program, or of a newer one.
    """
    try:
        connection = open_to_look(path, still=still)
    except sqlite3.Error as error:
        raise SendookError("not_a_database", f"{path}: {explain(error)}") from error
    connection.set_progress_handler(lambda: not going(), _INSTRUCTIONS)
    try:
        return _examine(connection, path)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
            raise Stopped from None
        return Soundness(0, {}, (explain(error),))
    finally:
        connection.close()


def open_to_look(path: Path, *, still: bool) -> sqlite3.Connection:
    """Open a database that is not to be changed; ``still`` is as for ``examine``.

    A file that is not still is opened like any other, for whoever reads a write-ahead log must be
    able to make its index.
    """
    mode = "mode=ro&immutable=1" if still else "mode=rw"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA query_only = ON")
    return connection


def is_still(path: Path) -> bool:
    """Say whether a file is complete without a log beside it, as copies are."""
    return not path.with_name(f"{path.name}-wal").exists()


def _examine(connection: sqlite3.Connection, path: Path) -> Soundness:
    """Judge what one connection sees, all of it in one snapshot."""
    connection.execute("BEGIN")
    version = version_of(connection, path)
    problems = [
        f"damaged: {line}"
        for (line,) in connection.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})")
        if line != "ok"
    ]
    broken = connection.execute("PRAGMA foreign_key_check").fetchmany(MAX_PROBLEMS)
    problems += [
        f"row {row} of {table} refers to a missing row of {to}" for table, row, to, _ in broken
    ]
    if not problems:
        for promise, query in _PROMISES:
            (breaches,) = connection.execute(query).fetchone()
            if breaches:
                problems.append(f"broken {breaches} times: {promise}")
    return Soundness(version, count_rows(connection), tuple(problems))


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the schema.

    Raises:
        SendookError: it is no database of this program, or of a newer one.
    """
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if found < 1 or not {"meta", "events", "deliveries"} <= tables:
        raise SendookError("not_a_database", f"{path} is not a database of Sendook Lite")
    known = migrations()[-1].version
    if found > known:
        raise NewerDatabase(found, known)
    return found


def count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the rows of every table that is ours."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
        " AND sql NOT LIKE 'CREATE VIRTUAL %' ORDER BY name"
    ).fetchall()
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
        for (name,) in tables
    }
