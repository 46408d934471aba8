"""``Client``: waits for every answer."""

import http.client
import ssl
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar

from sendook_lite.client.address import read_address
from sendook_lite.client.connection import Connection
from sendook_lite.client.errors import Refused, Unreachable
from sendook_lite.client.operations import Blocking
from sendook_lite.client.paging import Pages
from sendook_lite.client.reading import SILENCE, Reading
from sendook_lite.client.repeating import Pause
from sendook_lite.client.request import Answer, Following, Listing, Request, read
from sendook_lite.client.resource_groups import RETRIES, TIMEOUT, ResourceGroups, new_patience
from sendook_lite.domain.clock import pause

T = TypeVar("T")


class Client(ResourceGroups[Blocking]):
    """A client of one server; for one thread at a time.

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
        sleep: Callable[[float], None] = pause,
    ) -> None:
        super().__init__(self)
        self._connection = Connection(read_address(url), key, timeout, tls)
        self._patience = new_patience(retries)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def ask(self, request: Request[T]) -> T:
        """Send a request, as often as it takes, and return what it asks for.

        Raises:
            Refused: the server said no.
            Unreachable: nobody answers.
        """
        return read(request.read, self._answer(request))

    def go_through(self, listing: Listing[T]) -> Iterator[T]:
        """Yield the items of a list."""
        pages = Pages(listing)
        while pages.request is not None:
            yield from read(pages.take, self._answer(pages.request))

    def follow(self, following: Following[T]) -> Iterator[T]:
        """Yield events for ever."""
        reading = Reading(following)
        while True:
            error: Refused | Unreachable | None = None
            try:
                with self._connection.open(reading.request(), SILENCE) as (no, response):
                    if no is not None:
                        raise no.refusal()
                    reading.connected()
                    for line in response:
                        event = reading.feed(line)
                        if event is not None:
                            yield event
            except (Refused, Unreachable) as reason:
                error = reason
            except (OSError, http.client.HTTPException):
                pass  # the connection is lost, which is what happens to long ones
            self._sleep(reading.pause_after(error))

    def _answer(self, request: Request[Any]) -> Answer:
        steps = self._patience.steps(request)
        try:
            step = next(steps)
            while True:
                step = steps.send(self._carry_out(step))
        except StopIteration as done:
            answer: Answer = done.value
            return answer

    def _carry_out(self, step: Request[Any] | Pause) -> Answer | Unreachable | None:
        if isinstance(step, Pause):
            self._sleep(step.seconds)
            return None
        try:
            return self._connection.send(step)
        except Unreachable as error:
            return error
