"""What a unit of work is given: the transaction, and views of it for those who only read."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, TypeVar

from sendook_lite.domain.ids import Ids

ROWS_PER_STATEMENT = 256
"""Most rows of one statement; smaller powers of two take the rest, so that few are compiled."""

Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]

T = TypeVar("T")


class View:
    """A transaction as those see it who only read."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """Return the first row, or None."""
        row: Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Return all rows."""
        return self._connection.execute(sql, parameters).fetchall()


class Tx(View):
    """What a unit of work is given: the transaction, its instant, and a mint for ids.

    ``memory`` survives from one transaction to the next for rows that every unit needs (who is
    subscribed to what); whoever changes such rows drops the entry, and a rollback drops all.
    """

    __slots__ = ("ids", "memory", "now")

    def __init__(
        self, connection: sqlite3.Connection, now: int, ids: Ids, memory: dict[str, Any]
    ) -> None:
        super().__init__(connection)
        self.now = now
        self.ids = ids
        self.memory = memory

    def execute(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, parameters)

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for every row."""
        self._connection.executemany(sql, rows)

    def insert(self, sql: str, parameters: Parameters) -> int:
        """Run an INSERT and return the ``seq`` it was given."""
        seq = self._connection.execute(sql, parameters).lastrowid
        assert seq is not None  # noqa: S101 - sqlite3 always knows it after an INSERT
        return seq

    def insert_all(self, into: str, rows: Sequence[Row]) -> list[int]:
        """Add rows, many with one statement; returns the ``seq`` each was given.

        At every statement the interpreter goes to the event loop, which is slow in giving it back.
        One that adds many rows lets SQLite work beside the loop instead.

        Args:
            into: ``INSERT INTO table (columns)``; the table has an AUTOINCREMENT key.
            rows: of equal length.
        """
        seqs: list[int] = []
        for some in in_statements(rows):
            values = values_of(len(some), len(some[0]))
            last = self.insert(f"{into} {values}", tuple(chain.from_iterable(some)))
            seqs += range(last - len(some) + 1, last + 1)
        return seqs

    def add_all(self, into: str, rows: Sequence[Row]) -> None:
        """Add rows, many with one statement, to a table without such a key."""
        for some in in_statements(rows):
            values = values_of(len(some), len(some[0]))
            self.execute(f"{into} {values}", tuple(chain.from_iterable(some)))

    def changes(self) -> int:
        """Return how many rows were changed since the connection was opened."""
        return self._connection.total_changes


def in_statements(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Divide rows into as many as one statement takes each: a power of two."""
    start, size = 0, ROWS_PER_STATEMENT
    while (left := len(rows) - start) > 0:
        while size > left:
            size //= 2
        yield rows[start : start + size]
        start += size


@cache
def values_of(rows: int, columns: int) -> str:
    """Write ``VALUES (?, …), …`` for so many rows."""
    row = f"({', '.join('?' * columns)})"
    return f"VALUES {', '.join([row] * rows)}"
