"""Brings a database file to the schema of this program, one numbered SQL file at a time."""

import re
import sqlite3
from dataclasses import dataclass
from importlib.resources import files

from sendook_lite.domain.errors import SendookError

_FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")


class NewerDatabase(SendookError):
    """The file was written by a later version of the program; nothing was touched."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            "newer_database",
            f"this database has schema version {found}, and this program knows versions up to"
            f" {known}: run the newer sendook-lite that wrote it, or restore an older backup",
        )


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema; ``version`` is the number in its file name."""

    version: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """Return all migrations of this program, oldest first."""
    found = [
        Migration(int(match[1]), file.name, file.read_text("utf-8"))
        for file in files("sendook_lite.store").joinpath("migrations").iterdir()
        if (match := _FILE_NAME.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.version)


def migrate(connection: sqlite3.Connection, steps: list[Migration]) -> int:
    """Apply the missing steps, each in a transaction of its own; returns how many were applied.

    Raises:
        NewerDatabase: when the file is ahead of the program.
    """
    present: int = connection.execute("PRAGMA user_version").fetchone()[0]
    known = steps[-1].version if steps else 0
    if present > known:
        raise NewerDatabase(present, known)
    if present == 0:
        # Lets purges give pages back without VACUUM. Only an empty file can be switched, so this
        # stands before the change to WAL, which writes the first page.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        # Before the steps: with a rollback journal each of them waits for the disk several times.
        connection.execute("PRAGMA journal_mode = WAL")
    missing = [step for step in steps if step.version > present]
    for step in missing:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in split_statements(step.sql):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {step.version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    return len(missing)


def split_statements(script: str) -> list[str]:
    """Split a script into statements; ``executescript`` would commit behind our back.

    A statement ends with its line: two on one line are not told apart.
    """
    statements = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    if pending.strip():
        statements.append(pending)
    return statements
