"""A real database in a directory of its own, under a clock that the tests move."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sendook_lite.domain.ids import Ids
from sendook_lite.store.database import Store
from tests.fakes import FakeClock
from tests.usecases.product import Product, build


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "data", clock, Ids(clock))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def product(store: Store, clock: FakeClock) -> Product:
    return build(store, clock)
