"""Does what README's five minutes say, in an empty directory, alone on a network of its own.

Started by ``test_quick_start`` with its directory and the address of the receiver, in a network
namespace: the ports are those that README prints, whoever else uses them on this machine.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from tests.docs.pages import blocks

SECONDS = 60
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1


def bring_up_loopback() -> None:
    with socket.socket() as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _IFF_UP))


class Terminal:
    """A command with a terminal of its own, and what it has printed."""

    def __init__(self, command: str) -> None:
        self.printed = ""
        self._screen, inner = pty.openpty()
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"], stdin=inner, stdout=inner, stderr=inner
        )
        os.close(inner)

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = re.search(pattern, self.printed)
            if found:
                return found
            if select.select([self._screen], [], [], 0.2)[0]:
                try:
                    self.printed += os.read(self._screen, 65536).decode()
                except OSError:  # the command has ended
                    break
        raise AssertionError(f"{pattern} was never printed:\n{self.printed}")

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(SECONDS) == 0, self.printed


def main(serve: str) -> None:
    bring_up_loopback()
    _, second, third = [block.text for block in blocks("sh") if block.page == "README.md"][:3]
    server = Terminal(serve)
    key = server.wait_for(r"sk_[\w-]+")[0]
    server.wait_for("--help lists")
    receiver = Terminal(second)
    receiver.wait_for("8466")
    done = subprocess.run(
        ["/bin/sh", "-c", third.replace("sk_…", key)],
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    receiver.wait_for("message.received")
    print(
        json.dumps(
            {
                "exit": done.returncode,
                "answers": done.stdout.decode(),
                "errors": done.stderr.decode(),
                "received": receiver.printed,
                "left": sorted(str(path) for path in Path().iterdir()),
            }
        )
    )
    receiver.end()
    server.end()


if __name__ == "__main__":
    main(sys.argv[1])
