"""Migrations: every file in its turn, each whole or not at all, never backwards."""

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from sendook_lite.store.migrate import (
    Migration,
    NewerDatabase,
    migrate,
    migrations,
    split_statements,
)

FIRST = Migration(1, "0001_first.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES ('one; two');\n")
SECOND = Migration(2, "0002_second.sql", "CREATE TABLE b (x);\n")
BROKEN = Migration(2, "0002_broken.sql", "CREATE TABLE b (x);\nDROP TABLE a;\nSELEKT;\n")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(tmp_path / "m.db", isolation_level=None)
    yield opened
    opened.close()


def version(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {row[0] for row in rows}


def test_every_sql_file_of_the_package_is_a_migration() -> None:
    folder = files("sendook_lite.store").joinpath("migrations")
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".sql"))
    found = migrations()
    assert [step.name for step in found] == names
    assert [step.version for step in found] == list(range(1, len(names) + 1))


def test_a_new_file_is_brought_up_to_date_once(connection: sqlite3.Connection) -> None:
    steps = migrations()
    assert migrate(connection, steps) == len(steps)
    assert version(connection) == steps[-1].version
    assert {"messages", "events", "deliveries", "attempts"} <= tables(connection)
    assert migrate(connection, steps) == 0


def test_space_can_be_given_back_without_rewriting_the_file(
    connection: sqlite3.Connection,
) -> None:
    migrate(connection, migrations())
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_only_what_is_missing_is_applied(connection: sqlite3.Connection) -> None:
    assert migrate(connection, [FIRST]) == 1
    assert migrate(connection, [FIRST, SECOND]) == 1
    assert tables(connection) == {"a", "b"}
    assert version(connection) == 2


def test_a_newer_database_is_refused_and_left_alone(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST, SECOND])
    with pytest.raises(NewerDatabase, match="version 2, and this program knows versions up to 1"):
        migrate(connection, [FIRST])
    with pytest.raises(NewerDatabase):
        migrate(connection, [])
    assert version(connection) == 2


def test_a_migration_that_fails_leaves_the_former_version(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST])
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, [FIRST, BROKEN])
    assert version(connection) == 1
    assert tables(connection) == {"a"}
    assert connection.execute("SELECT x FROM a").fetchall() == [("one; two",)]
    assert not connection.in_transaction


def test_a_step_that_ends_its_own_transaction_is_still_an_error(
    connection: sqlite3.Connection,
) -> None:
    commits = Migration(1, "0001_commits.sql", "COMMIT;\nSELEKT;\n")
    with pytest.raises(sqlite3.OperationalError, match="SELEKT"):
        migrate(connection, [commits])


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("", []),
        ("\n  \n", []),
        ("SELECT 1;\nSELECT 2;\n", ["SELECT 1;\n", "SELECT 2;\n"]),
        ("SELECT\n  ';';\n", ["SELECT\n  ';';\n"]),
        ("-- one; two\nSELECT 1; -- three;\n", ["-- one; two\nSELECT 1; -- three;\n"]),
        ("SELECT 1", ["SELECT 1"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\nEND;\nSELECT 2;\n",
            [
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\nEND;\n",
                "SELECT 2;\n",
            ],
        ),
    ],
)
def test_a_script_is_split_where_its_statements_end(script: str, statements: list[str]) -> None:
    assert split_statements(script) == statements
