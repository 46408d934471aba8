"""Makes one attempt: signs the stored bytes, POSTs them and says how it ended."""

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

import structlog

from sendook_lite.delivery.connections import Connections
from sendook_lite.delivery.dialer import Dialer
from sendook_lite.delivery.endpoint import Endpoint, render_common, render_request
from sendook_lite.delivery.http_answer import Response
from sendook_lite.delivery.http_connection import HttpConnection
from sendook_lite.delivery.resolver import Resolver
from sendook_lite.domain.clock import MS_PER_SECOND, Clock
from sendook_lite.domain.model import DueDelivery
from sendook_lite.domain.netguard import Guard
from sendook_lite.domain.outcome import AttemptFailed, Outcome

Ended = Callable[[Outcome], None]
"""Is told how an attempt ended."""

_SUCCESSES = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
_REDIRECTS = range(HTTPStatus.MULTIPLE_CHOICES, HTTPStatus.BAD_REQUEST)
_BROKEN = Outcome(None, "bad_response", "internal error, see the log", b"", 0)

log = structlog.get_logger(__name__)


class _Attempt(NamedTuple):
    """An attempt under way.

    Attributes:
        endpoint: where it goes.
        delivery_id: what it is for.
        data: the whole request.
        started: when, on the monotonic clock.
        deadline: when it has to be over, on the loop's clock.
        ended: is told how it ended.
    """

    endpoint: Endpoint
    delivery_id: str
    data: bytes
    started: float
    deadline: float
    ended: Ended


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
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False

    async def send(self, endpoint: Endpoint, delivery: DueDelivery, now: int) -> Outcome:
        """Make one attempt as `begin` does, and wait for its end; it goes on if nobody waits."""
        waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def ended(outcome: Outcome) -> None:
            if not waiter.done():
                waiter.set_result(outcome)

        self.begin(endpoint, delivery, now, ended)
        return await waiter

    def begin(self, endpoint: Endpoint, delivery: DueDelivery, now: int, ended: Ended) -> None:
        """Begin an attempt, signed at ``now`` (epoch ms).

        The request is written at once where a connection waits for one. Never raises, whatever
        network or endpoint do; ``ended`` is called once, and never from within.
        """
        started = self._clock.monotonic()
        deadline = self._loop.time() + endpoint.timeout
        try:
            data = render_request(endpoint, delivery, self._common, now // MS_PER_SECOND)
        except Exception:
            log.exception("an attempt broke", delivery=delivery.id)
            self._loop.call_soon(ended, _BROKEN)
            return
        attempt = _Attempt(endpoint, delivery.id, data, started, deadline, ended)
        connection = self._connections.take(endpoint.origin, started)
        if connection is None:
            self._begin_on_new(attempt)
        else:
            told = partial(self._told, attempt, connection)
            connection.request(data, deadline, endpoint.timeout, told)

    async def close(self) -> None:
        """Close all connections; attempts under way end as ``connection_reset``."""
        self._closed = True
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening)
        await self._connections.close()

    def _told(
        self, attempt: _Attempt, connection: HttpConnection, ending: Response | AttemptFailed
    ) -> None:
        """Take what came of a request on a connection that had waited for it."""
        if isinstance(ending, Response):
            attempt.ended(self._answered(attempt, connection, ending))
        elif ending.error == "connection_reset" and not (connection.answered or self._closed):
            # The endpoint closed the connection while it waited (RFC 9110, section 9.2.2): the
            # same attempt goes on, on a fresh one.
            self._begin_on_new(attempt)
        else:
            attempt.ended(self._failed(attempt, ending))

    def _failed(self, attempt: _Attempt, failed: AttemptFailed) -> Outcome:
        return Outcome(None, failed.error, failed.message, b"", self._spent(attempt))

    def _answered(
        self, attempt: _Attempt, connection: HttpConnection, response: Response
    ) -> Outcome:
        """Keep a connection that can be used again, and say what its answer means."""
        if response.reusable:
            self._connections.give_back(attempt.endpoint.origin, connection)
        status, spent = response.status, self._spent(attempt)
        if status in _SUCCESSES:
            return Outcome(status, None, None, response.body, spent, response.retry_after)
        phrase = f"answered {status}"
        if status in _REDIRECTS:
            phrase += "; redirects are not followed"
        return Outcome(status, "http_status", phrase, response.body, spent, response.retry_after)

    def _spent(self, attempt: _Attempt) -> float:
        """Return how long an attempt has taken, in ms."""
        return (self._clock.monotonic() - attempt.started) * MS_PER_SECOND

    # --- on a new connection

    def _begin_on_new(self, attempt: _Attempt) -> None:
        task = self._loop.create_task(self._exchange_on_new(attempt))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _exchange_on_new(self, attempt: _Attempt) -> None:
        endpoint = attempt.endpoint
        try:
            connection = await self._open(endpoint, attempt.deadline)
            response = await connection.exchange(attempt.data, attempt.deadline, endpoint.timeout)
            outcome = self._answered(attempt, connection, response)
        except AttemptFailed as failed:
            outcome = self._failed(attempt, failed)
        except asyncio.CancelledError:  # by `close`
            closed = AttemptFailed("connection_reset", "the connection was closed")
            outcome = self._failed(attempt, closed)
        except Exception:
            # A bug of ours must cost the delivery an attempt, not the lane a slot for ever.
            log.exception("an attempt broke", delivery=attempt.delivery_id)
            outcome = _BROKEN
        attempt.ended(outcome)

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
