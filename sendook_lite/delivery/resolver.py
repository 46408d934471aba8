"""Finds the addresses of a host without letting dead names hold up the living.

``getaddrinfo`` blocks and cannot be interrupted: a name whose servers are silent occupies a thread
for half a minute and longer. Every look-up therefore has a thread of its own, up to a bound that
dead names alone cannot reach. One look-up per host at a time, however many wait for it.
"""

import asyncio
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from sendook_lite.domain.clock import Clock
from sendook_lite.domain.outcome import AttemptFailed

Lookup = Callable[[str, int], list[str]]
"""Returns the addresses of a host (and port); blocks; raises OSError."""

ANSWER_SECONDS = 30.0
"""How long an answer is used."""
FAILURE_SECONDS = 5.0
"""How long a failure is."""
UNANSWERED_PER_LANE = 2
MAX_REMEMBERED = 4096

_PHRASES = {
    socket.EAI_NONAME: "there is no such host",
    socket.EAI_NODATA: "the host has no address",
    socket.EAI_AGAIN: "the name servers gave no answer",
    socket.EAI_FAIL: "the name servers failed",
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a look-up brought; ``failure`` is a phrase, and without one there are addresses."""

    addresses: tuple[str, ...]
    failure: str | None = None
    expires_at: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    host: str
    port: int
    lane: str
    answer: asyncio.Future[_Answer]


def look_up(host: str, port: int) -> list[str]:
    """Ask the system: all addresses, since one bad address must spoil the whole answer.

    AI_ADDRCONFIG is left out for that reason. The name goes in as bytes, because the codec that
    Python would apply to text has its own view of what a host name is.
    """
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Resolver:
    """Resolves hosts in threads of its own.

    The threads are daemons: those of ``concurrent.futures`` would hold up the end of the process
    until the last silent name server is given up.

    Args:
        clock: for the age of answers.
        lookup: what asks.
        max_threads: how many look-ups run at a time.
        reserved: how many of these only hosts may use whose last answer was a good one.
    """

    def __init__(
        self,
        clock: Clock,
        lookup: Lookup = look_up,
        *,
        max_threads: int = 256,
        reserved: int = 32,
    ) -> None:
        self._clock = clock
        self._lookup = lookup
        self._max_threads = max_threads
        self._max_unproven = max_threads - reserved
        self._answers: dict[str, _Answer] = {}
        self._questions: dict[str, _Question] = {}
        self._proven: deque[_Question] = deque()
        self._unproven: deque[_Question] = deque()
        self._per_lane: Counter[str] = Counter()
        self._running = 0

    async def resolve(self, host: str, port: int, lane: str, deadline: float) -> tuple[str, ...]:
        """Return the addresses of a host, in the system's order of preference; at least one.

        Args:
            host: a normalised name.
            port: where the connection will go.
            lane: on whose behalf; at most two look-ups of a lane may be unanswered.
            deadline: on the loop's clock.

        Raises:
            AttemptFailed: ``dns_failed`` or ``dns_timeout``.
        """
        answer = self._answers.get(host)
        if answer is None or answer.expires_at <= self._clock.monotonic():
            answer = await self._wait(self._ask(host, port, lane), deadline)
        if answer.failure is not None:
            raise AttemptFailed("dns_failed", f"{answer.failure}: {host}")
        return answer.addresses

    def close(self) -> None:
        """Give up on all questions; threads that still wait for an answer are left to end."""
        self._proven.clear()
        self._unproven.clear()
        for question in self._questions.values():
            if not question.answer.done():
                question.answer.set_result(_Answer((), "the server is stopping"))

    async def _wait(self, question: _Question, deadline: float) -> _Answer:
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(question.answer)
        except TimeoutError:
            raise AttemptFailed(
                "dns_timeout", f"the name servers gave no answer in time: {question.host}"
            ) from None

    def _ask(self, host: str, port: int, lane: str) -> _Question:
        question = self._questions.get(host)
        if question is not None:
            return question
        if self._per_lane[lane] >= UNANSWERED_PER_LANE:
            raise AttemptFailed(
                "dns_timeout", "earlier look-ups of this webhook are still without an answer"
            )
        self._per_lane[lane] += 1
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        question = self._questions[host] = _Question(host, port, lane, answer)
        last = self._answers.get(host)
        proven = last is not None and last.failure is None
        (self._proven if proven else self._unproven).append(question)
        self._start_waiting()
        return question

    def _start_waiting(self) -> None:
        while self._proven and self._running < self._max_threads:
            self._start(self._proven.popleft())
        while self._unproven and self._running < self._max_unproven:
            self._start(self._unproven.popleft())

    def _start(self, question: _Question) -> None:
        self._running += 1
        loop = asyncio.get_running_loop()
        thread = threading.Thread(
            target=self._run, args=(loop, question), name="resolver", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the machine has no thread left to give
            loop.call_soon(self._settle, question, _Answer((), "no thread to resolve in"))

    def _run(self, loop: asyncio.AbstractEventLoop, question: _Question) -> None:
        """Ask and hand the answer over; the only method that runs in another thread."""
        answer = _answer(self._lookup, question)
        with suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(self._settle, question, answer)

    def _settle(self, question: _Question, answer: _Answer) -> None:
        self._running -= 1
        del self._questions[question.host]
        self._per_lane[question.lane] -= 1
        if not self._per_lane[question.lane]:
            del self._per_lane[question.lane]
        self._remember(question.host, answer)
        if not question.answer.done():
            question.answer.set_result(answer)
        self._start_waiting()

    def _remember(self, host: str, answer: _Answer) -> None:
        self._answers.pop(host, None)  # so that the dict stays in the order of answers
        if len(self._answers) >= MAX_REMEMBERED:
            del self._answers[next(iter(self._answers))]
        lifetime = ANSWER_SECONDS if answer.failure is None else FAILURE_SECONDS
        self._answers[host] = _Answer(
            answer.addresses, answer.failure, self._clock.monotonic() + lifetime
        )


def _answer(lookup: Lookup, question: _Question) -> _Answer:
    try:
        addresses = tuple(dict.fromkeys(lookup(question.host, question.port)))
    except socket.gaierror as error:
        return _Answer((), _PHRASES.get(error.errno or 0, "the host could not be resolved"))
    except Exception:  # noqa: BLE001 - whatever it is, those who wait must hear of it
        return _Answer((), "the host could not be resolved")
    return _Answer(addresses, None if addresses else "the host has no address")
