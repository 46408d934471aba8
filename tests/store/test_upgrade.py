"""Upgrading: a database of every earlier schema is opened, with all that is in it."""

from pathlib import Path

import pytest

from sendook_lite.domain.ids import Ids
from sendook_lite.store.database import DATABASE_NAME, Store
from sendook_lite.store.migrate import migrations
from sendook_lite.store.soundness import examine
from tests.fakes import FakeClock
from tests.store.old_database import make_old_database

VERSIONS = [step.version for step in migrations()]


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_earlier_database_is_opened_with_all_its_rows(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / DATABASE_NAME
    make_old_database(path, version)
    before = examine(path).rows
    clock = FakeClock()
    told: list[int] = []
    store = Store(tmp_path, clock, Ids(clock), told.append)
    await store.open()
    await store.close()
    after = examine(path)
    assert after.version == VERSIONS[-1]
    assert after.problems == ()
    assert {name: after.rows[name] for name in before} == before
    assert told == ([] if version == VERSIONS[-1] else [version])


async def test_a_database_that_cannot_be_copied_first_is_not_changed(tmp_path: Path) -> None:
    make_old_database(tmp_path / DATABASE_NAME, 1)

    def refuse(version: int) -> None:
        raise RuntimeError(f"no copy of {version}")

    clock = FakeClock()
    with pytest.raises(RuntimeError, match="no copy of 1"):
        await Store(tmp_path, clock, Ids(clock), refuse).open()
    assert examine(tmp_path / DATABASE_NAME).version == 1


async def test_a_new_database_is_not_copied(tmp_path: Path) -> None:
    clock = FakeClock()
    told: list[int] = []
    store = Store(tmp_path, clock, Ids(clock), told.append)
    await store.open()
    await store.close()
    assert told == []
