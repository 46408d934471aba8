"""One table of what the API can do, for both kinds of client.

An operation is a pure function from arguments to a `Request`. The decorators turn it into a method
of a `Group`: on a client that blocks it returns the answer, on an asynchronous one something to be
awaited. So there is one copy of everything, and type checkers know what comes back from each.
"""

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from sendook_lite.client.request import Following, Listing, Request

P = ParamSpec("P")
T = TypeVar("T")
Now = TypeVar("Now")
"""What a blocking client returns."""
Later = TypeVar("Later")
"""What an asynchronous one returns."""


class Blocking(Protocol):
    """Carries requests out while the caller waits."""

    def ask(self, request: Request[T]) -> T:
        """Return what is asked for."""
        ...

    def go_through(self, listing: Listing[T]) -> Iterator[T]:
        """Return a list, page after page."""
        ...

    def follow(self, following: Following[T]) -> Iterator[T]:
        """Return events for ever."""
        ...


class Awaiting(Protocol):
    """Carries requests out on an event loop."""

    async def ask(self, request: Request[T]) -> T:
        """Return what is asked for."""
        ...

    def go_through(self, listing: Listing[T]) -> AsyncIterator[T]:
        """Return a list, page after page."""
        ...

    def follow(self, following: Following[T]) -> AsyncIterator[T]:
        """Return events for ever."""
        ...


Carrier = TypeVar("Carrier")
"""`Blocking` or `Awaiting`."""


class Group(Generic[Carrier]):
    """The operations on one kind of resource."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier


class Method(Generic[P, Now, Later]):
    """Makes a method of a function that returns a value to be carried out.

    Args:
        make: from a group and arguments to a request, a listing or a following.
        verb: what the carrier is told to do with it.
    """

    def __init__(self, make: Callable[Concatenate[Any, P], object], verb: str) -> None:
        self._make = make
        self._verb = verb
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, group: None, owner: type) -> Self: ...
    @overload
    def __get__(self, group: Group[Blocking], owner: type) -> Callable[P, Now]: ...
    @overload
    def __get__(self, group: Group[Awaiting], owner: type) -> Callable[P, Later]: ...
    def __get__(self, group: Any, owner: type) -> Any:
        """Bind to a group; its carrier does the rest."""
        if group is None:
            return self

        @functools.wraps(self._make)
        def call(*args: Any, **kwargs: Any) -> Any:
            return getattr(group.carrier, self._verb)(self._make(group, *args, **kwargs))

        return call


def operation(
    make: Callable[Concatenate[Any, P], Request[T]],
) -> Method[P, T, Coroutine[Any, Any, T]]:
    """One request, one answer."""
    return Method(make, "ask")


def listing(
    make: Callable[Concatenate[Any, P], Listing[T]],
) -> Method[P, Iterator[T], AsyncIterator[T]]:
    """A list of any length, page after page."""
    return Method(make, "go_through")


def stream(
    make: Callable[Concatenate[Any, P], Following[T]],
) -> Method[P, Iterator[T], AsyncIterator[T]]:
    """Events without an end."""
    return Method(make, "follow")
