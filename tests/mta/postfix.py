"""A private Postfix: own configuration, queue, log, users of the system, loopback only."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final, Self

from tests.e2e.server import wait_until
from tests.mta import debian

OWNER: Final = "daemon"
GROUP: Final = "mail"
"""Postfix wants a user and a group that are not root's and not those of ``nobody``. Debian's
package makes "postfix" and "postdrop"; these two are on every Debian, so nobody has to be made."""

RECIPE: Final = Path(__file__).parents[2] / "contrib" / "postfix" / "main.cf"

PAGE: Final = Path(__file__).parents[2] / "docs" / "growing.md"
GROWING: Final = re.compile(r"^(shop\.\S+) +(lmtp:unix:\S+)$", re.MULTILINE)

_PRIVATE: Final = "active bounce corrupt defer deferred flush hold incoming private saved trace"

_MASTER: Final = """
127.0.0.1:{gate}       inet n - n - - smtpd
127.0.0.1:{submission} inet n - n - - smtpd
    -o syslog_name=postfix/submission
    -o smtpd_reject_unlisted_recipient=no
    -o smtpd_recipient_restrictions=
pickup   unix n - n 60    1 pickup
cleanup  unix n - n -     0 cleanup
qmgr     unix n - n 300   1 qmgr
tlsmgr   unix - - n 1000? 1 tlsmgr
rewrite  unix - - n -     - trivial-rewrite
bounce   unix - - n -     0 bounce
defer    unix - - n -     0 bounce
trace    unix - - n -     0 bounce
verify   unix - - n -     1 verify
flush    unix n - n 1000? 0 flush
proxymap unix - - n -     - proxymap
smtp     unix - - n -     - smtp
showq    unix n - n -     - showq
error    unix - - n -     - error
retry    unix - - n -     - error
discard  unix - - n -     - discard
local    unix - n n -     - local
lmtp     unix - - y -     - lmtp
anvil    unix - - n -     1 anvil
scache   unix - - n -     1 scache
postlog  unix-dgram n - n - 1 postlogd
"""
"""Debian's master.cf, on ports of our own; in the chroot runs only the part that the recipe is
about, for a whole chroot needs copies of the system's files."""


class Postfix:
    """One instance in a directory that its users may enter; speaks SMTP on two ports.

    ``gate`` is port 25 of the recipe, ``submission`` takes mail without asking about recipients.
    ``sockets`` is the directory for the sockets of Sendook Lite, ``shop_sockets`` for those of a
    second instance that has the domain ``shop.localhost.test``; ``people.test`` is a domain whose
    only mailbox is ann's.
    """

    def __init__(self, root: Path, directory: Path) -> None:
        self.directory = directory
        self.sockets = directory / "spool" / "sendook"
        self.shop_sockets = directory / "spool" / "sendook-shop"
        self.mailbox = directory / "mail" / "ann"
        self.log_file = directory / "mail.log"
        self.gate, self.submission = free_port(), free_port()
        self._root = root
        self._conf = directory / "conf"
        self._environment = {**debian.environment(root), "MAIL_CONFIG": str(self._conf)}
        self._seen = 0
        self._master: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        self.directory.chmod(0o755)
        self._make_spool()
        self._configure()
        self._master = subprocess.Popen(
            [self._root / "usr/lib/postfix/sbin/master", "-c", self._conf, "-d"],
            env=self._environment,
            start_new_session=True,
        )
        wait_until(lambda: _listens(self.submission))
        return self

    def stop(self) -> None:
        """End the master; it ends its children."""
        assert self._master is not None
        self._master.send_signal(signal.SIGTERM)
        self._master.wait(30)

    def send(self, recipient: str, *, port: int | None = None, **headers: str) -> tuple[int, str]:
        """Send a mail with swaks; returns its exit code (0: taken) and what was said."""
        done = subprocess.run(
            [
                *("perl", self._root / "usr/bin/swaks"),
                *("--server", f"127.0.0.1:{port or self.submission}", "--helo", "client.test"),
                *("--from", "zoe@people.test", "--to", recipient),
                *(word for item in headers.items() for word in _header(*item)),
            ],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def queue(self) -> str:
        """Return the queue as JSON lines; empty when it is."""
        return self._tool("postqueue", "-j")

    def flush(self) -> None:
        """Try everything in the queue now."""
        self._tool("postqueue", "-f")

    def forget(self) -> None:
        """Throw everything in the queue away."""
        self._tool("postsuper", "-d", "ALL")
        self._seen = len(self.log_file.read_text())

    def log(self) -> str:
        """Return what was logged since the queue was last empty for a test."""
        return self.log_file.read_text()[self._seen :]

    def _tool(self, name: str, *arguments: str) -> str:
        return subprocess.run(
            [self._root / "usr/sbin" / name, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout

    def _make_spool(self) -> None:
        """Make the queue as ``postfix check`` does, which would own the unpacked tree as well."""
        spool = self.directory / "spool"
        (spool / "pid").mkdir(parents=True)
        for name in _PRIVATE.split():
            (spool / name).mkdir(mode=0o700)
            shutil.chown(spool / name, OWNER)
        for name, mode in (("maildrop", 0o730), ("public", 0o710)):
            (spool / name).mkdir()
            (spool / name).chmod(mode)
            shutil.chown(spool / name, OWNER, GROUP)
        (self.directory / "data").mkdir(mode=0o700)
        shutil.chown(self.directory / "data", OWNER)
        # What an alias delivers to a file is written as nobody.
        self.mailbox.parent.mkdir()
        shutil.chown(self.mailbox.parent, "nobody")

    def _configure(self) -> None:
        self._conf.mkdir()
        programs = self._root / "usr"
        recipe = RECIPE.read_text().replace(" = example.com", " = example.com, shop.example.com")
        # As docs/growing.md divides the mail, but for the second line, another machine.
        transport = GROWING.search(PAGE.read_text())
        assert transport is not None
        lines = [
            f"{recipe}\ntransport_maps = inline:{{{transport[1]}={transport[2]}}}".replace(
                "example.com", "localhost.test"
            ),
            "compatibility_level = 3.6",
            "myhostname = mx.people.test",
            "mydestination = people.test",
            f"alias_maps = inline:{{ann={self.mailbox}}}",
            # Users of the machine have addresses, too; their mail stays here.
            f"mail_spool_directory = {self.mailbox.parent}/",
            "inet_interfaces = 127.0.0.1",
            "inet_protocols = ipv4",
            f"queue_directory = {self.directory}/spool",
            f"data_directory = {self.directory}/data",
            f"meta_directory = {self._conf}",
            f"daemon_directory = {programs}/lib/postfix/sbin",
            f"shlib_directory = {programs}/lib/postfix",
            f"command_directory = {programs}/sbin",
            "import_environment = MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH",
            f"mail_owner = {OWNER}",
            f"setgid_group = {GROUP}",
            f"maillog_file = {self.log_file}",
            f"maillog_file_prefixes = {self.directory}",
            # Nothing here waits longer than a test likes to.
            "minimal_backoff_time = 1s",
            "maximal_backoff_time = 2s",
            "queue_run_delay = 1s",
        ]
        (self._conf / "main.cf").write_text("\n".join(lines) + "\n")
        (self._conf / "master.cf").write_text(
            _MASTER.format(gate=self.gate, submission=self.submission)
        )


def _header(name: str, value: str) -> tuple[str, str]:
    return f"--h-{name.replace('_', '-')}", value


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == os.EX_OK
