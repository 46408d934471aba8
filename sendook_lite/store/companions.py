"""Companions: a small unit of work that is stored along with every other one, or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Concatenate, ParamSpec, TypeVar

from sendook_lite.store.tx import Tx

P = ParamSpec("P")
T = TypeVar("T")

Companion = Callable[[Tx], None]

_COMPANION: ContextVar[Companion | None] = ContextVar("companion", default=None)


@contextmanager
def accompanied(companion: Companion) -> Iterator[None]:
    """Run a small unit of work along with every one that is written inside this block.

    Both are stored, or neither. For what is to be known about work whatever the work is; handing it
    through every use case instead would make each of them know about it.
    """
    token = _COMPANION.set(companion)
    try:
        yield
    finally:
        _COMPANION.reset(token)


@contextmanager
def alone() -> Iterator[None]:
    """Write units of work inside this block without companion: they only prepare what is asked.

    Otherwise what a companion notes as done would be on disk before it is.
    """
    token = _COMPANION.set(None)
    try:
        yield
    finally:
        _COMPANION.reset(token)


def with_companion(work: Callable[Concatenate[Tx, P], T]) -> Callable[Concatenate[Tx, P], T]:
    """Return a unit of work together with the companion of this moment, if there is one."""
    companion = _COMPANION.get()
    if companion is None:
        return work

    def both(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> T:
        companion(tx)
        return work(tx, *args, **kwargs)

    return both
