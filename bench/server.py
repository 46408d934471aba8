"""The server under test: the installed program as a process, with its defaults.

It differs from a fresh installation in where it listens, and in that it may deliver to plain http
on the loopback, where the receiver is.
"""

import json
import os
import sqlite3
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from bench.processes import Process, cpu_seconds, resident_megabytes

PROGRAM = Path(sys.executable).with_name("sendook-lite")
KEY = "sk_of_the_benchmarks_0123456789"
POLL_SECONDS = 0.005
PATIENCE_SECONDS = 120.0


class Server(Process):
    """A running server.

    Args:
        directory: holds its data and its log; made if it is missing.
        sockets: holds a directory for its sockets.
    """

    def __init__(self, directory: Path, sockets: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.database = directory / "data" / "sendook.db"
        with (directory / "log.jsonl").open("ab") as log:
            super().__init__(
                [PROGRAM, "serve", "--data-dir", directory / "data"],
                environment={
                    "PATH": os.environ["PATH"],
                    "HOME": str(directory),
                    "SENDOOK_API_KEY": KEY,
                    "SENDOOK_SERVER__LISTEN": "127.0.0.1:0",
                    "SENDOOK_SERVER__SOCKET_DIR": str(sockets / directory.name),
                    "SENDOOK_DELIVERY__ALLOW_HTTP": "true",
                    "SENDOOK_DELIVERY__ALLOW_NETWORKS": '["127.0.0.0/8"]',
                    "SENDOOK_LOG__FORMAT": "json",
                },
                log=log,
            )
        banner = self._read_banner()
        self.url = banner["API"].removesuffix("/v1")
        self.events, self.lmtp = (banner[door].removeprefix("unix:") for door in ("events", "mail"))

    def _read_banner(self) -> dict[str, str]:
        """Read what it prints when it is up: a name and where it is, on each line."""
        found: dict[str, str] = {}
        while not (line := self.hear()).startswith("Next:"):
            words = line.split()
            if line.startswith("  ") and len(words) > 1:
                found[words[0]] = words[1]
        return found

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
            return json.load(answer)

    def add_webhook(self, url: str, event: str) -> str:
        """Register a webhook for one kind of event; returns its id."""
        return str(self.call("POST", "/v1/webhooks", {"url": url, "events": [event]})["id"])

    def wait_until_settled(self, besides: int = 0) -> None:
        """Wait until no request is under way, but for so many, and every outcome is committed."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            facts = self.call("GET", "/health")["delivery"]
            if facts["inFlight"] <= besides and not facts["unsettled"]:
                return
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"deliveries do not come to an end: {facts}")

    def count(self, query: str, *parameters: object) -> int:
        """Look something up in its database."""
        connection = sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)
        try:
            return int(connection.execute(query, parameters).fetchone()[0])
        finally:
            connection.close()

    def last_body(self) -> bytes:
        """Return the body of the newest event, as webhooks get it."""
        connection = sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)
        try:
            query = "SELECT body FROM events ORDER BY seq DESC LIMIT 1"
            return bytes(connection.execute(query).fetchone()[0])
        finally:
            connection.close()

    def cpu(self) -> float:
        """Return the CPU time it has used, in seconds."""
        return cpu_seconds(self.pid)

    def memory(self) -> float:
        """Return its resident memory in MB."""
        return resident_megabytes(self.pid)
