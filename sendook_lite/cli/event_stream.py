"""A server's log as it grows, followed without a gap however often the connection is lost."""

import http.client
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager

from sendook_lite.cli.failure import TRY_AGAIN, Failed
from sendook_lite.client.frames import Frame, read_frames

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
EXPIRED_HEADER = "Sendook-After"


Dial = Callable[[str | None], AbstractContextManager[http.client.HTTPResponse]]
"""Opens the stream behind an event, or (None) at the end of the log."""


class EventStream:
    """Iterates over events for ever; the next one is asked for when the last one is done with.

    Args:
        dial: opens a stream.
        after: the id of the event to begin behind; None: what happens from now on.
        pause: waits for so many seconds.
        tell: says a sentence to the user.
        stale: says of a frame that it has waited for too long and is to be fetched anew.

    Attributes:
        last: the id of the last event that was done with, or of the one the stream began behind.
    """

    def __init__(
        self,
        dial: Dial,
        after: str | None,
        pause: Callable[[float], None],
        tell: Callable[[str], None],
        stale: Callable[[Frame], bool] = lambda _: False,
    ) -> None:
        self._dial = dial
        self._pause = pause
        self._tell = tell
        self._stale = stale
        self._connected_before = False
        self._seconds = FIRST_PAUSE
        self.last = after

    def __iter__(self) -> Iterator[Frame]:
        """Yield events with their data.

        Raises:
            Failed: the server says no; or, the first time, it cannot be reached.
        """
        while True:
            try:
                renew = yield from self._follow()
            except Failed as error:
                if error.exit_code != TRY_AGAIN or not self._connected_before:
                    raise
                reason = error.message
            except TimeoutError:
                reason = "nothing is heard from the server"
            except (OSError, http.client.HTTPException):
                reason = "the connection is lost"
            else:
                if renew:
                    continue
                reason = "the server ended the stream"
            self._tell(f"{reason}; trying again in {self._seconds:g} s")
            self._pause(self._seconds)
            self._seconds = min(self._seconds * 2, LONGEST_PAUSE)

    def _follow(self) -> Generator[Frame, None, bool]:
        """Yield what one connection brings; returns whether another is wanted at once."""
        with self._dial(self.last) as response:
            self._greet(response)
            fresh = True
            for frame in read_frames(response):
                if frame.data:
                    # The first of a connection is taken as it is: clocks may differ for ever.
                    if not fresh and self._stale(frame):
                        return True
                    fresh = False
                    self._seconds = FIRST_PAUSE
                    yield frame
                self.last = frame.id or self.last
        return False

    def _greet(self, response: http.client.HTTPResponse) -> None:
        if self._connected_before:
            self._tell("connected again")
        self._connected_before = True
        if response.headers.get(EXPIRED_HEADER) == "expired":
            self._tell(
                f"events may be missing: {self.last} is not in the log any more;"
                " going on with the oldest there is"
            )
