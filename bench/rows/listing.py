"""B10: a page of an inbox with a hundred thousand messages, against one with a hundred."""

import time
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

from bench.mailbox import FEW, MANY, open_mailbox
from bench.pairs import SECONDS, Measured
from bench.server import KEY, Server
from bench.workshop import Workshop


def pages(workshop: Workshop) -> Measured:
    """Measure B10."""
    open_mailbox(workshop, "many", MANY)
    open_mailbox(workshop, "few", FEW)
    with workshop.server("many") as many, workshop.server("few") as few:
        ours, other = _Reader(many), _Reader(few)
        with closing(ours), closing(other):
            return workshop.compare(ours.milliseconds, other.milliseconds)


class _Reader:
    """Reads the first page of the only inbox, again and again, on one connection."""

    def __init__(self, server: Server) -> None:
        inbox = server.count("SELECT seq FROM inboxes")
        assert inbox == 1
        found = server.call("GET", "/v1/inboxes")
        self._path = f"/v1/inboxes/{found[0]['id']}/messages"
        self._connection = HTTPConnection(urlsplit(server.url).netloc)
        self.milliseconds(0.5)

    def milliseconds(self, seconds: float = SECONDS) -> float:
        """Read pages for so many seconds; returns how long one took on average."""
        begun, count = time.monotonic(), 0
        while time.monotonic() < begun + seconds:
            self._connection.request("GET", self._path, headers={"authorization": f"Bearer {KEY}"})
            with self._connection.getresponse() as answer:
                answer.read()
            count += 1
        return (time.monotonic() - begun) / count * 1000

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()
