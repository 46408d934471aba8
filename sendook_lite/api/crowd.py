"""Bounds the connections of a listener, so that nobody takes all descriptors by holding on.

A port that others can reach may be given any number of connections on which nothing is ever asked.
Mail, events and deliveries need descriptors of the same process.
"""

import resource
from typing import Final

from aiohttp import web

MAX_CONNECTIONS: Final = 1000
SHARE_OF_DESCRIPTORS: Final = 2
"""A listener takes one descriptor in so many at most."""


def most_connections() -> int:
    """Return how many connections a listener may hold in this process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(MAX_CONNECTIONS, soft // SHARE_OF_DESCRIPTORS)


class Crowd:
    """The connections of one listener, in the order they came.

    When there is one too many, the one that came first and is not being answered has to go; when
    all are being answered, which streams of events are for as long as they are open, the newest.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._present: dict[web.RequestHandler, None] = {}

    def __len__(self) -> int:
        return len(self._present)

    def join(self, connection: web.RequestHandler) -> None:
        """Take in a connection that was just made."""
        self._present[connection] = None
        if len(self._present) > self._most:
            leaving = next((each for each in self._present if _is_waiting(each)), connection)
            self.leave(leaving)
            if leaving.transport is not None:
                leaving.transport.abort()

    def leave(self, connection: web.RequestHandler) -> None:
        """Forget a connection that has ended."""
        self._present.pop(connection, None)


def _is_waiting(connection: web.RequestHandler) -> bool:
    """Say whether no request of a connection is being answered."""
    return connection._current_request is None  # noqa: SLF001 - the library tells nobody else
