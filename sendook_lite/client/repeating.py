"""Decides when a request is sent again, and how long to wait before; sends nothing itself.

Every request may be repeated: GET, PATCH and DELETE do the same when done twice (a DELETE whose
first answer was lost says "not found" then), and a POST carries an Idempotency-Key.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final

from sendook_lite.client.errors import Refused, Unreachable
from sendook_lite.client.request import Answer, Request

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds; who is told to wait longer gets the error instead."""

_LATER: Final = frozenset({429, 502, 503, 504})
_IN_USE: Final = "idempotency_key_in_use"


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for so many seconds."""

    seconds: float


Steps = Generator[Request[Any] | Pause, Answer | Unreachable | None, Answer]
"""What is to be done, one after the other; a request is answered with what became of it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is sent again.

    Attributes:
        retries: at most so many times, after the first.
        random: returns a number from 0 to 1; spreads those who all lost the same server.
        new_key: makes an Idempotency-Key.
    """

    retries: int
    random: Callable[[], float]
    new_key: Callable[[], str]

    def steps(self, request: Request[Any]) -> Steps:
        """Yield requests and pauses until there is an answer that is a yes.

        Raises:
            Refused: the server said no, and asking again would not help or was done in vain.
            Unreachable: nobody answered, as often as it was tried.
        """
        if request.method == "POST" and "Idempotency-Key" not in request.headers:
            request = request.with_headers(Idempotency_Key=self.new_key())
        tried = 0
        while True:
            answer = yield request
            if isinstance(answer, Answer) and answer.ok:
                return answer
            error = answer.refusal() if isinstance(answer, Answer) else answer
            assert error is not None  # noqa: S101 - a request is always answered
            seconds = self._pause(error, tried)
            if seconds is None or tried == self.retries:
                raise error
            tried += 1
            yield Pause(seconds)

    def _pause(self, error: Refused | Unreachable, tried: int) -> float | None:
        """Return how long to wait before asking again; None: it is not worth it."""
        longer = FIRST_PAUSE * 2**tried * (1 + self.random()) / 2
        if isinstance(error, Refused):
            if error.status not in _LATER and error.code != _IN_USE:
                return None
            longer = max(longer, error.retry_after or 0)
        return longer if longer <= LONGEST_PAUSE else None
