"""Outcomes are committed together: after a moment, or as soon as there are enough of them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from sendook_lite.delivery.recorder import PER_UNIT, STORE_RETRY_SECONDS, Recorder
from sendook_lite.domain.clock import SteadyClock
from sendook_lite.domain.disabling import DisableRule
from sendook_lite.domain.errors import StoreFailed
from sendook_lite.domain.ids import Ids
from sendook_lite.domain.model import DueDelivery, Settlement
from sendook_lite.domain.outcome import Outcome
from sendook_lite.domain.retry import DELIVERED
from sendook_lite.domain.settlement import settlement_of
from sendook_lite.store.database import Store
from sendook_lite.usecases.settling import Settling
from tests.fakes import START, FakeClock

GATHER = 0.05


class Gathering:
    """A recorder that has outcomes wait for each other, and the sizes of what it committed."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.batches: list[int] = []
        self.recorder = Recorder(
            store,
            Settling(DisableRule(10, 0), ()),
            clock,
            SteadyClock(clock),
            self._recorded,
            lambda _: None,
            GATHER,
        )

    def _recorded(self, settled: Sequence[Settlement]) -> None:
        self.batches.append(len(settled))

    async def add(self, count: int = 1) -> None:
        for _ in range(count):
            self.recorder.add(outcome_at(START))
        await self.clock.settle()

    async def until(self, true: Callable[[], bool]) -> None:
        """Let the writer commit until something is so."""
        for _ in range(500):
            if true():
                return
            await self.rest()

    async def rest(self) -> None:
        """Let the writer commit what it was given."""
        await asyncio.sleep(0.02)
        await self.clock.settle()


def outcome_at(started_at: int) -> Settlement:
    delivery = DueDelivery(1, "dlv_1", 1, "evt_1", "message.received", b"{}", 0, 0, "scheduled", 0)
    return settlement_of(delivery, Outcome(200, None, None, b"", 1.0), DELIVERED, started_at)


@pytest.fixture
async def gathering(tmp_path: Path) -> AsyncIterator[Gathering]:
    clock = FakeClock()
    store = Store(tmp_path / "data", clock, Ids(clock))
    await store.open()
    gathering = Gathering(store, clock)
    running = asyncio.create_task(gathering.recorder.run())
    await clock.settle()
    yield gathering
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()


async def test_outcomes_wait_for_each_other(gathering: Gathering) -> None:
    await gathering.add()
    await gathering.clock.advance(GATHER * 0.9)
    await gathering.add(2)
    await gathering.rest()
    assert gathering.batches == []
    await gathering.clock.advance(GATHER * 0.2)
    await gathering.until(lambda: bool(gathering.batches))
    assert gathering.batches == [3]
    await gathering.add()
    await gathering.clock.advance(GATHER * 0.9)
    await gathering.rest()
    assert gathering.batches == [3]  # the next one waits as long
    await gathering.clock.advance(GATHER * 0.2)
    await gathering.until(lambda: len(gathering.batches) > 1)
    assert gathering.batches == [3, 1]


async def test_enough_of_them_wait_no_longer(gathering: Gathering) -> None:
    await gathering.add(PER_UNIT - 1)
    await gathering.rest()
    assert gathering.batches == []
    await gathering.add()
    await gathering.until(lambda: bool(gathering.batches))
    assert gathering.batches == [PER_UNIT]
    await gathering.add()
    await gathering.rest()
    assert gathering.batches == [PER_UNIT]
    await gathering.clock.advance(GATHER * 1.1)
    await gathering.until(lambda: len(gathering.batches) > 1)
    assert gathering.batches == [PER_UNIT, 1]


async def test_what_waits_is_recorded_at_the_end(gathering: Gathering) -> None:
    await gathering.add(2)
    await gathering.clock.settle()
    await gathering.recorder.flush()
    assert gathering.batches == [2]


async def test_two_units_are_under_way_and_what_comes_meanwhile_waits(
    gathering: Gathering,
) -> None:
    go_on = threading.Event()
    writer = gathering.store.writer
    running = threading.Event()
    held = asyncio.ensure_future(writer.write(lambda _: running.set() or go_on.wait(20)))
    await asyncio.to_thread(running.wait, 20)
    await gathering.add(PER_UNIT)
    await gathering.add(PER_UNIT)
    await gathering.add(PER_UNIT + 1)
    assert gathering.batches == []
    assert writer._queue.qsize() == 2
    go_on.set()
    await held
    await gathering.until(lambda: len(gathering.batches) == 3)
    assert gathering.batches == [PER_UNIT] * 3
    assert gathering.recorder.unsettled == 1


async def test_units_that_fail_together_are_tried_again_in_their_order(
    gathering: Gathering, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[list[int]] = []
    write = gathering.store.writer.write_first
    full = True

    async def fail(work: Any, batch: list[Settlement], now: int) -> Any:
        tried.append([done.started_at for done in batch])
        await asyncio.sleep(0)
        if full:
            raise StoreFailed("the disk is full")
        return await write(work, batch, now)

    monkeypatch.setattr(gathering.store.writer, "write_first", fail)
    for started_at in range(2 * PER_UNIT):
        gathering.recorder.add(outcome_at(started_at))
    await gathering.rest()
    assert gathering.recorder.failing
    assert list(chain.from_iterable(tried)) == list(range(2 * PER_UNIT))
    full, tried[:] = False, []
    await gathering.clock.advance(STORE_RETRY_SECONDS)
    await gathering.until(lambda: not gathering.recorder.unsettled)
    assert list(chain.from_iterable(tried)) == list(range(2 * PER_UNIT))
    assert (gathering.recorder.unsettled, gathering.recorder.failing) == (0, False)
