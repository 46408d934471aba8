"""Makes one attempt: signs the stored bytes, POSTs them and says how it ended."""

import asyncio
from http import HTTPStatus
from typing import NamedTuple

from sendook_lite.delivery.connections import Connections
from sendook_lite.delivery.dialer import Dialer
from sendook_lite.delivery.endpoint import Endpoint, render_common, render_request
from sendook_lite.delivery.http_connection import HttpConnection, Response
from sendook_lite.delivery.resolver import Resolver
from sendook_lite.domain.clock import MS_PER_SECOND, Clock
from sendook_lite.domain.model import DueDelivery
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.outcome import AttemptFailed, Outcome

_SUCCESSES = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
_REDIRECTS = range(HTTPStatus.MULTIPLE_CHOICES, HTTPStatus.BAD_REQUEST)


class Begun(NamedTuple):
    """An attempt that was begun.

    Attributes:
        endpoint: where it goes.
        data: the whole request.
        started: when, on the monotonic clock.
        deadline: when it has to be over, on the loop's clock.
        connection: the one that the request is written to; None: one is yet to be opened.
        waiter: the answer on it.
    """

    endpoint: Endpoint
    data: bytes
    started: float
    deadline: float
    connection: HttpConnection | None = None
    waiter: asyncio.Future[Response] | None = None


class Sender:
    """Sends to endpoints over connections that are kept for a while.

    Args:
        guard: judges every address before it is connected to.
        resolver: finds them; closed by whoever made it.
        clock: stamps the signature and measures the attempt.
        version: of the product, for the User-Agent.
        ca_file: trusted roots instead of the system's, or None.
        max_idle: how many connections may wait for their next request.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        resolver: Resolver,
        clock: Clock,
        version: str,
        ca_file: str | None = None,
        max_idle: int = 512,
    ) -> None:
        self._guard = guard
        self._resolver = resolver
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._common = render_common(version)
        self._connections = Connections(clock, max_idle)
        self._dialer = Dialer(self._connections.make, ca_file)

    async def send(self, endpoint: Endpoint, delivery: DueDelivery, now: int) -> Outcome:
        """Make one attempt, signed at ``now`` (epoch ms).

        Never raises for anything that network or endpoint do.
        """
        return await self.finish(self.begin(endpoint, delivery, now))

    def begin(self, endpoint: Endpoint, delivery: DueDelivery, now: int) -> Begun:
        """Write the request of an attempt, if a connection waits for one.

        A task that is made for sending runs only after everything else that the loop has to do.
        """
        started = self._clock.monotonic()
        data = render_request(endpoint, delivery, self._common, now // MS_PER_SECOND)
        deadline = self._loop.time() + endpoint.timeout
        connection = self._connections.take(endpoint.origin, started)
        if connection is None:
            return Begun(endpoint, data, started, deadline)
        waiter = connection.request(data, deadline, endpoint.timeout)
        return Begun(endpoint, data, started, deadline, connection, waiter)

    async def finish(self, begun: Begun) -> Outcome:
        """Make what is left of an attempt; never raises for what network or endpoint do."""
        endpoint, data, started, deadline, connection, waiter = begun
        try:
            if connection is None or waiter is None:
                connection, response = await self._exchange_on_new(endpoint, data, deadline)
            else:
                try:
                    response = await connection.answer(waiter)
                except AttemptFailed as failed:
                    # The endpoint closed the connection while it waited (RFC 9110, section 9.2.2):
                    # the same attempt goes on, on a fresh one.
                    if failed.error != "connection_reset" or connection.answered:
                        raise
                    connection, response = await self._exchange_on_new(endpoint, data, deadline)
        except AttemptFailed as failed:
            spent = (self._clock.monotonic() - started) * MS_PER_SECOND
            return Outcome(None, failed.error, failed.message, b"", spent)
        if response.reusable:
            self._connections.give_back(endpoint.origin, connection)
        spent = (self._clock.monotonic() - started) * MS_PER_SECOND
        status = response.status
        if status in _SUCCESSES:
            return Outcome(status, None, None, response.body, spent, response.retry_after)
        phrase = f"answered {status}"
        if status in _REDIRECTS:
            phrase += "; redirects are not followed"
        return Outcome(status, "http_status", phrase, response.body, spent, response.retry_after)

    async def close(self) -> None:
        """Close all connections; attempts under way end as ``connection_reset``."""
        await self._connections.close()

    async def _exchange_on_new(
        self, endpoint: Endpoint, data: bytes, deadline: float
    ) -> tuple[HttpConnection, Response]:
        connection = await self._open(endpoint, deadline)
        return connection, await connection.exchange(data, deadline, endpoint.timeout)

    async def _open(self, endpoint: Endpoint, deadline: float) -> HttpConnection:
        """Connect to an address that was judged just now; there is no second look-up."""
        url = endpoint.url
        refusal = self._guard.judge_host(url.host)
        addresses: tuple[str, ...] = (url.host,)
        if refusal is None and url.literal is None:
            addresses = await self._resolver.resolve(
                url.host, url.port, endpoint.webhook_id, deadline
            )
            refusal = self._guard.judge_all(addresses)
        if refusal is not None:
            raise AttemptFailed("blocked_address", refusal)
        return await self._dialer.dial(url, addresses, deadline)
