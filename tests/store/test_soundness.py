"""Soundness: every promise of the schema is seen broken when it is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sendook_lite.domain.errors import SendookError
from sendook_lite.store.migrate import NewerDatabase, migrations
from sendook_lite.store.soundness import Stopped, examine
from tests.store.old_database import make_old_database

LATEST = migrations()[-1].version


@pytest.fixture
def database(tmp_path: Path) -> Path:
    make_old_database(tmp_path / "sendook.db", LATEST)
    return tmp_path / "sendook.db"


def break_it(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("version", [step.version for step in migrations()])
def test_a_database_of_any_version_is_found_sound(tmp_path: Path, version: int) -> None:
    make_old_database(tmp_path / "sendook.db", version)
    found = examine(tmp_path / "sendook.db")
    assert found.problems == ()
    assert found.version == version
    assert found.rows["deliveries"] == 2
    assert "sqlite_sequence" not in found.rows


@pytest.mark.parametrize(
    ("statement", "promise"),
    [
        (
            "UPDATE deliveries SET due_at = NULL WHERE id = 'dlv_old1'",
            "CHECK constraint failed",
        ),
        (
            "UPDATE deliveries SET due_at = 1 WHERE id = 'dlv_old0'",
            "CHECK constraint failed",
        ),
        ("UPDATE deliveries SET completed_at = NULL WHERE id = 'dlv_old0'", "ended says when"),
        ("UPDATE deliveries SET attempt_count = 0", "delivery's count"),
        ("UPDATE events SET body = x'7b' WHERE id = 'evt_old1'", "has a body"),
        ("DELETE FROM blob_chunks", "its raw mail, whole"),
        ("UPDATE blobs SET size = 6", "its raw mail, whole"),
        ("INSERT INTO blobs (hash, size) VALUES (x'03', 0)", "no message has"),
        ("UPDATE webhook_secrets SET expires_at = 5", "one secret that signs"),
        ("UPDATE messages SET inbox_seq = 2", "thread of its own inbox"),
        ("UPDATE deliveries SET event_seq = 77 WHERE id = 'dlv_old0'", "missing row of events"),
    ],
)
def test_a_broken_promise_is_seen(database: Path, statement: str, promise: str) -> None:
    second = (
        "INSERT INTO inboxes (id, email, address, made_for_mail, created_at, updated_at)"
        " VALUES ('inb_2', 'b@c.example', 'b@c.example', 0, 1, 1)"
    )
    break_it(database, second, statement)
    problems = examine(database).problems
    assert any(promise in problem for problem in problems), problems


def test_a_damaged_page_is_seen(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 4)
    problems = examine(database, still=True).problems
    assert any("damaged" in problem for problem in problems)


def test_a_file_that_is_none_of_ours_is_told(tmp_path: Path, database: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "empty.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(SendookError, match="not a database of Sendook Lite"):
        examine(tmp_path / "empty.db")
    break_it(database, "PRAGMA user_version = 4711")
    with pytest.raises(NewerDatabase, match="4711"):
        examine(database)


def test_an_examination_can_be_stopped(database: Path) -> None:
    break_it(
        database,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        " INSERT INTO meta (key) SELECT 'k' || i FROM n",
    )
    with pytest.raises(Stopped):
        examine(database, going=lambda: False)
