from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A running server with quick retries on an empty data directory."""
    server = Server(tmp_path / "data", SENDOOK_DELIVERY__RETRY_SCHEDULE="[0.3, 0.6, 0.9]")
    server.start()
    yield server
    if server.process is not None:
        assert server.stop() == 0
