"""Outcomes are committed together: after a moment, or as soon as there are enough of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from sendook_lite.delivery.recorder import PER_UNIT, Recorder
from sendook_lite.domain.clock import SteadyClock
from sendook_lite.domain.disabling import DisableRule
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
        delivery = DueDelivery(
            1, "dlv_1", 1, "evt_1", "message.received", b"{}", 0, 0, "scheduled", 0
        )
        outcome = Outcome(200, None, None, b"", 1.0)
        for _ in range(count):
            self.recorder.add(settlement_of(delivery, outcome, DELIVERED, START))
        await self.clock.settle()

    async def rest(self) -> None:
        """Let the writer commit what it was given."""
        await asyncio.sleep(0.02)
        await self.clock.settle()


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
    await gathering.rest()
    assert gathering.batches == [3]
    await gathering.add()
    await gathering.clock.advance(GATHER * 0.9)
    await gathering.rest()
    assert gathering.batches == [3]  # the next one waits as long
    await gathering.clock.advance(GATHER * 0.2)
    await gathering.rest()
    assert gathering.batches == [3, 1]


async def test_enough_of_them_wait_no_longer(gathering: Gathering) -> None:
    await gathering.add(PER_UNIT - 1)
    await gathering.rest()
    assert gathering.batches == []
    await gathering.add()
    await gathering.rest()
    assert gathering.batches == [PER_UNIT]
    await gathering.add()
    await gathering.rest()
    assert gathering.batches == [PER_UNIT]
    await gathering.clock.advance(GATHER * 1.1)
    await gathering.rest()
    assert gathering.batches == [PER_UNIT, 1]


async def test_what_waits_is_recorded_at_the_end(gathering: Gathering) -> None:
    await gathering.add(2)
    await gathering.clock.settle()
    await gathering.recorder.flush()
    assert gathering.batches == [2]
