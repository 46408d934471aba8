from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server for trying things, as the examples' readers have it."""
    server = Server(tmp_path / "data").start()
    yield server
    assert server.stop() == 0
