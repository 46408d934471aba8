"""Runs the installed program as its users do: a process, told by environment and options."""

import contextlib
import inspect
import json
import linecache
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ONE_FILE = os.environ.get("SENDOOK_ONE_FILE")
"""The program in one file, where it is that which is to be tested; it needs nothing of the PATH."""

PROGRAM = ONE_FILE or str(Path(sys.executable).with_name("sendook-lite"))
KEY = "sk_of_the_end_to_end_tests"
START_SECONDS = 30
LOG_LINES = 30
"""How much of the log is told when something is waited for in vain."""


class Server:
    """One data directory and the process that serves it; may be killed and started again."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.environment = {
            "PATH": "" if ONE_FILE else os.environ["PATH"],
            "HOME": str(data_dir),
            "SENDOOK_API_KEY": KEY,
            "SENDOOK_SERVER__LISTEN": "127.0.0.1:0",
            "SENDOOK_SERVER__MIN_FREE_BYTES": "1048576",
            "SENDOOK_LOG__FORMAT": "json",
            **environment,
        }
        self.process: subprocess.Popen[str] | None = None
        self.url = ""
        self.banner = ""

    def start(self, *options: str) -> Self:
        with (self.data_dir.parent / "log.jsonl").open("a") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "serve", "--dev", "--data-dir", str(self.data_dir), *options],
                cwd=self.data_dir.parent,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.banner = self._read_banner()
        match = re.search(r"http://\S+?(?=/v1)", self.banner)
        assert match, f"the program did not start:\n{self.banner}\n{self.log()}"
        self.url = match[0]
        return self

    def _read_banner(self) -> str:
        """Read what is printed until the last line of the banner, or the end."""
        assert self.process is not None
        assert self.process.stdout is not None
        text = ""
        deadline = time.monotonic() + START_SECONDS
        while "--help lists" not in text and time.monotonic() < deadline:
            if select.select([self.process.stdout], [], [], 1)[0]:
                chunk = os.read(self.process.stdout.fileno(), 65536).decode()
                if not chunk:
                    break
                text += chunk
        return text

    def log(self) -> str:
        return (self.data_dir.parent / "log.jsonl").read_text()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def serving_pid(self) -> int:
        """The process that holds the data directory; a child where the program is one file."""
        return int((self.data_dir / "lock").read_text())

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        code = self.process.wait(60)
        self.process.stdout.close()
        self.process = None
        return code

    def call(self, method: str, path: str, body: Any = None, key: str = KEY) -> Any:
        """Call the API; raises HTTPError for errors."""
        request = Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def state(self) -> str:
        """Tell all that helps to understand why something does not happen; it raises nothing."""
        lines = [f"server: {self.url or 'never was up'}"]
        if self.process is None or (code := self.process.poll()) is not None:
            lines.append("process: gone" if self.process is None else f"process: ended with {code}")
        else:
            for path in ("/health", "/readyz", "/v1/deliveries?status=pending&limit=5"):
                try:
                    lines.append(f"{path}: {self.call('GET', path)}")
                except OSError as error:  # HTTP errors are some, too
                    lines.append(f"{path}: {error}")
        return "\n".join([*lines, "end of its log:", *self.log().splitlines()[-LOG_LINES:]])

    def wait_until(self, condition: Callable[..., Any], seconds: float = 30) -> None:
        """Wait until something is so; a wait in vain tells the state of this server."""
        wait_until(condition, seconds, self.state)

    def error(self, method: str, path: str, body: Any = None, key: str = KEY) -> tuple[int, Any]:
        """Call the API for an error; returns status and envelope."""
        try:
            self.call(method, path, body, key)
        except HTTPError as error:
            with error:
                return error.code, json.load(error)
        raise AssertionError("the call succeeded")

    def inbox(self, email: str = "support@localhost.test") -> dict[str, Any]:
        return dict(self.call("POST", "/v1/inboxes", {"name": "Support", "email": email}))

    def webhook(self, url: str, *events: str, **fields: Any) -> dict[str, Any]:
        body = {"url": url, "events": list(events), **fields}
        return dict(self.call("POST", "/v1/webhooks", body))

    def events_socket(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.data_dir / "events.sock"))
        return connection

    def run(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run another command of the program against this server."""
        return subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.data_dir.parent,
            env={**self.environment, "SENDOOK_SERVER__DATA_DIR": str(self.data_dir)},
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the process is gone")


def push(server: Server, count: int, event: str = "message.sent") -> None:
    """Push events through the event socket and see each of them accepted."""
    lines = [
        json.dumps({"event": event, "from": "a@b.example", "recipient": f"{number}@c.example"})
        for number in range(count)
    ]
    with server.events_socket() as connection:
        pusher = threading.Thread(
            target=connection.sendall, args=(("\n".join(lines) + "\n").encode(),)
        )
        pusher.start()
        with connection.makefile("rb") as answers:
            for _ in range(count):
                assert json.loads(answers.readline())["ok"]
        pusher.join()


def wait_until(
    condition: Callable[..., Any], seconds: float = 30, state: Callable[[], str] = str
) -> None:
    """Wait until something is so; how long it takes is nobody's business here.

    Args:
        condition: what is waited for; where it stands is told when that was in vain.
        seconds: how long.
        state: tells what else there is to know then.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            code = condition.__code__ if inspect.isfunction(condition) else None
            where = f"{code.co_filename}:{code.co_firstlineno}" if code else repr(condition)
            line = linecache.getline(code.co_filename, code.co_firstlineno).strip() if code else ""
            raise AssertionError(f"waited {seconds} s in vain at {where}\n{line}\n{state()}")
        time.sleep(0.02)


def free_port() -> int:
    """Return a port that nobody listens on; for programs that cannot be told to choose one.

    Below those that systems give out by themselves: else, while a killed server is started again,
    another test's may be given its port.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port
