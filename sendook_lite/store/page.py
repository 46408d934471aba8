"""Pages of a list: newest first, continued before an id, by commit order and never by time."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

DEFAULT_LIMIT = 100
MAX_LIMIT = 500

PAGE_BYTES = 8 * 1024 * 1024
"""A page ends early when its rows are long; ``limit`` is the most, not the least."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list and whether there are more behind them."""

    items: list[T]
    more: bool = False


def seq_before(table: str, before: str | None) -> str:
    """Return SQL for "older than the row with this id", to which ``:before`` is to be bound.

    An id whose row is gone (retention) continues at the place where it would have stood. Without
    an id the condition is constant: an ``OR`` over it would keep SQLite from seeking, and a page
    deep in history would read everything newer.
    """
    if before is None:
        return "TRUE"
    return (
        f"{table}.seq < coalesce((SELECT seq FROM {table} WHERE id = :before), "
        f"(SELECT seq + 1 FROM {table} WHERE id < :before ORDER BY id DESC LIMIT 1), 0)"
    )


def seq_after(table: str, after: str | None) -> str:
    """Return SQL for "newer than the row with this id", to which ``:after`` is to be bound.

    As for ``seq_before``, an id whose row is gone continues where it would have stood.
    """
    if after is None:
        return "TRUE"
    return (
        f"{table}.seq > coalesce((SELECT seq FROM {table} WHERE id = :after), "
        f"(SELECT seq FROM {table} WHERE id < :after ORDER BY id DESC LIMIT 1), 0)"
    )


def bind(name: str, values: Collection[str]) -> dict[str, str]:
    """Name values for an SQL list: ``{"<name>0": …, "<name>1": …}``, always in the same order."""
    return {f"{name}{place}": value for place, value in enumerate(sorted(values))}


def cut(rows: list[T], limit: int) -> Page[T]:
    """Make a page of rows that were queried with a limit of one more than wanted."""
    return Page(rows[:limit], more=len(rows) > limit)


def within(sizes: Iterable[tuple[int, int]], budget: int) -> list[int]:
    """Return the seqs of the first rows, given as (seq, bytes), that fit; always of the first."""
    seqs: list[int] = []
    for seq, size in sizes:
        budget -= size
        if seqs and budget < 0:
            break
        seqs.append(seq)
    return seqs
