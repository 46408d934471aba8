"""Stand-ins for the clock, randomness and the far end of the network; everything else is real."""

import asyncio
import heapq
from collections.abc import Sequence
from itertools import count

from sendook_lite.domain.model import DueDelivery, Secret, Webhook
from sendook_lite.domain.outcome import Outcome
from sendook_lite.usecases.domains import DnsFailed

START = 1_772_356_200_000
"""2026-03-01T09:10:00.000Z"""


def due_delivery(body: bytes, attempt: int = 1) -> DueDelivery:
    """A delivery of an event that is due, with what is sent of it."""
    return DueDelivery(
        1, "dlv_1", 1, "evt_1", "message.received", body, attempt - 1, attempt - 1, "scheduled", 0
    )


class FakeClock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: int = START) -> None:
        self.wall = now
        self.elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._order = count()

    def now(self) -> int:
        return self.wall

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (self.elapsed + seconds, next(self._order), woken))
        await woken.wait()

    async def wait(self, signal: asyncio.Event, seconds: float | None) -> bool:
        if signal.is_set():
            return True
        if seconds is None:
            await signal.wait()
            return True
        signalled = asyncio.ensure_future(signal.wait())
        slept = asyncio.ensure_future(self.sleep(seconds))
        try:
            await asyncio.wait((signalled, slept), return_when=asyncio.FIRST_COMPLETED)
            return signal.is_set()
        finally:
            signalled.cancel()
            slept.cancel()

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking sleepers in order and giving them turns to act."""
        until = self.elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            at, _, woken = heapq.heappop(self._sleepers)
            self._pass(at)
            woken.set()
            await self.settle()
        self._pass(until)
        await self.settle()

    def _pass(self, until: float) -> None:
        self.wall += round((until - self.elapsed) * 1000)
        self.elapsed = until

    @staticmethod
    async def settle() -> None:
        """Let everything that can run now run."""
        for _ in range(20):
            await asyncio.sleep(0)


class CountingBytes:
    """Randomness that repeats itself: 0, 1, 2, … as big-endian bytes."""

    def __init__(self) -> None:
        self._numbers = count()

    def __call__(self, length: int) -> bytes:
        return next(self._numbers).to_bytes(length, "big")


class RecordingFeed:
    """Remembers what the scheduler would have been told."""

    def __init__(self, now: int = START) -> None:
        self.time = now
        self.offered: list[DueDelivery] = []
        self.changed: list[int] = []

    def now(self) -> int:
        return self.time

    def offer(self, fresh: Sequence[DueDelivery]) -> None:
        self.offered.extend(fresh)

    def webhook_changed(self, webhook_seq: int) -> None:
        self.changed.append(webhook_seq)


class RecordingAlerts:
    """Counts how often it was told that there are alerts."""

    def __init__(self) -> None:
        self.told = 0

    def alerts_written(self) -> None:
        self.told += 1


class ScriptedProbe:
    """An endpoint that answers tests with what was written down for it."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[DueDelivery] = []

    async def __call__(
        self, webhook: Webhook, secrets: Sequence[Secret], delivery: DueDelivery
    ) -> Outcome:
        assert webhook.id
        assert secrets
        self.sent.append(delivery)
        if self.outcomes:
            return self.outcomes.pop(0)
        return Outcome(200, None, None, b"ok", 1.0)


class FakeDns:
    """Answers from a table; a name in ``silent`` gets no answer."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], tuple[str, ...]] = {}
        self.silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, name: str, record_type: str) -> tuple[str, ...]:
        self.asked.append((name, record_type))
        if name in self.silent:
            raise DnsFailed("the DNS gave no answer: timeout")
        return self.records.get((name, record_type), ())
