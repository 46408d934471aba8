"""The product's inside on a database of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sendook_lite.domain.ids import Ids
from sendook_lite.store.database import Store
from tests.fakes import FakeClock
from tests.usecases.product import Product, build


@pytest.fixture
async def product(tmp_path: Path) -> AsyncIterator[Product]:
    clock = FakeClock()
    store = Store(tmp_path / "data", clock, Ids(clock))
    await store.open()
    yield build(store, clock)
    await store.close()
