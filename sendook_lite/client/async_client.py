"""``AsyncClient``: the same operations on an event loop, with aiohttp."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from sendook_lite.client.address import ServerAddress, read_address
from sendook_lite.client.connection import own_headers
from sendook_lite.client.errors import Refused, Unreachable
from sendook_lite.client.operations import Awaiting
from sendook_lite.client.paging import Pages
from sendook_lite.client.reading import SILENCE, Reading
from sendook_lite.client.repeating import Pause
from sendook_lite.client.request import JSON_TYPE, Answer, Following, Listing, Request, read
from sendook_lite.client.resource_groups import RETRIES, TIMEOUT, ResourceGroups, new_patience
from sendook_lite.domain.clock import SystemClock

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.client import _RequestContextManager as _Lent

T = TypeVar("T")

_CLOCK: Final = SystemClock()

_LONGEST_LINE: Final = 64 * 1024 * 1024
"""Bytes; an event is one line, with the mail it tells of."""


class AsyncClient(ResourceGroups[Awaiting]):
    """A client of one server, for one event loop; any number of tasks may use it at once.

    Args:
        url: ``http://127.0.0.1:8465``, or ``unix:/…/admin.sock``, which needs no key.
        key: an API key.
        retries: how often a request is sent again that was not answered, or with "later".
        timeout: seconds without a sign of the server.
        tls: how its certificate is judged, for https; the system's way when it is left out.
        sleep: waits for so many seconds between two tries.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        retries: int = RETRIES,
        timeout: float = TIMEOUT,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], Awaitable[None]] = _CLOCK.sleep,
    ) -> None:
        super().__init__(self)
        self._address = read_address(url)
        self._headers = own_headers(key)
        self._timeout = timeout
        self._tls = tls
        self._patience = new_patience(retries)
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, request: Request[T]) -> T:
        """Send a request, as often as it takes, and return what it asks for.

        Raises:
            Refused: the server said no.
            Unreachable: nobody answers.
        """
        return read(request.read, await self._answer(request))

    async def go_through(self, listing: Listing[T]) -> AsyncIterator[T]:
        """Yield the items of a list."""
        pages = Pages(listing)
        while pages.request is not None:
            for item in read(pages.take, await self._answer(pages.request)):
                yield item

    async def follow(self, following: Following[T]) -> AsyncIterator[T]:
        """Yield events for ever."""
        import aiohttp  # noqa: PLC0415 - heavy, and Client does without

        reading = Reading(following)
        while True:
            error: Refused | Unreachable | None = None
            try:
                async with self._open(reading.request(), SILENCE) as response:
                    if not response.ok:
                        raise (await _take(response)).refusal()
                    reading.connected()
                    async for line in response.content:
                        event = reading.feed(line)
                        if event is not None:
                            yield event
            except Refused as reason:
                error = reason
            except (OSError, aiohttp.ClientError) as reason:
                error = self._unreachable(reason, SILENCE)
            await self._sleep(reading.pause_after(error))

    async def _answer(self, request: Request[Any]) -> Answer:
        steps = self._patience.steps(request)
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._carry_out(step))
        except StopIteration as done:
            answer: Answer = done.value
            return answer

    async def _carry_out(self, step: Request[Any] | Pause) -> Answer | Unreachable | None:
        import aiohttp  # noqa: PLC0415 - heavy, and Client does without

        if isinstance(step, Pause):
            await self._sleep(step.seconds)
            return None
        try:
            async with self._open(step, self._timeout) as response:
                return await _take(response)
        except (OSError, aiohttp.ClientError) as error:
            return self._unreachable(error, self._timeout)

    def _open(self, request: Request[Any], silence: float) -> "_Lent":
        import aiohttp  # noqa: PLC0415 - heavy, and Client does without
        from yarl import URL  # noqa: PLC0415 - comes with aiohttp

        if self._session is None:
            self._session = _open_session(self._address, self._headers, self._tls)
        payload = request.payload
        typed = {} if payload is None else {"Content-Type": JSON_TYPE}
        return self._session.request(
            request.method,
            URL(_origin(self._address) + request.target, encoded=True),
            data=payload,
            headers={**typed, **request.headers},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=silence, sock_read=silence),
        )

    def _unreachable(self, error: Exception, seconds: float) -> Unreachable:
        if isinstance(error, TimeoutError):
            found = Unreachable(f"{self._address} does not answer for {seconds:g} s")
        else:
            found = Unreachable(f"{self._address} cannot be reached: {error}")
        found.__cause__ = error
        return found


def _open_session(
    address: ServerAddress, headers: dict[str, str], tls: ssl.SSLContext | None
) -> "aiohttp.ClientSession":
    import aiohttp  # noqa: PLC0415 - heavy, and Client does without

    connector: aiohttp.BaseConnector
    if address.socket is not None:
        connector = aiohttp.UnixConnector(address.socket)
    else:
        connector = aiohttp.TCPConnector(ssl=True if tls is None else tls)
    return aiohttp.ClientSession(
        connector=connector, headers=headers, read_bufsize=_LONGEST_LINE, auto_decompress=False
    )


def _origin(address: ServerAddress) -> str:
    if address.socket is not None:
        return "http://localhost"
    return address.shown + address.prefix


async def _take(response: "aiohttp.ClientResponse") -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, await response.read())
