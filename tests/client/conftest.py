from collections.abc import Iterator

import pytest

from tests.e2e.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a module; each makes what it needs."""
    server = Server(tmp_path_factory.mktemp("client") / "data").start()
    yield server
    if server.process is not None:
        assert server.stop() == 0
