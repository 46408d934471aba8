"""Units of work as the writer has them: queued, run so that they can be undone, and answered."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from sendook_lite.store.failures import is_store_failure
from sendook_lite.store.tx import Tx

T = TypeVar("T")

Tell = Callable[[Any, BaseException | None], None]
"""Tells a caller what its unit of work returned, or why nothing of it is stored."""


class Unit(NamedTuple):
    """A queued unit of work, and how its caller is told what became of it."""

    work: Callable[[Tx], Any]
    tell: Tell
    first: bool = False
    brief: bool = False


class Answer(NamedTuple):
    """What became of one unit: a value, or the error its caller will see."""

    tell: Tell
    value: Any = None
    error: BaseException | None = None


class Bounds(NamedTuple):
    """Statements around a unit of work, by which it can be undone without the others."""

    begin: tuple[str, ...]
    undo: tuple[str, ...]
    end: tuple[str, ...]


SAVEPOINT = Bounds(("SAVEPOINT unit",), ("ROLLBACK TO unit", "RELEASE unit"), ("RELEASE unit",))

TRANSACTION = Bounds((), ("ROLLBACK", "BEGIN IMMEDIATE"), ())
"""For one that has the transaction for itself: in a savepoint, SQLite copies what is changed."""


def run(tx: Tx, unit: Unit, bounds: Bounds) -> Answer:
    """Run one unit within its bounds.

    Raises:
        sqlite3.Error: when the whole transaction is lost, not only this unit.
    """
    _execute(tx, bounds.begin)
    try:
        value = unit.work(tx)
    except Exception as error:
        tx.memory.clear()
        if is_store_failure(error):
            raise
        # Raises when SQLite has rolled the whole transaction back by itself.
        _execute(tx, bounds.undo)
        return Answer(unit.tell, error=error)
    _execute(tx, bounds.end)
    return Answer(unit.tell, value)


def wake(future: asyncio.Future[T], value: T, error: BaseException | None) -> None:
    """Wake a caller; one that went away meanwhile is passed over."""
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


def _execute(tx: Tx, statements: Iterable[str]) -> None:
    for statement in statements:
        tx.execute(statement)
