"""OpenSMTPD: its own check of the recipe, and its own agent that hands mail over.

Its daemon has the paths of a system built in, and so cannot run beside one.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, wait_until
from tests.mta import debian

RECIPE = Path(__file__).parents[2] / "contrib" / "opensmtpd" / "smtpd.conf"
USER = "daemon"
"""The agent refuses to be root."""


@pytest.fixture
def root() -> Path:
    return debian.unpacked("opensmtpd")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that users other than root may enter."""
    with tempfile.TemporaryDirectory(prefix="sendook-opensmtpd-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture
def server(tmp_path: Path, place: Path) -> Iterator[Server]:
    server = Server(
        tmp_path / "data",
        SENDOOK_SERVER__SOCKET_DIR=str(place / "sockets"),
        SENDOOK_SERVER__SOCKET_GROUP=USER,
        SENDOOK_INBOUND__UNKNOWN_RECIPIENTS="reject",
    ).start()
    yield server
    if server.process is not None:
        assert server.stop() == 0


def hand_over(root: Path, place: Path, recipient: str) -> int:
    """Do what the action of the recipe does, with its options; returns the agent's exit code."""
    agent = shutil.copy(root / "usr/libexec/opensmtpd/mail.lmtp", place)
    done = subprocess.run(
        [agent, "-d", place / "sockets" / "lmtp.sock", "-r"],
        env={"SENDER": "zoe@people.test", "RECIPIENT": recipient},
        user=USER,
        group=USER,
        extra_groups=[],
        input=b"Subject: Hello\n\nIt works.\n",
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    return done.returncode


def test_the_recipe_is_a_configuration(root: Path) -> None:
    checked = subprocess.run(
        [root / "usr/sbin/smtpd", "-n", "-f", RECIPE],
        env=debian.environment(root),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.stderr == "configuration OK\n"


def test_its_agent_hands_mail_over_and_understands_refusals(
    root: Path, place: Path, server: Server, endpoint: Endpoint
) -> None:
    server.inbox()
    server.webhook(endpoint.url, "message.received")
    assert hand_over(root, place, "support+news@localhost.test") == os.EX_OK
    wait_until(lambda: endpoint.received)
    assert endpoint.received[0].event["payload"]["envelopeFrom"] == "zoe@people.test"
    assert hand_over(root, place, "nobody@localhost.test") != os.EX_OK
    assert server.stop() == 0
    assert hand_over(root, place, "support@localhost.test") == os.EX_TEMPFAIL
