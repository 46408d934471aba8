"""Keeps connections to endpoints alive between requests, few and not for long."""

import asyncio

from sendook_lite.delivery.http_connection import HttpConnection
from sendook_lite.domain.clock import Clock

Origin = tuple[str, str, int]
"""Scheme, host and port: what a connection leads to."""

MAX_AGE = 60.0
"""Seconds that a connection may be used, from its opening.

Counted from the opening and not from the last use, so that a busy connection follows its host's
DNS too and the guard judges every minute where requests go.
"""
_SWEEPS = 4


class Connections:
    """All connections to endpoints, those in use and those that wait for their next request.

    Args:
        clock: for ages.
        max_idle: how many may wait; beyond that the one that has waited longest is closed.
    """

    def __init__(self, clock: Clock, max_idle: int) -> None:
        self._clock = clock
        self._max_idle = max_idle
        self._opened_at: dict[HttpConnection, float] = {}
        self._idle: dict[HttpConnection, Origin] = {}  # the one that waits longest first
        self._stacks: dict[Origin, list[HttpConnection]] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None

    @property
    def idle_count(self) -> int:
        """How many connections wait."""
        return len(self._idle)

    @property
    def open_count(self) -> int:
        """How many connections there are."""
        return len(self._opened_at)

    def make(self) -> HttpConnection:
        """Make the protocol of a connection that is being opened."""
        return HttpConnection(self)

    def made(self, connection: HttpConnection) -> None:
        """Take note of a connection that is ready for requests."""
        self._opened_at[connection] = self._clock.monotonic()
        if self._drained is not None:
            # Not at once: the loop is still busy with making it.
            asyncio.get_running_loop().call_soon(connection.abort)

    def lost(self, connection: HttpConnection) -> None:
        """Take note that a connection is gone."""
        del self._opened_at[connection]
        origin = self._idle.pop(connection, None)
        if origin is not None:
            self._stacks[origin].remove(connection)
        if self._drained is not None and not self._opened_at and not self._drained.done():
            self._drained.set_result(None)

    def take(self, origin: Origin, now: float) -> HttpConnection | None:
        """Take the connection to this origin that was used last; None when none waits.

        ``now`` is on the monotonic clock.
        """
        stack = self._stacks.get(origin)
        if not stack:
            return None
        oldest = now - MAX_AGE
        while stack:
            connection = stack.pop()
            del self._idle[connection]
            if connection.usable and self._opened_at[connection] > oldest:
                return connection
            connection.close()
        return None

    def give_back(self, origin: Origin, connection: HttpConnection) -> None:
        """Let a connection wait for its next request."""
        if self._drained is not None:
            connection.abort()
            return
        if len(self._idle) >= self._max_idle:
            self._drop(next(iter(self._idle)))
        self._idle[connection] = origin
        stack = self._stacks.get(origin)
        if stack is None:
            stack = self._stacks[origin] = []
        stack.append(connection)
        if self._sweeper is None:
            self._plan_sweep()

    def sweep(self) -> None:
        """Close what has waited until it was too old; runs by itself while anything waits."""
        oldest = self._clock.monotonic() - MAX_AGE
        for connection in [one for one in self._idle if self._opened_at[one] <= oldest]:
            self._drop(connection)
        self._stacks = {origin: stack for origin, stack in self._stacks.items() if stack}
        self._sweeper = None
        if self._idle:
            self._plan_sweep()

    async def close(self) -> None:
        """Close all connections, also those in use, and wait until they are gone."""
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._opened_at):
            connection.abort()
        if self._opened_at:
            await self._drained

    def _plan_sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = loop.call_later(MAX_AGE / _SWEEPS, self.sweep)

    def _drop(self, connection: HttpConnection) -> None:
        self._stacks[self._idle.pop(connection)].remove(connection)
        connection.close()
