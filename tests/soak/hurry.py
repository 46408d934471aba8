"""A loop whose time passes as soon as nobody has anything to do, and the clock that goes by it.

Everything on it lives by its time: the server's waits and deadlines, its clients, and the far
ends that hang or drip. While something happens time hardly moves. Threads (the writer, readers,
backups) and sockets have ``GRACE`` of real time to report, then time goes on to the next timer,
``STEP`` at most. So an hour takes 36 s and what its work takes, and no deadline passes because the
machine is busy with something else.
"""

import asyncio
import selectors

from sendook_lite.domain.clock import SystemClock

GRACE = 0.001
"""Real seconds without any event after which nobody is thought to have anything to do."""

STEP = 0.1
"""Most seconds that pass at once."""

CREEP = 1e-6
"""Seconds that pass at each look, as some always do: what is due in no time at all comes due."""

START = 1_772_356_200_000
"""2026-03-01T09:10:00.000Z"""


class HurryingSelector(selectors.DefaultSelector):
    """Waits for nothing longer than ``GRACE``, and counts what it should have waited."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.passed += CREEP
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        step = min(timeout, STEP)
        ready = super().select(min(step, GRACE))
        if not ready:
            self.passed += step
        return ready


class HurryingLoop(asyncio.SelectorEventLoop):
    """A loop with a time of its own, in seconds since it was made."""

    def __init__(self) -> None:
        self._hurrying = HurryingSelector()
        super().__init__(self._hurrying)

    def time(self) -> float:
        return self._hurrying.passed


class LoopClock(SystemClock):
    """The clock of such a loop; it may be read from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> int:
        return START + round(self._loop.time() * 1000)

    def monotonic(self) -> float:
        return self._loop.time()
