import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import Server
from tests.mta import debian
from tests.mta.postfix import OWNER, Postfix


@pytest.fixture(scope="session")
def running_postfix() -> Iterator[Postfix]:
    root = debian.unpacked("postfix")
    # pytest's directories are closed to everybody but root, and Postfix does little as root.
    with tempfile.TemporaryDirectory(prefix="sendook-postfix-") as directory:
        postfix = Postfix(root, Path(directory)).start()
        yield postfix
        postfix.stop()


@pytest.fixture
def postfix(running_postfix: Postfix) -> Iterator[Postfix]:
    """A running Postfix with an empty queue."""
    yield running_postfix
    running_postfix.forget()


@pytest.fixture
def server(tmp_path: Path, postfix: Postfix) -> Iterator[Server]:
    """A server behind that Postfix, as the recipe puts it there."""
    server = Server(
        tmp_path / "data",
        SENDOOK_SERVER__SOCKET_DIR=str(postfix.sockets),
        SENDOOK_SERVER__SOCKET_GROUP=OWNER,
        SENDOOK_INBOUND__UNKNOWN_RECIPIENTS="reject",
    ).start()
    yield server
    if server.process is not None:
        assert server.stop() == 0
