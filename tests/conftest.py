"""What holds for all tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sendook_lite.store import database
from sendook_lite.store.database import BeforeMigration, prepare
from tests.e2e.endpoint import Endpoint


@pytest.fixture(autouse=True, scope="session")
def migrated_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start every new database of these processes as a copy of one that the program made.

    To make it takes five times as long as to open it, and thousands of tests do.
    """
    template = tmp_path_factory.mktemp("template") / database.DATABASE_NAME
    prepare(template)

    def prepare_copy(path: Path, before_migration: BeforeMigration | None = None) -> None:
        if path.parent.is_dir() and not path.exists():
            shutil.copy(template, path)
            path.chmod(0o600)
        prepare(path, before_migration)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "prepare", prepare_copy)
        yield


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint that answers 200."""
    with Endpoint() as endpoint:
        yield endpoint
