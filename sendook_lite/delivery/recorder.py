"""Records how attempts ended: as many outcomes per transaction as have come in meanwhile.

An outcome is never dropped. While the store fails they are kept, asked about again and again, and
``failing`` tells the scheduler to send nothing whose outcome could not be recorded either.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from sendook_lite.domain.clock import Clock, SteadyClock
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.model import Settlement
from sendook_lite.store.database import Store
from sendook_lite.usecases.settling import Recorded, Settling

PER_UNIT = 256
"""Outcomes in one unit of work: it holds the writer for some milliseconds only, and so many wait
for no others any more."""

UNITS_AT_ONCE = 2
"""Units under way: one is being committed, and one is there when the next commit begins."""

STORE_RETRY_SECONDS = 1.0
"""How long to wait before a store that failed is asked again."""

log = structlog.get_logger(__name__)


class Recorder:
    """Owns the outcomes that are not committed yet.

    Args:
        store: where they belong.
        settling: what they mean for their webhooks.
        clock: for waiting.
        steady: what due times are measured against.
        recorded: called with every batch after its commit.
        consequences: called before it with what else the commit brought.
        gather: seconds that the first outcome of a batch waits for others, unless there are enough
            before. An event that comes in during a commit of outcomes waits for it, and for the
            disk if that is slow just then: the fewer there are, the fewer events meet one.
    """

    def __init__(
        self,
        store: Store,
        settling: Settling,
        clock: Clock,
        steady: SteadyClock,
        recorded: Callable[[Sequence[Settlement]], None],
        consequences: Callable[[Recorded], None],
        gather: float = 0.0,
    ) -> None:
        self._store = store
        self._settling = settling
        self._clock = clock
        self._steady = steady
        self._recorded = recorded
        self._consequences = consequences
        self._gather = gather
        self._waiting: list[Settlement] = []
        self._came_in = asyncio.Event()
        self._enough = asyncio.Event()
        self._turns = asyncio.Semaphore(UNITS_AT_ONCE)
        self.unsettled = 0
        self.failing = False

    def add(self, done: Settlement) -> None:
        """Take an outcome."""
        self._waiting.append(done)
        self.unsettled += 1
        self._came_in.set()
        if len(self._waiting) >= PER_UNIT:
            self._enough.set()

    async def run(self) -> None:
        """Record what comes in, until cancelled."""
        await asyncio.gather(*(self._record_on() for _ in range(UNITS_AT_ONCE)))

    async def _record_on(self) -> None:
        while True:
            await self._came_in.wait()
            self._came_in.clear()
            while self._waiting:
                if self._gather and len(self._waiting) < PER_UNIT:
                    self._enough.clear()
                    await self._clock.wait(self._enough, self._gather)
                if not await self._record():
                    await self._clock.sleep(STORE_RETRY_SECONDS)

    async def flush(self) -> None:
        """Record all there is, and give up when the store fails; for the end."""
        for _ in range(UNITS_AT_ONCE):
            await self._turns.acquire()  # what is under way ends, and nothing else begins
        while self._waiting and await self._record_some():
            pass

    async def _record(self) -> bool:
        async with self._turns:
            return await self._record_some()

    async def _record_some(self) -> bool:
        """Record some outcomes; False when the store failed, which leaves them waiting."""
        batch, self._waiting = self._waiting[:PER_UNIT], self._waiting[PER_UNIT:]
        if not batch:
            return True  # the other unit took them along
        try:
            await self._write(batch)
        except StoreFailed as error:
            # Of two units that fail together, the second is back after the first.
            self._waiting = sorted(batch + self._waiting, key=lambda done: done.started_at)
            if not self.failing:
                log.warning("outcomes cannot be recorded, trying again", reason=error.message)
            self.failing = True
            return False
        except Exception:
            log.exception("outcomes cannot be recorded together")
            batch = await self._write_singly(batch)
        self.failing = False
        self.unsettled -= len(batch)
        self._recorded(batch)
        return True

    async def _write(self, batch: Sequence[Settlement]) -> None:
        record, now = self._settling.record, self._steady.now()
        self._consequences(await self._store.writer.write_first(record, batch, now))
        for done in batch:
            if done.state == "failed":
                _tell_failure(done)

    async def _write_singly(self, batch: Sequence[Settlement]) -> list[Settlement]:
        """Find the outcome that a bug keeps from being recorded, and record the others.

        Its delivery stays claimed: given back, it would be sent over and over.
        """
        written = []
        for done in batch:
            try:
                await self._write([done])
            except StoreFailed:
                self._waiting.append(done)
            except Exception:
                log.exception("an outcome cannot be recorded", delivery=done.delivery.id)
                self.unsettled -= 1
            else:
                written.append(done)
        return written


def _tell_failure(done: Settlement) -> None:
    """Write a delivery that ended in vain to the log; of those that arrive there are too many."""
    log.warning(
        "a delivery failed",
        delivery=done.delivery.id,
        event_id=done.delivery.event_id,
        type=done.delivery.event_type,
        attempts=done.delivery.attempt_count + 1,
        error=done.error,
    )
