"""Goes from page to page of a list; says what to ask for, and asks nothing itself."""

from dataclasses import replace
from typing import Final, Generic, TypeVar

from sendook_lite.client.request import Answer, Listing, Request, next_page

T = TypeVar("T")

MAX_PAGE: Final = 500
"""The most that the server gives at once."""


class Pages(Generic[T]):
    """Where in a list one is.

    Attributes:
        request: asks for the next page; None: there is none, or enough was taken.
    """

    def __init__(self, listing: Listing[T]) -> None:
        self._left = listing.limit
        self.request = self._sized(listing.first)

    def take(self, answer: Answer) -> list[T]:
        """Take the answer to the request; returns the items of the page.

        Raises:
            ValueError: it is not JSON.
        """
        assert self.request is not None  # noqa: S101 - what is answered was asked for
        items = self.request.read(answer)[: self._left]
        if self._left is not None:
            self._left -= len(items)
        self.request = self._sized(next_page(self.request, answer) if items else None)
        return items

    def _sized(self, request: Request[list[T]] | None) -> Request[list[T]] | None:
        if request is None or self._left == 0:
            return None
        size = MAX_PAGE if self._left is None else min(MAX_PAGE, self._left)
        return replace(request, query={**request.query, "limit": str(size)})
