"""Mail through a real Exim, set up by the recipe in contrib/exim, becomes an event."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.endpoint import Endpoint
from tests.e2e.server import Server, wait_until
from tests.mta import debian
from tests.mta.postfix import free_port

RECIPE = Path(__file__).parents[2] / "contrib" / "exim"

# What Debian's configuration has around the recipe, as far as it matters here.
CONFIGURATION = """
{main}
keep_environment = LD_PRELOAD:LD_LIBRARY_PATH:NSS_WRAPPER_PASSWD:NSS_WRAPPER_GROUP
exim_path = {program}
primary_hostname = mx.people.test
spool_directory = {directory}/spool
log_file_path = {directory}/%s.log
acl_smtp_rcpt = check_rcpt
tls_advertise_hosts =
begin acl
check_rcpt:
.include {directory}/rcpt_acl
  accept domains = SENDOOK_DOMAINS
  deny message = relay not permitted
begin routers
{router}
begin transports
{transport}
begin retry
* * F,1h,1m
"""


class Exim:
    """One call for each conversation, whose mail is queued, and one that runs the queue."""

    def __init__(self, root: Path, directory: Path, port: int) -> None:
        self.directory = directory
        self._program = root / "usr/sbin/exim4"
        self._configuration = directory / "exim.conf"
        parts = {
            name: (RECIPE / name).read_text().replace("example.com", "localhost.test")
            for name in ("main", "router", "transport")
        }
        parts["main"] = parts["main"].replace("2424", str(port))
        self._configuration.write_text(
            CONFIGURATION.format(directory=directory, program=self._program, **parts)
        )
        shutil.copy(RECIPE / "rcpt_acl", directory / "rcpt_acl")
        (directory / "spool").mkdir()
        shutil.chown(directory / "spool", "mail", "mail")
        shutil.chown(directory, "mail", "mail")  # for its log
        # The program knows its user by name. It is told of one that nobody has to make.
        for name, line in (
            ("passwd", "Debian-exim:x:8:8::/nonexistent:/usr/sbin/nologin\n"),
            ("group", "Debian-exim:x:8:\n"),
        ):
            (directory / name).write_text(Path("/etc", name).read_text() + line)
        (wrapper,) = root.glob("usr/lib/*/libnss_wrapper.so")
        self._environment = {
            **debian.environment(root),
            "LD_PRELOAD": str(wrapper),
            "NSS_WRAPPER_PASSWD": str(directory / "passwd"),
            "NSS_WRAPPER_GROUP": str(directory / "group"),
        }

    def call(self, *arguments: str, said: str = "") -> str:
        done = subprocess.run(
            [self._program, "-C", self._configuration, *arguments],
            env=self._environment,
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def converse(self, *commands: str) -> str:
        return self.call(
            "-odq", "-bs", said="\r\n".join(("HELO client.test", *commands, "QUIT\r\n"))
        )

    def log(self) -> str:
        return (self.directory / "main.log").read_text()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def exim(port: int) -> Iterator[Exim]:
    root = debian.unpacked("exim4-daemon-light")
    with tempfile.TemporaryDirectory(prefix="sendook-exim-") as directory:
        Path(directory).chmod(0o755)
        yield Exim(root, Path(directory), port)


@pytest.fixture
def server(tmp_path: Path, port: int) -> Iterator[Server]:
    server = Server(
        tmp_path / "data",
        SENDOOK_INBOUND__LMTP=f"tcp:127.0.0.1:{port}",
        SENDOOK_INBOUND__UNKNOWN_RECIPIENTS="reject",
    ).start()
    yield server
    if server.process is not None:
        assert server.stop() == 0


def test_mail_is_handed_over_and_unknown_recipients_are_refused(
    exim: Exim, server: Server, endpoint: Endpoint
) -> None:
    server.inbox()
    server.webhook(endpoint.url, "message.received")
    said = exim.converse(
        "MAIL FROM:<zoe@people.test>",
        "RCPT TO:<nobody@localhost.test>",
        "RCPT TO:<support+news@localhost.test>",
        "DATA",
        "Subject: Hello\r\n\r\nIt works.\r\n.",
    )
    assert "\n550" in said, said
    exim.call("-qff")
    wait_until(lambda: endpoint.received)
    payload = endpoint.received[0].event["payload"]
    assert (payload["subject"], payload["envelopeFrom"]) == ("Hello", "zoe@people.test")
    assert "Completed" in exim.log()


def test_mail_waits_in_the_queue_while_the_server_is_down_and_arrives_once(
    exim: Exim, server: Server, endpoint: Endpoint
) -> None:
    server.inbox()
    server.webhook(endpoint.url, "message.received")
    assert server.stop() == 0
    exim.converse(
        "MAIL FROM:<zoe@people.test>",
        "RCPT TO:<support@localhost.test>",
        "DATA",
        "Subject: Late\r\n\r\nIt works.\r\n.",
    )
    assert "support@localhost.test" in exim.call("-bp")
    server.start()
    exim.call("-qff")
    assert exim.call("-bp") == ""
    wait_until(lambda: endpoint.received)
    assert len(server.call("GET", "/v1/events?type=message.received")) == 1


def test_the_recipe_routes_as_it_says(exim: Exim) -> None:
    routed = exim.call("-bt", "support@localhost.test")
    assert "router = sendook, transport = sendook_lmtp" in routed
    assert "undeliverable" in exim.call("-bt", "ann@elsewhere.test")
